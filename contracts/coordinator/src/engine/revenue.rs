//! Epochs: fees and the insurance's surplus reach whoever worked.

use piecework_interface::{
    amount::Amount,
    event::{Entry, EpochShare},
    ids::{AccountNo, NEAR, TokenId},
    revenue::{REVENUE_TOKENS, Revenue, Share},
    storage::BALANCE_BYTES,
};

use super::{
    Engine, Error, Host,
    balance::{charge, has_room, release},
    record::Account,
};

impl<H: Host> Engine<'_, H> {
    /// Names the account that gets the treasury's part of fees, and makes room there for every token; nobody, without a
    /// name.
    ///
    /// # Errors
    /// The caller is not the owner, or the account is not registered or lacks storage.
    pub fn treasury_set(mut self, account_id: Option<String>) -> Result<(), Error> {
        let tokens = self.govern(&[])?.tokens.min(REVENUE_TOKENS);
        let account = match account_id {
            Some(account_id) => Some(self.find_account(&account_id)?.ok_or(Error::Account("the treasury"))?),
            None => None,
        };
        if let Some(account) = account {
            (0..tokens).try_for_each(|token| self.make_room(account, TokenId(token)))?;
        }
        self.edit_settings()?.governance.treasury = account;
        self.push(Entry::TreasurySet { account });
        self.finish("treasury_set", None)
    }

    /// Ends the epoch: fixes what each ticket of it earns. What nobody collected of the one before goes back to the pools.
    ///
    /// # Errors
    /// The epoch has not lasted long enough.
    pub fn epoch_settle(mut self) -> Result<(), Error> {
        self.assert_no_deposit()?;
        let settings = self.settings()?;
        let (config, treasury) = (settings.governance.config.clone(), settings.governance.treasury);
        let tokens = settings.tokens.min(REVENUE_TOKENS);
        let mut revenue = self.revenue.take(&*self.host, ())?.ok_or(Error::Internal("the epoch is missing"))?;
        if !revenue.is_over(&config, self.now) {
            return Err(Error::NothingDue("the epoch is not over: see started_at in `revenue`"));
        }
        for Share { token, left, .. } in core::mem::take(&mut revenue.shares) {
            let pool = self.pool(token)?;
            *pool = pool.checked_add(left.0).ok_or(Error::Internal("a pool"))?;
        }
        let mut shares = Vec::with_capacity(tokens.into());
        for token in (0..tokens).map(TokenId) {
            // A treasury that has left, or has no room for the token, never holds up the nodes.
            let room = match treasury {
                Some(account) => {
                    self.accounts.peek(&*self.host, account)?.is_some_and(|account| has_room(account, token))
                }
                None => false,
            };
            let pool = *self.pool(token)?;
            let (taken, share) = revenue.split(&config, token, pool, room);
            let rest = pool.checked_sub(taken).and_then(|rest| rest.checked_sub(share.left.0));
            *self.pool(token)? = rest.ok_or(Error::Internal("a pool"))?;
            if let (Some(account), true) = (treasury, taken > 0) {
                self.credit(account, token, taken)?;
            }
            shares.push(EpochShare { token, treasury: Amount(taken), per_ticket: share.per_ticket });
            revenue.shares.push(share);
        }
        let epoch = self.root.epoch.checked_add(1).ok_or(Error::Internal("epochs are used up"))?;
        self.root.epoch = epoch;
        (revenue.epoch, revenue.started_at, revenue.tickets) = (epoch, self.now, 0);
        self.revenue.put((), revenue);
        self.push(Entry::EpochEnded { epoch, shares });
        self.finish("epoch_settle", None)
    }

    /// Credits the caller with what the epoch before the running one pays for its tickets.
    ///
    /// # Errors
    /// The caller has no node or nothing to collect, or lacks storage for a token.
    pub fn revenue_collect(mut self) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let account = self.calling_node()?;
        self.collect(account)?;
        self.finish("revenue_collect", Some(account))
    }

    /// Credits an account with what the epoch before the running one pays for its node's tickets, or changes nothing.
    pub(super) fn collect(&mut self, account: AccountNo) -> Result<(), Error> {
        let epoch = self.root.epoch;
        let mut shares = self.revenue.peek(&*self.host, ())?.map_or(Vec::new(), |revenue| revenue.shares.clone());
        make_sure_of_rooms(self.account(account)?, &shares)?;
        let tickets = self.edit_node(account, |node| node.take_tickets(epoch))?;
        if tickets == 0 {
            return Err(Error::NothingDue("the node settled no lot in the epoch before, or has collected it"));
        }
        for Share { token, per_ticket, left } in &mut shares {
            let amount = per_ticket.0.saturating_mul(u128::from(tickets));
            if amount > 0 {
                left.0 = left.0.checked_sub(amount).ok_or(Error::Internal("what an epoch pays"))?;
                self.make_room(account, *token)?;
                self.credit(account, *token, amount)?;
            }
        }
        self.revenue()?.shares = shares;
        self.push(Entry::Collected { account, tickets });
        Ok(())
    }

    /// A lot with a slot of the node settled: its tickets count in the running epoch, once.
    pub(super) fn count_tickets(&mut self, node: AccountNo) -> Result<(), Error> {
        let epoch = self.root.epoch;
        let more = self.edit_node(node, |node| node.count_tickets(epoch))?;
        self.change_tickets(more, 0)
    }

    /// The node's stake was moved: tickets that it no longer has count no longer.
    pub(super) fn recount_tickets(&mut self, node: AccountNo) -> Result<(), Error> {
        let epoch = self.root.epoch;
        let less = self.edit_node(node, |node| node.recount_tickets(epoch))?;
        self.change_tickets(0, less)
    }

    fn change_tickets(&mut self, more: u64, less: u64) -> Result<(), Error> {
        if (more, less) != (0, 0) {
            let sum = &mut self.revenue()?.tickets;
            let changed = sum.checked_add(more).and_then(|sum| sum.checked_sub(less));
            *sum = changed.ok_or(Error::Internal("an epoch's tickets"))?;
        }
        Ok(())
    }

    fn revenue(&mut self) -> Result<&mut Revenue, Error> {
        self.revenue.edit(&*self.host, ())?.ok_or(Error::Internal("the epoch is missing"))
    }

    /// Where a token's revenue waits: NEAR's is the insurance.
    fn pool(&mut self, token: TokenId) -> Result<&mut u128, Error> {
        if token == NEAR { Ok(&mut self.root.insurance) } else { Ok(&mut self.token(token)?.pool) }
    }
}

/// Fails unless the account can pay for the rows that the shares would need.
fn make_sure_of_rooms(account: &mut Account, shares: &[Share]) -> Result<(), Error> {
    let missing = shares.iter().filter(|share| share.per_ticket.0 > 0 && !has_room(account, share.token));
    // The first token of an account lies in its record.
    let rows = missing.skip(usize::from(account.first == NEAR)).fold(0, |bytes, _| bytes + BALANCE_BYTES);
    charge(account, rows)?;
    release(account, rows)
}
