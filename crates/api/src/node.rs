//! Nodes.

use piecework_interface::{
    amount::Amount,
    ids::AccountNo,
    view::{self, Balance},
};
use serde::{Deserialize, Serialize};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Node {
    /// Account number.
    pub account: AccountNo,
    /// Account id.
    #[cfg_attr(feature = "schema", schema(example = "node1.test.near"))]
    pub account_id: String,
    /// The record, as the contract's view answers it.
    #[serde(flatten)]
    pub record: view::Node,
    /// What it was credited for its work: rewards, jurors' fees and parts of lost deposits, by token.
    pub earned: Vec<Balance>,
    /// What was taken from the stake so far, yoctoNEAR.
    pub slashed: Amount,
    /// Items for which its answer was the accepted one.
    pub agreed_items: u64,
    /// Last journal line that changed its account, its balances or the node.
    pub updated_seq: u64,
}

/// What stood behind a node in a range of journal lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StakeSpan {
    /// Account number.
    pub account: AccountNo,
    /// Account id.
    #[cfg_attr(feature = "schema", schema(example = "node1.test.near"))]
    pub account_id: String,
    /// Least stake from the range's beginning to its end, yoctoNEAR; 0 if it was registered within.
    pub least: Amount,
    /// Account numbers of all operators that it had in the range, ascending; empty if only its own account.
    pub operators: Vec<AccountNo>,
}
