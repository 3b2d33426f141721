//! Which results the agent challenges: those of lots that it worked in, that a program of the operator proves wrong, and
//! whose challenge is worth more than it costs. All facts are the chain's; a gateway brings payloads alone.
//!
//! A lot's disputed items are weighed, verified, weighed again with what was proven, and signed into a record, whose intent
//! goes out with the next call. From the record on the lot is never challenged anew.

pub mod value;

use std::collections::BTreeMap;

use piecework_interface::{
    answers::Items,
    case::Case,
    dispute::{ChallengeRefusal, challenge_deposit},
    ids::{BatchId, LotId, TokenId},
    intent::SignedIntent,
    item_set,
    key::{DEADLINE_MAX_S, IntentKey, Kind, PublicKey},
    settlement::{Held as Behind, judge},
    skip::Skip,
    storage,
    terms::JURY,
    view::{Account, LotPhase, LotState, SlotPhase},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Action, Call, Called, State, Trouble,
    facts::{BatchFacts, Facts, Held},
    policy::Refusal,
};
use crate::{
    record::{Challenge, Fate},
    words::near,
};
use value::{Dispute, Odds};

/// A UTC day, seconds: the daily cap's.
const DAY_S: u32 = 86_400;
/// A challenge that is over stays on record for so long, for `status`.
const KEEP_S: u32 = 30 * DAY_S;
/// A verification that failed is tried again after this.
const AGAIN_MS: u64 = 30_000;
/// Sentences of `status` at most.
const REASONS_MAX: usize = 8;

/// What the operator allows the agent to challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenging {
    /// The key that signs challenges, and nothing else of the agent's.
    pub public_key: PublicKey,
    /// Deposits of a UTC day at most, in units of the key's token.
    pub daily_cap: u128,
    /// What a challenge must bring at least, in units of the key's token.
    pub min_expected: u128,
    /// What a challenge is weighed by.
    pub odds: Odds,
    /// A challenge is signed and sent only while so much of the window is left, seconds.
    pub margin_s: u32,
}

impl Challenging {
    /// Most units of the key's token that a challenge may deposit now, but for what was deposited today.
    ///
    /// # Errors
    /// Why it may deposit none.
    pub fn can_pay(&self, account: Option<&Account>, now_s: u32) -> Result<u128, Refusal> {
        let account = account.ok_or_else(unregistered)?;
        let key = account.keys.iter().find(|key| key.public_key == self.public_key);
        let limit = key.and_then(|key| key.limit);
        let token = limit.map(|limit| limit.token).unwrap_or_default();
        may_sign(account, self, token, 1, now_s)?;
        can_pay(account, token, 1, 0)?;
        let balance = account.balances.iter().find(|balance| balance.token == token).map_or(0, |it| it.amount.0);
        Ok(balance.min(self.daily_cap).min(limit.map_or(0, |limit| limit.daily_cap.0)))
    }
}

/// An item whose result is not the node's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Item of the lot.
    pub item: u8,
    /// The result; `None` without one.
    pub result: Option<Vec<u8>>,
    /// The node's answer.
    pub own: Vec<u8>,
}

/// A challenge to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Items, bit i for item i of the lot.
    pub items: u64,
    /// Token of the deposit.
    pub token: TokenId,
    /// The deposit, in units of the token.
    pub deposit: u128,
    /// Chain time, Unix seconds.
    pub now_s: u32,
    /// Chain time after which it is void, Unix seconds.
    pub deadline: u32,
    /// The document that shows the results to be wrong.
    pub evidence: String,
}

/// Where the verification of a lot's disputed items stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    Verifying,
    /// The items that are proven wrong, each with its evidence.
    Verified(BTreeMap<u8, String>),
    Failed {
        retry_at_ms: u64,
        text: String,
    },
}

/// Challenges as `status` shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Whether the agent challenges at all.
    pub enabled: bool,
    /// Challenges that the contract took.
    pub sent: u32,
    /// Those by which a jury changed a result.
    pub won: u32,
    /// Those by which it changed none.
    pub lost: u32,
    /// Deposits that may still be lost, in units of the key's token, as a decimal number.
    pub at_risk: String,
    /// Deposits that count for today's cap, in the same units.
    pub today: String,
    /// Each challenge on record.
    pub challenges: Vec<ReportLine>,
    /// Lots with disputed items that are not challenged, and why.
    pub declined: Vec<String>,
}

