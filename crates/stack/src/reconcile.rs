//! The indexer's own comparison of the mirror with the contract, row by row.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::{process::command, site::Site};

/// What `piecework-indexer reconcile` found.
#[derive(Clone, Debug, Deserialize)]
pub struct Reconciled {
    /// The block at which both were read.
    pub height: u64,
    /// Rows that were compared.
    pub rows: u64,
    /// Rows that differ from the contract's views.
    pub mismatches: Vec<Value>,
    /// Whether the stored journal's head is the contract's.
    pub journal_verified: bool,
    /// Whether the contract holds what it owes.
    pub conserved: bool,
    /// Whether every row equals the contract's views.
    pub mirror_equal: bool,
}

impl Reconciled {
    /// Whether nothing differs.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.journal_verified && self.conserved && self.mirror_equal && self.mismatches.is_empty()
    }
}

/// Compares every mirrored row with the contract's views at one block.
///
/// # Errors
/// If the comparison cannot be made.
pub async fn reconcile(site: &Site) -> anyhow::Result<Reconciled> {
    let indexer = &site.programs.indexer;
    let run = command(indexer).arg("reconcile").envs(site.environment()).kill_on_drop(true).output();
    let output = run.await.with_context(|| format!("{} cannot be run", indexer.display()))?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no reconciliation: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
