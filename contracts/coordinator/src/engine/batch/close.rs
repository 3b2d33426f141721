//! A batch closes when nothing of it is live and nothing can become live.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::BatchId,
    merkle,
    storage::{BATCH_BYTES, CLOSED_BATCH_BYTES},
    view::GROUP_LOTS,
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
        let all_marked = open.progress.frontier >= open.facts.lots().div_ceil(GROUP_LOTS);
        let over = all_marked || open.cancelled || now > open.facts.terms.expires_at;
        if open.progress.live > 0 || !over {
            return Ok(false);
        }
        let (requester, token) = (open.facts.requester, open.facts.token);
        let purse = self.purses.take(&*self.host, batch)?.ok_or(Error::Internal("a purse is missing"))?;
        let closed = ClosedBatch {
            requester,
            settled: purse.results.count,
            results_root: merkle::bag(H::SHA256, &purse.results),
        };
        self.batches.put(batch, Batch::Closed(closed));
        self.credit(requester, token, purse.escrow)?;
        release(self.account(requester)?, BATCH_BYTES - CLOSED_BATCH_BYTES)?;
        self.push(Entry::BatchClosed { batch, refund: Amount(purse.escrow) });
        Ok(true)
    }
}
