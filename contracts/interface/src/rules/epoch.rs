//! Fees and the insurance's surplus reach whoever worked: an epoch's share per ticket, collected in the next one.
//!
//! A node's first settled lot in an epoch adds its tickets to the epoch's sum; stake that it removes later takes them away
//! again. The end of the epoch fixes an amount per ticket for each revenue token. No loop runs over nodes: a node collects
//! its own share, and what nobody collected until the next end goes back to the pools.

use crate::model::{
    amount::Amount,
    config::Config,
    ids::{NEAR, TokenId},
    revenue::{Revenue, Share},
    view::Node,
};
use crate::rules::money::mul_div;

const BPS: u128 = 10_000;

impl Revenue {
    /// Whether the epoch may end.
    #[must_use]
    pub const fn is_over(&self, config: &Config, now_s: u32) -> bool {
        now_s >= self.ends_at(config.epoch_s)
    }

    /// Unix time from which an epoch of `epoch_s` seconds may end.
    #[must_use]
    pub const fn ends_at(&self, epoch_s: u32) -> u32 {
        self.started_at.saturating_add(epoch_s)
    }

    /// Splits what a pool holds, what was left of the epoch before included: the treasury's part, then an amount for each
    /// ticket. What does not divide stays in the pool.
    #[must_use]
    pub fn split(&self, config: &Config, token: TokenId, pool: u128, treasury: bool) -> (u128, Share) {
        if self.tickets == 0 {
            return (0, Share { token, ..Share::default() });
        }
        // The insurance is there for jurors first.
        let free = if token == NEAR { pool.saturating_sub(config.insurance_reserve.0) } else { pool };
        let bps = if treasury { u128::from(config.treasury_bps) } else { 0 };
        let taken = mul_div(free, bps, BPS);
        let per_ticket = free.saturating_sub(taken) / u128::from(self.tickets);
        let left = per_ticket.saturating_mul(u128::from(self.tickets));
        (taken, Share { token, per_ticket: Amount(per_ticket), left: Amount(left) })
    }
}

impl Node {
    /// The node settled a lot: its tickets count once in each epoch. Returns by how much the epoch's sum grows.
    pub fn count_tickets(&mut self, epoch: u32) -> u64 {
        let (tickets, part) = (self.tickets, &mut self.part);
        if part.counted == epoch.saturating_add(1) {
            return 0;
        }
        part.before = if part.counted == epoch && epoch > 0 { part.tickets } else { 0 };
        (part.counted, part.tickets) = (epoch.saturating_add(1), tickets);
        u64::from(tickets)
    }

    /// The node's stake was moved: tickets that it no longer has count no longer. Returns by how much the sum falls.
    pub fn recount_tickets(&mut self, epoch: u32) -> u64 {
        let part = &mut self.part;
        if part.counted != epoch.saturating_add(1) || part.tickets <= self.tickets {
            return 0;
        }
        let gone = part.tickets - self.tickets;
        part.tickets = self.tickets;
        u64::from(gone)
    }

    /// Takes the tickets that the epoch before the running one pays for; none, if they were taken already.
    pub fn take_tickets(&mut self, epoch: u32) -> u8 {
        let part = &mut self.part;
        if epoch == 0 {
            0
        } else if part.counted == epoch {
            core::mem::take(&mut part.tickets)
        } else if part.counted == epoch.saturating_add(1) {
            core::mem::take(&mut part.before)
        } else {
            0
        }
    }
}
