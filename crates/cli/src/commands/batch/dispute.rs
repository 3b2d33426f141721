//! What every dispute begins with: an open batch, a lot of it, and a window that is open.

use anyhow::bail;
use piecework_chain::{Coordinator, Sender};
use piecework_console::Problem;
use piecework_interface::{
    ids::{BatchId, LotId},
    lots,
    terms::JURY,
    view::{Lot, LotPhase, OpenBatch},
};

use super::find;
use crate::context::Context;

/// A batch that is not closed; `fix` says what that would mean.
pub(super) async fn open(coordinator: &Coordinator, batch: BatchId, fix: &str) -> anyhow::Result<OpenBatch> {
    let open = find(coordinator, batch).await?.open;
    open.ok_or_else(|| Problem::new(format!("batch {batch} is closed"), fix).into())
}

/// Who signs, if that is the batch's requester.
pub(super) async fn requester(context: &Context, batch: BatchId, open: &OpenBatch) -> anyhow::Result<Sender> {
    let signer = context.signer().await?;
    if context.coordinator()?.account_no(signer.account_id()).await? == Some(open.requester) {
        return Ok(signer);
    }
    bail!(Problem::new(
        format!("batch {batch} was not created by {}", signer.account_id()),
        "sign with the requester's key: --key-file FILE",
    ))
}

/// A lot of an open batch that has a record.
pub(super) async fn lot(
    coordinator: &Coordinator,
    batch: BatchId,
    open: &OpenBatch,
    lot: LotId,
) -> anyhow::Result<Lot> {
    if let Some(found) = coordinator.lot(batch, lot).await? {
        return Ok(found);
    }
    let lots = lots::lot_count(open.items, open.terms.lot_size);
    let fix = format!(
        "the batch has lots 0 to {}; lots that nobody claimed or that are settled have nothing to decide",
        lots.saturating_sub(1)
    );
    bail!(Problem::new(format!("batch {batch} has no lot {lot} at work"), fix))
}

/// Seconds in which a lot's result can still be disputed; `None` if it cannot be now.
pub(super) fn disputable_s(lot: &Lot, open: &OpenBatch, now_s: u32) -> Option<u32> {
    lot.state.challengeable(&open.terms, now_s).then(|| lot.state.challenge_end(&open.terms) - now_s)
}

/// What to say of a lot whose result cannot be disputed, now or ever.
pub(super) fn not_disputable(lot: &Lot, open: &OpenBatch) -> Problem {
    if lot.state.begun_at != 0 && !lot.state.appeal {
        return Problem::new(
            format!("results of lot {} cannot be disputed", lot.lot),
            format!(
                "class {} had too few active nodes for a jury when the lot was drawn; see `piecework class list`",
                open.terms.class
            ),
        );
    }
    let (what, fix) = match lot.state.phase {
        LotPhase::Provisional => ("is over", "its jury is drawn, or it settles, with the next poke"),
        _ if lot.state.round == JURY => ("is over", "a jury sits on the lot: see `piecework batch watch`"),
        LotPhase::Judging => ("is not open yet", "the adjudicator's time runs: try again after its verdict"),
        LotPhase::Working | LotPhase::Revealing => ("is not open yet", "try again when its answers are tallied"),
    };
    let window_s = open.terms.challenge_window_s;
    Problem::new(format!("the window of {window_s} s in which lot {} can be disputed {what}", lot.lot), fix)
}

#[cfg(test)]
pub(super) mod tests {
    use piecework_interface::{
        amount::Amount,
        config::Fixed,
        ids::{AccountNo, TokenId},
        terms::Terms,
        view::{LotState, Progress},
    };

    use super::*;

    /// An open batch of so many items.
    pub(in super::super) fn batch(terms: Terms, items: u32) -> OpenBatch {
        OpenBatch {
            requester: AccountNo(0),
            requester_operator: AccountNo(0),
            token: TokenId(1),
            terms,
            fixed: Fixed { bond_rate: Amount(1 << 40), ..Fixed::default() },
            items,
            manifest: [0; 32],
            created_at: 0,
            appendable: false,
            forget_on_close: false,
            referrer: None,
            appended: [0; 32],
            progress: Progress::default(),
            escrow: Amount(0),
        }
    }

    #[test]
    fn disputable_s__should_be_what_is_left_of_the_window() {
        let open = batch(Terms { challenge_window_s: 600, ..Terms::default() }, 4);
        let phase = LotPhase::Provisional;
        let state = LotState { phase, phase_at: 1_000, begun_at: 900, appeal: true, ..LotState::default() };
        let mut lot = Lot { batch: BatchId(0), lot: LotId(0), state };
        assert_eq!(disputable_s(&lot, &open, 1_599), Some(1));
        assert_eq!(disputable_s(&lot, &open, 1_600), None);
        assert!(not_disputable(&lot, &open).to_string().ends_with("is over"));
        lot.state.phase = LotPhase::Revealing;
        assert_eq!(disputable_s(&lot, &open, 1_000), None);
        assert!(not_disputable(&lot, &open).to_string().ends_with("is not open yet"));
        lot.state = LotState { phase, phase_at: 1_000, begun_at: 900, ..LotState::default() };
        assert_eq!(disputable_s(&lot, &open, 1_000), None);
        assert!(not_disputable(&lot, &open).to_string().ends_with("cannot be disputed"));
    }
}
