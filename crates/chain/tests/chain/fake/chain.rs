//! A chain as the fake node tells of it: blocks with receipts on one contract, and one account's access key.

use super::Reply;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use near_primitives::transaction::SignedTransaction;
use near_primitives::views::SignedTransactionView;
use piecework_chain::CryptoHash;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const CONTRACT: &str = "pw.test";

/// A block of the fake chain.
#[derive(Clone, Debug)]
pub struct FakeBlock {
    pub height: u64,
    pub hash: CryptoHash,
    pub prev_hash: CryptoHash,
    pub prev_height: u64,
    pub receipts: Vec<FakeReceipt>,
}

#[derive(Clone, Debug)]
pub struct FakeReceipt {
    pub id: CryptoHash,
    pub seq: u64,
    /// Whether the contract called itself, so that the node does not store the receipt.
    pub local: bool,
}

pub fn hash(name: &str) -> CryptoHash {
    CryptoHash::hash_bytes(name.as_bytes())
}

/// Blocks at these heights, each a child of the one before; `fork` makes the hashes differ.
pub fn blocks(heights: &[u64], fork: &str) -> Vec<FakeBlock> {
    let name = |height: u64| hash(&format!("block {height} {fork}"));
    let mut blocks: Vec<FakeBlock> = Vec::new();
    for &height in heights {
        let (prev_height, prev_hash) =
            blocks.last().map_or((heights[0] - 1, hash("genesis")), |last| (last.height, last.hash));
        blocks.push(FakeBlock { height, hash: name(height), prev_hash, prev_height, receipts: Vec::new() });
    }
    blocks
}

pub fn receipt(seq: u64) -> FakeReceipt {
    FakeReceipt { id: hash(&format!("receipt {seq}")), seq, local: false }
}

