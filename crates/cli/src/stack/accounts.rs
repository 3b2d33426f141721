//! The accounts of a local network: a requester with tokens, and nodes with stake and a machine key.

use std::path::PathBuf;

use futures_util::future::try_join_all;
use piecework_chain::{AccountId, KeyFile, KeyPool, PublicKey, Sender, TxRequest};
use piecework_interface::ids::ClassId;

use super::{
    Layout, Plan,
    deploy::{Deployment, LOCAL_TOKEN_DECIMALS, execute},
};
use crate::{amount::NEAR_DECIMALS, requests};

/// The class of work that local nodes declare.
const CLASS: ClassId = ClassId(1);
const NEAR: u128 = 10_u128.pow(NEAR_DECIMALS as u32);

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
    machine_key: PublicKey,
}

/// Creates the requester, with tokens and storage.
pub(super) async fn requester(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    mint: u128,
) -> anyhow::Result<Actor> {
    let actor = actor(layout, root, "requester", 100 * NEAR, &[]).await?;
    let Deployment { contract, token, token_storage, .. } = deployment;
    execute(root, requests::storage_deposit(token.clone(), &actor.account_id, *token_storage)?).await?;
    let units = mint.saturating_mul(10_u128.pow(u32::from(LOCAL_TOKEN_DECIMALS)));
    execute(root, requests::token_mint(token.clone(), &actor.account_id, units)?).await?;
    execute(&actor.sender, requests::storage_deposit(contract.clone(), &actor.account_id, 5 * NEAR)?).await?;
    Ok(actor)
}

/// Creates, registers and stakes the nodes; those steps that the nodes sign themselves run side by side.
pub(super) async fn nodes(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    plan: &Plan,
) -> anyhow::Result<Vec<Node>> {
    let mut nodes = Vec::with_capacity(plan.nodes);
    for number in 1..=plan.nodes {
        nodes.push(node(layout, root, deployment, &format!("node{number}"), plan.stake).await?);
    }
    try_join_all(nodes.iter().map(|node| register(node, deployment, plan.stake))).await?;
    Ok(nodes)
}

async fn node(
    layout: &Layout,
    root: &Sender,
    deployment: &Deployment,
    name: &str,
    stake: u128,
) -> anyhow::Result<Node> {
    let account_id: AccountId = format!("{name}.{}", root.account_id()).parse()?;
    let machine = KeyFile::generate(account_id.clone());
    let machine_key_file = layout.key(&format!("{name}.machine"));
    machine.write(&machine_key_file)?;
    let key = requests::machine_key(account_id, machine.public_key.clone(), &deployment.contract);
    let owner = actor(layout, root, name, stake + 20 * NEAR, &key.actions).await?;
    Ok(Node { owner, name: name.to_owned(), machine_key_file, machine_key: machine.public_key })
}

async fn register(node: &Node, deployment: &Deployment, stake: u128) -> anyhow::Result<()> {
    let Actor { account_id, sender, .. } = &node.owner;
    // Rewards are withdrawn to the token account, so it exists from the start.
    execute(sender, requests::storage_deposit(deployment.token.clone(), account_id, deployment.token_storage)?).await?;
    let request = TxRequest::to(deployment.contract.clone());
    let request = requests::add_storage_deposit(request, account_id, NEAR / 2)?;
    let request = requests::add_node_register(request, vec![CLASS], stake)?;
    execute(sender, requests::add_revenue_key(request, node.machine_key.to_string().parse()?)?).await
}

/// Creates an account under the root, its key file first: a key that is lost cannot be made again.
async fn actor(
    layout: &Layout,
    root: &Sender,
    name: &str,
    yoctonear: u128,
    more: &[piecework_chain::Action],
) -> anyhow::Result<Actor> {
    let account_id: AccountId = format!("{name}.{}", root.account_id()).parse()?;
    let key = KeyFile::generate(account_id.clone());
    let key_file = layout.key(name);
    key.write(&key_file)?;
    let mut request = requests::account_create(account_id.clone(), key.public_key.clone(), yoctonear);
    request.actions.extend_from_slice(more);
    execute(root, request).await?;
    let pool = KeyPool::open(root.rpc(), account_id.clone(), vec![key.secret_key().clone()]).await?;
    Ok(Actor { account_id, key_file, sender: Sender::new(root.rpc().clone(), pool) })
}