/// A challenge as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLine {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Items, bit i for item i of the lot.
    #[serde(with = "item_set")]
    pub items: u64,
    /// The deposit, in units of the token, as a decimal number.
    pub deposit: String,
    /// Token of the deposit.
    pub token: TokenId,
    /// What became of it.
    pub fate: Fate,
}

impl State {
    /// Takes up the challenges that are on disk.
    #[must_use]
    pub fn with_challenges(mut self, challenges: Vec<Challenge>) -> Self {
        self.challenges =
            challenges.into_iter().map(|challenge| ((challenge.batch, challenge.lot), challenge)).collect();
        self
    }

    /// Challenges on record.
    pub fn challenges(&self) -> impl Iterator<Item = &Challenge> {
        self.challenges.values()
    }

    /// Lots with disputed items that are not challenged.
    #[must_use]
    pub fn declined(&self) -> usize {
        self.declined.len()
    }

    /// Challenges, and why lots are not challenged.
    #[must_use]
    pub fn challenge_report(&self) -> Report {
        let now_s = self.facts.as_ref().map_or(0, |facts| facts.now_s);
        let count = |is_meant: &dyn Fn(&Fate) -> bool| {
            u32::try_from(self.challenges().filter(|challenge| is_meant(&challenge.fate)).count()).unwrap_or(u32::MAX)
        };
        let ruled = |won| count(&|fate| matches!(fate, Fate::Ruled { overturned, .. } if (*overturned != 0) == won));
        let declined = self.declined.iter().map(|((batch, lot), why)| format!("batch {batch} lot {lot}: {why}"));
        let lines = self.challenges().map(|challenge| ReportLine {
            batch: challenge.batch,
            lot: challenge.lot,
            items: challenge.items,
            deposit: challenge.deposit.to_string(),
            token: challenge.token,
            fate: challenge.fate.clone(),
        });
        Report {
            enabled: self.limits.challenge.is_some(),
            sent: count(&|fate| !matches!(fate, Fate::Pending | Fate::Void(_))),
            won: ruled(true),
            lost: ruled(false),
            at_risk: sum(self.challenges().filter(|challenge| challenge.is_open())).to_string(),
            today: self.deposits_of_day(now_s).to_string(),
            challenges: lines.collect(),
            declined: declined.take(REASONS_MAX).collect(),
        }
    }

    /// Looks at what became of challenges, and begins new ones.
    pub(super) fn dispute(&mut self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        let Some(limits) = self.limits.challenge.clone() else { return };
        if self.call.is_some() || facts.height < self.facts_needed {
            return;
        }
        self.follow(facts, actions);
        let is_there = |(batch, lot): (BatchId, LotId)| lot_of(facts, batch, lot).is_some();
        self.doubts.retain(|lot, _| is_there(*lot));
        self.declined.retain(|lot, _| is_there(*lot));
        if self.stop_at_ms.is_some() {
            return;
        }
        // Lots whose verification failed come last, so that they starve no other.
        let mut held: Vec<_> = facts.held().collect();
        held.sort_by_key(|held| {
            matches!(self.doubts.get(&(held.place.batch, held.place.lot)), Some(Doubt::Failed { .. }))
        });
        for held in held {
            let (batch, lot) = (held.place.batch, held.place.lot);
            if self.challenges.contains_key(&(batch, lot)) || !held.may_dispute(facts.now_s) {
                continue;
            }
            let begun = self.begin(now_ms, facts, &limits, held, actions);
            match begun {
                Ok(()) => drop(self.declined.remove(&(batch, lot))),
                Err(refusal) => drop(self.declined.insert((batch, lot), refusal)),
            }
        }
    }

