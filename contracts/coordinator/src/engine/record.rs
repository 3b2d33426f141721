//! The stored records. Each is an enum of versions: a later version is a new variant at the end, and reading an old one
//! turns it into the newest.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_interface::{
    amount::Amount,
    config::{Config, Fixed},
    ids::{AccountNo, TokenId},
    lots,
    merkle::{Digest, Peaks},
    terms::Terms,
    view::{LotState, Node, Progress},
};

use super::key::Prefix;

/// A record with its prefix and its stored form.
pub trait Record: Sized {
    /// First byte of its keys.
    const PREFIX: Prefix;
    /// The stored form: an enum of versions.
    type Stored: BorshSerialize + BorshDeserialize + From<Self> + Into<Self>;
}

macro_rules! record {
    ($record:ident, $stored:ident, $prefix:ident) => {
        /// Versions of the stored record.
        #[derive(BorshSerialize, BorshDeserialize)]
        pub enum $stored {
            /// Version 1.
            V1($record),
        }

        impl From<$record> for $stored {
            fn from(record: $record) -> Self {
                Self::V1(record)
            }
        }

        impl From<$stored> for $record {
            fn from(stored: $stored) -> Self {
                let $stored::V1(record) = stored;
                record
            }
        }

        impl Record for $record {
            const PREFIX: Prefix = Prefix::$prefix;
            type Stored = $stored;
        }
    };
}

/// What every state-changing call reads and writes. Its stored form begins with the version byte 0, then `seq` in eight
/// little-endian bytes and `head`, so that a state change proves the journal's place.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Root {
    /// Journal lines written.
    pub seq: u64,
    /// Hash over all of them.
    pub head: [u8; 32],
    /// Sum of the tickets of active nodes.
    pub active_tickets: u32,
    /// Number of the next account.
    pub next_account: u32,
    /// Number of the next batch.
    pub next_batch: u32,
    /// Slashed NEAR.
    pub insurance: u128,
}

/// Versions of the stored root.
#[derive(BorshSerialize, BorshDeserialize)]
pub enum StoredRoot {
    /// Version 1.
    V1(Root),
}

/// What only governance changes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settings {
    /// Who lists tokens.
    pub owner: String,
    /// Tokens listed, NEAR included.
    pub tokens: u16,
    /// Configuration.
    pub config: Config,
}
record!(Settings, StoredSettings, Settings);

/// An account: storage, balances and its node in one record, because a settlement touches all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Storage deposit, yoctoNEAR.
    pub paid: u128,
    /// Bytes charged.
    pub used: u32,
    /// Withdrawals that have not answered.
    pub in_flight: u8,
    /// Batches that the account has not forgotten.
    pub batches: u32,
    /// NEAR.
    pub near: u128,
    /// The first token that the account got room for; 0 is none yet.
    pub first: TokenId,
    /// Its balance.
    pub first_amount: u128,
    /// Other tokens with a row of their own.
    pub others: Vec<TokenId>,
    /// The account's node.
    pub node: Option<Node>,
}
record!(Account, StoredAccount, Account);

/// A balance in another token than the account's first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Amount.
    pub amount: u128,
}
record!(Balance, StoredBalance, Balance);

/// A listed token; number 0 is NEAR.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Token {
    /// NEP-141 account; empty for NEAR.
    pub account_id: String,
    /// Least reward per item.
    pub min_reward: Amount,
    /// Fee of one lot that earns a full step of reputation.
    pub rep_unit: Amount,
    /// yoctoNEAR of bond per 2^32 units.
    pub bond_rate: Amount,
    /// Fees collected.
    pub pool: u128,
    /// Withdrawals that have not answered.
    pub in_flight: u128,
}
record!(Token, StoredToken, Token);

/// What never changes in a batch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Facts {
    /// Who pays.
    pub requester: AccountNo,
    /// Reward token.
    pub token: TokenId,
    /// Terms.
    pub terms: Terms,
    /// What was copied from the configuration.
    pub fixed: Fixed,
    /// Items.
    pub items: u32,
    /// Merkle root over the payload digests.
    pub manifest: Digest,
    /// Unix time of creation, seconds.
    pub created_at: u32,
}

impl Facts {
    /// Lots of the batch.
    #[must_use]
    pub const fn lots(&self) -> u32 {
        lots::lot_count(self.items, self.terms.lot_size)
    }
}

/// A batch that is not closed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenBatch {
    /// What never changes.
    pub facts: Facts,
    /// Whether the requester cancelled it.
    pub cancelled: bool,
    /// Where it stands.
    pub progress: Progress,
}

/// What is left of a closed batch until its requester forgets it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClosedBatch {
    /// Who paid, and may forget it.
    pub requester: AccountNo,
    /// Lots settled.
    pub settled: u32,
    /// Bagged root of the results.
    pub results_root: Digest,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Not closed.
    Open(Box<OpenBatch>),
    /// Closed.
    Closed(ClosedBatch),
}

/// Versions of the stored batch.
#[derive(BorshSerialize, BorshDeserialize)]
pub enum StoredBatch {
    /// Version 1 of an open batch.
    OpenV1(Box<OpenBatch>),
    /// Version 1 of a closed batch.
    ClosedV1(ClosedBatch),
}

impl From<Batch> for StoredBatch {
    fn from(batch: Batch) -> Self {
        match batch {
            Batch::Open(open) => Self::OpenV1(open),
            Batch::Closed(closed) => Self::ClosedV1(closed),
        }
    }
}

impl From<StoredBatch> for Batch {
    fn from(stored: StoredBatch) -> Self {
        match stored {
            StoredBatch::OpenV1(open) => Self::Open(open),
            StoredBatch::ClosedV1(closed) => Self::Closed(closed),
        }
    }
}

impl Record for Batch {
    const PREFIX: Prefix = Prefix::Batch;
    type Stored = StoredBatch;
}

/// The money and the results of an open batch, apart from it because only settlements touch them.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purse {
    /// Escrow left, fee included.
    pub escrow: u128,
    /// Mountain range of the results; its count is the number of the next settlement.
    pub results: Peaks,
}
record!(Purse, StoredPurse, Purse);
record!(LotState, StoredLot, Lot);
