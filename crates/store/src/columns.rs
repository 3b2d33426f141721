//! Conversions between columns and the wire format's narrower types.

use piecework_interface::{ids::ClassId, view::ClassRecord};

use crate::StoreError;

/// A stored number as the wire format's type.
///
/// # Errors
/// [`StoreError::OutOfRange`]: the row was not written by this product.
pub fn narrow<T: TryFrom<V>, V: Copy + ToString>(value: V, column: &'static str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::OutOfRange { column, value: value.to_string() })
}

/// A number of the wire format as a `bigint`; numbers above 2^63 do not occur (heights, line numbers, gas).
///
/// # Errors
/// [`StoreError::OutOfRange`]: the number is above 2^63.
pub fn widen(value: u64, column: &'static str) -> Result<i64, StoreError> {
    narrow(value, column)
}

/// A digest.
///
/// # Errors
/// [`StoreError::OutOfRange`]: the column does not hold 32 bytes.
pub fn digest(bytes: Vec<u8>, column: &'static str) -> Result<[u8; 32], StoreError> {
    <[u8; 32]>::try_from(bytes)
        .map_err(|bytes| StoreError::OutOfRange { column, value: format!("{} bytes instead of 32", bytes.len()) })
}

/// An item set as its `bigint` bit pattern.
#[must_use]
pub const fn item_bits(items: u64) -> i64 {
    items.cast_signed()
}

/// The item set of a `bigint` bit pattern.
#[must_use]
pub const fn items_of(bits: i64) -> u64 {
    bits.cast_unsigned()
}

/// Checks how many rows a write changed.
///
/// # Errors
/// [`StoreError::Rows`].
pub fn expect_rows(statement: &'static str, expected: usize, found: u64) -> Result<(), StoreError> {
    let expected = u64::try_from(expected).unwrap_or(u64::MAX);
    if found == expected { Ok(()) } else { Err(StoreError::Rows { statement, expected, found }) }
}

/// The JSON of a value of the wire format; these have no part that could fail.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(error.into())))
}

/// The JSON name of a value, which is how columns name it.
///
/// # Errors
/// The value has another form than a word.
pub(crate) fn name(value: &impl serde::Serialize) -> Result<String, StoreError> {
    let name = serde_json::to_value(value).and_then(serde_json::from_value);
    name.map_err(|error| StoreError::Database(sqlx::Error::Encode(error.into())))
}

/// A value of the wire format by its JSON name.
pub(crate) fn named<T: serde::de::DeserializeOwned>(name: &str, column: &'static str) -> Result<T, StoreError> {
    use serde::de::{IntoDeserializer as _, value};
    let deserializer: value::StrDeserializer<'_, value::Error> = name.into_deserializer();
    T::deserialize(deserializer).map_err(|_| StoreError::OutOfRange { column, value: name.to_owned() })
}

/// The contract's view of a node, of a row with the columns of `nodes` and its classes.
macro_rules! node_view {
    ($row:expr, $classes:expr) => {
        piecework_interface::view::Node {
            stake: $row.stake.into(),
            bonded: $row.bonded.into(),
            unbonding: $row.unbonding.into(),
            unbonding_until: $crate::columns::narrow($row.unbonding_until, "nodes.unbonding_until")?,
            tickets: $crate::columns::narrow($row.tickets, "nodes.tickets")?,
            active_since: $crate::columns::narrow($row.active_since, "nodes.active_since")?,
            last_seen: $crate::columns::narrow($row.last_seen, "nodes.last_seen")?,
            slots: $crate::columns::narrow($row.slots, "nodes.slots")?,
            faults: $crate::columns::narrow($row.faults, "nodes.faults")?,
            registered_at: $crate::columns::narrow($row.registered_at, "nodes.registered_at")?,
            settled: $crate::columns::narrow($row.settled, "nodes.settled")?,
            status: $crate::columns::named(&$row.status, "nodes.status")?,
            classes: $classes,
            part: piecework_interface::view::Part {
                counted: $crate::columns::narrow($row.epoch_counted, "nodes.epoch_counted")?,
                tickets: $crate::columns::narrow($row.epoch_tickets, "nodes.epoch_tickets")?,
                before: $crate::columns::narrow($row.epoch_before, "nodes.epoch_before")?,
            },
        }
    };
}
pub(crate) use node_view;

/// A node's standing in a class, of the columns of `node_classes`.
pub(crate) fn class_record(
    class: i32,
    reputation: i32,
    stepped_at: i64,
    declared: bool,
) -> Result<ClassRecord, StoreError> {
    Ok(ClassRecord {
        class: ClassId(narrow(class, "node_classes.class")?),
        reputation: narrow(reputation, "node_classes.reputation")?,
        stepped_at: narrow(stepped_at, "node_classes.stepped_at")?,
        declared,
    })
}
