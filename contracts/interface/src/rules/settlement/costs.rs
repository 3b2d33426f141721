//! Who pays a jury. The loser: challengers for the items that stand, slots for the items that do not, an adjudicator for
//! its scores; then the insurance pool; what challengers put up for items on which they were right comes last.

use super::{SlotOutcome, ruling::Ruling};
use crate::{
    model::case::Challenge,
    rules::{
        money::{dissent_slash, mul_div},
        tally::SlotSet,
    },
};

/// Part of its bond that a juror loses who stood alone on every item, in percent.
const MINORITY_PCT: u8 = 10;
/// Challengers who were right share at most this part of what the loser loses.
const REWARD_PARTS: u128 = 4;
/// A challenge on which no jury decided costs this part of its bond.
const UNDECIDED_PARTS: u128 = 10;

/// What a jury costs and brings, yoctoNEAR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// The jurors' slots, in the lot's order.
    pub jurors: Vec<SlotOutcome>,
    /// Credited to the challengers, in the order of their challenges.
    pub challengers: Vec<u128>,
}

/// Divides a jury's costs. `slots` are the slots that did the work, those of `owing` missed an item that the jury
/// overturned; `forfeit` is what the adjudicator loses; `insurance` what the pool holds.
pub(super) fn divide(
    ruling: &Ruling<'_>,
    fee: u128,
    slots: &mut [SlotOutcome],
    owing: SlotSet,
    forfeit: u128,
    insurance: u128,
) -> Costs {
    let (overturned, judged) = (ruling.overturned_items(), ruling.case.jury_items.count_ones());
    let jurors: Vec<_> = ruling
        .jury
        .iter()
        .map(|juror| SlotOutcome {
            revealed: juror.revealed,
            bond: fee,
            slash: if juror.revealed { dissent_slash(fee, MINORITY_PCT, juror.missed, judged) } else { fee },
            fee: if juror.revealed { fee } else { 0 },
            ..SlotOutcome::default()
        })
        .collect();
    let lost = |challenge: &Challenge| {
        if ruling.decides() {
            let stands = (challenge.items & !overturned).count_ones();
            mul_div(challenge.bond.0, u128::from(stands), u128::from(challenge.items.count_ones()))
        } else {
            challenge.bond.0 / UNDECIDED_PARTS
        }
    };
    let challenges = &ruling.case.challenges;
    let fees: u128 = jurors.iter().map(|juror| juror.fee).sum();
    let owed = fees.saturating_sub(challenges.iter().map(lost).sum());
    let part = if owing == 0 { 0 } else { owed.div_ceil(u128::from(owing.count_ones())) };
    let mut pot = forfeit;
    for (_, slot) in (0..).zip(slots).filter(|(index, _)| owing & (1 << index) != 0) {
        slot.slash = slot.slash.max(part.min(slot.bond));
        pot = pot.saturating_add(slot.slash);
    }
    let from_loser = pot.min(owed);
    // What jurors lose goes to the pool as well.
    let pool = jurors.iter().fold(insurance, |pool, juror| pool.saturating_add(juror.slash));
    let mut due = (owed - from_loser).saturating_sub(pool);

    let reward = (pot - from_loser).min(pot / REWARD_PARTS);
    let won = |challenge: &Challenge| u128::from((challenge.items & overturned).count_ones());
    let won_by_all = challenges.iter().map(won).sum();
    let challengers = challenges
        .iter()
        .map(|challenge| {
            let kept = challenge.bond.0.saturating_sub(lost(challenge));
            let taken = kept.min(due);
            due -= taken;
            (kept - taken).saturating_add(mul_div(reward, won(challenge), won_by_all))
        })
        .collect();
    Costs { jurors, challengers }
}
