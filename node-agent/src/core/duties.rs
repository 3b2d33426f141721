//! Steps that any node may take: draws and pokes. All agents see them fall due at once, so each waits a time
//! of its own, and most see that another was faster.

use piecework_interface::{
    draw::At,
    due::DrawStep,
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    op::Target,
    view::{GROUP_LOTS, OpenBatch, WINDOW_GROUPS},
};

use super::{
    Call, State,
    facts::{BatchFacts, Facts},
};
use crate::record::Place;

/// Waits are stretched at most so far, however many nodes there are.
const STRETCH_MAX: u64 = 30;

/// A step that is due. Later steps at the same place are other duties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Duty {
    /// Open, or with the flag capture.
    Draw(BatchId, At, bool),
    /// Lot, its round and phase.
    Lot(BatchId, LotId, u8, u8),
    /// Batch.
    Batch(BatchId),
    /// Closed batch whose callback was not sent, and its TGas.
    Tell(BatchId, u8),
    /// Node.
    Node(AccountNo),
}

impl Duty {
    /// The target of a poke.
    pub(super) const fn target(self) -> Option<Target> {
        match self {
            Self::Draw(..) | Self::Tell(..) => None,
            Self::Lot(batch, lot, ..) => Some(Target::Lot(batch, lot)),
            Self::Batch(batch) => Some(Target::Batch(batch)),
            Self::Node(node) => Some(Target::Node(node)),
        }
    }
}

impl State {
    /// Notes since when each step is due.
    pub(super) fn watch(&mut self, now_ms: u64, facts: &Facts) {
        let due = self.due(facts);
        self.duties.retain(|duty, _| due.contains(duty));
        for duty in due {
            self.duties.entry(duty).or_insert(now_ms);
        }
    }

    /// Draws that are due; with `alone` only those whose wait is over.
    pub(super) fn draws(&self, now_ms: u64, facts: &Facts, alone: bool) -> Vec<(BatchId, At)> {
        let ready = self.duties.iter().filter(|(duty, since)| !alone || self.is_ripe(**duty, **since, now_ms, facts));
        ready
            .filter_map(|(duty, _)| match duty {
                Duty::Draw(batch, at, _) => Some((*batch, *at)),
                _ => None,
            })
            .collect()
    }

    /// Pokes whose wait is over.
    pub(super) fn pokes(&self, now_ms: u64, facts: &Facts) -> Vec<Target> {
        self.ripe(now_ms, facts).filter_map(Duty::target).collect()
    }

    /// A callback whose wait is over. It goes alone, for its gas.
    pub(super) fn tell(&self, now_ms: u64, facts: &Facts) -> Option<Call> {
        self.ripe(now_ms, facts).find_map(|duty| match duty {
            Duty::Tell(batch, tgas) => Some(Call::Tell(batch, tgas)),
            _ => None,
        })
    }

    fn ripe(&self, now_ms: u64, facts: &Facts) -> impl Iterator<Item = Duty> {
        let duties = self.duties.iter();
        duties.filter(move |(duty, since)| self.is_ripe(**duty, **since, now_ms, facts)).map(|(duty, _)| *duty)
    }

    /// Starts the wait of a step anew, after another was faster or the chain saw nothing due.
    pub(super) fn postpone(&mut self, now_ms: u64, is_meant: impl Fn(&Duty) -> bool) {
        for (duty, since) in &mut self.duties {
            if is_meant(duty) {
                *since = now_ms.saturating_add(2_000);
            }
        }
    }

    /// Leaves the silent nodes among these alone for a liveness window. Facts name them until the next census, but the
    /// contract made them inactive, or saw that they were back: neither is silent again before a window has passed.
    pub(super) fn told_silent(&mut self, now_ms: u64, targets: &[Target]) {
        let window_s = self.facts.as_ref().map_or(0, |facts| facts.liveness_window_s);
        for (duty, since) in &mut self.duties {
            if matches!(duty, Duty::Node(node) if targets.contains(&Target::Node(*node))) {
                *since = now_ms.saturating_add(u64::from(window_s) * 1_000);
            }
        }
    }

    #[expect(clippy::as_conversions, reason = "a phase has a number")]
    fn due(&self, facts: &Facts) -> Vec<Duty> {
        let mut due = Vec::new();
        for (&batch, open) in &facts.batches {
            let terms = &open.open.terms;
            due.extend(self.draws_due(batch, open, facts));
            if self.limits.keeper {
                let lots = open.lots.iter();
                let lots = lots.filter(|(lot, state)| open.due(**lot, state, facts.now_s, facts.height).is_some());
                due.extend(lots.map(|(&lot, state)| Duty::Lot(batch, lot, state.round, state.phase as u8)));
                let progress = &open.open.progress;
                let (size, life) = ((open.lot_count(), progress.live), (open.open.appendable, open.is_cancelled()));
                let closes = progress.window.closes(size, terms, life, facts.now_s);
                due.extend(closes.then_some(Duty::Batch(batch)));
            }
        }
        if self.limits.keeper {
            due.extend(facts.silent.iter().map(|node| Duty::Node(*node)));
            due.extend(facts.untold.iter().map(|(batch, tgas)| Duty::Tell(*batch, *tgas)));
        }
        due
    }

