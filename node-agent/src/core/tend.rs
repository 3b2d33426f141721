//! Between calls: fetch payloads, run work, write answers down, forget what is over.

use std::collections::BTreeMap;

use piecework_interface::{
    ids::{AccountNo, BatchId, ClassId, LotId},
    view::{LotPhase, SlotPhase},
};

use super::{
    Action, Payloads, State, Trouble,
    facts::{BatchFacts, Facts, Held},
    policy,
};
use crate::{
    record::{Done, Place, Record},
    words::near,
};

/// A record is deleted when the chain has not known its slot for so long: far longer than a node's answers can lag.
const FORGET_AFTER_S: u32 = 600;
/// A failed fetch for a seat that is held already is tried again after this.
const REFETCH_MS: u64 = 5_000;
/// Lots ahead of the claims whose payloads are fetched.
const AHEAD: usize = 2;
/// The gateway is asked about a requester again after so long.
const RECORD_MS: u64 = 600_000;

impl State {
    pub(super) fn fetched(&mut self, now_ms: u64, batch: BatchId, lot: LotId, result: Result<(), Trouble>) {
        let state = match result {
            Ok(()) => Payloads::Ready,
            Err(trouble) => {
                let text = match trouble {
                    Trouble::Disk(text) => {
                        self.disk = Some(text.clone());
                        text
                    }
                    Trouble::Other(text) => {
                        self.pauses.batch_failed(batch, now_ms, text.clone());
                        text
                    }
                };
                self.problem(text.clone());
                Payloads::Bad { retry_at_ms: now_ms.saturating_add(REFETCH_MS), text }
            }
        };
        self.payloads.insert((batch, lot), state);
    }

    pub(super) fn worked(
        &mut self,
        now_ms: u64,
        place: Place,
        items: u64,
        result: Result<Vec<u8>, String>,
        salt: [u8; 32],
        actions: &mut Vec<Action>,
    ) {
        // Work that was given up meanwhile does not count, and finished work is never replaced.
        if !self.running.remove(&place) || self.done(place).is_some() || self.unsaved.contains_key(&place) {
            return;
        }
        match result {
            Ok(answers) => {
                let done = Done::bind(&self.binding, place, items, answers, salt);
                self.pauses.batch_works(place.batch);
                actions.push(Action::Store(Record { place, done: Some(done.clone()) }));
                self.unsaved.insert(place, done);
            }
            Err(text) => {
                let slash = self.facts.as_ref().and_then(|facts| release_slash(facts, place));
                self.work_failed(now_ms, place, text, slash);
            }
        }
    }

    /// `slash` is what giving the seat back costs.
    fn work_failed(&mut self, now_ms: u64, place: Place, text: String, slash: Option<u128>) {
        self.pauses.batch_failed(place.batch, now_ms, text.clone());
        let cost = slash.map(|slash| format!(" for {}", near(slash))).unwrap_or_default();
        self.problem(format!("{place}: {text}; the seat is given back{cost}"));
        self.failed.insert(place, text);
    }

