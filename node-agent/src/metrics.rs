//! Figures for Prometheus: `/metrics`, and `/livez` and `/readyz` for supervisors.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use metrics::{counter, gauge, histogram};
use piecework_daemon::{Health, announce, bind, router};
use piecework_interface::{op::Op, view::SlotPhase};
use tokio_util::sync::CancellationToken;

use crate::core::{Call, Called, State};

/// Buckets of durations, seconds: work takes up to minutes.
const BUCKETS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];

/// Whether the chain answers.
#[derive(Clone, Debug)]
struct Chain(Arc<AtomicBool>);

impl Health for Chain {
    fn problems(&self) -> Vec<String> {
        if self.0.load(Ordering::Relaxed) { Vec::new() } else { vec!["the chain does not answer".to_owned()] }
    }
}

/// Serves the figures and prints where. `ready` tells whether the chain answers.
///
/// # Errors
/// If the address cannot be had.
pub async fn serve(listen: SocketAddr, ready: Arc<AtomicBool>) -> anyhow::Result<()> {
    let handle = piecework_daemon::recorder(BUCKETS).context("metrics cannot be set up")?;
    let listener = bind(listen, "[metrics] listen, or port 0 for any").await?;
    announce(&listener)?;
    // It serves as long as the process lives.
    let stop = CancellationToken::new();
    tokio::spawn(async move {
        if let Err(error) = piecework_daemon::serve(listener, router(Chain(ready), handle), stop).await {
            tracing::error!(%error, "metrics.stopped");
        }
    });
    Ok(())
}

/// A call was settled.
pub fn called(call: &Call, called: &Called) {
    let kind = match call {
        Call::Work(_) => "work",
        Call::Poke(_) | Call::Tell(..) => "poke",
        Call::Heartbeat => "heartbeat",
        Call::Payout(_) => "payout",
        Call::Challenge(_) => "challenge",
    };
    let (outcome, skips) = match called {
        Called::Done { skips, .. } => ("done", Some(skips)),
        Called::Failed(_) => ("failed", None),
        Called::NotSent(_) => ("not_sent", None),
    };
    counter!("piecework_agent_calls_total", "kind" => kind, "outcome" => outcome).increment(1);
    let (Call::Work(ops), Some(skips)) = (call, skips) else {
        return;
    };
    for (index, op) in ops.iter().enumerate() {
        let name = match op {
            Op::Draw { .. } => "draw",
            Op::Claim { .. } => "claim",
            Op::Release { .. } => "release",
            Op::Commit { .. } => "commit",
            Op::Reveal { .. } => "reveal",
        };
        let skip = skips.get(&index).map_or_else(|| "none".to_owned(), |skip| format!("{skip:?}"));
        counter!("piecework_agent_ops_total", "op" => name, "skip" => skip).increment(1);
    }
}

/// Work on a lot ended.
pub fn worked(seconds: f64, ok: bool) {
    let outcome = if ok { "done" } else { "failed" };
    counter!("piecework_agent_lots_worked_total", "outcome" => outcome).increment(1);
    histogram!("piecework_agent_work_seconds").record(seconds);
}

/// The chain could not be read.
pub fn chain_failed() {
    counter!("piecework_agent_chain_errors_total").increment(1);
}

/// The state as it is now.
pub fn state(state: &State) {
    let Some(facts) = state.facts() else { return };
    let mut phases = [("reserved", 0_u32), ("committed", 0), ("revealed", 0)];
    for held in facts.held() {
        let index = match held.slot.phase {
            SlotPhase::Reserved(_) => 0,
            SlotPhase::Committed(_) => 1,
            SlotPhase::Revealed(_) => 2,
        };
        phases[index].1 += 1;
    }
    for (phase, count) in phases {
        gauge!("piecework_agent_slots", "phase" => phase).set(f64::from(count));
    }
    let challenges = state.challenge_report();
    for (fate, count) in [("sent", challenges.sent), ("won", challenges.won), ("lost", challenges.lost)] {
        gauge!("piecework_agent_challenges", "fate" => fate).set(f64::from(count));
    }
    let declined = u32::try_from(state.declined()).unwrap_or(u32::MAX);
    gauge!("piecework_agent_challenges_declined").set(f64::from(declined));
    for (name, units) in [("at_risk", &challenges.at_risk), ("today", &challenges.today)] {
        // Units of a token may be more than a float counts exactly.
        gauge!("piecework_agent_challenge_deposits", "part" => name).set(units.parse().unwrap_or(f64::MAX));
    }
    gauge!("piecework_agent_block_time_seconds").set(f64::from(facts.now_s));
    if let Some((_, node)) = facts.node() {
        gauge!("piecework_agent_settled_lots").set(f64::from(node.settled));
        gauge!("piecework_agent_reservations").set(f64::from(node.reservations));
        for record in &node.classes {
            gauge!("piecework_agent_reputation", "class" => record.class.to_string()).set(f64::from(record.reputation));
        }
    }
}
