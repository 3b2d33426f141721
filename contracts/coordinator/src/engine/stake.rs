//! Stake: in at once, out after the unbonding time.

use piecework_interface::{
    amount::Amount,
    call::StakeRemoveArgs,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, NEAR},
    money,
};

use super::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Adds the deposit to the node's stake.
    ///
    /// # Errors
    /// Nothing is attached, or the caller has no node.
    pub fn stake_add(mut self) -> Result<(), Error> {
        self.assert_runs(Feature::Nodes)?;
        let amount = self.host.deposit();
        if amount == 0 {
            return Err(Error::Deposit("the stake to add, at least 1 yoctoNEAR"));
        }
        let number = self.calling_node()?;
        let (now, min_stake) = (self.now, self.root.min_stake);
        self.move_node(number, |node| {
            let stake = node.stake.0.checked_add(amount).ok_or(Error::Amount("the stake would exceed 2^128"))?;
            node.set_stake(stake, min_stake, now);
            Ok::<_, Error>(())
        })??;
        self.push_stake(number)?;
        self.finish("stake_add", Some(number))
    }

    /// Moves free stake to the unbonding amount and restarts its clock.
    ///
    /// # Errors
    /// The free stake is smaller, or the caller has no node.
    pub fn stake_remove(mut self, args: StakeRemoveArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.calling_node()?;
        let (now, min_stake) = (self.now, self.root.min_stake);
        let until = now.saturating_add(self.config()?.unbonding_s);
        self.move_node(number, |node| {
            let free = node.free_stake();
            let amount = args.amount.map_or(free, |amount| amount.0);
            if amount == 0 || amount > free {
                return Err(Error::Stake("the amount must be above 0 and at most the stake that backs no slot"));
            }
            node.set_stake(node.stake.0 - amount, min_stake, now);
            node.unbonding.0 =
                node.unbonding.0.checked_add(amount).ok_or(Error::Amount("the amount would exceed 2^128"))?;
            node.unbonding_until = until;
            Ok(())
        })??;
        self.push_stake(number)?;
        self.finish("stake_remove", Some(number))
    }

    /// Credits the unbonded amount to the caller's NEAR balance.
    ///
    /// # Errors
    /// Nothing is unbonding, or its time is not over.
    pub fn stake_claim(mut self) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.calling_node()?;
        let now = self.now;
        let amount = self.edit_node(number, |node| {
            if node.unbonding.0 == 0 {
                return Err(Error::Stake("nothing is unbonding: call stake_remove first"));
            }
            if now < node.unbonding_until {
                return Err(Error::Stake("the stake is unbonding still: see unbonding_until"));
            }
            node.unbonding_until = 0;
            Ok(core::mem::take(&mut node.unbonding))
        })??;
        self.push_stake(number)?;
        self.credit(number, NEAR, amount.0)?;
        self.push(Entry::Deposited { account: number, token: NEAR, amount, sender: None });
        self.finish("stake_claim", Some(number))
    }

    /// Lets a node's tickets follow its stake, which slashes and a new least stake leave behind. More tickets make a node a
    /// latecomer for lots that have begun, so they `may_rise` by its own call only. Returns whether they moved.
    pub(super) fn follow_stake(&mut self, number: AccountNo, may_rise: bool) -> Result<bool, Error> {
        let min_stake = self.root.min_stake;
        let (had, has) = self.edit_node(number, |node| (node.tickets, money::tickets(node.stake.0, min_stake)))?;
        let moves = has < had || (may_rise && has > had);
        if moves {
            self.push_stake(number)?;
        }
        Ok(moves)
    }

    /// Journals a node's stake. Its tickets are counted by the least stake of now, which a change of the configuration may
    /// have moved.
    pub(super) fn push_stake(&mut self, number: AccountNo) -> Result<(), Error> {
        let (now, min_stake) = (self.now, self.root.min_stake);
        self.move_node(number, |node| node.set_stake(node.stake.0, min_stake, now))?;
        let (stake, unbonding, until): (Amount, Amount, u32) =
            self.edit_node(number, |node| (node.stake, node.unbonding, node.unbonding_until))?;
        self.push(Entry::Staked { account: number, stake, unbonding, until });
        Ok(())
    }
}
