//! Payouts.

use near_sdk::{Gas, GasWeight, NearToken, Promise, PromiseError, env, near};
use piecework_interface::{
    amount::Amount,
    call::WithdrawArgs,
    ids::{AccountNo, TokenId},
};

use super::{Coordinator, CoordinatorExt, account_id, call};
use crate::engine::Transfer;

/// Fixed gas of the token's `ft_transfer`.
const TRANSFER_GAS: Gas = Gas::from_tgas(15);
/// Fixed gas of the callback: enough to restore, whatever the caller attached.
const CALLBACK_GAS: Gas = Gas::from_tgas(8);
/// `ft_transfer` answers nothing. A longer answer is a success all the same; it is only not read.
const ANSWER_BYTES_MAX: usize = 64;

#[near]
impl Coordinator {
    /// Debits the caller and sends the amount. One yoctoNEAR, which goes along with a token transfer.
    pub fn withdraw(token: TokenId, amount: Option<Amount>) -> Promise {
        let transfer = call(|engine| engine.withdraw(WithdrawArgs { token, amount }));
        let Transfer { account, account_id: receiver, token, token_account_id, amount } = transfer;
        let sent = match token_account_id {
            None => Promise::new(account_id(&receiver)).transfer(NearToken::from_yoctonear(amount)),
            Some(token_account) => {
                // Both values are free of characters that JSON escapes: an account id and a number.
                let args = ["{\"receiver_id\":\"", &receiver, "\",\"amount\":\"", &amount.to_string(), "\"}"].concat();
                Promise::new(account_id(&token_account)).function_call_weight(
                    "ft_transfer",
                    args.into_bytes(),
                    NearToken::from_yoctonear(1),
                    TRANSFER_GAS,
                    GasWeight(0),
                )
            }
        };
        let args = borsh::to_vec(&(account, token, amount)).unwrap_or_default();
        sent.then(Promise::new(env::current_account_id()).function_call_weight(
            "on_withdrawn",
            args,
            NearToken::from_yoctonear(0),
            CALLBACK_GAS,
            GasWeight(0),
        ))
    }

    /// The transfer's answer. Only the contract itself.
    #[private]
    pub fn on_withdrawn(
        #[serializer(borsh)] account: AccountNo,
        #[serializer(borsh)] token: TokenId,
        #[serializer(borsh)] amount: u128,
    ) {
        // Only a failed promise is certainly not paid.
        let ok = !matches!(env::promise_result_checked(0, ANSWER_BYTES_MAX), Err(PromiseError::Failed));
        call(|engine| engine.on_withdrawn(account, token, amount, ok));
    }
}
