//! Batches. Each method is the requester's and takes one yoctoNEAR.

use near_sdk::near;
use piecework_interface::{
    call::{BatchArgs, BatchCreateArgs, BatchSkipLotsArgs, BatchSpec},
    ids::{BatchId, LotId, TokenId},
};

use super::{Coordinator, CoordinatorExt, call};

#[near]
impl Coordinator {
    /// Creates a batch from the internal balance.
    pub fn batch_create(token: TokenId, batch: BatchSpec) -> BatchId {
        call(|engine| engine.batch_create(BatchCreateArgs { token, batch }))
    }

    /// Closes a batch to claims.
    pub fn batch_cancel(batch: BatchId) {
        call(|engine| engine.batch_cancel(BatchArgs { batch }));
    }

    /// Drops a closed batch's result root.
    pub fn batch_forget(batch: BatchId) {
        call(|engine| engine.batch_forget(BatchArgs { batch }));
    }

    /// Closes lots that nobody holds.
    pub fn batch_skip_lots(batch: BatchId, lots: Vec<LotId>) {
        call(|engine| engine.batch_skip_lots(BatchSkipLotsArgs { batch, lots }));
    }
}
