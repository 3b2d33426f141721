//! What must hold at the end, each checked against a source that does not depend on what it checks.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Context as _;
use piecework_api::client::{Client, Options};
use piecework_chain::{BlockRef, Coordinator, RpcClient, ft};
use piecework_interface::{
    host::sha256,
    ids::{AccountNo, BatchId, LotId, NEAR},
    journal::next_head,
    money,
    storage::YOCTONEAR_PER_BYTE,
    terms::JURY,
    view::{SlotPhase, Token},
};
use piecework_replay::{Movement, MovementKind, SlotEnd};
use piecework_stack::{Stack, reconcile};

use crate::{
    agents::Agents,
    coalition::{IMAGES, LOT, Plot},
    digits::Digits,
    incidents::{Incidents, Place},
    ledger::Ledger,
    requester,
    run::Run,
    settle,
};

/// Least accuracy of the accepted answers, in percent.
const ACCURACY_PCT: u32 = 95;
/// Journal lines in one answer of the gateway.
const LINES: u32 = 1_000;

/// What the checks need to know of the run.
pub(super) struct Input<'a> {
    pub(super) batch: BatchId,
    pub(super) digits: &'a Digits,
    /// Where the gold of the batch is kept.
    pub(super) gold: PathBuf,
    pub(super) incidents: Incidents,
    pub(super) plot: Plot,
    /// yoctoNEAR that nobody had a claim to when the contract was deployed.
    pub(super) idle_near: u128,
    pub(super) nodes: &'a Agents,
}

impl Input<'_> {
    /// All batches of the run.
    fn batches(&self) -> impl Iterator<Item = BatchId> {
        let Plot { cancelled, lied, .. } = &self.plot;
        [self.batch, *cancelled].into_iter().chain(lied.as_ref().ok().copied())
    }
}

/// A statement and whether it holds.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) found: Found,
}

/// What was found; on a failure, what is wrong.
pub(super) type Found = Result<String, String>;

/// All checks, by the keys of the report.
pub(super) struct Checks {
    pub(super) conserved: Check,
    pub(super) journal: Check,
    pub(super) mirror: Check,
    pub(super) rounds: Check,
    pub(super) exits: Check,
    pub(super) owed: Check,
    pub(super) accuracy: Check,
    pub(super) random: Check,
    pub(super) restarted: Check,
    pub(super) left: Check,
    pub(super) cancelled: Check,
    pub(super) jury: Check,
    pub(super) gold: Check,
}

impl Checks {
    pub(super) fn all(&self) -> [&Check; 13] {
        let Self { conserved, journal, mirror, rounds, exits, owed, accuracy, random, .. } = self;
        let Self { restarted, left, cancelled, jury, gold, .. } = self;
        [conserved, journal, mirror, rounds, exits, owed, accuracy, random, restarted, left, cancelled, jury, gold]
    }
}

impl Check {
    pub(super) const fn holds(&self) -> bool {
        self.found.is_ok()
    }
}

/// NEAR of the contract that backs neither state nor anybody's claim.
///
/// # Errors
/// If the chain cannot be asked.
pub(super) async fn idle_near(stack: &Stack, rpc: &RpcClient) -> anyhow::Result<u128> {
    let contract = &stack.deployment.contract;
    let account = rpc.view_account(contract, BlockRef::Final).await?.context("the contract's account is gone")?;
    let coordinator = stack.coordinator().at(BlockRef::Height(account.block_height));
    // Deposits back the bytes that accounts are charged for; the rest of the storage is the contract's own.
    let charged: u64 = coordinator.all_accounts().await?.iter().map(|account| u64::from(account.storage_used)).sum();
    let storage = u128::from(account.value.storage_usage.saturating_sub(charged)) * YOCTONEAR_PER_BYTE;
    let claims = near_claims(&coordinator).await?;
    let held = account.value.amount.as_yoctonear();
    held.checked_sub(storage)
        .and_then(|free| free.checked_sub(claims))
        .with_context(|| format!("{contract} holds {held} yoctoNEAR, and owes {claims} beside {storage} of storage"))
}