    /// The next step towards a challenge of a lot; nothing where the node's answers are the results.
    fn begin(
        &mut self,
        now_ms: u64,
        facts: &Facts,
        limits: &Challenging,
        held: Held<'_>,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let (place, dispute) = (held.place, held.dispute());
        let done = self.done(place).filter(|done| held.slot.revealed() == Some(done.answers.as_slice()));
        if done.is_none() || dispute.items() == 0 {
            return Ok(());
        }
        let doubt = self.doubts.get(&(place.batch, place.lot));
        let proven = match doubt {
            Some(Doubt::Verified(proven)) => Some(proven.clone()),
            _ => None,
        };
        let class = self.limits.classes.get(&held.batch.open.terms.class);
        if !class.is_some_and(|class| class.verifies) {
            let why = format!("no program of class {} can prove its results wrong", held.batch.open.terms.class);
            return Err(refusal(why, "set verify_command in the class's section under [work.classes]"));
        }
        let of = proven.as_ref().map(|proven| proven.keys().fold(0, |items, item| items | 1 << item));
        let draft = self.draft(facts, limits, held, of)?;
        let Some(proven) = proven else {
            match doubt {
                Some(Doubt::Failed { retry_at_ms, text }) if *retry_at_ms > now_ms => {
                    return Err(refusal(text.clone(), "wait: it is verified again, or correct verify_command"));
                }
                // One program at a time: lots with work in hand go first.
                None | Some(Doubt::Failed { .. }) if !self.doubts.values().any(|it| *it == Doubt::Verifying) => {
                    self.doubts.insert((place.batch, place.lot), Doubt::Verifying);
                    let disputed = dispute.disputed(draft.items);
                    let class = held.batch.open.terms.class;
                    actions.push(Action::Verify { place, class, width: held.batch.open.terms.answer_width, disputed });
                }
                _ => {}
            }
            return Ok(());
        };
        if let Some(disk) = &self.disk {
            return Err(refusal(disk.clone(), "free space in [state] dir"));
        }
        // One at a time: the cap and the balance count what is signed.
        if actions.iter().any(|action| matches!(action, Action::Sign(_))) {
            return Ok(());
        }
        let evidence = document(&dispute, place.lot, draft.items, &proven);
        actions.push(Action::Sign(Draft { evidence, ..draft }));
        Ok(())
    }

    /// The challenge that the facts allow now, of the proven items, or of all while nothing is verified.
    fn draft(
        &self,
        facts: &Facts,
        limits: &Challenging,
        held: Held<'_>,
        proven: Option<u64>,
    ) -> Result<Draft, Refusal> {
        let (batch, lot, open) = (held.place.batch, held.place.lot, &held.batch.open);
        let (terms, items) = (&held.lot.terms(&open.terms), open.lot_items(lot));
        let dispute = held.dispute();
        let disputed = dispute.items();
        let case = held.lot.case.as_deref().cloned().unwrap_or_default();
        let free = disputed & !case.challenged();
        if free == 0 {
            return Err(refusal("others challenged its items already".to_owned(), "leave it: a jury looks at them"));
        }
        let meant = free & proven.unwrap_or(u64::MAX);
        if meant == 0 {
            let why = format!("verify_command proves none of {} items wrong", free.count_ones());
            return Err(refusal(why, "leave it, or make the program prove more"));
        }
        let (odds, token) = (limits.odds, open.token);
        let worthy = Items(meant).iter().filter(|item| dispute.expected(1 << item, odds) > 0);
        let worthy = worthy.fold(0, |items, item| items | 1 << item);
        let all = if worthy == 0 { meant } else { worthy };
        let expected = dispute.expected(all, odds);
        if worthy == 0 || expected <= i128::try_from(limits.min_expected).unwrap_or(i128::MAX) {
            let why = format!(
                "a challenge of {} items is expected to bring {expected} units of token {token}, not more than {}",
                all.count_ones(),
                limits.min_expected
            );
            return Err(refusal(why, "leave it, or lower [challenge] min_expected where that is above 0"));
        }
        let end = held.lot.challenge_end(terms);
        let left_s = end.saturating_sub(facts.now_s);
        if left_s < limits.margin_s {
            let why = format!("its window ends in {left_s} s, and {} are kept", limits.margin_s);
            return Err(refusal(why, "set [challenge] margin_s lower"));
        }
        room(&case, &dispute, worthy)?;
        let deposit = challenge_deposit(terms, items, worthy);
        let account = facts.challenger.as_ref().ok_or_else(unregistered)?;
        may_sign(account, limits, token, deposit, facts.now_s)?;
        let today = self.deposits_of_day(facts.now_s);
        if today.saturating_add(deposit) > limits.daily_cap {
            let why = format!(
                "its deposit is {deposit} units of token {token}, {today} are spent today, and the cap is {}",
                limits.daily_cap
            );
            return Err(refusal(why, "raise [challenge] daily_cap, or wait for the next day (UTC)"));
        }
        can_pay(account, token, deposit, storage::challenge_bytes(terms, worthy))?;
        let latest = facts.now_s.saturating_add(DEADLINE_MAX_S - limits.margin_s.min(DAY_S));
        let deadline = end.min(latest);
        Ok(Draft { batch, lot, items: worthy, token, deposit, now_s: facts.now_s, deadline, evidence: String::new() })
    }

