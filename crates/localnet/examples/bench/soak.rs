//! A steady load for hours: does the memory stay where it is, and is everything still there to be asked for?
//!
//! The client is made for public networks, so the same load runs on a chain that behaves like one.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use near_primitives::{
    action::{Action, DeployContractAction, TransferAction},
    hash::CryptoHash,
    serialize::to_base64,
    transaction::SignedTransaction,
    types::{AccountId, Balance, BlockHeight},
};
use parking_lot::Mutex;
use piecework_localnet::Profile;
use serde_json::{Value, json};

use crate::{
    chain::{Chain, Sender},
    load,
    patient::{Met, Patient},
};

/// Transactions per second on a chain of its own kind, and on one like a public network, whose rate limit
/// questions share.
const RATE: u64 = 800;
const PUBLIC_RATE: u64 = 40;
/// Of each sender one transaction in so many seconds is asked about, soon and again later.
const REMEMBERED_SECONDS: u64 = 6;
/// A chain of its own kind keeps what is asked for.
const KEEPS: [&str; 4] = ["--keep-blocks", "100000", "--validity", "86400"];
/// Keys of the map that calls write to.
const MAP_KEYS: u64 = 50_000;
/// Between two questions about older transactions.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Blocks above the oldest kept one from which on a transaction is asked about, so that it is not dropped meanwhile.
const MARGIN: BlockHeight = 50;
/// How far below a final block the one is that transactions name: every endpoint knows it.
const SETTLED: BlockHeight = 10;
/// When a transaction is asked about first: every endpoint has executed it, so no answer is waited for.
const EXECUTED: Duration = Duration::from_secs(10);
/// How long a count may take to be seen by the slowest endpoint.
const SEEN: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub struct Soak {
    /// How long.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// The network that the chain behaves like.
    #[arg(long, value_enum)]
    like: Option<Profile>,
    /// Transactions per second; every other one is a call that writes to a map (default 800; with --like 40).
    #[arg(long)]
    rate: Option<u64>,
    /// By how many per cent the memory of the last third may exceed that of the second one, on average.
    #[arg(long, default_value_t = 10.0)]
    growth: f64,
}

/// A transaction to ask about.
#[derive(Clone)]
struct Sent {
    by: AccountId,
    hash: CryptoHash,
    at: Instant,
    /// Its block, once its outcome has been seen.
    block: Option<(BlockHeight, String)>,
}

#[derive(Default)]
struct Asked {
    sent: Mutex<Vec<Sent>>,
    /// Answers about transactions, their receipts and blocks.
    answered: AtomicU64,
    /// Transactions that are no longer asked about, because their blocks are no longer kept.
    gone: AtomicU64,
    /// Heights asked for, and those without a block.
    heights: AtomicU64,
    skipped: AtomicU64,
    met: Met,
}

