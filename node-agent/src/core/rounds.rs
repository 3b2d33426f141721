//! What is due on a lot, by the rules of its round. Mirrors the contract's rules for the sake of not paying for
//! calls that it would refuse; the contract decides.

use piecework_interface::view::{BatchStatus, LotPhase, LotState, OpenBatch, SlotPhase};

use super::facts::BatchFacts;

/// Claim times that a round takes claims for, from its first one.
const CLAIM_TIMES: u32 = 3;

/// Whether anything can still be claimed in the batch.
#[must_use]
pub fn batch_takes_claims(batch: &BatchFacts, now_s: u32) -> bool {
    let terms = &batch.open.terms;
    batch.status == BatchStatus::Open && now_s.saturating_add(terms.claim_ttl_s) < terms.expires_at
}

/// Whether the lot's current round has a seat for one more node.
#[must_use]
pub fn has_seat(batch: &BatchFacts, lot: &LotState, now_s: u32) -> bool {
    let seats = usize::from(batch.open.terms.seats(lot.round));
    let taken = current(lot).filter(|phase| !is_expired(phase, now_s)).count();
    lot.phase == LotPhase::Working
        && taken < seats
        && batch_takes_claims(batch, now_s)
        && (!clock_is_over(&batch.open, lot, now_s) || restarts(&batch.open, lot, now_s))
}

/// Whether a poke of the lot would do something.
#[must_use]
pub fn is_due(batch: &BatchFacts, lot: &LotState, now_s: u32, height: u64) -> bool {
    match lot.phase {
        LotPhase::Working => round_ends(batch, lot, now_s),
        LotPhase::Revealing => tally_is_due(&batch.open, lot, now_s, height),
        LotPhase::Provisional => now_s >= lot.phase_at.saturating_add(batch.open.terms.challenge_window_s),
    }
}

/// Whether nothing keeps a cancelled or expired batch open.
#[must_use]
pub fn batch_is_due(batch: &BatchFacts, now_s: u32) -> bool {
    let over = batch.status == BatchStatus::Cancelled || now_s >= batch.open.terms.expires_at;
    over && batch.open.progress.live == 0
}

/// Phases of the current round's slots.
fn current(lot: &LotState) -> impl Iterator<Item = &SlotPhase> {
    lot.slots
        .iter()
        .filter(|slot| slot.round == lot.round)
        .map(|slot| &slot.phase)
}

const fn is_expired(phase: &SlotPhase, now_s: u32) -> bool {
    matches!(phase, SlotPhase::Reserved(until) if *until <= now_s)
}

fn commits(lot: &LotState) -> usize {
    current(lot)
        .filter(|phase| !matches!(phase, SlotPhase::Reserved(_)))
        .count()
}

fn has_live_reservation(lot: &LotState, now_s: u32) -> bool {
    current(lot).any(|phase| matches!(phase, SlotPhase::Reserved(until) if *until > now_s))
}

const fn clock_is_over(batch: &OpenBatch, lot: &LotState, now_s: u32) -> bool {
    let length_s = batch.terms.claim_ttl_s.saturating_mul(CLAIM_TIMES);
    lot.clock_at > 0 && now_s >= lot.clock_at.saturating_add(length_s)
}

/// Commits that a round needs to turn to reveals.
fn needed(batch: &OpenBatch) -> usize {
    usize::from(batch.terms.start).min(2)
}

/// A first round that ran out with too few commits takes claims again, and its clock restarts.
fn restarts(batch: &OpenBatch, lot: &LotState, now_s: u32) -> bool {
    lot.round == 0 && !has_live_reservation(lot, now_s) && commits(lot) < needed(batch)
}

fn round_ends(batch: &BatchFacts, lot: &LotState, now_s: u32) -> bool {
    let full = commits(lot) >= usize::from(batch.open.terms.seats(lot.round));
    let takes_claims = batch_takes_claims(batch, now_s);
    let closed = full || !takes_claims || clock_is_over(&batch.open, lot, now_s);
    let waits = takes_claims && restarts(&batch.open, lot, now_s);
    closed && !has_live_reservation(lot, now_s) && !waits
}

fn tally_is_due(batch: &OpenBatch, lot: &LotState, now_s: u32, height: u64) -> bool {
    let window_s = batch.terms.reveal_window_s;
    let all_shown = current(lot).all(|phase| matches!(phase, SlotPhase::Revealed(_)));
    let over = now_s
        >= lot
            .phase_at
            .saturating_add(window_s)
            .saturating_add(batch.fixed.grace_s)
        && height >= u64::from(lot.phase_height) + u64::from(window_s / 2);
    all_shown || over
}
