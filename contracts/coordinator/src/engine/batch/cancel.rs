//! `batch_cancel` and `batch_forget`.

use piecework_interface::{call::BatchArgs, event::Entry, storage::CLOSED_BATCH_BYTES};

use crate::engine::{Engine, Error, Host, balance::release, record::Batch};

impl<H: Host> Engine<'_, H> {
    /// Closes the batch to claims; what is live runs to its end.
    ///
    /// # Errors
    /// The caller is not the requester, or the batch is cancelled or closed.
    pub fn batch_cancel(mut self, args: BatchArgs) -> Result<(), Error> {
        let (_, open) = self.own_batch(args.batch)?;
        if core::mem::replace(&mut open.cancelled, true) {
            return Err(Error::BatchState(args.batch, "is cancelled already"));
        }
        self.push(Entry::BatchCancelled { batch: args.batch });
        self.close_if_done(args.batch)?;
        self.finish("batch_cancel", None)
    }

    /// Drops a closed batch's result root and gives its bytes back.
    ///
    /// # Errors
    /// The caller is not the requester, or the batch is not closed.
    pub fn batch_forget(mut self, args: BatchArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        match self.batches.take(&*self.host, args.batch)? {
            Some(Batch::Closed(closed)) if closed.requester == caller => {}
            Some(Batch::Closed(_)) => return Err(Error::Caller("the batch's requester")),
            Some(Batch::Open(_)) => {
                return Err(Error::BatchState(args.batch, "is not closed: cancel it or wait"));
            }
            None => return Err(Error::BatchState(args.batch, "does not exist")),
        }
        release(self.account(caller)?, CLOSED_BATCH_BYTES)?;
        self.forget(caller)?;
        self.push(Entry::BatchForgotten { batch: args.batch });
        self.push_storage(caller)?;
        self.finish("batch_forget", None)
    }
}
