//! Forms of a call, named as in the catalogue's table: here each gives the type of the arguments, and makes no call.

use std::marker::PhantomData;

use borsh::{BorshSchema, schema::BorshSchemaContainer};
use near_abi::{AbiBorshParameter, AbiFunctionModifier, AbiParameters};
use utoipa::ToSchema;

use super::schemas::{Schemas, parameters};

/// How a method takes its arguments.
pub(crate) trait Form {
    /// What the ABI says of the method beside them.
    const MODIFIERS: &[AbiFunctionModifier];

    /// The arguments; `name` is that of a Borsh argument.
    fn params(name: &str, schemas: &mut Schemas) -> AbiParameters;
}

macro_rules! forms {
    ($($(#[$doc:meta])* $type:ident $modifiers:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $type<A: ?Sized>(PhantomData<A>);

        impl<A: ToSchema> Form for $type<A> {
            const MODIFIERS: &[AbiFunctionModifier] = &$modifiers;

            fn params(_: &str, schemas: &mut Schemas) -> AbiParameters {
                AbiParameters::Json { args: parameters::<A>(schemas) }
            }
        }
    )*};
}

forms! {
    /// JSON arguments, without a deposit.
    Free [];
    /// JSON arguments, and a deposit.
    Paid [AbiFunctionModifier::Payable];
    /// JSON arguments of the first call.
    Initial [AbiFunctionModifier::Init];
}

/// A Borsh argument.
pub(crate) struct Packed<A: ?Sized>(PhantomData<A>);

impl<A: BorshSchema + ?Sized> Form for Packed<A> {
    const MODIFIERS: &[AbiFunctionModifier] = &[];

    fn params(name: &str, _: &mut Schemas) -> AbiParameters {
        let type_schema = BorshSchemaContainer::for_type::<A>();
        AbiParameters::Borsh { args: vec![AbiBorshParameter { name: name.to_owned(), type_schema }] }
    }
}

/// Bytes as they are, for which the ABI has no form.
pub(crate) struct Raw;

impl Form for Raw {
    const MODIFIERS: &[AbiFunctionModifier] = &[AbiFunctionModifier::Payable];

    fn params(_: &str, _: &mut Schemas) -> AbiParameters {
        AbiParameters::default()
    }
}

pub(crate) const fn free<A>(_: &A) -> Free<A> {
    Free(PhantomData)
}

pub(crate) const fn free_as<A>() -> Free<A> {
    Free(PhantomData)
}

pub(crate) const fn packed_as<A>() -> Packed<A> {
    Packed(PhantomData)
}

pub(crate) const fn plain<A>(_: &A, _: u128) -> Paid<A> {
    Paid(PhantomData)
}

pub(crate) const fn secured<A>(_: &A) -> Paid<A> {
    Paid(PhantomData)
}

pub(crate) const fn sending<A>(_: &A, _: u128) -> Paid<A> {
    Paid(PhantomData)
}

pub(crate) const fn initial<A>(_: &A) -> Initial<A> {
    Initial(PhantomData)
}

pub(crate) const fn packed<A: ?Sized>(_: u64, _: &A) -> Packed<A> {
    Packed(PhantomData)
}

pub(crate) fn raw(_: u64, _: Vec<u8>) -> Raw {
    Raw
}
