//! Calls of reward tokens.

use piecework_interface::{
    call::{BatchSpec, CALL_GAS, DepositMessage, FOR, TRANSFER_CALL_GAS},
    ids::AccountNo,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Call;

const TGAS: u64 = 1_000_000_000_000;

/// What a reward token is made of.
#[derive(Clone, Debug, Serialize)]
pub struct TokenSpec {
    /// Name.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
}

/// Initializes a reward token that `owner_id` mints up to `cap`.
#[must_use]
pub fn new(owner_id: &str, cap: u128, spec: &TokenSpec) -> Call {
    let metadata = json!({ "spec": "ft-1.0.0", "name": spec.name, "symbol": spec.symbol, "decimals": spec.decimals });
    let args = json!({ "owner_id": owner_id, "total_supply_cap": cap.to_string(), "metadata": metadata });
    Call { method: "new", args: crate::json(&args), gas: 20 * TGAS, deposit: 0 }
}

/// Mints tokens to an account that is registered with the token.
#[must_use]
pub fn mint(account_id: &str, amount: u128) -> Call {
    let args = json!({ "account_id": account_id, "amount": amount.to_string() });
    Call { method: "mint", args: crate::json(&args), gas: CALL_GAS, deposit: 1 }
}

/// Credits tokens to the sender's internal balance with the coordinator `contract`.
#[must_use]
pub fn deposit(contract: &str, amount: u128) -> Call {
    transfer_call(contract, amount, &message(&DepositMessage::Deposit {}, None))
}

/// Credits tokens to another account's internal balance with the coordinator `contract`: it is registered there and has room.
#[must_use]
pub fn deposit_for(contract: &str, amount: u128, receiver_id: &str) -> Call {
    transfer_call(contract, amount, &message_for(&DepositMessage::Deposit {}, receiver_id))
}

/// Pays `escrow` for a batch and creates it in one call.
#[must_use]
pub fn batch_create(contract: &str, escrow: u128, batch: BatchSpec) -> Call {
    transfer_call(contract, escrow, &message(&DepositMessage::CreateBatch(batch), None))
}

/// Sends tokens with a message.
#[must_use]
pub fn transfer_call(receiver_id: &str, amount: u128, message: &str) -> Call {
    let args = json!({ "receiver_id": receiver_id, "amount": amount.to_string(), "msg": message });
    Call { method: "ft_transfer_call", args: crate::json(&args), gas: TRANSFER_CALL_GAS, deposit: 1 }
}

/// The `msg` of a transfer to the coordinator; `account` is the sender's number, which spares it a look-up.
#[must_use]
pub fn message(message: &DepositMessage, account: Option<AccountNo>) -> String {
    let mut value = serde_json::to_value(message).unwrap_or_default();
    if let (Value::Object(fields), Some(account)) = (&mut value, account) {
        fields.insert("account".to_owned(), account.0.into());
    }
    value.to_string()
}

/// The `msg` of a transfer that another account gets, with the batch that it may create.
#[must_use]
pub fn message_for(message: &DepositMessage, receiver_id: &str) -> String {
    let mut value = serde_json::to_value(message).unwrap_or_default();
    for object in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        object[FOR] = receiver_id.into();
    }
    value.to_string()
}
