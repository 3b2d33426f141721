//! Compares the whole mirror with the contract's own views at the same block.
//!
//! The rows are read in one `REPEATABLE READ` transaction, the views at the cursor's block hash. Both sides are the same
//! types, compared by `==`: a field that a later version adds cannot go unverified.

mod compare;
mod journal;
mod money;
mod views;

pub use compare::Mismatch;
pub use journal::JournalPoint;
pub use money::{NearSum, TokenSum};

use std::{str::FromStr as _, time::Instant};

use piecework_chain::{AccountId, BlockRef, CryptoHash, RpcClient, ViewError};
use piecework_store::{PgConnection, StoreError, begin_snapshot, load::mirror_load, reconciliation::Reconciliation};
use serde::Serialize;

/// Why the comparison could not be made. What it finds is in the [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database failed.
    #[error("the mirror cannot be read")]
    Store(#[from] StoreError),
    /// A view failed.
    #[error("the contract's views cannot be read at the mirror's block")]
    View(#[from] ViewError),
    /// Nothing to compare yet.
    #[error("the mirror holds no block yet: let piecework-indexer run first")]
    Empty,
    /// The database mirrors another contract.
    #[error("the database mirrors {found}, not {wanted}")]
    OtherContract {
        /// Contract in the database.
        found: String,
        /// Contract that was asked for.
        wanted: String,
    },
    /// The cursor's hash is not one.
    #[error("the cursor's block hash {0} is not base58: the database was changed by hand")]
    CursorHash(String),
    /// The contract does not exist at the mirror's block.
    #[error("the account {0} does not exist at the mirror's block")]
    NoAccount(AccountId),
    /// A token's account cannot be asked.
    #[error("the listed token {0} has no valid account id")]
    TokenAccount(String),
}

/// What a reconciliation found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Block at which both sides were read.
    pub height: u64,
    /// Its hash, base58.
    pub hash: String,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Rows compared: root, configuration, classes, tokens, accounts, balances, nodes, their classes, batches, lots,
    /// slots.
    pub rows: u64,
    /// Rows that differ or exist on one side only.
    pub mismatches: Vec<Mismatch>,
    /// Whether the head recomputed from the stored lines is the contract's.
    pub journal_verified: bool,
    /// Lines hashed for that.
    pub journal_lines: u64,
    /// Where the journal stands: the next run may begin here.
    #[serde(skip)]
    pub journal: JournalPoint,
    /// Whether every token's and NEAR's debts are covered by what the contract holds.
    pub conserved: bool,
    /// Debts and holdings per NEP-141 token.
    pub tokens: Vec<TokenSum>,
    /// Debts and holdings in NEAR.
    pub near: NearSum,
    /// Whether nothing differs.
    pub mirror_equal: bool,
    /// Wall time, milliseconds.
    pub took_ms: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.mirror_equal && self.journal_verified && self.conserved
    }

    /// The row that keeps this report.
    #[must_use]
    pub fn row(&self) -> Reconciliation {
        Reconciliation {
            height: self.height,
            hash: self.hash.clone(),
            block_at: self.block_at,
            took_ms: self.took_ms,
            rows: self.rows,
            mismatches: u64::try_from(self.mismatches.len()).unwrap_or(u64::MAX),
            ok: self.ok(),
            // The report has no maps with keys that are not strings, so this cannot fail.
            report: serde_json::to_value(self).unwrap_or_default(),
        }
    }
}

/// Compares the mirror behind `conn` with the contract. Lines before `from` are not hashed again: pass
/// [`JournalPoint::default`] to verify the whole journal.
///
/// # Errors
/// A side cannot be read.
pub async fn reconcile(
    conn: &mut PgConnection,
    rpc: &RpcClient,
    contract: &AccountId,
    from: JournalPoint,
) -> Result<Report, ReconcileError> {
    let began = Instant::now();
    let mut tx = begin_snapshot(conn).await?;
    let loaded = mirror_load(&mut tx).await?.ok_or(ReconcileError::Empty)?;
    let (journal, journal_lines) = journal::hash_lines(&mut tx, from).await?;
    let ledger = piecework_store::audit::ledger_difference_list(&mut tx).await?;
    // A snapshot that stays open holds back vacuum, and the views may take long.
    tx.rollback().await.map_err(StoreError::from)?;

    let cursor = &loaded.cursor;
    if cursor.stream != contract.as_str() {
        return Err(ReconcileError::OtherContract { found: cursor.stream.clone(), wanted: contract.to_string() });
    }
    let hash = cursor.hash.clone().ok_or(ReconcileError::Empty)?;
    let block = BlockRef::Hash(CryptoHash::from_str(&hash).map_err(|_| ReconcileError::CursorHash(hash.clone()))?);

    let views = views::read(rpc, contract, block, &loaded.mirror).await?;
    let compared = compare::compare(&loaded, &views, &ledger);
    let (tokens, near) = money::sums(rpc, contract, block, &loaded.mirror).await?;
    Ok(Report {
        height: cursor.height,
        hash,
        block_at: cursor.timestamp_ns / 1_000_000_000,
        rows: compared.rows,
        mirror_equal: compared.mismatches.is_empty(),
        mismatches: compared.mismatches,
        journal_verified: journal.seq == views.root.seq && journal.head == views.root.head,
        journal_lines,
        journal,
        conserved: near.covered && tokens.iter().all(|token| token.covered),
        tokens,
        near,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}
