//! Which seats the agent may take.

use piecework_interface::{
    Sha256,
    admit::Seat,
    draw::{Draw, Seed},
    host,
    ids::{AccountNo, BatchId, LotId},
    round::max_slots,
    skip::Skip,
    terms::JURY,
    view::{GROUP_LOTS, LotPhase, LotState, Node, SlotPhase, WINDOW_GROUPS},
};

use super::{
    Payloads, State,
    facts::{BatchFacts, Facts, Held},
};
use crate::record::Place;

const SHA256: Sha256 = host::sha256;

/// A seat that the node may take now or soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chance {
    /// Whether its slice is still to come.
    later: bool,
    /// Seats that are free: started lots go first, so that they finish.
    free: usize,
    /// Spreads nodes over lots.
    order: u64,
    /// Seat.
    pub(super) place: Place,
}

impl State {
    /// Slots the node may still take.
    pub(super) fn room(&self, facts: &Facts) -> usize {
        let Some((_, node)) = facts.node() else { return 0 };
        usize::from(self.slot_limit(node).saturating_sub(node.slots))
    }

    /// Slots the node may hold at once.
    pub(super) fn slot_limit(&self, node: &Node) -> u16 {
        self.limits.max_slots.min(max_slots(node.settled))
    }

    /// Why the agent claims nothing at all.
    pub(super) fn no_claims(&self, now_ms: u64) -> Option<String> {
        if self.stop_at_ms.is_some() {
            return Some("the agent is stopping".to_owned());
        }
        if let Some(disk) = &self.disk {
            return Some(disk.clone());
        }
        self.pauses.claims(now_ms).map(str::to_owned)
    }

    /// Seats that the node may take now, and with `ahead` those of the next slice, best first.
    pub(super) fn candidates(&self, now_ms: u64, facts: &Facts, ahead: bool) -> Vec<Chance> {
        let Some((number, node)) = facts.node() else {
            return Vec::new();
        };
        let mut chances = Vec::new();
        for (&batch, open) in &facts.batches {
            let terms = &open.open.terms;
            if !self.may_work(facts, batch, open) || self.pauses.batch(batch, now_ms).is_some() {
                continue;
            }
            let mut unfilled = 0;
            for (place, seed, state) in drawn(batch, open) {
                let seats = terms.seats(place.round);
                let free = state.map_or(usize::from(seats), |state| state.free_seats(terms, facts.now_s));
                let left = state.is_some_and(|state| state.leavers.contains(&number));
                if place.round == 0 && free > 0 && !left {
                    unfilled += 1;
                    if unfilled > self.front(node, seed, seats) {
                        continue;
                    }
                }
                if !self.can_answer(open, place.round)
                    || self.pauses.lot(batch, place.lot, now_ms)
                    || self.is_mine(place)
                {
                    continue;
                }
                let table = open.table(place, state, Some(seed));
                let admits = |drawn_s| admitted(table.admit(SHA256, (number, node), facts.now_s, drawn_s));
                let horizon_s = if ahead { facts.now_s.saturating_add(terms.slice_s) } else { facts.now_s };
                if admits(horizon_s) {
                    let later = !admits(facts.now_s);
                    chances.push(Chance { later, free, order: spread(number.0, place), place });
                }
            }
        }
        chances.sort_unstable();
        chances
    }

    /// The seats to claim in the next call: payloads in hand, bond covered, work that can be finished in time.
    pub(super) fn claims(&self, now_ms: u64, facts: &Facts, most: usize) -> Vec<Place> {
        let Some((_, node)) = facts.node() else {
            return Vec::new();
        };
        if self.no_claims(now_ms).is_some() {
            return Vec::new();
        }
        let room = self.room(facts).min(most);
        let mut first_rounds = self.first_round_room(facts);
        let mut free_stake = node.free_stake();
        let mut claims: Vec<Place> = Vec::new();
        for chance in self.candidates(now_ms, facts, false) {
            let place = chance.place;
            let Some(batch) = facts.batches.get(&place.batch) else {
                continue;
            };
            if claims.len() == room {
                break;
            }
            if self.payloads.get(&(place.batch, place.lot)) != Some(&Payloads::Ready)
                || !self.can_finish(facts, batch, &claims)
            {
                continue;
            }
            let may_extend = may_extend(batch) && place.round == 0;
            if may_extend && first_rounds == 0 {
                continue;
            }
            let bond = batch.bond(place.lot, place.round);
            if bond <= free_stake {
                free_stake -= bond;
                first_rounds -= usize::from(may_extend);
                claims.push(place);
            }
        }
        claims
    }

    /// How many unfilled lots of a batch, by number, the node looks at: as many as the network's nodes can fill at once.
    /// Nodes that spread over more lots than that would each wait in a lot that nobody is left to complete. What this
    /// node gave back does not count: it may be beyond everybody, and must not hold up the rest.
    fn front(&self, node: &Node, seed: &Seed, seats: u8) -> u32 {
        let first_rounds = u32::from(self.slot_limit(node).div_ceil(2));
        (seed.tickets.saturating_mul(first_rounds) / u32::from(seats.max(1))).max(1)
    }

