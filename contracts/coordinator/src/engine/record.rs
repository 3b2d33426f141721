//! The stored records, in Borsh. Each begins with the byte of its version: a later version is a new number, and reading
//! an old one turns it into the newest.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_interface::{
    amount::Amount,
    call::Callback,
    codec::{self, Codec, Element},
    config::Fixed,
    fields, governance,
    ids::{AccountNo, LotId, TokenId},
    intent::IntentKey,
    lots,
    merkle::{Digest, Peaks},
    revenue::Revenue,
    terms::Terms,
    view::{GROUP_LOTS, LotState, Node, WINDOW_GROUPS, Window},
};

use super::key::Prefix;

/// A record with its prefix.
pub trait Record: Sized {
    /// First byte of its keys.
    const PREFIX: Prefix;
    /// The stored form, version first.
    fn store(&self) -> Vec<u8>;
    /// Reads any version.
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
/// Of records that release 0.1.0 stored in another form.
const SECOND: u8 = 1;

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

/// Reads the second version, or the first, which ends before these bytes.
fn load_second<T: Codec>(bytes: &[u8], rest: &[u8]) -> Option<T> {
    match bytes.split_first()? {
        (&FIRST, record) => {
            let mut record = record.to_vec();
            record.extend_from_slice(rest);
            codec::decode(&record)
        }
        _ => load(SECOND, bytes),
    }
}

/// What every state-changing call reads and writes. Its stored form begins with the version byte, then `seq` in eight
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
    /// The configuration's least stake, here because every slash looks at it.
    pub min_stake: u128,
    /// Paused features, here because every claim looks at them.
    pub paused: u8,
    /// The running epoch, here because every settlement looks at it.
    pub epoch: u32,
    /// Withdrawals that have not answered, by token: nearly always none. Here because a withdrawal and its answer would
    /// else write the token's record for nothing but this.
    pub in_flight: Vec<InFlight>,
    /// Whose they are, an account once for each: so that most answers need not write the account's record either. Those
    /// that find no room here count there.
    pub withdrawing: Vec<AccountNo>,
}

/// Withdrawals whose accounts the root record can name: every call reads and writes them.
const WITHDRAWING_MAX: usize = 32;

impl Root {
    /// The stored form.
    #[must_use]
    pub fn store(&self) -> Vec<u8> {
        store(SECOND, self)
    }

    /// Reads any version.
    #[must_use]
    pub fn load(bytes: &[u8]) -> Option<Self> {
        load_second(bytes, &[0; 2 * size_of::<u32>()])
    }

    /// What is in flight of a token.
    #[must_use]
    pub fn in_flight(&self, token: TokenId) -> u128 {
        self.in_flight.iter().find(|row| row.token == token).map_or(0, |row| row.amount)
    }

    /// Sets it.
    pub fn set_in_flight(&mut self, token: TokenId, amount: u128) {
        self.in_flight.retain(|row| row.token != token);
        if amount > 0 {
            self.in_flight.push(InFlight { token, amount });
        }
    }

    /// Withdrawals of an account that it names.
    #[must_use]
    pub fn withdrawing(&self, account: AccountNo) -> usize {
        self.withdrawing.iter().filter(|of| **of == account).count()
    }

    /// Notes a withdrawal of an account; returns whether there was room.
    pub fn begin_withdrawal(&mut self, account: AccountNo) -> bool {
        let room = self.withdrawing.len() < WITHDRAWING_MAX;
        if room {
            self.withdrawing.push(account);
        }
        room
    }

    /// Takes a withdrawal of an account out; returns whether it was noted here.
    pub fn end_withdrawal(&mut self, account: AccountNo) -> bool {
        let index = self.withdrawing.iter().position(|of| *of == account);
        index.map(|index| self.withdrawing.swap_remove(index)).is_some()
    }
}
fields!(Root as [borsh] {
    seq, head, active_tickets, next_account, next_batch, insurance, min_stake, paused, epoch, in_flight, withdrawing,
});

