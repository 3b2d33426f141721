//! The daemon: follower, head watcher, reconciler and health endpoints under one stop signal.

use std::{future::Future, time::Duration};

use anyhow::{Context as _, bail, ensure};
use piecework_chain::{BlockRef, Coordinator, RpcBlockSource, RpcClient, ViewError};
use piecework_daemon::{PrometheusHandle, announce, bind, router, serve};
use piecework_interface::view::Root;
use piecework_store::{
    DatabaseUrl, PgConnection, connect_one, cursor::cursor_find, migrate, reconciliation::reconciliation_insert,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Chain, RunConfig},
    follow::{FollowConfig, follow},
    metadata, metrics,
    progress::Progress,
    reconcile::{JournalPoint, Report, reconcile},
    serve::Mirroring,
};

/// Between two looks at the chain's head.
const HEAD_INTERVAL: Duration = Duration::from_secs(2);
/// Between two tries to reach what is needed at the start.
const START_INTERVAL: Duration = Duration::from_secs(1);
/// Heights asked for the contract's state before the mirror begins, one, two, four… below: most of them have a block.
const STATES_BEFORE: u32 = 6;

/// Runs until `stop`.
///
/// # Errors
/// The address is taken, the database cannot be migrated, or mirroring stopped for good.
pub async fn run(
    chain: Chain,
    database: DatabaseUrl,
    config: RunConfig,
    recorder: PrometheusHandle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = bind(config.listen, "--listen").await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, %database, contract = %chain.contract, "indexer starting");
    let Some(chain_id) = start(&chain, &database, &config, &stop).await? else {
        return Ok(());
    };

    let progress = Progress::default();
    let mirroring = Mirroring {
        contract: chain.contract.to_string(),
        chain_id: chain_id.clone(),
        progress: progress.clone(),
        lag_max_blocks: config.lag_max_blocks,
    };
    announce(&listener)?;

    // The tasks beside the follower end when it does, for whatever reason.
    let beside = stop.child_token();
    let server = tokio::spawn(serve(listener, router(mirroring, recorder), beside.clone()));
    let watcher = tokio::spawn(until(beside.clone(), watch_head(chain.rpc.clone(), progress.clone())));
    let reconciler = tokio::spawn(until(
        beside.clone(),
        reconcile_often(chain.clone(), database.clone(), config.clone(), progress.clone()),
    ));

    let names = tokio::spawn(until(
        beside.clone(),
        metadata::ask_often(chain.clone(), database.clone(), config.statement_timeout()),
    ));

    let follow_config = FollowConfig {
        database,
        contract: chain.contract.to_string(),
        chain_id,
        stall_after: Duration::from_secs(config.stall_after_s),
        statement_timeout: config.statement_timeout(),
    };
    let source = || RpcBlockSource::new(chain.rpc.clone(), config.source(&chain.contract));
    let result = follow(&follow_config, source, &progress, &stop).await;
    beside.cancel();
    let (server, watcher, reconciler, names) = tokio::join!(server, watcher, reconciler, names);
    result?;
    server.context("the health server panicked")?.context("the health server failed")?;
    watcher.context("the head watcher panicked")?;
    reconciler.context("the reconciler panicked")?;
    names.context("the metadata reader panicked")?;
    tracing::info!(height = progress.snapshot().height, "indexer stopped");
    Ok(())
}

/// Migrates the database and asks for the chain's id; waits for both, because services start in any order. `None` when
/// stopped before.
///
/// # Errors
/// The database is not for this program, endpoints serve different chains, or an empty mirror would begin too late.
async fn start(
    chain: &Chain,
    database: &DatabaseUrl,
    config: &RunConfig,
    stop: &CancellationToken,
) -> anyhow::Result<Option<String>> {
    let cursor = loop {
        let migrated = async {
            let mut conn = connect_one(database, "piecework-indexer", config.statement_timeout()).await?;
            migrate(&mut conn).await?;
            cursor_find(&mut conn).await
        };
        match migrated.await {
            Ok(cursor) => break cursor,
            Err(error) if error.is_transient() => {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "the database is not ready, trying again"
                );
            }
            Err(error) => return Err(error).with_context(|| format!("cannot use the database {database}")),
        }
        if !pause(stop).await {
            return Ok(None);
        }
    };
    let start = config.start_height.filter(|_| cursor.is_none_or(|cursor| cursor.root.seq == 0));
    loop {
        let ready = async {
            let Some(chain_id) = one_chain(chain.rpc.chain_ids().await)? else { return Ok(None) };
            Ok::<_, anyhow::Error>(may_begin(chain, start).await?.then_some(chain_id))
        };
        let ready = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            ready = ready => ready?,
        };
        if ready.is_some() {
            return Ok(ready);
        }
        if !pause(stop).await {
            return Ok(None);
        }
    }
}

/// Looks at the contract's state before the height at which a mirror without a line begins; `false` as long as nobody can
/// say. Where that state is not kept, the next line that comes tells.
///
/// # Errors
/// The journal had lines by then, which the mirror would lack.
async fn may_begin(chain: &Chain, start: Option<u64>) -> anyhow::Result<bool> {
    let Some(start) = start else { return Ok(true) };
    match root_before(chain, start).await {
        Ok(Some(root)) => {
            ensure!(
                root.seq == 0,
                "--start-height {start} lies after the deployment of {}, whose journal had {} lines by then: leave the \
                 option out, or begin at the contract's deployment or before it",
                chain.contract,
                root.seq
            );
            Ok(true)
        }
        Ok(None) => {
            tracing::warn!(start, "the chain has not come to --start-height, where the mirror is to begin");
            Ok(false)
        }
        Err(ViewError::Rpc(error)) if error.is_transient() => {
            let error = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(error, "the contract before the start cannot be read yet");
            Ok(false)
        }
        // There is no contract yet, or its state is not kept.
        Err(error) => {
            tracing::debug!(error = format!("{error:#}"), "the contract before the start cannot be read");
            Ok(true)
        }
    }
}

