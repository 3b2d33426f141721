//! The subcommands. Results go to stdout as one JSON document, logs to stderr.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use piecework_daemon::{log, stop_signal};
use piecework_store::{DatabaseUrl, cursor::cursor_find, reconciliation::reconciliation_last, schema_check};
use serde::Serialize;
use serde_json::json;

use crate::{
    config::{Command, Config},
    metrics,
    rebuild::rebuild,
    reconcile::JournalPoint,
    run::{connected, reconcile_and_keep, run},
};

/// Does what the command line asks for, on a runtime of its own: what an async function does is compiled where it is run.
///
/// # Errors
/// It cannot be done. What it finds wrong is told by the exit code.
///
/// # Panics
/// The system gives no threads.
#[tokio::main]
pub async fn execute(config: Config) -> anyhow::Result<ExitCode> {
    log(config.log_format);
    let database = DatabaseUrl::from_env()?;
    let timeout = config.run.statement_timeout();
    match config.command.unwrap_or(Command::Run) {
        Command::Run => {
            let recorder = metrics::install()?;
            run(config.chain.open()?, database, config.run, recorder, stop_signal()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Reconcile => {
            let report =
                reconcile_and_keep(&config.chain.open()?, &database, &config.run, JournalPoint::default()).await?;
            print(&report)?;
            Ok(exit(report.ok()))
        }
        Command::Rebuild => {
            let mut conn = connected(&database, "piecework-rebuild", timeout).await?;
            schema_check(&mut conn).await?;
            let rebuilt = rebuild(&mut conn).await?;
            print(&rebuilt)?;
            Ok(exit(rebuilt.ok()))
        }
        Command::Status => {
            let mut conn = connected(&database, "piecework-status", timeout).await?;
            schema_check(&mut conn).await?;
            let cursor = cursor_find(&mut conn)
                .await?
                .context("the mirror holds no block yet: let piecework-indexer run first")?;
            let last = reconciliation_last(&mut conn).await?;
            print(&json!({
                "contract": cursor.stream,
                "chain_id": cursor.chain_id,
                "height": cursor.height,
                "hash": cursor.hash,
                "block_at": cursor.timestamp_ns / 1_000_000_000,
                "next_seq": cursor.root.seq,
                "head": hex::encode(cursor.root.head),
                "chain_height": cursor.chain_height,
                "lag_blocks": cursor.chain_height.saturating_sub(cursor.height),
                "reconciliation": last.map(|run| json!({
                    "height": run.height, "block_at": run.block_at, "rows": run.rows, "mismatches": run.mismatches, "ok": run.ok,
                })),
            }))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn print(value: &impl Serialize) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(value)?)?;
    Ok(())
}

const fn exit(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