/// Withdrawals of one token that have not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InFlight {
    /// Token.
    pub token: TokenId,
    /// Units.
    pub amount: u128,
}
fields!(InFlight as [borsh] { token, amount });
impl Element for InFlight {}

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
    /// Batches that the account has not forgotten, and bonds of challenges and adjudication that may come back.
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
}
fields!(Account as [borsh] { paid, used, in_flight, batches, near, first, first_amount, others, node, keys, account_id });

impl Record for Account {
    const PREFIX: Prefix = Prefix::Account;

    fn store(&self) -> Vec<u8> {
        store(SECOND, self)
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        load(SECOND, bytes)
    }
}

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
    /// Fees collected.
    pub pool: u128,
}
fields!(Token as [borsh] { account_id, min_reward, rep_unit, bond_rate, pool });

impl Record for Token {
    const PREFIX: Prefix = Prefix::Token;

    fn store(&self) -> Vec<u8> {
        store(SECOND, self)
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        Self::load_first(bytes).map(|(token, _)| token).or_else(|| load(SECOND, bytes))
    }
}

impl Token {
    /// Reads the first version, which ends with what is in flight.
    #[must_use]
    pub fn load_first(bytes: &[u8]) -> Option<(Self, u128)> {
        load(FIRST, bytes)
    }
}

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
    /// Root of the gold tree; zeros without gold.
    pub gold_root: Digest,
    /// Whom to tell when the batch is closed.
    pub callback: Option<Callback>,
    /// Unix time of creation, seconds.
    pub created_at: u32,
}

fields!(Facts as [borsh] { requester, token, terms, fixed, items, manifest, gold_root, callback, created_at });

impl Facts {
    /// Lots of the batch.
    #[must_use]
    pub const fn lots(&self) -> u32 {
        lots::lot_count(self.items, self.terms.lot_size)
    }
}

/// What settlements change in an open batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purse {
    /// Everything that the batch holds, fees and freed rewards included.
    pub escrow: u128,
    /// Fees of settled lots, not yet in the pool.
    pub fees: u128,
    /// What settled lots left, not yet returned.
    pub freed: u128,
    /// Lots that have a record.
    pub live: u32,
    /// Lots whose bytes are charged to the requester.
    pub reserved: u32,
    /// Gold items opened.
    pub gold_opened: u32,
    /// Those whose answer neither a slot nor a jury shared.
    pub gold_void: u32,
    /// What is left of the adjudicator's bond, yoctoNEAR; `None` until it accepted.
    pub adjudicator_bond: Option<Amount>,
    /// Mountain range of the results; its count is the number of the next settlement.
    pub results: Peaks,
}
impl Purse {
    /// Reads the record that it was in release 0.1.0.
    #[must_use]
    pub fn load_row(bytes: &[u8]) -> Option<Self> {
        load(FIRST, bytes)
    }
}
fields!(Purse as [borsh] { escrow, fees, freed, live, reserved, gold_opened, gold_void, adjudicator_bond, results });

/// The lots of a batch's window that have or had a record, so that a claim on another one need not look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Begun {
    /// The first group that it tells of.
    first: u32,
    /// Bit i of entry g is lot `32 (first + g) + i`.
    lots: [u32; WINDOW_GROUPS],
}
fields!(Begun as [borsh] { first, lots });

impl Begun {
    /// Of a batch that did not keep it: any lot of its window may have a record.
    #[must_use]
    pub const fn unknown(frontier: u32) -> Self {
        Self { first: frontier, lots: [u32::MAX; WINDOW_GROUPS] }
    }

    /// Whether the lot may have a record.
    #[must_use]
    pub fn contains(&self, lot: LotId) -> bool {
        match (lot.0 / GROUP_LOTS).checked_sub(self.first) {
            // A lot behind the window is closed.
            None => true,
            // One beyond it was never in reach.
            Some(group) => self.lots.get(group as usize).is_some_and(|lots| lots & 1 << (lot.0 % GROUP_LOTS) != 0),
        }
    }

