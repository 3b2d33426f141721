//! The subcommands. Results go to stdout as one JSON document, logs to stderr.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use piecework_store::{cursor::cursor_find, read::reconciliation::reconciliation_last, schema_check};
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{Command, Config, LogFormat, database_url},
    metrics,
    rebuild::rebuild,
    reconcile::JournalPoint,
    run::{connected, reconcile_and_keep, run},
};

/// Does what the command line asks for.
///
/// # Errors
/// It cannot be done. What it finds wrong is told by the exit code.
pub async fn execute(config: Config) -> anyhow::Result<ExitCode> {
    log(config.log_format);
    let database = database_url()?;
    let timeout = config.run.statement_timeout();
    match config.command.unwrap_or(Command::Run) {
        Command::Run => {
            let recorder = metrics::install().context("metrics cannot be recorded")?;
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

/// A token that SIGTERM or SIGINT cancels.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        cancelled.cancel();
    });
    Ok(stop)
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

fn print(value: &impl Serialize) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(value)?)?;
    Ok(())
}

const fn exit(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
