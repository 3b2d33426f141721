//! What goes into the next call. One `work` call carries everything that is ready: reveal old, commit done, claim new.

use piecework_interface::{
    op::{ANSWER_BYTES_MAX, OPS_MAX, Op, POKES_MAX},
    view::{LotPhase, Node, NodeStatus, SlotPhase},
};

use super::{
    Action, Call, State,
    facts::{Facts, Held},
};
use crate::record::{Place, Record};

/// A sign of life is due after this part of the liveness window without a call.
const HEARTBEATS_PER_WINDOW: u32 = 3;

impl State {
    pub(super) fn plan(&mut self, now_ms: u64, facts: &Facts, fresh: bool, actions: &mut Vec<Action>) {
        let Some((_, node)) = facts.node() else { return };
        if fresh {
            self.watch(now_ms, facts);
        }
        if self.pauses.call(now_ms) {
            return;
        }
        // A challenge goes first: there is one of a lot at most, and its window ends.
        if let Some(call) = self.challenge_call(facts, actions) {
            self.call = Some(call.clone());
            actions.push(Action::Send { call, claims: Vec::new() });
            return;
        }
        let (call, claims) = match self.ops(now_ms, facts, fresh) {
            (ops, claims) if ops.is_empty() => {
                let call = self.payout_call(now_ms, facts, fresh);
                (call.or_else(|| self.lone_call(now_ms, facts, fresh, node)), claims)
            }
            (ops, claims) => (Some(Call::Work(ops)), claims),
        };
        let Some(call) = call else { return };
        for place in &claims {
            self.records.insert(*place, Record { place: *place, done: None });
        }
        self.call = Some(call.clone());
        actions.push(Action::Send { call, claims });
    }

    /// Ends the process when nothing is left to do, or the time to stop is over.
    pub(super) fn leave(&self, now_ms: u64, facts: &Facts, actions: &mut Vec<Action>) {
        let Some(stop_at_ms) = self.stop_at_ms else { return };
        let bound =
            facts.held().any(|held| self.is_mine(held.place) && !matches!(held.slot.phase, SlotPhase::Revealed(_)));
        let busy = bound || self.call.is_some() || !self.running.is_empty() || !self.unsaved.is_empty();
        let behind = facts.height < self.facts_needed;
        if now_ms >= stop_at_ms || !(busy || behind) {
            actions.push(Action::Exit);
        }
    }

    fn ops(&self, now_ms: u64, facts: &Facts, fresh: bool) -> (Vec<Op>, Vec<Place>) {
        let mut ops = self.reveals(now_ms, facts);
        let at_hand = facts.held().filter(|held| !self.pauses.lot(held.place.batch, held.place.lot, now_ms));
        ops.extend(at_hand.filter_map(|held| self.commit_or_release(held)));
        ops.truncate(OPS_MAX);
        let mut claims = self.claims(now_ms, facts, OPS_MAX - ops.len());
        if self.stop_at_ms.is_none() {
            // Beside other ops a draw costs little, so it does not wait for another node's.
            let alone = ops.is_empty() && claims.is_empty();
            if fresh || !alone {
                let draws = self.draws(now_ms, facts, alone).into_iter();
                ops.extend(draws.map(|(batch, at)| Op::Draw { batch, at }));
            }
        }
        ops.truncate(OPS_MAX);
        claims.truncate(OPS_MAX - ops.len());
        ops.extend(claims.iter().map(|place| Op::Claim { batch: place.batch, lot: place.lot }));
        (ops, claims)
    }

    /// Reveals of rounds that turned to reveals in a final block, the most urgent first.
    fn reveals(&self, now_ms: u64, facts: &Facts) -> Vec<Op> {
        let mut due: Vec<(u32, Held<'_>)> = facts
            .held()
            .filter(|held| held.lot.phase == LotPhase::Revealing && held.is_current())
            .filter(|held| !self.pauses.lot(held.place.batch, held.place.lot, now_ms))
            .map(|held| (held.lot.reveal_end(&held.batch.open.terms), held))
            .collect();
        due.sort_unstable_by_key(|(until, held)| (*until, held.place));
        let mut bytes = 0;
        let mut ops = Vec::new();
        for (_, held) in due {
            let SlotPhase::Committed(commitment) = held.slot.phase else {
                continue;
            };
            let Some(done) = self.done(held.place).filter(|done| done.commitment == commitment) else {
                continue;
            };
            if ops.len() == OPS_MAX || bytes + done.answers.len() > ANSWER_BYTES_MAX {
                break;
            }
            bytes += done.answers.len();
            let Place { batch, lot, .. } = held.place;
            ops.push(Op::Reveal { batch, lot, answers: done.answers.clone(), salt: done.salt });
        }
        ops
    }

    fn commit_or_release(&self, held: Held<'_>) -> Option<Op> {
        let Place { batch, lot, .. } = held.place;
        let working = held.lot.phase == LotPhase::Working && held.is_current();
        if !working || !matches!(held.slot.phase, SlotPhase::Reserved(_)) {
            return None;
        }
        if let Some(done) = self.done(held.place) {
            return Some(Op::Commit { batch, lot, commitment: done.commitment });
        }
        let stopping = self.stop_at_ms.is_some() && self.is_unworked(held);
        let failed = self.failed.contains_key(&held.place);
        (stopping || failed).then_some(Op::Release { batch, lot })
    }

    /// A call without ops: what is due anywhere, or a sign of life. Only on fresh facts, so that another's step is seen.
    fn lone_call(&self, now_ms: u64, facts: &Facts, fresh: bool, node: &Node) -> Option<Call> {
        if !fresh || self.stop_at_ms.is_some() {
            return None;
        }
        let silence_s = facts.now_s.saturating_sub(node.last_seen);
        let heartbeat = match node.status {
            NodeStatus::Active => silence_s >= (facts.liveness_window_s / HEARTBEATS_PER_WINDOW).max(1),
            NodeStatus::Silent => true,
            NodeStatus::Paused => false,
        };
        if heartbeat {
            return Some(Call::Heartbeat);
        }
        let mut pokes = self.pokes(now_ms, facts);
        pokes.truncate(POKES_MAX);
        if !pokes.is_empty() {
            return Some(Call::Poke(pokes));
        }
        self.tell(now_ms, facts)
    }
}