/// The contract's root record at a block shortly below a height; `None` if the chain has not come there.
async fn root_before(chain: &Chain, start: u64) -> Result<Option<Root>, ViewError> {
    if chain.rpc.head().await?.height < start {
        return Ok(None);
    }
    let contract = Coordinator::new(&chain.rpc, chain.contract.clone());
    for height in (0..STATES_BEFORE).map_while(|step| start.checked_sub(1 << step)) {
        if chain.rpc.block(BlockRef::Height(height)).await?.is_some() {
            return Ok(Some(contract.at(BlockRef::Height(height)).root().await?.value));
        }
    }
    // Blocks that old are not kept: what the reader then says is told by itself.
    Err(ViewError::UnknownBlock { block: BlockRef::Height(start), endpoint: chain.rpc.endpoint().to_owned() })
}

/// The chain that every endpoint which answers serves; `None` if none answers yet.
///
/// # Errors
/// They serve different chains: whichever is read first, its blocks are not those that the others have.
fn one_chain(answers: Vec<(String, Result<String, ViewError>)>) -> anyhow::Result<Option<String>> {
    let mut found: Option<(String, String)> = None;
    for (endpoint, answer) in answers {
        match (answer, &found) {
            (Ok(chain_id), Some((first, known))) if chain_id != *known => bail!(
                "{first} serves chain {known} and {endpoint} serves chain {chain_id}: remove the wrong one from the RPC endpoints"
            ),
            (Ok(chain_id), None) => found = Some((endpoint, chain_id)),
            (Ok(_), Some(_)) => {}
            (Err(error), _) => tracing::warn!(endpoint, error = format!("{error:#}"), "an endpoint is not ready"),
        }
    }
    Ok(found.map(|(_, chain_id)| chain_id))
}

/// Waits a moment; whether to go on.
async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = sleep(START_INTERVAL) => true,
    }
}

async fn until(stop: CancellationToken, task: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = task => {}
    }
}

/// The follower only sees the head when it gets a block; this sees that it should have got one.
async fn watch_head(rpc: RpcClient, progress: Progress) {
    loop {
        match rpc.head().await {
            Ok(head) => progress.head_seen(head.height),
            Err(error) => tracing::debug!(error = format!("{error:#}"), "the head cannot be read"),
        }
        sleep(HEAD_INTERVAL).await;
    }
}

async fn reconcile_often(chain: Chain, database: DatabaseUrl, config: RunConfig, progress: Progress) {
    if config.reconcile_every_s == 0 {
        return;
    }
    let mut verified = JournalPoint::default();
    let mut changes = progress.subscribe();
    loop {
        if changes.wait_for(|now| now.caught_up).await.is_err() {
            return;
        }
        match reconcile_and_keep(&chain, &database, &config, verified).await {
            Ok(report) => {
                metrics::reconciled(&report);
                progress.reconciled(report.ok());
                if report.journal_verified {
                    verified = report.journal;
                }
                if report.ok() {
                    tracing::info!(height = report.height, rows = report.rows, took_ms = report.took_ms, "reconciled");
                } else {
                    let mismatches = report.mismatches.len();
                    tracing::error!(height = report.height, mismatches, "the mirror differs from the contract");
                }
            }
            // Not being able to compare says nothing about the mirror.
            Err(error) => tracing::warn!(error = format!("{error:#}"), "reconciliation failed"),
        }
        sleep(Duration::from_secs(config.reconcile_every_s)).await;
    }
}

/// Reconciles and keeps the result in the database.
///
/// # Errors
/// A side cannot be read, or the result cannot be kept.
pub async fn reconcile_and_keep(
    chain: &Chain,
    database: &DatabaseUrl,
    config: &RunConfig,
    from: JournalPoint,
) -> anyhow::Result<Report> {
    let mut conn = connected(database, "piecework-reconcile", config.statement_timeout()).await?;
    let report = reconcile(&mut conn, &chain.rpc, &chain.contract, from).await?;
    reconciliation_insert(&mut conn, &report.row()).await?;
    Ok(report)
}

/// A connection for one command, which does not wait for a server that is down.
///
/// # Errors
/// The database cannot be reached; the error names it, without its password.
pub async fn connected(database: &DatabaseUrl, name: &str, timeout: Duration) -> anyhow::Result<PgConnection> {
    let conn = connect_one(database, name, timeout).await;
    conn.with_context(|| format!("cannot use the database {database}: check DATABASE_URL, and that the server runs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(endpoint: &str, chain_id: Option<&str>) -> (String, Result<String, ViewError>) {
        let down = || ViewError::Other { endpoint: endpoint.to_owned(), reason: "down".to_owned() };
        (endpoint.to_owned(), chain_id.map(str::to_owned).ok_or_else(down))
    }

    #[test]
    fn one_chain__should_be_that_of_all_endpoints_that_answer() {
        let answers = |ids: [Option<&str>; 3]| {
            one_chain(["a", "b", "c"].iter().zip(ids).map(|(name, id)| answer(name, id)).collect())
        };
        assert_eq!(answers([None, None, None]).unwrap(), None);
        assert_eq!(answers([None, Some("testnet"), Some("testnet")]).unwrap().as_deref(), Some("testnet"));
        let error = answers([Some("testnet"), None, Some("mainnet")]).unwrap_err().to_string();
        assert!(
            ["a serves chain testnet", "c serves chain mainnet", "remove"].iter().all(|part| error.contains(part)),
            "{error}"
        );
    }
}
