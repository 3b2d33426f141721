//! The section `policy`: which terms the operator takes. The same settings are flags and variables.

use std::{collections::BTreeMap, str::FromStr};

use clap::{Args, builder::FalseyValueParser};
use piecework_chain::AccountId;
use piecework_interface::ids::{ClassId, TokenId};
use serde::Deserialize;

use crate::core::policy::Policy;

/// Which terms the operator takes; what is left out has a safe default.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// Least reward per item in units of a token, as TOKEN=AMOUNT with the token's number; separated by commas. Default:
    /// none.
    #[arg(long, env = "PIECEWORK_MIN_REWARD", global = true, value_delimiter = ',', value_name = "TOKEN=AMOUNT")]
    pub min_reward: Vec<String>,
    /// Greatest bond, percent of a lot's worth. Default: 200.
    #[arg(long, env = "PIECEWORK_MAX_BOND_PCT", global = true, value_name = "PERCENT")]
    pub max_bond_pct: Option<u16>,
    /// Greatest part of the bond that missing every result costs, percent. Default: 50.
    #[arg(long, env = "PIECEWORK_MAX_DISSENT_SLASH_PCT", global = true, value_name = "PERCENT")]
    pub max_dissent_slash_pct: Option<u8>,
    /// Least part of equal answers that makes a result, percent. Default: 51.
    #[arg(long, env = "PIECEWORK_MIN_QUORUM_PCT", global = true, value_name = "PERCENT")]
    pub min_quorum_pct: Option<u8>,
    /// Longest challenge window, seconds. Default: 604800.
    #[arg(long, env = "PIECEWORK_MAX_CHALLENGE_WINDOW_S", global = true, value_name = "SECONDS")]
    pub max_challenge_window_s: Option<u32>,
    /// Adjudicators whose batches are taken, account ids separated by commas. Default: none.
    #[arg(long, env = "PIECEWORK_ADJUDICATORS", global = true, value_delimiter = ',', value_name = "ACCOUNTS")]
    pub adjudicators: Vec<String>,
    /// Gated classes that are worked in, numbers separated by commas: their owners are the judges. Default: none.
    #[arg(long, env = "PIECEWORK_GATED_CLASSES", global = true, value_delimiter = ',', value_name = "CLASSES")]
    pub gated_classes: Vec<u16>,
    /// Other active nodes that a class must have beyond a batch's first copies; 0 asks for none at all. Default: 3.
    #[arg(long, env = "PIECEWORK_SPARE_NODES", global = true, value_name = "NODES")]
    pub spare_nodes: Option<u32>,
    /// The same for batches with a challenge window. Default: 8.
    #[arg(long, env = "PIECEWORK_SPARE_NODES_WITH_WINDOW", global = true, value_name = "NODES")]
    pub spare_nodes_with_window: Option<u32>,
    /// Part of the stake that may stand behind unsettled lots with a challenge window of one class, percent. Default: 25.
    #[arg(long, env = "PIECEWORK_MAX_WINDOWED_PCT", global = true, value_name = "PERCENT")]
    pub max_windowed_pct: Option<u8>,
    /// Part of the stake that is kept free for juries, percent. Default: 10.
    #[arg(long, env = "PIECEWORK_JURY_RESERVE_PCT", global = true, value_name = "PERCENT")]
    pub jury_reserve_pct: Option<u8>,
    /// Part of a requester's lots that may have ended without results, percent. Default: 50.
    #[arg(long, env = "PIECEWORK_MAX_LOST_PCT", global = true, value_name = "PERCENT")]
    pub max_lost_pct: Option<u8>,
    /// Part of a requester's lots that may have been challenged without being upheld, percent. Default: 25.
    #[arg(long, env = "PIECEWORK_MAX_CONTESTED_PCT", global = true, value_name = "PERCENT")]
    pub max_contested_pct: Option<u8>,
    /// Ended lots of a requester before these parts count. Default: 20.
    #[arg(long, env = "PIECEWORK_JUDGED_AFTER_LOTS", global = true, value_name = "LOTS")]
    pub judged_after_lots: Option<u64>,
    /// Sit on no juries.
    #[arg(long, env = "PIECEWORK_NO_JURIES", global = true, value_parser = FalseyValueParser::new())]
    pub no_juries: bool,
}

