//! Keys that may sign intents for an account, and the kinds of intents that they may sign.

pub use super::public_key::{PublicKey, PublicKeyError};

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    codec::Element, fields, json::Read, json::Reader, json::Text, json::Write, json_row, transparent,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{amount::Amount, ids::TokenId};

/// Seconds that a deadline may be ahead of the block that executes the intent.
pub const DEADLINE_MAX_S: u32 = 86_400;

/// A kind of intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = IntentKind))]
#[repr(u16)]
pub enum Kind {
    /// Balance to another account.
    Transfer = 1,
    /// Balance out of the contract, to the account itself.
    Withdraw = 2,
    /// A batch.
    CreateBatch = 4,
    /// A challenge, for its deposit.
    Challenge = 8,
    /// Lots appended to a batch, with their escrow.
    Append = 16,
    /// A later expiry of a batch.
    ExtendExpiry = 32,
    /// The cancellation of a batch.
    Cancel = 64,
    /// Lots that are closed because no node holds a slot of them.
    Skip = 128,
    /// The end of a closed batch's row.
    Forget = 256,
    /// A higher reward of a batch, with what it adds to the escrow.
    Raise = 512,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Transfer,
        Self::Withdraw,
        Self::CreateBatch,
        Self::Challenge,
        Self::Append,
        Self::ExtendExpiry,
        Self::Cancel,
        Self::Skip,
        Self::Forget,
        Self::Raise,
    ];

    /// Whether it takes an amount out of the balance: such an intent is in the key's token and counts for its cap. All
    /// others take nothing out.
    #[must_use]
    pub const fn spends(self) -> bool {
        match self {
            Self::Transfer | Self::Withdraw | Self::CreateBatch | Self::Challenge | Self::Append | Self::Raise => true,
            Self::ExtendExpiry | Self::Cancel | Self::Skip | Self::Forget => false,
        }
    }
}

/// A set of kinds: their numbers added up. In JSON a list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = IntentKinds, value_type = Vec<Kind>))]
pub struct Kinds(pub u16);

impl Kinds {
    /// Every kind that there is.
    pub const EVERY: Self = Self(1023);
    /// What a removed key keeps.
    pub const NONE: Self = Self(0);

    /// The set of these kinds.
    #[must_use]
    pub fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | *kind as u16))
    }

    /// Gives the place in [`Kind::ALL`] of each kind that it has.
    pub(crate) fn each(self, visit: &mut dyn FnMut(usize)) {
        for place in (0..Kind::ALL.len()).filter(|place| self.0 >> place & 1 == 1) {
            visit(place);
        }
    }

    /// Whether it has the kind.
    #[must_use]
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & kind as u16 != 0
    }
}

impl Serialize for Kinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(Kind::ALL.iter().filter(|kind| self.has(**kind)))
    }
}

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&<Vec<_> as Deserialize>::deserialize(deserializer)?))
    }
}

/// What a key that was added may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = KeyLimit))]
pub struct Limit {
    /// In this token only.
    pub token: TokenId,
    /// So much per UTC day, in units of the token.
    pub daily_cap: Amount,
    /// Moved on the day of the last use.
    pub spent: Amount,
}

fields!(Limit as [borsh write] { token, daily_cap, spent });

/// A key that may sign intents for an account, or a removed one that has to be remembered.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntentKey {
    /// The key.
    pub public_key: PublicKey,
    /// Kinds that it may sign; none once it is removed.
    pub kinds: Kinds,
    /// Token and cap. Only an implicit account's own key may have none, which makes every kind its own, later ones too.
    pub limit: Option<Limit>,
    /// The highest numbers of its intents, ascending, at most [`NUMBERS_MAX`](crate::keys::NUMBERS_MAX).
    pub numbers: Vec<u64>,
    /// Unix time of the last use, seconds; 0 before the first.
    pub used_at: u32,
}

fields!(IntentKey as [borsh write] { public_key, kinds, limit, numbers, used_at });
impl Element for IntentKey {}

impl IntentKey {
    /// The key that an implicit account has from its beginning.
    #[must_use]
    pub const fn own(public_key: PublicKey) -> Self {
        Self { public_key, kinds: Kinds::EVERY, limit: None, numbers: Vec::new(), used_at: 0 }
    }
}

pub(crate) const WORDS: [&str; 10] = [
    "transfer",
    "withdraw",
    "create_batch",
    "challenge",
    "append",
    "extend_expiry",
    "cancel",
    "skip",
    "forget",
    "raise",
];

impl Write for Kind {
    fn write(&self, out: &mut Text) {
        Kinds::of(&[*self]).each(&mut |place| WORDS[place].write(out));
    }
}

impl Write for Kinds {
    fn write(&self, out: &mut Text) {
        let mut before = b'[';
        self.each(&mut |place| {
            out.push(before);
            WORDS[place].write(out);
            before = b',';
        });
        if before == b'[' {
            out.push(b'[');
        }
        out.push(b']');
    }
}

/// A list of kinds.
impl Read for Kinds {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut kinds = 0;
        reader.array(&mut |reader| kinds |= 1 << reader.word(&WORDS));
        Self(kinds)
    }
}

transparent!(Kinds as [borsh row]);
json_row!(Kind);
