//! Reputation per node and class: an average of agreement that moves by at most a sixteenth, once an interval.

use crate::{model::config::REPUTATION_FULL as FULL, rules::money::mul_div};

/// Reputation of a newcomer: neither trusted nor distrusted, so that it can fall as well as rise.
pub const START: u16 = 5_000;
/// A full step moves this part of the way to the lot's agreement.
const STEP_PARTS: u32 = 16;

/// Reputation after a lot in which `agreed` of `decided` items of round 0 agreed with the result, and that paid
/// `fee`. The step is `(agreement − reputation) / 16 × min(1, fee / rep_unit)`.
#[must_use]
pub fn step(reputation: u16, agreed: u32, decided: u32, fee: u128, rep_unit: u128) -> u16 {
    if decided == 0 {
        return reputation;
    }
    let target = u128::from(FULL) * u128::from(agreed) / u128::from(decided);
    let now = u128::from(reputation);
    let weight = |distance: u128| {
        let full = distance / u128::from(STEP_PARTS);
        if rep_unit == 0 { full } else { mul_div(full, fee.min(rep_unit), rep_unit) }
    };
    let moved = if target >= now { now + weight(target - now) } else { now - weight(now - target) };
    u16::try_from(moved).unwrap_or(FULL).min(FULL)
}
