//! `status`: what the node holds and earned, and why it has no work. Works beside a running agent.

use anyhow::{Context, Result};
use piecework_interface::{
    amount::Amount,
    view::{Balance, LotPhase, NodeStatus, SlotPhase},
};
use serde::Serialize;

use crate::{
    config::Config,
    core::{Problem, challenge::Report, facts::Facts},
    gateway::Gateway,
    preflight,
    record::{Fate, Place, Record},
    status_file::StatusFile,
    store::Store,
    watch::Watch,
    words::{Names, near, when},
};

/// The answer of `status --json`.
#[derive(Debug, Serialize)]
struct Status {
    account_id: String,
    #[serde(skip)]
    now_s: u32,
    running: bool,
    #[serde(flatten)]
    node: Option<NodeLine>,
    /// What it was credited for its work so far; null while the gateway does not say.
    earned: Option<Vec<Balance>>,
    /// What of its balances is in the contract now.
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
    let (earned, names) = ask(config).await;
    let status = Status { earned, ..describe(config, &facts, &records, file, running) };
    if json {
        println!("{}", serde_json::to_string(&status)?);
    } else {
        print!("{}", text(&status, &names));
    }
    Ok(())
}

/// What only the gateway knows: without it numbers stay numbers.
async fn ask(config: &Config) -> (Option<Vec<Balance>>, Names) {
    let Ok(gateway) = Gateway::new(&config.gateway_url, config.max_lot_bytes) else { return Default::default() };
    let Ok(names) = gateway.names().await else { return Default::default() };
    (gateway.earned(config.account_id.as_str()).await.ok(), names)
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
        now_s: facts.now_s,
        running,
        node,
        earned: None,
        balances: facts.account.as_ref().map(|account| account.balances.clone()).unwrap_or_default(),
        slots: slots.collect(),
        no_work,
        errors: file.problems,
        challenges: file.challenges,
    }
}

fn text(status: &Status, names: &Names) -> String {
    let mut lines = vec![format!("{} ({})", status.account_id, if status.running { "running" } else { "not running" })];
    match &status.node {
        Some(node) => {
            lines.push(format!(
                "  node {}: {:?}, {} tickets, {} lots settled, {} reservations",
                node.node, node.status, node.tickets, node.settled, node.reservations
            ));
            let [stake, bonded, free] = [node.stake, node.bonded, node.free_stake].map(|amount| near(amount.0));
            lines.push(format!("  stake {stake}, {bonded} bonded, {free} free"));
            let classes = node.classes.iter();
            lines.extend(
                classes.map(|class| format!("  class {}: reputation {} of 10000", class.class, class.reputation)),
            );
        }
        None => lines.push("  not registered as a node: run `piecework node register`".to_owned()),
    }
    let amounts = |list: &[Balance]| {
        let amounts: Vec<_> = list.iter().map(|balance| names.amount(balance.token, balance.amount)).collect();
        if amounts.is_empty() { "nothing".to_owned() } else { amounts.join(" + ") }
    };
    match &status.earned {
        Some(earned) => lines.push(format!("  earned so far: {}", amounts(earned))),
        None => lines.push("  earned so far: not known, for the gateway does not say".to_owned()),
    }
    lines.push(format!("  balance: {}", amounts(&status.balances)));
    for slot in &status.slots {
        let saved = if slot.saved { ", answers saved" } else { "" };
        lines.push(format!("  {}: {}, lot {:?}{saved}", slot.place, slot.phase, slot.lot_phase));
    }
    lines.extend(status.no_work.iter().map(|reason| format!("  no more work: {}", names.read(reason))));
    lines.extend(challenges(&status.challenges, names));
    let problems = status.errors.iter();
    lines.extend(
        problems.map(|Problem { at, text }| format!("  failed at {}: {}", when(*at, status.now_s), names.read(text))),
    );
    lines.into_iter().map(|line| line + "\n").collect()
}

fn challenges(report: &Report, names: &Names) -> Vec<String> {
    let Report { enabled, sent, won, lost, at_risk, today, challenges, declined } = report;
    let mut lines = Vec::new();
    if *enabled || *sent > 0 {
        let units = "units of the token";
        lines.push(format!(
            "  challenges: {sent} sent, {won} won, {lost} lost; {at_risk} {units} at risk, {today} today"
        ));
    }
    for line in challenges {
        let fate = match &line.fate {
            Fate::Pending => "signed, not sent yet".to_owned(),
            Fate::Standing => "stands".to_owned(),
            Fate::Void(why) => format!("not taken: {why}"),
            Fate::Replaced => "replaced by one of more items, the deposit is back".to_owned(),
            Fate::Ruled { overturned, tokens, near: award } => format!(
                "{} items overturned, {} came back and {} with them",
                overturned.count_ones(),
                names.amount(line.token, *tokens),
                near(award.0)
            ),
            Fate::Unseen => "settled before the agent saw a ruling: see `piecework batch lot`".to_owned(),
        };
        let deposit = names.read(&format!("{} units of token {}", line.deposit, line.token));
        let items = line.items.count_ones();
        lines
            .push(format!("  challenge of batch {} lot {}: {items} items for {deposit}: {fate}", line.batch, line.lot));
    }
    lines.extend(declined.iter().map(|why| format!("  not challenged: {}", names.read(why))));
    lines
}

#[cfg(test)]
mod tests {
    use piecework_interface::ids::TokenId;

    use super::*;

    fn status() -> Status {
        Status {
            account_id: "n.near".to_owned(),
            now_s: 1_796_140_400,
            running: true,
            node: None,
            earned: Some(vec![Balance { token: TokenId(0), amount: Amount(3 * 10_u128.pow(24)) }]),
            balances: Vec::new(),
            slots: Vec::new(),
            no_work: Vec::new(),
            errors: vec![Problem { at: 1_796_140_358, text: "call poke failed".to_owned() }],
            challenges: Report::default(),
        }
    }

    #[test]
    fn status__should_tell_what_was_earned_from_the_balance() {
        // Given a node whose earnings were all withdrawn
        let text = text(&status(), &Names::default());
        assert!(text.contains("earned so far: 3 NEAR\n  balance: nothing\n"), "{text}");
        assert!(text.contains("failed at 15:52:38 UTC: call poke failed\n"), "{text}");
    }

    #[test]
    fn status__should_say_that_the_gateway_does_not_know() {
        let silent = Status { earned: None, ..status() };
        assert!(text(&silent, &Names::default()).contains("earned so far: not known"));
    }
}
