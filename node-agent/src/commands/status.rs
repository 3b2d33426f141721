//! `status`: what the node holds and earns, and why it has no work. Works beside a running agent.

use anyhow::{Context, Result};
use piecework_interface::{
    amount::Amount,
    view::{Balance, LotPhase, NodeStatus, SlotPhase},
};
use serde::Serialize;

use crate::{
    config::Config,
    core::{Problem, challenge::Report, facts::Facts},
    preflight,
    record::{Fate, Place, Record},
    status_file::StatusFile,
    store::Store,
    watch::Watch,
};

/// The answer of `status --json`.
#[derive(Debug, Serialize)]
struct Status {
    account_id: String,
    running: bool,
    #[serde(flatten)]
    node: Option<NodeLine>,
    balances: Vec<Balance>,
    slots: Vec<SlotLine>,
    no_work: Vec<String>,
    errors: Vec<Problem>,
    challenges: Report,
}

#[derive(Debug, Serialize)]
struct NodeLine {
    node: u32,
    status: NodeStatus,
    stake: Amount,
    bonded: Amount,
    free_stake: Amount,
    tickets: u8,
    reservations: u16,
    settled: u32,
    classes: Vec<ClassLine>,
}

#[derive(Debug, Serialize)]
struct ClassLine {
    class: u16,
    reputation: u16,
}

#[derive(Debug, Serialize)]
struct SlotLine {
    #[serde(flatten)]
    place: Place,
    phase: &'static str,
    lot_phase: LotPhase,
    saved: bool,
}

/// Prints the status.
///
/// # Errors
/// If the chain cannot be read.
pub async fn status(config: &Config, json: bool) -> Result<()> {
    let rpc = preflight::rpc(config)?;
    let mut watch = Watch::open(rpc, config, false)
        .await
        .with_context(|| format!("contract {} cannot be read: check [chain]", config.contract))?;
    let facts = Box::pin(watch.facts()).await?;
    let store = Store::peek(&config.state_dir);
    let records = store.as_ref().map(Store::records).transpose()?.unwrap_or_default().records;
    let file: StatusFile = store.as_ref().map(Store::status).transpose()?.flatten().unwrap_or_default();
    let running = store.as_ref().is_some_and(Store::is_running);
    let status = describe(config, &facts, &records, file, running);
    if json {
        println!("{}", serde_json::to_string(&status)?);
    } else {
        print(&status);
    }
    Ok(())
}

fn describe(config: &Config, facts: &Facts, records: &[Record], file: StatusFile, running: bool) -> Status {
    let node = facts.node().map(|(number, node)| NodeLine {
        node: number.0,
        status: node.status,
        stake: node.stake,
        bonded: node.bonded,
        free_stake: Amount(node.free_stake()),
        tickets: node.tickets,
        reservations: node.reservations,
        settled: node.settled,
        classes: node
            .classes
            .iter()
            .filter(|record| record.declared)
            .map(|record| ClassLine { class: record.class.0, reputation: record.reputation })
            .collect(),
    });
    let slots = facts.held().map(|held| SlotLine {
        place: held.place,
        phase: match held.slot.phase {
            SlotPhase::Reserved(_) => "reserved",
            SlotPhase::Committed(_) => "committed",
            SlotPhase::Revealed(_) => "revealed",
        },
        lot_phase: held.lot.phase,
        saved: records.iter().any(|record| record.place == held.place && record.done.is_some()),
    });
    let no_work = if running { file.no_work } else { vec!["the agent does not run".to_owned()] };
    Status {
        account_id: config.account_id.to_string(),
        running,
        node,
        balances: facts.account.as_ref().map(|account| account.balances.clone()).unwrap_or_default(),
        slots: slots.collect(),
        no_work,
        errors: file.problems,
        challenges: file.challenges,
    }
}

fn print(status: &Status) {
    println!("{} ({})", status.account_id, if status.running { "running" } else { "not running" });
    match &status.node {
        Some(node) => {
            println!(
                "  node {}: {:?}, {} tickets, {} lots settled, {} reservations",
                node.node, node.status, node.tickets, node.settled, node.reservations
            );
            println!("  stake {} yoctoNEAR, {} bonded, {} free", node.stake, node.bonded, node.free_stake);
            for class in &node.classes {
                println!("  class {}: reputation {} of 10000", class.class, class.reputation);
            }
        }
        None => println!("  not registered as a node: run `piecework node register`"),
    }
    for balance in &status.balances {
        println!("  earned: {} of token {}", balance.amount, balance.token);
    }
    for slot in &status.slots {
        let saved = if slot.saved { ", answers saved" } else { "" };
        println!("  {}: {}, lot {:?}{saved}", slot.place, slot.phase, slot.lot_phase);
    }
    for reason in &status.no_work {
        println!("  no more work: {reason}");
    }
    challenges(&status.challenges);
    for problem in &status.errors {
        println!("  failed at {}: {}", problem.at, problem.text);
    }
}

fn challenges(report: &Report) {
    let Report { enabled, sent, won, lost, at_risk, today, challenges, declined } = report;
    if *enabled || *sent > 0 {
        let units = "units of the token";
        println!("  challenges: {sent} sent, {won} won, {lost} lost; {at_risk} {units} at risk, {today} today");
    }
    for line in challenges {
        let fate = match &line.fate {
            Fate::Pending => "signed, not sent yet".to_owned(),
            Fate::Standing => "stands".to_owned(),
            Fate::Void(why) => format!("not taken: {why}"),
            Fate::Replaced => "replaced by one of more items, the deposit is back".to_owned(),
            Fate::Ruled { overturned, tokens, near } => format!(
                "{} items overturned, {tokens} units came back and {near} yoctoNEAR with them",
                overturned.count_ones()
            ),
            Fate::Unseen => "settled before the agent saw a ruling: see `piecework batch lot`".to_owned(),
        };
        let (items, deposit) = (line.items.count_ones(), &line.deposit);
        println!(
            "  challenge of batch {} lot {}: {items} items for {deposit} units of token {}: {fate}",
            line.batch, line.lot, line.token
        );
    }
    for why in declined {
        println!("  not challenged: {why}");
    }
}
