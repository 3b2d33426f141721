//! Batches. Each method is the requester's and takes one yoctoNEAR.

use piecework_interface::call::{BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs};

use super::{args, call, call_as, methods, reply};
use crate::json::CreateArgs;

methods! {
    /// Creates a batch from the internal balance.
    batch_create => {
        let CreateArgs { token, batch, account } = args::read_as();
        reply(&call_as(account, |engine| engine.batch_create(BatchCreateArgs { token, batch })));
    };

    /// Adds lots to a batch.
    batch_append => call(|engine| engine.batch_append(args::read_as()));

    /// Raises the reward of a batch's lots that wait for their first claim.
    batch_raise(batch, reward) => call(|engine| engine.batch_raise(&BatchRaiseArgs { batch, reward }));

    /// Lets a batch expire later.
    batch_extend_expiry(batch, expires_at) => {
        call(|engine| engine.batch_extend_expiry(BatchExtendExpiryArgs { batch, expires_at }));
    };

    /// Closes a batch to claims.
    batch_cancel(batch) => call(|engine| engine.batch_cancel(BatchArgs { batch }));

    /// Drops a closed batch's result root.
    batch_forget(batch) => call(|engine| engine.batch_forget(BatchArgs { batch }));

    /// Closes lots that nobody holds.
    batch_skip_lots(batch, lots) => call(|engine| engine.batch_skip_lots(BatchSkipLotsArgs { batch, lots }));
}