/// Runs the load.
pub async fn run(binary: &Path, options: &Soak) -> anyhow::Result<()> {
    let rate = options.rate.unwrap_or(if options.like.is_some() { PUBLIC_RATE } else { RATE });
    ensure!(options.hours > 0.0 && rate > 0, "--hours and --rate must be above 0");
    let home = tempfile::tempdir()?;
    let like = options.like.map_or_else(|| KEEPS.to_vec(), |like| vec!["--like", like.name()]);
    let (chain, _) = Chain::start(binary, home.path(), &like).await?;
    let (contract, senders) = chain.accounts.split_first().context("no accounts")?;
    let asked = Asked::default();
    let mut client = Patient::new(&chain.addr, &asked.met);
    deploy(&mut client, contract).await?;
    let end = Instant::now() + Duration::from_secs_f64(options.hours * 3_600.0);
    let number = u64::try_from(senders.len())?;
    let pace = Pace {
        pause: Duration::from_secs(1) * u32::try_from(number)? / u32::try_from(rate)?,
        remembered: (rate * REMEMBERED_SECONDS / number).max(1),
        end,
    };
    let name = options.like.map_or("a long history", Profile::name);
    println!("soak: {} h of {rate} transactions/s by {number} senders, on a chain with {name}", options.hours);
    println!(
        "{:>6} {:>10} {:>8} {:>8} {:>8} {:>7} {:>6} {:>6} {:>8} {:>8} {:>6}",
        "min", "height", "RSS MiB", "disk MiB", "answers", "pruned", "429", "408", "not yet", "skipped", "CPU %"
    );

    let sending = senders.iter().map(|sender| send(&chain.addr, sender, &contract.id, &pace, &asked));
    let (sent, (), memory) = tokio::try_join!(
        try_join_all(sending),
        ask(&chain.addr, end, &asked),
        watch(&chain, home.path(), end, &asked)
    )?;
    let mut total = 0;
    for ((calls, last), sender) in sent.into_iter().zip(senders) {
        executed(&mut client, &sender.id, &last).await?;
        counted(&mut client, &contract.id, &sender.id, calls).await?;
        total += calls;
    }
    report(total, &asked);
    let third = memory.len() / 3;
    let average = |samples: &[f64]| samples.iter().sum::<f64>() / f64::from(u32::try_from(samples.len()).unwrap_or(1));
    let (before, after) = (average(&memory[third..2 * third]), average(&memory[2 * third..]));
    let growth = (after / before - 1.0) * 100.0;
    println!("soak: memory of the second third {before:.0} MiB, of the last {after:.0} MiB ({growth:+.1} %)");
    ensure!(growth <= options.growth, "the memory grew by more than {} %", options.growth);
    Ok(())
}

/// When transactions are sent.
struct Pace {
    /// Between two of one sender.
    pause: Duration,
    /// One in so many of each sender is asked about.
    remembered: u64,
    end: Instant,
}

fn report(total: u64, asked: &Asked) {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!("soak: {total} calls, all counted by the contract");
    println!(
        "soak: {} answers about old transactions, receipts and blocks; {} transactions were asked about until their \
         blocks were no longer kept; {} of {} heights had no block",
        read(&asked.answered),
        read(&asked.gone),
        read(&asked.skipped),
        read(&asked.heights),
    );
    let Met { limited, timeouts, unknown, broken } = &asked.met;
    println!(
        "soak: met {} × 429, {} × 408, {} × not known yet, {} × broken",
        read(limited),
        read(timeouts),
        read(unknown),
        read(broken)
    );
}

async fn deploy(client: &mut Patient<'_>, contract: &Sender) -> anyhow::Result<()> {
    let (nonce, block) = (nonce(client, contract).await?, settled(client).await?);
    let deploy = Action::DeployContract(DeployContractAction { code: wat::parse_str(load::COUNTER)? });
    let signed = contract.sign(&contract.id, vec![deploy], nonce + 1, block);
    submit(client, &signed).await?;
    executed(client, &contract.id, &signed.get_hash()).await.map(drop)
}

/// Sends at its pace until the end; returns how many calls these were, and the last transaction.
async fn send(
    addr: &str,
    sender: &Sender,
    contract: &AccountId,
    pace: &Pace,
    asked: &Asked,
) -> anyhow::Result<(u64, CryptoHash)> {
    let mut client = Patient::new(addr, &asked.met);
    let (mut nonce, mut block) = (nonce(&mut client, sender).await?, settled(&mut client).await?);
    let (mut calls, mut last) = (0, CryptoHash::default());
    let (mut ticks, mut fresh) = (tokio::time::interval(pace.pause), Instant::now());
    while Instant::now() < pace.end {
        ticks.tick().await;
        if fresh.elapsed() > Duration::from_secs(60) {
            (block, fresh) = (settled(&mut client).await?, Instant::now());
        }
        nonce += 1;
        let action = if nonce % 2 == 0 {
            Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })
        } else {
            calls += 1;
            let key = rand::random_range(0..MAP_KEYS);
            load::call("put", key.to_le_bytes().to_vec())
        };
        let signed = sender.sign(contract, vec![action], nonce, block);
        last = signed.get_hash();
        submit(&mut client, &signed).await?;
        if nonce % pace.remembered == 0 {
            asked.sent.lock().push(Sent { by: sender.id.clone(), hash: last, at: Instant::now(), block: None });
        }
    }
    Ok((calls, last))
}

