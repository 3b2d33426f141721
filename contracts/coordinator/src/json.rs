//! The arguments of the calls, as JSON.

use piecework_interface::{
    amount::Amount,
    config::Config,
    governance::{Change, Feature, Role},
    ids::{BatchId, ClassId, LotId, TokenId},
    json::{self, Read, ReadError, Reader},
};

use crate::engine::Error;

/// Declares [`Args`] and how it is read: a field that is absent or null stays `None`.
macro_rules! args {
    ($($name:ident: $type:ty,)*) => {
        /// The arguments of all methods but `batch_create`; one struct for all costs a tenth of one struct per method.
        /// Fields of other methods are ignored, as unknown ones are.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table of methods in piecework_interface::call says what they mean")]
        pub struct Args {
            $(pub $name: Option<$type>,)*
        }

        impl Read for Args {
            fn read(reader: &mut Reader<'_>) -> Self {
                const NAMES: &[&str] = &[$(stringify!($name)),*];
                let mut args = Self::default();
                reader.fields(NAMES, &[], &mut |reader, index| {
                    let mut _at = 0;
                    $(
                        if index == _at {
                            args.$name = Read::read(reader);
                            return;
                        }
                        _at += 1;
                    )*
                });
                args
            }
        }
    };
}

args! {
    account_id: String,
    amount: Amount,
    batch: BatchId,
    bond_rate: Amount,
    change: Change,
    classes: Vec<ClassId>,
    config: Config,
    features: Vec<Feature>,
    from: u32,
    limit: u32,
    lot: LotId,
    lots: Vec<LotId>,
    min_reward: Amount,
    msg: String,
    number: u32,
    owner_id: String,
    registration_only: bool,
    rep_unit: Amount,
    role: Role,
    sender_id: String,
    token: TokenId,
}

/// Reads a JSON text.
///
/// # Errors
/// It is no JSON, or not of this type: the error names the field.
pub fn parse<T: Read>(text: &[u8]) -> Result<T, Error> {
    let text = core::str::from_utf8(text).map_err(|_| Error::Json)?;
    json::parse(text).map_err(|ReadError { field }| if field.is_empty() { Error::Json } else { Error::Argument(field) })
}
