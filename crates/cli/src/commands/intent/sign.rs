//! `piecework intent sign`: what a wallet's `signMessage` does, with a key file.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use piecework_chain::AccountId;
use piecework_console::{Problem, amount::Decimal};
use piecework_interface::{
    amount::Amount,
    call::{self, BatchAppendArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchSkipLotsArgs, WithdrawArgs},
    ids::{BatchId, LotId},
    intent::{Action, Append, Challenge, Intent, MEMO_MAX, Payment, Raise, SKIPPED_MAX, SignedIntent},
    key::{DEADLINE_MAX_S, IntentKey, PublicKey},
    keys::own_key,
};

use serde::de::DeserializeOwned;

use super::lacks::{Draft, lacks};
use crate::{
    commands::{
        account,
        batch::{
            append,
            challenge::{self, ChallengeArgs},
            raise::{self, RaiseArgs},
        },
    },
    context::Context,
    files,
    terms::seconds,
    tokens,
};

/// `intent sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    #[command(subcommand)]
    what: SignCommand,
    /// Account whose balance moves [default: the key file's]
    #[arg(long = "for", global = true, value_name = "ACCOUNT")]
    account_id: Option<AccountId>,
    /// Void after so long, at most 24h
    #[arg(long, global = true, default_value = "1h", value_parser = humantime::parse_duration, value_name = "TIME")]
    deadline: Duration,
    /// Number of the intent, in milliseconds since 1970: new to the key and at most a day ahead [default: now]
    #[arg(long, global = true, value_name = "MS")]
    nonce: Option<u64>,
    /// Write to this file instead of stdout
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What can be signed.
#[derive(Debug, Subcommand)]
pub enum SignCommand {
    /// Move balance to another registered account
    Transfer(PayArgs),
    /// Send balance out to the account itself
    Withdraw(account::WithdrawArgs),
    /// Create a batch from the balance
    CreateBatch(BatchArgs),
    /// Have a jury look at results that are wrong, for a deposit out of the balance
    Challenge(ChallengeArgs),
    /// Append items to a batch, for their escrow out of the balance
    Append(AppendArgs),
    /// Raise the reward of lots that wait, for what their escrow lacks out of the balance
    Raise(RaiseArgs),
    /// Let a batch expire later
    ExtendExpiry(ExtendExpiryArgs),
    /// Take no more claims for a batch
    Cancel(OneBatch),
    /// Take lots that no node holds out of a batch, 4 at most
    Skip(SkipArgs),
    /// Drop what the contract keeps of a closed batch
    Forget(OneBatch),
}

/// `intent sign append`.
#[derive(Debug, Args)]
pub struct AppendArgs {
    /// What is appended, as `piecework batch append --spec-out FILE` writes it
    spec: PathBuf,
}

/// `intent sign extend-expiry`.
#[derive(Debug, Args)]
pub struct ExtendExpiryArgs {
    /// Number of the batch
    batch: u32,
    /// Time from now after which nothing new is claimed, such as 7d
    #[arg(value_parser = seconds, value_name = "TIME")]
    expires: u32,
}

/// A batch.
#[derive(Debug, Args)]
pub struct OneBatch {
    /// Number of the batch
    batch: u32,
}

/// `intent sign skip`.
#[derive(Debug, Args)]
pub struct SkipArgs {
    /// Number of the batch
    batch: u32,
    /// Numbers of lots, 4 at most
    #[arg(required = true, value_delimiter = ',', num_args = 1, value_name = "LOTS")]
    lots: Vec<u32>,
}

/// `intent sign transfer`.
#[derive(Debug, Args)]
pub struct PayArgs {
    /// Receiver
    receiver_id: AccountId,
    /// Amount in the token's decimals
    #[arg(allow_negative_numbers = true)]
    amount: Decimal,
    /// Token: account, number or near [default: the only listed one]
    #[arg(long)]
    pub(super) token: Option<String>,
    /// A word with it, which everybody can read
    #[arg(long)]
    memo: Option<String>,
}