/// Asks about new and old transactions and blocks until the end.
async fn ask(addr: &str, end: Instant, asked: &Asked) -> anyhow::Result<()> {
    let mut client = Patient::new(addr, &asked.met);
    let (mut seen, mut first, mut begun) = (0, 0, None);
    while Instant::now() < end {
        tokio::time::sleep(ASK_EVERY).await;
        let status = client.find("status", &json!([])).await?;
        let height = |name: &str| status["sync_info"][name].as_u64().with_context(|| name.to_owned());
        let (earliest, newest) = (height("earliest_block_height")?, height("latest_block_height")?);
        // Until something is forgotten, nothing is about to be.
        let oldest = if earliest > *begun.get_or_insert(earliest) { earliest + MARGIN } else { earliest };
        let known = asked.sent.lock().partition_point(|sent| sent.at.elapsed() > EXECUTED);
        for index in seen..known {
            look(&mut client, asked, index).await?;
        }
        seen = known;
        // Transactions were sent about in the order in which they are remembered.
        while asked.sent.lock()[first..known].first().is_some_and(|sent| sent.is_below(oldest)) {
            first += 1;
            asked.gone.fetch_add(1, Ordering::Relaxed);
        }
        if first < known {
            let index = rand::random_range(first..known);
            // Its neighbour may be a little newer.
            if !asked.sent.lock()[index].is_below(oldest) {
                look(&mut client, asked, index).await?;
            }
        }
        if oldest + MARGIN < newest {
            let height = rand::random_range(oldest..newest - MARGIN);
            let block = client.look("block", &json!({ "block_id": height })).await?;
            asked.heights.fetch_add(1, Ordering::Relaxed);
            asked.skipped.fetch_add(u64::from(block.is_none()), Ordering::Relaxed);
        }
    }
    Ok(())
}

impl Sent {
    fn is_below(&self, oldest: BlockHeight) -> bool {
        self.block.as_ref().is_some_and(|(height, _)| *height < oldest)
    }
}

/// Asks for a transaction with its receipts, one of these by itself, and the block.
async fn look(client: &mut Patient<'_>, asked: &Asked, index: usize) -> anyhow::Result<()> {
    let sent = asked.sent.lock()[index].clone();
    let status = match &sent.block {
        None => executed(client, &sent.by, &sent.hash).await?,
        Some(_) => {
            let params = json!({ "tx_hash": sent.hash, "sender_account_id": sent.by, "wait_until": "NONE" });
            let status = client.find("EXPERIMENTAL_tx_status", &params).await;
            status.with_context(|| format!("{} was in block {:?} and is lost", sent.hash, sent.block))?
        }
    };
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{}: {status}", sent.hash));
    let block_hash = text(&status["transaction_outcome"]["block_hash"])?;
    let receipt_id = text(&status["transaction_outcome"]["outcome"]["receipt_ids"][0])?;
    client.find("EXPERIMENTAL_receipt", &json!({ "receipt_id": receipt_id })).await?;
    let block = client.find("block", &json!({ "block_id": block_hash })).await?;
    let height = block["header"]["height"].as_u64().context("height")?;
    let now = (height, block_hash);
    ensure!(sent.block.as_ref().is_none_or(|before| *before == now), "{} moved to {now:?}", sent.hash);
    asked.sent.lock()[index].block = Some(now);
    asked.answered.fetch_add(3, Ordering::Relaxed);
    Ok(())
}

/// Hands a transaction over. It may be handed over again at any time, and every endpoint knows the block it names.
async fn submit(client: &mut Patient<'_>, signed: &SignedTransaction) -> anyhow::Result<()> {
    client.find("broadcast_tx_async", &json!([to_base64(&borsh::to_vec(signed)?)])).await.map(drop)
}

