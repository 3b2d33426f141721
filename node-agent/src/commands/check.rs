//! `check`: everything that `run` needs, each with its fix.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use piecework_chain::{BlockRef, KeyFile, RpcClient};
use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, BatchId},
    storage,
    view::NodeStatus,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    challenger,
    config::Config,
    core::{
        challenge::Challenging,
        facts::{BatchFacts, Facts},
        policy::{Offer, Record},
    },
    executor::{CommandExecutor, ExecuteError, Task, TaskItem},
    gateway::Gateway,
    preflight::{self, KeyScope},
    record::Place,
    store::{Store, StoreError},
    watch::Watch,
    words::{Names, near},
};

/// The chain's clock may be so far from ours, seconds, before it is worth a word.
const SKEW_S: u64 = 30;
/// Refusals that are shown at most: one per batch could be thousands.
const REFUSALS_MAX: usize = 8;
/// Requesters that the gateway is asked about at most.
const REQUESTERS_MAX: usize = 32;
/// The sample work gets so long at most.
const SAMPLE_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    Ok,
    Warning,
    Error,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: Severity,
    name: &'static str,
    text: String,
    fix: Option<String>,
}

#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn ok(&mut self, name: &'static str, text: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Ok, name, text: text.into(), fix: None });
    }

    fn warning(&mut self, name: &'static str, text: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Warning, name, text: text.into(), fix: Some(fix.into()) });
    }

    fn error(&mut self, name: &'static str, text: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Error, name, text: text.into(), fix: Some(fix.into()) });
    }
}

/// Checks and prints; true if nothing is wrong.
///
/// # Errors
/// If the findings cannot be printed.
pub async fn check(config: &Config, json: bool) -> Result<bool> {
    let mut report = Report::default();
    disk(config, &mut report);
    executors(config, &mut report).await;
    gateway(config, &mut report).await;
    let key = match preflight::key(config) {
        Ok(key) => {
            report.ok("key_file", format!("{} holds {}", config.key_file.display(), key.public_key));
            Some(key)
        }
        Err(error) => {
            report.error("key_file", format!("{error:#}"), "put the node's function-call key there, mode 0600");
            None
        }
    };
    match preflight::rpc(config) {
        Ok(rpc) => Box::pin(chain(config, &rpc, key.as_ref(), &mut report)).await,
        Err(error) => report.error("rpc", format!("{error:#}"), "set [chain] rpc_urls"),
    }
    let names = names(config).await;
    let ok = report.0.iter().all(|finding| finding.severity != Severity::Error);
    if json {
        println!("{}", serde_json::to_string(&json!({ "ok": ok, "findings": report.0 }))?);
    } else {
        for Finding { severity, name, text, fix } in &report.0 {
            let mark = match severity {
                Severity::Ok => "ok     ",
                Severity::Warning => "warning",
                Severity::Error => "error  ",
            };
            println!("{mark} {name}: {}", one_line(&names.read(text)));
            if let Some(fix) = fix {
                println!("        fix: {fix}");
            }
        }
    }
    Ok(ok)
}

/// Names for the numbers of accounts and tokens, if the gateway gives them.
async fn names(config: &Config) -> Names {
    let gateway = Gateway::new(&config.gateway_url, config.max_lot_bytes).ok();
    match gateway {
        Some(gateway) => gateway.names().await.unwrap_or_default(),
        None => Names::default(),
    }
}

/// The first and the last line of a text: between them a worker's stack trace may stand.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next_back()) {
        (Some(first), Some(last)) => format!("{first} … {last}"),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

fn disk(config: &Config, report: &mut Report) {
    let dir = config.state_dir.display();
    match Store::open(&config.state_dir).and_then(|store| store.probe().and_then(|()| store.records())) {
        Ok(records) if records.damaged.is_empty() => report.ok("state", format!("{dir} is writable")),
        Ok(records) => {
            report.error("state", format!("damaged records: {:?}", records.damaged), "restore them from a backup");
        }
        Err(error @ StoreError::Locked { .. }) => {
            report.warning("state", error.to_string(), "nothing to do if that agent is this node's");
        }
        Err(error) => report.error("state", format!("{:#}", anyhow::Error::from(error)), "see the text"),
    }
}

