//! Bytes that may be missing, as hex or null.

use hex::FromHex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub fn serialize<T: AsRef<[u8]>, S: Serializer>(bytes: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(hex::encode).serialize(serializer)
}

pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromHex<Error: core::fmt::Display>,
    D: Deserializer<'de>,
{
    Option::<String>::deserialize(deserializer)?.map(|text| T::from_hex(text).map_err(D::Error::custom)).transpose()
}