/// Waits until a transaction and its receipts are executed with success.
async fn executed(client: &mut Patient<'_>, signer_id: &AccountId, hash: &CryptoHash) -> anyhow::Result<Value> {
    let params = json!({ "tx_hash": hash, "sender_account_id": signer_id, "wait_until": "EXECUTED_OPTIMISTIC" });
    let status = client.find("EXPERIMENTAL_tx_status", &params).await?;
    ensure!(status["status"].get("SuccessValue").is_some(), "{hash}: {status}");
    ensure!(status["receipts_outcome"].as_array().is_some_and(|receipts| !receipts.is_empty()), "{hash}: no receipts");
    Ok(status)
}

/// Waits until every endpoint has had the time to see so many calls of a sender.
async fn counted(client: &mut Patient<'_>, contract: &AccountId, sender: &AccountId, calls: u64) -> anyhow::Result<()> {
    let end = Instant::now() + SEEN;
    loop {
        let answer = client.find("query", &load::get(contract, sender)).await?;
        let bytes: Vec<u8> = serde_json::from_value(answer["result"].clone())?;
        let counted = u64::from_le_bytes(bytes.try_into().map_err(|_| anyhow::anyhow!("{answer}"))?);
        if counted == calls {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{sender} counted {counted} calls of {calls}");
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn nonce(client: &mut Patient<'_>, sender: &Sender) -> anyhow::Result<u64> {
    let params = json!({
        "request_type": "view_access_key", "finality": "final", "account_id": sender.id,
        "public_key": sender.key.public_key(),
    });
    client.find("query", &params).await?["nonce"].as_u64().context("nonce")
}

/// A block that every endpoint knows, for transactions to name.
async fn settled(client: &mut Patient<'_>) -> anyhow::Result<CryptoHash> {
    let end = Instant::now() + SEEN;
    loop {
        let newest = client.find("block", &json!({ "finality": "final" })).await?;
        let newest = newest["header"]["height"].as_u64().context("height")?;
        for below in SETTLED..2 * SETTLED {
            let params = json!({ "block_id": newest.saturating_sub(below) });
            if let Some(block) = client.look("block", &params).await? {
                let hash = block["header"]["hash"].as_str().context("hash")?;
                return hash.parse().map_err(|error| anyhow::anyhow!("{error}"));
            }
        }
        ensure!(Instant::now() < end, "there are no {SETTLED} final blocks");
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Prints how the chain is every minute until the end; returns its memory at each.
async fn watch(chain: &Chain, home: &Path, end: Instant, asked: &Asked) -> anyhow::Result<Vec<f64>> {
    let begun = Instant::now();
    let every = Duration::from_secs(60).min((end - begun) / 6);
    let mut client = Patient::new(&chain.addr, &asked.met);
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (mut memory, mut cpu) = (Vec::new(), chain.cpu_seconds()?);
    while Instant::now() + every <= end + every / 2 {
        tokio::time::sleep(every).await;
        let used = chain.cpu_seconds()?;
        let mib = chain.memory_mib()?;
        memory.push(mib);
        let status = client.find("status", &json!([])).await?;
        let skipped = f64::from(u32::try_from(read(&asked.skipped))?);
        let heights = f64::from(u32::try_from(read(&asked.heights))?);
        println!(
            "{:>6.1} {:>10} {:>8.1} {:>8.1} {:>8} {:>7} {:>6} {:>6} {:>8} {:>6.1} % {:>6.1}",
            begun.elapsed().as_secs_f64() / 60.0,
            status["sync_info"]["latest_block_height"].as_u64().context("height")?,
            mib,
            bytes_in(&home.join("data"))? / 1024.0 / 1024.0,
            read(&asked.answered),
            read(&asked.gone),
            read(&asked.met.limited),
            read(&asked.met.timeouts),
            read(&asked.met.unknown),
            skipped / heights.max(1.0) * 100.0,
            (used - cpu) / every.as_secs_f64() * 100.0,
        );
        cpu = used;
    }
    Ok(memory)
}

fn bytes_in(dir: &Path) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for entry in std::fs::read_dir(dir)? {
        // The chain removes old files while they are counted.
        let Ok(metadata) = entry?.metadata() else { continue };
        sum += f64::from(u32::try_from(metadata.len() / 1024)?) * 1024.0;
    }
    Ok(sum)
}
