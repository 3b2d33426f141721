//! What a strategy comes to in a setting.

use std::fmt;

use serde::Serialize;

use super::{
    contest::{Estimate, Margin},
    play::Setting,
    search::Reach,
    strategy::Strategy,
};

/// What a strategy comes to. Money is in units of a copy's pay of a lot, slashes counted at par.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name.
    pub name: String,
    /// Tickets of the coalition, percent.
    pub share: u32,
    /// Whether the requester is in the coalition.
    pub requester: bool,
    /// Seats of round 0.
    pub start: u8,
    /// Whether anyone takes seats of extensions.
    pub extension_sits: bool,
    /// Whether the honest copy the largest group in extensions.
    pub copiers: bool,
    /// Items of a lot.
    pub items: u8,
    /// Whether results may be challenged.
    pub window: bool,
    /// Whether an adjudicator scores the answers.
    pub scored: bool,
    /// What it does beyond the rules' honest part.
    pub reach: Reach,
    /// What the coalition earns a lot more than by honest work that claims at the same times; the attacks `early` and
    /// `late` more than by honest work among the others, wash work more than nothing.
    pub profit_vs_honest_per_lot: f64,
    /// Standard error of that, from batch to batch.
    pub profit_se: f64,
    /// What honest slots lose by it, beyond what they lose beside honest work, as a part of what is due to those of round 0.
    pub honest_loss_share: f64,
    /// Standard error of that.
    pub honest_loss_se: f64,
    /// That loss for each unit that the coalition loses; 0 if it loses nothing beyond two standard errors.
    pub loss_caused_per_loss_suffered: f64,
    /// The loss caused less the loss suffered, a lot.
    pub destroyed_per_lot: f64,
    /// Standard error of that.
    pub destroyed_se: f64,
    /// What the search found, act by act; `None` for an attack by name.
    pub found: Option<Strategy>,
}

impl Outcome {
    /// Of margins over independent batches.
    pub fn new(setting: &Setting, strategy: &Strategy, margins: &[Margin], searched: bool) -> Self {
        let of = |figure: fn(&Margin) -> f64| Estimate::of(margins.iter().map(figure));
        let (gain, loss) = (of(|margin| margin.gain), of(|margin| margin.loss));
        let destroyed = of(|margin| margin.gain + margin.loss);
        // Honest nodes also take seats that the coalition does not keep, so what is due to them is counted, not expected.
        let due = of(|margin| margin.due).mean.max(f64::MIN_POSITIVE);
        let griefs = gain.mean < -2.0 * gain.error && loss.mean > 0.0;
        Self {
            name: strategy.name.clone(),
            share: setting.share,
            requester: setting.requester,
            start: setting.start,
            extension_sits: setting.sits,
            copiers: setting.copiers,
            items: setting.items,
            window: setting.window,
            scored: setting.scored,
            reach: Reach::of(strategy),
            profit_vs_honest_per_lot: gain.mean,
            profit_se: gain.error,
            honest_loss_share: loss.mean / due,
            honest_loss_se: loss.error / due,
            loss_caused_per_loss_suffered: if griefs { loss.mean / -gain.mean } else { 0.0 },
            destroyed_per_lot: destroyed.mean,
            destroyed_se: destroyed.error,
            found: searched.then(|| strategy.clone()),
        }
    }

    /// The coalition's gain.
    pub const fn profit(&self) -> Estimate {
        Estimate { mean: self.profit_vs_honest_per_lot, error: self.profit_se }
    }

    /// The loss of honest slots.
    pub const fn loss(&self) -> Estimate {
        Estimate { mean: self.honest_loss_share, error: self.honest_loss_se }
    }

    /// The loss caused less the loss suffered.
    pub const fn destroyed(&self) -> Estimate {
        Estimate { mean: self.destroyed_per_lot, error: self.destroyed_se }
    }

    /// Where it was played, for people.
    pub fn place(&self) -> String {
        let extension = match (self.scored, self.extension_sits, self.copiers) {
            (true, ..) => "scored by an adjudicator",
            (_, false, _) => "no extension sits",
            (_, true, true) => "the honest copy in extensions",
            (_, true, false) if self.window => "extensions work, a challenge window",
            (_, true, false) => "extensions work",
        };
        let with = if self.requester { " with the requester" } else { "" };
        let items = if self.items == 1 { "one item".to_owned() } else { format!("{} items", self.items) };
        format!("start {}, {items}, {extension}, {} %{with}", self.start, self.share)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gain, error, loss) = (self.profit_vs_honest_per_lot, self.profit_se, 100.0 * self.honest_loss_share);
        let (loss_error, ratio) = (100.0 * self.honest_loss_se, self.loss_caused_per_loss_suffered);
        write!(f, "{:<20} {gain:>8.4} ± {error:.4} {loss:>8.2} ± {loss_error:.2} % {ratio:>6.2}", self.name)
    }
}
