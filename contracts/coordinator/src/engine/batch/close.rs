//! A batch closes when nothing of it is live and nothing can become live.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, TokenId},
    merkle,
    storage::{BATCH_BYTES, CLOSED_BATCH_BYTES, lot_bytes},
};

use crate::engine::{
    Engine, Error, Host,
    balance::release,
    record::{Batch, ClosedBatch},
};

impl<H: Host> Engine<'_, H> {
    /// Closes the batch if it is done; returns whether it was.
    pub(in crate::engine) fn close_if_done(&mut self, batch: BatchId) -> Result<bool, Error> {
        let now = self.now;
        let Some(open) = self.peek_batch(batch)? else { return Ok(false) };
        let facts = &open.facts;
        let (size, life) = ((facts.lots(), open.purse.live), (facts.appendable, open.cancelled));
        if !open.window.closes(size, &facts.terms, life, now) {
            return Ok(false);
        }
        let (requester, token, lot_bytes) = (open.facts.requester, open.facts.token, lot_bytes(&open.facts.terms));
        let (adjudicator, callback) = (open.facts.terms.adjudicator(), open.facts.callback.clone());
        let forgets = open.facts.forget_on_close;
        let purse = open.purse.clone();
        let closed = ClosedBatch {
            requester,
            settled: purse.results.count,
            results_root: merkle::bag(H::SHA256, &purse.results),
            callback,
        };
        if forgets {
            self.batches.take(&*self.host, batch)?;
            self.forget(requester)?;
        } else {
            self.batches.put(batch, Batch::Closed(closed));
        }
        let bytes = purse.reserved.checked_mul(lot_bytes).ok_or(Error::Internal("bytes of lots"))?;
        release(self.account(requester)?, bytes)?;
        let kept = if forgets { 0 } else { CLOSED_BATCH_BYTES };
        release(self.account(requester)?, BATCH_BYTES - kept)?;
        let bond = purse.bond.unwrap_or_default();
        let refund = purse.escrow.checked_sub(purse.fees).and_then(|rest| rest.checked_sub(bond));
        let refund = refund.ok_or(Error::Internal("the escrow of a batch"))?;
        self.pay_out(token, requester, purse.fees, refund)?;
        if let (Some(adjudicator), Some(bond)) = (adjudicator, purse.bond) {
            self.credit(adjudicator, token, bond)?;
            self.forget(adjudicator)?;
        }
        self.push(Entry::BatchClosed { batch, fees: Amount(purse.fees), refund: Amount(refund) });
        Ok(true)
    }

    /// Pays out what settled lots left; returns whether there was anything.
    pub(in crate::engine) fn pay_freed(&mut self, batch: BatchId) -> Result<bool, Error> {
        let Some(open) = self.peek_batch(batch)? else { return Ok(false) };
        let (requester, token) = (open.facts.requester, open.facts.token);
        let purse = self.purse(batch)?;
        let (fees, refund) = (core::mem::take(&mut purse.fees), core::mem::take(&mut purse.freed));
        if fees == 0 && refund == 0 {
            return Ok(false);
        }
        let rest = purse.escrow.checked_sub(fees).and_then(|rest| rest.checked_sub(refund));
        purse.escrow = rest.ok_or(Error::Internal("the escrow of a batch"))?;
        self.pay_out(token, requester, fees, refund)?;
        self.push(Entry::BatchPaid { batch, fees: Amount(fees), refund: Amount(refund) });
        Ok(true)
    }

    fn pay_out(&mut self, token: TokenId, requester: AccountNo, fees: u128, refund: u128) -> Result<(), Error> {
        if fees > 0 {
            let pool = &mut self.token(token)?.pool;
            *pool = pool.checked_add(fees).ok_or(Error::Internal("what waits for the treasury"))?;
        }
        self.credit(requester, token, refund)
    }
}
