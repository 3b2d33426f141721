//! What the gateway knows of a batch, as far as it is used here.

use piecework_interface::ids::BatchId;
use serde::Deserialize;

use crate::gateway::Gateway;

/// A batch of the gateway's.
#[derive(Debug, Deserialize)]
pub(super) struct Known {
    pub(super) items: u32,
    pub(super) lots: u32,
    /// Merkle root over the items' payload digests, hex.
    pub(super) manifest: String,
    pub(super) uri: String,
    pub(super) terms: KnownTerms,
    pub(super) counts: KnownCounts,
}

/// Its terms.
#[derive(Debug, Deserialize)]
pub(super) struct KnownTerms {
    pub(super) answer_width: u8,
    verification: KnownVerification,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownVerification {
    Consensus,
    Adjudicated {},
}

impl KnownTerms {
    /// Whether somebody scores the copies, instead of equal answers being counted.
    pub(super) const fn is_adjudicated(&self) -> bool {
        matches!(self.verification, KnownVerification::Adjudicated {})
    }
}

/// What is done of it.
#[derive(Debug, Deserialize)]
pub(super) struct KnownCounts {
    pub(super) settled_lots: u32,
    pub(super) accepted_items: u32,
    pub(super) unresolved_items: u32,
}

/// The batch, if the gateway has it.
///
/// # Errors
/// If the gateway cannot be asked.
pub(super) async fn known(gateway: &Gateway, batch: BatchId) -> anyhow::Result<Option<Known>> {
    gateway.get(&format!("/v1/batches/{batch}")).await
}
