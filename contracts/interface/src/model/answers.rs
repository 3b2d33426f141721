//! Sets of items, and answers to them.

use core::ops::Range;

#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{
    json::{Text, push_nibbles},
    row::Field,
};
use serde::{Serialize, Serializer};

use crate::{Sha256, model::ids::Digest};

/// A set of items of a lot, bit i for item i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items(pub u64);

impl Items {
    /// The items, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let item = u8::try_from(left.trailing_zeros()).ok().filter(|_| left != 0);
            left &= left.wrapping_sub(1);
            item
        })
    }

    /// The bytes of an item's answer where the set's answers stand one after the other, `width` bytes each; `None` if the
    /// set does not have the item.
    #[must_use]
    pub fn place(self, item: u8, width: usize) -> Option<Range<usize>> {
        let bit = 1_u64.checked_shl(u32::from(item))?;
        if self.0 & bit == 0 {
            return None;
        }
        let start = (self.0 & (bit - 1)).count_ones() as usize * width;
        Some(start..start + width)
    }
}

impl Field for Items {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        push_nibbles(self.0, out);
        out.push(b'"');
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?;
        if text.is_empty() { Some(Self(0)) } else { u64::from_str_radix(text, 16).ok().map(Self) }
    }
}

/// Answers to a set of items, `width` bytes each, in the items' order. Its serde form is the bytes in hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The items that are answered.
    pub items: Items,
    /// Bytes per answer.
    pub width: u8,
    /// The answers.
    pub bytes: Vec<u8>,
}

impl Answers {
    /// The answer to an item; `None` if it was not asked, or the bytes end before it.
    #[must_use]
    pub fn get(&self, item: u8) -> Option<&[u8]> {
        self.bytes.get(self.items.place(item, usize::from(self.width))?)
    }

    /// Every item with its answer, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.items.iter().zip(self.bytes.chunks_exact(usize::from(self.width).max(1)))
    }

    /// SHA-256 of the bytes: what the journal and the leaf of a result have of them.
    #[must_use]
    pub fn digest(&self, sha256: Sha256) -> Digest {
        sha256(&self.bytes)
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(&self.bytes, serializer)
    }
}
