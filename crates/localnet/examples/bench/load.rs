//! What is measured.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use near_jsonrpc_client::{JsonRpcClient, methods};
use near_primitives::{
    action::{Action, DeployContractAction, FunctionCallAction, TransferAction},
    hash::CryptoHash,
    serialize::to_base64,
    types::{AccountId, Balance, Gas},
    views::TxExecutionStatus,
};
use serde_json::{Value, json};

use crate::{
    SENDERS,
    chain::{Chain, Sender},
    http::{Connection, request},
};

/// Waited calls of which the median counts.
const ROUND_TRIPS: usize = 40;
/// How long views are asked for.
const VIEWS: Duration = Duration::from_secs(3);

/// Counts the calls of every caller, in a map from account to number. `put` also writes 64 bytes under its arguments.
pub const COUNTER: &str = r#"
(module
  (import "env" "predecessor_account_id" (func $predecessor (param i64)))
  (import "env" "input" (func $input (param i64)))
  (import "env" "register_len" (func $length (param i64) (result i64)))
  (import "env" "read_register" (func $register (param i64 i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (memory 1)
  (func $load (if (i64.eq (call $read (call $length (i64.const 0)) (i64.const 8) (i64.const 1)) (i64.const 1))
    (then (call $register (i64.const 1) (i64.const 0)))))
  (func $count (export "count")
    (call $predecessor (i64.const 0))
    (call $register (i64.const 0) (i64.const 8))
    (call $load)
    (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
    (drop (call $write (call $length (i64.const 0)) (i64.const 8) (i64.const 8) (i64.const 0) (i64.const 1))))
  (func (export "put")
    (call $input (i64.const 0))
    (call $register (i64.const 0) (i64.const 8))
    (drop (call $write (call $length (i64.const 0)) (i64.const 8) (i64.const 64) (i64.const 0) (i64.const 1)))
    (call $count))
  (func (export "get")
    (call $input (i64.const 0))
    (call $register (i64.const 0) (i64.const 8))
    (call $load)
    (call $return (i64.const 8) (i64.const 0))))
"#;

/// Median milliseconds of a call that is waited for until it is final, through near-jsonrpc-client. Deploys the counter.
pub async fn round_trip(chain: &Chain) -> anyhow::Result<f64> {
    let client = JsonRpcClient::connect(format!("http://{}", chain.addr));
    let root = &chain.accounts[0];
    let (mut nonce, block) = fresh(&chain.addr, root).await?;
    let code = wat::parse_str(COUNTER)?;
    let mut times = Vec::new();
    for round in 0..=ROUND_TRIPS {
        let action = match round {
            0 => Action::DeployContract(DeployContractAction { code: code.clone() }),
            _ => call("count", Vec::new()),
        };
        nonce += 1;
        let signed_transaction = root.sign(&root.id, vec![action], nonce, block);
        let wait_until = TxExecutionStatus::Final;
        let begun = Instant::now();
        client.call(methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until }).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Transfers per second from the first request until the last is executed.
pub async fn transfers(chain: &Chain, total: usize) -> anyhow::Result<f64> {
    let to = chain.accounts[0].id.clone();
    run(chain, total, &to, || Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })).await
}

/// Contract calls per second, likewise; afterwards the counters and samples of the outcomes are checked.
pub async fn calls(chain: &Chain, total: usize) -> anyhow::Result<f64> {
    let to = chain.accounts[0].id.clone();
    let rate = run(chain, total, &to, || call("count", Vec::new())).await?;
    let mut connection = Connection::open(&chain.addr).await?;
    for sender in &chain.accounts[1..] {
        let counted = view(&mut connection, &to, &sender.id).await?;
        ensure!(counted == total / SENDERS, "{} counted {counted} calls of {}", sender.id, total / SENDERS);
    }
    Ok(rate)
}

/// View calls per second.
pub async fn views(chain: &Chain) -> anyhow::Result<f64> {
    let to = &chain.accounts[0].id;
    let begun = Instant::now();
    let tasks = chain.accounts[1..].iter().map(|sender| {
        let (addr, request) = (chain.addr.clone(), request("query", &get(to, &sender.id)));
        tokio::spawn(async move {
            let mut connection = Connection::open(&addr).await?;
            let mut done = 0_u32;
            while begun.elapsed() < VIEWS {
                let answer = connection.exchange(&request).await?;
                ensure!(answer.windows(9).any(|window| window == b"\"result\":"), "a view failed");
                done += 1;
            }
            Ok(done)
        })
    });
    let mut done = 0;
    for task in tasks.collect::<Vec<_>>() {
        done += task.await??;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// Sends signed transactions of all senders at once and waits until the last one of each is executed.
async fn run(chain: &Chain, total: usize, to: &AccountId, action: impl Fn() -> Action) -> anyhow::Result<f64> {
    let mut batches = Vec::new();
    for sender in &chain.accounts[1..] {
        let (nonce, block) = fresh(&chain.addr, sender).await?;
        let mut hashes = Vec::new();
        let mut requests = Vec::new();
        for number in 1..=total / SENDERS {
            let signed = sender.sign(to, vec![action()], nonce + u64::try_from(number)?, block);
            hashes.push(signed.get_hash());
            requests.push(request("broadcast_tx_async", &json!([to_base64(&borsh::to_vec(&signed)?)])));
        }
        batches.push((sender.clone(), hashes, requests));
    }
    let begun = Instant::now();
    let tasks = batches.into_iter().map(|(sender, hashes, requests)| {
        let addr = chain.addr.clone();
        tokio::spawn(async move {
            let mut connection = Connection::open(&addr).await?;
            for request in &requests {
                connection.exchange(request).await?;
            }
            let last = hashes.last().context("no transactions")?;
            wait(&mut connection, &sender, last).await?;
            anyhow::Ok((sender, hashes))
        })
    });
    let mut done = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        done.push(task.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    let mut connection = Connection::open(&chain.addr).await?;
    for (sender, hashes) in done {
        for hash in hashes.iter().step_by(50) {
            wait(&mut connection, &sender, hash).await?;
        }
    }
    Ok(f64::from(u32::try_from(total)?) / took)
}

/// Waits until a transaction and its receipts are executed with success.
pub async fn wait(connection: &mut Connection, sender: &Sender, hash: &CryptoHash) -> anyhow::Result<()> {
    let params = json!({ "tx_hash": hash, "sender_account_id": sender.id, "wait_until": "EXECUTED_OPTIMISTIC" });
    let status = connection.call("EXPERIMENTAL_tx_status", &params).await?;
    ensure!(status["status"].get("SuccessValue").is_some(), "{hash}: {status}");
    ensure!(status["receipts_outcome"].as_array().is_some_and(|receipts| !receipts.is_empty()), "{hash}: no receipts");
    Ok(())
}

/// How often the counter was called by `caller`.
pub async fn view(connection: &mut Connection, contract: &AccountId, caller: &AccountId) -> anyhow::Result<usize> {
    let answer = connection.call("query", &get(contract, caller)).await?;
    let bytes: Vec<u8> = serde_json::from_value(answer["result"].clone())?;
    Ok(usize::try_from(u64::from_le_bytes(bytes.try_into().map_err(|_| anyhow::anyhow!("{answer}"))?))?)
}

/// The parameters of a query for it.
pub fn get(contract: &AccountId, caller: &AccountId) -> Value {
    json!({
        "request_type": "call_function", "finality": "optimistic", "account_id": contract, "method_name": "get",
        "args_base64": to_base64(caller.as_bytes()),
    })
}

/// A call of the counter.
pub fn call(method_name: &str, args: Vec<u8>) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method_name.to_owned(),
        args,
        gas: Gas::from_teragas(30),
        deposit: Balance::ZERO,
    }))
}

/// The nonce of an account's key, and a block to sign for.
pub async fn fresh(addr: &str, sender: &Sender) -> anyhow::Result<(u64, CryptoHash)> {
    let request = json!({
        "request_type": "view_access_key", "finality": "optimistic", "account_id": sender.id,
        "public_key": sender.key.public_key(),
    });
    let key = Connection::open(addr).await?.call("query", &request).await?;
    let block =
        key["block_hash"].as_str().context("block_hash")?.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((key["nonce"].as_u64().context("nonce")?, block))
}
