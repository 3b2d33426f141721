//! Amounts: escrow, fee, bond and slashes. Products are taken in 256 bits; bonds round up, everything else down.

use crate::model::{amount::Amount, config::Fixed, terms::Terms, view::Referrer};

/// Tickets of one node at most.
pub const TICKETS_MAX: u8 = 16;
const BPS: u128 = 10_000;
/// Percent of the fee that a referrer may have at most.
pub const REFERRER_PCT_MAX: u8 = 50;

/// `⌊a × b / c⌋`, saturating at `u128::MAX`; 0 when `c` is 0.
#[must_use]
pub fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    mul_div_rest(a, b, c).0
}

/// The same with whether something was rounded away.
fn mul_div_rest(a: u128, b: u128, c: u128) -> (u128, bool) {
    let (low, high) = a.carrying_mul(b, 0);
    if c == 0 {
        return (0, false);
    }
    if high == 0 {
        // Nearly all products fit 128 bits, whose division is much shorter.
        let quotient = low / c;
        return (quotient, quotient * c != low);
    }
    if high >= c {
        return (u128::MAX, true);
    }
    // By hand, bit by bit: rest and quotient move left as one number of 256 bits.
    let (mut rest, mut quotient) = (high, low);
    for _ in 0..u128::BITS {
        let overflows = rest >> 127 == 1;
        rest = rest << 1 | quotient >> 127;
        quotient <<= 1;
        if overflows || rest >= c {
            rest = rest.wrapping_sub(c);
            quotient |= 1;
        }
    }
    (quotient, rest != 0)
}

/// Reward escrow of so many items: `items × R × copies`. Below 2^115 by the bounds of [`Terms`].
#[must_use]
pub fn reward_escrow(terms: &Terms, items: u32) -> u128 {
    u128::from(items).saturating_mul(terms.reward.0).saturating_mul(u128::from(terms.copies()))
}

/// Fee on an amount: `⌊amount × fee_bps / 10^4⌋`.
#[must_use]
pub fn fee(amount: u128, fee_bps: u16) -> u128 {
    mul_div(amount, u128::from(fee_bps), BPS)
}

impl Referrer {
    /// Whether it may be named: its part is at most 50 %.
    #[must_use]
    pub const fn is_possible(&self) -> bool {
        self.part_pct <= REFERRER_PCT_MAX
    }

    /// Its part of a fee on pay, rounded down.
    #[must_use]
    pub fn part_of(&self, fee: u128) -> u128 {
        mul_div(fee, self.part_pct.into(), 100)
    }
}

/// Escrow of so many items with the fee on it.
#[must_use]
#[inline(never)]
pub fn escrow(terms: &Terms, fee_bps: u16, items: u32) -> u128 {
    let rewards = reward_escrow(terms, items);
    rewards.saturating_add(fee(rewards, fee_bps))
}

/// What a raise to `reward` adds to the escrow of these lots, whole ones and a short one of so many items: for each its new
/// escrow less its old one. Lot by lot, so that every lot's escrow is covered whatever its fee rounds away.
#[must_use]
pub fn raise(terms: &Terms, fee_bps: u16, reward: Amount, (lots, short): (u32, u8)) -> u128 {
    let raised = Terms { reward, ..terms.clone() };
    [(lots, terms.lot_size), (1, short)].iter().fold(0, |sum: u128, (lots, items)| {
        let items = u32::from(*items);
        let more = escrow(&raised, fee_bps, items).saturating_sub(escrow(terms, fee_bps, items));
        sum.saturating_add(u128::from(*lots).saturating_mul(more))
    })
}

/// What a copy of an item is worth in NEAR, f: `max(1, ⌈bond_rate × R / 2^32⌉)` yoctoNEAR.
#[must_use]
pub fn item_worth(terms: &Terms, fixed: &Fixed) -> u128 {
    let (whole, rest) = mul_div_rest(fixed.bond_rate.0, terms.reward.0, 1 << 32);
    whole.saturating_add(u128::from(rest)).max(1)
}

/// Bond of a slot that judges `items` items, yoctoNEAR: `⌈bond_pct % × f × items⌉`.
#[must_use]
pub fn bond(terms: &Terms, fixed: &Fixed, items: u8) -> u128 {
    let worth = item_worth(terms, fixed).saturating_mul(u128::from(items));
    let (whole, rest) = mul_div_rest(worth, u128::from(terms.bond_pct), 100);
    whole.saturating_add(u128::from(rest))
}

/// Slash for missing `missed` of `judged` items: `⌊bond × rate × missed / judged⌋`.
#[must_use]
pub fn dissent_slash(bond: u128, rate_pct: u8, missed: u32, judged: u32) -> u128 {
    mul_div(bond, u128::from(rate_pct) * u128::from(missed), 100 * u128::from(judged)).min(bond)
}

/// Tickets of a stake: `stake / min_stake`, at most 16.
#[must_use]
pub fn tickets(stake: u128, min_stake: u128) -> u8 {
    let tickets = stake.checked_div(min_stake).unwrap_or_default();
    u8::try_from(tickets).map_or(TICKETS_MAX, |tickets| tickets.min(TICKETS_MAX))
}
