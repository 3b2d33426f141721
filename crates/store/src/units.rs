//! Token amounts: `u128` in Rust, `numeric(39,0)` in Postgres.

use bigdecimal::{BigDecimal, ToPrimitive};
use piecework_interface::amount::Amount;
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
};

/// An amount in the smallest unit of its token. `sqlx.toml` makes the query macros use it for every `numeric`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(pub u128);

impl From<Amount> for Units {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl From<Units> for Amount {
    fn from(units: Units) -> Self {
        Self(units.0)
    }
}

impl Type<Postgres> for Units {
    fn type_info() -> PgTypeInfo {
        <BigDecimal as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Units {
    fn array_type_info() -> PgTypeInfo {
        <BigDecimal as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Units {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <BigDecimal as Encode<Postgres>>::encode(BigDecimal::from(self.0), buffer)
    }
}

impl Decode<'_, Postgres> for Units {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let number = <BigDecimal as Decode<Postgres>>::decode(value)?;
        let units = number.to_u128().filter(|_| number.is_integer());
        units.map(Self).ok_or_else(|| format!("{number} is not an amount: an integer of 0..2^128").into())
    }
}
