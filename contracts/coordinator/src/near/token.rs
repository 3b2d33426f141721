//! The token registry and incoming tokens.

use near_sdk::near;
use piecework_interface::{
    amount::Amount,
    call::{DepositMessage, TokenListArgs},
    ids::TokenId,
};

use super::{Coordinator, CoordinatorExt, call};
use crate::engine::Error;

#[near]
impl Coordinator {
    /// Lists a NEP-141 token. Owner, one yoctoNEAR.
    pub fn token_list(account_id: String, min_reward: Amount, rep_unit: Amount, bond_rate: Amount) -> TokenId {
        call(|engine| engine.token_list(TokenListArgs { account_id, min_reward, rep_unit, bond_rate }))
    }

    /// Takes tokens in, NEP-141. Always uses the whole amount; an error makes the token refund it.
    pub fn ft_on_transfer(sender_id: String, amount: Amount, msg: String) -> &'static str {
        call(|engine| {
            let message: DepositMessage = serde_json::from_slice(msg.as_bytes())
                .map_err(|_| Error::Input("msg must be {\"deposit\":{}} or {\"create_batch\":{...}}"))?;
            engine.ft_on_transfer(sender_id, amount.0, message)
        });
        "0"
    }
}