    pub(super) fn stored(&mut self, place: Place, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.disk = None;
                if let Some(done) = self.unsaved.remove(&place) {
                    self.records.insert(place, Record { place, done: Some(done) });
                }
            }
            Err(text) => {
                self.problem(text.clone());
                self.disk = Some(text);
            }
        }
    }

    pub(super) fn tend(&mut self, now_ms: u64, facts: &Facts, fresh: bool, actions: &mut Vec<Action>) {
        if fresh {
            self.pauses.tidy(now_ms, |batch| facts.batches.contains_key(&batch));
            self.forget(facts, actions);
            self.drop_payloads(facts, actions);
            self.look_up_again(now_ms, facts, actions);
            self.retry_disk(actions);
            self.dispute(now_ms, facts, actions);
        }
        self.give_up(now_ms, facts, actions);
        self.work(now_ms, facts, actions);
        self.fetch_ahead(now_ms, facts, actions);
    }

    /// Forgets seats that the chain no longer knows, after a while: an answer from a node that lags, or a claim still
    /// under way, must not cost a salt.
    fn forget(&mut self, facts: &Facts, actions: &mut Vec<Action>) {
        let held: BTreeMap<Place, Held<'_>> = facts.held().map(|held| (held.place, held)).collect();
        self.failed.retain(|place, _| held.contains_key(place));
        self.gone_since.retain(|place, _| !held.contains_key(place));
        self.unseen.retain(|place| self.records.contains_key(place) && !held.contains_key(place));
        if self.call.is_some() {
            return;
        }
        let gone: Vec<Place> = self.records.keys().filter(|place| !held.contains_key(place)).copied().collect();
        for place in gone {
            let since = *self.gone_since.entry(place).or_insert(facts.now_s);
            if facts.now_s.saturating_sub(since) >= FORGET_AFTER_S {
                self.gone_since.remove(&place);
                self.records.remove(&place);
                actions.push(Action::Forget(place));
            }
        }
    }

    /// Drops payloads of lots that this agent neither works on nor may claim.
    fn drop_payloads(&mut self, facts: &Facts, actions: &mut Vec<Action>) {
        if self.call.is_some() {
            return;
        }
        let lots = self.payloads.iter().filter(|(_, state)| **state != Payloads::Fetching).map(|(lot, _)| *lot);
        let over: Vec<_> = lots.filter(|(batch, lot)| !self.needs_payloads(facts, *batch, *lot)).collect();
        for (batch, lot) in over {
            self.payloads.remove(&(batch, lot));
            actions.push(Action::Drop(batch, lot));
        }
    }

    fn needs_payloads(&self, facts: &Facts, batch: BatchId, lot: LotId) -> bool {
        let is_of_lot = |place: Place| (place.batch, place.lot) == (batch, lot);
        let may_claim = |open: &BatchFacts| match open.lots.get(&lot) {
            Some(state) => state.vacancy(&open.open.terms, open.is_cancelled(), facts.now_s).is_ok(),
            None => !open.open.progress.window.is_marked(lot) && open.takes_claims(0, facts.now_s),
        };
        let mut held = facts.held().filter(|held| is_of_lot(held.place)).peekable();
        self.running.iter().any(|place| is_of_lot(*place))
            || match held.peek() {
                Some(_) => held.any(|held| matches!(held.slot.phase, SlotPhase::Reserved(_))),
                None => facts.batches.get(&batch).is_some_and(may_claim),
            }
    }

    /// Writes again what the disk refused; a record or a test write shows when it is well.
    fn retry_disk(&self, actions: &mut Vec<Action>) {
        if self.disk.is_none() {
            return;
        }
        if self.unsaved.is_empty() {
            actions.push(Action::Probe);
        }
        for (&place, done) in &self.unsaved {
            actions.push(Action::Store(Record { place, done: Some(done.clone()) }));
        }
    }

    /// Ends work on seats that are lost, and on all when half of the time to stop is over.
    fn give_up(&mut self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        let late = self.stop_at_ms.is_some_and(|at| now_ms.saturating_add(self.limits.stop_grace_ms / 2) >= at);
        let reserved = |place: Place| {
            facts.held().any(|held| held.place == place && matches!(held.slot.phase, SlotPhase::Reserved(_)))
        };
        let lost: Vec<Place> = self.running.iter().filter(|place| late || !reserved(**place)).copied().collect();
        for place in lost {
            self.running.remove(&place);
            actions.push(Action::Cancel(place));
            if late {
                self.failed.insert(place, "the agent stops".to_owned());
            }
        }
    }

    /// Starts work on seats that were taken, and fetches payloads that got lost.
    fn work(&mut self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        if self.stop_at_ms.is_some() {
            return;
        }
        for held in facts.held() {
            let (place, SlotPhase::Reserved(until)) = (held.place, &held.slot.phase) else {
                continue;
            };
            if !self.is_unworked(held) {
                continue;
            }
            let terms = &held.batch.open.terms;
            let Some(limits) = self.limits.classes.get(&terms.class).copied() else {
                let text = format!("class {} is no longer configured under [work.classes]", terms.class);
                self.work_failed(now_ms, place, text, held.release_slash(facts.now_s));
                continue;
            };
            match self.payloads.get(&(place.batch, place.lot)) {
                Some(Payloads::Ready) if self.running_in(facts, terms.class) < usize::from(limits.parallel) => {
                    // A commit counts until the seat is taken by another, so a late start gets its time too.
                    let left_s = until.saturating_sub(facts.now_s);
                    let limit_s = if left_s == 0 { limits.time_limit_s } else { limits.time_limit_s.min(left_s) };
                    let items = held.batch.judged(place.lot, place.round);
                    let width = held.batch.width(place.round);
                    self.running.insert(place);
                    actions.push(Action::Work { place, class: terms.class, items, width, limit_s });
                }
                Some(Payloads::Bad { retry_at_ms, .. }) if *retry_at_ms > now_ms => {}
                Some(Payloads::Ready | Payloads::Fetching) => {}
                Some(Payloads::Bad { .. }) | None => self.fetch(place.batch, place.lot, actions),
            }
        }
    }

    /// Whether the slot is this agent's, in its current round, and its work has not begun.
    pub(super) fn is_unworked(&self, held: Held<'_>) -> bool {
        let place = held.place;
        self.is_mine(place)
            && held.is_current()
            && held.lot.phase == LotPhase::Working
            && self.done(place).is_none()
            && !self.unsaved.contains_key(&place)
            && !self.running.contains(&place)
            && !self.failed.contains_key(&place)
    }

    fn running_in(&self, facts: &Facts, class: ClassId) -> usize {
        let in_class =
            |place: &&Place| facts.batches.get(&place.batch).is_some_and(|batch| batch.open.terms.class == class);
        self.running.iter().filter(in_class).count()
    }

    /// Fetches the payloads of what may be claimed soon: a claim waits for them.
    fn fetch_ahead(&mut self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        if self.no_claims(now_ms).is_some() {
            return;
        }
        let (most, asks) = (self.room(facts).saturating_add(AHEAD), self.limits.policy.asks_for_records());
        for soon in self.candidates(now_ms, facts, true).into_iter().take(most) {
            let place = soon.place;
            if let Some(batch) = facts.batches.get(&place.batch).filter(|_| asks && place.round == 0) {
                self.look_up(now_ms, place.batch, batch.open.requester, actions);
            }
            match self.payloads.get(&(place.batch, place.lot)) {
                None => self.fetch(place.batch, place.lot, actions),
                Some(Payloads::Bad { retry_at_ms, .. }) if *retry_at_ms <= now_ms => {
                    self.fetch(place.batch, place.lot, actions);
                }
                _ => {}
            }
        }
    }

    /// Asks again about requesters, also those whose record speaks against them, and forgets those without a batch.
    fn look_up_again(&mut self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        let batches = facts.batches.iter().map(|(&batch, open)| (open.open.requester, batch));
        let batches: BTreeMap<AccountNo, BatchId> = batches.collect();
        self.requesters.retain(|requester, _| batches.contains_key(requester));
        for (requester, batch) in batches {
            if self.requesters.contains_key(&requester) {
                self.look_up(now_ms, batch, requester, actions);
            }
        }
    }

    /// Asks how the lots of a batch's requester ended, unless it is known or being asked.
    fn look_up(&mut self, now_ms: u64, batch: BatchId, requester: AccountNo, actions: &mut Vec<Action>) {
        let known = self.requesters.entry(requester).or_default();
        if now_ms >= known.next_ms {
            known.next_ms = u64::MAX;
            actions.push(Action::LookUp(batch, requester));
        }
    }

    /// Takes the gateway's answer; one that knows nothing leaves what an earlier one said.
    pub(super) fn looked_up(&mut self, now_ms: u64, requester: AccountNo, record: Option<policy::Record>) {
        let known = self.requesters.entry(requester).or_default();
        known.next_ms = now_ms.saturating_add(RECORD_MS);
        known.answer = Some(record.or(known.answer.flatten()));
    }

    fn fetch(&mut self, batch: BatchId, lot: LotId, actions: &mut Vec<Action>) {
        self.payloads.insert((batch, lot), Payloads::Fetching);
        actions.push(Action::Fetch(batch, lot));
    }
}

/// What giving a seat back costs now, yoctoNEAR.
fn release_slash(facts: &Facts, place: Place) -> Option<u128> {
    facts.held().find(|held| held.place == place)?.release_slash(facts.now_s)
}
