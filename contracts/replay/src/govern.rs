//! Entries of governance.

use super::{Fault, step::Step};
use piecework_interface::governance::{Change, Proposal, Settings};

impl Step<'_> {
    /// Changes the settings.
    pub fn settings(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), Fault> {
        change(&mut self.mirror.settings);
        self.changes.settings = true;
        Ok(())
    }

    pub fn proposed(&mut self, number: u32, ready_at: u32, change: &Change) -> Result<(), Fault> {
        let next = &mut self.mirror.settings.next_proposal;
        if number != *next {
            return Err(Fault::Differs("the proposal's number"));
        }
        *next = next.checked_add(1).ok_or(Fault::Range("the number of the next proposal"))?;
        let proposal = Proposal { number, ready_at, change: change.clone() };
        self.settings(|settings| settings.proposals.push(proposal))
    }

    pub fn dropped(&mut self, number: u32) -> Result<Proposal, Fault> {
        self.changes.settings = true;
        self.mirror.settings.take_proposal(number).ok_or(Fault::Differs("the open proposals"))
    }

    pub fn applied(&mut self, number: u32) -> Result<(), Fault> {
        let proposal = self.dropped(number)?;
        if self.context.now_s < proposal.ready_at {
            return Err(Fault::Differs("the time of a proposal"));
        }
        match proposal.change {
            Change::Config(config) => self.settings(|settings| settings.config = config),
            Change::Code(_) => Ok(()),
            Change::Prices(prices) => {
                let row = self.token(prices.token)?;
                (row.min_reward, row.rep_unit, row.bond_rate) = (prices.min_reward, prices.rep_unit, prices.bond_rate);
                Ok(())
            }
        }
    }
}