pub fn journal_line(seq: u64) -> String {
    format!(r#"EVENT_JSON:{{"standard":"piecework","version":"2.0.0","event":"work","data":{{"seq":{seq},"log":[]}}}}"#)
}

/// Answers the block source's questions about these blocks. All of them are final.
pub fn answer(blocks: &[FakeBlock], method: &str, params: &Value) -> Reply {
    answer_at(blocks, blocks.len(), method, params)
}

/// Answers as a node does whose first `finals` blocks are final, and the last block its newest. Proofs are refused as
/// nearcore refuses them (`chain/client/src/view_client_actor.rs`).
pub fn answer_at(blocks: &[FakeBlock], finals: usize, method: &str, params: &Value) -> Reply {
    let place = |hash: &Value| blocks.iter().position(|block| json!(block.hash) == *hash);
    let by_hash = |hash: &Value| place(hash).map(|place| &blocks[place]);
    let receipts = || blocks.iter().flat_map(|block| block.receipts.iter().map(move |receipt| (block, receipt)));
    let by_receipt = |id: &Value| receipts().find(|(_, receipt)| json!(receipt.id) == *id);
    match method {
        "block" => {
            let found = match (&params["block_id"], params["finality"].as_str()) {
                (Value::Number(height), _) => blocks.iter().find(|block| json!(block.height) == json!(height)),
                (Value::Null, Some("final")) => blocks[..finals].last(),
                (Value::Null, _) => blocks.last(),
                (hash, _) => by_hash(hash),
            };
            found.map_or_else(Reply::unknown_block, |block| Reply::Result(block_json(block)))
        }
        "status" => Reply::Result(status_json(blocks)),
        "EXPERIMENTAL_genesis_config" => Reply::Result(json!({"genesis_height": 7})),
        "EXPERIMENTAL_changes" => match by_hash(&params["block_id"]) {
            Some(block) => Reply::Result(json!({"block_hash": block.hash, "changes": changes_json(block)})),
            None => Reply::unknown_block(),
        },
        "EXPERIMENTAL_light_client_proof" => {
            let id = json!({"transaction_or_receipt_id": params["receipt_id"]});
            let Some((block, receipt)) = by_receipt(&params["receipt_id"]) else {
                return Reply::Error(422, json!({"name": "UNKNOWN_TRANSACTION_OR_RECEIPT", "info": id}));
            };
            // The next block's header commits to the outcome.
            let committing = place(&json!(block.hash)).unwrap() + 1;
            if committing >= blocks.len() {
                return Reply::Error(500, json!({"name": "NOT_CONFIRMED", "info": id}));
            }
            let Some(head) = place(&params["light_client_head"]) else { return Reply::unknown_block() };
            match [committing, head].into_iter().find(|&place| place >= finals) {
                Some(place) => not_canonical(blocks[place].hash),
                None if head < committing => Reply::Internal("block is ahead of head block".to_owned()),
                None => Reply::Result(proof_json(block, receipt)),
            }
        }
        "EXPERIMENTAL_receipt" => match by_receipt(&params["receipt_id"]) {
            Some((_, receipt)) if !receipt.local => Reply::Result(receipt_json(receipt)),
            _ => Reply::Error(422, json!({"name": "UNKNOWN_RECEIPT", "info": {"receipt_id": params["receipt_id"]}})),
        },
        "chunk" => {
            let own = receipts().filter(|(_, receipt)| receipt.local).map(|(_, receipt)| own_transaction_json(receipt));
            Reply::Result(chunk_json(own.collect()))
        }
        "tx" => match receipts().find(|(_, receipt)| json!(tx_of(receipt)) == params["tx_hash"]) {
            Some((block, receipt)) => Reply::Result(json!({
                "final_execution_status": "FINAL",
                "status": {"SuccessValue": ""},
                "transaction": own_transaction_json(receipt),
                "transaction_outcome": outcome_json(tx_of(receipt), block.hash, CONTRACT,
                    json!({"SuccessReceiptId": receipt.id}), &[], &[receipt.id]),
                "receipts_outcome": [],
            })),
            None => unknown_transaction(params),
        },
        other => panic!("the fake chain was asked for {other}"),
    }
}

/// The same with the contract's account, whose code stands in the states from `deployed` on and is readable from
/// `states` on.
pub fn answer_with_account(blocks: &[FakeBlock], deployed: u64, states: u64, method: &str, params: &Value) -> Reply {
    if method != "query" {
        return answer(blocks, method, params);
    }
    assert_eq!(params["request_type"], "view_account");
    let found = match params["block_id"].as_u64() {
        Some(height) => blocks.iter().find(|block| block.height == height),
        None => blocks.last(),
    };
    let Some(block) = found else {
        let info = json!({"block_reference": {"block_id": params["block_id"]}});
        return Reply::Error(422, json!({"name": "UNKNOWN_BLOCK", "info": info}));
    };
    let at = json!({"block_height": block.height, "block_hash": block.hash});
    if block.height < states {
        return Reply::Error(422, json!({"name": "GARBAGE_COLLECTED_BLOCK", "info": at}));
    }
    let code = if block.height < deployed { CryptoHash::default() } else { hash("code") };
    Reply::Result(json!({
        "amount": "1", "locked": "0", "code_hash": code, "storage_usage": 1, "storage_paid_at": 0,
        "block_height": block.height, "block_hash": block.hash,
    }))
}

/// nearcore's refusal of a block that is not final, or on a fork.
pub fn not_canonical(hash: CryptoHash) -> Reply {
    Reply::Internal(format!("Internal error: {hash} not on current chain"))
}

fn status_json(blocks: &[FakeBlock]) -> Value {
    let (first, last) = (blocks.first().unwrap(), blocks.last().unwrap());
    let (zero, key, time) = (CryptoHash::default(), format!("ed25519:{}", "1".repeat(32)), "2026-01-01T00:00:00Z");
    json!({
        "version": {"version": "2", "build": "2", "commit": "2", "rustc_version": "1"}, "chain_id": "fake",
        "protocol_version": 88, "latest_protocol_version": 88, "rpc_addr": null, "validators": [],
        "sync_info": {
            "latest_block_hash": last.hash, "latest_block_height": last.height, "latest_state_root": zero,
            "latest_block_time": time, "syncing": false, "earliest_block_hash": first.hash,
            "earliest_block_height": first.height, "earliest_block_time": time, "epoch_id": zero,
            "epoch_start_height": 1,
        },
        "validator_account_id": null, "validator_public_key": null, "node_public_key": key, "node_key": null,
        "uptime_sec": 1, "genesis_hash": zero, "detailed_debug_status": null,
    })
}

pub fn unknown_transaction(params: &Value) -> Reply {
    let info = json!({"requested_transaction_hash": params["tx_hash"]});
    Reply::Error(422, json!({"name": "UNKNOWN_TRANSACTION", "info": info}))
}

fn tx_of(receipt: &FakeReceipt) -> CryptoHash {
    hash(&format!("tx {}", receipt.seq))
}

fn block_json(block: &FakeBlock) -> Value {
    let zero = CryptoHash::default();
    let signature = format!("ed25519:{}", "1".repeat(64));
    json!({
        "author": "test.near",
        "header": {
            "height": block.height, "prev_height": block.prev_height, "epoch_id": zero, "next_epoch_id": zero,
            "hash": block.hash, "prev_hash": block.prev_hash, "prev_state_root": zero, "block_body_hash": zero,
            "chunk_receipts_root": zero, "chunk_headers_root": zero, "chunk_tx_root": zero, "outcome_root": zero,
            "chunks_included": 1, "challenges_root": zero, "timestamp": block.height * 1_000_000_000,
            "timestamp_nanosec": (block.height * 1_000_000_000).to_string(), "random_value": zero,
            "validator_proposals": [], "chunk_mask": [true], "gas_price": "100000000", "block_ordinal": null,
            "rent_paid": "0", "validator_reward": "0", "total_supply": "1", "challenges_result": [],
            "last_final_block": zero, "last_ds_final_block": zero, "next_bp_hash": zero, "block_merkle_root": zero,
            "epoch_sync_data_hash": null, "approvals": [], "signature": signature, "latest_protocol_version": 88,
            "chunk_endorsements": null, "shard_split": null,
        },
        "chunks": [chunk_header_json(block.height)],
    })
}

fn chunk_header_json(height: u64) -> Value {
    let zero = CryptoHash::default();
    json!({
        "chunk_hash": hash("chunk"), "prev_block_hash": zero, "outcome_root": zero, "prev_state_root": zero,
        "encoded_merkle_root": zero, "encoded_length": 8, "height_created": height, "height_included": height,
        "shard_id": 0, "gas_used": 0, "gas_limit": 1, "validator_reward": "0", "balance_burnt": "0",
        "outgoing_receipts_root": zero, "tx_root": zero, "validator_proposals": [], "rent_paid": "0",
        "congestion_info": null, "bandwidth_requests": null,
        "signature": format!("ed25519:{}", "1".repeat(64)),
    })
}

fn chunk_json(transactions: Vec<Value>) -> Value {
    json!({"author": "test.near", "header": chunk_header_json(1), "transactions": transactions, "receipts": []})
}

fn changes_json(block: &FakeBlock) -> Vec<Value> {
    let change = |receipt: &FakeReceipt, key: &str| {
        json!({
            "cause": {"type": "receipt_processing", "receipt_hash": receipt.id},
            "type": "data_update",
            "change": {
                "account_id": CONTRACT,
                "key_base64": BASE64_STANDARD.encode(key),
                "value_base64": BASE64_STANDARD.encode(format!("root after {}", receipt.seq)),
            },
        })
    };
    let rows = block.receipts.iter().map(|receipt| change(receipt, "A row"));
    rows.chain(block.receipts.iter().map(|receipt| change(receipt, "STATE"))).collect()
}

fn proof_json(block: &FakeBlock, receipt: &FakeReceipt) -> Value {
    let zero = CryptoHash::default();
    // nearcore names the block that holds the outcome's root here, which is a later one.
    let root_block = hash("the block after");
    let logs = ["a note".to_owned(), journal_line(receipt.seq)];
    json!({
        "outcome_proof": outcome_json(receipt.id, root_block, CONTRACT, json!({"SuccessValue": ""}), &logs, &[]),
        "outcome_root_proof": [],
        "block_header_lite": {
            "prev_block_hash": zero, "inner_rest_hash": zero,
            "inner_lite": {"height": block.height, "epoch_id": zero, "next_epoch_id": zero, "prev_state_root": zero,
                "outcome_root": zero, "timestamp": 1, "timestamp_nanosec": "1", "next_bp_hash": zero,
                "block_merkle_root": zero},
        },
        "block_proof": [],
    })
}

fn call_json(seq: u64) -> Value {
    let args = BASE64_STANDARD.encode(format!("args of {seq}"));
    json!({"FunctionCall": {"method_name": "work", "args": args, "gas": 30_000_000_000_000u64, "deposit": "1"}})
}

fn receipt_json(receipt: &FakeReceipt) -> Value {
    json!({
        "predecessor_id": "node.test", "receiver_id": CONTRACT, "receipt_id": receipt.id, "priority": 0,
        "receipt": {"Action": {
            "signer_id": "node.test", "signer_public_key": format!("ed25519:{}", "1".repeat(32)), "gas_price": "1",
            "output_data_receivers": [], "input_data_ids": [], "actions": [call_json(receipt.seq)],
            "is_promise_yield": false,
        }},
    })
}

fn own_transaction_json(receipt: &FakeReceipt) -> Value {
    json!({
        "signer_id": CONTRACT, "public_key": format!("ed25519:{}", "1".repeat(32)), "nonce": 1, "receiver_id": CONTRACT,
        "actions": [{"DeployContract": {"code": ""}}, call_json(receipt.seq)], "priority_fee": 0,
        "signature": format!("ed25519:{}", "1".repeat(64)), "hash": tx_of(receipt),
    })
}

pub fn outcome_json(
    id: CryptoHash,
    block_hash: CryptoHash,
    executor: &str,
    status: Value,
    logs: &[String],
    receipt_ids: &[CryptoHash],
) -> Value {
    json!({
        "proof": [], "block_hash": block_hash, "id": id,
        "outcome": {"logs": logs, "receipt_ids": receipt_ids, "gas_burnt": 1_000_000_000_000u64, "tokens_burnt": "0",
            "executor_id": executor, "status": status, "metadata": {"version": 1, "gas_profile": null}},
    })
}

/// An account with one access key, and the transactions it had included.
pub struct FakeAccount {
    pub nonce: u64,
    pub included: BTreeMap<String, SignedTransaction>,
    /// How the call's receipt ends.
    pub status: Value,
    /// How often the key was asked for, each time at a newer block.
    pub asked: u64,
}

impl FakeAccount {
    pub fn new() -> Self {
        Self { nonce: 100, included: BTreeMap::new(), status: json!({"SuccessValue": ""}), asked: 0 }
    }

    /// Takes or refuses a transaction by its nonce, as a chain does. Sending an included one again is refused too.
    pub fn include(&mut self, signed: &SignedTransaction) -> Result<(), Reply> {
        let tx_nonce = signed.transaction.nonce().nonce();
        if tx_nonce <= self.nonce {
            return Err(Reply::Invalid(json!({"InvalidNonce": {"tx_nonce": tx_nonce, "ak_nonce": self.nonce}})));
        }
        self.nonce = tx_nonce;
        self.included.insert(signed.get_hash().to_string(), signed.clone());
        Ok(())
    }

    pub fn answer(&mut self, method: &str, params: &Value) -> Reply {
        match method {
            "query" => {
                self.asked += 1;
                Reply::Result(json!({
                    "nonce": self.nonce, "permission": "FullAccess", "block_height": 10 + self.asked,
                    "block_hash": hash(&format!("block {}", self.asked)),
                }))
            }
            "send_tx" => {
                let signed = transaction_in(params);
                match self.include(&signed) {
                    Ok(()) => self.outcome(&signed),
                    Err(refused) => refused,
                }
            }
            "tx" => match self.included.get(params["tx_hash"].as_str().unwrap()) {
                Some(signed) => self.outcome(signed),
                None => unknown_transaction(params),
            },
            other => panic!("the fake account was asked for {other}"),
        }
    }

    pub fn outcome(&self, signed: &SignedTransaction) -> Reply {
        let view = SignedTransactionView::from(signed.clone());
        let (id, block, receipt) = (view.hash, hash("included"), hash("first receipt"));
        let then = json!({"SuccessReceiptId": receipt});
        Reply::Result(json!({
            "final_execution_status": "FINAL",
            "status": self.status,
            "transaction": view,
            "transaction_outcome": outcome_json(id, block, "node.test", then, &[], &[receipt]),
            "receipts_outcome": [
                outcome_json(receipt, block, CONTRACT, json!({"SuccessValue": ""}), &[journal_line(1)], &[]),
                outcome_json(hash("second receipt"), block, "token.test", self.status.clone(), &[], &[]),
            ],
        }))
    }
}

pub fn transaction_in(params: &Value) -> SignedTransaction {
    let bytes = BASE64_STANDARD.decode(params["signed_tx_base64"].as_str().unwrap()).unwrap();
    borsh::from_slice(&bytes).unwrap()
}
