//! What the chain would accept on a lot now, so that no call is paid for in vain. The rules are the interface's.

use piecework_interface::{
    lots::group_count,
    round::{batch_closed_to_claims, closed_to_claims, commits_needed},
    view::{BatchStatus, LotPhase, LotState},
};

use super::facts::BatchFacts;

/// Whether anything can still be claimed in the batch.
#[must_use]
pub fn batch_takes_claims(batch: &BatchFacts, now_s: u32) -> bool {
    !batch_closed_to_claims(&batch.open.terms, is_cancelled(batch), now_s)
}

/// Whether a round of the batch takes claims: a jury does, whatever became of its batch.
#[must_use]
pub fn round_takes_claims(batch: &BatchFacts, round: u8, now_s: u32) -> bool {
    !closed_to_claims(&batch.open.terms, is_cancelled(batch), round, now_s)
}

/// Whether the lot's current round has a seat for one more node.
#[must_use]
pub fn has_seat(batch: &BatchFacts, lot: &LotState, now_s: u32) -> bool {
    let terms = &batch.open.terms;
    let restarts =
        lot.round == 0 && lot.commits() < commits_needed(terms, 0) && lot.round_over(terms, is_cancelled(batch), now_s);
    lot.phase == LotPhase::Working
        && free_seats(batch, lot, now_s) > 0
        && round_takes_claims(batch, lot.round, now_s)
        && (!lot.clock_over(terms, now_s) || restarts)
}

/// Seats of the current round that nobody holds, or only a reservation that ran out.
#[must_use]
pub fn free_seats(batch: &BatchFacts, lot: &LotState, now_s: u32) -> usize {
    let taken = lot.current().filter(|slot| !slot.is_expired(now_s)).count();
    usize::from(batch.open.terms.seats(lot.round)).saturating_sub(taken)
}

/// Whether a poke of the lot would do something.
#[must_use]
pub fn is_due(batch: &BatchFacts, lot: &LotState, now_s: u32, height: u64) -> bool {
    let terms = &batch.open.terms;
    match lot.phase {
        LotPhase::Working => {
            let ends = lot.commits() >= commits_needed(terms, lot.round) || lot.round > 0;
            lot.round_over(terms, is_cancelled(batch), now_s) && (ends || !batch_takes_claims(batch, now_s))
        }
        LotPhase::Revealing => {
            let window_s = terms.reveal_window_s;
            let end = lot.phase_at.saturating_add(window_s).saturating_add(batch.open.fixed.grace_s);
            let blocks = u64::from(lot.phase_height) + u64::from(window_s / 2);
            lot.all_revealed() || (now_s >= end && height >= blocks)
        }
        LotPhase::Provisional => now_s >= lot.phase_at.saturating_add(terms.challenge_window_s),
        LotPhase::Judging => now_s >= lot.phase_at.saturating_add(terms.verdict_ttl_s()),
    }
}

/// Whether nothing keeps the batch open.
#[must_use]
pub fn batch_is_due(batch: &BatchFacts, now_s: u32) -> bool {
    let (progress, terms) = (&batch.open.progress, &batch.open.terms);
    let all_marked = progress.window.frontier >= group_count(batch.open.items, terms.lot_size);
    progress.live == 0 && (all_marked || is_cancelled(batch) || now_s > terms.expires_at)
}

fn is_cancelled(batch: &BatchFacts) -> bool {
    batch.status == BatchStatus::Cancelled
}