/// Runs each worker on one item with an empty payload. It need not understand it, but it must start.
async fn executors(config: &Config, report: &mut Report) {
    for (class, settings) in &config.classes {
        let scratch = std::env::temp_dir();
        if let Some(command) = &settings.verify_command {
            match CommandExecutor::new(command.clone(), scratch.clone()).preflight() {
                Ok(()) => {
                    report.ok("worker", format!("the program of class {class} that proves results wrong is there"));
                }
                Err(error) => report.error("worker", format!("class {class}: {error}"), "correct its verify_command"),
            }
        }
        if let Some(command) = &settings.jury_command {
            match CommandExecutor::new(command.clone(), scratch.clone()).preflight() {
                Ok(()) => report.ok("worker", format!("the jury's program of class {class} is there")),
                Err(error) => report.error("worker", format!("class {class}: {error}"), "correct its jury_command"),
            }
        }
        let executor = CommandExecutor::new(settings.command.clone(), scratch);
        let item = TaskItem { index: 0, sha256: piecework_interface::host::sha256(&[]), payload: Vec::new() };
        let task = Task {
            scores: None,
            place: Place { batch: Default::default(), lot: Default::default(), round: 0 },
            width: 1,
            items: vec![item],
            limit: Duration::from_secs(settings.limits.time_limit_s.into()).min(SAMPLE_LIMIT),
        };
        match executor.execute(task).await {
            Ok(_) => report.ok("worker", format!("the worker of class {class} answers")),
            Err(error @ (ExecuteError::Start { .. } | ExecuteError::Scratch { .. } | ExecuteError::Timeout { .. })) => {
                report.error("worker", format!("class {class}: {error}"), format!("correct [work.classes.{class}]"));
            }
            // What cannot be executed, by the convention of shells and of prlimit.
            Err(error @ ExecuteError::Failed { status, .. }) if matches!(status.code(), Some(126 | 127)) => {
                report.error("worker", format!("class {class}: {error}"), format!("correct [work.classes.{class}]"));
            }
            // The sample is no real payload, so a worker may well refuse it.
            Err(error) => report
                .ok("worker", format!("the worker of class {class} starts and refuses an empty payload ({error})")),
        }
    }
}

async fn gateway(config: &Config, report: &mut Report) {
    let ping = async || anyhow::Ok(Gateway::new(&config.gateway_url, config.max_lot_bytes)?.ping().await?);
    match ping().await {
        Ok(()) => report.ok("gateway", "it answers"),
        Err(error) => report.error(
            "gateway",
            error.to_string(),
            "set [gateway] url, or wait until it is up: without payloads nothing is claimed",
        ),
    }
}

async fn chain(config: &Config, rpc: &RpcClient, key: Option<&KeyFile>, report: &mut Report) {
    match rpc.status().await {
        Ok(status) => {
            report.ok(
                "rpc",
                format!(
                    "{} serves {} at height {}",
                    rpc.endpoint(),
                    status.chain_id,
                    status.sync_info.latest_block_height
                ),
            );
        }
        Err(error) => {
            report.error("rpc", error.to_string(), "set [chain] rpc_urls to a node that is up");
            return;
        }
    }
    account(config, rpc, key, report).await;
    let mut watch = match Watch::open(rpc.clone(), config, config.work.policy.asks_for_operators()).await {
        Ok(watch) => watch,
        Err(error) => {
            report.error("contract", error.to_string(), "set [chain] contract to the coordinator of this network");
            return;
        }
    };
    report.ok("contract", format!("{} is a coordinator", config.contract));
    match Box::pin(watch.facts()).await {
        Ok(facts) => {
            clock(&facts, report);
            node(config, &facts, watch.config().min_stake, report);
            payout(config, &facts, report);
            terms(config, &facts, &records(config, &facts).await, report);
            challenge(config, &facts, key, &watch.config().chain_id, report);
        }
        Err(error) => report.error("contract", error.to_string(), "check [chain]"),
    }
}

