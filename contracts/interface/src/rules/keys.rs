//! What the keys of an account may still do. Contract and mirror change them by these functions.

use crate::model::{
    amount::Amount,
    ids::TokenId,
    key::{DEADLINE_MAX_S, IntentKey, Kind, Kinds, Limit, PublicKey},
    skip::Skip,
};

/// Keys of one account at most.
pub const INTENT_KEYS_MAX: usize = 8;
/// Numbers of intents that a key remembers.
pub const NUMBERS_MAX: usize = 16;
const DAY_S: u32 = 86_400;

impl IntentKey {
    /// Whether it may sign so much of a kind in a token now.
    ///
    /// # Errors
    /// What it lacks.
    pub fn allows(&self, kind: Kind, token: TokenId, amount: u128, now_s: u32) -> Result<(), Skip> {
        if !self.kinds.has(kind) && !self.is_free() {
            return Err(Skip::KeyKind);
        }
        if kind.spends() && self.limit.is_some_and(|limit| limit.token != token) {
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

    /// Whether an intent may have this number, milliseconds since 1970: it is at most a day ahead, and neither used nor,
    /// with [`NUMBERS_MAX`] used ones, below them all. So intents may come in any order, and none comes twice.
    #[must_use]
    pub fn takes(&self, number: u64, now_s: u32) -> bool {
        let latest_ms = (u64::from(now_s) + u64::from(DEADLINE_MAX_S)) * 1_000;
        let forgotten = self.numbers.len() >= NUMBERS_MAX && self.numbers.first().is_some_and(|least| number < *least);
        number <= latest_ms && !forgotten && self.numbers.binary_search(&number).is_err()
    }

    /// Notes an intent: its number, and what it moved.
    pub fn note(&mut self, number: u64, spent: u128, now_s: u32) {
        if let Some(mut limit) = self.limit {
            limit.spent = Amount(self.spent_today(&limit, now_s).saturating_add(spent));
            self.limit = Some(limit);
        }
        if let Err(place) = self.numbers.binary_search(&number) {
            self.numbers.insert(place, number);
        }
        if self.numbers.len() > NUMBERS_MAX {
            self.numbers.remove(0);
        }
        self.used_at = now_s;
    }

    const fn spent_today(&self, limit: &Limit, now_s: u32) -> u128 {
        if self.used_at / DAY_S == now_s / DAY_S { limit.spent.0 } else { 0 }
    }

    /// Whether the deadlines of all intents that it executed have passed: forgetting its numbers lets none come twice.
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
/// A key keeps its numbers as long as its row stays, so nothing that it signed comes twice. A removed key's row stays
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
    let set = IntentKey { public_key, kinds, limit: Some(limit), numbers: Vec::new(), used_at: 0 };
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
    *key = IntentKey { numbers: core::mem::take(&mut key.numbers), used_at: key.used_at, ..set };
    Some(KeyRows::Same)
}
