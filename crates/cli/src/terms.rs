//! The terms of a batch as options, with defaults for machine work.

use std::time::Duration;

use clap::Args;
use piecework_console::amount::Decimal;
use piecework_interface::{
    defaults,
    ids::ClassId,
    terms::{Terms, Verification},
};

/// Items of a lot, where none are named and nothing is appended.
const LOT_SIZE: u8 = 32;

/// What a batch fixes at creation.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Terms")]
pub struct TermsArgs {
    /// Reward per item and agreeing copy, in the token's decimals, such as 0.01; an even number of its smallest unit
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub reward: Decimal,
    /// Number of the class of work: only nodes that declared it may claim [default: the only registered one]
    #[arg(long)]
    pub class: Option<u16>,
    /// Items a node takes at once, 1 to 64 [default: 32; with --appendable 1, since only whole lots can be followed by others]
    #[arg(long, value_name = "ITEMS")]
    pub lot_size: Option<u8>,
    /// Bytes per answer: 1, 2, 4, 8, 16 or 32
    #[arg(long, default_value_t = 1, value_name = "BYTES")]
    pub answer_width: u8,
    /// Copies of every item: 1, 2, 3 or 5; of two and more, three more where they do not agree
    #[arg(long, default_value_t = defaults::START, value_name = "COPIES")]
    pub replicas: u8,
    /// Equal answers needed, in percent, 51 to 100; 60 takes two of three, for work on which honest nodes often differ
    #[arg(long, default_value_t = defaults::QUORUM_PCT, value_name = "PERCENT")]
    pub quorum: u8,
    /// Time for the work on a lot, from its claim
    #[arg(long, default_value = "10m", value_parser = seconds, value_name = "TIME")]
    pub claim_ttl: u32,
    /// Time for reveals, after all copies are in
    #[arg(long, default_value = "5m", value_parser = seconds, value_name = "TIME")]
    pub reveal_window: u32,
    /// Time a result may be challenged before it settles; 0s settles at once. Else lots wait until the class has nodes for a jury
    #[arg(long, default_value = "0s", value_parser = seconds, value_name = "TIME")]
    pub challenge_window: u32,
    /// Slice of the draw: after each one twice as many nodes may claim
    #[arg(long, default_value = "5s", value_parser = seconds, value_name = "TIME")]
    pub slice: u32,
    /// Stake a node bonds per slot, in percent of the token's bond rate, 100 to 300
    #[arg(long, default_value_t = defaults::BOND_PCT, value_name = "PERCENT")]
    pub bond: u16,
    /// Part of the bond lost by answering everything wrong, in percent, 10 to 100
    #[arg(long, default_value_t = defaults::DISSENT_SLASH_PCT, value_name = "PERCENT")]
    pub dissent_slash: u8,
    /// Part of the bond lost by not working on a claimed lot, in percent, 5 to 50
    #[arg(long, default_value_t = defaults::ABANDON_SLASH_PCT, value_name = "PERCENT")]
    pub abandon_slash: u8,
    /// Reputation in the class that a claim needs, 0 to 10000
    #[arg(long, default_value_t = 0, value_name = "POINTS")]
    pub min_reputation: u16,
    /// Time after which nothing new is claimed and the rest returns
    #[arg(long, default_value = "7d", value_parser = seconds, value_name = "TIME")]
    pub expires: u32,
}

impl TermsArgs {
    /// The terms, with the class found, the reward in units and the expiry counted from `now_s`.
    #[must_use]
    pub fn terms(&self, class: ClassId, reward: u128, now_s: u32) -> Terms {
        Terms {
            class,
            reward: reward.into(),
            lot_size: self.lot_size.unwrap_or(LOT_SIZE),
            answer_width: self.answer_width,
            start: self.replicas,
            quorum_pct: self.quorum,
            claim_ttl_s: self.claim_ttl,
            reveal_window_s: self.reveal_window,
            challenge_window_s: self.challenge_window,
            slice_s: self.slice,
            bond_pct: self.bond,
            dissent_slash_pct: self.dissent_slash,
            abandon_slash_pct: self.abandon_slash,
            min_reputation: self.min_reputation,
            expires_at: now_s.saturating_add(self.expires),
            verification: Verification::Consensus,
        }
    }
}

/// The option that sets a field of the terms, for errors that name the field.
#[must_use]
pub fn option_of(field: &str) -> &'static str {
    match field {
        "reward" => "--reward",
        "lot_size" => "--lot-size",
        "answer_width" => "--answer-width",
        "start" => "--replicas",
        "quorum_pct" => "--quorum",
        "claim_ttl_s" => "--claim-ttl",
        "reveal_window_s" => "--reveal-window",
        "challenge_window_s" => "--challenge-window",
        "slice_s" => "--slice",
        "bond_pct" => "--bond",
        "dissent_slash_pct" => "--dissent-slash",
        "abandon_slash_pct" => "--abandon-slash",
        "min_reputation" => "--min-reputation",
        "verdict_ttl_s" => "--verdict-ttl",
        "expires_at" => "--expires",
        _ => "the terms",
    }
}

/// A time such as 90s, 10m or 7d, in whole seconds.
pub(crate) fn seconds(text: &str) -> Result<u32, String> {
    let time: Duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, such as 90s, 10m or 7d"))?;
    if time.subsec_nanos() != 0 {
        return Err("times are whole seconds".to_owned());
    }
    u32::try_from(time.as_secs()).map_err(|_| "it is longer than a contract counts".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use piecework_interface::config::Bounds;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        terms: TermsArgs,
    }

    fn parsed(options: &[&str]) -> Result<TermsArgs, clap::Error> {
        Line::try_parse_from(["x", "--reward", "1"].iter().chain(options)).map(|line| line.terms)
    }

    #[test]
    fn terms__should_be_valid_by_default() {
        for replicas in ["1", "2", "3", "5"] {
            let terms = parsed(&["--replicas", replicas]).unwrap().terms(ClassId(0), 6, 1_000);
            terms.check(&Bounds::default(), 1, 1_000).unwrap();
        }
    }

    #[test]
    fn terms__should_refuse_a_wrong_width_and_name_the_option() {
        let terms = parsed(&["--answer-width", "3"]).unwrap().terms(ClassId(0), 6, 1_000);
        let error = terms.check(&Bounds::default(), 1, 1_000).unwrap_err();
        assert_eq!(option_of(error.field), "--answer-width");
    }

    #[test]
    fn terms__should_read_times_with_units() {
        assert_eq!(parsed(&["--claim-ttl", "2h"]).unwrap().claim_ttl, 7_200);
        for text in ["10", "1500ms", "300y"] {
            let error = parsed(&["--claim-ttl", text]).unwrap_err();
            assert!(error.to_string().contains("--claim-ttl"), "{error}");
        }
    }

    #[test]
    fn option_of__should_know_every_field_of_the_terms() {
        let terms = parsed(&[]).unwrap().terms(ClassId(0), 6, 1_000);
        let value = serde_json::to_value(terms).unwrap();
        for field in
            value.as_object().unwrap().keys().filter(|field| !matches!(field.as_str(), "class" | "verification"))
        {
            assert!(option_of(field).starts_with("--"), "{field}");
        }
    }
}
