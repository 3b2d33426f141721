//! Conversions between columns and the wire format's narrower types.

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, BatchId, ClassId, Digest, LotId, TokenId},
};
use serde::Serialize;
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};

use crate::{StoreError, Units};

/// A value of the wire format that a column holds.
pub(crate) trait Column {
    /// What Postgres takes.
    type Sql;

    /// The value as Postgres takes it.
    fn sql(self) -> Result<Self::Sql, StoreError>;
}

macro_rules! columns {
    ($($type:ty as $sql:ty = $convert:expr;)*) => {$(
        impl Column for $type {
            type Sql = $sql;

            fn sql(self) -> Result<$sql, StoreError> {
                let convert: fn($type) -> $sql = $convert;
                Ok(convert(self))
            }
        }
    )*};
}

columns! {
    bool as bool = |value| value;
    u8 as i16 = i16::from;
    u16 as i32 = i32::from;
    u32 as i64 = i64::from;
    i64 as i64 = |value| value;
    u128 as Units = Units;
    Amount as Units = Units::from;
    AccountNo as i64 = |id| i64::from(id.0);
    BatchId as i64 = |id| i64::from(id.0);
    LotId as i64 = |id| i64::from(id.0);
    ClassId as i32 = |id| i32::from(id.0);
    TokenId as i32 = |id| i32::from(id.0);
    Digest as Vec<u8> = |digest| digest.to_vec();
    &[u8] as Vec<u8> = <[u8]>::to_vec;
    &str as String = str::to_owned;
    String as String = |text| text;
}

impl Column for u64 {
    type Sql = i64;

    fn sql(self) -> Result<i64, StoreError> {
        widen(self, "bigint")
    }
}

impl<T: Column> Column for Option<T> {
    type Sql = Option<T::Sql>;

    fn sql(self) -> Result<Self::Sql, StoreError> {
        self.map(T::sql).transpose()
    }
}

/// A value whose JSON is a word, which is how columns name it.
pub(crate) struct AsName<T>(pub T);

impl<T: Serialize> Column for AsName<T> {
    type Sql = String;

    fn sql(self) -> Result<String, StoreError> {
        name(&self.0)
    }
}

/// A value as the text of its JSON.
pub(crate) struct AsJson<T>(pub T);

impl<T: Serialize> Column for AsJson<T> {
    type Sql = String;

    fn sql(self) -> Result<String, StoreError> {
        json(&self.0)
    }
}

/// One column of all rows: an array that a statement unnests.
///
/// # Errors
/// [`StoreError::OutOfRange`]: a number is above 2^63, which heights, line numbers and gas never are.
pub(crate) fn column<R: IntoIterator, V: Column>(
    rows: R,
    value: impl Fn(R::Item) -> V,
) -> Result<Vec<V::Sql>, StoreError> {
    rows.into_iter().map(|row| value(row).sql()).collect()
}

/// Runs a statement that writes `rows` rows, if there are any.
///
/// # Errors
/// The database failed, or [`StoreError::Rows`].
pub(crate) async fn write(
    db: &mut PgConnection,
    statement: &'static str,
    rows: usize,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<(), StoreError> {
    if rows == 0 {
        return Ok(());
    }
    let found = query.execute(db).await?.rows_affected();
    let expected = u64::try_from(rows).unwrap_or(u64::MAX);
    if found == expected { Ok(()) } else { Err(StoreError::Rows { statement, expected, found }) }
}

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

/// The JSON of a value of the wire format; these have no part that could fail.
pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(error.into())))
}

/// The JSON name of a value, which is how columns name it.
///
/// # Errors
/// The value has another form than a word.
pub(crate) fn name(value: &impl Serialize) -> Result<String, StoreError> {
    let name = serde_json::to_value(value).and_then(serde_json::from_value);
    name.map_err(|error| StoreError::Database(sqlx::Error::Encode(error.into())))
}

/// A value of the wire format by its JSON name.
pub(crate) fn named<T: serde::de::DeserializeOwned>(name: &str, column: &'static str) -> Result<T, StoreError> {
    use serde::de::{IntoDeserializer as _, value};
    let deserializer: value::StrDeserializer<'_, value::Error> = name.into_deserializer();
    T::deserialize(deserializer).map_err(|_| StoreError::OutOfRange { column, value: name.to_owned() })
}

/// A number that may be null.
pub(crate) fn optional<T: TryFrom<V>, V: Copy + ToString>(
    value: Option<V>,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    value.map(|value| narrow(value, column)).transpose()
}
