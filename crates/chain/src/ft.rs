//! NEP-141 tokens, read at the newest final block.

use piecework_client::views::StorageBounds;
use piecework_interface::amount::Amount;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};

use crate::{AccountId, BlockRef, RpcClient, ViewError};

/// The part of NEP-148 that amounts are written by.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// Symbol. A contract may say anything.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
}

/// How amounts of a token are written.
///
/// # Errors
/// As [`balance`].
pub async fn metadata(rpc: &RpcClient, token: &AccountId) -> Result<Metadata, ViewError> {
    view(rpc, token, "ft_metadata", json!({})).await
}

/// What an account holds, in the token's smallest unit.
///
/// # Errors
/// The token cannot be asked, or answers otherwise.
pub async fn balance(rpc: &RpcClient, token: &AccountId, account_id: &AccountId) -> Result<u128, ViewError> {
    let amount: Amount = view(rpc, token, "ft_balance_of", json!({ "account_id": account_id })).await?;
    Ok(amount.0)
}

/// Whether an account is registered, so that it can receive the token.
///
/// # Errors
/// As [`balance`].
pub async fn is_registered(rpc: &RpcClient, token: &AccountId, account_id: &AccountId) -> Result<bool, ViewError> {
    let args = json!({ "account_id": account_id });
    let balance: Option<IgnoredAny> = view(rpc, token, "storage_balance_of", args).await?;
    Ok(balance.is_some())
}

/// The least deposit that registers an account, yoctoNEAR.
///
/// # Errors
/// As [`balance`].
pub async fn least_deposit(rpc: &RpcClient, token: &AccountId) -> Result<u128, ViewError> {
    let bounds: StorageBounds = view(rpc, token, "storage_balance_bounds", json!({})).await?;
    Ok(bounds.min.0)
}

async fn view<R: DeserializeOwned>(
    rpc: &RpcClient,
    token: &AccountId,
    method: &str,
    args: Value,
) -> Result<R, ViewError> {
    Ok(rpc.view_function(token, method, &args, BlockRef::Final).await?.value)
}
