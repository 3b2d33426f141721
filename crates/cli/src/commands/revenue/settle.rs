//! `piecework revenue settle`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::client::Client;
use piecework_chain::{AccountId, BlockRef, KeyFile};
use piecework_console::{Problem, table};
use piecework_interface::{
    amount::Amount,
    event::{Entry, Line},
    history::MovementKind,
    ids::TokenId,
    intent::{Action, Intent, Payment, SignedIntent},
    key::{IntentKey, Kind, PublicKey},
};
use piecework_revenue::{Date, EpochNo, Memo, Report, Share, calendar::DAY_S, payment};
use serde::Serialize;
use serde_json::json;

use super::{PolicyFile, Symbols, load, read::Mirror};
use crate::{
    commands::intent::{Relayed, Status, relay},
    context::Context,
};

/// How long a payment may take until it is executed.
const DEADLINE_S: u32 = 600;
/// How long a mirror may be behind the chain.
const CATCH_UP: Duration = Duration::from_secs(60);
/// Between two questions to a mirror that is behind.
const POLL: Duration = Duration::from_millis(500);

/// `revenue settle`.
#[derive(Debug, Args)]
pub struct SettleArgs {
    #[command(flatten)]
    policy: PolicyFile,
    /// Number of the epoch, which must be over
    #[arg(long)]
    epoch: u32,
    /// Intent key of the treasury that may transfer, with a daily cap; again for another token's
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// Show what would be paid, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It stays in the treasury, whose reserve it is.
    Kept,
    /// The journal has its payment.
    PaidBefore,
    /// It is paid now.
    Paid,
    /// It would be paid now.
    Due,
    /// The key may pay no more today.
    Tomorrow,
    /// It is more than the key may pay on any day.
    AboveCap,
    /// No key is given for its token.
    NoKey,
    /// The treasury has too little of its token.
    Short,
    /// Its account is not registered.
    Unregistered,
    /// The contract refused it: nothing moved.
    Refused,
}

/// A line with what becomes of it.
#[derive(Clone, Debug, Serialize)]
struct Payout {
    line: u32,
    account_id: String,
    token: TokenId,
    amount: Amount,
    state: State,
    tx_hash: Option<String>,
}

/// A key that pays a token.
struct Payer {
    file: KeyFile,
    public_key: PublicKey,
    key: IntentKey,
    daily_cap: u128,
    balance: u128,
    spent: u128,
}

pub(super) async fn run(context: &Context, args: SettleArgs) -> anyhow::Result<()> {
    let mirror = Mirror::open(context.gateway()?, load(&args.policy.policy)?).await?;
    let epoch = EpochNo(args.epoch);
    let (_, ends_at) = mirror.policy.bounds(epoch);
    let spinner = context.output.spinner("reading the journal");
    if mirror.network.block_at < ends_at {
        let what = format!("epoch {epoch} ends with {}, and the mirror is not there yet", Date::at(ends_at - 1));
        bail!(Problem::new(what, format!("settle it after that; `piecework revenue accrue --epoch {epoch}` shows it")));
    }
    let report = mirror.report(epoch, ends_at, &spinner).await?;

    // Keys and balances of one final block, and then what the journal shows at that block: see `payment::number`.
    let head = context.rpc.head().await?;
    let now_s = u32::try_from(head.timestamp_ns / 1_000_000_000)?;
    let coordinator = context.coordinator()?.at(BlockRef::Height(head.height));
    let treasury: AccountId = mirror.policy.treasury_id.parse()?;
    let mut payers = payers(&coordinator, &treasury, &args.keys).await?;
    catch_up(&mirror.gateway, head.height).await?;
    let paid = paid(&mirror, epoch, ends_at).await?;
    spinner.finish_and_clear();

    let mut payouts = Vec::new();
    for share in report.lines.iter().filter(|share| share.payout.0 > 0) {
        let is_registered = coordinator.account_no(&share.account_id).await?.is_some();
        let mut state = state(&mirror, &report, share, &paid, &mut payers, now_s)?;
        if state == State::Due && !is_registered {
            state = State::Unregistered;
        }
        if state == State::Due
            && let Some(payer) = payers.get_mut(&share.token)
        {
            payer.spent = payer.spent.saturating_add(share.payout.0);
        }
        let Share { line, account_id, token, payout: amount, .. } = share.clone();
        payouts.push(Payout { line, account_id, token, amount, state, tx_hash: None });
    }
    if !args.dry_run {
        pay(context, (&mirror, epoch, ends_at, now_s), &payers, &mut payouts).await?;
    }
    show(context, &mirror.gateway, (&report, now_s), &payouts).await
}

