//! Figures for Prometheus: `/metrics`, and `/livez` and `/readyz` for supervisors.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use axum::{Router, http::StatusCode, routing::get};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;
use piecework_interface::{op::Op, view::SlotPhase};
use tokio::net::TcpListener;

use crate::core::{Call, Called, State};

/// Serves the figures and prints where. `ready` tells whether the chain answers.
///
/// # Errors
/// If the address cannot be had.
pub async fn serve(listen: SocketAddr, ready: Arc<AtomicBool>) -> anyhow::Result<()> {
    let handle = PrometheusBuilder::new().install_recorder().context("metrics cannot be set up")?;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("[metrics] listen: {listen} cannot be had; choose a free address, or port 0 for any")
    })?;
    println!("listening on http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/metrics", get(move || async move { handle.render() }))
        .route("/livez", get(|| async { "ok" }))
        .route(
            "/readyz",
            get(move || async move {
                if ready.load(Ordering::Relaxed) {
                    (StatusCode::OK, "ok")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "the chain does not answer")
                }
            }),
        );
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
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
        Call::EpochSettle => "epoch_settle",
        Call::Collect(_) => "collect",
    };
    let (outcome, skips) = match called {
        Called::Done { skips, .. } => ("done", Some(skips)),
        Called::Failed { .. } => ("failed", None),
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
    gauge!("piecework_agent_block_time_seconds").set(f64::from(facts.now_s));
    if let Some((_, node)) = facts.node() {
        gauge!("piecework_agent_settled_lots").set(f64::from(node.settled));
        gauge!("piecework_agent_faults").set(f64::from(node.faults));
        for record in &node.classes {
            gauge!("piecework_agent_reputation", "class" => record.class.to_string()).set(f64::from(record.reputation));
        }
    }
}
