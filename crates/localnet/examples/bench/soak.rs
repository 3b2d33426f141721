//! A steady load for hours: does the memory stay where it is, and is everything still there to be asked for?

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use near_primitives::{
    action::{Action, DeployContractAction, TransferAction},
    hash::CryptoHash,
    serialize::to_base64,
    types::{AccountId, Balance},
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    chain::{Chain, Sender},
    http::{Connection, request},
    load,
};

/// One of so many transactions of each sender is asked about, soon and again later.
const REMEMBERED: u64 = 500;
/// The chain keeps what is asked for.
const KEEPS: [&str; 4] = ["--keep-blocks", "100000", "--validity", "86400"];
/// Keys of the map that calls write to.
const MAP_KEYS: u64 = 50_000;
/// Between two questions about older transactions.
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub struct Soak {
    /// How long.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Transactions per second; every other one is a call that writes to a map.
    #[arg(long, default_value_t = 800)]
    rate: u64,
    /// By how many per cent the memory of the last third may exceed that of the second one, on average.
    #[arg(long, default_value_t = 10.0)]
    growth: f64,
}

/// A transaction to ask about.
#[derive(Clone)]
struct Sent {
    by: AccountId,
    hash: CryptoHash,
    /// Known once its outcome has been seen.
    block_hash: Option<String>,
}

#[derive(Default)]
struct Asked {
    sent: Mutex<Vec<Sent>>,
    /// Answers about transactions, their receipts and blocks.
    answered: Mutex<u64>,
    /// Transactions whose blocks are no longer kept.
    gone: Mutex<u64>,
}

/// Runs the load on a chain with its default options.
pub async fn run(binary: &Path, options: &Soak) -> anyhow::Result<()> {
    ensure!(options.hours > 0.0 && options.rate > 0, "--hours and --rate must be above 0");
    let home = tempfile::tempdir()?;
    let (chain, _) = Chain::start(binary, home.path(), &KEEPS).await?;
    let (contract, senders) = chain.accounts.split_first().context("no accounts")?;
    deploy(&chain.addr, contract).await?;
    let end = Instant::now() + Duration::from_secs_f64(options.hours * 3_600.0);
    let pause = Duration::from_secs(1) * u32::try_from(senders.len())? / u32::try_from(options.rate)?;
    let asked = Asked::default();
    println!("soak: {} h of {} transactions/s by {} senders", options.hours, options.rate, senders.len());
    println!(
        "{:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "min", "height", "RSS MiB", "disk MiB", "answers", "pruned", "CPU %"
    );

    let sending = senders.iter().map(|sender| send(&chain.addr, sender, &contract.id, pause, end, &asked));
    let (sent, (), memory) = tokio::try_join!(
        try_join_all(sending),
        ask(&chain.addr, end, &asked),
        watch(&chain, home.path(), end, &asked)
    )?;
    let mut connection = Connection::open(&chain.addr).await?;
    let mut total = 0;
    for ((calls, last), sender) in sent.into_iter().zip(senders) {
        load::wait(&mut connection, sender, &last).await?;
        let counted = load::view(&mut connection, &contract.id, &sender.id).await?;
        ensure!(counted == calls, "{} counted {counted} calls of {calls}", sender.id);
        total += calls;
    }
    let third = memory.len() / 3;
    let average = |samples: &[f64]| samples.iter().sum::<f64>() / f64::from(u32::try_from(samples.len()).unwrap_or(1));
    let (before, after) = (average(&memory[third..2 * third]), average(&memory[2 * third..]));
    let growth = (after / before - 1.0) * 100.0;
    println!(
        "soak: {total} calls, all counted; memory of the second third {before:.0} MiB, of the last {after:.0} MiB ({growth:+.1} %)"
    );
    ensure!(growth <= options.growth, "the memory grew by more than {} %", options.growth);
    Ok(())
}

async fn deploy(addr: &str, contract: &Sender) -> anyhow::Result<()> {
    let mut connection = Connection::open(addr).await?;
    let (nonce, block) = load::fresh(addr, contract).await?;
    let deploy = Action::DeployContract(DeployContractAction { code: wat::parse_str(load::COUNTER)? });
    let signed = contract.sign(&contract.id, vec![deploy], nonce + 1, block);
    connection.exchange(&request("broadcast_tx_async", &json!([to_base64(&borsh::to_vec(&signed)?)]))).await?;
    load::wait(&mut connection, contract, &signed.get_hash()).await
}

