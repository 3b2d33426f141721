//! The stored records, in Borsh. Each begins with the byte of its version: a later version is a new number.

mod batch;
mod lot;
mod root;

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    codec::{self, Codec},
    fields,
};
use piecework_interface::{
    amount::Amount,
    governance,
    ids::TokenId,
    key::IntentKey,
    view::{Class, Node},
};

pub use batch::{Batch, ClosedBatch, Facts, OpenBatch, Purse};
pub use lot::Lot;
pub use root::{InFlight, Root};

use super::key::Prefix;

/// A record with its prefix.
pub trait Record: Sized {
    /// First byte of its keys.
    const PREFIX: Prefix;
    /// The stored form, version first.
    fn store(&self) -> Vec<u8>;
    /// Reads the stored form; `None` if it is another version.
    fn load(bytes: &[u8]) -> Option<Self>;
}

macro_rules! record {
    ($record:ident, $prefix:ident) => {
        impl Record for $record {
            const PREFIX: Prefix = Prefix::$prefix;

            fn store(&self) -> Vec<u8> {
                store(FIRST, self)
            }

            fn load(bytes: &[u8]) -> Option<Self> {
                load(FIRST, bytes)
            }
        }
    };
}

/// The first version of every record.
const FIRST: u8 = 0;

fn store(version: u8, record: &impl Codec) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.push(version);
    record.encode(&mut out);
    out
}

fn load<T: Codec>(version: u8, bytes: &[u8]) -> Option<T> {
    let (found, record) = bytes.split_first()?;
    if *found == version { codec::decode(record) } else { None }
}

/// What only governance changes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settings {
    /// Tokens listed, NEAR included.
    pub tokens: u16,
    /// Roles, proposals, configuration.
    pub governance: governance::Settings,
}
record!(Settings, Settings);
fields!(Settings as [borsh] { tokens, governance });

/// An account: storage, balances and its node in one record, because a settlement touches all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Storage deposit, yoctoNEAR.
    pub paid: u128,
    /// Bytes charged.
    pub used: u32,
    /// Withdrawals that have not answered and that the root record does not name.
    pub in_flight: u8,
    /// Batches that the account has not forgotten, and deposits and bonds that may come back.
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
    /// Keys for signed intents: few and rarely used, so they need no records of their own.
    pub keys: Vec<IntentKey>,
    /// Its name, against which a number that a caller names is checked.
    pub account_id: String,
    /// Where `withdraw_payout` sends, which is never the account itself nor this contract.
    pub payout: Option<String>,
}
fields!(Account as [borsh] {
    paid, used, in_flight, batches, near, first, first_amount, others, node, keys, account_id, payout,
});

record!(Account, Account);

/// A balance in another token than the account's first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Amount.
    pub amount: u128,
}
record!(Balance, Balance);
fields!(Balance as [borsh] { amount });

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
    /// What waits for the treasury.
    pub pool: u128,
}
fields!(Token as [borsh] { account_id, min_reward, rep_unit, bond_rate, pool });

record!(Token, Token);
record!(Class, Class);
