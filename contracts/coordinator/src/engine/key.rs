//! Where records are stored.

use piecework_interface::ids::{AccountNo, BatchId, ClassId, LotId, TokenId};

/// Key of the root record, the only one that every state-changing call writes: one key proves where the journal stands.
pub const ROOT: &[u8] = b"STATE";

/// First byte of every other key.
///
/// Append only: a prefix is never renumbered, reused or removed, because records of earlier versions live under it.
/// What follows has a fixed length under each prefix, except names, which are alone under theirs; so no key is a
/// prefix of another's key space. `b'S'` is taken by [`ROOT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Prefix {
    /// Settings.
    Settings = 0,
    /// Account id → number.
    AccountName = 1,
    /// Number → account.
    Account = 2,
    /// Account, token → balance.
    Balance = 3,
    /// Token's account id → number.
    TokenName = 4,
    /// Number → token.
    Token = 5,
    /// Number → batch.
    Batch = 6,
    /// Batch, lot → lot.
    Lot = 7,
    /// Number → class.
    Class = 8,
}

/// Key of a named record.
#[must_use]
pub fn named(prefix: Prefix, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(prefix as u8);
    key.extend(name.as_bytes());
    key
}

/// A key made of numbers.
pub trait Key: Copy + Eq {
    /// Appends the key's bytes, big-endian, without the prefix.
    fn write(self, out: &mut Vec<u8>);
}

/// Key of a numbered record.
#[must_use]
pub fn numbered(prefix: Prefix, key: impl Key) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    out.push(prefix as u8);
    key.write(&mut out);
    out
}

impl Key for () {
    fn write(self, _out: &mut Vec<u8>) {}
}

impl Key for AccountNo {
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_be_bytes());
    }
}

impl Key for ClassId {
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_be_bytes());
    }
}

impl Key for TokenId {
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_be_bytes());
    }
}

impl Key for BatchId {
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_be_bytes());
    }
}

impl Key for LotId {
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_be_bytes());
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}
