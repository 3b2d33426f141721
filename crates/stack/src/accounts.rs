//! The accounts of a local network: a requester with tokens, and nodes with stake and a machine key.

use std::path::PathBuf;

use futures_util::future::{try_join, try_join_all};
use piecework_chain::{AccountId, Action, KeyFile, RpcClient, Sender, TxRequest, requests};
use piecework_client::{calls, token};
use piecework_console::amount::ONE_NEAR;

use crate::{
    deploy::{CLASS, Deployment, LOCAL_TOKEN_DECIMALS, execute, open_pool, seeing},
    layout::Layout,
    plan::Plan,
};

/// An account whose full key we hold.
pub struct Actor {
    /// Account.
    pub account_id: AccountId,
    /// Its key file.
    pub key_file: PathBuf,
    /// Signs for it.
    pub sender: Sender,
}

/// A registered node.
pub struct Node {
    /// Its owner's account.
    pub owner: Actor,
    /// Short name, such as `node1`.
    pub name: String,
    /// Key file of its machine, which can only work.
    pub machine_key_file: PathBuf,
}

/// The account with so many more keys, which sign side by side. They are on no disk: the account's own key is.
pub(crate) async fn many_keys(sender: &Sender, count: usize) -> anyhow::Result<Sender> {
    let account_id = sender.account_id();
    let keys: Vec<KeyFile> = (0..count).map(|_| KeyFile::generate(account_id.clone())).collect();
    let request = keys
        .iter()
        .fold(TxRequest::to(account_id.clone()), |request, key| request.add_full_access_key(key.public_key.clone()));
    let height = execute(sender, request).await?;
    let rpc = sender.rpc().with_min_height(height);
    let secrets = keys.iter().map(|key| key.secret_key().clone()).collect();
    let pool = open_pool(&rpc, account_id, secrets).await?;
    Ok(Sender::new(rpc, pool))
}

/// Creates requester and nodes side by side. The client that is returned sees all of them.
pub(crate) async fn create(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    plan: &Plan,
) -> anyhow::Result<(Actor, Vec<Node>, RpcClient)> {
    let names = (1..=plan.nodes).map(|number| format!("node{number}"));
    let nodes = try_join_all(names.map(|name| node(layout, root, deployment, name, plan.stake)));
    let ((requester, height), nodes) = try_join(requester(layout, root, deployment, plan.mint), nodes).await?;
    let (nodes, heights): (Vec<Node>, Vec<u64>) = nodes.into_iter().unzip();
    let height = heights.into_iter().fold(height, u64::max);
    Ok((requester, nodes, root.rpc().with_min_height(height)))
}

/// Creates the requester, with tokens and storage.
async fn requester(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    mint: u128,
) -> anyhow::Result<(Actor, u64)> {
    let actor = actor(layout, root, "requester", 100 * ONE_NEAR, &[]).await?;
    let account_id = actor.account_id.as_str();
    let units = mint.saturating_mul(10_u128.pow(u32::from(LOCAL_TOKEN_DECIMALS)));
    let tokens = TxRequest::to(deployment.token.clone())
        .call(calls::storage_deposit(account_id, deployment.token_storage))
        .call(token::mint(account_id, units));
    let deposit = TxRequest::to(deployment.contract.clone()).call(calls::storage_deposit(account_id, 5 * ONE_NEAR));
    let (first, second) = try_join(execute(root, tokens), execute(&actor.sender, deposit)).await?;
    Ok((actor, first.max(second)))
}

/// Creates, registers and stakes a node.
async fn node(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    name: String,
    stake: u128,
) -> anyhow::Result<(Node, u64)> {
    let account_id: AccountId = format!("{name}.{}", root.account_id()).parse()?;
    let machine = KeyFile::generate(account_id.clone());
    let machine_key_file = layout.key(&format!("{name}.machine"));
    machine.write(&machine_key_file)?;
    let key = requests::machine_key(account_id.clone(), machine.public_key.clone(), &deployment.contract);
    let owner = actor(layout, root, &name, stake + 20 * ONE_NEAR, &key.actions).await?;
    // Rewards are withdrawn to the token account, so it exists from the start.
    let token = TxRequest::to(deployment.token.clone())
        .call(calls::storage_deposit(account_id.as_str(), deployment.token_storage));
    let register = TxRequest::to(deployment.contract.clone())
        .call(calls::storage_deposit(account_id.as_str(), ONE_NEAR / 2))
        .call(calls::node_register(vec![CLASS], stake));
    let (first, second) = try_join(execute(root, token), execute(&owner.sender, register)).await?;
    Ok((Node { owner, name, machine_key_file }, first.max(second)))
}

/// Creates an account under the root, its key file first: a key that is lost cannot be made again.
async fn actor(layout: &Layout, root: &Sender, name: &str, yoctonear: u128, more: &[Action]) -> anyhow::Result<Actor> {
    let account_id: AccountId = format!("{name}.{}", root.account_id()).parse()?;
    let key = KeyFile::generate(account_id.clone());
    let key_file = layout.key(name);
    key.write(&key_file)?;
    let mut request = requests::account_create(account_id.clone(), key.public_key.clone(), yoctonear);
    request.actions.extend_from_slice(more);
    let seeing = seeing(root, execute(root, request).await?);
    let pool = open_pool(seeing.rpc(), &account_id, vec![key.secret_key().clone()]).await?;
    Ok(Actor { account_id, key_file, sender: Sender::new(seeing.rpc().clone(), pool) })
}
