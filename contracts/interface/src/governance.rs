//! Who may change what, after which wait.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    config::Config,
    ids::{AccountNo, TokenId},
};

/// Proposals that may be open at once.
pub const PROPOSALS_MAX: usize = 8;
/// When a change that is proposed now may be applied, Unix seconds: after everybody could have left.
#[must_use]
pub const fn ready_at(config: &Config, now_s: u32) -> u32 {
    now_s.saturating_add(config.unbonding_s).saturating_add(config.notice_s)
}

/// A role beside the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May pause, and may drop a proposal; nothing else.
    Guardian,
    /// May list tokens and propose their prices.
    TokenAdmin,
}

/// What a pause can stop. Every later step goes on, so a pause moves no deadline and closes no exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Feature {
    /// Token deposits.
    Deposits = 1,
    /// New batches.
    Batches = 2,
    /// Registration of nodes, and stake added.
    Nodes = 4,
    /// Claims of first rounds.
    Claims = 8,
}

impl Feature {
    /// All features.
    pub const ALL: [Self; 4] = [Self::Deposits, Self::Batches, Self::Nodes, Self::Claims];

    /// The bits of these features.
    #[must_use]
    pub fn bits(features: &[Self]) -> u8 {
        features.iter().fold(0, |bits, feature| bits | *feature as u8)
    }
}

/// New prices of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Prices {
    /// Token.
    pub token: TokenId,
    /// Least reward per item.
    pub min_reward: Amount,
    /// Fee of one lot that earns a full step of reputation.
    pub rep_unit: Amount,
    /// yoctoNEAR of bond per 2^32 units.
    pub bond_rate: Amount,
}

impl Prices {
    /// Whether batches can be made with them.
    #[must_use]
    pub const fn are_possible(&self) -> bool {
        self.min_reward.0 > 0 && self.rep_unit.0 > 0 && self.bond_rate.0 > 0
    }
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Another configuration. Batches copied what they need, so it never reaches a live one.
    Config(Config),
    /// Code with this SHA-256.
    Code(#[serde(with = "hex::serde")] [u8; 32]),
    /// Other prices of a token, for batches created later.
    Prices(Prices),
}

/// A change on its way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Proposal {
    /// Number, from 0 in order of proposal.
    pub number: u32,
    /// Unix time from which it may be applied, seconds.
    pub ready_at: u32,
    /// What changes.
    pub change: Change,
}

/// Who governs, what is paused, what holds, and what is about to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Settings {
    /// May do everything below, after the wait.
    pub owner_id: String,
    /// Becomes the owner by accepting.
    pub proposed_owner_id: Option<String>,
    /// Guardian, if there is one.
    pub guardian_id: Option<String>,
    /// Token admin, if there is one.
    pub token_admin_id: Option<String>,
    /// Whose balance the treasury's part of fees goes to; without it all goes to nodes.
    pub treasury: Option<AccountNo>,
    /// Paused features, their bits added up.
    pub paused: u8,
    /// Number of the next proposal.
    pub next_proposal: u32,
    /// Open proposals, by number.
    pub proposals: Vec<Proposal>,
    /// The configuration.
    pub config: Config,
}

impl Settings {
    /// Gives a role to an account, or to nobody.
    pub fn set_role(&mut self, role: Role, account_id: Option<String>) {
        *match role {
            Role::Guardian => &mut self.guardian_id,
            Role::TokenAdmin => &mut self.token_admin_id,
        } = account_id;
    }

    /// Makes an account the owner.
    pub fn set_owner(&mut self, account_id: String) {
        (self.owner_id, self.proposed_owner_id) = (account_id, None);
    }

    /// Takes an open proposal out.
    pub fn take_proposal(&mut self, number: u32) -> Option<Proposal> {
        let index = self.proposals.iter().position(|proposal| proposal.number == number)?;
        Some(self.proposals.remove(index))
    }
}
