//! The section `challenge`: which results the agent may challenge, and at whose expense. The same settings are flags and
//! variables.

use std::path::{Path, PathBuf};

use clap::{Args, builder::FalseyValueParser};
use piecework_chain::AccountId;
use piecework_interface::key::PublicKey;
use serde::Deserialize;

use crate::core::challenge::{Challenging, value::Odds};

/// A jury overturns a wrong result with this probability where a tenth of its jurors upholds unread, percent: what
/// ATTACKS.md of the coordinator counts.
const CONFIDENCE_PCT: u8 = 84;
/// Least part of a window that is kept, seconds.
const MARGIN_S: u32 = 60;

/// What the agent may challenge; what is left out has a safe default.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChallengeSettings {
    /// Challenge results that a class's verify_command proves wrong.
    #[arg(long = "challenge", id = "challenge", env = "PIECEWORK_CHALLENGE", global = true, value_parser = FalseyValueParser::new())]
    pub enabled: bool,
    /// Account whose balance pays challenges: the operator's.
    #[arg(
        long = "challenge-account-id",
        id = "challenge_account_id",
        env = "PIECEWORK_CHALLENGE_ACCOUNT_ID",
        global = true
    )]
    pub account_id: Option<String>,
    /// File with that account's intent key of kind challenge; never the key of this machine.
    #[arg(
        long = "challenge-key-file",
        id = "challenge_key_file",
        env = "PIECEWORK_CHALLENGE_KEY_FILE",
        global = true,
        value_name = "FILE"
    )]
    pub key_file: Option<PathBuf>,
    /// Deposits per UTC day at most, in units of the key's token.
    #[arg(
        long = "challenge-daily-cap",
        id = "challenge_daily_cap",
        env = "PIECEWORK_CHALLENGE_DAILY_CAP",
        global = true,
        value_name = "AMOUNT"
    )]
    pub daily_cap: Option<String>,
    /// What a challenge must be expected to bring at least, in units of the key's token. Default: 0.
    #[arg(
        long = "challenge-min-expected",
        id = "challenge_min_expected",
        env = "PIECEWORK_CHALLENGE_MIN_EXPECTED",
        global = true,
        value_name = "AMOUNT"
    )]
    pub min_expected: Option<String>,
    /// Probability that a jury overturns a wrong result, percent. Default: 84, which is so where a tenth of the jurors
    /// upholds unread.
    #[arg(
        long = "challenge-confidence-pct",
        id = "challenge_confidence_pct",
        env = "PIECEWORK_CHALLENGE_CONFIDENCE_PCT",
        global = true,
        value_name = "PERCENT"
    )]
    pub confidence_pct: Option<u8>,
    /// What NEAR counts, in percent of its par, at which a lot's bond per item is worth its reward. Default: 100.
    #[arg(
        long = "challenge-near-pct",
        id = "challenge_near_pct",
        env = "PIECEWORK_CHALLENGE_NEAR_PCT",
        global = true,
        value_name = "PERCENT"
    )]
    pub near_pct: Option<u8>,
    /// Challenges are signed only while so much of the window is left, seconds. Default: 60.
    #[arg(
        long = "challenge-margin-s",
        id = "challenge_margin_s",
        env = "PIECEWORK_CHALLENGE_MARGIN_S",
        global = true,
        value_name = "SECONDS"
    )]
    pub margin_s: Option<u32>,
}

/// Challenging as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeConfig {
    /// Account whose balance pays.
    pub account_id: AccountId,
    /// File with its intent key.
    pub key_file: PathBuf,
    /// What the core may do, but for the key, which is zeros until its file is read.
    pub limits: Challenging,
}

impl ChallengeSettings {
    /// These settings, and where they are left out those of the file, whose paths are relative to `base`.
    pub(super) fn or(self, file: Self, base: &Path) -> Self {
        Self {
            enabled: self.enabled || file.enabled,
            account_id: self.account_id.or(file.account_id),
            key_file: self.key_file.or(file.key_file.map(|path| base.join(path))),
            daily_cap: self.daily_cap.or(file.daily_cap),
            min_expected: self.min_expected.or(file.min_expected),
            confidence_pct: self.confidence_pct.or(file.confidence_pct),
            near_pct: self.near_pct.or(file.near_pct),
            margin_s: self.margin_s.or(file.margin_s),
        }
    }

