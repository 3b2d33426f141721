//! Entries of epochs.

use super::{
    Fault, MovementKind,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    amount::Amount,
    event::EpochShare,
    ids::{AccountNo, NEAR, TokenId},
    revenue::{REVENUE_TOKENS, Share},
};

impl Step<'_> {
    /// An epoch ended: every figure is computed again.
    pub fn epoch_ended(&mut self, epoch: u32, told: &[EpochShare]) -> Result<(), Fault> {
        self.changes.revenue = true;
        let now_s = self.context.now_s;
        let config = self.mirror.settings.config.clone();
        if !self.mirror.revenue.is_over(&config, now_s) || epoch != self.mirror.revenue.epoch.saturating_add(1) {
            return Err(Fault::Differs("the end of an epoch"));
        }
        for share in std::mem::take(&mut self.mirror.revenue.shares) {
            add(self.pool(share.token)?, share.left.0, "a pool")?;
        }
        let treasury = self.mirror.settings.treasury;
        let mut told = told.iter();
        for token in (0..REVENUE_TOKENS).map(TokenId) {
            if !self.mirror.tokens.contains_key(&token) {
                break;
            }
            let told = told.next().ok_or(Fault::Differs("the tokens of an epoch"))?;
            let pool = self.pool(token)?.0;
            // The contract leaves the treasury's part where its account has no room for the token.
            let (taken, share) = self.mirror.revenue.split(&config, token, pool, told.treasury.0 > 0);
            if (told.token, told.treasury.0, told.per_ticket) != (token, taken, share.per_ticket) {
                return Err(Fault::Differs("what an epoch pays"));
            }
            subtract(self.pool(token)?, taken, "a pool")?;
            subtract(self.pool(token)?, share.left.0, "a pool")?;
            if taken > 0 {
                let account = treasury.ok_or(Fault::Differs("what an epoch pays"))?;
                self.balance(account, token, Side::Credit(taken), MovementKind::Revenue, Cause::default())?;
            }
            self.mirror.revenue.shares.push(share);
        }
        let revenue = &mut self.mirror.revenue;
        (revenue.epoch, revenue.started_at, revenue.tickets) = (epoch, now_s, 0);
        Ok(())
    }

    pub fn collected(&mut self, account: AccountNo, tickets: u8) -> Result<(), Fault> {
        self.changes.revenue = true;
        let epoch = self.mirror.revenue.epoch;
        if self.node(account, |node| Ok(node.take_tickets(epoch)))? != tickets || tickets == 0 {
            return Err(Fault::Differs("a node's tickets in an epoch"));
        }
        for index in 0..self.mirror.revenue.shares.len() {
            let Share { token, per_ticket, left } = &mut self.mirror.revenue.shares[index];
            let amount = per_ticket.0.saturating_mul(u128::from(tickets));
            subtract(left, amount, "what an epoch pays")?;
            let token = *token;
            self.balance(account, token, Side::Credit(amount), MovementKind::Revenue, Cause::default())?;
        }
        Ok(())
    }

    /// The node settled a lot, or its stake moved: its tickets in the running epoch follow.
    pub fn count_tickets(&mut self, account: AccountNo, settled: bool) -> Result<(), Fault> {
        let epoch = self.mirror.revenue.epoch;
        let (more, less) = self.node(account, |node| {
            Ok(if settled { (node.count_tickets(epoch), 0) } else { (0, node.recount_tickets(epoch)) })
        })?;
        if (more, less) != (0, 0) {
            self.changes.revenue = true;
            let sum = self.mirror.revenue.tickets.checked_add(more).and_then(|sum| sum.checked_sub(less));
            self.mirror.revenue.tickets = sum.ok_or(Fault::Range("an epoch's tickets"))?;
        }
        Ok(())
    }

    /// Where a token's revenue waits.
    fn pool(&mut self, token: TokenId) -> Result<&mut Amount, Fault> {
        if token == NEAR { Ok(&mut self.mirror.root.insurance) } else { Ok(&mut self.token(token)?.pool) }
    }
}
