//! `piecework batch cancel`, and the end of `close`: what became of the batch, and what came back.

use anyhow::bail;
use piecework_chain::Outcome;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    event::Entry,
    ids::BatchId,
    view::{Batch, BatchStatus},
};
use serde_json::{Value, json};

use super::{dispute, find};
use crate::{
    commands::{entries, word},
    context::Context,
    tokens,
};

/// Which command ends the batch: both send the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Lots that wait are given up.
    Cancel,
    /// Every lot has begun.
    Close,
}

pub(super) async fn run(context: &Context, batch: BatchId, end: End) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let state = find(&coordinator, batch).await?;
    let Some(open) = state.open.filter(|_| state.status == BatchStatus::Open) else {
        bail!(Problem::new(
            format!("batch {batch} is {} already", word(state.status)),
            "see it with `piecework batch list`",
        ));
    };
    let signer = dispute::requester(context, batch, &open).await?;
    let outcome = context.call(&signer, calls::batch_cancel(batch)).await?;
    let back = refund(&entries(&outcome)?, batch);
    // One that is forgotten when it closes is gone by now.
    let state = coordinator.batch(batch).await?;
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    let result = result(batch, state.as_ref(), back, &outcome);
    context.output.result(&result, || describe(batch, end, state.as_ref(), &token.show(back)))
}

/// What entries returned of a batch to its requester, in units of its token.
pub(in crate::commands) fn refund(entries: &[Entry], of: BatchId) -> u128 {
    let back = |entry: &Entry| match entry {
        Entry::BatchPaid { batch, refund, .. } | Entry::BatchClosed { batch, refund, .. } if *batch == of => refund.0,
        _ => 0,
    };
    entries.iter().map(back).fold(0, u128::saturating_add)
}

/// The batch as it stands, with what came back; its row may be gone.
fn result(batch: BatchId, state: Option<&Batch>, back: u128, outcome: &Outcome) -> Value {
    let mut result =
        state.map_or_else(|| json!({ "batch": batch, "status": BatchStatus::Closed }), |state| json!(state));
    result["forgotten"] = json!(state.is_none());
    result["refund"] = json!(back.to_string());
    result["tx_hash"] = json!(outcome.tx_hash.to_string());
    result
}

fn describe(batch: BatchId, end: End, state: Option<&Batch>, back: &str) -> String {
    let done = match end {
        End::Cancel => "cancelled",
        End::Close => "closed",
    };
    match state.map(|state| (state.status, &state.open)) {
        None => format!("batch {batch} is {done} and its row is forgotten; {back} came back"),
        Some((_, Some(open))) => {
            let (live, ends) = (open.progress.live, if end == End::Close { "it closes with" } else { "it ends with" });
            format!(
                "batch {batch} takes no more claims; {ends} the {live} lots that are still at work and will be paid; {back} came back"
            )
        }
        Some(_) => format!("batch {batch} is {done}; {back} came back"),
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::amount::Amount;

    use super::*;

    #[test]
    fn describe__should_take_a_batch_that_is_gone_for_a_success() {
        let said = describe(BatchId(4), End::Cancel, None, "1 TEST");
        assert_eq!(said, "batch 4 is cancelled and its row is forgotten; 1 TEST came back");
        assert!(describe(BatchId(4), End::Close, None, "1 TEST").starts_with("batch 4 is closed"));
    }

    #[test]
    fn refund__should_add_up_what_came_back_of_the_batch() {
        let [batch, other] = [BatchId(4), BatchId(5)];
        let (fees, referral) = (Amount(9), Amount(0));
        let entries = [
            Entry::BatchPaid { batch, fees, referral, refund: Amount(3) },
            Entry::BatchClosed { batch, fees, referral, refund: Amount(4) },
            Entry::BatchClosed { batch: other, fees, referral, refund: Amount(5) },
        ];
        assert_eq!(refund(&entries, batch), 7);
    }
}
