//! Who may claim. The seed decides once; waiting lowers the bar and never rerolls.

use crate::{
    Sha256,
    model::{
        draw::{At, Seed},
        ids::{AccountNo, BatchId, LotId},
    },
};

/// After this many slices the bar does not move any more; it is far past 1 for any number of tickets.
const SLICES_MAX: u32 = 40;
/// The level at which as many tickets are eligible as there are seats, on average.
const LEVEL_OF_ONE: u64 = 32;

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
    /// When its tickets last rose, it returned, or it declared the class, whatever was last; Unix seconds.
    pub since: u32,
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
/// `32 × u64(sha256(seed ‖ batch ‖ lot ‖ round ‖ node)[..8]) × active < 2^64 × seats × tickets × level`, if its tickets
/// are older than the seed; anyone once `seats × level ≥ 32 × active`, or if there are no more tickets than seats. The
/// level is `(8 + e) << k` after k slices and e eighths of a slice: it starts at a quarter of a ticket per seat, doubles
/// with each slice, and rises in small steps in between, so that nobody who is quick finds several seats at once.
#[must_use]
pub fn eligible(sha256: Sha256, seed: &Seed, place: Seats, candidate: Candidate, now_s: u32) -> bool {
    if bar_is_at_one(seed, place.seats, place.slice_s, now_s) {
        return true;
    }
    if candidate.since >= seed.at {
        return false;
    }
    let level = level(now_s.saturating_sub(seed.at), place.slice_s.max(1));
    let seats = u64::from(place.seats);
    let draw = u128::from(draw_number(sha256, seed, place, candidate.node)) * u128::from(LEVEL_OF_ONE);
    let chance = u128::from(seats * level) * u128::from(candidate.tickets);
    draw * u128::from(seed.tickets) < chance << 64
}

/// Whether anyone may claim: `seats × level ≥ 32 × active`, or there are no more tickets than seats.
#[must_use]
pub fn bar_is_at_one(seed: &Seed, seats: u8, slice_s: u32, now_s: u32) -> bool {
    let level = level(now_s.saturating_sub(seed.at), slice_s.max(1));
    let (seats, tickets) = (u64::from(seats), u64::from(seed.tickets));
    seats >= tickets || seats * level >= LEVEL_OF_ONE * tickets
}

/// Whole slices after the capture from which the candidate may claim; perhaps a part of a slice earlier.
#[must_use]
pub fn eligible_after(sha256: Sha256, seed: &Seed, place: Seats, candidate: Candidate) -> u32 {
    (0..SLICES_MAX)
        .find(|slices| {
            let now_s = seed.at.saturating_add(slices.saturating_mul(place.slice_s));
            eligible(sha256, seed, place, candidate, now_s)
        })
        .unwrap_or(SLICES_MAX)
}

fn level(waited_s: u32, slice_s: u32) -> u64 {
    let slices = waited_s / slice_s;
    if slices >= SLICES_MAX {
        return 8 << SLICES_MAX;
    }
    let eighths = u64::from(waited_s % slice_s) * 8 / u64::from(slice_s);
    (8 + eighths) << slices
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