/// The key files' keys, by the token that each pays.
async fn payers(
    coordinator: &piecework_chain::Coordinator,
    treasury: &AccountId,
    files: &[PathBuf],
) -> anyhow::Result<BTreeMap<TokenId, Payer>> {
    let keys = coordinator.intent_keys(treasury).await?;
    let account = coordinator.account(treasury).await?;
    let mut payers = BTreeMap::new();
    for path in files {
        let file = KeyFile::read(path).with_context(|| format!("no key from --key {}", path.display()))?;
        let fix = format!(
            "its owner runs `piecework intent key-add {} --kinds transfer --daily-cap AMOUNT`",
            file.public_key
        );
        let not_ed25519 =
            || Problem::new("intents need an ed25519 key", "pass a key whose public half begins with ed25519:");
        let public_key: PublicKey = file.public_key.to_string().parse().map_err(|_| not_ed25519())?;
        let key = keys.iter().find(|key| key.public_key == public_key && key.kinds.has(Kind::Transfer));
        let Some((key, limit)) = key.and_then(|key| Some((key.clone(), key.limit?))) else {
            bail!(Problem::new(format!("{public_key} is no capped key that may transfer for {treasury}"), fix));
        };
        // Two keys have numbers of their own: two runs could pay a line by each.
        let of_token = |key: &&IntentKey| {
            key.kinds.has(Kind::Transfer) && key.limit.is_none_or(|other| other.token == limit.token)
        };
        if keys.iter().filter(of_token).count() > 1 {
            let what = format!(
                "{treasury} has several keys that may transfer token {}, and only by one is a line paid once",
                limit.token
            );
            bail!(Problem::new(what, "remove the others with `piecework intent key-remove`"));
        }
        let balances = account.as_ref().map(|account| account.balances.as_slice()).unwrap_or_default();
        let balance =
            balances.iter().find(|balance| balance.token == limit.token).map_or(0, |balance| balance.amount.0);
        let payer = Payer { file, public_key, key, daily_cap: limit.daily_cap.0, balance, spent: 0 };
        payers.insert(limit.token, payer);
    }
    Ok(payers)
}

/// Waits until the mirror has the block.
async fn catch_up(gateway: &Client, height: u64) -> anyhow::Result<()> {
    let end = Instant::now() + CATCH_UP;
    loop {
        match gateway.network(Some(height)).await {
            Err(error) if error.is_passing() && Instant::now() < end => tokio::time::sleep(POLL).await,
            Err(error) => {
                let what = format!("the gateway does not show block {height}, so that what is paid is not known");
                return Err(
                    anyhow::Error::from(error).context(Problem::new(what, "try again once its mirror has caught up"))
                );
            }
            Ok(_) => return Ok(()),
        }
    }
}

/// What the journal shows of the treasury's payments of an epoch: token and amount by line.
async fn paid(mirror: &Mirror, epoch: EpochNo, ends_at: u64) -> anyhow::Result<BTreeMap<u32, (TokenId, u128)>> {
    let (gateway, treasury_id) = (&mirror.gateway, &mirror.policy.treasury_id);
    let treasury: Option<piecework_api::Account> = gateway.get(&format!("/v1/accounts/{treasury_id}")).await?;
    let treasury = treasury.with_context(|| {
        let fix = format!("run `piecework account storage-deposit {treasury_id}`");
        Problem::new(format!("the treasury {treasury_id} is not registered"), fix)
    })?;
    let mut lines: Vec<u64> = gateway
        .ledger_since(treasury_id, ends_at)
        .await?
        .into_iter()
        .filter(|entry| entry.kind == MovementKind::Transfer && !entry.credit)
        .map(|entry| entry.seq)
        .collect();
    lines.dedup();
    let mut paid = BTreeMap::new();
    for seq in lines {
        let page = gateway.events(seq, 1, None).await?;
        let text = page.items.into_iter().next().and_then(|event| event.line);
        let line = Line::parse(&text.with_context(|| format!("the gateway left line {seq} out"))?)?;
        for entry in line.map(|line| line.log).unwrap_or_default() {
            let Entry::Transferred { account, token, amount, memo, .. } = entry else { continue };
            let memo = memo.and_then(|memo| memo.parse::<Memo>().ok());
            let Some(memo) = memo.filter(|memo| memo.epoch == epoch && account == treasury.account) else { continue };
            if memo.policy != mirror.digest {
                let what = format!(
                    "line {seq} of the journal paid of epoch {epoch} by another policy, {}",
                    hex::encode(memo.policy)
                );
                bail!(Problem::new(what, "settle the epoch by that policy: pass it with --policy"));
            }
            paid.insert(memo.line, (token, amount.0));
        }
    }
    Ok(paid)
}

