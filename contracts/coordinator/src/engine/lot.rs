//! What every step of a lot shares: its place, the end of a slot, and the turn to reveals.

use piecework_interface::{
    amount::Amount,
    event::{Abandoned, Entry},
    ids::{AccountNo, BatchId, LotId},
    lots,
    settlement::slot_bond,
    skip::Skip,
    view::{GROUP_LOTS, LotPhase, LotState, SlotPhase},
};

use super::{
    Engine, Error, Host,
    balance::add,
    record::{Facts, Lot},
};

/// A lot of a batch that is not closed.
#[derive(Debug)]
pub(super) struct Place {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// What work never changes in the batch.
    pub facts: Facts,
    /// Whether the batch is cancelled.
    pub cancelled: bool,
    /// Items of the lot.
    pub items: u8,
    /// Whether it is marked in the batch's window.
    pub marked: bool,
    /// Lots of the batch that have a record.
    pub live: u32,
    /// Whether lots of the batch may begin: it has no adjudicator, or one that accepted it with a bond that covers a lot.
    pub backed: bool,
    /// What is left of the adjudicator's bond, in units of the token.
    pub bond: u128,
    /// The adjudicator's operator when it accepted.
    pub adjudicator_operator: Option<AccountNo>,
    /// Whether groups wait behind the window for it to be passed.
    pub held_up: bool,
    /// Whether its group is in the window or behind it.
    pub in_reach: bool,
}

impl Place {
    pub const fn key(&self) -> (BatchId, LotId) {
        (self.batch, self.lot)
    }

    /// Bond of a slot of the lot's current round.
    pub fn bond(&self, state: &LotState) -> u128 {
        slot_bond(&self.facts.terms, &self.facts.fixed, self.items, state, state.round)
    }

    /// What abandoning a slot of the lot's current round costs.
    pub fn abandon_slash(&self, state: &LotState) -> u128 {
        state.abandon_slash(&self.facts.terms, &self.facts.fixed, self.items)
    }
}

impl<H: Host> Engine<'_, H> {
    /// Where a lot is, or why it cannot be worked on.
    pub(super) fn place(&mut self, batch: BatchId, lot: LotId) -> Result<Result<Place, Skip>, Error> {
        let Some(open) = self.peek_batch(batch)? else { return Ok(Err(Skip::NoBatch)) };
        let facts = &open.facts;
        let items = lots::lot_items(facts.items, facts.terms.lot_size, lot);
        if items == 0 {
            return Ok(Err(Skip::NoLot));
        }
        let group = lot.0 / GROUP_LOTS;
        let marked = open.window.is_marked(lot);
        Ok(Ok(Place {
            batch,
            lot,
            items,
            marked,
            held_up: open.window.marks_early(facts.lots(), facts.appendable) && !marked,
            backed: open.is_backed(),
            live: open.purse.live,
            bond: open.purse.bond.unwrap_or_default(),
            adjudicator_operator: open.adjudicator_operator,
            in_reach: group < open.window.frontier || open.window.index(group).is_some(),
            cancelled: open.cancelled,
            facts: open.facts.clone(),
        }))
    }

    /// Takes a lot's record out of its table. Lots that begin together are not looked for one by one: all live ones of the
    /// batch are there.
    pub(super) fn take_lot(&mut self, place: &Place) -> Result<Option<LotState>, Error> {
        let lot = self.lots.take_of(&*self.host, place.key(), |(batch, _)| batch == place.batch, place.live);
        Ok(lot?.map(|lot| lot.state))
    }

    /// Puts it back.
    pub(super) fn put_lot(&mut self, place: &Place, state: LotState) {
        self.lots.put(place.key(), Lot::new(&place.facts.terms, place.items, state));
    }

    /// Where a lot with a record is: its batch stays open as long as it lives.
    pub(super) fn place_of_record(&mut self, batch: BatchId, lot: LotId) -> Result<Place, Error> {
        self.place(batch, lot)?.map_err(|_| Error::Internal("a lot's batch is missing"))
    }

    /// Why a lot without a record cannot be worked on.
    pub(super) fn no_lot(&mut self, batch: BatchId, lot: LotId) -> Result<Skip, Error> {
        Ok(self.place(batch, lot)?.err().unwrap_or(Skip::NoLot))
    }

    /// A slot of the node ended: its bond is free, less what is slashed from its stake.
    pub(super) fn end_slot(&mut self, node: AccountNo, bond: u128, slash: u128) -> Result<(), Error> {
        self.edit_node(node, |node| {
            if slash > bond || bond > node.bonded.0 || slash > node.stake.0 {
                return Err(Error::Internal("a node's bonds"));
            }
            node.end_slot(bond, slash);
            Ok(())
        })?
    }

    /// Counts slashed NEAR as burnt: it stays in the contract.
    pub(super) fn burn(&mut self, amount: u128) -> Result<(), Error> {
        add(&mut self.root.burnt, amount, "the slashed NEAR")
    }

    /// A seat of the node is reserved no longer: it committed, or left.
    pub(super) fn end_reservation(&mut self, node: AccountNo) -> Result<(), Error> {
        self.edit_node(node, |node| {
            node.reservations = node.reservations.checked_sub(1).ok_or(Error::Internal("a node's reservations"))?;
            Ok(())
        })?
    }

    /// Takes a reservation of the node from the current round, for this slash.
    pub(super) fn leave(
        &mut self,
        place: &Place,
        state: &mut LotState,
        node: AccountNo,
        slash: u128,
    ) -> Result<(), Error> {
        self.end_slot(node, place.bond(state), slash)?;
        self.end_reservation(node)?;
        self.burn(slash)?;
        state.leave(node);
        Ok(())
    }

    /// Takes a reservation that ran out from the current round.
    pub(super) fn abandon(&mut self, place: &Place, state: &mut LotState, node: AccountNo) -> Result<Abandoned, Error> {
        let slash = place.abandon_slash(state);
        self.leave(place, state, node, slash)?;
        Ok(Abandoned { node, slash: Amount(slash) })
    }

    /// Takes every reservation from the current round, which has ended.
    pub(super) fn abandon_reserved(&mut self, place: &Place, state: &mut LotState) -> Result<Vec<Abandoned>, Error> {
        let reserved: Vec<_> =
            state.current().filter(|slot| matches!(slot.phase, SlotPhase::Reserved(_))).map(|slot| slot.node).collect();
        reserved.into_iter().map(|node| self.abandon(place, state, node)).collect()
    }

    /// Turns the lot to reveals. Its first round marks it, if that moves the batch's window on.
    pub(super) fn start_reveals(
        &mut self,
        place: &Place,
        state: &mut LotState,
        abandoned: Vec<Abandoned>,
    ) -> Result<(), Error> {
        self.turn(state, LotPhase::Revealing);
        if state.round == 0 && place.held_up {
            self.mark(place)?;
        }
        self.push(Entry::Revealing { batch: place.batch, lot: place.lot, abandoned });
        Ok(())
    }

    /// Begins a phase now.
    pub(super) fn turn(&self, state: &mut LotState, phase: LotPhase) {
        state.phase = phase;
        (state.phase_at, state.phase_height) = (self.now, self.height);
    }

    /// Marks the lot in its batch's window.
    pub(super) fn mark(&mut self, place: &Place) -> Result<(), Error> {
        if let Some(open) = self.open_batch(place.batch)? {
            open.window.mark(place.lot, place.facts.lots(), place.facts.appendable);
        }
        Ok(())
    }
}