/// All checks of a finished run.
///
/// # Errors
/// If a source cannot be asked at all.
pub(super) async fn run(run: &Run, ledger: &Ledger, input: &Input<'_>) -> anyhow::Result<Checks> {
    let stack = &run.stack;
    let height = ledger.cursor.as_ref().context("no block was followed")?.height;
    let at = stack.coordinator().at(BlockRef::Height(height));
    let check = |name, found| Check { name, found };
    let in_order = format!("{} journal lines in order", ledger.mirror.root.seq);
    Ok(Checks {
        conserved: check("nothing was made or lost", conserved(stack, height, input).await?),
        journal: check("journal head from the indexed events", journal(stack, &at).await?),
        mirror: check("every mirrored row equals the contract's view", mirror(stack).await),
        rounds: check("no answer known early, no lot settled twice", none_of(&ledger.violations, in_order)),
        exits: check("nothing is left locked", exits(ledger, input)),
        owed: check("every reward owed was paid", owed(ledger, input)),
        accuracy: check("accepted answers are right", accuracy(ledger, input)),
        random: check("the random node earned least and lost reputation", random(ledger, input)),
        restarted: check("the restarted node was paid", restarted(ledger, input)),
        left: check("the abandoned seat was done by another", left(ledger, input)),
        cancelled: check("dissenting and cancelling gains nothing", cancelled(ledger, input)),
        jury: check("a jury corrects what two nodes agreed to lie", jury(ledger, input)),
        gold: check("opened gold names the nodes that missed it", gold(stack, ledger, input).await?),
    })
}

fn none_of(wrong: &[String], right: String) -> Found {
    if wrong.is_empty() { Ok(right) } else { Err(wrong.join("; ")) }
}

async fn conserved(stack: &Stack, height: u64, input: &Input<'_>) -> anyhow::Result<Found> {
    let at = stack.coordinator().at(BlockRef::Height(height));
    // What is read elsewhere is not from before that block.
    let rpc = stack.rpc.with_min_height(height);
    let idle = idle_near(stack, &rpc).await?;
    if idle < input.idle_near {
        return Ok(Err(format!("{} yoctoNEAR are missing", input.idle_near - idle)));
    }
    for token in at.tokens().await?.iter().filter(|token| token.token != NEAR) {
        let owed = owed_in(&at, token).await?;
        let held = ft::balance(&rpc, &stack.deployment.token, at.account_id()).await?;
        if held != owed {
            return Ok(Err(format!("the contract holds {held} of {} and owes {owed}", token.account_id)));
        }
    }
    Ok(Ok("balances, escrows, fees and stakes add up to what the contract holds".to_owned()))
}

/// Balances, escrows and fees in a token: what accounts have a claim to.
async fn owed_in(coordinator: &Coordinator, token: &Token) -> anyhow::Result<u128> {
    let is_in = |other| other == token.token;
    let (accounts, batches) = (coordinator.all_accounts().await?, coordinator.all_batches().await?);
    let balances = accounts.iter().flat_map(|account| &account.balances).filter(|balance| is_in(balance.token));
    let escrows = batches.iter().filter_map(|batch| batch.open.as_ref()).filter(|open| is_in(open.token));
    let owed: u128 = balances.map(|balance| balance.amount.0).chain(escrows.map(|open| open.escrow.0)).sum();
    Ok(owed + token.pool.0 + token.in_flight.0)
}

/// The same in NEAR, with stakes, unbonding, storage deposits and what is burnt, in yoctoNEAR.
async fn near_claims(coordinator: &Coordinator) -> anyhow::Result<u128> {
    let mut claims = coordinator.root().await?.value.burnt.0;
    for account in coordinator.all_accounts().await? {
        claims += account.storage_paid.0 + account.node.map_or(0, |node| node.stake.0 + node.unbonding.0);
    }
    for near in coordinator.tokens().await?.iter().filter(|token| token.token == NEAR) {
        claims += owed_in(coordinator, near).await?;
    }
    Ok(claims)
}

