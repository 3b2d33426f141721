//! The contract's configuration. Values that a live batch depends on are copied into it at creation.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{fields, json_row};
use serde::{Deserialize, Serialize};

use crate::model::{account_id::is_account_id, amount::Amount};

/// Full reputation.
pub const REPUTATION_FULL: u16 = 10_000;
const NEAR: u128 = 10_u128.pow(24);
/// Bytes of a chain's id at most.
const CHAIN_ID_MAX: usize = 32;
/// Accounts that deposit for others at most.
const RELAYS_MAX: usize = 8;
/// Chains on which strangers stake: there a change waits long enough for everybody to leave.
const PUBLIC_NETWORKS: [&str; 2] = ["mainnet", "testnet"];
const DAY_S: u32 = 86_400;

/// Inclusive bounds for the terms of a batch: the defaults, or narrower ones. Only test networks may lower the least times.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Bounds {
    /// Least and greatest `claim_ttl_s`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>, min_items = 2, max_items = 2))]
    pub claim_ttl_s: (u32, u32),
    /// Least and greatest `reveal_window_s`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>, min_items = 2, max_items = 2))]
    pub reveal_window_s: (u32, u32),
    /// Least and greatest `challenge_window_s` when it is not 0.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>, min_items = 2, max_items = 2))]
    pub challenge_window_s: (u32, u32),
    /// Least and greatest `slice_s`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>, min_items = 2, max_items = 2))]
    pub slice_s: (u32, u32),
    /// Longest life of a batch in seconds, 1 to 3,650 days.
    pub lifetime_max_s: u32,
    /// Least and greatest `verdict_ttl_s`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>, min_items = 2, max_items = 2))]
    pub verdict_ttl_s: (u32, u32),
}

fields!(Bounds as [borsh write read_default] {
    claim_ttl_s, reveal_window_s, challenge_window_s, slice_s, lifetime_max_s, verdict_ttl_s,
});

impl Default for Bounds {
    fn default() -> Self {
        Self {
            claim_ttl_s: (60, 7 * DAY_S),
            reveal_window_s: (300, DAY_S),
            challenge_window_s: (600, 7 * DAY_S),
            slice_s: (2, 3_600),
            lifetime_max_s: 365 * DAY_S,
            verdict_ttl_s: (600, 14 * DAY_S),
        }
    }
}

/// The configuration, set at `new`. JSON fields that are left out take these defaults.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Config {
    /// yoctoNEAR per ticket, and the least stake of a node: 0.001 to 10,000 NEAR.
    pub min_stake: Amount,
    /// Seconds between `stake_remove` and `stake_claim`, at most 90 days; at least 7 on a public network.
    pub unbonding_s: u32,
    /// Seconds that a change of code, configuration or prices waits beyond the unbonding time, so that a node which
    /// disagrees can leave first: at most 30 days, at least one on a public network.
    pub notice_s: u32,
    /// A node silent for longer than this may be made inactive by anyone: 600 to 86,400 seconds.
    pub liveness_window_s: u32,
    /// Seconds after a reveal window before a poke may tally without the missing reveals, 30 to 600.
    pub grace_s: u32,
    /// Fee on the pay of slots, in basis points, at most 1000.
    pub fee_bps: u16,
    /// Least seconds between two steps of one node's reputation in one class, at most 30 days.
    pub reputation_interval_s: u32,
    /// Active nodes that a class must have for appeals, 8 to 1000; test networks may ask for fewer.
    pub jury_nodes: u16,
    /// yoctoNEAR that a class costs who registers it, 0.1 to 100 NEAR; they are burnt.
    pub class_deposit: Amount,
    /// Bounds of terms.
    pub bounds: Bounds,
    /// The chain's id, `mainnet` or another, which every signed intent names. While it is empty none is executed; once it
    /// is set it never changes, so no intent for one chain comes to hold on another.
    pub chain_id: String,
    /// Accounts, such as bridges, that deposit for others: each deposit of theirs names for whom. At most 8.
    pub relays: Vec<String>,
}

json_row!(Config);

fields!(Config as [borsh write read_default] {
    min_stake, unbonding_s, notice_s, liveness_window_s, grace_s, fee_bps, reputation_interval_s, jury_nodes,
    class_deposit, bounds, chain_id, relays,
});

impl Default for Config {
    fn default() -> Self {
        Self {
            min_stake: Amount(10 * NEAR),
            unbonding_s: 7 * DAY_S,
            notice_s: DAY_S,
            liveness_window_s: 3_600,
            grace_s: 60,
            fee_bps: 200,
            reputation_interval_s: 3_600,
            jury_nodes: 15,
            class_deposit: Amount(NEAR),
            bounds: Bounds::default(),
            chain_id: String::new(),
            relays: Vec::new(),
        }
    }
}

