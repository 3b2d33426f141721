//! Keys and bytes as text.

use core::{fmt, str::FromStr};
use piecework_compact::{json::Read, json::Reader, json::Text, json::Write, transparent};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// How NEAR writes the kind of a key.
const PREFIX: &str = "ed25519:";
/// The digits of base 58.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits of 32 bytes at most.
const DIGITS_MAX: usize = 44;

/// An ed25519 public key; its text is `ed25519:` and base58, as everywhere on NEAR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, borsh::BorshSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^ed25519:[1-9A-HJ-NP-Za-km-z]{32,44}$"))]
#[cfg_attr(feature = "schema", schema(example = "ed25519:8hSHprDq2StXwMtNd43wDTXQYsjXcD4MJTXQYsjXcc4M"))]
pub struct PublicKey(pub [u8; 32]);

/// A text that is no ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is `ed25519:` and 32 bytes in base58")]
pub struct PublicKeyError;

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl PublicKey {
    /// The key's text.
    #[must_use]
    pub fn text(&self) -> String {
        // Digits of the number in base 58, the lowest first.
        let mut digits = Vec::with_capacity(DIGITS_MAX);
        for byte in self.0 {
            let mut carry = u32::from(byte);
            for digit in &mut digits {
                carry += u32::from(*digit) << 8;
                *digit = (carry % 58) as u8;
                carry /= 58;
            }
            while carry > 0 {
                digits.push((carry % 58) as u8);
                carry /= 58;
            }
        }
        // Zero bytes at the start are no digits of a number: each is written as one.
        digits.extend(self.0.iter().take_while(|byte| **byte == 0).map(|_| 0));
        let mut text = PREFIX.to_owned();
        text.extend(digits.iter().rev().map(|digit| char::from(ALPHABET[usize::from(*digit)])));
        text
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let base58 = text.strip_prefix(PREFIX).ok_or(PublicKeyError)?;
        if base58.len() > DIGITS_MAX {
            return Err(PublicKeyError);
        }
        let mut key = [0; 32];
        for char in base58.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == char).ok_or(PublicKeyError)?;
            let mut carry = u32::try_from(digit).unwrap_or_default();
            for byte in key.iter_mut().rev() {
                carry += u32::from(*byte) * 58;
                *byte = (carry & 0xFF) as u8;
                carry >>= 8;
            }
            if carry > 0 {
                return Err(PublicKeyError);
            }
        }
        // There is one text of a key: shorter numbers have fewer ones before them.
        let (zeros, ones) =
            (key.iter().take_while(|byte| **byte == 0), base58.bytes().take_while(|char| *char == b'1'));
        if zeros.count() == ones.count() { Ok(Self(key)) } else { Err(PublicKeyError) }
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

transparent!(PublicKey as [borsh row]);

impl Write for PublicKey {
    fn write(&self, out: &mut Text) {
        self.text().write(out);
    }
}

impl Read for PublicKey {
    fn read(reader: &mut Reader<'_>) -> Self {
        String::read(reader).parse().unwrap_or_else(|_| {
            reader.fail();
            Self([0; 32])
        })
    }
}