async fn account(config: &Config, rpc: &RpcClient, key: Option<&KeyFile>, report: &mut Report) {
    let account_id = &config.account_id;
    match rpc.view_account(account_id, BlockRef::Final).await {
        Ok(Some(account)) => report.ok("account", format!("{account_id} has {}", account.value.amount)),
        Ok(None) => report.error("account", format!("{account_id} does not exist"), "create and fund it"),
        Err(error) => report.error("account", error.to_string(), "check [chain] rpc_urls"),
    }
    let Some(key) = key else { return };
    let add = || format!("add it: piecework node add-key --public-key {}", key.public_key);
    match preflight::key_scope(rpc, config, key).await {
        Ok(Some(KeyScope::Calls)) => report.ok("key", "it is a function-call key of the contract"),
        Ok(Some(KeyScope::Full)) if config.allow_full_access_key => {
            report.warning("key", "it may do everything with the account", "use a function-call key on this machine");
        }
        Ok(Some(KeyScope::Full)) => {
            report.error(
                "key",
                "it may do everything with the account",
                "use a function-call key, or --allow-full-access-key",
            );
        }
        Ok(Some(KeyScope::Wrong(why))) => report.error("key", why, add()),
        Ok(None) => report.error("key", format!("{} is not on {account_id}", key.public_key), add()),
        Err(error) => report.error("key", format!("{error:#}"), "check [chain] rpc_urls"),
    }
}

fn payout(config: &Config, facts: &Facts, report: &mut Report) {
    let named = facts.account.as_ref().and_then(|account| account.payout.as_ref());
    match (config.work.payout_above.is_empty(), named) {
        (true, _) => {}
        (false, Some(payout)) => report.ok("payout", format!("balances above [node] payout_above go to {payout}")),
        (false, None) => report.error(
            "payout",
            "[node] payout_above is set, and the account has no payout account",
            "name one with `piecework node payout ACCOUNT`",
        ),
    }
}

fn clock(facts: &Facts, report: &mut Report) {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let skew_s = ours.abs_diff(facts.now_s.into());
    let text = format!("{skew_s} s from the last final block");
    if skew_s <= SKEW_S {
        report.ok("clock", text);
    } else {
        report.warning("clock", text, "set this machine's clock (NTP), or the endpoint is behind");
    }
}

fn node(config: &Config, facts: &Facts, min_stake: Amount, report: &mut Report) {
    let Some((number, node)) = facts.node() else {
        let text = format!("{} is not registered as a node", config.account_id);
        report.error("node", text, "run `piecework node register`");
        return;
    };
    match node.status {
        NodeStatus::Active => report.ok("node", format!("number {number}, active, {} tickets", node.tickets)),
        NodeStatus::Silent => {
            report.ok("node", format!("number {number}, silent: the agent's first call brings it back"));
        }
        NodeStatus::Paused => {
            report.warning("node", format!("number {number} is paused"), "run `piecework node resume`");
        }
    }
    if node.stake < min_stake {
        let text = format!("{} is below the least stake of {}", near(node.stake.0), near(min_stake.0));
        report.error("stake", text, "run `piecework node stake`");
    } else {
        report.ok("stake", format!("{} of {} is free", near(node.free_stake()), near(node.stake.0)));
    }
    let declared: Vec<u16> = node.classes.iter().filter(|it| it.declared).map(|it| it.class.0).collect();
    let configured: Vec<u16> = config.classes.keys().map(|class| class.0).collect();
    if configured.iter().any(|class| declared.contains(class)) {
        report.ok("classes", format!("declared {declared:?}, configured {configured:?}"));
    } else {
        let text = format!("declared {declared:?} and configured {configured:?} have nothing in common");
        report.error(
            "classes",
            text,
            "declare the class with `piecework node register` again, or add [work.classes.N]",
        );
    }
    if let Some(account) = &facts.account {
        let free = account.storage_paid.0.saturating_sub(storage::cost(account.storage_used));
        if free >= storage::cost(storage::BALANCE_BYTES) {
            report.ok("storage", format!("{} of the storage deposit is free", near(free)));
        } else {
            let text = format!(
                "{} of the storage deposit is free, a reward in a new token needs {}",
                near(free),
                near(storage::cost(storage::BALANCE_BYTES))
            );
            report.warning("storage", text, "run `piecework account storage-deposit`");
        }
    }
}

