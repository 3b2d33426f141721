//! `piecework account`: NEAR accounts, storage deposits, internal balances.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, BlockRef, TxRequest, ft, requests};
use piecework_client::{calls, token};
use piecework_console::{
    Problem,
    amount::{Decimal, format_near, format_units},
};
use piecework_interface::ids::TokenId;
use serde_json::json;

use super::{near_amount, registered};
use crate::{
    context::{Context, execute},
    credentials,
    tokens::{self, TokenInfo},
};

/// Commands about accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create a sub-account of the signing account, with a new key
    Create(CreateArgs),
    /// Show an account's balances, stake and storage
    Show(ShowArgs),
    /// Credit reward tokens to the internal balance of the signing account, or of another
    Deposit(DepositArgs),
    /// Withdraw an internal balance; all of it without an amount
    Withdraw(WithdrawArgs),
    /// Register an account, or raise its storage deposit
    StorageDeposit(StorageArgs),
    /// Take back storage deposit that backs no bytes; all of it without an amount
    WithdrawStorage(WithdrawStorageArgs),
}

/// `account create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// New account, such as node1.alice.testnet
    account_id: AccountId,
    /// NEAR it starts with
    #[arg(long, default_value = "1", value_name = "NEAR", allow_negative_numbers = true)]
    amount: Decimal,
    /// Where its key is written [default: ACCOUNT.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `account show`, `intent keys`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Account [default: the signing account]
    pub account_id: Option<AccountId>,
}

/// `account deposit`.
#[derive(Debug, Args)]
pub struct DepositArgs {
    /// Amount in the token's decimals
    #[arg(allow_negative_numbers = true)]
    amount: Decimal,
    /// Token: account, number or near [default: the only listed one]
    #[arg(long)]
    token: Option<String>,
    /// Account that gets the credit [default: the signing account]
    #[arg(long = "for", value_name = "ACCOUNT")]
    receiver_id: Option<AccountId>,
}

/// `account withdraw`, `intent sign withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// Amount in the token's decimals [default: everything]
    #[arg(allow_negative_numbers = true)]
    pub amount: Option<Decimal>,
    /// Token: account, number or near [default: the only listed one]
    #[arg(long)]
    pub token: Option<String>,
}

/// `account storage-deposit`.
#[derive(Debug, Args)]
pub struct StorageArgs {
    /// Account [default: the signing account]
    account_id: Option<AccountId>,
    /// NEAR to deposit [default: 0.1 with the coordinator, the least with a token]
    #[arg(long, value_name = "NEAR", allow_negative_numbers = true)]
    amount: Option<Decimal>,
    /// Register with this token, listed or not, instead of the coordinator
    #[arg(long)]
    token: Option<String>,
}

/// `account withdraw-storage`.
#[derive(Debug, Args)]
pub struct WithdrawStorageArgs {
    /// NEAR to take back [default: all that is free]
    #[arg(allow_negative_numbers = true)]
    amount: Option<Decimal>,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Create(args) => create(context, args).await,
        AccountCommand::Show(args) => show(context, args).await,
        AccountCommand::Deposit(args) => deposit(context, args).await,
        AccountCommand::Withdraw(args) => withdraw(context, args).await,
        AccountCommand::StorageDeposit(args) => storage_deposit(context, args).await,
        AccountCommand::WithdrawStorage(args) => withdraw_storage(context, args).await,
    }
}

async fn create(context: &Context, args: CreateArgs) -> anyhow::Result<()> {
    let yoctonear = near_amount("--amount", &args.amount)?;
    let signer = context.signer().await?;
    if !args.account_id.is_sub_account_of(signer.account_id()) {
        bail!(Problem::new(
            format!("{} is not a sub-account of {}", args.account_id, signer.account_id()),
            format!("choose a name such as node1.{}", signer.account_id()),
        ));
    }
    // The key is on disk before the account exists: an account whose key is lost cannot be used again.
    let path = args.out.unwrap_or_else(|| PathBuf::from(format!("{}.json", args.account_id)));
    let key = credentials::create(&args.account_id, &path)?;
    let request = requests::account_create(args.account_id.clone(), key.public_key.clone(), yoctonear);
    if let Err(error) = execute(&signer, request).await {
        std::fs::remove_file(&path)?;
        return Err(error.into());
    }
    let result = json!({ "account_id": args.account_id, "key_file": path, "near": args.amount.to_string() });
    context.output.result(&result, || {
        format!("created {} with {} NEAR; its key is in {}", args.account_id, args.amount, path.display())
    })
}