    /// A lot of the window from this group on gets a record.
    pub fn insert(&mut self, frontier: u32, lot: LotId) {
        while self.first < frontier {
            self.first += 1;
            self.lots.rotate_left(1);
            self.lots[WINDOW_GROUPS - 1] = 0;
        }
        if let Some(lots) = self.lots.get_mut((lot.0 / GROUP_LOTS).saturating_sub(self.first) as usize) {
            *lots |= 1 << (lot.0 % GROUP_LOTS);
        }
    }
}

/// A batch that is not closed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenBatch {
    /// What never changes.
    pub facts: Facts,
    /// Whether the requester cancelled it.
    pub cancelled: bool,
    /// Whether it has no adjudicator, or its adjudicator accepted.
    pub accepted: bool,
    /// Its moving window.
    pub window: Window,
    /// What it holds, and what came of it.
    pub purse: Purse,
    /// Lots that have or had a record.
    pub begun: Begun,
}

fields!(OpenBatch as [borsh] { facts, cancelled, accepted, window, purse, begun });

/// What is left of a closed batch until its requester forgets it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClosedBatch {
    /// Who paid, and may forget it.
    pub requester: AccountNo,
    /// Lots settled.
    pub settled: u32,
    /// Bagged root of the results.
    pub results_root: Digest,
    /// Whom to tell.
    pub callback: Option<Callback>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Not closed.
    Open(Box<OpenBatch>),
    /// Closed.
    Closed(ClosedBatch),
    /// Not closed, of release 0.1.0: its purse is a record of its own.
    Split(Box<OpenBatch>),
}

fields!(ClosedBatch as [borsh] { requester, settled, results_root, callback });

impl Batch {
    /// Version byte of an open batch whose purse is a record of its own.
    const SPLIT: u8 = 0;
    /// Version byte of a closed batch.
    const CLOSED: u8 = 1;
    /// Version byte of an open batch.
    const OPEN: u8 = 2;
}

impl Record for Batch {
    const PREFIX: Prefix = Prefix::Batch;

    fn store(&self) -> Vec<u8> {
        match self {
            // A split batch is joined before anything changes it.
            Self::Open(open) | Self::Split(open) => store(Self::OPEN, open),
            Self::Closed(closed) => store(Self::CLOSED, closed),
        }
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        match *bytes.first()? {
            Self::CLOSED => load(Self::CLOSED, bytes).map(Self::Closed),
            Self::SPLIT => {
                let mut record = bytes[1..].to_vec();
                (Purse::default(), Begun::default()).encode(&mut record);
                codec::decode(&record).map(Self::Split)
            }
            _ => load(Self::OPEN, bytes).map(Self::Open),
        }
    }
}

/// A lot, and what its batch's terms say of its current round, so that most commits and reveals do not read the batch.
/// Zeros there until a record of release 0.1.0 is written anew.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lot {
    /// The lot.
    pub state: LotState,
    /// Seats of the round.
    pub seats: u8,
    /// Bytes of the answers of one slot of the round.
    pub answer_bytes: u32,
}
fields!(Lot as [borsh] { state, seats, answer_bytes });

impl Lot {
    /// A lot in its place.
    #[must_use]
    pub fn new(terms: &Terms, items: u8, state: LotState) -> Self {
        let seats = terms.seats(state.round);
        let answer_bytes = state.answer_bytes(terms, state.round, items);
        Self { state, seats, answer_bytes }
    }
}

impl Record for Lot {
    const PREFIX: Prefix = Prefix::Lot;

    fn store(&self) -> Vec<u8> {
        store(SECOND, self)
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        load_second(bytes, &[0; size_of::<u8>() + size_of::<u32>()])
    }
}

record!(Revenue, Revenue);
