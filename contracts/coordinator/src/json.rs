//! The arguments of the calls, as JSON.

use piecework_compact::{
    arguments, fields,
    json::{self, Read, ReadError},
};
use piecework_interface::{
    amount::Amount,
    call::BatchSpec,
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kinds, PublicKey},
};

use crate::engine::Error;

arguments! {
    /// The arguments of all methods but `batch_create`. [`piecework_interface::call`] says what they mean.
    accept: bool,
    account: AccountNo,
    account_id: String,
    amount: Amount,
    batch: BatchId,
    bond_rate: Amount,
    change: Change,
    class: ClassId,
    classes: Vec<ClassId>,
    config: Config,
    daily_cap: Amount,
    expires_at: u32,
    features: Vec<Feature>,
    force: bool,
    from: u32,
    kinds: Kinds,
    limit: u32,
    lot: LotId,
    lots: Vec<LotId>,
    min_reward: Amount,
    msg: String,
    number: u32,
    owner_id: String,
    public_key: PublicKey,
    registration_only: bool,
    rep_unit: Amount,
    reward: Amount,
    role: Role,
    sender_id: String,
    token: TokenId,
}

/// The arguments of `batch_create`: [`piecework_interface::call::BatchCreateArgs`] and the caller's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateArgs {
    /// Reward token.
    pub token: TokenId,
    /// The batch.
    pub batch: BatchSpec,
    /// The caller's number.
    pub account: Option<AccountNo>,
}
fields!(CreateArgs as [read] { token, batch, account(optional) });

/// Reads a JSON text.
///
/// # Errors
/// It is no JSON, or not of this type: the error names the field.
pub fn parse<T: Read>(text: &[u8]) -> Result<T, Error> {
    Ok(json::parse(utf8(text)?)?)
}

/// Reads the arguments of a method, which has no others than these.
///
/// # Errors
/// It is no JSON, or a field is wrong, repeated, or none of the method's: the error names it.
pub fn arguments(text: &[u8], names: &'static [&'static str]) -> Result<Args, Error> {
    Ok(Args::parse(utf8(text)?, names)?)
}

fn utf8(text: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(text).map_err(|_| ReadError::Malformed.into())
}