/// Sends at its pace until the end; returns how many calls these were, and the last transaction.
async fn send(
    addr: &str,
    sender: &Sender,
    contract: &AccountId,
    pause: Duration,
    end: Instant,
    asked: &Asked,
) -> anyhow::Result<(usize, CryptoHash)> {
    let mut connection = Connection::open(addr).await?;
    let (first, mut block) = load::fresh(addr, sender).await?;
    let (mut nonce, mut calls, mut last) = (first, 0, CryptoHash::default());
    let (mut pace, mut fresh) = (tokio::time::interval(pause), Instant::now());
    while Instant::now() < end {
        pace.tick().await;
        if fresh.elapsed() > Duration::from_secs(60) {
            (block, fresh) = (load::fresh(addr, sender).await?.1, Instant::now());
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
        connection.exchange(&request("broadcast_tx_async", &json!([to_base64(&borsh::to_vec(&signed)?)]))).await?;
        if nonce % REMEMBERED == 0 {
            asked.sent.lock().push(Sent { by: sender.id.clone(), hash: last, block_hash: None });
        }
    }
    Ok((calls, last))
}

/// Asks about new and old transactions until the end.
async fn ask(addr: &str, end: Instant, asked: &Asked) -> anyhow::Result<()> {
    let mut connection = Connection::open(addr).await?;
    let mut seen = 0;
    while Instant::now() < end {
        tokio::time::sleep(ASK_EVERY).await;
        let known = asked.sent.lock().len();
        if known == 0 {
            continue;
        }
        for index in (seen..known).chain([rand::random_range(0..known)]) {
            let sent = asked.sent.lock()[index].clone();
            let (answers, block_hash) = look(&mut connection, &sent).await?;
            *asked.answered.lock() += answers;
            *asked.gone.lock() += u64::from(block_hash.is_none());
            asked.sent.lock()[index].block_hash = block_hash.or(sent.block_hash);
        }
        seen = known;
    }
    Ok(())
}

/// Asks for a transaction with its receipts, one of these by itself, and the block. No block hash means that it was
/// there before and its block is no longer kept.
async fn look(connection: &mut Connection, sent: &Sent) -> anyhow::Result<(u64, Option<String>)> {
    let params = json!({ "tx_hash": sent.hash, "sender_account_id": sent.by, "wait_until": match &sent.block_hash {
        None => "EXECUTED_OPTIMISTIC",
        Some(_) => "NONE",
    }});
    let status = match (connection.call("EXPERIMENTAL_tx_status", &params).await, &sent.block_hash) {
        (Ok(status), _) => status,
        (Err(error), Some(block_hash)) => {
            let block = connection.call("block", &json!({ "block_id": block_hash })).await;
            ensure!(block.is_err(), "{} is forgotten, its block {block_hash} is not: {error}", sent.hash);
            return Ok((1, None));
        }
        (Err(error), None) => return Err(error),
    };
    ensure!(status["status"].get("SuccessValue").is_some(), "{}: {status}", sent.hash);
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{}: {status}", sent.hash));
    let block_hash = text(&status["transaction_outcome"]["block_hash"])?;
    let receipt_id = text(&status["transaction_outcome"]["outcome"]["receipt_ids"][0])?;
    connection.call("EXPERIMENTAL_receipt", &json!({ "receipt_id": receipt_id })).await?;
    connection.call("block", &json!({ "block_id": block_hash })).await?;
    Ok((3, Some(block_hash)))
}

/// Prints how the chain is every minute until the end; returns its memory at each.
async fn watch(chain: &Chain, home: &Path, end: Instant, asked: &Asked) -> anyhow::Result<Vec<f64>> {
    let begun = Instant::now();
    let every = Duration::from_secs(60).min((end - begun) / 6);
    let (mut memory, mut cpu) = (Vec::new(), chain.cpu_seconds()?);
    while Instant::now() + every <= end + every / 2 {
        tokio::time::sleep(every).await;
        let used = chain.cpu_seconds()?;
        let mib = chain.memory_mib()?;
        memory.push(mib);
        println!(
            "{:>6.1} {:>9} {:>9.1} {:>9.1} {:>9} {:>9} {:>7.1}",
            begun.elapsed().as_secs_f64() / 60.0,
            chain.head().await?,
            mib,
            bytes_in(&home.join("data"))? / 1024.0 / 1024.0,
            asked.answered.lock(),
            asked.gone.lock(),
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
