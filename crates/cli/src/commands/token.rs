//! `piecework token`: a reward token of one's own, and the coordinator's list.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use piecework_chain::{AccountId, TxRequest, ft};
use piecework_client::{calls, token};
use piecework_console::{
    Problem,
    amount::{Decimal, format_units},
    table,
};
use piecework_stack::launch::{listing, test_withdrawal};
use serde_json::json;

use crate::{
    context::{Context, execute},
    files, tokens,
};

/// Commands about reward tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Deploy the reward token on the signing account
    Deploy(DeployArgs),
    /// Mint tokens to an account that is registered with the token
    Mint(MintArgs),
    /// List a token with the coordinator (its owner only)
    List(ListArgs),
    /// Deposit one unit of a listed token and withdraw it: who is paid in it must be able to leave with it
    Test(TestArgs),
    /// Show the listed tokens
    Show,
}

/// `token deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Token wasm, as `scripts/build-contracts` makes it
    #[arg(long, default_value = "target/contracts/piecework_reward_token.wasm", value_name = "FILE")]
    wasm: PathBuf,
    /// Account that may mint [default: the signing account]
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<AccountId>,
    /// Name
    #[arg(long)]
    name: String,
    /// Symbol
    #[arg(long)]
    symbol: String,
    /// Digits after the point
    #[arg(long, default_value_t = 6)]
    decimals: u8,
    /// Most tokens that can ever exist
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    supply_cap: Decimal,
}

/// `token mint`.
#[derive(Debug, Args)]
pub struct MintArgs {
    /// Token contract
    token: AccountId,
    /// Receiver, registered with the token
    account_id: AccountId,
    /// Amount in the token's decimals
    #[arg(allow_negative_numbers = true)]
    amount: Decimal,
}

/// `token list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// NEP-141 account
    token: AccountId,
    /// Least reward per item
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    min_reward: Decimal,
    /// Fee of one lot that earns a full step of reputation
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    rep_unit: Decimal,
    /// NEAR that a node bonds per whole token of reward at stake
    #[arg(long, value_name = "NEAR", allow_negative_numbers = true)]
    bond_per_token: Decimal,
}

/// `token test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// NEP-141 account
    token: AccountId,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Deploy(args) => deploy(context, args).await,
        TokenCommand::Mint(args) => mint(context, args).await,
        TokenCommand::List(args) => list(context, args).await,
        TokenCommand::Test(args) => test(context, args).await,
        TokenCommand::Show => show(context).await,
    }
}

async fn deploy(context: &Context, args: DeployArgs) -> anyhow::Result<()> {
    let cap = args.supply_cap.to_units(args.decimals)?;
    let wasm = files::read_wasm(&args.wasm)?;
    let signer = context.signer().await?;
    let token = signer.account_id().clone();
    let owner = args.owner.unwrap_or_else(|| token.clone());
    let spec = token::TokenSpec { name: args.name, symbol: args.symbol, decimals: args.decimals };
    let request = TxRequest::to(token.clone()).deploy(wasm).call(token::new(owner.as_str(), cap, &spec));
    execute(&signer, request).await?;
    let result = json!({ "token": token, "owner_id": owner, "total_supply_cap": cap.to_string() });
    context.output.result(&result, || format!("deployed {} on {token}; {owner} may mint", spec.symbol))
}

async fn mint(context: &Context, args: MintArgs) -> anyhow::Result<()> {
    if !ft::is_registered(&context.rpc, &args.token, &args.account_id).await? {
        bail!(Problem::new(
            format!("{} is not registered with {}", args.account_id, args.token),
            format!("run `piecework account storage-deposit {} --token {}`", args.account_id, args.token),
        ));
    }
    let decimals = ft::metadata(&context.rpc, &args.token).await?.decimals;
    let amount = args.amount.to_units(decimals)?;
    let signer = context.signer().await?;
    execute(&signer, TxRequest::to(args.token.clone()).call(token::mint(args.account_id.as_str(), amount))).await?;
    let result = json!({ "token": args.token, "account_id": args.account_id, "amount": amount.to_string() });
    context.output.result(&result, || format!("minted {} of {} to {}", args.amount, args.token, args.account_id))
}

async fn list(context: &Context, args: ListArgs) -> anyhow::Result<()> {
    let contract = context.coordinator()?.account_id().clone();
    let decimals = ft::metadata(&context.rpc, &args.token).await?.decimals;
    let list = listing(&args.token, decimals, &args.min_reward, &args.rep_unit, &args.bond_per_token)?;
    let signer = context.signer().await?;
    // The coordinator receives the token, so it must be registered with it first.
    if !ft::is_registered(&context.rpc, &args.token, &contract).await? {
        let least = ft::least_deposit(&context.rpc, &args.token).await?;
        let deposit = calls::storage_deposit(contract.as_str(), least);
        execute(&signer, TxRequest::to(args.token.clone()).call(deposit)).await?;
    }
    context.call(&signer, calls::token_list(&list)).await?;
    context.output.result(&list, || format!("{contract} lists {}", args.token))
}

async fn test(context: &Context, args: TestArgs) -> anyhow::Result<()> {
    let contract = context.coordinator()?.account_id().clone();
    let outcomes = test_withdrawal(&context.signer().await?, &contract, &args.token).await?;
    let tx_hashes: Vec<String> = outcomes.iter().map(|outcome| outcome.tx_hash.to_string()).collect();
    let result = json!({ "token": args.token, "tx_hashes": tx_hashes });
    context.output.result(&result, || format!("a unit of {} came in and left again", args.token))
}

async fn show(context: &Context) -> anyhow::Result<()> {
    let listed = context.coordinator()?.tokens().await?;
    let mut rows = Vec::new();
    for token in listed.iter().cloned() {
        let token = tokens::info(&context.rpc, token).await?;
        let account_id = token.account_id.as_ref().map_or("(NEAR)", |account_id| account_id.as_str());
        rows.push(vec![
            account_id.to_owned(),
            token.id().to_string(),
            token.symbol.clone(),
            format_units(token.listed.min_reward.0, token.decimals),
            format_units(token.listed.pool.0, token.decimals),
        ]);
    }
    context.output.result(&listed, || table(&["token", "number", "symbol", "least reward", "fees"], &rows))
}
