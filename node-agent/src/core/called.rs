//! What the outcome of a call means.

use piecework_interface::{
    ids::{BatchId, LotId},
    op::Op,
    skip::Skip,
};

use super::{Action, Call, Called, State, Trouble, duties::Duty};
use crate::record::Place;

/// A lot whose op was skipped is left alone for so long, unless the code says otherwise.
const SKIP_MS: u64 = 3_000;
/// How the contract refuses a step that another's call has made already.
const NOTHING_DUE: &str = "ERR_NOTHING_DUE";

impl State {
    pub(super) fn called(&mut self, now_ms: u64, called: Called, actions: &mut Vec<Action>) {
        let Some(call) = self.call.take() else { return };
        if let Call::Challenge(intent) = &call {
            self.challenge_called(now_ms, intent, &called, actions);
        }
        match called {
            Called::Done { height, skips } => {
                self.facts_needed = self.facts_needed.max(height);
                self.pauses.call_works();
                if let Call::Poke(targets) = &call {
                    self.told_silent(now_ms, targets);
                }
                let Call::Work(ops) = call else { return };
                for (index, skip) in skips {
                    if let Some(op) = ops.get(index) {
                        self.skipped(now_ms, op, skip, actions);
                    }
                }
            }
            Called::Failed(text) => {
                self.not_done(now_ms, &call, actions);
                if let Call::Poke(targets) = &call {
                    self.told_silent(now_ms, targets);
                }
                if !(is_for_all(&call) && text.contains(NOTHING_DUE)) {
                    self.problem(text);
                }
            }
            Called::NotSent(trouble) => {
                self.not_done(now_ms, &call, actions);
                match trouble {
                    Trouble::Disk(text) => {
                        self.problem(text.clone());
                        self.disk = Some(text);
                    }
                    Trouble::Other(text) => self.problem(text),
                }
            }
        }
    }

    fn not_done(&mut self, now_ms: u64, call: &Call, actions: &mut Vec<Action>) {
        match call {
            Call::Work(ops) => {
                self.pauses.call_failed(now_ms);
                for op in ops {
                    if let Op::Claim { batch, lot } = op {
                        self.unclaim(*batch, *lot, actions);
                    }
                }
            }
            // Another agent was faster, or the chain's clock is behind: look again later.
            Call::Poke(targets) => self.postpone(now_ms, |duty| duty.target().is_some_and(|it| targets.contains(&it))),
            Call::Tell(batch, _) => self.postpone(now_ms, |duty| matches!(duty, Duty::Tell(it, _) if it == batch)),
            Call::Heartbeat => self.pauses.call_failed(now_ms),
            // Its wait began when it was sent.
            Call::Challenge(_) | Call::Payout(_) => {}
        }
    }

    /// Takes back the note of a claim that did not succeed.
    fn unclaim(&mut self, batch: BatchId, lot: LotId, actions: &mut Vec<Action>) {
        let claimed = self.records.values().filter(|record| record.done.is_none()).map(|record| record.place);
        let places: Vec<Place> = claimed.filter(|place| (place.batch, place.lot) == (batch, lot)).collect();
        for place in places {
            self.records.remove(&place);
            self.gone_since.remove(&place);
            actions.push(Action::Forget(place));
        }
    }

    fn skipped(&mut self, now_ms: u64, op: &Op, skip: Skip, actions: &mut Vec<Action>) {
        let (batch, lot) = match op {
            Op::Draw { batch, at } => {
                self.postpone(now_ms, |duty| matches!(duty, Duty::Draw(b, a, _) if (b, a) == (batch, at)));
                return;
            }
            Op::Claim { batch, lot } => {
                self.unclaim(*batch, *lot, actions);
                self.claim_skipped(now_ms, *batch, *lot, skip);
                return;
            }
            Op::Release { batch, lot } | Op::Commit { batch, lot, .. } | Op::Reveal { batch, lot, .. } => {
                (*batch, *lot)
            }
        };
        if matches!(skip, Skip::WrongReveal | Skip::WrongLength) {
            self.problem(format!("batch {batch} lot {lot}: the contract refused the reveal: {}", skip.text()));
        }
        self.pauses.lot_until(batch, lot, now_ms.saturating_add(SKIP_MS));
    }

    fn claim_skipped(&mut self, now_ms: u64, batch: BatchId, lot: LotId, skip: Skip) {
        match skip {
            Skip::Reservations | Skip::Inactive | Skip::Class | Skip::Bond | Skip::NodeStorage | Skip::Paused => {
                self.problem(format!("claim of batch {batch} lot {lot} skipped: {}", skip.text()));
                self.pauses.claims_failed(now_ms, skip.text().to_owned());
            }
            Skip::RequesterStorage | Skip::NoBatch | Skip::Adjudicator => {
                self.pauses.batch_failed(batch, now_ms, skip.text().to_owned());
            }
            Skip::Again | Skip::Party | Skip::NoJuror => self.pauses.lot_until(batch, lot, u64::MAX),
            _ => self.pauses.lot_until(batch, lot, now_ms.saturating_add(SKIP_MS)),
        }
    }
}

/// Whether any node may make the call's step: all try, one is first, and the others lose nothing but gas.
const fn is_for_all(call: &Call) -> bool {
    matches!(call, Call::Poke(_) | Call::Tell(..))
}
