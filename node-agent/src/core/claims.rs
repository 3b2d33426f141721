//! Which seats the agent may take.

use std::cmp::Reverse;

use piecework_interface::{
    Sha256,
    admit::Seat,
    draw::{Draw, Seed},
    host,
    ids::{AccountNo, BatchId, LotId},
    round::RESERVATIONS_MAX,
    skip::Skip,
    terms::JURY,
    view::{GROUP_LOTS, LotPhase, LotState, Node, SlotPhase, WINDOW_GROUPS},
};

use super::{
    Payloads, State,
    facts::{BatchFacts, Facts},
    policy::{Offer, Refusal},
};
use crate::{record::Place, words::clock};

const SHA256: Sha256 = host::sha256;
/// A seat of a former run counts as reserved for so long though the chain does not show it: far longer than endpoints lag.
const IN_DOUBT_S: u32 = 30;

/// A seat that the node may take now or soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chance {
    /// Whether its slice is still to come.
    later: bool,
    /// Later rounds go first: their clocks run whatever happens.
    round: Reverse<u8>,
    /// Seats that are free: started lots go first, so that they finish.
    free: usize,
    /// Spreads nodes over lots.
    order: u64,
    /// Seat.
    pub(super) place: Place,
}

impl State {
    /// Seats that the node may still reserve.
    pub(super) fn room(&self, facts: &Facts) -> usize {
        let Some((_, node)) = facts.node() else { return 0 };
        // After a restart an endpoint that lags may not show seats that are on disk.
        let in_doubt = self.unseen.iter().filter(|place| {
            let gone_since = self.gone_since.get(place);
            gone_since.is_none_or(|since| facts.now_s.saturating_sub(*since) < IN_DOUBT_S)
        });
        usize::from(self.reservation_limit().saturating_sub(node.reservations)).saturating_sub(in_doubt.count())
    }