async fn journal(stack: &Stack, at: &Coordinator) -> anyhow::Result<Found> {
    let root = at.root().await?;
    // The mirror of a chain like a public network is seconds behind.
    let gateway = Client::new(stack.site.gateway_url(), Options { tries: 8, ..Options::default() })?;
    let (mut seq, mut head) = (0, [0; 32]);
    while seq < root.value.seq {
        let page = gateway.events(seq, LINES, Some(root.block_height)).await?;
        if page.items.is_empty() {
            return Ok(Err(format!("the gateway ends at line {seq} of {}", root.value.seq)));
        }
        for event in page.items.into_iter().take_while(|event| event.seq < root.value.seq) {
            let Some(line) = event.line.filter(|_| event.seq == seq) else {
                return Ok(Err(format!("line {seq} is missing")));
            };
            head = next_head(sha256, &head, &line);
            seq += 1;
        }
    }
    let heads = format!("{} at line {seq}", hex::encode(head));
    Ok(if head == root.value.head {
        Ok(heads)
    } else {
        Err(format!("{heads}, the contract's is {}", hex::encode(root.value.head)))
    })
}

async fn mirror(stack: &Stack) -> Found {
    match reconcile(&stack.site).await {
        Ok(found) if found.holds() => Ok(format!("{} rows at block {}", found.rows, found.height)),
        Ok(found) => Err(format!("{found:?}")),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn exits(ledger: &Ledger, input: &Input<'_>) -> Found {
    let mut wrong = Vec::new();
    wrong.extend(
        input.batches().filter(|batch| !ledger.is_closed(*batch)).map(|batch| format!("batch {batch} is open")),
    );
    if !ledger.mirror.lots.is_empty() {
        wrong.push(format!("{} lots are live", ledger.mirror.lots.len()));
    }
    for account in ledger.mirror.accounts.values() {
        let locked = account.row.node.as_ref().filter(|node| node.bonded.0 > 0 || node.reservations > 0);
        wrong.extend(locked.map(|node| {
            format!("{} has {} seats reserved and {} bonded", account.account_id, node.reservations, node.bonded)
        }));
    }
    none_of(&wrong, "batches closed, no lot live, no stake bonded".to_owned())
}

fn owed(ledger: &Ledger, input: &Input<'_>) -> Found {
    let mut wrong: Vec<String> = input.batches().flat_map(|batch| settle::differences(ledger, batch)).collect();
    let token = ledger.closed(input.batch).map(|closed| closed.token);
    let mut paid = 0;
    for agent in input.nodes.iter() {
        let earned = ledger.earned(agent.account);
        paid += earned;
        let account = ledger.mirror.accounts.get(&agent.account);
        let balances = account.map(|account| account.row.balances.as_slice()).unwrap_or_default();
        let held = balances.iter().find(|balance| Some(balance.token) == token).map_or(0, |balance| balance.amount.0);
        if held != earned {
            wrong.push(format!("{} earned {earned} and holds {held}", agent.name));
        }
    }
    let slots = ledger.history.ended.iter().filter(|ended| ended.end == SlotEnd::Settled).count();
    none_of(&wrong, format!("{slots} slots recomputed, {paid} units paid"))
}

fn accuracy(ledger: &Ledger, input: &Input<'_>) -> Found {
    let (accepted, right) = settle::accepted(ledger, input.batch, input.digits.truth());
    let text = format!("{right} of {accepted}");
    if accepted > 0 && right * 100 >= accepted * ACCURACY_PCT {
        Ok(text)
    } else {
        Err(format!("{text}, below {ACCURACY_PCT} %"))
    }
}

fn random(ledger: &Ledger, input: &Input<'_>) -> Found {
    let random = input.nodes.random();
    let earned = ledger.earned(random.account);
    // Who left early earned what came before.
    let left = input.incidents.left.node;
    let mut others = input.nodes.iter().filter(|agent| ![random.account, left].contains(&agent.account));
    let is_last = others.all(|agent| ledger.earned(agent.account) > earned);
    let reputation = reputation(ledger, random.account);
    let text = format!("{} earned {earned} units, reputation {reputation}", random.name);
    if is_last && reputation < piecework_interface::reputation::START {
        Ok(text)
    } else {
        Err(format!(
            "{text}; it must be the least of those that stayed, and below {}",
            piecework_interface::reputation::START
        ))
    }
}

fn restarted(ledger: &Ledger, input: &Input<'_>) -> Found {
    let Place { node, lot } = input.incidents.restarted;
    let name = input.nodes.name(node);
    let ended = ledger.history.ended.iter().find(|ended| {
        (ended.batch, ended.lot, ended.slot.node, ended.end) == (input.batch, lot, node, SlotEnd::Settled)
    });
    match ended {
        Some(ended) if matches!(ended.slot.phase, SlotPhase::Revealed(_)) && ended.pay > 0 => {
            Ok(format!("{name} revealed lot {lot} after its restart and got {} units", ended.pay))
        }
        Some(ended) => Err(format!("{name} got {} units for lot {lot}", ended.pay)),
        None => Err(format!("the slot of {name} in lot {lot} never settled")),
    }
}

fn left(ledger: &Ledger, input: &Input<'_>) -> Found {
    let Place { node, lot } = input.incidents.left;
    if !ledger.abandoned.contains(&(node, input.batch, lot)) {
        return Err(format!("the reservation of {} in lot {lot} never ran out", input.nodes.name(node)));
    }
    let Some(closed) = ledger.closed(input.batch) else {
        return Err("the batch is not closed".to_owned());
    };
    let result = ledger.history.results.iter().find(|result| (result.batch, result.lot) == (input.batch, lot));
    let slots =
        result.and_then(|result| result.record.as_ref()).map(|record| record.slots.as_slice()).unwrap_or_default();
    let first = slots.iter().filter(|slot| slot.round == 0).count();
    if first == usize::from(closed.terms.start) && slots.iter().all(|slot| slot.node != node) {
        Ok(format!("lot {lot} settled with {first} copies of other nodes"))
    } else {
        Err(format!("lot {lot} settled with {first} copies"))
    }
}

/// The coalition's profit from one that dissents and its requester that cancels, pay of its nodes less what its requester
/// spent: the extension ran, so it is at most what two honest nodes leave their requester with who lets the batch end.
fn cancelled(ledger: &Ledger, input: &Input<'_>) -> Found {
    let (members, batch) = (input.plot.members, input.plot.cancelled);
    let record = ledger.record(batch, LOT).ok_or("the lot never settled")?;
    let later = record.slots.iter().filter(|slot| slot.round == 1 && slot.revealed().is_some()).count();
    if later == 0 {
        return Err("no extension looked at what round 0 left open".to_owned());
    }
    let closed = ledger.closed(batch).ok_or("the batch is not closed")?;
    let of_requester =
        ledger.history.movements.iter().filter(|it| (it.batch, it.account) == (Some(batch), closed.requester));
    let (back, out): (Vec<_>, Vec<_>) = of_requester.partition(|movement| movement.credit);
    let sum = |movements: Vec<&Movement>| movements.iter().map(|movement| movement.amount).sum::<u128>();
    let spent = sum(out) - sum(back);
    let (pay, slash) = gain(ledger, batch, &members);
    // Honest work gets each of the three copies R an item, for which the requester pays the fee as well.
    let copy = closed.terms.reward.0 * u128::try_from(IMAGES.len()).unwrap_or_default();
    let copies = copy * u128::from(closed.terms.start);
    let honest_spent = copies + money::fee(copies, closed.fixed.fee_bps);
    let honest = copy * u128::try_from(members.len()).unwrap_or_default();
    let text = format!(
        "{later} nodes extended; the two got {pay} units and lost {slash} yoctoNEAR, and their requester spent {spent}: with \
         honest work they get {honest} and it spends {honest_spent}"
    );
    // Each side with what the other spends, so that nothing is below zero.
    if pay + honest_spent <= honest + spent && slash > 0 { Ok(text) } else { Err(text) }
}

fn jury(ledger: &Ledger, input: &Input<'_>) -> Found {
    let batch = match &input.plot.lied {
        Ok(batch) => *batch,
        Err(why) => return Ok(format!("none ran: {why}")),
    };
    let record = ledger.record(batch, LOT).ok_or("the lot never settled")?;
    let truth = input.digits.truth_of(&IMAGES);
    let result = ledger.history.results.iter().find(|result| (result.batch, result.lot) == (batch, LOT));
    let answers: Vec<u8> =
        result.iter().flat_map(|result| result.answers.iter()).flat_map(|(_, it)| it.to_vec()).collect();
    let jurors = record.slots.iter().filter(|slot| slot.round == JURY && slot.revealed().is_some()).count();
    let (pay, slash) = gain(ledger, batch, &input.plot.members);
    let awards = ledger.history.movements.iter().filter(|it| it.batch == Some(batch) && it.kind == MovementKind::Award);
    let award: u128 = awards.map(|movement| movement.amount).sum();
    let text = format!(
        "{jurors} jurors; the two got {pay} units and lost {slash} yoctoNEAR, of which the challenger has {award}"
    );
    if answers == truth && pay == 0 && slash >= award && award > 0 { Ok(text) } else { Err(text) }
}

/// Gold is opened, and names for each item exactly the nodes whose copies of the replayed journal are not the truth.
async fn gold(stack: &Stack, ledger: &Ledger, input: &Input<'_>) -> anyhow::Result<Found> {
    let Some(closed) = ledger.closed(input.batch) else { return Ok(Err("the batch is not closed".to_owned())) };
    let opened = requester::open_gold(&stack.site, &stack.requester.key_file, input.batch, &input.gold).await?;
    let size = u32::from(closed.terms.lot_size.max(1));
    let (mut wrong, mut missed) = (Vec::new(), 0);
    for opened in &opened.items {
        let (lot, place) = (LotId(opened.item / size), u8::try_from(opened.item % size)?);
        let truth = input.digits.truth_of(&[usize::try_from(opened.item)?]);
        let Some(record) = ledger.record(input.batch, lot) else { continue };
        let misses = record.slots.iter().filter(|slot| {
            let answers = record.answers_of(slot, &closed.terms, closed.lot_items(lot));
            answers.is_some_and(|answers| answers.get(place).is_some_and(|answer| answer != truth))
        });
        let names = misses.filter_map(|slot| Some(&ledger.mirror.accounts.get(&slot.node)?.account_id));
        let (named, expected): (BTreeSet<&String>, BTreeSet<&String>) =
            (opened.missed.iter().collect(), names.collect());
        missed += expected.len();
        if named != expected {
            wrong.push(format!("item {} is missed by {expected:?}, not {named:?}", opened.item));
        }
    }
    if u32::try_from(opened.items.len())? != opened.leaves || missed == 0 {
        wrong.push(format!(
            "{} of {} answers are open, and {missed} copies miss them",
            opened.items.len(),
            opened.leaves
        ));
    }
    Ok(none_of(&wrong, format!("{} answers fixed before work, {missed} copies missed them", opened.leaves)))
}

/// What these nodes were paid for a batch, and what of their stake it cost.
fn gain(ledger: &Ledger, batch: BatchId, members: &[AccountNo]) -> (u128, u128) {
    let ended = ledger.history.ended.iter().filter(|it| it.batch == batch && members.contains(&it.slot.node));
    ended.fold((0, 0), |(pay, slash), ended| (pay + ended.pay, slash + ended.slash))
}

/// Reputation of a node in its first class.
pub(super) fn reputation(ledger: &Ledger, node: AccountNo) -> u16 {
    let account = ledger.mirror.accounts.get(&node).and_then(|account| account.row.node.as_ref());
    account.and_then(|node| node.classes.first()).map_or(0, |class| class.reputation)
}
