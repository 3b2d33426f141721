//! Who may change what, after which wait.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    codec::Element, fields, json::Read, json::Reader, json::Text, json::Write, json::push_hex, json::write_all,
    json_row, variants, words,
};
use serde::{Deserialize, Serialize};

use crate::model::{
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Role {
    /// May pause, and may drop a proposal; nothing else.
    Guardian,
    /// May list tokens and propose their prices.
    TokenAdmin,
}

words!(Role { Guardian = "guardian", TokenAdmin = "token_admin" });

/// What a pause can stop. Every later step goes on, so a pause moves no deadline and closes no exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

    /// Whether these bits have it.
    #[must_use]
    pub const fn is_in(self, bits: u8) -> bool {
        bits & self as u8 != 0
    }

    /// The bits of these features.
    #[must_use]
    pub fn bits(features: &[Self]) -> u8 {
        features.iter().fold(0, |bits, feature| bits | *feature as u8)
    }
}

/// New prices of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

fields!(Prices as [borsh write read] { token, min_reward, rep_unit, bond_rate });

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

/// What is proposed: an object with one field. Schemas know no bytes as text, so this is their [`Change`].
#[cfg(feature = "schema")]
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Change)]
pub enum ChangeSchema {
    /// Another configuration.
    Config(Config),
    /// Code with this SHA-256.
    Code(crate::model::schema::Hex32),
    /// Other prices of a token.
    Prices(Prices),
}

variants!(Change { 0 = Config(config), 1 = Code(hash), 2 = Prices(prices) } else Self::Code([0; 32]));

/// A change on its way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Proposal {
    /// Number, from 0 in order of proposal.
    pub number: u32,
    /// Unix time from which it may be applied, seconds.
    pub ready_at: u32,
    /// What changes.
    #[cfg_attr(feature = "schema", schema(value_type = ChangeSchema))]
    pub change: Change,
}

fields!(Proposal as [borsh write] { number, ready_at, change });
impl Element for Proposal {}

/// Who governs, what is paused, what holds, and what is about to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Settings {
    /// May do everything below, after the wait.
    pub owner_id: String,
    /// Becomes the owner by accepting.
    pub proposed_owner_id: Option<String>,
    /// Guardian, if there is one.
    pub guardian_id: Option<String>,
    /// Token admin, if there is one.
    pub token_admin_id: Option<String>,
    /// Whose balance fees go to; without it they wait.
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

fields!(Settings as [borsh write] {
    owner_id, proposed_owner_id, guardian_id, token_admin_id, treasury, paused, next_proposal, proposals, config,
});

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

impl Read for Role {
    fn read(reader: &mut Reader<'_>) -> Self {
        let roles = [Self::Guardian, Self::TokenAdmin];
        roles[reader.word(&["guardian", "token_admin"])]
    }
}

impl Read for Feature {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self::ALL[reader.word(&["deposits", "batches", "nodes", "claims"])]
    }
}

/// An object with one field, which says what changes.
impl Write for Change {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Config(config) => write_all(&[("{\"config\":", config)], out),
            Self::Prices(prices) => write_all(&[("{\"prices\":", prices)], out),
            Self::Code(hash) => {
                out.push_str("{\"code\":");
                push_hex(hash, out);
                out.push(b'}');
            }
        }
    }
}

impl Read for Change {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut change = None;
        reader.object(&mut |reader, key| match (&change, key) {
            (None, "config") => change = Some(Self::Config(Read::read(reader))),
            (None, "prices") => change = Some(Self::Prices(Read::read(reader))),
            (None, "code") => change = Some(Self::Code(reader.hex())),
            _ => reader.fail_at("change"),
        });
        change.unwrap_or_else(|| {
            reader.fail_at("change");
            Self::Code([0; 32])
        })
    }
}

json_row!(Role);
json_row!(Change);