fn state(
    mirror: &Mirror,
    report: &Report,
    share: &Share,
    paid: &BTreeMap<u32, (TokenId, u128)>,
    payers: &mut BTreeMap<TokenId, Payer>,
    now_s: u32,
) -> anyhow::Result<State> {
    if share.account_id == mirror.policy.treasury_id {
        return Ok(State::Kept);
    }
    if let Some((token, amount)) = paid.get(&share.line) {
        if (*token, *amount) != (share.token, share.payout.0) {
            bail!(Problem::new(
                format!(
                    "line {} of epoch {} is {}, and {amount} of token {token} were paid",
                    share.line, report.epoch, share.payout.0
                ),
                "this gateway shows another journal than the one it was paid by: ask another",
            ));
        }
        return Ok(State::PaidBefore);
    }
    let Some(payer) = payers.get(&share.token) else { return Ok(State::NoKey) };
    let after = payer.spent.saturating_add(share.payout.0);
    Ok(match () {
        () if share.payout.0 > payer.daily_cap => State::AboveCap,
        () if after > payer.balance => State::Short,
        () if !payer.key.affords(after, now_s) => State::Tomorrow,
        () => State::Due,
    })
}

/// Pays what is due, in the order of its numbers, and notes what became of it.
async fn pay(
    context: &Context,
    (mirror, epoch, ends_at, now_s): (&Mirror, EpochNo, u64, u32),
    payers: &BTreeMap<TokenId, Payer>,
    payouts: &mut [Payout],
) -> anyhow::Result<()> {
    let contract = context.coordinator()?;
    let mut intents: Vec<(u64, usize, SignedIntent)> = Vec::new();
    for (place, payout) in payouts.iter().enumerate().filter(|(_, payout)| payout.state == State::Due) {
        let payer = payers.get(&payout.token).context("a payment without a key")?;
        let number = payment::number(&payer.key, ends_at, payout.line, now_s).with_context(|| {
            Problem::new(
                format!("{} has executed intents with numbers up to a day ahead", payer.public_key),
                "wait until they have passed, and keep the key for settling alone",
            )
        })?;
        let memo = Memo { policy: mirror.digest, epoch, line: payout.line };
        let payment = Payment {
            receiver_id: payout.account_id.clone(),
            token: payout.token,
            amount: payout.amount,
            memo: Some(memo.to_string()),
        };
        let intent = Intent {
            chain_id: mirror.policy.chain_id.clone(),
            account_id: mirror.policy.treasury_id.clone(),
            deadline: now_s.saturating_add(DEADLINE_S),
            kind: Action::Transfer(payment),
        };
        let sign = |digest: &[u8; 32]| payer.file.sign_ed25519(digest).map_or([0; 64], |(_, signature)| signature);
        intents.push((number, place, intent.signed((contract.account_id().as_str(), number), payer.public_key, sign)?));
    }
    // A key takes no number below its sixteen highest: lower ones come first.
    intents.sort_by_key(|(number, ..)| *number);
    if intents.is_empty() {
        return Ok(());
    }
    let signed: Vec<SignedIntent> = intents.iter().map(|(.., signed)| signed.clone()).collect();
    let relayed: Vec<Relayed> = relay(context, &signed).await?;
    for ((_, place, _), relayed) in intents.iter().zip(relayed) {
        if let Some(payout) = payouts.get_mut(*place) {
            payout.state = if relayed.status == Status::Executed { State::Paid } else { State::Refused };
            payout.tx_hash = Some(relayed.tx_hash);
        }
    }
    Ok(())
}

async fn show(
    context: &Context,
    gateway: &Client,
    (report, now_s): (&Report, u32),
    payouts: &[Payout],
) -> anyhow::Result<()> {
    let is_done = |payout: &Payout| matches!(payout.state, State::Kept | State::PaidBefore | State::Paid);
    let complete = payouts.iter().all(is_done);
    let go_on = payouts.iter().any(|payout| payout.state == State::Tomorrow);
    let go_on_at = go_on.then(|| (u64::from(now_s) / DAY_S + 1) * DAY_S);
    let (_, digest) = report.bytes()?;
    let symbols = Symbols::read(gateway).await?;
    let value = json!({
        "epoch": report.epoch, "report": hex::encode(digest), "complete": complete, "go_on_at": go_on_at, "payouts": payouts,
    });
    context.output.result(&value, || {
        let rows: Vec<Vec<String>> = payouts
            .iter()
            .map(|payout| {
                let amount = symbols.show(payout.token, payout.amount.0);
                vec![payout.line.to_string(), payout.account_id.clone(), amount, say(payout.state).to_owned()]
            })
            .collect();
        let mut text = table(&["line", "account", "amount", "state"], &rows);
        if let Some(at) = go_on_at {
            text += &format!("\nthe key's cap of the day is reached: go on after {}", Date::at(at - 1));
        }
        if complete {
            text += &format!("\nepoch {} is settled", report.epoch);
        }
        text
    })
}

const fn say(state: State) -> &'static str {
    match state {
        State::Kept => "stays in the treasury",
        State::PaidBefore => "was paid before",
        State::Paid => "paid",
        State::Due => "due",
        State::Tomorrow => "waits for the next day's cap",
        State::AboveCap => "is above the key's daily cap: raise it",
        State::NoKey => "needs a --key of its token",
        State::Short => "is more than the treasury's balance: poke the token, or deposit",
        State::Unregistered => "waits until its account is registered",
        State::Refused => "was refused, and nothing moved: run it again",
    }
}