/// Batches of the agent's classes that take claims.
fn open<'a>(config: &'a Config, facts: &'a Facts) -> impl Iterator<Item = (BatchId, &'a BatchFacts)> {
    let works = |class| config.classes.contains_key(class);
    let open = facts.batches.iter().map(|(number, batch)| (*number, batch));
    open.filter(move |(_, batch)| works(&batch.open.terms.class) && batch.takes_claims(0, facts.now_s))
}

/// How the other lots of the first requesters ended, as far as the gateway says it and the policy asks.
async fn records(config: &Config, facts: &Facts) -> BTreeMap<AccountNo, Record> {
    let mut records = BTreeMap::new();
    let Ok(gateway) = Gateway::new(&config.gateway_url, config.max_lot_bytes) else { return records };
    if !config.work.policy.asks_for_records() {
        return records;
    }
    let batches: BTreeMap<_, _> = open(config, facts).map(|(number, batch)| (batch.open.requester, number)).collect();
    for (requester, batch) in batches.into_iter().take(REQUESTERS_MAX) {
        // A gateway that does not answer has a finding of its own.
        let Ok(record) = gateway.requester(batch).await else { break };
        records.insert(requester, record);
    }
    records
}

/// Batches that the operator refuses: for their terms, or for how their requesters' other lots ended.
fn terms(config: &Config, facts: &Facts, records: &BTreeMap<AccountNo, Record>, report: &mut Report) {
    let refusals = open(config, facts).flat_map(|(number, batch)| {
        let record = records.get(&batch.open.requester).copied();
        let refusals = config.work.policy.refusals(&Offer { record, ..facts.offer(batch, 0, None) });
        refusals.into_iter().map(move |refusal| (number, refusal))
    });
    let mut refusals = refusals.take(REFUSALS_MAX).peekable();
    if refusals.peek().is_none() {
        report.ok("terms", "no open batch of these classes is refused for its terms or its requester");
    }
    for (number, refusal) in refusals {
        report.warning("terms", format!("batch {number}: {}", refusal.why), refusal.fix);
    }
}

/// What challenges need: a program, the key and its rights, and what pays.
fn challenge(config: &Config, facts: &Facts, key: Option<&KeyFile>, chain_id: &str, report: &mut Report) {
    const NAME: &str = "challenge";
    let (Some(challenge), Some(node_key)) = (&config.challenge, key) else {
        report.ok(NAME, "off: no result is challenged");
        return;
    };
    let public_key = match preflight::challenge_key(config, node_key)
        .and_then(|key| key.as_ref().map(challenger::public_key).transpose())
    {
        Ok(key) => key.unwrap_or_default(),
        Err(error) => {
            report.error(NAME, format!("{error:#}"), "put the intent key there, mode 0600, or set enabled = false");
            return;
        }
    };
    if chain_id.is_empty() {
        let fix = "set [challenge] enabled = false until its owner has set chain_id";
        report.error(NAME, "the contract does not know its chain, so it executes no intent", fix);
    }
    if config.classes.values().all(|class| class.verify_command.is_none()) {
        let fix = "set verify_command in the section of a class under [work.classes]";
        report.warning(NAME, "no class has a program that proves results wrong: none is challenged", fix);
    }
    let limits = Challenging { public_key, ..challenge.limits.clone() };
    match limits.can_pay(facts.challenger.as_ref(), facts.now_s) {
        Ok(left) => report.ok(NAME, format!("{} may deposit {left} units of its token now", challenge.account_id)),
        Err(refusal) => report.error(NAME, refusal.why, refusal.fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings__should_be_of_one_line() {
        let trace = "worker ended with exit status: 1; it said: Traceback:\n  File \"w.py\", line 1\n\nKeyError: 'x'\n";
        assert_eq!(one_line(trace), "worker ended with exit status: 1; it said: Traceback: … KeyError: 'x'");
        assert_eq!((one_line("it answers"), one_line("")), ("it answers".to_owned(), String::new()));
    }
}