/// `intent sign create-batch`.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// The batch, as `piecework batch create --spec-out FILE` writes it
    spec: PathBuf,
    /// Token: account, number or near [default: the only listed one]
    #[arg(long)]
    token: Option<String>,
}

pub(super) async fn run(context: &Context, args: SignArgs) -> anyhow::Result<()> {
    let kind = action(context, args.what).await?;
    let (account_id, signed) = sign(context, kind, args.account_id, args.deadline, args.nonce, Use::Kept).await?;
    let text = serde_json::to_string(&signed)?;
    match args.out {
        // What is signed is a document: it is JSON for people as well.
        None => context.output.result(&signed, || text),
        Some(path) => {
            fs::write(&path, text + "\n").with_context(|| {
                Problem::new(format!("{} cannot be written", path.display()), "choose another file for --out")
            })?;
            context
                .output
                .note(format!("signed for {account_id}; relay it with `piecework intent relay {}`", path.display()));
            Ok(())
        }
    }
}

/// What becomes of a signed intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is written down, for later.
    Kept,
    /// It is sent at once.
    Sent,
}

/// An intent of an account, the key file's by default, signed with the key file.
pub(super) async fn sign(
    context: &Context,
    kind: Action,
    account_id: Option<AccountId>,
    deadline: Duration,
    nonce: Option<u64>,
    use_of: Use,
) -> anyhow::Result<(AccountId, SignedIntent)> {
    let coordinator = context.coordinator()?;
    let key = context.key()?;
    let account_id = account_id.unwrap_or_else(|| key.account_id.clone());
    let chain_id = coordinator.config().await?.chain_id;
    if chain_id.is_empty() {
        let what = format!("{} does not know its chain, so it executes no intent", coordinator.account_id());
        bail!(Problem::new(what, "its owner can set it: `piecework govern propose config --set chain_id=ID`"));
    }
    if deadline > Duration::from_secs(DEADLINE_MAX_S.into()) {
        bail!(Problem::new("--deadline is more than 24 hours ahead", "sign again when it is needed"));
    }
    let deadline = context.now_s().await?.saturating_add(u32::try_from(deadline.as_secs())?);
    let not_ed25519 =
        || Problem::new("intents need an ed25519 key", "pass a key file whose public key begins with ed25519:");
    let public_key: PublicKey = key.public_key.to_string().parse().map_err(|_| not_ed25519())?;
    let own = || (own_key(account_id.as_str()) == Some(public_key)).then(|| IntentKey::own(public_key));
    let keys = coordinator.intent_keys(&account_id).await?;
    let registered = keys.into_iter().find(|key| key.public_key == public_key).or_else(own);
    let draft = Draft { account_id: account_id.as_str(), public_key, key: registered.as_ref(), action: &kind };
    for lack in lacks(context, &draft).await? {
        match use_of {
            // It is said, not refused: what it lacks may come later.
            Use::Kept => context.output.note(format!("note: {}: {}", lack.what, lack.fix)),
            Use::Sent => return Err(Problem::from(lack).into()),
        }
    }
    let number = number(registered.as_ref(), nonce)?;
    let intent = Intent { chain_id, account_id: account_id.to_string(), deadline, kind };
    let contract = coordinator.account_id();
    let sign = |digest: &[u8; 32]| key.sign_ed25519(digest).map_or([0; 64], |(_, signature)| signature);
    let signed = intent.signed((contract.as_str(), number), public_key, sign)?;
    Ok((account_id, signed))
}

