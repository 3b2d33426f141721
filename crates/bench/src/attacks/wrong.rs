//! Honest errors and coalitions against the tally: how often a wrong answer is accepted, and what a guess is worth.
//!
//! Seats come from the real sortition, results and pay from the real settlement; only the people are invented. Honest
//! nodes err independently, each wrong class as likely as another; a coalition gives one wrong answer together, in every
//! seat it gets; copiers are honest nodes that answer an extension with what everybody can see.

mod guess;
mod lot;
mod seats;

use std::fmt;

use piecework_interface::{
    defaults::{QUORUM_PCT, START},
    terms::Terms,
};
use serde::Serialize;

pub use self::guess::{Guess, default_terms};
use self::{lot::People, seats::Tables};
use super::SEED;

/// Lots per figure.
const LOTS: u32 = 10_000;
/// Items per lot: a coalition's seats are the same for all of them.
const ITEMS: u8 = 4;
/// Answer classes.
const CLASSES: u8 = 10;
/// Of the tickets, in percent.
const COALITIONS: [u32; 4] = [5, 10, 20, 30];
/// Of the honest answers, in percent.
const ERRORS: [u32; 4] = [0, 2, 5, 10];
/// Copies at first, quorum in percent. The first are the terms that `piecework batch create` fills in.
const TERMS: [(u8, u8); 5] = [(START, QUORUM_PCT), (3, 60), (2, 60), (5, 60), (5, 70)];
/// Of the nodes that are not in the coalition, in percent, where the extension has copiers.
const COPIERS: u32 = 50;

/// The table of the design research, in percent and copies: two of three; then 3 of 3, 4 of 5, 5 of 7 with a jury at the end.
const PAPER: [(f64, f64, f64, f64); 4] =
    [(0.7, 0.01, 0.3, 3.3), (2.8, 0.13, 2.0, 3.7), (10.4, 1.4, 11.0, 4.4), (21.6, 5.5, 25.0, 5.1)];

/// The table. Rates are in percent of the items, unless they are of lots.
#[derive(Clone, Debug, Serialize)]
pub struct WrongAccepts {
    /// Lots per figure.
    pub lots: u32,
    /// Items per lot.
    pub items_per_lot: u8,
    /// Nodes of one ticket each.
    pub nodes: u32,
    /// Answer classes.
    pub classes: u8,
    /// Per terms, coalition and error rate.
    pub rates: Vec<Rates>,
    /// What guessing earns beside working.
    pub guesses: Vec<Guess>,
}

/// What a coalition gets.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// Copies at first.
    pub start: u8,
    /// Quorum.
    pub quorum_pct: u8,
    /// Tickets of the coalition.
    pub coalition_pct: u32,
    /// Errors of honest nodes.
    pub error_pct: u32,
    /// Items with a wrong answer accepted.
    pub wrong_pct: f64,
    /// The same when half of the other nodes copy in extensions.
    pub wrong_with_copiers_pct: f64,
    /// The same when the coalition always claims before the others that may.
    pub wrong_if_faster_pct: f64,
    /// Items that need an extension.
    pub extended_pct: f64,
    /// Lots that need one.
    pub extended_lots_pct: f64,
    /// Items without a result.
    pub unresolved_pct: f64,
    /// Copies per item, jurors' left out.
    pub copies: f64,
    /// Items that go to a jury: without a result, or wrong while somebody had the right answer.
    pub juried_pct: f64,
    /// Lots that need one.
    pub juried_lots_pct: f64,
    /// Items with a wrong answer accepted after that.
    pub wrong_after_jury_pct: f64,
    /// Items without a result after that.
    pub unresolved_after_jury_pct: f64,
}

