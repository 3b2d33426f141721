//! A batch closes when nothing of it is live and nothing can become live.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{BatchId, TokenId},
    merkle,
    storage::{BATCH_BYTES, CLOSED_BATCH_BYTES, lot_bytes},
    view::Referrer,
};

use crate::engine::{
    Engine, Error, Host,
    balance::{add, release, take},
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
        let (forgets, referrer) = (open.facts.forget_on_close, open.facts.referrer);
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
        let mut refund = purse.escrow;
        for part in [purse.fees, purse.referral, purse.bond.unwrap_or_default()] {
            take(&mut refund, part, ESCROW)?;
        }
        let (fees, referral) = self.pay_out((token, referrer), (purse.fees, purse.referral))?;
        self.credit(requester, token, refund)?;
        if let (Some(adjudicator), Some(bond)) = (adjudicator, purse.bond) {
            self.credit(adjudicator, token, bond)?;
            self.forget(adjudicator)?;
        }
        self.push(Entry::BatchClosed { batch, fees, referral, refund: Amount(refund) });
        Ok(true)
    }

    /// Pays out what settled lots left; returns whether there was anything.
    pub(in crate::engine) fn pay_freed(&mut self, batch: BatchId) -> Result<bool, Error> {
        let Some(open) = self.peek_batch(batch)? else { return Ok(false) };
        let (requester, token, referrer) = (open.facts.requester, open.facts.token, open.facts.referrer);
        let parts @ [fees, referral, refund] = [open.purse.fees, open.purse.referral, open.purse.freed];
        if parts == [0; 3] {
            return Ok(false);
        }
        let purse = self.purse(batch)?;
        for part in parts {
            take(&mut purse.escrow, part, ESCROW)?;
        }
        (purse.fees, purse.referral, purse.freed) = (0, 0, 0);
        let (fees, referral) = self.pay_out((token, referrer), (fees, referral))?;
        self.credit(requester, token, refund)?;
        self.push(Entry::BatchPaid { batch, fees, referral, refund: Amount(refund) });
        Ok(true)
    }

    /// Pays the referrer its part, if it is there and has room, and moves all other fees to the token, where they wait for the
    /// treasury. Returns both.
    fn pay_out(
        &mut self,
        (token, referrer): (TokenId, Option<Referrer>),
        (mut fees, mut referral): (u128, u128),
    ) -> Result<(Amount, Amount), Error> {
        if let Some(Referrer { account, .. }) = referrer.filter(|_| referral > 0) {
            if self.take_free_room(account, token)? {
                self.credit(account, token, referral)?;
            } else {
                add(&mut fees, core::mem::take(&mut referral), FEES)?;
            }
        }
        if fees > 0 {
            add(&mut self.token(token)?.pool, fees, FEES)?;
        }
        Ok((Amount(fees), Amount(referral)))
    }
}

const ESCROW: &str = "the escrow of a batch";
const FEES: &str = "the fees of a batch";