    /// Takes the outcome of a verification.
    pub(super) fn verified(
        &mut self,
        now_ms: u64,
        (batch, lot): (BatchId, LotId),
        result: Result<BTreeMap<u8, String>, String>,
        actions: &mut Vec<Action>,
    ) {
        if self.doubts.get(&(batch, lot)) != Some(&Doubt::Verifying) {
            return;
        }
        let doubt = match result {
            Ok(proven) => Doubt::Verified(proven),
            Err(text) => {
                self.problem(format!("batch {batch} lot {lot}: {text}"));
                Doubt::Failed { retry_at_ms: now_ms.saturating_add(AGAIN_MS), text }
            }
        };
        self.doubts.insert((batch, lot), doubt);
        if !self.payloads.contains_key(&(batch, lot)) {
            actions.push(Action::Drop(batch, lot));
        }
    }

    /// Takes a signed challenge that is on disk, or why it is not.
    pub(super) fn signed(&mut self, result: Result<Challenge, Trouble>) {
        match result {
            Ok(challenge) => {
                self.doubts.remove(&(challenge.batch, challenge.lot));
                self.challenges.insert((challenge.batch, challenge.lot), challenge);
            }
            Err(Trouble::Disk(text)) => {
                self.problem(text.clone());
                self.disk = Some(text);
            }
            Err(Trouble::Other(text)) => self.problem(text),
        }
    }

    /// The next challenge to send. One that would fail now is given up for good.
    pub(super) fn challenge_call(&mut self, facts: &Facts, actions: &mut Vec<Action>) -> Option<Call> {
        let limits = self.limits.challenge.clone()?;
        if self.stop_at_ms.is_some() || self.disk.is_some() {
            return None;
        }
        let pending: Vec<_> = self.challenges().filter(|challenge| challenge.fate == Fate::Pending).cloned().collect();
        for challenge in pending {
            match may_send(facts, &limits, &challenge) {
                Ok(()) => return Some(Call::Challenge(challenge.intent)),
                Err(why) => self.set_fate(&challenge.intent, Fate::Void(why), actions),
            }
        }
        None
    }

    /// Takes the outcome of a call that sent a challenge.
    pub(super) fn challenge_called(
        &mut self,
        now_ms: u64,
        intent: &SignedIntent,
        called: &Called,
        actions: &mut Vec<Action>,
    ) {
        match called {
            Called::Done { skips, .. } => {
                let code = skips.values().next().copied();
                self.set_fate(intent, code.map_or(Fate::Standing, |code| Fate::Void(code.text().to_owned())), actions);
            }
            // The contract refused every intent of the call. Should an earlier call have brought it, the facts show it.
            Called::Failed(text) => self.set_fate(intent, Fate::Void(text.clone()), actions),
            Called::NotSent(_) => self.pauses.call_failed(now_ms),
        }
    }

    fn set_fate(&mut self, intent: &SignedIntent, fate: Fate, actions: &mut Vec<Action>) {
        let Some(challenge) = self.challenges.values_mut().find(|challenge| challenge.intent == *intent) else {
            return;
        };
        if challenge.fate != fate {
            challenge.fate = fate;
            actions.push(Action::StoreChallenge(challenge.clone()));
        }
    }

