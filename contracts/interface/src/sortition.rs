//! Who may claim. The seed decides once; waiting lowers the bar and never rerolls.

use crate::{
    Sha256,
    draw::Seed,
    ids::{AccountNo, BatchId, LotId},
    op::At,
};

/// After this many slices the bar does not move any more; it is far past 1 for any number of tickets.
const SLICES_MAX: u32 = 40;

/// A place to be claimed: a lot's round with its seats.
#[derive(Clone, Copy, Debug)]
pub struct Seats {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Round.
    pub round: u8,
    /// Seats of the round.
    pub seats: u8,
    /// Seconds per slice.
    pub slice_s: u32,
}

/// A node as sortition sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Node.
    pub node: AccountNo,
    /// Its tickets, at most 16.
    pub tickets: u8,
    /// When its tickets last rose or it returned, Unix seconds.
    pub active_since: u32,
}

/// The seed that a draw captures from the receipt's random seed.
#[must_use]
pub fn seed_value(sha256: Sha256, random_seed: &[u8], batch: BatchId, at: At) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(random_seed);
    bytes.extend(batch.0.to_le_bytes());
    let (kind, number) = match at {
        At::Group(group) => (0_u8, group),
        At::Lot(lot) => (1, lot.0),
    };
    bytes.push(kind);
    bytes.extend(number.to_le_bytes());
    let digest = sha256(&bytes);
    core::array::from_fn(|index| digest[index])
}

/// Whether a later slice than the one of `then` has begun.
#[must_use]
pub const fn later_slice(then_s: u32, now_s: u32, slice_s: u32) -> bool {
    let slice_s = if slice_s == 0 { 1 } else { slice_s };
    now_s / slice_s > then_s / slice_s
}

/// Whether `candidate` may claim at `now_s`:
/// `u64(sha256(seed ‖ batch ‖ lot ‖ round ‖ node)[..8]) × active < 2^64 × ((seats × tickets) << k)` with k slices since
/// the capture, if its tickets are older than the seed; anyone once `seats << k ≥ active`.
#[must_use]
pub fn eligible(sha256: Sha256, seed: &Seed, place: Seats, candidate: Candidate, now_s: u32) -> bool {
    let slices = (now_s.saturating_sub(seed.at) / place.slice_s.max(1)).min(SLICES_MAX);
    if bar_at_one(seed, place.seats, slices) {
        return true;
    }
    if candidate.active_since >= seed.at {
        return false;
    }
    let chance = (u128::from(place.seats) * u128::from(candidate.tickets)) << slices;
    u128::from(draw_number(sha256, seed, place, candidate.node)) * u128::from(seed.tickets) < chance << 64
}

/// Slices after the capture from which the candidate may claim.
#[must_use]
pub fn eligible_after(sha256: Sha256, seed: &Seed, place: Seats, candidate: Candidate) -> u32 {
    (0..SLICES_MAX)
        .find(|slices| {
            let now_s = seed.at.saturating_add(slices.saturating_mul(place.slice_s));
            eligible(sha256, seed, place, candidate, now_s)
        })
        .unwrap_or(SLICES_MAX)
}

const fn bar_at_one(seed: &Seed, seats: u8, slices: u32) -> bool {
    (seats as u64) << slices >= seed.tickets as u64
}

fn draw_number(sha256: Sha256, seed: &Seed, place: Seats, node: AccountNo) -> u64 {
    let mut bytes = [0_u8; 29];
    bytes[..16].copy_from_slice(&seed.value);
    bytes[16..20].copy_from_slice(&place.batch.0.to_le_bytes());
    bytes[20..24].copy_from_slice(&place.lot.0.to_le_bytes());
    bytes[24] = place.round;
    bytes[25..29].copy_from_slice(&node.0.to_le_bytes());
    let digest = sha256(&bytes);
    u64::from_le_bytes(core::array::from_fn(|index| digest[index]))
}
