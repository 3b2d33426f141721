//! `poke`: whatever is due, for anyone.

use piecework_interface::{
    due::{LotStep, Setting},
    event::Entry,
    ids::{AccountNo, BatchId, Digest, LotId},
    op::{POKES_MAX, Target},
    terms::JURY,
    view::{Callback, LotState, NodeStatus},
};

use super::{Engine, Error, Host, lot::Place, record::Batch, settle::STEP_LOG_BYTES};

/// Gas that a poke keeps for itself when it sends a callback.
const TELL_GAS: u64 = 3_000_000_000_000;

/// A call to send to the contract that wanted to know of a batch's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// Whom, and with how much gas.
    pub callback: Callback,
    /// Batch.
    pub batch: BatchId,
    /// Who paid.
    pub requester: AccountNo,
    /// Lots settled.
    pub settled: u32,
    /// Bagged root of the results.
    pub root: Digest,
}

impl Tell {
    /// Gas of the call.
    #[must_use]
    pub const fn gas(&self) -> u64 {
        self.callback.tgas as u64 * 1_000_000_000_000
    }
}

impl<H: Host> Engine<'_, H> {
    /// Does the next due step of each target.
    ///
    /// # Errors
    /// Too many targets, or nothing is due on any.
    pub fn poke(mut self, targets: &[Target]) -> Result<Vec<Tell>, Error> {
        self.assert_no_deposit()?;
        if targets.len() > POKES_MAX {
            return Err(Error::Input("at most 16 targets may be poked in one call"));
        }
        let mut done = false;
        let mut tells = Vec::new();
        for target in targets {
            if !self.fits(STEP_LOG_BYTES) {
                // The line is full: the rest stays due.
                break;
            }
            done |= match *target {
                Target::Lot(batch, lot) => self.poke_lot(batch, lot)?,
                Target::Batch(batch) => {
                    self.close_if_done(batch)? || self.pay_freed(batch)? || self.tell(batch, &mut tells)?
                }
                Target::Node(node) => self.poke_node(node)?,
                Target::Token(token) => self.pay_treasury(token)?,
            };
        }
        if !done {
            return Err(Error::NothingDue("no target has a step that is due now"));
        }
        self.finish("poke", None)?;
        Ok(tells)
    }

    /// Tells a closed batch's contract of its results, if the call's gas has room for that. How it takes it changes
    /// nothing here, so it can hold up nothing.
    fn tell(&mut self, batch: BatchId, tells: &mut Vec<Tell>) -> Result<bool, Error> {
        let sent: u64 = tells.iter().map(|tell: &Tell| tell.gas() + TELL_GAS).sum();
        let left = self.host.gas_left().saturating_sub(sent);
        let Some(Batch::Closed(closed)) = self.batches.peek(&*self.host, batch)? else { return Ok(false) };
        let Some(callback) = closed.callback.clone() else { return Ok(false) };
        let tell =
            Tell { callback, batch, requester: closed.requester, settled: closed.settled, root: closed.results_root };
        if left < tell.gas() + TELL_GAS {
            return Ok(false);
        }
        if let Some(Batch::Closed(closed)) = self.batches.edit(&*self.host, batch)? {
            closed.callback = None;
        }
        tells.push(tell);
        self.push(Entry::BatchTold { batch });
        Ok(true)
    }

    fn poke_lot(&mut self, batch: BatchId, lot: LotId) -> Result<bool, Error> {
        let Ok(place) = self.place(batch, lot)? else { return Ok(false) };
        let Some(state) = self.take_lot(&place)? else { return Ok(false) };
        let facts = &place.facts;
        let setting = Setting {
            terms: &facts.terms,
            fixed: &facts.fixed,
            cancelled: place.cancelled,
            held_up: place.held_up,
            bond: place.bond,
            now_s: self.now,
            height: self.height,
        };
        let Some(step) = state.due(&setting) else {
            self.put_lot(&place, state);
            return Ok(false);
        };
        match step {
            LotStep::Pass => self.pass(&place, state)?,
            LotStep::Reveal => self.end_claims(&place, state)?,
            LotStep::Free => self.free(&place, state)?,
            LotStep::Tally => self.tally(&place, state)?,
            LotStep::OpenJury => self.open_jury(&place, state),
            LotStep::Settle => self.settle(&place, &state, true)?,
        }
        Ok(true)
    }

    /// Lets the batch's window pass a lot that has no commitment when its clock is over.
    fn pass(&mut self, place: &Place, state: LotState) -> Result<(), Error> {
        self.put_lot(place, state);
        self.mark(place)?;
        self.push(Entry::Passed { batch: place.batch, lot: place.lot });
        Ok(())
    }

    /// Sends the challenged items to a jury: a round like any other.
    fn open_jury(&mut self, place: &Place, mut state: LotState) {
        state.begin_round(JURY, self.now);
        self.put_lot(place, state);
        self.push(Entry::JuryOpened { batch: place.batch, lot: place.lot });
    }

    /// Turns a round whose time for claims is over to reveals.
    fn end_claims(&mut self, place: &Place, mut state: LotState) -> Result<(), Error> {
        let abandoned = self.abandon_reserved(place, &mut state)?;
        self.start_reveals(place, &mut state, abandoned)?;
        self.put_lot(place, state);
        Ok(())
    }

    /// Ends a working round without enough commits.
    fn free(&mut self, place: &Place, mut state: LotState) -> Result<(), Error> {
        let abandoned = self.abandon_reserved(place, &mut state)?;
        let bond = place.bond(&state);
        let freed: Vec<_> = state.current().map(|slot| slot.node).collect();
        for node in freed {
            self.end_slot(node, bond, 0)?;
        }
        let round = state.round;
        state.slots.retain(|slot| slot.round != round);
        self.push(Entry::Freed { batch: place.batch, lot: place.lot, abandoned });
        // A later round that ends so is as if it had not been: the tally counts the others.
        if round == 0 { self.settle(place, &state, true) } else { self.tally(place, state) }
    }

    fn poke_node(&mut self, number: AccountNo) -> Result<bool, Error> {
        let now = self.now;
        let window = self.config()?.liveness_window_s;
        let account = self.accounts.peek(&*self.host, number)?;
        let Some(node) = account.and_then(|account| account.node.as_ref()) else { return Ok(false) };
        let silent = node.is_overdue(window, now);
        let revalued = self.follow_stake(number, false)?;
        if silent {
            self.change_status(number, NodeStatus::Silent, "the node is silent already")?;
        }
        Ok(revalued || silent)
    }
}