async fn action(context: &Context, what: SignCommand) -> anyhow::Result<Action> {
    let resolve = async |token: Option<String>| tokens::resolve(context, token.as_deref()).await;
    Ok(match what {
        SignCommand::Transfer(args) => Action::Transfer(payment(&resolve(args.token.clone()).await?, args)?),
        SignCommand::Withdraw(args) => {
            let token = resolve(args.token).await?;
            let amount = args.amount.as_ref().map(|amount| token.units(amount)).transpose()?.map(Amount);
            Action::Withdraw(WithdrawArgs { token: token.id(), amount })
        }
        SignCommand::CreateBatch(args) => {
            let token = resolve(args.token).await?.id();
            Action::CreateBatch(BatchCreateArgs {
                token,
                batch: document(&args.spec, "piecework batch create --from ITEMS --reward AMOUNT")?,
            })
        }
        SignCommand::Challenge(args) => {
            let prepared = challenge::prepare(context, &args).await?;
            let token = prepared.token.id();
            Action::Challenge(Challenge { token, challenge: prepared.call(context).await? })
        }
        SignCommand::Append(args) => {
            let append: BatchAppendArgs = document(&args.spec, "piecework batch append BATCH --from ITEMS")?;
            let known = context.coordinator()?.batch(append.batch).await?.and_then(|batch| batch.open);
            let open = known.with_context(|| {
                Problem::new(
                    format!("batch {} is closed", append.batch),
                    "append to one that lives: `piecework batch list`",
                )
            })?;
            Action::Append(Append { token: open.token, append })
        }
        SignCommand::Raise(args) => {
            let prepared = raise::prepare(context, &args).await?;
            Action::Raise(Raise { token: prepared.token.id(), raise: prepared.call })
        }
        SignCommand::ExtendExpiry(ExtendExpiryArgs { batch, expires }) => {
            let (_, expires_at) = append::extension(context, BatchId(batch), expires).await?;
            Action::ExtendExpiry(BatchExtendExpiryArgs { batch: BatchId(batch), expires_at })
        }
        SignCommand::Cancel(OneBatch { batch }) => Action::Cancel(call::BatchArgs { batch: BatchId(batch) }),
        SignCommand::Skip(SkipArgs { batch, lots }) => {
            if lots.len() > SKIPPED_MAX {
                bail!(Problem::new(
                    format!("{} lots are named", lots.len()),
                    "sign 4 at most, or use `piecework batch skip`"
                ));
            }
            let lots = lots.into_iter().map(LotId).collect();
            Action::Skip(BatchSkipLotsArgs { batch: BatchId(batch), lots })
        }
        SignCommand::Forget(OneBatch { batch }) => Action::Forget(call::BatchArgs { batch: BatchId(batch) }),
    })
}

/// What a command wrote with `--spec-out`.
fn document<T: DeserializeOwned>(path: &Path, command: &str) -> anyhow::Result<T> {
    let fix = format!("write it with `{command} --spec-out FILE`");
    let text = files::read_text(path, &fix)?;
    let spec = serde_json::from_str(&text);
    spec.with_context(|| Problem::new(format!("{} holds no such thing", path.display()), fix))
}

pub(super) fn payment(token: &tokens::TokenInfo, args: PayArgs) -> anyhow::Result<Payment> {
    let amount = token.units(&args.amount)?;
    if amount == 0 {
        bail!(Problem::new("the amount is 0", format!("give some {}", token.symbol)));
    }
    if args.memo.as_ref().is_some_and(|memo| memo.len() > MEMO_MAX) {
        bail!(Problem::new(format!("--memo has more than {MEMO_MAX} bytes"), "shorten it"));
    }
    Ok(Payment {
        receiver_id: args.receiver_id.to_string(),
        token: token.id(),
        amount: Amount(amount),
        memo: args.memo,
    })
}

/// A number that is new to the key: the given one, or the first from now on.
fn number(key: Option<&IntentKey>, given: Option<u64>) -> anyhow::Result<u64> {
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let now_s = u32::try_from(now_ms / 1_000)?;
    let is_new = |number: &u64| key.is_none_or(|key| key.takes(*number, now_s));
    match given {
        Some(number) if !is_new(&number) => bail!(Problem::new(
            format!("--nonce {number} is used, below the key's 16 highest, or more than a day ahead"),
            "pass the time in milliseconds since 1970, or leave it out"
        )),
        Some(number) => Ok(number),
        None => (now_ms..now_ms.saturating_add(1_000)).find(is_new).context("the key has no number left"),
    }
}