async fn show(context: &Context, args: ShowArgs) -> anyhow::Result<()> {
    let account_id = args.account_id.map_or_else(|| context.account_id(), Ok)?;
    let on_chain = context.rpc.view_account(&account_id, BlockRef::Final).await?.with_context(|| {
        Problem::new(
            format!("{account_id} does not exist on {}", context.network.name),
            "check the account's spelling and --network",
        )
    })?;
    let near = on_chain.value.amount.as_yoctonear();
    let coordinator = context.coordinator()?;
    let account = coordinator.account(&account_id).await?;
    let result = json!({ "account_id": account_id, "near": near.to_string(), "account": account });
    let mut lines = vec![format!("{account_id}: {} NEAR of its own", format_near(near))];
    match &account {
        None => lines.push(format!("not registered; run `piecework account storage-deposit {account_id}`")),
        Some(account) => {
            for balance in &account.balances {
                let listed = coordinator.tokens().await?.into_iter().find(|token| token.token == balance.token);
                let Some(listed) = listed else { continue };
                let token = tokens::info(&context.rpc, listed).await?;
                lines.push(format!("balance  {}", token.show(balance.amount.0)));
            }
            let paid = format_near(account.storage_paid.0);
            lines.push(format!("storage  {paid} NEAR, {} bytes used", account.storage_used));
            if let Some(payout) = &account.payout {
                lines.push(format!("payout   to {payout} by the keys of its machines"));
            }
            if let Some(node) = &account.node {
                let (stake, bonded) = (format_near(node.stake.0), format_near(node.bonded.0));
                lines.push(format!("stake    {stake} NEAR, {bonded} bonded"));
            }
        }
    }
    context.output.result(&result, || lines.join("\n"))
}

