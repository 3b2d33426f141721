//! What stands of a market: everything that the steps are compared with.

use std::collections::BTreeSet;

use anyhow::Context as _;
use piecework_chain::{AccountId, BlockRef, Coordinator, RpcClient, ViewError, ft};
use piecework_client::pages;
use piecework_console::Problem;
use piecework_interface::{
    call::{PAGE_MAX, TokenListArgs},
    governance::Settings,
    ids::{AccountNo, ClassId, TokenId},
    view::{Class, Token},
};

use super::LaunchPlan;

/// What the newest final block has of a market.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// yoctoNEAR of a unit of gas.
    pub gas_price: u128,
    /// yoctoNEAR of the signing account.
    pub yoctonear: u128,
    /// SHA-256 of the contract account's code, zeros without; `None` if there is no such account.
    pub code_hash: Option<[u8; 32]>,
    /// The contract account's full-access keys.
    pub keys: Vec<String>,
    /// What the contract says, if it is initialised.
    pub market: Option<Market>,
    /// The plan's tokens, in its order.
    pub tokens: Vec<FoundToken>,
    /// Tokens whose test withdrawal this process saw.
    pub tested: BTreeSet<AccountId>,
}

/// What the coordinator says.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub settings: Settings,
    pub tokens: Vec<Token>,
    pub classes: Vec<Class>,
    /// Storage deposit of the signing account, yoctoNEAR; 0 before it is registered.
    pub signer_paid: u128,
    /// The treasury's account and its storage deposit.
    pub treasury: Option<(AccountNo, u128)>,
}

/// What one of the plan's tokens says.
#[derive(Clone, Debug)]
pub(super) struct FoundToken {
    pub listing: TokenListArgs,
    pub symbol: String,
    /// Least deposit that registers with it, yoctoNEAR.
    pub least: u128,
    /// Whether the coordinator can receive it.
    pub is_registered: bool,
    /// Units that the signing account holds, with the coordinator or outside.
    pub units: u128,
}

impl Found {
    /// Reads the chain.
    pub(super) async fn read(rpc: &RpcClient, plan: &LaunchPlan, signer: &AccountId) -> anyhow::Result<Self> {
        let final_account = async |account_id| rpc.view_account(account_id, BlockRef::Final).await;
        let yoctonear = final_account(signer).await?.map_or(0, |account| account.value.amount.as_yoctonear());
        let account = final_account(&plan.contract).await?.map(|account| account.value);
        let code_hash = account.map(|account| account.code_hash.0);
        let has_code = code_hash.is_some_and(|hash| hash != [0; 32]);
        let market = if has_code { Market::read(rpc, plan, signer).await? } else { None };
        let mut tokens = Vec::new();
        for token in &plan.tokens {
            tokens.push(FoundToken::read(rpc, plan, token, signer, market.as_ref()).await?);
        }
        Ok(Self {
            gas_price: rpc.gas_price().await?,
            yoctonear,
            code_hash,
            keys: rpc.view_full_access_keys(&plan.contract, BlockRef::Final).await?,
            market,
            tokens,
            tested: BTreeSet::new(),
        })
    }
}

impl Market {
    /// `None` if the code there was never initialised, or is another contract.
    async fn read(rpc: &RpcClient, plan: &LaunchPlan, signer: &AccountId) -> anyhow::Result<Option<Self>> {
        let coordinator = Coordinator::new(rpc, plan.contract.clone());
        let settings = match coordinator.settings().await {
            Ok(settings) => settings,
            Err(ViewError::Contract { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let paid = async |account_id: &AccountId| -> Result<u128, ViewError> {
            Ok(coordinator.storage_balance(account_id).await?.map_or(0, |balance| balance.total.0))
        };
        let treasury = match &plan.treasury {
            Some(account_id) => match coordinator.account_no(account_id).await? {
                Some(number) => Some((number, paid(account_id).await?)),
                None => None,
            },
            None => None,
        };
        let mut classes = Vec::new();
        for from in pages(u32::from(coordinator.root().await?.value.next_class)) {
            classes.extend(coordinator.classes(ClassId(u16::try_from(from)?), PAGE_MAX).await?);
        }
        let (signer_paid, tokens) = (paid(signer).await?, coordinator.tokens().await?);
        Ok(Some(Self { settings, tokens, classes, signer_paid, treasury }))
    }

    /// Whether the configuration holds, with which only proposals change anything.
    pub(super) fn is_sealed(&self) -> bool {
        !self.settings.config.chain_id.is_empty()
    }
}

impl FoundToken {
    async fn read(
        rpc: &RpcClient,
        plan: &LaunchPlan,
        token: &super::TokenPlan,
        signer: &AccountId,
        market: Option<&Market>,
    ) -> anyhow::Result<Self> {
        let account_id = &token.account_id;
        let no_token = || {
            let fix = "correct the token's account in the plan, or deploy the token first: `piecework token deploy`";
            Problem::new(format!("{account_id} is no NEP-141 token"), fix)
        };
        let metadata = ft::metadata(rpc, account_id).await.with_context(no_token)?;
        let outside = ft::balance(rpc, account_id, signer).await.with_context(no_token)?;
        let number = market.and_then(|market| {
            let listed = market.tokens.iter().find(|listed| listed.account_id == account_id.as_str());
            listed.map(|listed| listed.token)
        });
        let inside = match number {
            Some(number) => balance(rpc, &plan.contract, signer, number).await?,
            None => 0,
        };
        Ok(Self {
            listing: token.listing(metadata.decimals)?,
            symbol: metadata.symbol,
            least: ft::least_deposit(rpc, account_id).await.with_context(no_token)?,
            is_registered: ft::is_registered(rpc, account_id, &plan.contract).await.with_context(no_token)?,
            units: outside.saturating_add(inside),
        })
    }
}

/// An account's internal balance of a token; 0 if it is not registered.
pub(super) async fn balance(
    rpc: &RpcClient,
    contract: &AccountId,
    account_id: &AccountId,
    token: TokenId,
) -> Result<u128, ViewError> {
    let account = Coordinator::new(rpc, contract.clone()).account(account_id).await?;
    let balances = account.map(|account| account.balances).unwrap_or_default();
    Ok(balances.iter().find(|balance| balance.token == token).map_or(0, |balance| balance.amount.0))
}