    /// Seats that the node may hold reserved at once.
    pub(super) fn reservation_limit(&self) -> u16 {
        self.limits.max_reservations.min(RESERVATIONS_MAX)
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
            if self.pauses.batch(batch, now_ms).is_some() {
                continue;
            }
            let takes = [0, 1, JURY].map(|round| self.takes(facts, open, round));
            let mut unfilled = 0;
            for (place, seed, state) in drawn(batch, open) {
                let seats = terms.seats(place.round);
                let free = state.map_or(usize::from(seats), |state| state.free_seats(terms, facts.now_s));
                let own = [number, node.operator_or(number)];
                let left = state.is_some_and(|state| state.leavers.iter().any(|leaver| own.contains(leaver)));
                // Who left a begun lot cannot sit there any more, so it may be too thin where its batch is not.
                let has_leavers = place.round == 0 && state.is_some_and(|state| !state.leavers.is_empty());
                let thin = has_leavers && !self.refusals(facts, open, 0, state).is_empty();
                if place.round == 0 && free > 0 && !left && !thin {
                    unfilled += 1;
                    let nodes = facts.classes.get(&terms.class).map_or(seed.tickets, |class| class.nodes);
                    if unfilled > self.front(nodes, seats) {
                        continue;
                    }
                }
                let takes = takes.get(usize::from(place.round)).copied().unwrap_or_default();
                if !takes || thin || self.pauses.lot(batch, place.lot, now_ms) || self.is_mine(place) {
                    continue;
                }
                let table = open.table(place, state, Some(seed));
                let admits = |drawn_s| admitted(table.admit(SHA256, (number, node), facts.now_s, drawn_s));
                let slice_s = if ahead { terms.round_slice_s(place.round) } else { 0 };
                if admits(facts.now_s.saturating_add(slice_s)) {
                    let (later, round) = (!admits(facts.now_s), Reverse(place.round));
                    chances.push(Chance { later, round, free, order: spread(number.0, place), place });
                }
            }
        }
        chances.sort_unstable();
        chances
    }

    /// The seats to claim in the next call: payloads in hand, bond covered, work that can be finished in time.
    pub(super) fn claims(&self, now_ms: u64, facts: &Facts, most: usize) -> Vec<Place> {
        if self.no_claims(now_ms).is_some() {
            return Vec::new();
        }
        let room = self.room(facts).min(most);
        let mut purse = facts.purse();
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
                || !self.can_finish(facts, batch, place.round, &claims)
                || (place.round == 0 && !self.has_asked(batch.open.requester))
            {
                continue;
            }
            let cost = batch.cost(place.lot, place.round);
            if self.limits.policy.cannot_afford(&purse, cost).is_none() {
                purse.take(cost);
                claims.push(place);
            }
        }
        claims
    }

    /// How many unfilled lots of a batch, by number, the node looks at: as many as the class's nodes can fill at once.
    /// Nodes that spread over more lots than that would each wait in a lot that no node is left to complete. What this
    /// node gave back does not count: it may be beyond every worker, and must not hold up the rest.
    fn front(&self, nodes: u32, seats: u8) -> u32 {
        (nodes.saturating_mul(self.reservation_limit().into()) / u32::from(seats.max(1))).max(1)
    }

    /// Why the contract takes no claims of the node in this round of a lot; `None` if only a seed is wanting, or nothing.
    pub(super) fn barred(
        &self,
        facts: &Facts,
        open: &BatchFacts,
        place: Place,
        state: Option<&LotState>,
    ) -> Option<Skip> {
        let Some(node) = facts.node() else { return Some(Skip::Inactive) };
        let admitted = open.table(place, state, None).admit(SHA256, node, facts.now_s, facts.now_s);
        admitted.err().filter(|skip| *skip != Skip::NoSeed)
    }

    /// Whether the agent joins this round of a lot, once it is drawn.
    pub(super) fn may_join(&self, facts: &Facts, open: &BatchFacts, place: Place, state: Option<&LotState>) -> bool {
        self.takes(facts, open, place.round) && self.barred(facts, open, place, state).is_none()
    }

    /// Whether the agent has a program for what the round asks, and the operator takes its terms.
    fn takes(&self, facts: &Facts, batch: &BatchFacts, round: u8) -> bool {
        let class = self.limits.classes.get(&batch.open.terms.class);
        class.is_some_and(|class| class.judges_scores || !batch.is_about_scores(round))
            && self.refusals(facts, batch, round, None).is_empty()
    }

    /// What keeps the operator from a round of the batch, in this lot if it has begun.
    pub(super) fn refusals(
        &self,
        facts: &Facts,
        batch: &BatchFacts,
        round: u8,
        lot: Option<&LotState>,
    ) -> Vec<Refusal> {
        let record = self.requesters.get(&batch.open.requester).and_then(|known| known.answer.flatten());
        self.limits.policy.refusals(&Offer { record, ..facts.offer(batch, round, lot) })
    }

    /// Whether the gateway was asked about a requester, and answered or failed.
    pub(super) fn has_asked(&self, requester: AccountNo) -> bool {
        !self.limits.policy.asks_for_records()
            || self.requesters.get(&requester).is_some_and(|known| known.answer.is_some())
    }

    /// Whether one more lot of the batch's class can be worked on within its reservation, after those already taken.
    pub(super) fn can_finish(&self, facts: &Facts, batch: &BatchFacts, round: u8, claims: &[Place]) -> bool {
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
        let in_turn = (terms.reservation_s(round) / limits.time_limit_s.max(1)).max(1);
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
            (self.takes(facts, open, place.round) && admits()).then(|| (when(), seed.at, place))
        };
        let drawn = drawn(batch, open);
        let any = !drawn.is_empty();
        match drawn.into_iter().filter_map(sometime).min_by_key(|(when, ..)| *when) {
            Some((when, drawn_at, Place { lot, round, .. })) => {
                let slice = when.saturating_sub(drawn_at) / open.open.terms.round_slice_s(round).max(1);
                let wait_s = when.saturating_sub(facts.now_s);
                let at = clock(when);
                format!("waiting: this node's ticket passes at about {at}, in {wait_s} s (lot {lot}, slice {slice})")
            }
            None if !open.open.is_backed() => Skip::Adjudicator.text().to_owned(),
            None if !any && !open.has_unbegun() && open.lots.is_empty() => "all its lots are settled".to_owned(),
            None if !any && !open.has_unbegun() => "each of its lots is begun, and none takes claims now".to_owned(),
            None if !any => "no group is drawn yet".to_owned(),
            None => "every lot is taken, or the node was there already".to_owned(),
        }
    }
}

/// Whether the contract lets the node in, or refuses it only for want of a reservation or stake: those two are counted over all
/// claims of a call.
const fn admitted(seat: Result<Seat, Skip>) -> bool {
    matches!(seat, Ok(_) | Err(Skip::Reservations | Skip::Bond))
}

/// Every round that has a seed and takes claims, by lot: lots of drawn groups that no claim has begun, and begun ones
/// wherever they are, with the seed that they keep.
fn drawn(batch: BatchId, open: &BatchFacts) -> Vec<(Place, &Seed, Option<&LotState>)> {
    let window = &open.open.progress.window;
    let lots = open.lot_count();
    let groups = (window.frontier..).take(WINDOW_GROUPS).filter_map(|group| match window.draw(group) {
        Some(Draw::Seeded(seed)) if open.open.is_backed() => Some((group, seed)),
        _ => None,
    });
    let new = groups.flat_map(|(group, seed)| {
        let start = group.saturating_mul(GROUP_LOTS);
        let group = (start..lots.min(start.saturating_add(GROUP_LOTS))).map(LotId);
        let new = group.filter(|lot| !open.lots.contains_key(lot) && !window.is_marked(*lot));
        new.map(move |lot| (Place { batch, lot, round: 0 }, seed, None))
    });
    let begun = open.lots.iter().filter(|(_, state)| state.phase == LotPhase::Working);
    let begun = begun.filter_map(|(&lot, state)| match &state.draw {
        Draw::Seeded(seed) => Some((Place { batch, lot, round: state.round }, seed, Some(state))),
        Draw::Closed | Draw::Opened(_) => None,
    });
    let mut drawn: Vec<_> = new.chain(begun).collect();
    drawn.sort_unstable_by_key(|(place, ..)| place.lot);
    drawn
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