async fn deposit(context: &Context, args: DepositArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    let token_account = token.contract()?.clone();
    let amount = token.units(&args.amount)?;
    ensure!(amount > 0, Problem::new("the amount is 0", format!("deposit some {}", token.symbol)));
    let signer = context.signer().await?;
    let receiver_id = args.receiver_id.as_ref().unwrap_or_else(|| signer.account_id());
    registered(&coordinator, receiver_id).await?;
    let held = ft::balance(&context.rpc, &token_account, signer.account_id()).await?;
    if held < amount {
        bail!(Problem::new(
            format!("{} holds {}, not {}", signer.account_id(), token.show(held), token.show(amount)),
            "deposit less, or get more of the token first",
        ));
    }
    let contract = coordinator.account_id().as_str();
    let deposit = match &args.receiver_id {
        None => token::deposit(contract, amount),
        Some(receiver_id) => token::deposit_for(contract, amount, receiver_id.as_str()),
    };
    let outcome = execute(&signer, TxRequest::to(token_account).call(deposit)).await?;
    let result = json!({ "account_id": receiver_id, "token": token.id(), "amount": amount.to_string(), "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || format!("deposited {} for {receiver_id}", token.show(amount)))
}

async fn withdraw(context: &Context, args: WithdrawArgs) -> anyhow::Result<()> {
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    let signer = context.signer().await?;
    let account_id = signer.account_id();
    let balance = balance(context, account_id, token.id()).await?;
    let amount = args.amount.as_ref().map(|amount| token.units(amount)).transpose()?.unwrap_or(balance);
    if balance == 0 {
        let what = format!("{account_id} has no {} to withdraw", token.symbol);
        bail!(Problem::new(what, "see the balances with `piecework account show`"));
    }
    if amount == 0 || amount > balance {
        bail!(Problem::new(
            format!("{account_id} has {} to withdraw, not {}", token.show(balance), token.show(amount)),
            "withdraw at most the balance that `piecework account show` names",
        ));
    }
    if let Some(token_account) = &token.account_id
        && !ft::is_registered(&context.rpc, token_account, account_id).await?
    {
        bail!(Problem::new(
            format!("{account_id} is not registered with {token_account}, so it cannot receive {}", token.symbol),
            format!("run `piecework account storage-deposit --token {token_account}`"),
        ));
    }
    let outcome = context.call(&signer, calls::withdraw(token.id(), Some(amount))).await?;
    let result = json!({ "account_id": account_id, "token": token.id(), "amount": amount.to_string(), "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || format!("withdrew {} to {account_id}", token.show(amount)))
}

async fn storage_deposit(context: &Context, args: StorageArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let signer = context.signer().await?;
    let account_id = args.account_id.unwrap_or_else(|| signer.account_id().clone());
    let (contract, least) = match args.token.as_deref() {
        None => (coordinator.account_id().clone(), 10_u128.pow(23)),
        Some(selector) => {
            let token = token_account(context, selector).await?;
            let least = ft::least_deposit(&context.rpc, &token).await?;
            (token, least)
        }
    };
    let yoctonear = args.amount.as_ref().map(|amount| near_amount("--amount", amount)).transpose()?.unwrap_or(least);
    let deposit = calls::storage_deposit(account_id.as_str(), yoctonear);
    let outcome = execute(&signer, TxRequest::to(contract.clone()).call(deposit)).await?;
    let result = json!({ "account_id": account_id, "contract": contract, "yoctonear": yoctonear.to_string(), "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&result, || {
        format!("deposited {} NEAR of storage for {account_id} with {contract}", format_near(yoctonear))
    })
}

async fn withdraw_storage(context: &Context, args: WithdrawStorageArgs) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let signer = context.signer().await?;
    let account_id = signer.account_id();
    let free = registered(&coordinator, account_id).await?.available.0;
    let amount = args.amount.as_ref().map(|amount| near_amount("the amount", amount)).transpose()?.unwrap_or(free);
    if free == 0 || amount > free {
        bail!(Problem::new(
            format!("{} NEAR of {account_id}'s storage deposit back no bytes", format_near(free)),
            "withdraw at most these; closed and forgotten batches free more: `piecework batch forget BATCH`",
        ));
    }
    let outcome = context.call(&signer, calls::storage_withdraw(Some(amount))).await?;
    let result =
        json!({ "account_id": account_id, "yoctonear": amount.to_string(), "tx_hash": outcome.tx_hash.to_string() });
    context
        .output
        .result(&result, || format!("withdrew {} NEAR of storage deposit to {account_id}", format_near(amount)))
}

/// A listed token's account, or any other that is named: before a token is listed, accounts must register with it too.
async fn token_account(context: &Context, selector: &str) -> anyhow::Result<AccountId> {
    match (tokens::resolve(context, Some(selector)).await, selector.parse()) {
        (Ok(token), _) => Ok(token.contract()?.clone()),
        (Err(_), Ok(account_id)) => Ok(account_id),
        (Err(error), Err(_)) => Err(error),
    }
}

/// Checks that an account's balance covers what a call takes from it.
pub(crate) async fn cover(
    context: &Context,
    account_id: &AccountId,
    token: &TokenInfo,
    needed: u128,
    what: &str,
) -> anyhow::Result<()> {
    let held = balance(context, account_id, token.id()).await?;
    if held >= needed {
        return Ok(());
    }
    let missing = format_units(needed - held, token.decimals);
    bail!(Problem::new(
        format!("{what} is {}, and {account_id}'s internal balance holds {}", token.show(needed), token.show(held)),
        format!("run `piecework account deposit {missing} --token {}`", token.id()),
    ))
}

/// An account's internal balance of a token; 0 if it is registered and has none.
pub(crate) async fn balance(context: &Context, account_id: &AccountId, token: TokenId) -> anyhow::Result<u128> {
    let coordinator = context.coordinator()?;
    registered(&coordinator, account_id).await?;
    let account = coordinator.account(account_id).await?;
    let balances = account.map(|account| account.balances).unwrap_or_default();
    Ok(balances.iter().find(|balance| balance.token == token).map_or(0, |balance| balance.amount.0))
}
