//! Batches. Each method is the requester's and takes one yoctoNEAR.

use piecework_interface::call::{BatchArgs, BatchCreateArgs, BatchSkipLotsArgs};

use super::{
    args::{self, need},
    call, methods, reply,
};

methods! {
    /// Creates a batch from the internal balance.
    batch_create => {
        let args: BatchCreateArgs = args::read_as();
        reply(&call(|engine| engine.batch_create(args)));
    };

    /// Closes a batch to claims.
    batch_cancel => {
        let batch = need(args::read().batch, "batch");
        call(|engine| engine.batch_cancel(BatchArgs { batch }));
    };

    /// Drops a closed batch's result root.
    batch_forget => {
        let batch = need(args::read().batch, "batch");
        call(|engine| engine.batch_forget(BatchArgs { batch }));
    };

    /// Closes lots that nobody holds.
    batch_skip_lots => {
        let args = args::read();
        let batch = need(args.batch, "batch");
        let lots = need(args.lots, "lots");
        call(|engine| engine.batch_skip_lots(BatchSkipLotsArgs { batch, lots }));
    };
}