impl Config {
    /// What a batch that is created now keeps of the configuration and of its token's prices.
    #[must_use]
    pub const fn fix(&self, bond_rate: Amount, rep_unit: Amount) -> Fixed {
        let Self { fee_bps, reputation_interval_s, grace_s, jury_nodes, .. } = *self;
        Fixed { fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s, jury_nodes }
    }

    /// Checks that the contract can work with it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.chain_id.len() > CHAIN_ID_MAX {
            return Err("config.chain_id must have at most 32 bytes");
        }
        if self.relays.len() > RELAYS_MAX || !self.relays.iter().all(|relay| is_account_id(relay)) {
            return Err("config.relays must be at most 8 account ids");
        }
        let is_public = self.is_public();
        // Tests should not wait: their networks may go below the least times and the least jury.
        let least = |value: u32, on_test_network: u32| if is_public { value } else { on_test_network };
        let value = |value: u32| (value, value);
        let (bounds, widest) = (&self.bounds, Bounds::default());
        let within = |(from, to)| (least(from, 1), to);
        // Least and greatest value, within which range they must lie, and what is said if they do not.
        let ranges = [
            (value(self.unbonding_s), (least(7 * DAY_S, 0), 90 * DAY_S), "config.unbonding_s must be 7 to 90 days"),
            (value(self.notice_s), (least(DAY_S, 0), 30 * DAY_S), "config.notice_s must be 1 to 30 days"),
            (value(self.liveness_window_s), (least(600, 1), DAY_S), "config.liveness_window_s must be 600 to 86400"),
            (value(self.grace_s), (least(30, 0), 600), "config.grace_s must be 30 to 600"),
            (
                value(self.reputation_interval_s),
                (0, 30 * DAY_S),
                "config.reputation_interval_s must be at most 2592000",
            ),
            (value(self.fee_bps.into()), (0, 1_000), "config.fee_bps must be at most 1000"),
            (value(self.jury_nodes.into()), (least(8, 1), 1_000), "config.jury_nodes must be 8 to 1000"),
            (value(bounds.lifetime_max_s), (least(DAY_S, 1), 3_650 * DAY_S), "lifetime_max_s must be 1 to 3650 days"),
            (bounds.claim_ttl_s, within(widest.claim_ttl_s), "claim_ttl_s must be bounded within 60 to 604800"),
            (
                bounds.reveal_window_s,
                within(widest.reveal_window_s),
                "reveal_window_s must be bounded within 300 to 86400",
            ),
            (
                bounds.challenge_window_s,
                within(widest.challenge_window_s),
                "challenge_window_s must be bounded within 600 to 604800",
            ),
            (bounds.slice_s, within(widest.slice_s), "slice_s must be bounded within 2 to 3600"),
            (bounds.verdict_ttl_s, within(widest.verdict_ttl_s), "verdict_ttl_s must be bounded within 600 to 1209600"),
        ];
        for ((low, high), (from, to), error) in ranges {
            if low < from || low > high || high > to {
                return Err(error);
            }
        }
        if !(NEAR / 1_000..=10_000 * NEAR).contains(&self.min_stake.0) {
            return Err("config.min_stake must be 0.001 to 10000 NEAR");
        }
        if !(NEAR / 10..=100 * NEAR).contains(&self.class_deposit.0) {
            return Err("config.class_deposit must be 0.1 to 100 NEAR");
        }
        Ok(())
    }

    /// Whether it names a network on which strangers stake.
    #[must_use]
    pub fn is_public(&self) -> bool {
        PUBLIC_NETWORKS.contains(&self.chain_id.as_str())
    }

    /// Whether `next` may follow this configuration.
    #[must_use]
    pub fn may_become(&self, next: &Self) -> bool {
        self.chain_id.is_empty() || self.chain_id == next.chain_id
    }
}

/// What a batch copies from the configuration and its token at creation, so that later changes never reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fixed {
    /// Fee on the pay of slots, in basis points.
    pub fee_bps: u16,
    /// yoctoNEAR of bond per 2^32 units of reward.
    pub bond_rate: Amount,
    /// Fee of one lot that earns a full step of reputation, in units of the token.
    pub rep_unit: Amount,
    /// Least seconds between two steps of reputation.
    pub reputation_interval_s: u32,
    /// Seconds of grace after a reveal window.
    pub grace_s: u32,
    /// Active nodes that the class must have for appeals.
    pub jury_nodes: u16,
}

fields!(Fixed as [borsh write row] {
    fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s, jury_nodes,
});
