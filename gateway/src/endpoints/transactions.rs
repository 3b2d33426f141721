//! Transactions that a wallet signs: nothing is sent or stored here.

pub mod batch_append;
pub mod batch_cancel;
pub mod batch_create;
pub mod batch_extend_expiry;
pub mod batch_forget;
pub mod batch_skip_lots;
pub mod challenge;
pub mod deposit;
pub mod intent_key_add;
pub mod intent_key_remove;
pub mod storage_deposit;
pub mod storage_withdraw;
pub mod withdraw;

#[cfg(test)]
mod tests;