    /// Waits are uniform over the configured time, once for each node that may be faster: the first of all comes after
    /// about the configured time, the second about as much later.
    fn is_ripe(&self, duty: Duty, since_ms: u64, now_ms: u64, facts: &Facts) -> bool {
        let Some((number, _)) = facts.node() else {
            return false;
        };
        let (jitter_ms, concerned) = match duty {
            Duty::Draw(..) => (self.limits.draw_jitter_ms, false),
            Duty::Lot(batch, lot, ..) => {
                let lot = facts.batches.get(&batch).and_then(|batch| batch.lots.get(&lot));
                let is_in = lot.is_some_and(|lot| lot.slots.iter().any(|slot| slot.node == number));
                (self.limits.keeper_jitter_ms, is_in)
            }
            Duty::Batch(_) | Duty::Node(_) | Duty::Tell(..) => (self.limits.keeper_jitter_ms, false),
        };
        let nodes = match duty {
            Duty::Draw(batch, ..) => {
                let class = facts.batches.get(&batch).and_then(|open| facts.classes.get(&open.open.terms.class));
                class.map(|class| class.nodes)
            }
            _ => facts.classes.values().map(|class| class.nodes).max(),
        };
        let nodes = u64::from(nodes.unwrap_or_default()).clamp(1, STRETCH_MAX);
        // Who waits for its pay goes first.
        let window_ms = jitter_ms.saturating_mul(if concerned { nodes.div_ceil(2) } else { nodes });
        let wait_ms =
            u64::try_from((u128::from(self.draw_lot(duty)) * u128::from(window_ms)) >> 64).unwrap_or(u64::MAX);
        now_ms >= since_ms.saturating_add(wait_ms)
    }

    /// A number that differs between agents and steps.
    fn draw_lot(&self, duty: Duty) -> u64 {
        let (kind, numbers, step): (u8, [u32; 2], u8) = match duty {
            Duty::Draw(batch, At::Group(group), step) => (0, [batch.0, group], step.into()),
            Duty::Draw(batch, At::Lot(lot), step) => (1, [batch.0, lot.0], step.into()),
            Duty::Lot(batch, lot, round, phase) => (2, [batch.0, lot.0], round << 4 | phase),
            Duty::Batch(batch) => (3, [batch.0, 0], 0),
            Duty::Node(node) => (4, [node.0, 0], 0),
            Duty::Tell(batch, _) => (5, [batch.0, 0], 0),
        };
        let mut bytes = self.limits.jitter_seed.to_le_bytes().to_vec();
        bytes.extend([kind, step]);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let digest = sha256(&bytes);
        u64::from_le_bytes(core::array::from_fn(|index| digest[index]))
    }

    /// Groups that may open, and draws whose slice has passed, where this agent would claim.
    fn draws_due(&self, batch: BatchId, open: &BatchFacts, facts: &Facts) -> Vec<Duty> {
        let OpenBatch { terms, fixed, progress, .. } = &open.open;
        let duty = |at, step| Duty::Draw(batch, at, step == DrawStep::Capture);
        let class = facts.classes.get(&terms.class).filter(|class| {
            let first = Place { batch, lot: LotId(0), round: 0 };
            let may_be_drawn = open.open.is_backed() && terms.may_be_drawn(fixed, class);
            may_be_drawn && open.takes_claims(0, facts.now_s) && self.may_join(facts, open, first, None)
        });
        let groups = class.into_iter().flat_map(|class| {
            let groups = (progress.window.frontier..open.lot_count().div_ceil(GROUP_LOTS)).take(WINDOW_GROUPS);
            // A group that was opened while there were more tickets waits: its seed would come long before its claims.
            let groups = groups.filter(|group| progress.window.may_open(*group, class.tickets, terms));
            groups.filter_map(|group| {
                let step = progress.window.draw(group)?.due(true, terms.round_slice_s(0), facts.now_s)?;
                Some(duty(At::Group(group), step))
            })
        });
        let lots = open.lots.iter().filter_map(|(&lot, state)| {
            let step = state.draw.due(false, terms.round_slice_s(state.round), facts.now_s)?;
            let place = Place { batch, lot, round: state.round };
            let may_draw = state.may_draw(terms, facts.now_s).is_ok() && self.may_join(facts, open, place, Some(state));
            may_draw.then(|| duty(At::Lot(lot), step))
        });
        groups.chain(lots).collect()
    }
}

#[cfg(test)]
mod tests;
