//! Sets of items of a lot as serde sees them: 16 hex digits, bit i for item i, because JSON numbers above 2^53 lose bits in
//! many readers. Contracts write them as numbers, so both forms are read.

use core::fmt;

use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, Visitor},
};

/// Writes 16 hex digits.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(items: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{items:016x}"))
}

/// Reads hex digits or a number.
///
/// # Errors
/// It is neither, or has more than 64 bits.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Items)
}

struct Items;

impl Visitor<'_> for Items {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item set: at most 16 hex digits, or a number")
    }

    fn visit_u64<E: Error>(self, items: u64) -> Result<u64, E> {
        Ok(items)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        // `from_str_radix` takes a sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let items = if digits { u64::from_str_radix(text, 16).ok() } else { None };
        items.ok_or_else(|| E::custom("an item set has 1 to 16 hex digits"))
    }
}

/// Sets that may be missing.
pub mod option {
    use serde::Serialize;

    use super::{Deserialize, Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Set(#[serde(with = "super")] u64);

    /// Writes 16 hex digits or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(items: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        items.map(Set).serialize(serializer)
    }

    /// Reads what [`super::deserialize`] reads, or null.
    ///
    /// # Errors
    /// As there.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Set>::deserialize(deserializer)?.map(|Set(items)| items))
    }
}
