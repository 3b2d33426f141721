//! Identifiers. Accounts and tokens are interned, so that a slot costs four bytes and not sixty-four.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, transparent};
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema, borsh::BorshSchema))]
        pub struct $name(pub $inner);

        transparent!($name as [borsh write read row]);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// The number of a registered account, given in order of registration and never reused.
    AccountNo(u32)
}
id! {
    /// A listed reward token; 0 is NEAR itself, in yoctoNEAR.
    TokenId(u16)
}
id! {
    /// A tag for a kind of work. Nodes declare classes; reputation is kept per class.
    ClassId(u16)
}
id! {
    /// A batch, numbered from 0 in order of creation.
    BatchId(u32)
}
id! {
    /// A lot of a batch, numbered from 0.
    LotId(u32)
}

impl Element for AccountNo {}
impl Element for ClassId {}
impl Element for TokenId {}

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// NEAR as a token.
pub const NEAR: TokenId = TokenId(0);
