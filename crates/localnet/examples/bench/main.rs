//! Measures the built binary from outside, as its users meet it: `scripts/bench localnet`, and for hours
//! `scripts/soak localnet --hours`.
//!
//! The client runs on the same cores. Every request is a plain HTTP/1.1 JSON-RPC request of its own, one at a time on
//! each of forty connections, one connection per sender; nothing is batched or pipelined.

mod chain;
mod http;
mod load;
mod patient;
mod soak;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use serde_json::json;

/// Senders, each with an account, a key and a connection.
const SENDERS: usize = 40;

/// What one run measured.
#[derive(Debug, Default)]
struct Figures {
    start_ms: f64,
    round_trip_ms: f64,
    transfers_per_s: f64,
    calls_per_s: f64,
    view_calls_per_s: f64,
    rss_mib: f64,
    restart_ms: f64,
}

#[derive(Parser)]
struct Options {
    /// The binary to measure.
    #[arg(long)]
    binary: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// How fast it is.
    Speed(Speed),
    /// Whether its memory stays bounded under a steady load.
    Soak(soak::Soak),
}

#[derive(clap::Args)]
struct Speed {
    /// Where the figures go.
    #[arg(long)]
    out: PathBuf,
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Transfers and calls of one run, each.
    #[arg(long, default_value_t = 20_000)]
    transactions: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { binary, command } = Options::parse();
    match command {
        Command::Speed(options) => speed(&binary, &options).await,
        Command::Soak(options) => soak::run(&binary, &options).await,
    }
}

async fn speed(binary: &Path, options: &Speed) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for run in 1..=options.runs {
        let figures = measure(binary, options).await.with_context(|| format!("run {run}"))?;
        eprintln!("run {run}: {figures:?}");
        runs.push(figures);
    }
    let median = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rows = [
        ("start_ms", median(|f| f.start_ms), "≤ 100"),
        ("round_trip_ms", median(|f| f.round_trip_ms), "≤ 15"),
        ("transfers_per_s", median(|f| f.transfers_per_s), "≥ 6000"),
        ("calls_per_s", median(|f| f.calls_per_s), "≥ 3000"),
        ("view_calls_per_s", median(|f| f.view_calls_per_s), "≥ 5000"),
        ("rss_mib", median(|f| f.rss_mib), "bounded"),
        ("restart_ms", median(|f| f.restart_ms), "–"),
    ];
    println!("{:<18} {:>10}  limit", "figure", "median");
    let mut report = serde_json::Map::new();
    for (name, value, limit) in rows {
        println!("{name:<18} {value:>10.1}  {limit}");
        report.insert(name.to_owned(), json!((value * 10.0).round() / 10.0));
    }
    std::fs::write(&options.out, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| options.out.display().to_string())
}

async fn measure(binary: &Path, options: &Speed) -> anyhow::Result<Figures> {
    let home = tempfile::tempdir()?;
    let accounts = SENDERS.to_string();
    let chosen = ["--instant", "--accounts", &accounts, "--keep-blocks", "100000", "--validity", "86400"];
    let (chain, start_ms) = chain::Chain::start(binary, home.path(), &chosen).await?;
    let round_trip_ms = load::round_trip(&chain).await?;
    let transfers_per_s = load::transfers(&chain, options.transactions).await?;
    let calls_per_s = load::calls(&chain, options.transactions).await?;
    let view_calls_per_s = load::views(&chain).await?;
    let rss_mib = chain.peak_memory_mib()?;
    let head = chain.head().await?;
    chain.kill()?;
    let (chain, restart_ms) = chain::Chain::start(binary, home.path(), &chosen).await?;
    anyhow::ensure!(chain.head().await? >= head, "blocks were lost by kill -9");
    chain.kill()?;
    Ok(Figures { start_ms, round_trip_ms, transfers_per_s, calls_per_s, view_calls_per_s, rss_mib, restart_ms })
}
