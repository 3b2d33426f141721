//! The contract's configuration. Values that a live batch depends on are copied into it at creation.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{fields, json_row};
use serde::{Deserialize, Serialize};

use crate::model::amount::Amount;

/// Full reputation.
pub const REPUTATION_FULL: u16 = 10_000;
/// The highest fee, in basis points.
const FEE_BPS_MAX: u16 = 1_000;
/// Least deposit of a class, yoctoNEAR: what its record locks, 0.002 NEAR.
const CLASS_DEPOSIT_MIN: u128 = 2 * 10_u128.pow(21);

/// Bytes of a chain's id at most.
const CHAIN_ID_MAX: usize = 32;
/// Chains on which strangers stake: there a change waits long enough for everybody to leave.
const PUBLIC_NETWORKS: [&str; 2] = ["mainnet", "testnet"];
const DAY_S: u32 = 86_400;
/// Active nodes of a class with appeals on a public network at least: five jurors, and three who did the work.
const JURY_NODES_MIN: u16 = 8;
const JURY_NODES_MAX: u16 = 1_000;

/// Inclusive bounds for the terms of a batch. Test networks may lower the times.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Least and greatest `claim_ttl_s`.
    pub claim_ttl_s: (u32, u32),
    /// Least and greatest `reveal_window_s`.
    pub reveal_window_s: (u32, u32),
    /// Least and greatest `challenge_window_s` when it is not 0.
    pub challenge_window_s: (u32, u32),
    /// Least and greatest `slice_s`.
    pub slice_s: (u32, u32),
    /// Longest life of a batch in seconds.
    pub lifetime_max_s: u32,
    /// Least and greatest `verdict_ttl_s`.
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
pub struct Config {
    /// yoctoNEAR per ticket, and the least stake of a node.
    pub min_stake: Amount,
    /// Seconds between `stake_remove` and `stake_claim`.
    pub unbonding_s: u32,
    /// Seconds that a change of code, configuration or prices waits beyond the unbonding time, so that whoever disagrees
    /// can leave first. At least a day on a public network.
    pub notice_s: u32,
    /// A node silent for longer than this may be made inactive by anyone.
    pub liveness_window_s: u32,
    /// Seconds after a reveal window before a poke may tally without the missing reveals.
    pub grace_s: u32,
    /// Fee on the pay of slots, in basis points, at most 1000.
    pub fee_bps: u16,
    /// Least seconds between two steps of one node's reputation in one class.
    pub reputation_interval_s: u32,
    /// Active nodes that a class must have for appeals, 1..=1000; 8 at least on a public network.
    pub jury_nodes: u16,
    /// yoctoNEAR that a class costs who registers it; they are burnt.
    pub class_deposit: Amount,
    /// Bounds of terms.
    pub bounds: Bounds,
    /// The chain's id, `mainnet` or another, which every signed intent names. While it is empty none is executed; once it
    /// is set it never changes, so no intent for one chain comes to hold on another.
    pub chain_id: String,
}

json_row!(Config);

fields!(Config as [borsh write read_default] {
    min_stake, unbonding_s, notice_s, liveness_window_s, grace_s, fee_bps, reputation_interval_s, jury_nodes,
    class_deposit, bounds, chain_id,
});

impl Default for Config {
    fn default() -> Self {
        Self {
            min_stake: Amount(10 * 10_u128.pow(24)),
            unbonding_s: 7 * DAY_S,
            notice_s: DAY_S,
            liveness_window_s: 3_600,
            grace_s: 60,
            fee_bps: 200,
            reputation_interval_s: 3_600,
            jury_nodes: 15,
            class_deposit: Amount(10_u128.pow(24)),
            bounds: Bounds::default(),
            chain_id: String::new(),
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
        if self.min_stake.0 == 0 {
            return Err("config.min_stake must be above 0");
        }
        if self.class_deposit.0 < CLASS_DEPOSIT_MIN {
            return Err("config.class_deposit must pay for a class's record: at least 0.002 NEAR");
        }
        if self.fee_bps > FEE_BPS_MAX {
            return Err("config.fee_bps must be at most 1000");
        }
        let bounds = &self.bounds;
        if bounds.slice_s.0 == 0 || bounds.claim_ttl_s.0 == 0 || bounds.reveal_window_s.0 == 0 {
            return Err("the least slice_s, claim_ttl_s and reveal_window_s must be above 0");
        }
        if self.chain_id.len() > CHAIN_ID_MAX {
            return Err("config.chain_id must have at most 32 bytes");
        }
        if !(1..=JURY_NODES_MAX).contains(&self.jury_nodes) {
            return Err("config.jury_nodes must be 1 to 1000");
        }
        if PUBLIC_NETWORKS.contains(&self.chain_id.as_str()) {
            if self.unbonding_s < 7 * DAY_S || self.notice_s < DAY_S {
                return Err("on a public network config.unbonding_s must be at least 7 days and config.notice_s a day");
            }
            if self.jury_nodes < JURY_NODES_MIN {
                return Err("on a public network config.jury_nodes must be at least 8");
            }
        }
        Ok(())
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
