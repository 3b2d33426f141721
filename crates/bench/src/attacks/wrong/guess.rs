//! What a lot is worth to a node that guesses, and to one that works.

use piecework_interface::{
    amount::Amount,
    config::{Config, Fixed},
    defaults::{ABANDON_SLASH_PCT, BOND_PCT, DISSENT_SLASH_PCT, QUORUM_PCT, START},
    ids::{AccountNo, ClassId},
    settlement::{self, Held},
    terms::{Terms, Verification},
    view::LotState,
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::{
    lot::{People, extend, revealed},
    seats::Table,
};

/// Lots per figure.
const LOTS: u32 = 4_000;
const REWARD: u128 = 1_000_000;
/// How often everybody who works errs.
const ERROR_PCT: u32 = 5;

/// Copies at first, quorum, bond and slash, in percent: the default, then lower and higher stakes and other
/// copies.
const TERMS: [(u8, u8, u16, u8); 7] = [
    (START, QUORUM_PCT, BOND_PCT, DISSENT_SLASH_PCT),
    (3, 70, 100, 20),
    (3, 70, 100, 50),
    (3, 70, 300, 50),
    (3, 60, 200, 50),
    (2, 60, 200, 50),
    (5, 60, 200, 50),
];

/// Pay less slashes of a lot, per unit of its whole pay. The bond rate is at par: a bond of 100 % is worth the pay.
#[derive(Clone, Debug, Serialize)]
pub struct Guess {
    /// Copies at first.
    pub start: u8,
    /// Quorum.
    pub quorum_pct: u8,
    /// Answer classes.
    pub classes: u8,
    /// Bond.
    pub bond_pct: u16,
    /// Part of it that is lost by missing everything.
    pub dissent_slash_pct: u8,
    /// Worth to a node that works, before its costs.
    pub honest: f64,
    /// Worth to a node that guesses, which costs nothing.
    pub guess: f64,
}

/// The terms that `piecework batch create` fills in, but for copies and quorum.
pub const fn default_terms(start: u8, quorum_pct: u8) -> Terms {
    Terms {
        class: ClassId(1),
        reward: Amount(REWARD),
        lot_size: 32,
        answer_width: 1,
        start,
        quorum_pct,
        claim_ttl_s: 600,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 5,
        bond_pct: BOND_PCT,
        dissent_slash_pct: DISSENT_SLASH_PCT,
        abandon_slash_pct: ABANDON_SLASH_PCT,
        min_reputation: 0,
        expires_at: u32::MAX,
        verification: Verification::Consensus,
    }
}

/// All terms for 2, 4 and 10 classes.
pub fn values(seed: u64) -> Vec<Guess> {
    let mut values = Vec::new();
    for (start, quorum_pct, bond_pct, dissent_slash_pct) in TERMS {
        for classes in [2, 4, 10] {
            let terms = Terms { bond_pct, dissent_slash_pct, ..default_terms(start, quorum_pct) };
            let people = People { classes, error_pct: ERROR_PCT, copier_pct: 0 };
            let guesser = People { error_pct: 100 - 100 / u32::from(classes), ..people };
            let mut random = StdRng::seed_from_u64(seed ^ u64::from(classes));
            let honest = worth(&terms, people, people, &mut random);
            let guess = worth(&terms, guesser, people, &mut random);
            values.push(Guess { start, quorum_pct, classes, bond_pct, dissent_slash_pct, honest, guess });
        }
    }
    values
}

/// Mean worth of a lot to its first slot.
fn worth(terms: &Terms, first: People, others: People, random: &mut StdRng) -> f64 {
    let config = Config::default();
    let fixed = Fixed {
        fee_bps: config.fee_bps,
        bond_rate: Amount(1 << 32),
        rep_unit: Amount(1),
        reputation_interval_s: config.reputation_interval_s,
        grace_s: config.grace_s,
        ..Fixed::default()
    };
    let whole = u128::from(terms.lot_size) * REWARD;
    let mut sum = 0_i64;
    for _ in 0..LOTS {
        let mut state = LotState::default();
        for slot in 0..terms.start {
            let people = if slot == 0 { first } else { others };
            let answers = (0..terms.lot_size).map(|_| people.answer(random)).collect();
            state.slots.push(revealed(AccountNo(slot.into()), 0, answers));
        }
        let open = settlement::judge(terms, terms.lot_size, &state).unresolved();
        if open != 0 {
            let late = (0..terms.seats(1)).map(|slot| (AccountNo(u32::from(slot) + 100), false)).collect();
            extend(&mut state, open, others, &Table { late, ..Table::default() }, random);
        }
        let outcome = &settlement::judge(terms, terms.lot_size, &state).settle(&fixed, &Held::default(), None).slots[0];
        sum += i64::try_from(outcome.pay).unwrap_or_default() - i64::try_from(outcome.slash).unwrap_or_default();
    }
    // The mean fits 32 bits: it is at most three whole pays of 32 million.
    let mean = i32::try_from(sum / i64::from(LOTS)).unwrap_or_default();
    f64::from(mean) / f64::from(u32::try_from(whole).unwrap_or(1))
}