    /// First rounds that the node may still join in batches with extensions. Half of the slots stay free for the extensions:
    /// a slot is held until its lot settles, so nodes that are full of first rounds would wait for each other.
    pub(super) fn first_round_room(&self, facts: &Facts) -> usize {
        let Some((_, node)) = facts.node() else { return 0 };
        let open = |held: &Held<'_>| {
            let extends = held.lot.round < JURY && held.lot.phase != LotPhase::Provisional && may_extend(held.batch);
            held.place.round == 0 && extends
        };
        usize::from(self.slot_limit(node).div_ceil(2)).saturating_sub(facts.held().filter(open).count())
    }

    /// Whether the agent has a worker for the batch's class, and the contract takes claims of the node in it: then a first
    /// round without a seed is refused for want of that alone.
    pub(super) fn may_work(&self, facts: &Facts, batch: BatchId, open: &BatchFacts) -> bool {
        let table = open.table(Place { batch, lot: LotId(0), round: 0 }, None, None);
        let admits = |node| table.admit(SHA256, node, facts.now_s, facts.now_s) == Err(Skip::NoSeed);
        self.limits.classes.contains_key(&open.open.terms.class) && facts.node().is_some_and(admits)
    }

    /// Whether the class's worker answers what the round asks: some cannot judge an adjudicator's scores.
    fn can_answer(&self, batch: &BatchFacts, round: u8) -> bool {
        let judges_scores =
            || self.limits.classes.get(&batch.open.terms.class).is_some_and(|class| class.judges_scores);
        !batch.is_about_scores(round) || judges_scores()
    }

    /// Whether one more lot of the batch's class can be worked on within its reservation, after those already taken.
    fn can_finish(&self, facts: &Facts, batch: &BatchFacts, claims: &[Place]) -> bool {
        let terms = &batch.open.terms;
        let Some(limits) = self.limits.classes.get(&terms.class) else {
            return false;
        };
        let in_class =
            |place: &Place| facts.batches.get(&place.batch).is_some_and(|batch| batch.open.terms.class == terms.class);
        let reserved = facts.held().filter(|held| {
            matches!(held.slot.phase, SlotPhase::Reserved(_))
                && self.is_mine(held.place)
                && self.done(held.place).is_none()
                && in_class(&held.place)
        });
        let waiting = reserved.count() + claims.iter().filter(|place| in_class(place)).count();
        let in_turn = (terms.claim_ttl_s / limits.time_limit_s.max(1)).max(1);
        let fit = u32::from(limits.parallel).saturating_mul(in_turn);
        u32::try_from(waiting).is_ok_and(|waiting| waiting < fit)
    }

    /// Why the node takes nothing in this batch now.
    pub(super) fn no_chance(
        &self,
        facts: &Facts,
        node: (AccountNo, &Node),
        batch: BatchId,
        open: &BatchFacts,
    ) -> String {
        // By the end of time the sortition has let everyone in.
        let sometime = |(place, seed, state): (Place, &Seed, Option<&LotState>)| {
            let table = open.table(place, state, Some(seed));
            let admits = || admitted(table.admit(SHA256, node, facts.now_s, u32::MAX));
            let when = || table.eligible_at(SHA256, node).unwrap_or(seed.at);
            (self.can_answer(open, place.round) && admits()).then(|| (when(), seed.at, place.lot))
        };
        match drawn(batch, open).filter_map(sometime).min_by_key(|(when, ..)| *when) {
            Some((when, drawn_at, lot)) => {
                let slice = when.saturating_sub(drawn_at) / open.open.terms.slice_s.max(1);
                let wait_s = when.saturating_sub(facts.now_s);
                format!("not eligible until slice {slice}, in {wait_s} s (lot {lot})")
            }
            None if drawn(batch, open).next().is_none() => "no group is drawn yet".to_owned(),
            None => "every lot is taken, or the node was there already".to_owned(),
        }
    }
}

/// Whether the contract lets the node in, or refuses it only for want of a free slot or stake: those two are counted over all
/// claims of a call.
const fn admitted(seat: Result<Seat, Skip>) -> bool {
    matches!(seat, Ok(_) | Err(Skip::SlotLimit | Skip::Bond))
}

/// Whether lots of the batch may get an extension round.
pub(super) const fn may_extend(batch: &BatchFacts) -> bool {
    batch.open.terms.max > batch.open.terms.start
}

/// Every round that has a seed and is not filled for good: first rounds in the window, extensions and juries anywhere.
fn drawn(batch: BatchId, open: &BatchFacts) -> impl Iterator<Item = (Place, &Seed, Option<&LotState>)> {
    let progress = &open.open.progress;
    let lots = open.lot_count();
    let groups =
        (progress.window.frontier..).take(WINDOW_GROUPS).filter_map(|group| match progress.window.draw(group) {
            Some(Draw::Seeded(seed)) => Some((group, seed)),
            _ => None,
        });
    let first = groups.flat_map(move |(group, seed)| {
        let start = group.saturating_mul(GROUP_LOTS);
        (start..lots.min(start.saturating_add(GROUP_LOTS))).filter_map(move |lot| {
            let lot = LotId(lot);
            let state = open.lots.get(&lot);
            let is_first = state.is_none_or(|state| state.round == 0 && state.phase == LotPhase::Working);
            (is_first && !progress.window.is_marked(lot)).then_some((Place { batch, lot, round: 0 }, seed, state))
        })
    });
    let later = open.lots.iter().filter_map(move |(&lot, state)| match &state.draw {
        Draw::Seeded(seed) if state.round > 0 => Some((Place { batch, lot, round: state.round }, seed, Some(state))),
        _ => None,
    });
    first.chain(later)
}

/// A number that differs between nodes for the same lot.
fn spread(node: u32, place: Place) -> u64 {
    let words = [node, place.batch.0, place.lot.0, u32::from(place.round)];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let digest = SHA256(&bytes);
    u64::from_le_bytes(core::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests;
