//! `Draw`: opens a group, or captures a seed.

use piecework_interface::{
    draw::{At, Draw, Seed},
    due::DrawStep,
    event::Entry,
    ids::{AccountNo, BatchId},
    lots,
    round::closed_to_claims,
    skip::Skip,
    sortition,
};

use super::Stop;
use crate::engine::{Engine, Error, Host, record::Lot};

impl<H: Host> Engine<'_, H> {
    pub(super) fn draw(&mut self, node: AccountNo, batch: BatchId, at: At) -> Result<(), Stop> {
        let now = self.now;
        let Some(open) = self.peek_batch(batch)? else { return Err(Skip::NoBatch.into()) };
        let (terms, fixed, cancelled) = (open.facts.terms.clone(), open.facts.fixed.clone(), open.cancelled);
        let class = self.class(terms.class)?.clone();
        let Some(open) = self.peek_batch(batch)? else { return Err(Skip::NoBatch.into()) };
        let backed = open.is_backed();
        let (draw, may_open, round) = match at {
            At::Group(group) => {
                let groups = lots::group_count(open.facts.items, terms.lot_size);
                let draw = open.window.draw(group).filter(|_| group < groups).cloned();
                if !backed {
                    return Err(Skip::Adjudicator.into());
                }
                if !terms.may_be_drawn(&fixed, &class) {
                    return Err(Skip::FewNodes.into());
                }
                (draw.ok_or(Skip::DrawNotDue)?, open.window.may_open(group, class.tickets, &terms), 0)
            }
            At::Lot(lot) => {
                let Lot { state, .. } = self.lots.peek(&*self.host, (batch, lot))?.ok_or(Skip::NoLot)?;
                state.may_draw(&terms, now)?;
                (state.draw.clone(), false, state.round)
            }
        };
        self.assert_active(node)?;
        if closed_to_claims(&terms, cancelled, round, now) {
            return Err(Skip::ClosedToClaims.into());
        }
        let appeal = terms.has_appeal(&fixed, &class);
        let step = draw.due(may_open, terms.round_slice_s(round), now).ok_or(Skip::DrawNotDue)?;
        let (next, entry) = self.next_draw(step, (batch, at), class.tickets, appeal);
        self.set_draw(batch, at, next)?;
        self.push(entry);
        Ok(())
    }

    fn next_draw(&self, step: DrawStep, (batch, at): (BatchId, At), tickets: u32, appeal: bool) -> (Draw, Entry) {
        match step {
            DrawStep::Open => (Draw::Opened(self.now), Entry::DrawOpened { batch, at }),
            DrawStep::Capture => {
                let value = sortition::seed_value(H::SHA256, &self.host.random_seed(), batch, at);
                let seed = Seed { value, at: self.now, height: self.height, tickets, appeal };
                (Draw::Seeded(seed), Entry::Seeded { batch, at, value, tickets, appeal })
            }
        }
    }

    fn set_draw(&mut self, batch: BatchId, at: At, next: Draw) -> Result<(), Error> {
        match at {
            At::Group(group) => {
                let open = self.open_batch(batch)?.ok_or(Error::Internal("a batch is missing"))?;
                let index = open.window.index(group).ok_or(Error::Internal("a group is missing"))?;
                open.window.draws[index] = next;
            }
            At::Lot(lot) => {
                let place = self.place_of_record(batch, lot)?;
                let mut state = self.take_lot(&place)?.ok_or(Error::Internal("a lot is missing"))?;
                state.draw = next;
                self.put_lot(&place, state);
            }
        }
        Ok(())
    }

    /// Draws and claims are for active nodes with a ticket.
    fn assert_active(&mut self, node: AccountNo) -> Result<(), Stop> {
        let account = self.accounts.peek(&*self.host, node)?;
        let active = account.and_then(|account| account.node.as_ref()).is_some_and(|node| node.active_tickets() > 0);
        if active { Ok(()) } else { Err(Skip::Inactive.into()) }
    }
}