    /// Notes what the facts say of challenges: taken, replaced, ruled. Old ones are forgotten.
    fn follow(&mut self, facts: &Facts, actions: &mut Vec<Action>) {
        let Some(me) = facts.challenger.as_ref().map(|account| account.account) else { return };
        for challenge in self.challenges.values().cloned().collect::<Vec<_>>() {
            let lot = (challenge.batch, challenge.lot);
            let Some((batch, state)) = lot_of(facts, lot.0, lot.1) else {
                let ruling = self.rulings.remove(&lot);
                match challenge.fate {
                    Fate::Standing => self.set_fate(&challenge.intent, ruling.unwrap_or(Fate::Unseen), actions),
                    Fate::Pending => {
                        let why = "the lot settled before it was sent".to_owned();
                        self.set_fate(&challenge.intent, Fate::Void(why), actions);
                    }
                    _ if facts.now_s >= challenge.signed_at.saturating_add(KEEP_S) => {
                        self.challenges.remove(&lot);
                        actions.push(Action::ForgetChallenge(lot.0, lot.1));
                    }
                    _ => {}
                }
                continue;
            };
            let mut standing = state.case.iter().flat_map(|case| &case.challenges);
            let index = standing.position(|it| it.account == me && it.items == challenge.items);
            match (index, &challenge.fate) {
                (Some(_), Fate::Pending | Fate::Void(_) | Fate::Replaced) => {
                    self.set_fate(&challenge.intent, Fate::Standing, actions);
                }
                (None, Fate::Standing) => self.set_fate(&challenge.intent, Fate::Replaced, actions),
                _ => {}
            }
            if let (Some(index), JURY) = (index, state.round) {
                match ruling(batch, challenge.lot, state, index, challenge.items) {
                    Some(ruling) => drop(self.rulings.insert(lot, ruling)),
                    None => drop(self.rulings.remove(&lot)),
                }
            }
        }
    }

    /// Deposits of the UTC day of `now_s`, those that the contract refused left out.
    fn deposits_of_day(&self, now_s: u32) -> u128 {
        let day = now_s / DAY_S;
        let counts =
            |challenge: &&Challenge| challenge.signed_at / DAY_S == day && !matches!(challenge.fate, Fate::Void(_));
        sum(self.challenges().filter(counts))
    }
}

impl<'a> Held<'a> {
    /// Whether the slot did work whose result may be challenged now: an adjudicator's scores are left alone.
    fn may_dispute(&self, now_s: u32) -> bool {
        let terms = &self.batch.open.terms;
        let revealed = matches!(self.slot.phase, SlotPhase::Revealed(_));
        revealed && self.place.round < JURY && terms.adjudicator().is_none() && self.lot.challengeable(terms, now_s)
    }

    /// The lot as the node disputes it.
    fn dispute(&self) -> Dispute<'a> {
        let open = &self.batch.open;
        Dispute { open, items: open.lot_items(self.place.lot), state: self.lot, slot: self.slot }
    }
}

impl Dispute<'_> {
    /// These items, with results and own answers.
    fn disputed(&self, items: u64) -> Vec<Disputed> {
        let (own, results) = (self.own().unwrap_or_default(), self.results());
        let disputed = Items(items).iter().filter_map(|item| {
            let result = results.get(item).map(<[u8]>::to_vec);
            Some(Disputed { item, result, own: own.get(item)?.to_vec() })
        });
        disputed.collect()
    }
}

fn refusal(why: String, fix: &str) -> Refusal {
    Refusal { why, fix: fix.to_owned() }
}

fn unregistered() -> Refusal {
    let fix = "run `piecework account storage-deposit` for it, and deposit tokens";
    refusal("the account that pays challenges is not registered".to_owned(), fix)
}

fn sum<'a>(challenges: impl Iterator<Item = &'a Challenge>) -> u128 {
    challenges.fold(0, |sum, challenge| sum.saturating_add(challenge.deposit.0))
}

fn lot_of(facts: &Facts, batch: BatchId, lot: LotId) -> Option<(&BatchFacts, &LotState)> {
    let batch = facts.batches.get(&batch)?;
    Some((batch, batch.lots.get(&lot)?))
}

/// Whether the lot has room for a challenge of these items beside those that stand.
fn room(case: &Case, dispute: &Dispute<'_>, items: u64) -> Result<(), Refusal> {
    // Neither who challenges nor when matters to whether these items can be.
    let any = Default::default();
    let added = case.clone().challenge(&dispute.open.terms, dispute.items, (any, any, items), 0);
    added.map(drop).map_err(|why: ChallengeRefusal| refusal(why.text().to_owned(), "leave it: a jury sits anyway"))
}

