//! What attacks may come to: the protocol's promise, and what `contracts/coordinator/ATTACKS.md` names as open.

use std::fmt;

use serde::Serialize;

use super::{contest::Estimate, named::PACES, outcome::Outcome, search::Reach};

/// Least tickets of the figures below, percent, and one step more for each of them.
const SHARE_STEP: u32 = 10;
/// What honest slots lose at most of what is due to them at start 3, with 10, 20 and 30 % of the tickets. The exact best of a model
/// in which a held seat goes to the next comer, as here, is 0.012, 0.049 and 0.130.
const LOSSES: [f64; 3] = [0.015, 0.05, 0.14];
/// What coalitions gain at most, by start, whether extensions sit, and whether the requester takes part. Where they sit: exact
/// best responses of a model, against honest work in both rounds, with all seats of a round and copying. Where they do not:
/// those, or what the search found, which also claims first, and holds a seat before it cancels.
const GAINS: [(u8, bool, bool, [f64; 3]); 12] = [
    (3, true, false, [0.008, 0.012, 0.014]),
    (3, true, true, [0.013, 0.020, 0.023]),
    (3, false, false, [0.008, 0.030, 0.065]),
    (3, false, true, [0.11, 0.26, 0.375]),
    (2, true, false, [0.0033, 0.0131, 0.0287]),
    (2, true, true, [0.0099, 0.0179, 0.0232]),
    (2, false, false, [0.0030, 0.0120, 0.0270]),
    (2, false, true, [0.123, 0.205, 0.255]),
    (5, true, false, [0.0012, 0.0033, 0.0104]),
    (5, true, true, [0.0020, 0.0087, 0.0320]),
    (5, false, false, [0.0026, 0.0174, 0.0489]),
    (5, false, true, [0.095, 0.255, 0.52]),
];
/// What the search found in challenges of items without a result.
const APPEALS: [f64; 3] = [0.022, 0.018, 0.030];
/// What the search found where the adjudicator is the coalition's: work saved, and fees of its jurors against it.
const SCORES: [f64; 3] = [0.13, 0.19, 0.48];
/// What it is worth at most to claim first.
const SPEED: [f64; 3] = [0.022, 0.040, 0.055];

/// A sentence of the protocol's promise, or what is open.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// The sentence.
    pub claim: &'static str,
    /// The row of ATTACKS.md that it stands in, where it is open.
    pub open: Option<&'static str>,
    /// Strategies that it speaks of.
    pub strategies: usize,
    /// Whether none of them exceeds it by more than three standard errors.
    pub holds: bool,
    /// The one that comes nearest, or exceeds it most.
    pub worst: String,
}

/// A claim with the strategies that it is about, and what each may come to.
struct Bound {
    claim: &'static str,
    open: Option<&'static str>,
    /// What a strategy comes to, and its limit; `None` if the claim does not speak of it.
    of: fn(&Outcome) -> Option<(Estimate, f64)>,
}

