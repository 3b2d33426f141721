//! Blobs.

use serde::{Deserialize, Serialize};

/// A stored blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stored {
    /// Its SHA-256, hex.
    pub sha256: String,
}
