//! `Claim`: a seat of the lot's current round.

use piecework_interface::{
    case::may_judge,
    draw::{Draw, Seed},
    event::Entry,
    governance::Feature,
    ids::{AccountNo, BatchId, LotId},
    round::{commits_needed, max_slots},
    skip::Skip,
    sortition::{self, Candidate, Seats},
    storage::lot_bytes,
    terms::JURY,
    view::{GROUP_LOTS, LotPhase, LotState, Node},
};

use super::Stop;
use crate::engine::{
    Engine, Error, Host,
    balance::{charge, covers, room_bytes},
    lot::Place,
};

impl<H: Host> Engine<'_, H> {
    pub(super) fn claim(&mut self, node: AccountNo, batch: BatchId, lot: LotId) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let state = if place.begun { self.take_lot(&place)? } else { None };
        let seed = self.claim_seed(&place, state.as_ref())?;
        let new = state.is_none();
        let mut state = state.unwrap_or_default();
        match self.may_claim(node, &place, new, &state, seed) {
            Ok(expired) => self.take_seat(node, &place, new, state, expired).map_err(Stop::Fail),
            Err(stop) => {
                if !new {
                    self.put_lot(&place, core::mem::take(&mut state));
                }
                Err(stop)
            }
        }
    }

    /// The seed of the lot's current round, if it has one that may be used in this block.
    fn claim_seed(&mut self, place: &Place, state: Option<&LotState>) -> Result<Option<Seed>, Error> {
        let draw = match state {
            Some(state) if state.round > 0 => state.draw.clone(),
            _ => self
                .peek_batch(place.batch)?
                .and_then(|open| open.window.draw(place.lot.0 / GROUP_LOTS).cloned())
                .unwrap_or_default(),
        };
        Ok(match draw {
            Draw::Seeded(seed) if seed.height < self.height => Some(seed),
            Draw::Seeded(_) | Draw::Opened(_) | Draw::Closed => None,
        })
    }

    /// Checks a claim in the order of the skip codes. Returns the expired reservation that it replaces.
    fn may_claim(
        &mut self,
        number: AccountNo,
        place: &Place,
        new: bool,
        state: &LotState,
        seed: Option<Seed>,
    ) -> Result<Option<AccountNo>, Stop> {
        let now = self.now;
        let (facts, terms) = (&place.facts, &place.facts.terms);
        if new && place.marked {
            return Err(Skip::NoLot.into());
        }
        if state.round == 0 && self.assert_runs(Feature::Claims).is_err() {
            return Err(Skip::Paused.into());
        }
        let account = self.accounts.peek(&*self.host, number)?.ok_or(Error::Internal("an account is missing"))?;
        let node = account.node.as_ref().ok_or(Error::NoNode)?;
        if node.active_tickets() == 0 {
            return Err(Skip::Inactive.into());
        }
        let fits_class =
            |node: &Node| node.class(terms.class).is_some_and(|c| c.declared && c.reputation >= terms.min_reputation);
        if !fits_class(node) {
            return Err(Skip::Class.into());
        }
        if state.round == JURY && !may_judge(node, terms, &facts.fixed, now) {
            return Err(Skip::NoJuror.into());
        }
        let seed = seed.ok_or(Skip::NoSeed)?;
        let seats = terms.seats(state.round);
        let seat = Seats { batch: place.batch, lot: place.lot, round: state.round, seats, slice_s: terms.slice_s };
        let candidate = Candidate { node: number, tickets: node.tickets, active_since: node.active_since };
        if !sortition::eligible(H::SHA256, &seed, seat, candidate, now) {
            return Err(Skip::NotEligible.into());
        }
        if state.phase != LotPhase::Working {
            return Err(Skip::ClosedToClaims.into());
        }
        let full = state.current().count() >= usize::from(seats);
        let expired = state.current().find(|slot| slot.is_expired(now)).map(|slot| slot.node);
        if full && expired.is_none() {
            return Err(Skip::Full.into());
        }
        let restarts = state.round == 0 && state.commits() < commits_needed(terms, 0);
        let round_closed = state.clock_over(terms, now) && !(restarts && state.round_over(terms, place.cancelled, now));
        if place.closed_to_claims(state.round, now) || round_closed {
            return Err(Skip::ClosedToClaims.into());
        }
        if state.slots.iter().any(|slot| slot.node == number) || state.leavers.contains(&number) {
            return Err(Skip::Again.into());
        }
        if node.slots >= max_slots(node.settled) {
            return Err(Skip::SlotLimit.into());
        }
        if node.free_stake() < place.bond(state) {
            return Err(Skip::Bond.into());
        }
        let own_bytes = room_bytes(account, facts.token);
        if !covers(account, own_bytes) {
            return Err(Skip::NodeStorage.into());
        }
        if new {
            let own_bytes = if facts.requester == number { own_bytes } else { 0 };
            let purse = self.peek_purse(place.batch)?;
            if purse.live >= purse.reserved {
                let requester = self
                    .accounts
                    .peek(&*self.host, facts.requester)?
                    .ok_or(Error::Internal("an account is missing"))?;
                if !covers(requester, own_bytes.saturating_add(lot_bytes(terms))) {
                    return Err(Skip::RequesterStorage.into());
                }
            }
        }
        Ok(expired.filter(|_| full))
    }

    fn take_seat(
        &mut self,
        number: AccountNo,
        place: &Place,
        new: bool,
        mut state: LotState,
        expired: Option<AccountNo>,
    ) -> Result<(), Error> {
        let facts = &place.facts;
        self.make_room(number, facts.token)?;
        if new {
            let open = self.open_batch(place.batch)?.ok_or(Error::Internal("a batch is missing"))?;
            open.begun.insert(open.window.frontier, place.lot);
            let purse = &mut open.purse;
            purse.live = purse.live.checked_add(1).ok_or(Error::Internal("the count of live lots"))?;
            if purse.live > purse.reserved {
                purse.reserved = purse.live;
                charge(self.account(facts.requester)?, lot_bytes(&facts.terms))?;
            }
        }
        let replaced = match expired {
            Some(node) => Some(self.abandon(place, &mut state, node)?),
            None => None,
        };
        state.claim(&facts.terms, number, self.now);
        let bond = place.bond(&state);
        self.edit_node(number, |node| {
            node.bonded.0 = node.bonded.0.checked_add(bond).ok_or(Error::Internal("a node's bonds"))?;
            node.slots = node.slots.checked_add(1).ok_or(Error::Internal("a node's slots"))?;
            Ok::<_, Error>(())
        })??;
        self.put_lot(place, state);
        self.push(Entry::Claimed { batch: place.batch, lot: place.lot, replaced });
        Ok(())
    }
}
