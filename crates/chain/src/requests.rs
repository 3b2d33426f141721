//! Transactions about accounts and keys; calls of contracts are in `piecework-client`.

use piecework_client::calls::MACHINE_METHODS;

use crate::{AccountId, NearToken, PublicKey, TxRequest};

/// Creates `account_id` with a full-access key and a balance in yoctoNEAR.
#[must_use]
pub fn account_create(account_id: AccountId, public_key: PublicKey, yoctonear: u128) -> TxRequest {
    let request = TxRequest::to(account_id).create_account().transfer(NearToken::from_yoctonear(yoctonear));
    request.add_full_access_key(public_key)
}

/// Gives a machine of the node's operator its own key.
#[must_use]
pub fn machine_key(account_id: AccountId, public_key: PublicKey, contract: &AccountId) -> TxRequest {
    TxRequest::to(account_id).add_function_call_key(public_key, contract, &MACHINE_METHODS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, KeyFile};

    #[test]
    fn machine_key__should_only_call_methods_without_deposit() {
        let key = KeyFile::generate("n.test".parse().unwrap());
        let request = machine_key(key.account_id, key.public_key, &"c.test".parse().unwrap());
        let Action::AddKey(action) = &request.actions[0] else { panic!("not an AddKey action") };
        let text = format!("{:?}", action.access_key.permission);
        assert!(text.contains("FunctionCall"), "{text}");
        assert!(!text.contains("\"withdraw\""), "{text}");
    }
}