/// Whether the key may sign a challenge with this deposit, by the contract's own rule.
fn may_sign(account: &Account, limits: &Challenging, token: TokenId, deposit: u128, now_s: u32) -> Result<(), Refusal> {
    let public_key = limits.public_key;
    let add = format!("run `piecework intent key-add {public_key} --kinds challenge --daily-cap AMOUNT`");
    let why = match account.keys.iter().find(|key| key.public_key == public_key) {
        None => format!("key {public_key} signs nothing for account {}", account.account),
        Some(IntentKey { limit: None, .. }) => format!("key {public_key} has no cap: a machine's key needs one"),
        Some(key) => match key.allows(Kind::Challenge, token, deposit, now_s) {
            Ok(()) => return Ok(()),
            Err(Skip::KeyToken) => format!("key {public_key} moves another token than {token}"),
            Err(Skip::KeyCap) => {
                let why = format!("the contract's daily cap of key {public_key} does not cover {deposit}");
                let fix = format!("wait for the next day (UTC), or {add}");
                return Err(Refusal { why, fix });
            }
            Err(_) => format!("key {public_key} may sign no challenges"),
        },
    };
    Err(Refusal { why, fix: add })
}

/// Whether balance and storage deposit cover a challenge.
fn can_pay(account: &Account, token: TokenId, deposit: u128, bytes: u32) -> Result<(), Refusal> {
    let balance = account.balances.iter().find(|balance| balance.token == token).map_or(0, |it| it.amount.0);
    if balance < deposit {
        let why = format!("account {} has {balance} units of token {token}, its deposit is {deposit}", account.account);
        return Err(refusal(why, "deposit tokens for the account that pays challenges"));
    }
    let (free, cost) =
        (account.storage_paid.0.saturating_sub(storage::cost(account.storage_used)), storage::cost(bytes));
    if free < cost {
        let (number, free, cost) = (account.account, near(free), near(cost));
        let why = format!("account {number} has {free} of free storage deposit, it locks {cost}");
        return Err(refusal(why, "run `piecework account storage-deposit` for the account that pays challenges"));
    }
    Ok(())
}

/// Whether a signed challenge would be taken now; else why it never goes out.
fn may_send(facts: &Facts, limits: &Challenging, challenge: &Challenge) -> Result<(), String> {
    let Some((batch, state)) = lot_of(facts, challenge.batch, challenge.lot) else {
        return Err("the lot settled before it was sent".to_owned());
    };
    let terms = &batch.open.terms;
    let left_s = state.challenge_end(terms).min(challenge.deadline).saturating_sub(facts.now_s);
    // The other half of the margin is for the way to the chain.
    if !state.challengeable(terms, facts.now_s) || left_s <= limits.margin_s / 2 {
        return Err("the window was nearly over before it was sent".to_owned());
    }
    let case = state.case.as_deref().cloned().unwrap_or_default();
    let any = Default::default();
    let items = batch.open.lot_items(challenge.lot);
    let added = case.clone().challenge(terms, items, (any, any, challenge.items), 0);
    added.map(drop).map_err(|why| why.text().to_owned())
}

/// What the challenge comes to if the jury's round ended now; `None` while too few jurors have revealed to decide.
fn ruling(batch: &BatchFacts, lot: LotId, state: &LotState, index: usize, items: u64) -> Option<Fate> {
    let (open, mut now) = (&batch.open, state.clone());
    if now.phase == LotPhase::Working {
        now.slots.retain(|slot| !matches!(slot.phase, SlotPhase::Reserved(_)));
    }
    let judgement = judge(&open.terms, open.lot_items(lot), &now);
    let overturned = judgement.ruled()? & items;
    let settlement = judgement.settle(&open.fixed, &Behind::default(), None);
    let back = settlement.challengers.get(index).copied().unwrap_or_default();
    Some(Fate::Ruled { overturned, tokens: back.tokens.into(), near: back.near.into() })
}

/// What a challenge's digest stands for: per item the result, the node's answer, and what the program says.
fn document(dispute: &Dispute<'_>, lot: LotId, items: u64, proven: &BTreeMap<u8, String>) -> String {
    let first = lot.0.saturating_mul(u32::from(dispute.open.terms.lot_size));
    let items = dispute.disputed(items).into_iter().map(|it| {
        json!({
            "index": first.saturating_add(it.item.into()),
            "result": it.result.map(hex::encode),
            "answer": hex::encode(it.own),
            "evidence": proven.get(&it.item),
        })
    });
    json!({ "lot": lot, "items": items.collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests;
