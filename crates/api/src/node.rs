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
    /// What settled slots paid, by token.
    pub earned: Vec<Balance>,
    /// What was taken from the stake so far, yoctoNEAR.
    pub slashed: Amount,
    /// Items for which its answer was the accepted one.
    pub agreed_items: u64,
    /// Last journal line that changed its account, its balances or the node.
    pub updated_seq: u64,
}