    /// What the agent may challenge; `None` where that is off. What is missing or no setting goes to `problems`.
    pub(super) fn build(self, problems: &mut Vec<String>) -> Option<ChallengeConfig> {
        if !self.enabled {
            return None;
        }
        let mut problem = |name: &str, what: String| problems.push(format!("[challenge] {name} {what}"));
        if self.account_id.is_none() {
            problem("account_id", "is missing: name the account whose balance pays".to_owned());
        }
        if self.key_file.is_none() {
            problem("key_file", "is missing: name the file of an intent key of kind challenge".to_owned());
        }
        if self.daily_cap.is_none() {
            problem(
                "daily_cap",
                "is missing: say how much may be deposited a day, in units of the key's token".to_owned(),
            );
        }
        let account_id = self.account_id.and_then(|text| {
            let account_id = text.parse().ok();
            if account_id.is_none() {
                problem("account_id", format!("{text:?} is not an account id"));
            }
            account_id
        });
        let mut amount = |name: &str, text: Option<String>| {
            let text = text?;
            let amount = text.trim().parse().ok();
            if amount.is_none() {
                problem(name, format!("{text:?} is not an amount in units of the token"));
            }
            amount
        };
        let daily_cap = amount("daily_cap", self.daily_cap);
        let min_expected = amount("min_expected", Some(self.min_expected.unwrap_or_else(|| "0".to_owned())));
        let odds = Odds {
            confidence_pct: self.confidence_pct.unwrap_or(CONFIDENCE_PCT),
            near_pct: self.near_pct.unwrap_or(100),
        };
        for (name, value) in [("confidence_pct", odds.confidence_pct), ("near_pct", odds.near_pct)] {
            if value > 100 {
                problem(name, format!("{value} is not a part of the whole, 0..=100"));
            }
        }
        let limits = Challenging {
            public_key: PublicKey::default(),
            daily_cap: daily_cap?,
            min_expected: min_expected?,
            odds,
            margin_s: self.margin_s.unwrap_or(MARGIN_S),
        };
        Some(ChallengeConfig { account_id: account_id?, key_file: self.key_file?, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ChallengeSettings {
        ChallengeSettings {
            enabled: true,
            account_id: Some("operator.near".to_owned()),
            key_file: Some("key.json".into()),
            daily_cap: Some("1000".to_owned()),
            ..ChallengeSettings::default()
        }
    }

    #[test]
    fn challenge__should_be_off_unless_enabled() {
        let mut problems = Vec::new();
        assert_eq!(ChallengeSettings { enabled: false, ..settings() }.build(&mut problems), None);
        assert_eq!(ChallengeSettings::default().build(&mut problems), None);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn challenge__should_be_weighed_by_what_the_protocol_counts() {
        let (flags, mut problems) = (ChallengeSettings { margin_s: Some(90), ..Default::default() }, Vec::new());
        let built = flags.or(settings(), Path::new("/etc")).build(&mut problems).unwrap();
        assert_eq!(built.key_file, Path::new("/etc/key.json"));
        let Challenging { daily_cap, min_expected, odds, margin_s, .. } = built.limits;
        assert_eq!((daily_cap, min_expected, margin_s), (1_000, 0, 90));
        assert_eq!(odds, Odds { confidence_pct: 84, near_pct: 100 });
    }

    #[test]
    fn challenge__should_name_what_is_missing_or_wrong() {
        let mut problems = Vec::new();
        let empty = ChallengeSettings { enabled: true, ..ChallengeSettings::default() };
        assert_eq!(empty.build(&mut problems), None);
        let wrong = ChallengeSettings {
            account_id: Some("NO".to_owned()),
            daily_cap: Some("1.5".to_owned()),
            min_expected: Some("-1".to_owned()),
            confidence_pct: Some(101),
            near_pct: Some(200),
            ..settings()
        };
        assert_eq!(wrong.build(&mut problems), None);
        for part in [
            "account_id is missing",
            "key_file is missing",
            "daily_cap is missing",
            "account_id \"NO\"",
            "daily_cap \"1.5\"",
            "min_expected \"-1\"",
            "confidence_pct 101",
            "near_pct 200",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
        }
    }
}
