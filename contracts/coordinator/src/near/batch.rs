//! Batches. Each method is the requester's and takes one yoctoNEAR.

use piecework_interface::call::{BatchArgs, BatchCreateArgs, BatchSkipLotsArgs};

use super::{args, call, call_as, methods, reply};
use crate::json::CreateArgs;

methods! {
    /// Creates a batch from the internal balance.
    batch_create => {
        let CreateArgs { token, batch, account } = args::read_as();
        reply(&call_as(account, |engine| engine.batch_create(BatchCreateArgs { token, batch })));
    };

    /// Closes a batch to claims.
    batch_cancel(batch) => call(|engine| engine.batch_cancel(BatchArgs { batch }));

    /// Drops a closed batch's result root.
    batch_forget(batch) => call(|engine| engine.batch_forget(BatchArgs { batch }));

    /// Closes lots that nobody holds.
    batch_skip_lots(batch, lots) => call(|engine| engine.batch_skip_lots(BatchSkipLotsArgs { batch, lots }));
}