const BOUNDS: [Bound; 9] = [
    Bound {
        claim: "no strategy without all seats of round 0 earns more than honest work, whose seats of extensions work",
        open: None,
        of: |of| (is_default(of) && is_promised(of)).then(|| (of.profit(), 0.0)),
    },
    Bound {
        claim: "seats of extensions that do not work gain what an exact model says",
        open: Some("Extensions whose slots do not work"),
        of: |of| (is_default(of) && !is_promised(of) && !PACES.contains(&&*of.name)).then(|| (of.profit(), gain(of))),
    },
    Bound {
        claim: "honest slots lose at most 1.5 / 5 / 14 % of what is due at 10 / 20 / 30 %",
        open: None,
        of: |of| is_default(of).then(|| (of.loss(), by_share(LOSSES, of.share))),
    },
    Bound {
        claim: "whoever makes honest slots lose loses more itself",
        open: None,
        of: |of| {
            let griefs = of.honest_loss_share > 3.0 * of.honest_loss_se;
            // What extensions give it without a loss to others counts above.
            (is_default(of) && griefs).then(|| (of.destroyed(), if is_promised(of) { 0.0 } else { gain(of) }))
        },
    },
    Bound {
        claim: "claiming first gains seats",
        open: Some("Speed"),
        of: |of| (is_default(of) && PACES.contains(&&*of.name)).then(|| (of.profit(), by_share(SPEED, of.share))),
    },
    Bound {
        claim: "other starts gain what an exact model says",
        open: Some("Start 2 is s², start 1 is trust"),
        of: |of| (works(of) && !is_default(of) && !PACES.contains(&&*of.name)).then(|| (of.profit(), gain(of))),
    },
    Bound {
        claim: "extensions that do not sit gain a coalition no more than was found",
        open: Some("Extensions that do not sit"),
        of: |of| (!of.extension_sits && !of.scored).then(|| (of.profit(), gain(of))),
    },
    Bound {
        claim: "a challenge window gains a coalition no more than was found",
        open: Some("No result on purpose"),
        of: |of| (of.window && !of.scored).then(|| (of.profit(), by_share(APPEALS, of.share))),
    },
    Bound {
        claim: "an adjudicator of the coalition gains no more than was found, and without one nothing gains",
        open: Some("Adjudicators"),
        of: |of| of.scored.then(|| (of.profit(), if of.requester { by_share(SCORES, of.share) } else { 0.0 })),
    },
];

/// Counted answers without appeal, and extensions that work.
const fn works(of: &Outcome) -> bool {
    of.extension_sits && !of.copiers && !of.window && !of.scored
}

const fn is_default(of: &Outcome) -> bool {
    works(of) && of.start == 3
}

/// A requester in the coalition saves work by every seat of an extension that does not work: it pays those seats itself.
fn is_promised(of: &Outcome) -> bool {
    of.reach <= if of.requester { Reach::Works } else { Reach::Blind } && !PACES.contains(&&*of.name)
}

fn by_share(figures: [f64; 3], share: u32) -> f64 {
    let place = usize::try_from((share / SHARE_STEP).saturating_sub(1)).unwrap_or_default();
    figures[place.min(figures.len() - 1)]
}

fn gain(of: &Outcome) -> f64 {
    let at = (of.start, of.extension_sits, of.requester);
    let row = GAINS.iter().find(|(start, sits, requester, _)| (*start, *sits, *requester) == at);
    row.map_or(0.0, |(.., figures)| by_share(*figures, of.share))
}

/// What the outcomes say to each claim.
pub fn claims(outcomes: &[Outcome]) -> Vec<Claim> {
    let claim = |bound: &Bound| {
        let of: Vec<_> = outcomes.iter().filter_map(|of| (bound.of)(of).map(|(is, limit)| (of, is, limit))).collect();
        let beyond = |is: &Estimate, limit: f64| is.mean - 3.0 * is.error - limit;
        let worst = of.iter().max_by(|a, b| beyond(&a.1, a.2).total_cmp(&beyond(&b.1, b.2)));
        let worst = worst.map_or_else(String::new, |(of, is, limit)| {
            let Estimate { mean, error } = is;
            format!("{} at {}: {mean:.4} ± {error:.4}, limit {limit:.4}", of.name, of.place())
        });
        let holds = !of.iter().any(|(_, is, limit)| is.exceeds(*limit));
        Claim { claim: bound.claim, open: bound.open, strategies: of.len(), holds, worst }
    };
    BOUNDS.iter().map(claim).filter(|claim| claim.strategies > 0).collect()
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.holds { "holds" } else { "FAILS" };
        write!(f, "{holds}: {}", self.claim)?;
        if let Some(row) = self.open {
            write!(f, " (open: {row})")?;
        }
        write!(f, "; {} strategies, nearest {}", self.strategies, self.worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_bounds__should_stand_in_attacks() {
        let page = include_str!("../../../../contracts/coordinator/ATTACKS.md");
        for row in BOUNDS.iter().filter_map(|bound| bound.open) {
            assert!(page.contains(&format!("| {row}")), "ATTACKS.md has no row {row}");
        }
    }
}
