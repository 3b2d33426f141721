//! Classes of work.

use piecework_interface::view;
use serde::{Deserialize, Serialize};

/// A registered class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = RegisteredClass))]
pub struct Class {
    /// The record, as the contract's view answers it.
    #[serde(flatten)]
    pub record: view::Class,
    /// Account id of the owner.
    #[cfg_attr(feature = "schema", schema(example = "labels.test.near"))]
    pub owner_id: String,
    /// Last journal line that changed it.
    pub updated_seq: u64,
}
