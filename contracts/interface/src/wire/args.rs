//! Arguments of the methods and views that have a few plain fields; [`crate::wire::call`] has the others.

use serde::{Deserialize, Serialize};

use crate::model::{
    amount::Amount,
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, LotId},
};

/// Arguments of methods and views that take none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoArgs {}

/// Arguments, and the number of the calling account, which spares the contract a look-up by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Numbered<T> {
    /// The others.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub args: T,
    /// The caller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountNo>,
}

impl<T> From<T> for Numbered<T> {
    fn from(args: T) -> Self {
        Self { args, account: None }
    }
}

/// Arguments of `storage_deposit`, NEP-145.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StorageDepositArgs {
    /// Account to register; the caller when left out.
    #[serde(default)]
    pub account_id: Option<String>,
    /// Whether what is above the least deposit comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_only: Option<bool>,
}

/// Arguments of `storage_withdraw`, NEP-145.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StorageWithdrawArgs {
    /// yoctoNEAR; all that is free when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
}

/// Arguments of `storage_unregister`, NEP-145.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StorageUnregisterArgs {
    /// Changes nothing: what an account still has is never given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// Arguments of `new`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewArgs {
    /// Configuration; the defaults when left out.
    #[serde(default)]
    pub config: Option<Config>,
    /// Owner.
    pub owner_id: String,
}

/// Arguments of `owner_propose`, `treasury_set` and `node_operator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NomineeArgs {
    /// Whom it names; none when left out.
    #[serde(default)]
    pub account_id: Option<String>,
}

/// Arguments of `role_set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoleSetArgs {
    /// Who has the role from now on; none when left out.
    #[serde(default)]
    pub account_id: Option<String>,
    /// Role.
    pub role: Role,
}

/// Arguments of `pause` and `unpause`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FeaturesArgs {
    /// Features.
    pub features: Vec<Feature>,
}

/// Arguments of `propose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProposeArgs {
    /// What changes.
    #[cfg_attr(feature = "schema", schema(value_type = crate::model::governance::ChangeSchema))]
    pub change: Change,
}

/// Arguments of `drop_proposal` and `apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProposalArgs {
    /// Number of the proposal.
    pub number: u32,
}

/// Arguments of `heartbeat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeartbeatArgs {
    /// The caller's number, which spares a look-up.
    #[serde(default)]
    pub account: Option<AccountNo>,
}

/// Arguments of `ft_on_transfer`, NEP-141.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenReceiptArgs {
    /// Amount that came, in units of the token.
    pub amount: Amount,
    /// The JSON of a [`crate::wire::call::DepositMessage`].
    pub msg: String,
    /// Who sent it.
    pub sender_id: String,
}

/// Arguments of views of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountArgs {
    /// Account.
    pub account_id: String,
}

/// Arguments of views of rows `from..from + limit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PageArgs {
    /// Number of the first row.
    pub from: u32,
    /// Rows, at most [`crate::wire::call::PAGE_MAX`].
    pub limit: u32,
}

/// Arguments of the view `lot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotArgs {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
}

/// Arguments of the view `lots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotsArgs {
    /// Batch.
    pub batch: BatchId,
    /// First lot.
    pub from: LotId,
    /// Lots, at most [`crate::wire::call::PAGE_MAX`].
    pub limit: u32,
}