/// Runs everything.
pub fn measure() -> WrongAccepts {
    let mut rates = std::thread::scope(|scope| {
        let shares = COALITIONS.map(|coalition_pct| scope.spawn(move || of_coalition(coalition_pct, &[2, 3, 5])));
        shares.into_iter().flat_map(|share| share.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let place = |rates: &Rates| TERMS.iter().position(|terms| *terms == (rates.start, rates.quorum_pct));
    rates.sort_by_key(|rates| (place(rates), rates.error_pct, rates.coalition_pct));
    WrongAccepts {
        lots: LOTS,
        items_per_lot: ITEMS,
        nodes: seats::NODES,
        classes: CLASSES,
        rates,
        guesses: guess::values(SEED),
    }
}

/// All terms and error rates against one coalition, over the same seats.
fn of_coalition(coalition_pct: u32, starts: &[u8]) -> Vec<Rates> {
    let mut rates = Vec::new();
    for &start in starts {
        let [fair, faster] = [false, true].map(|faster| Tables::draw(start, coalition_pct, faster, LOTS));
        for (start, quorum_pct) in TERMS.into_iter().filter(|terms| terms.0 == start) {
            let terms = Terms { lot_size: ITEMS, ..default_terms(start, quorum_pct) };
            for error_pct in ERRORS {
                let people = People { classes: CLASSES, error_pct, copier_pct: 0 };
                let seed = SEED ^ u64::from(error_pct);
                let counts = lot::run(&terms, people, &fair, seed);
                let copied = lot::run(&terms, People { copier_pct: COPIERS, ..people }, &fair, seed);
                let rushed = lot::run(&terms, people, &faster, seed);
                rates.push(Rates {
                    start,
                    quorum_pct,
                    coalition_pct,
                    error_pct,
                    wrong_pct: percent(counts.wrong, counts.items),
                    wrong_with_copiers_pct: percent(copied.wrong, copied.items),
                    wrong_if_faster_pct: percent(rushed.wrong, rushed.items),
                    extended_pct: percent(counts.extended, counts.items),
                    extended_lots_pct: percent(counts.extended_lots, LOTS),
                    unresolved_pct: percent(counts.unresolved, counts.items),
                    copies: f64::from(counts.copies) / f64::from(counts.items),
                    juried_pct: percent(counts.juried, counts.items),
                    juried_lots_pct: percent(counts.juried_lots, LOTS),
                    wrong_after_jury_pct: percent(counts.wrong_after_jury, counts.items),
                    unresolved_after_jury_pct: percent(counts.unresolved_after_jury, counts.items),
                });
            }
        }
    }
    rates
}

fn percent(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole)
}

impl fmt::Display for WrongAccepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lots, items_per_lot, nodes, classes, rates, guesses } = self;
        writeln!(
            f,
            "{lots} lots of {items_per_lot} items a row, {nodes} nodes of one ticket, {classes} classes; % of items"
        )?;
        writeln!(
            f,
            "Beside the table of the design research, honest nodes without errors. Who knows better challenges\n"
        )?;
        let mut last = None;
        for rate in rates {
            let terms = (rate.start, rate.quorum_pct);
            if last != Some(terms) {
                let (start, quorum) = terms;
                let mark = if terms == TERMS[0] { ", the default" } else { "" };
                writeln!(f, "{start} copies, quorum {quorum} %{mark}")?;
                writeln!(
                    f,
                    "{:>6} {:>9} | {:>7} {:>9} {:>8} | {:>8} {:>8} {:>10} {:>6} | {:>6} {:>9} {:>10} {:>10} | {:>9} {:>6} {:>8} {:>9}",
                    "errors",
                    "coalition",
                    "wrong",
                    "w. copied",
                    "w. fast",
                    "extended",
                    "ext.lots",
                    "unresolved",
                    "copies",
                    "juries",
                    "jury lots",
                    "then wrong",
                    "unresolved",
                    "table 2 of 3",
                    "table R9",
                    "table juries",
                    "table copies"
                )?;
                last = Some(terms);
            }
            write!(
                f,
                "{:>6} {:>9} | {:>7.2} {:>9.2} {:>8.2} | {:>8.2} {:>8.2} {:>10.2} {:>6.2} | {:>6.2} {:>9.2} {:>10.2} {:>10.2} |",
                rate.error_pct,
                rate.coalition_pct,
                rate.wrong_pct,
                rate.wrong_with_copiers_pct,
                rate.wrong_if_faster_pct,
                rate.extended_pct,
                rate.extended_lots_pct,
                rate.unresolved_pct,
                rate.copies,
                rate.juried_pct,
                rate.juried_lots_pct,
                rate.wrong_after_jury_pct,
                rate.unresolved_after_jury_pct,
            )?;
            let paper =
                COALITIONS.iter().position(|share| *share == rate.coalition_pct).filter(|_| rate.error_pct == 0);
            match paper.map(|index| PAPER[index]) {
                Some((plain, wrong, jury, copies)) => writeln!(f, " {plain:>9} {wrong:>6} {jury:>8} {copies:>9}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(
            f,
            "\nworth of a lot in units of its whole pay: pay less slashes, bond rate at par, others err in 5 %"
        )?;
        write!(
            f,
            "{:>6} {:>6} {:>5} {:>6} {:>7} | {:>6} {:>6} | lazy pays once honest work costs more than",
            "copies", "quorum", "bond", "slash", "classes", "honest", "guess"
        )?;
        for guess in guesses {
            let Guess { start, quorum_pct, classes, bond_pct, dissent_slash_pct, honest, guess } = guess;
            let gap = honest - guess;
            write!(f, "\n{start:>6} {quorum_pct:>6} {bond_pct:>5} {dissent_slash_pct:>6} {classes:>7}")?;
            write!(f, " | {honest:>6.3} {guess:>6.3} | {gap:>6.3}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::defaults::{BOND_PCT, DISSENT_SLASH_PCT};

    use super::*;

    /// Share of coalition wins when each of `seats` seats is an independent draw.
    fn binomial_at_least(seats: u32, least: u32, share: f64) -> f64 {
        let choose = |k: u32| (0..k).fold(1.0, |product, i| product * f64::from(seats - i) / f64::from(i + 1));
        let power = |base: f64, times: u32| (0..times).fold(1.0, |product, _| product * base);
        (least..=seats).map(|k| choose(k) * power(share, k) * power(1.0 - share, seats - k)).sum()
    }

    #[test]
    fn wrong_accepts__should_be_what_independent_seats_give() {
        // Given honest nodes without errors and three copies of which two win.
        for (coalition_pct, paper) in COALITIONS.into_iter().zip(PAPER) {
            let rates = of_coalition(coalition_pct, &[3]);
            let of = |terms| rates.iter().find(|rate| (rate.start, rate.quorum_pct) == terms && rate.error_pct == 0);

            // Then the coalition wins as often as two of three fair draws are its own, as the table has it.
            let fair = 100.0 * binomial_at_least(3, 2, f64::from(coalition_pct) / 100.0);
            let rate = of((3, 60)).expect("measured");
            assert!((rate.wrong_pct - fair).abs() < 0.25 + fair / 10.0, "{rate:?}, fair {fair}");
            assert!((fair - paper.0).abs() < 0.06, "the paper says {}", paper.0);

            // And with 70 % it has to fill a table, or to split one and fill the next.
            let share = f64::from(coalition_pct) / 100.0;
            let all = binomial_at_least(3, 3, share);
            let split = binomial_at_least(3, 1, share) - all;
            let fair = 100.0 * (all + split * all);
            let rate = of((3, 70)).expect("measured");
            assert!((rate.wrong_pct - fair).abs() < 0.15 + fair / 5.0, "{rate:?}, fair {fair}");
        }
    }

    #[test]
    fn attack_10__should_gain_little_from_copiers() {
        // Copiers in extensions hand the coalition at most the items of which it holds round 0's largest group.
        let rates = of_coalition(20, &[3]);
        for rate in &rates {
            assert!(rate.wrong_with_copiers_pct <= rate.wrong_pct + rate.extended_pct / 2.0 + 0.2, "{rate:?}");
        }
        // Where two of three decide, three answers without a majority show nothing that could be copied.
        let two = rates.iter().find(|rate| (rate.start, rate.quorum_pct) == (3, 60)).expect("measured");
        assert!((two.wrong_with_copiers_pct - two.wrong_pct).abs() < 0.2, "{two:?}");
    }

    #[test]
    fn guessing__should_earn_less_than_work_that_costs_four_fifths_of_its_pay() {
        for guess in guess::values(SEED) {
            assert!(guess.guess < guess.honest, "{guess:?}");
        }
        // Under the default terms, with 2, 4 and 10 classes. Guessing itself is worth next to nothing, or less.
        for guess in &guess::values(SEED)[..3] {
            let terms = (guess.start, guess.quorum_pct, guess.bond_pct, guess.dissent_slash_pct);
            assert_eq!(terms, (START, QUORUM_PCT, BOND_PCT, DISSENT_SLASH_PCT));
            assert!(guess.honest - guess.guess > 0.8, "{guess:?}");
            assert!(guess.guess < 0.1, "{guess:?}");
        }
    }

    #[test]
    fn juries__should_leave_fewer_wrong_and_fewer_unresolved_items() {
        // A tenth of the tickets in one hand, others that err in 5 %.
        let rates = of_coalition(10, &[START]);
        for rate in rates.iter().filter(|rate| rate.error_pct == 5) {
            assert!(rate.wrong_after_jury_pct < rate.wrong_pct.max(0.05), "{rate:?}");
            assert!(rate.unresolved_after_jury_pct < rate.unresolved_pct / 4.0 + 0.05, "{rate:?}");
        }
    }

    #[test]
    fn wrong_accepts__should_be_one_in_a_thousand_by_default() {
        // A tenth of the tickets in one hand, others that err in 5 %.
        let rates = of_coalition(10, &[START]);
        let default = |rate: &&Rates| (rate.start, rate.quorum_pct) == TERMS[0] && rate.error_pct == 5;
        let rate = rates.iter().find(default).expect("measured");
        assert!(
            rate.wrong_pct < 0.2 && rate.wrong_with_copiers_pct < 1.0 && rate.wrong_if_faster_pct < 0.3,
            "{rate:?}"
        );
    }
}
