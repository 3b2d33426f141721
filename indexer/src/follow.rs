//! The loop: next block, plan, commit. What may pass is tried again with a growing pause; everything else stops it.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use piecework_chain::{BlockSourceError, CryptoHash, FinalBlock, StreamBlocks};
use piecework_store::{DatabaseUrl, cursor};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    commit::{CommitError, Writer},
    metrics,
    plan::{PlanError, Planner},
    progress::Progress,
};

/// Blocks of one transaction at most, when behind.
const BLOCKS_MAX: usize = 256;
/// Journal lines after which a transaction is closed.
const LINES_MAX: usize = 4_096;
/// A planned block waits at most this long for others to share its transaction.
const GATHER: Duration = Duration::from_millis(50);
/// First and longest pause before trying again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Restarts of a stalled source without a single block, after which the process gives up.
const STALLS_MAX: u32 = 5;

/// What is mirrored, and where to.
#[derive(Clone, Debug)]
pub struct FollowConfig {
    /// The database.
    pub database: DatabaseUrl,
    /// The contract.
    pub contract: String,
    /// The chain's id.
    pub chain_id: String,
    /// A source that gives no block for this long, although the chain goes on, is started anew.
    pub stall_after: Duration,
    /// Statements of the writer are cancelled after this long.
    pub statement_timeout: Duration,
}

/// Why mirroring stopped.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The chain could not be read.
    #[error("the chain cannot be followed")]
    Source(#[from] BlockSourceError),
    /// A block does not follow from the mirror.
    #[error("a block cannot be mirrored")]
    Plan(#[from] PlanError),
    /// The database refused.
    #[error("the mirror cannot be written")]
    Commit(#[from] CommitError),
    /// The cursor's hash is not one.
    #[error("the cursor's block hash {0} is not base58: the database was changed by hand")]
    CursorHash(String),
    /// The chain goes on and the source gives nothing.
    #[error("no block for {seconds} s although the chain went on to height {chain_height}: the RPC endpoint hangs")]
    Stalled {
        /// How long.
        seconds: u64,
        /// Where the chain stands.
        chain_height: u64,
    },
}

impl FollowError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => !error.is_fatal(),
            Self::Commit(error) => error.is_transient(),
            Self::Stalled { .. } => true,
            Self::Plan(_) | Self::CursorHash(_) => false,
        }
    }

    /// The part that failed, as metrics name it.
    const fn part(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Plan(_) => "plan",
            Self::Commit(_) | Self::CursorHash(_) => "database",
            Self::Stalled { .. } => "stall",
        }
    }
}

/// Mirrors blocks until `stop`. `source` makes a fresh block source; it is called again after every interruption.
///
/// # Errors
/// Something that trying again cannot mend, or a source that stalled too often.
pub async fn follow<S: StreamBlocks>(
    config: &FollowConfig,
    source: impl Fn() -> S,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<(), FollowError> {
    let (mut pause, mut stalls) = (PAUSE.0, 0);
    loop {
        let before = progress.snapshot().height;
        let error = match session(config, source(), progress, stop).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        metrics::interrupted(error.part());
        if progress.snapshot().height > before {
            (pause, stalls) = (PAUSE.0, 0);
        }
        stalls += u32::from(matches!(error, FollowError::Stalled { .. }));
        if !error.is_transient() || stalls >= STALLS_MAX {
            return Err(error);
        }
        let report = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(error = report, pause_ms = pause.as_millis(), "interrupted, trying again");
        progress.interrupted(report);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// One life of a database connection and a block source.
async fn session<S: StreamBlocks>(
    config: &FollowConfig,
    mut source: S,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<(), FollowError> {
    let opened = Writer::open(&config.database, &config.contract, &config.chain_id, config.statement_timeout);
    let (mut writer, loaded) = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        opened = opened => opened?,
    };
    let mut planner = Planner::new(loaded);
    progress.committed(planner.committed());
    tracing::info!(height = planner.committed().height, next_seq = planner.committed().root.seq, "mirror loaded");
    let mut first_planned = Instant::now();
    // The final head when the last block came, or when it was last looked for in vain.
    let mut head_before = None;
    loop {
        let gathered = planner.blocks() > 0;
        let patience = if gathered { GATHER.saturating_sub(first_planned.elapsed()) } else { config.stall_after };
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = timeout(patience, source.next(chain_cursor(planner.planned())?)) => next,
        };
        let behind = match next {
            Ok(block) => {
                let block = block?;
                if !gathered {
                    first_planned = Instant::now();
                }
                head_before = Some(block.head_height);
                plan(&mut planner, &block)?;
                block.head_height > block.height
            }
            Err(_) if gathered => false,
            Err(_) => {
                // The newest block is complete only once the next one is final, so a chain that stands still gives none.
                let chain_height = progress.snapshot().chain_height;
                if head_before.is_some_and(|before| chain_height > before) {
                    return Err(FollowError::Stalled { seconds: config.stall_after.as_secs(), chain_height });
                }
                head_before = Some(chain_height);
                continue;
            }
        };
        let full = planner.blocks() >= BLOCKS_MAX || planner.change().events.len() >= LINES_MAX;
        if !behind || full || first_planned.elapsed() >= GATHER {
            commit(&mut writer, &mut planner, progress).await?;
        }
    }
    if planner.blocks() > 0 {
        commit(&mut writer, &mut planner, progress).await?;
    }
    Ok(())
}

fn plan(planner: &mut Planner, block: &FinalBlock) -> Result<(), FollowError> {
    let began = Instant::now();
    planner.apply(block)?;
    metrics::planned(began.elapsed());
    Ok(())
}

async fn commit(writer: &mut Writer, planner: &mut Planner, progress: &Progress) -> Result<(), FollowError> {
    let (began, blocks, lines) = (Instant::now(), planner.blocks(), planner.change().events.len());
    writer.commit(planner).await?;
    metrics::committed(began.elapsed(), blocks, lines);
    if lines > 0 {
        let cursor = planner.committed();
        tracing::debug!(height = cursor.height, next_seq = cursor.root.seq, blocks, lines, "committed");
    }
    progress.committed(planner.committed());
    Ok(())
}

fn chain_cursor(cursor: &cursor::Cursor) -> Result<Option<piecework_chain::Cursor>, FollowError> {
    let Some(hash) = &cursor.hash else { return Ok(None) };
    let parsed = CryptoHash::from_str(hash).map_err(|_| FollowError::CursorHash(hash.clone()))?;
    Ok(Some(piecework_chain::Cursor { height: cursor.height, hash: parsed }))
}
