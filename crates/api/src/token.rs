//! Tokens.

use piecework_interface::view;
use serde::{Deserialize, Serialize};

/// A listed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Token {
    /// The contract's row.
    #[serde(flatten)]
    pub row: view::Token,
    /// Symbol, as the token contract says; null while that is not known.
    #[cfg_attr(feature = "schema", schema(example = "USDC"))]
    pub symbol: Option<String>,
    /// Digits after the point of an amount in whole tokens; null while that is not known.
    pub decimals: Option<u8>,
}
