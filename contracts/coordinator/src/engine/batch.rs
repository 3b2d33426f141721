//! Batches: created, appended to, raised, cancelled, skipped, closed, forgotten.

mod append;
mod cancel;
mod close;
mod create;
mod raise;
mod skip_lots;

use piecework_interface::ids::{AccountNo, BatchId};

use super::{
    Engine, Error, Host,
    record::{Batch, OpenBatch, Purse},
};

impl<H: Host> Engine<'_, H> {
    /// A batch that is not closed; `None` if there is none of that number.
    pub(super) fn open_batch(&mut self, batch: BatchId) -> Result<Option<&mut OpenBatch>, Error> {
        Ok(match self.batches.edit(&*self.host, batch)? {
            Some(Batch::Open(open)) => Some(open),
            _ => None,
        })
    }

    /// The same, read only: unchanged batches are not written.
    pub(super) fn peek_batch(&mut self, batch: BatchId) -> Result<Option<&OpenBatch>, Error> {
        Ok(match self.batches.peek(&*self.host, batch)? {
            Some(Batch::Open(open)) => Some(open),
            _ => None,
        })
    }

    /// The same for a call that needs one.
    fn peek_open(&mut self, batch: BatchId) -> Result<&OpenBatch, Error> {
        self.peek_batch(batch)?.ok_or(Error::BatchState(batch, "does not exist or is closed"))
    }

    /// What an open batch holds, to be changed.
    pub(super) fn purse(&mut self, batch: BatchId) -> Result<&mut Purse, Error> {
        Ok(&mut self.open_batch(batch)?.ok_or(Error::Internal("a batch is missing"))?.purse)
    }

    /// The same, read only.
    pub(super) fn peek_purse(&mut self, batch: BatchId) -> Result<&Purse, Error> {
        Ok(&self.peek_batch(batch)?.ok_or(Error::Internal("a batch is missing"))?.purse)
    }

    /// One thing less that the account must be there for.
    pub(super) fn forget(&mut self, account: AccountNo) -> Result<(), Error> {
        let batches = &mut self.account(account)?.batches;
        *batches = batches.checked_sub(1).ok_or(Error::Internal("the count of batches"))?;
        Ok(())
    }

    /// A batch that is not closed, for its requester.
    fn batch_of(&mut self, batch: BatchId, requester: AccountNo) -> Result<&mut OpenBatch, Error> {
        let open = self.open_batch(batch)?.ok_or(Error::BatchState(batch, "does not exist or is closed"))?;
        if open.facts.requester == requester { Ok(open) } else { Err(Error::Caller("the batch's requester")) }
    }
}
