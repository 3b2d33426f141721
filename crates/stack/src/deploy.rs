//! The contracts of a local network: a reward token and the coordinator, owned by the chain's root account.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join;
use piecework_chain::{
    AccountId, Coordinator, KeyError, KeyPool, LAG, LAG_POLL, Outcome, PublicKey, RpcClient, SecretKey, Sender,
    TxError, TxRequest, ViewError, WaitLevel, ft, requests,
};
use piecework_client::{
    calls,
    token::{self, TokenSpec},
};
use piecework_console::{
    Problem,
    amount::{ONE_NEAR, bond_rate},
};
use piecework_interface::{
    amount::Amount,
    call::{ClassRegisterArgs, TokenListArgs},
    ids::ClassId,
};

use crate::{launch, plan::Plan, programs::Programs};

/// The class of work that local nodes declare: the first that is registered.
pub const CLASS: ClassId = ClassId(0);
/// Its name.
pub(crate) const CLASS_NAME: &str = "digits";
/// Decimals of the local reward token.
pub const LOCAL_TOKEN_DECIMALS: u8 = 6;
#[expect(clippy::as_conversions, reason = "a constant has no other way from u8 to u32")]
const TOKEN_UNIT: u128 = 10_u128.pow(LOCAL_TOKEN_DECIMALS as u32);

/// Contracts that are deployed, initialized and know each other.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The coordinator.
    pub contract: AccountId,
    /// The reward token's account.
    pub token: AccountId,
    /// Least deposit that registers with the token, yoctoNEAR.
    pub token_storage: u128,
    /// Final height just before the coordinator existed: where a mirror starts.
    pub height: u64,
}

/// Deploys both, under the root account's lasting key, lists the token and registers the class. The sender that it returns sees all that.
pub(crate) async fn deploy(
    root: &Sender,
    key: &PublicKey,
    programs: &Programs,
    plan: &Plan,
    height: u64,
) -> anyhow::Result<(Deployment, Sender)> {
    let owner = root.account_id();
    let contract: AccountId = format!("piecework.{owner}").parse()?;
    let token: AccountId = format!("token.{owner}").parse()?;

    let spec =
        TokenSpec { name: "Piecework local".to_owned(), symbol: "PWL".to_owned(), decimals: LOCAL_TOKEN_DECIMALS };
    let request = requests::account_create(token.clone(), key.clone(), 10 * ONE_NEAR);
    let cap = 1_000_000_000 * TOKEN_UNIT;
    let token_request = request.deploy(read_wasm(&programs.token)?).call(token::new(owner.as_str(), cap, &spec));
    let config = launch::on_this_chain(root.rpc(), plan.config.clone()).await?;
    let (code, new) = (read_wasm(&programs.coordinator)?, calls::new(owner.as_str(), &config));
    let contract_request = launch::found_request(&contract, key, 20 * ONE_NEAR, code, new);
    let (first, second) = try_join(execute(root, token_request), execute(root, contract_request)).await?;

    let root = seeing(root, first.max(second));
    let token_storage = patiently(async || Ok(ft::least_deposit(root.rpc(), &token).await?)).await?;
    let deposit = TxRequest::to(token.clone()).call(calls::storage_deposit(contract.as_str(), token_storage));
    let list = TokenListArgs {
        account_id: token.to_string(),
        min_reward: Amount(TOKEN_UNIT / 1000),
        rep_unit: Amount(TOKEN_UNIT / 100),
        // One NEAR for each whole token that a slot could earn.
        bond_rate: Amount(bond_rate(ONE_NEAR, LOCAL_TOKEN_DECIMALS).unwrap_or(u128::MAX)),
    };
    let class = ClassRegisterArgs { name: CLASS_NAME.to_owned(), ..ClassRegisterArgs::default() };
    let list = TxRequest::to(contract.clone())
        .call(calls::token_list(&list))
        .call(calls::storage_deposit(owner.as_str(), ONE_NEAR / 10))
        .call(calls::class_register(&class, config.class_deposit.0));
    let (first, second) = try_join(execute(&root, deposit), execute(&root, list)).await?;
    let root = seeing(&root, first.max(second));
    let coordinator = Coordinator::new(root.rpc(), contract.clone());
    let tokens = patiently(async || Ok(coordinator.tokens().await?)).await?;
    let unlisted =
        || Problem::new("the coordinator did not list the token", "rebuild the contracts: ./scripts/build-contracts");
    ensure!(tokens.iter().any(|listed| listed.account_id == token.as_str()), unlisted());
    Ok((Deployment { contract, token, token_storage, height }, root))
}

fn read_wasm(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Executes a request: the height from which on all that it did is seen.
pub(crate) async fn execute(sender: &Sender, request: TxRequest) -> anyhow::Result<u64> {
    Ok(execute_outcome(sender, request).await?.1)
}

/// The same with what became of it.
pub(crate) async fn execute_outcome(sender: &Sender, request: TxRequest) -> anyhow::Result<(Outcome, u64)> {
    let outcome = patiently(async || Ok(sender.execute(request.clone(), WaitLevel::Final).await?)).await?;
    let height = sender.outcome_height(&outcome).await?;
    Ok((outcome, height))
}

/// A pool of keys that were added just now.
pub(crate) async fn open_pool(
    rpc: &RpcClient,
    account_id: &AccountId,
    secrets: Vec<SecretKey>,
) -> anyhow::Result<KeyPool> {
    patiently(async || Ok(KeyPool::open(rpc, account_id.clone(), secrets.clone()).await?)).await
}

/// Asks again when what was made just now is said not to be there: the endpoint that says so lags.
async fn patiently<T>(ask: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let end = Instant::now() + LAG;
    loop {
        match ask().await {
            Err(error) if is_absent(&error) && Instant::now() < end => tokio::time::sleep(LAG_POLL).await,
            answer => return answer,
        }
    }
}

/// Whether an account, a key or a contract is missing. Nothing was sent then.
fn is_absent(error: &anyhow::Error) -> bool {
    let view = matches!(
        error.downcast_ref(),
        Some(ViewError::UnknownAccount(_) | ViewError::UnknownKey(_) | ViewError::NoContract(_))
    );
    view || matches!(error.downcast_ref(), Some(KeyError::NotOnAccount { .. }))
        || matches!(error.downcast_ref(), Some(TxError::KeyGone { .. }))
}

/// The same sender, whose answers come from no block below this height: one address may stand for several nodes, of which
/// one lags.
pub(crate) fn seeing(sender: &Sender, height: u64) -> Sender {
    Sender::new(sender.rpc().with_min_height(height), sender.pool().clone())
}
