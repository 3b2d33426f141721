//! Transactions that a wallet signs: what is asked for, and what is to be signed.

use piecework_interface::{amount::Amount, call::BatchSpec, ids::TokenId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A transaction before it is signed: a batch of calls of one contract, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UnsignedTransaction {
    /// The contract that is called.
    #[cfg_attr(feature = "schema", schema(example = "piecework.near"))]
    pub receiver_id: String,
    /// The calls, in order.
    pub actions: Vec<FunctionCall>,
    /// What it does, in a sentence with amounts in the token's symbol and decimals.
    #[cfg_attr(feature = "schema", schema(example = "Sends 5 USDC out of the balance of alice.near to alice.near."))]
    pub description: String,
    /// Why it would fail if nothing else happens before: a balance or a storage deposit that is too small.
    pub warnings: Vec<String>,
}

/// A call of a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FunctionCall {
    /// Method.
    pub method_name: String,
    /// Arguments.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub args: Value,
    /// The same as the bytes to send, base64.
    pub args_base64: String,
    /// Gas to attach, a decimal string.
    #[cfg_attr(feature = "schema", schema(example = "10000000000000"))]
    pub gas: String,
    /// yoctoNEAR to attach.
    pub deposit: Amount,
}

/// Arguments of a method, and who is to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Signed<T> {
    /// Account that signs.
    pub signer_id: String,
    /// The arguments.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub args: T,
}

/// What pays for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PayFrom {
    /// The signer's internal balance.
    #[default]
    Balance,
    /// The signer's account with the token, by a transfer that brings the escrow and creates the batch.
    Token,
}

/// A batch to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchCreation {
    /// Reward token.
    pub token: TokenId,
    /// The batch.
    pub batch: BatchSpec,
    /// What pays for it.
    #[serde(default)]
    pub pay_from: PayFrom,
}

/// An amount of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenAmount {
    /// Token.
    pub token: TokenId,
    /// Amount, above 0.
    pub amount: Amount,
}

/// A deposit for storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StorageDeposit {
    /// Account that it is for; the signer when left out.
    #[serde(default)]
    pub account_id: Option<String>,
    /// yoctoNEAR.
    pub amount: Amount,
}
