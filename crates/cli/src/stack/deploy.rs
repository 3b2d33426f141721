//! The contracts of a local network: a reward token and the coordinator, owned by the chain's root account.

use piecework_chain::{AccountId, BlockRef, Sender, TxRequest, WaitLevel};
use piecework_interface::{amount::Amount, call::TokenListArgs, config::Config, ids::TokenId};
use serde_json::json;

use super::Programs;
use crate::{
    amount::NEAR_DECIMALS,
    commands::{
        contract::on_this_chain,
        token::{bond_rate, read_wasm},
    },
    coordinator::StorageBounds,
    problem::Problem,
    requests::{self, TokenSpec},
};

/// Decimals of the local reward token.
pub const LOCAL_TOKEN_DECIMALS: u8 = 6;
const TOKEN_UNIT: u128 = 10_u128.pow(LOCAL_TOKEN_DECIMALS as u32);
const NEAR: u128 = 10_u128.pow(NEAR_DECIMALS as u32);

/// Contracts that are deployed, initialized and know each other.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The coordinator.
    pub contract: AccountId,
    /// The reward token's account.
    pub token: AccountId,
    /// Its number with the coordinator.
    pub token_id: TokenId,
    /// Least deposit that registers with the token, yoctoNEAR.
    pub token_storage: u128,
    /// Final height just before the coordinator existed: where a mirror starts.
    pub height: u64,
}

/// Deploys both and lists the token.
pub(super) async fn deploy(root: &Sender, programs: &Programs, config: &Config) -> anyhow::Result<Deployment> {
    let owner = root.account_id();
    let contract: AccountId = format!("piecework.{owner}").parse()?;
    let token: AccountId = format!("token.{owner}").parse()?;
    let height = root.rpc().head().await?.height;
    let key = root.pool().lane().await.public_key().clone();

    let spec =
        TokenSpec { name: "Piecework local".to_owned(), symbol: "PWL".to_owned(), decimals: LOCAL_TOKEN_DECIMALS };
    let request = requests::account_create(token.clone(), key.clone(), 10 * NEAR);
    let cap = 1_000_000_000 * TOKEN_UNIT;
    let request = requests::add_token(request, read_wasm(&programs.token)?, owner, cap, &spec)?;
    execute(root, request).await?;

    let request = requests::account_create(contract.clone(), key, 20 * NEAR).deploy(read_wasm(&programs.coordinator)?);
    let config = on_this_chain(root.rpc(), config.clone()).await?;
    execute(root, requests::add_contract_init(request, owner, &config)?).await?;

    let bounds: StorageBounds =
        root.rpc().view_function(&token, "storage_balance_bounds", &json!({}), BlockRef::Final).await?.value;
    execute(root, requests::storage_deposit(token.clone(), &contract, bounds.min.0)?).await?;
    let list = TokenListArgs {
        account_id: token.to_string(),
        min_reward: Amount(TOKEN_UNIT / 1000),
        rep_unit: Amount(TOKEN_UNIT / 100),
        // One NEAR for each whole token that a slot could earn.
        bond_rate: Amount(bond_rate(NEAR, LOCAL_TOKEN_DECIMALS).unwrap_or(u128::MAX)),
    };
    execute(root, requests::token_list(contract.clone(), &list)?).await?;
    let tokens = crate::coordinator::Coordinator::new(root.rpc().clone(), contract.clone()).tokens().await?;
    let listed = tokens.iter().find(|listed| listed.account_id == token.as_str());
    let token_id = listed.map(|listed| listed.token).ok_or_else(|| {
        Problem::new("the coordinator did not list the token", "rebuild the contracts: ./scripts/build-contracts")
    })?;
    Ok(Deployment { contract, token, token_id, token_storage: bounds.min.0, height })
}

pub(super) async fn execute(sender: &Sender, request: TxRequest) -> anyhow::Result<()> {
    sender.execute(request, WaitLevel::Final).await?;
    Ok(())
}
