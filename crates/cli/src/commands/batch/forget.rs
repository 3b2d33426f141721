//! `piecework batch forget`: what the contract keeps of a closed batch is dropped.

use anyhow::bail;
use piecework_client::calls;
use piecework_console::{Problem, amount::format_near};
use piecework_interface::{
    ids::BatchId,
    storage::{CLOSED_BATCH_BYTES, cost},
    view::BatchStatus,
};
use serde_json::json;

use super::find;
use crate::{commands::word, context::Context};

pub(super) async fn run(context: &Context, batch: BatchId) -> anyhow::Result<()> {
    let state = find(&context.coordinator()?, batch).await?;
    if state.status != BatchStatus::Closed {
        bail!(Problem::new(
            format!("batch {batch} is {}, and only a closed one can be forgotten", word(state.status)),
            format!("wait with `piecework batch watch {batch}`, or end it with `piecework batch cancel {batch}`"),
        ));
    }
    if let Some(callback) = &state.callback {
        context.output.note(format!("{} gets no call about the batch's end any more", callback.account_id));
    }
    // The contract knows who the requester of a closed batch is, and says so.
    let signer = context.signer().await?;
    let outcome = context.call(&signer, calls::batch_forget(batch)).await?;
    let freed = cost(CLOSED_BATCH_BYTES);
    let result = json!({ "batch": batch, "freed": freed.to_string(), "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || {
        format!("forgot batch {batch}; {} NEAR of storage deposit are free again", format_near(freed))
    })
}
