//! The keys of an account, and what each may still do. Contract and mirror change them by these functions.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DEADLINE_MAX_S, PublicKey};
use crate::{amount::Amount, ids::TokenId, skip::Skip};

/// Keys of one account at most.
pub const INTENT_KEYS_MAX: usize = 8;
const DAY_S: u32 = 86_400;

/// A kind of intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// Balance to another account.
    Transfer = 1,
    /// The same as thanks.
    Tip = 2,
    /// Balance out of the contract, to the account itself.
    Withdraw = 4,
    /// A batch.
    CreateBatch = 8,
    /// What an epoch pays the account's node, into its balance: no token or cap bounds it.
    CollectRevenue = 16,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Transfer, Self::Tip, Self::Withdraw, Self::CreateBatch, Self::CollectRevenue];
}

/// A set of kinds: their numbers added up. In JSON a list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Kinds(pub u8);

impl Kinds {
    /// Every kind that there is.
    pub const EVERY: Self = Self(31);
    /// What a removed key keeps.
    pub const NONE: Self = Self(0);

    /// The set of these kinds.
    #[must_use]
    pub fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | *kind as u8))
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
        self.0 & kind as u8 != 0
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
pub struct Limit {
    /// In this token only.
    pub token: TokenId,
    /// So much per UTC day, in units of the token.
    pub daily_cap: Amount,
    /// Moved on the day of the last use.
    pub spent: Amount,
}

/// A key that may sign intents for an account, or a removed one that has to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct IntentKey {
    /// The key.
    pub public_key: PublicKey,
    /// Kinds that it may sign; none once it is removed.
    pub kinds: Kinds,
    /// Token and cap. Only an implicit account's own key may have none, which makes every kind its own, later ones too.
    pub limit: Option<Limit>,
    /// The last number used; the next intent's must be above it.
    pub nonce: u64,
    /// Unix time of the last use, seconds; 0 before the first.
    pub used_at: u32,
}

impl IntentKey {
    /// The key that an implicit account has from its beginning.
    #[must_use]
    pub const fn own(public_key: PublicKey) -> Self {
        Self { public_key, kinds: Kinds::EVERY, limit: None, nonce: 0, used_at: 0 }
    }

    /// Whether it may sign so much of a kind in a token now.
    ///
    /// # Errors
    /// What it lacks.
    pub fn allows(&self, kind: Kind, token: TokenId, amount: u128, now_s: u32) -> Result<(), Skip> {
        if !self.kinds.has(kind) && !self.is_free() {
            return Err(Skip::KeyKind);
        }
        if kind != Kind::CollectRevenue && self.limit.is_some_and(|limit| limit.token != token) {
            return Err(Skip::KeyToken);
        }
        if self.affords(amount, now_s) { Ok(()) } else { Err(Skip::KeyCap) }
    }

    /// Whether the cap of the day leaves room for so much.
    #[must_use]
    pub fn affords(&self, amount: u128, now_s: u32) -> bool {
        self.limit.is_none_or(|limit| {
            let spent = self.spent_today(&limit, now_s).checked_add(amount);
            spent.is_some_and(|spent| spent <= limit.daily_cap.0)
        })
    }

    /// Notes an intent: its number, and what it moved.
    pub fn note(&mut self, nonce: u64, spent: u128, now_s: u32) {
        if let Some(mut limit) = self.limit {
            limit.spent = Amount(self.spent_today(&limit, now_s).saturating_add(spent));
            self.limit = Some(limit);
        }
        (self.nonce, self.used_at) = (nonce, now_s);
    }

    const fn spent_today(&self, limit: &Limit, now_s: u32) -> u128 {
        if self.used_at / DAY_S == now_s / DAY_S { limit.spent.0 } else { 0 }
    }

    /// Whether the deadlines of all intents that it executed have passed: forgetting its nonce lets none come twice.
    #[must_use]
    pub const fn rests(&self, now_s: u32) -> bool {
        now_s > self.used_at.saturating_add(DEADLINE_MAX_S)
    }

    /// Whether the account's row may go with this key in it. An implicit account's own key would be as new afterwards, so
    /// it must not have been removed or limited.
    #[must_use]
    pub fn may_vanish(&self, account_id: &str, now_s: u32) -> bool {
        self.rests(now_s) && (self.is_free() || own_key(account_id) != Some(self.public_key))
    }

    /// An implicit account's own key, neither removed nor limited.
    fn is_free(&self) -> bool {
        self.limit.is_none() && self.kinds != Kinds::NONE
    }
}

/// How the number of rows of an account changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRows {
    /// One more, to be charged.
    More,
    /// As many.
    Same,
    /// One less, to be given back.
    Less,
}

/// The key of an implicit account, whose id is its public key in hexadecimal.
#[must_use]
pub fn own_key(account_id: &str) -> Option<PublicKey> {
    let mut key = [0; 32];
    hex::decode_to_slice(account_id.as_bytes(), &mut key).ok().map(|()| PublicKey(key))
}

/// Adds a key, or gives one other kinds and another limit; without kinds, removes it. `None`: nothing would change.
///
/// A key keeps its number as long as its row stays, so nothing that it signed comes twice. A removed key's row stays
/// while an intent that it executed could come again, and for ever if it is the account's own; removing it once more
/// drops it when it may go.
pub fn key_set(
    keys: &mut Vec<IntentKey>,
    account_id: &str,
    public_key: PublicKey,
    (kinds, limit): (Kinds, Limit),
    now_s: u32,
) -> Option<KeyRows> {
    let own = own_key(account_id) == Some(public_key);
    let removes = kinds == Kinds::NONE;
    let set = IntentKey { public_key, kinds, limit: Some(limit), nonce: 0, used_at: 0 };
    let Some(index) = keys.iter().position(|key| key.public_key == public_key) else {
        if removes && !own {
            return None;
        }
        keys.push(set);
        return Some(KeyRows::More);
    };
    let key = &mut keys[index];
    if removes && !own && key.rests(now_s) {
        keys.remove(index);
        return Some(KeyRows::Less);
    }
    if removes && key.kinds == Kinds::NONE {
        return None;
    }
    *key = IntentKey { nonce: key.nonce, used_at: key.used_at, ..set };
    Some(KeyRows::Same)
}
