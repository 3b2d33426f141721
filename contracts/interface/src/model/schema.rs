//! What schemas say where a type's own fields are not its JSON: bytes and sets as text, and the variants that have them.

use serde::Serialize;
use utoipa::ToSchema;

/// 32 bytes in hexadecimal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-fA-F]{64}$")]
pub struct Hex32(pub String);

/// Bytes in hexadecimal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^([0-9a-fA-F]{2})*$")]
pub struct HexBytes(pub String);

/// A set of items of a lot, bit i for item i: 16 hex digits in the API, a number where the contract answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
pub struct ItemSet(pub String);

/// A slot's phase, [`crate::model::view::SlotPhase`].
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotPhase {
    /// Claimed; holds until this Unix time, seconds.
    Reserved(u32),
    /// Bound to a commitment.
    Committed(Hex32),
    /// Answers shown: judged items × width bytes.
    Revealed(HexBytes),
}
