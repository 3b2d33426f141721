//! `batch_cancel` and `batch_forget`.

use piecework_interface::{
    call::BatchArgs,
    event::Entry,
    ids::{AccountNo, BatchId},
    storage::CLOSED_BATCH_BYTES,
};

use crate::engine::{Engine, Error, Host, balance::release, record::Batch};

impl<H: Host> Engine<'_, H> {
    /// Closes the batch to claims; what is live runs to its end.
    ///
    /// # Errors
    /// The caller is not the requester, or the batch is cancelled or closed.
    pub fn batch_cancel(mut self, args: BatchArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.cancel(caller, args.batch)?;
        self.finish("batch_cancel", None)
    }

    /// Cancels a batch, or changes nothing.
    pub(in crate::engine) fn cancel(&mut self, requester: AccountNo, batch: BatchId) -> Result<(), Error> {
        let open = self.batch_of(batch, requester)?;
        if core::mem::replace(&mut open.cancelled, true) {
            return Err(Error::BatchState(batch, "is cancelled already"));
        }
        self.push(Entry::BatchCancelled { batch });
        self.close_if_done(batch)?;
        Ok(())
    }

    /// Drops a closed batch's result root and gives its bytes back.
    ///
    /// # Errors
    /// The caller is not the requester, or the batch is not closed.
    pub fn batch_forget(mut self, args: BatchArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.forget_batch(caller, args.batch)?;
        self.finish("batch_forget", None)
    }

    /// Drops a closed batch's row, or changes nothing.
    pub(in crate::engine) fn forget_batch(&mut self, requester: AccountNo, batch: BatchId) -> Result<(), Error> {
        match self.batches.peek(&*self.host, batch)? {
            Some(Batch::Closed(closed)) if closed.requester == requester => {}
            Some(Batch::Closed(_)) => return Err(Error::Caller("the batch's requester")),
            Some(Batch::Open(_)) => return Err(Error::BatchState(batch, "is not closed: cancel it or wait")),
            None => return Err(Error::BatchState(batch, "does not exist")),
        }
        self.batches.take(&*self.host, batch)?;
        release(self.account(requester)?, CLOSED_BATCH_BYTES)?;
        self.forget(requester)?;
        self.push(Entry::BatchForgotten { batch });
        self.push_storage(requester)
    }
}
