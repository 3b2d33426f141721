//! `piecework intent`: asking by a signature, and relaying what others signed.

mod lacks;
mod outcome;
mod reason;
mod relay;
mod sign;
pub mod tip;

pub(super) use relay::{Relayed, Status, relay};
pub use sign::PayArgs;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use piecework_chain::AccountId;
use piecework_client::calls;
use piecework_console::{Problem, Words, amount::Decimal, one_of};
use piecework_interface::{
    amount::Amount,
    call::IntentKeyAddArgs,
    key::{IntentKey, Kind, Kinds, PublicKey},
    keys::own_key,
};
use serde_json::json;

use super::{account, registered};
use crate::{context::Context, credentials, tokens};

/// Commands about signed intents and their keys.
#[derive(Debug, Subcommand)]
pub enum IntentCommand {
    /// Let a key sign intents of the signing account: of these kinds, in one token, up to a cap a day
    KeyAdd(KeyAddArgs),
    /// Take every right from a key, at once
    KeyRemove(KeyRemoveArgs),
    /// Show the keys that may sign intents of an account
    Keys(account::ShowArgs),
    /// Sign an intent with the key file; nothing is sent
    Sign(sign::SignArgs),
    /// Send signed intents, whoever signed them; one that is void does not hold up the others
    Relay(relay::RelayArgs),
}

/// `intent key-add`.
#[derive(Debug, Args)]
pub struct KeyAddArgs {
    /// The key that may sign, as ed25519:...; its secret stays where it is [default: a new key is made here]
    public_key: Option<PublicKey>,
    /// Where a new key is written [default: ACCOUNT.intents.json]
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    out: Option<PathBuf>,
    /// What it may sign
    #[arg(long, value_parser = one_of(KINDS), value_delimiter = ',', required = true)]
    kinds: Vec<Kind>,
    /// In which token: account, number or near [default: the only listed one]
    #[arg(long)]
    token: Option<String>,
    /// How much it may move per UTC day, in the token's decimals; a batch counts with its escrow
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    daily_cap: Decimal,
}

/// Kinds of intents as people write them.
const KINDS: Words<Kind> = &[
    ("transfer", "Balance to another account", Kind::Transfer),
    ("withdraw", "Balance out of the contract, to the account itself", Kind::Withdraw),
    ("create-batch", "A batch", Kind::CreateBatch),
    ("challenge", "A challenge, for its deposit", Kind::Challenge),
    ("append", "Items appended to a batch, for their escrow", Kind::Append),
    ("raise", "A higher reward of a batch, for what its lots' escrow lacks", Kind::Raise),
    ("extend-expiry", "A later expiry of a batch", Kind::ExtendExpiry),
    ("cancel", "The cancellation of a batch", Kind::Cancel),
    ("skip", "Lots taken out of a batch", Kind::Skip),
    ("forget", "The end of a closed batch's row", Kind::Forget),
];

/// `intent key-remove`.
#[derive(Debug, Args)]
pub struct KeyRemoveArgs {
    /// The key
    public_key: PublicKey,
}

/// Runs a command.
///
/// # Errors
/// If it does not succeed.
pub async fn run(context: &Context, command: IntentCommand) -> anyhow::Result<()> {
    match command {
        IntentCommand::KeyAdd(args) => key_add(context, args).await,
        IntentCommand::KeyRemove(args) => key_remove(context, args).await,
        IntentCommand::Keys(args) => {
            let account_id = args.account_id.map_or_else(|| context.account_id(), Ok)?;
            show(context, &account_id).await
        }
        IntentCommand::Sign(args) => sign::run(context, args).await,
        IntentCommand::Relay(args) => relay::run(context, args).await,
    }
}

async fn key_add(context: &Context, args: KeyAddArgs) -> anyhow::Result<()> {
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    let daily_cap = token.units(&args.daily_cap)?;
    let kinds = Kinds::of(&args.kinds);
    if daily_cap == 0 {
        bail!(Problem::new(
            "with a daily cap of 0 the key could not move anything",
            format!("pass --daily-cap AMOUNT in {}", token.symbol),
        ));
    }
    let signer = context.signer().await?;
    registered(&context.coordinator()?, signer.account_id()).await?;
    let (public_key, path) = match args.public_key {
        Some(public_key) => (public_key, None),
        None => {
            let path = args.out.unwrap_or_else(|| PathBuf::from(format!("{}.intents.json", signer.account_id())));
            let key = credentials::create(signer.account_id(), &path)?;
            (key.public_key.to_string().parse()?, Some(path))
        }
    };
    let add = IntentKeyAddArgs { public_key, kinds, token: token.id(), daily_cap: Amount(daily_cap) };
    if let Err(error) = context.call(&signer, calls::intent_key_add(&add)).await {
        if let Some(path) = &path {
            std::fs::remove_file(path)?;
        }
        return Err(error);
    }
    let place = path.map(|path| format!(", written to {}", path.display())).unwrap_or_default();
    context.output.note(format!("{public_key}{place}, may sign for {}", signer.account_id()));
    show(context, signer.account_id()).await
}

async fn key_remove(context: &Context, args: KeyRemoveArgs) -> anyhow::Result<()> {
    let signer = context.signer().await?;
    let keys = context.coordinator()?.intent_keys(signer.account_id()).await?;
    let is_own = own_key(signer.account_id().as_str()) == Some(args.public_key);
    if !is_own && keys.iter().all(|key| key.public_key != args.public_key || key.kinds == Kinds::NONE) {
        let what = format!("{} signs nothing for {} as it is", args.public_key, signer.account_id());
        bail!(Problem::new(what, "see the keys that do with `piecework intent keys`"));
    }
    context.call(&signer, calls::intent_key_remove(args.public_key)).await?;
    context.output.note(format!("{} signs nothing for {} any more", args.public_key, signer.account_id()));
    show(context, signer.account_id()).await
}

async fn show(context: &Context, account_id: &AccountId) -> anyhow::Result<()> {
    let keys = context.coordinator()?.intent_keys(account_id).await?;
    let mut lines = Vec::with_capacity(keys.len());
    for key in &keys {
        lines.push(describe(context, key).await?);
    }
    context.output.result(&json!({ "account_id": account_id, "keys": keys }), || match lines.is_empty() {
        true => format!("no key is registered for intents of {account_id}"),
        false => lines.join("\n"),
    })
}

async fn describe(context: &Context, key: &IntentKey) -> anyhow::Result<String> {
    if key.kinds == Kinds::NONE {
        return Ok(format!("{}  removed", key.public_key));
    }
    let kinds = serde_json::to_value(key.kinds)?;
    let kinds: Vec<&str> = kinds.as_array().into_iter().flatten().filter_map(|kind| kind.as_str()).collect();
    let limit = match key.limit {
        None => "without a limit".to_owned(),
        Some(limit) => {
            let token = tokens::resolve(context, Some(&limit.token.to_string())).await?;
            format!("{} of {} a day", token.show(limit.spent.0), token.show(limit.daily_cap.0))
        }
    };
    let last = key.numbers.last().map_or_else(|| "never used".to_owned(), |number| format!("last number {number}"));
    Ok(format!("{}  {}  {limit}  {last}", key.public_key, kinds.join(", ")))
}
