//! Seeded runs: a source that fails and a database whose connections are cut must give what a quiet run gives.

use super::paper::{CHAIN, CONTRACT, market, url};
use piecework_chain::{BlockSourceError, Cursor, FinalBlock, RpcError, StreamBlocks, blocks::Needs};
use piecework_indexer::{
    follow::{FollowConfig, FollowError, follow},
    progress::Progress,
    rebuild::rebuild,
};
use piecework_interface::event::VERSION;
use piecework_store::load::mirror_load;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const MIGRATED: &sqlx::migrate::Migrator = &piecework_store::connect::MIGRATIONS;

/// Gives the blocks of a paper chain, and fails as its dice say.
struct Source {
    blocks: Arc<Vec<FinalBlock>>,
    dice: Arc<Mutex<StdRng>>,
    /// Failures per hundred questions.
    faults: u32,
    pool: PgPool,
}

impl StreamBlocks for Source {
    async fn next(&mut self, after: Option<Cursor>) -> Result<FinalBlock, BlockSourceError> {
        let (fails, cuts, lag) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.random_range(0..100) < self.faults, dice.random_range(0..100) < self.faults, dice.random_range(0..3))
        };
        if cuts {
            cut(&self.pool).await;
        }
        if fails {
            return Err(BlockSourceError::Rpc(unreachable()));
        }
        let next = self.blocks.iter().find(|block| after.is_none_or(|after| block.height > after.height));
        match next {
            Some(block) => Ok(FinalBlock { head_height: block.height + lag, ..block.clone() }),
            None => std::future::pending().await,
        }
    }
}

fn unreachable() -> RpcError {
    RpcError::HttpStatus { endpoint: "http://paper".to_owned(), status: 503, fix: "wait", retry_after: None }
}

async fn cut(pool: &PgPool) {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'piecework-indexer' AND datname = current_database()")
        .execute(pool)
        .await
        .unwrap();
}

fn config(pool: &PgPool) -> FollowConfig {
    FollowConfig {
        database: url(pool),
        contract: CONTRACT.to_owned(),
        chain_id: CHAIN.to_owned(),
        stall_after: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
    }
}

/// Follows until the last block is committed, or `until` is cancelled.
async fn follow_all(pool: &PgPool, seed: u64, faults: u32) -> Result<(), FollowError> {
    let paper = market();
    let last = paper.blocks.last().unwrap().height;
    let blocks = Arc::new(paper.blocks);
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
    let source = || Source { blocks: blocks.clone(), dice: dice.clone(), faults, pool: pool.clone() };
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let (mut changes, stopped) = (progress.subscribe(), stop.clone());
    let watcher = tokio::spawn(async move {
        changes.wait_for(|now| now.height == last).await.unwrap();
        stopped.cancel();
    });
    let config = config(pool);
    let result =
        tokio::time::timeout(Duration::from_secs(120), follow(&config, source, &progress, &stop)).await.unwrap();
    watcher.abort();
    result
}

async fn assert_whole(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(&mirror_load(&mut conn).await.unwrap().unwrap().mirror, market().mirror());
    let rebuilt = rebuild(&mut conn).await.unwrap();
    assert!(rebuilt.ok(), "{rebuilt:?}");
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_mirror_a_quiet_chain(pool: PgPool) {
    follow_all(&pool, 0, 0).await.unwrap();
    assert_whole(&pool).await;
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_lose_and_invent_nothing_under_faults(pool: PgPool) {
    for seed in 1..=4 {
        sqlx::query("TRUNCATE cursor, blocks, receipts, events, reveals, config, tokens, accounts, balances, classes, nodes, node_classes, batches, segments, lots, slots, challenges, results, ledger, stakes")
            .execute(&pool)
            .await
            .unwrap();
        follow_all(&pool, seed, 5).await.unwrap();
        assert_whole(&pool).await;
    }
}

/// Gives no block, and says how often it was asked for one.
struct Silent(Arc<dyn Fn(u64) + Send + Sync>, Arc<AtomicU64>);

impl StreamBlocks for Silent {
    async fn next(&mut self, _: Option<Cursor>) -> Result<FinalBlock, BlockSourceError> {
        (self.0)(self.1.fetch_add(1, Ordering::Relaxed));
        std::future::pending().await
    }
}

/// Follows a silent source; `asked` runs at each question.
async fn follow_silent(
    pool: &PgPool,
    progress: &Progress,
    stop: &CancellationToken,
    asked: impl Fn(u64) + Send + Sync + 'static,
) -> Result<(), FollowError> {
    let config = FollowConfig { stall_after: Duration::from_millis(20), ..config(pool) };
    let (asked, count): (Arc<dyn Fn(u64) + Send + Sync>, _) = (Arc::new(asked), Arc::<AtomicU64>::default());
    let source = || Silent(asked.clone(), count.clone());
    tokio::time::timeout(Duration::from_secs(120), follow(&config, source, progress, stop)).await.unwrap()
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_wait_for_a_chain_that_stands_still(pool: PgPool) {
    // Given a final head above the mirror that does not move: its block is complete only with the next one.
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    progress.head_seen(100);
    // When twenty times the patience passes, then nothing is wrong.
    let stopped = stop.clone();
    let asked = move |count| {
        if count == 20 {
            stopped.cancel();
        }
    };
    follow_silent(&pool, &progress, &stop, asked).await.unwrap();
    assert_eq!(progress.snapshot().interrupted, None);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_end_when_the_chain_goes_on_and_the_source_gives_nothing(pool: PgPool) {
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let head = progress.clone();
    let result = follow_silent(&pool, &progress, &stop, move |count| head.head_seen(100 + count)).await;
    assert!(matches!(result, Err(FollowError::Stalled { .. })), "{result:?}");
}

/// Fails for ever, as a pruned endpoint does.
struct Pruned;

impl StreamBlocks for Pruned {
    async fn next(&mut self, _: Option<Cursor>) -> Result<FinalBlock, BlockSourceError> {
        let (needs, endpoint) = (Needs::Start(0), "http://paper".to_owned());
        Err(BlockSourceError::HistoryGone { needs, kept_from: 100, endpoint })
    }
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_end_at_once_when_its_blocks_are_not_kept_any_more(pool: PgPool) {
    let result = follow(&config(&pool), || Pruned, &Progress::default(), &CancellationToken::new()).await;
    assert!(matches!(result, Err(FollowError::Source(BlockSourceError::HistoryGone { .. }))), "{result:?}");
}

#[sqlx::test(migrator = "MIGRATED")]
async fn follow__should_stop_at_a_block_that_cannot_be_mirrored(pool: PgPool) {
    let mut blocks = market().blocks;
    let line = &mut blocks[5].receipts[0].logs[0];
    *line = line.replace(&format!("\"version\":\"{VERSION}\""), "\"version\":\"0.0.0\"");
    let height = blocks[4].height;
    let blocks = Arc::new(blocks);
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(0)));
    let source = || Source { blocks: blocks.clone(), dice: dice.clone(), faults: 0, pool: pool.clone() };
    let progress = Progress::default();
    let result = follow(&config(&pool), source, &progress, &CancellationToken::new()).await;
    assert!(matches!(result, Err(FollowError::Plan(_))), "{result:?}");
    let cursor = mirror_load(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap().cursor;
    assert!(cursor.height <= height, "{} is past the block", cursor.height);
}
