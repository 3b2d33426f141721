//! What a transaction did, receipt by receipt.
//!
//! A transaction that is final has not necessarily succeeded, and its first receipt's success says nothing
//! about the later ones, so a caller reads every receipt here, or asks [`Outcome::into_success`] to.

use crate::{AccountId, CryptoHash, Gas};
use near_primitives::errors::{ActionErrorKind, FunctionCallError, TxExecutionError};
use near_primitives::views::{ExecutionOutcomeWithIdView, ExecutionStatusView, FinalExecutionOutcomeView};

/// The outcome of a transaction and all its receipts.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The transaction.
    pub tx_hash: CryptoHash,
    /// The block that included it.
    pub block_hash: CryptoHash,
    /// Gas burnt by the transaction and all its receipts.
    pub gas_burnt: Gas,
    /// Every receipt, refunds included when the wait level covers them.
    pub receipts: Vec<ReceiptOutcome>,
    /// Why the transaction itself was refused after it was included (rare: its receipts then do not exist).
    pub refused: Option<ReceiptFailure>,
}

/// The outcome of one receipt.
#[derive(Clone, Debug)]
pub struct ReceiptOutcome {
    /// The receipt.
    pub receipt_id: CryptoHash,
    /// The block it ran in.
    pub block_hash: CryptoHash,
    /// The account it ran on.
    pub executor_id: AccountId,
    /// Gas burnt by this receipt alone.
    pub gas_burnt: Gas,
    /// Its log lines. A failed receipt keeps them although its effects are gone.
    pub logs: Vec<String>,
    /// How it ended.
    pub status: ReceiptStatus,
}

/// How a receipt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// It returned bytes, possibly none.
    Value(Vec<u8>),
    /// It returned another receipt's result.
    Receipt(CryptoHash),
    /// It failed and changed nothing.
    Failed(ReceiptFailure),
    /// Not executed yet.
    Pending,
}

/// A failed receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("receipt {receipt_id} failed on {executor_id}: {text}")]
pub struct ReceiptFailure {
    /// The receipt, or the transaction's hash if the transaction itself was refused.
    pub receipt_id: CryptoHash,
    /// The account it failed on.
    pub executor_id: AccountId,
    /// The stable code the contract's panic text starts with, such as `ERR_NOT_A_NODE`.
    pub code: Option<String>,
    /// The contract's panic text, or the chain's reason with its fix.
    pub text: String,
}

impl Outcome {
    /// The failures, in receipt order.
    pub fn failures(&self) -> impl Iterator<Item = &ReceiptFailure> {
        let receipts = self.receipts.iter().filter_map(|receipt| match &receipt.status {
            ReceiptStatus::Failed(failure) => Some(failure),
            _ => None,
        });
        self.refused.iter().chain(receipts)
    }

    /// All log lines, in receipt order.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.receipts.iter().flat_map(|receipt| receipt.logs.iter().map(String::as_str))
    }
}

impl From<FinalExecutionOutcomeView> for Outcome {
    fn from(view: FinalExecutionOutcomeView) -> Self {
        let conversion = view.transaction_outcome;
        let receipts: Vec<_> = view.receipts_outcome.into_iter().map(receipt).collect();
        let gas_burnt = receipts
            .iter()
            .fold(conversion.outcome.gas_burnt, |sum, receipt| sum.checked_add(receipt.gas_burnt).unwrap_or(Gas::MAX));
        let refused = match &conversion.outcome.status {
            ExecutionStatusView::Failure(error) => {
                Some(failure(conversion.id, conversion.outcome.executor_id.clone(), error))
            }
            _ => None,
        };
        Self { tx_hash: conversion.id, block_hash: conversion.block_hash, gas_burnt, receipts, refused }
    }
}

/// The text a person should read about a failed call.
pub(crate) fn call_error_text(error: &FunctionCallError) -> String {
    match error {
        FunctionCallError::ExecutionError(text) => {
            text.strip_prefix("Smart contract panicked: ").unwrap_or(text).to_owned()
        }
        other => format!("{other:?}"),
    }
}

/// The stable code (`ERR_…`) a contract's error text carries. Nodes wrap the panic text in words of their own,
/// so the code is looked for wherever a word starts.
pub(crate) fn error_code(text: &str) -> Option<String> {
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !is_code(c) && !c.is_ascii_lowercase())
        .find(|word| word.len() > "ERR_".len() && word.starts_with("ERR_") && word.chars().all(is_code))
        .map(str::to_owned)
}

fn receipt(view: ExecutionOutcomeWithIdView) -> ReceiptOutcome {
    let outcome = view.outcome;
    let status = match outcome.status {
        ExecutionStatusView::SuccessValue(value) => ReceiptStatus::Value(value),
        ExecutionStatusView::SuccessReceiptId(id) => ReceiptStatus::Receipt(id),
        ExecutionStatusView::Failure(error) => {
            ReceiptStatus::Failed(failure(view.id, outcome.executor_id.clone(), &error))
        }
        ExecutionStatusView::Unknown => ReceiptStatus::Pending,
    };
    ReceiptOutcome {
        receipt_id: view.id,
        block_hash: view.block_hash,
        executor_id: outcome.executor_id,
        gas_burnt: outcome.gas_burnt,
        logs: outcome.logs,
        status,
    }
}

fn failure(receipt_id: CryptoHash, executor_id: AccountId, error: &TxExecutionError) -> ReceiptFailure {
    let text = match error {
        TxExecutionError::ActionError(action) => match &action.kind {
            ActionErrorKind::FunctionCallError(error) => {
                let text = call_error_text(error);
                match text.contains("CodeDoesNotExist") {
                    true => format!("account {executor_id} holds no contract; deploy it first"),
                    false => text,
                }
            }
            ActionErrorKind::AccountDoesNotExist { account_id } => {
                format!("account {account_id} does not exist; create and fund it first")
            }
            ActionErrorKind::LackBalanceForState { account_id, amount } => {
                format!("account {account_id} cannot pay for its storage; send it {amount} or more")
            }
            ActionErrorKind::AccountAlreadyExists { account_id } => {
                format!("account {account_id} already exists; use it, or choose another name")
            }
            other => other.to_string(),
        },
        TxExecutionError::InvalidTxError(error) => error.to_string(),
    };
    ReceiptFailure { receipt_id, executor_id, code: error_code(&text), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_code__should_find_the_code_a_panic_text_starts_with() {
        assert_eq!(error_code("ERR_NOT_A_NODE: register first").as_deref(), Some("ERR_NOT_A_NODE"));
        let wrapped = r#"wasm execution failed: GuestPanic { panic_msg: "ERR_BATCH_CLOSED: batch 7" }"#;
        assert_eq!(error_code(wrapped).as_deref(), Some("ERR_BATCH_CLOSED"));
    }

    #[test]
    fn error_code__should_not_invent_one() {
        assert_eq!(error_code("The account alice is not registered"), None);
        assert_eq!(error_code("ERR_"), None);
        assert_eq!(error_code("MY_ERR_X and ERR_lower"), None);
    }

    #[test]
    fn call_error_text__should_drop_the_chains_prefix() {
        let error = FunctionCallError::ExecutionError("Smart contract panicked: ERR_X: y".to_owned());
        assert_eq!(call_error_text(&error), "ERR_X: y");
    }
}