impl PolicySettings {
    /// These settings, and where they are left out those of the file.
    pub(super) fn or(self, file: Self) -> Self {
        fn list<T>(over: Vec<T>, file: Vec<T>) -> Vec<T> {
            if over.is_empty() { file } else { over }
        }
        Self {
            min_reward: list(self.min_reward, file.min_reward),
            max_bond_pct: self.max_bond_pct.or(file.max_bond_pct),
            max_dissent_slash_pct: self.max_dissent_slash_pct.or(file.max_dissent_slash_pct),
            min_quorum_pct: self.min_quorum_pct.or(file.min_quorum_pct),
            max_challenge_window_s: self.max_challenge_window_s.or(file.max_challenge_window_s),
            adjudicators: list(self.adjudicators, file.adjudicators),
            gated_classes: list(self.gated_classes, file.gated_classes),
            spare_nodes: self.spare_nodes.or(file.spare_nodes),
            spare_nodes_with_window: self.spare_nodes_with_window.or(file.spare_nodes_with_window),
            max_windowed_pct: self.max_windowed_pct.or(file.max_windowed_pct),
            jury_reserve_pct: self.jury_reserve_pct.or(file.jury_reserve_pct),
            max_lost_pct: self.max_lost_pct.or(file.max_lost_pct),
            max_contested_pct: self.max_contested_pct.or(file.max_contested_pct),
            judged_after_lots: self.judged_after_lots.or(file.judged_after_lots),
            no_juries: self.no_juries || file.no_juries,
        }
    }

    /// The policy, and the adjudicators that it trusts. What is no setting goes to `problems`.
    pub(super) fn build(self, problems: &mut Vec<String>) -> (Policy, Vec<AccountId>) {
        let mut wrong =
            |name: &str, text: &str, what: &str| problems.push(format!("[policy] {name}: {text:?} is not {what}"));
        let mut min_reward = BTreeMap::new();
        for text in &self.min_reward {
            match token_amount(text) {
                Some((token, amount)) => drop(min_reward.insert(token, amount)),
                None => wrong("min_reward", text, TOKEN_AMOUNT),
            }
        }
        let mut adjudicators = Vec::new();
        for text in &self.adjudicators {
            match AccountId::from_str(text) {
                Ok(account_id) => adjudicators.push(account_id),
                Err(_) => wrong("adjudicators", text, "an account id"),
            }
        }
        let safe = Policy::default();
        let policy = Policy {
            min_reward,
            max_bond_pct: self.max_bond_pct.unwrap_or(safe.max_bond_pct),
            max_dissent_slash_pct: self.max_dissent_slash_pct.unwrap_or(safe.max_dissent_slash_pct),
            min_quorum_pct: self.min_quorum_pct.unwrap_or(safe.min_quorum_pct),
            max_challenge_window_s: self.max_challenge_window_s.unwrap_or(safe.max_challenge_window_s),
            gated_classes: self.gated_classes.into_iter().map(ClassId).collect(),
            spare_nodes: self.spare_nodes.unwrap_or(safe.spare_nodes),
            spare_nodes_with_window: self.spare_nodes_with_window.unwrap_or(safe.spare_nodes_with_window),
            max_windowed_pct: self.max_windowed_pct.unwrap_or(safe.max_windowed_pct),
            jury_reserve_pct: self.jury_reserve_pct.unwrap_or(safe.jury_reserve_pct),
            max_lost_pct: self.max_lost_pct.unwrap_or(safe.max_lost_pct),
            max_contested_pct: self.max_contested_pct.unwrap_or(safe.max_contested_pct),
            judged_after_lots: self.judged_after_lots.unwrap_or(safe.judged_after_lots),
            juries: !self.no_juries,
        };
        for (name, value) in [
            ("max_windowed_pct", policy.max_windowed_pct),
            ("jury_reserve_pct", policy.jury_reserve_pct),
            ("max_lost_pct", policy.max_lost_pct),
            ("max_contested_pct", policy.max_contested_pct),
        ] {
            if value > 100 {
                wrong(name, &value.to_string(), "a part of the whole, 0..=100");
            }
        }
        (policy, adjudicators)
    }
}

/// What [`token_amount`] reads.
pub(super) const TOKEN_AMOUNT: &str = "TOKEN=AMOUNT, the token's number and an amount in its units";

/// A token's number and an amount.
pub(super) fn token_amount(text: &str) -> Option<(TokenId, u128)> {
    let (token, amount) = text.split_once('=')?;
    Some((TokenId(token.trim().parse().ok()?), amount.trim().parse().ok()?))
}
