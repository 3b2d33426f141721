//! What must hold before anything is sent: the key, the account, the registration.

use anyhow::{Context, Result, bail};
use piecework_chain::{
    AccountId, BlockRef, KeyFile, RpcClient, RpcConfig,
    view::{AccessKeyPermissionView, AccessKeyView},
};
use piecework_interface::call::{HEARTBEAT, INTENTS_EXECUTE, POKE, WITHDRAW_PAYOUT, WORK};

use crate::config::Config;

/// What the node's key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Everything with the account.
    Full,
    /// Calls of the contract without deposit.
    Calls,
    /// Calls, but not all that the agent needs, or of another contract.
    Wrong(String),
}

/// Reads the key file and checks that it is the node's.
///
/// # Errors
/// If it cannot be read, is exposed, or belongs to another account.
pub fn key(config: &Config) -> Result<KeyFile> {
    let key = KeyFile::read(&config.key_file)?;
    if key.account_id != config.account_id {
        bail!(
            "key file {} is of {}, but [node] account_id is {}: set the one that belongs to the node",
            config.key_file.display(),
            key.account_id,
            config.account_id
        );
    }
    Ok(key)
}

/// Reads the key that signs challenges, if they are on, and checks that it is the paying account's and not the node's.
///
/// # Errors
/// If it cannot be read, is exposed, or is another's.
pub fn challenge_key(config: &Config, node_key: &KeyFile) -> Result<Option<KeyFile>> {
    let Some(challenge) = &config.challenge else { return Ok(None) };
    let key = KeyFile::read(&challenge.key_file)?;
    if key.account_id != challenge.account_id {
        bail!(
            "key file {} is of {}, but [challenge] account_id is {}: set the one that belongs to that account",
            challenge.key_file.display(),
            key.account_id,
            challenge.account_id
        );
    }
    if key.public_key == node_key.public_key {
        bail!(
            "[challenge] key_file has the key of this machine: make another with `piecework intent key-add`, of kind \
             challenge and with a daily cap"
        );
    }
    Ok(Some(key))
}

/// Methods of the contract that the node's key must be able to call.
fn methods(config: &Config) -> Vec<&'static str> {
    let challenges = config.challenge.as_ref().map(|_| INTENTS_EXECUTE);
    let payout = Some(WITHDRAW_PAYOUT).filter(|_| !config.work.payout_above.is_empty());
    [WORK, POKE, HEARTBEAT].into_iter().chain(challenges).chain(payout).collect()
}

/// A client of the configured endpoints.
///
/// # Errors
/// If they cannot be used.
pub fn rpc(config: &Config) -> Result<RpcClient> {
    RpcClient::new(RpcConfig::new(config.rpc_urls.clone())).context("[chain] rpc_urls")
}

/// What the key on the account may do; `None` if the account does not have it.
///
/// # Errors
/// If the chain cannot be asked.
pub async fn key_scope(rpc: &RpcClient, config: &Config, key: &KeyFile) -> Result<Option<KeyScope>> {
    let access = rpc.view_access_key(&config.account_id, &key.public_key, BlockRef::Final).await?;
    Ok(access.map(|access| scope(&access.value, &config.contract, &methods(config))))
}

/// Refuses keys that may do too much or too little. False if no final block has the key.
///
/// # Errors
/// If the key is not fit, with the fix.
pub async fn require_key(rpc: &RpcClient, config: &Config, key: &KeyFile) -> Result<bool> {
    let (account_id, contract) = (&config.account_id, &config.contract);
    match key_scope(rpc, config, key).await? {
        None => Ok(false),
        Some(KeyScope::Calls) => Ok(true),
        Some(KeyScope::Full) if config.allow_full_access_key => {
            tracing::warn!("key.full_access");
            Ok(true)
        }
        Some(KeyScope::Full) => bail!(
            "key {} may do everything with {account_id}: give the agent a function-call key for {contract} with methods \
             {}, or accept the risk with --allow-full-access-key",
            key.public_key,
            methods(config).join(", ")
        ),
        Some(KeyScope::Wrong(why)) => bail!("key {} is not fit: {why}", key.public_key),
    }
}

/// What to say of a key that the account does not have.
#[must_use]
pub fn no_key(config: &Config, key: &KeyFile) -> String {
    format!(
        "key {} is not an access key of {} on this network: add it as a function-call key for {}, or check [node] and \
         [chain]",
        key.public_key, config.account_id, config.contract
    )
}

/// Whether an access key may call a method of the contract.
fn may_call(access: &AccessKeyView, method: &str) -> bool {
    match &access.permission {
        AccessKeyPermissionView::FullAccess => true,
        AccessKeyPermissionView::FunctionCall { method_names, .. } => {
            method_names.is_empty() || method_names.iter().any(|name| name == method)
        }
        _ => false,
    }
}

fn scope(access: &AccessKeyView, contract: &AccountId, methods: &[&str]) -> KeyScope {
    match &access.permission {
        AccessKeyPermissionView::FullAccess => KeyScope::Full,
        AccessKeyPermissionView::FunctionCall { receiver_id, .. } => {
            let missing: Vec<&str> = methods.iter().copied().filter(|method| !may_call(access, method)).collect();
            if receiver_id != contract.as_str() {
                KeyScope::Wrong(format!("it calls {receiver_id}; add one for {contract}"))
            } else if missing.is_empty() {
                KeyScope::Calls
            } else {
                KeyScope::Wrong(format!("it may not call {}; add one that may", missing.join(", ")))
            }
        }
        other => KeyScope::Wrong(format!("it is a key of a kind this version does not know ({other:?})")),
    }
}
