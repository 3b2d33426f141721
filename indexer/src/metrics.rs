//! Prometheus metrics. Names end in their unit.

use std::time::Duration;

use anyhow::Context as _;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use piecework_daemon::PrometheusHandle;

use crate::{progress::Snapshot, reconcile::Report};

const PLAN: &str = "piecework_indexer_plan_seconds";
const COMMIT: &str = "piecework_indexer_commit_seconds";
const BLOCKS: &str = "piecework_indexer_blocks_total";
const LINES: &str = "piecework_indexer_lines_total";
const INTERRUPTIONS: &str = "piecework_indexer_interruptions_total";
const HEIGHT: &str = "piecework_indexer_height";
const CHAIN_HEIGHT: &str = "piecework_indexer_chain_height";
const LAG: &str = "piecework_indexer_lag_seconds";
const MISMATCHES: &str = "piecework_indexer_reconcile_mismatches";
const RECONCILE: &str = "piecework_indexer_reconcile_seconds";
const RECONCILED_HEIGHT: &str = "piecework_indexer_reconciled_height";
const BUCKETS: &[f64] = &[0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Installs the process's recorder. Call it once, before the first metric.
///
/// # Errors
/// A recorder is installed already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = piecework_daemon::recorder(BUCKETS).context("metrics cannot be recorded")?;
    describe_histogram!(PLAN, Unit::Seconds, "Time to plan a block");
    describe_histogram!(COMMIT, Unit::Seconds, "Time to write a transaction");
    describe_counter!(BLOCKS, "Final blocks committed");
    describe_counter!(LINES, "Journal lines committed");
    describe_counter!(INTERRUPTIONS, "Interruptions that were or could not be retried, by part");
    describe_gauge!(HEIGHT, "Height of the last block committed");
    describe_gauge!(CHAIN_HEIGHT, "Highest final height seen");
    describe_gauge!(LAG, Unit::Seconds, "Age of the last block committed, 0 when nothing is missing");
    describe_gauge!(MISMATCHES, "Rows that differed in the last reconciliation");
    describe_histogram!(RECONCILE, Unit::Seconds, "Time of a reconciliation");
    describe_gauge!(RECONCILED_HEIGHT, "Height of the last reconciliation");
    Ok(handle)
}

pub(crate) fn planned(took: Duration) {
    histogram!(PLAN).record(took);
}

pub(crate) fn committed(took: Duration, blocks: usize, lines: usize) {
    histogram!(COMMIT).record(took);
    counter!(BLOCKS).increment(u64::try_from(blocks).unwrap_or_default());
    counter!(LINES).increment(u64::try_from(lines).unwrap_or_default());
}

pub(crate) fn interrupted(part: &'static str) {
    counter!(INTERRUPTIONS, "part" => part).increment(1);
}

pub(crate) fn reconciled(report: &Report) {
    gauge!(MISMATCHES).set(piecework_daemon::gauge(report.mismatches.len()));
    gauge!(RECONCILED_HEIGHT).set(piecework_daemon::gauge(report.height));
    histogram!(RECONCILE).record(Duration::from_millis(report.took_ms));
}

pub(crate) fn observed(now: &Snapshot, now_ns: u64) {
    gauge!(HEIGHT).set(piecework_daemon::gauge(now.height));
    gauge!(CHAIN_HEIGHT).set(piecework_daemon::gauge(now.chain_height));
    gauge!(LAG).set(piecework_daemon::gauge(now.lag_s(now_ns)));
}
