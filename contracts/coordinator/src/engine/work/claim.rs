//! `Claim`: a seat of the lot's current round.

use piecework_interface::{
    admit::{Seat, Table},
    draw::Seed,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, BatchId, LotId},
    skip::Skip,
    storage::lot_bytes,
    view::{GROUP_LOTS, LotState},
};

use super::Stop;
use crate::engine::{
    Engine, Error, Host,
    balance::{add, charge, covers, room_bytes},
    lot::Place,
};

impl<H: Host> Engine<'_, H> {
    pub(super) fn claim(&mut self, node: AccountNo, batch: BatchId, lot: LotId) -> Result<(), Stop> {
        let place = self.place(batch, lot)??;
        let state = self.take_lot(&place)?;
        let seed = self.claim_seed(&place, state.as_ref())?;
        let new = state.is_none();
        let mut state = state.unwrap_or_default();
        match self.may_claim(node, &place, new, &state, seed) {
            Ok((seat, seed)) => self.take_seat(node, &place, new, state, (seat, seed)).map_err(Stop::Fail),
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
            Some(state) => state.draw.clone(),
            None => self
                .peek_batch(place.batch)?
                .and_then(|open| open.window.draw(place.lot.0 / GROUP_LOTS).cloned())
                .unwrap_or_default(),
        };
        Ok(draw.seed_below(self.height).cloned())
    }

    /// Checks a claim in the order of the skip codes, and returns what it takes.
    fn may_claim(
        &mut self,
        number: AccountNo,
        place: &Place,
        new: bool,
        state: &LotState,
        seed: Option<Seed>,
    ) -> Result<(Seat, Seed), Stop> {
        let (facts, terms) = (&place.facts, &place.facts.terms);
        if new && place.marked {
            return Err(Skip::NoLot.into());
        }
        if new && !place.backed {
            return Err(Skip::Adjudicator.into());
        }
        if state.round == 0 && self.assert_runs(Feature::Claims).is_err() {
            return Err(Skip::Paused.into());
        }
        let account = self.accounts.peek(&*self.host, number)?.ok_or(Error::Internal("an account is missing"))?;
        let node = account.node.as_ref().ok_or(Error::NoNode)?;
        let table = Table {
            batch: place.batch,
            lot: place.lot,
            items: place.items,
            requester: (facts.requester, facts.requester_operator),
            adjudicator_operator: place.adjudicator_operator,
            terms,
            fixed: &facts.fixed,
            cancelled: place.cancelled,
            lot_state: Some(state),
            seed: seed.as_ref(),
        };
        let seat = table.admit(H::SHA256, (number, node), self.now, self.now)?;
        let own_bytes = room_bytes(account, facts.token);
        if !covers(account, own_bytes) {
            return Err(Skip::NodeStorage.into());
        }
        if new {
            let purse = self.peek_purse(place.batch)?;
            if purse.live >= purse.reserved {
                let requester = self
                    .accounts
                    .peek(&*self.host, facts.requester)?
                    .ok_or(Error::Internal("an account is missing"))?;
                if !covers(requester, lot_bytes(terms)) {
                    return Err(Skip::RequesterStorage.into());
                }
            }
        }
        Ok((seat, seed.ok_or(Skip::NoSeed)?))
    }

    fn take_seat(
        &mut self,
        number: AccountNo,
        place: &Place,
        new: bool,
        mut state: LotState,
        (seat, seed): (Seat, Seed),
    ) -> Result<(), Error> {
        let facts = &place.facts;
        let reward = new.then_some(facts.terms.reward);
        self.make_room(number, facts.token)?;
        if new {
            let purse = &mut self.open_batch(place.batch)?.ok_or(Error::Internal("a batch is missing"))?.purse;
            purse.live = purse.live.checked_add(1).ok_or(Error::Internal("the count of live lots"))?;
            if purse.live > purse.reserved {
                purse.reserved = purse.live;
                charge(self.account(facts.requester)?, lot_bytes(&facts.terms))?;
            }
        }
        let replaced = match seat.replaces {
            Some(node) => Some(self.abandon(place, &mut state, node)?),
            None => None,
        };
        let operator = self.edit_node(number, |node| node.operator_or(number))?;
        state.claim(&facts.terms, (number, operator), &seed, self.now);
        self.edit_node(number, |node| {
            add(&mut node.bonded.0, seat.bond, "a node's bonds")?;
            node.reservations = node.reservations.checked_add(1).ok_or(Error::Internal("a node's reservations"))?;
            Ok::<_, Error>(())
        })??;
        self.put_lot(place, state);
        self.push(Entry::Claimed { batch: place.batch, lot: place.lot, reward, replaced });
        Ok(())
    }
}
