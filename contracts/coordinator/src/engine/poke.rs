//! `poke`: whatever is due, for anyone.

use piecework_interface::{
    event::Entry,
    ids::{AccountNo, BatchId, LotId},
    money,
    op::{POKES_MAX, Target},
    round::commits_needed,
    view::{LotPhase, LotState, NodeStatus},
};

use super::{Engine, Error, Host, lot::Place, settle::STEP_LOG_BYTES};

impl<H: Host> Engine<'_, H> {
    /// Does the next due step of each target.
    ///
    /// # Errors
    /// Too many targets, or nothing is due on any.
    pub fn poke(mut self, targets: &[Target]) -> Result<(), Error> {
        self.assert_no_deposit()?;
        if targets.len() > POKES_MAX {
            return Err(Error::Input("at most 16 targets may be poked in one call"));
        }
        let mut done = false;
        for target in targets {
            if !self.fits(STEP_LOG_BYTES) {
                // The line is full: the rest stays due.
                break;
            }
            done |= match *target {
                Target::Lot(batch, lot) => self.poke_lot(batch, lot)?,
                Target::Batch(batch) => self.close_if_done(batch)? || self.pay_freed(batch)?,
                Target::Node(node) => self.poke_node(node)?,
            };
        }
        if !done {
            return Err(Error::NothingDue("no target has a step that is due now"));
        }
        self.finish("poke", None)
    }

    fn poke_lot(&mut self, batch: BatchId, lot: LotId) -> Result<bool, Error> {
        let Ok(place) = self.place(batch, lot)? else { return Ok(false) };
        let Some(state) = self.lots.take(&*self.host, place.key())? else { return Ok(false) };
        let now = self.now;
        let terms = &place.facts.terms;
        match state.phase {
            LotPhase::Working if state.round_over(terms, place.cancelled, now) => self.end_round(&place, state),
            LotPhase::Revealing if state.all_revealed() || self.reveals_over(&place, &state) => {
                self.tally(&place, state)?;
                Ok(true)
            }
            LotPhase::Provisional if now >= state.phase_at.saturating_add(terms.challenge_window_s) => {
                self.settle(&place, &state, true)?;
                Ok(true)
            }
            LotPhase::Working | LotPhase::Revealing | LotPhase::Provisional => {
                self.lots.put(place.key(), state);
                Ok(false)
            }
        }
    }

    /// Ends a working round: to reveals with enough commits, else without a result.
    fn end_round(&mut self, place: &Place, mut state: LotState) -> Result<bool, Error> {
        if state.commits() >= commits_needed(&place.facts.terms, state.round) {
            let abandoned = self.abandon_reserved(place, &mut state)?;
            self.start_reveals(place, &mut state, abandoned)?;
            self.lots.put(place.key(), state);
            return Ok(true);
        }
        if state.round == 0 && !place.closed_to_claims(self.now) {
            // The next claim restarts the clock.
            self.lots.put(place.key(), state);
            return Ok(false);
        }
        let abandoned = self.abandon_reserved(place, &mut state)?;
        let bond = place.bond(&state);
        let freed: Vec<_> = state.current().map(|slot| slot.node).collect();
        for node in freed {
            self.end_slot(node, bond, 0)?;
        }
        let round = state.round;
        state.slots.retain(|slot| slot.round != round);
        self.push(Entry::Freed { batch: place.batch, lot: place.lot, abandoned });
        // Without a slot in the extension, a tally finds its items unresolved over all rounds.
        if round == 0 {
            self.settle(place, &state, true)?
        } else {
            self.tally(place, state)?
        }
        Ok(true)
    }

    /// Whether the missing reveals are out of time: by the clock, and by blocks, so that a congested chain slashes nobody.
    fn reveals_over(&self, place: &Place, state: &LotState) -> bool {
        let window = place.facts.terms.reveal_window_s;
        let end = state.phase_at.saturating_add(window).saturating_add(place.facts.fixed.grace_s);
        self.now >= end && self.height >= state.phase_height.saturating_add(window / 2)
    }

    fn poke_node(&mut self, number: AccountNo) -> Result<bool, Error> {
        let (now, min_stake) = (self.now, self.root.min_stake);
        let window = self.config()?.liveness_window_s;
        let account = self.accounts.peek(&*self.host, number)?;
        let Some(node) = account.and_then(|account| account.node.as_ref()) else { return Ok(false) };
        // A new least stake counts for a node from its next change of stake, or from here.
        let revalued = money::tickets(node.stake.0, min_stake) != node.tickets;
        let silent = node.status == NodeStatus::Active && now > node.last_seen.saturating_add(window);
        if revalued {
            self.push_stake(number)?;
        }
        if silent {
            self.change_status(number, NodeStatus::Silent, "the node is silent already")?;
        }
        Ok(revalued || silent)
    }
}
