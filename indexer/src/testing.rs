//! Blocks for tests: what the indexer reads, from lines of a journal and the mirror that they give.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what goes wrong here fails the test")]

use piecework_chain::{AccountId, ContractCall, ContractReceipt, CryptoHash, FinalBlock};
use piecework_interface::{call, host::sha256, op::Op};
use piecework_replay::Mirror;

/// Adds a block with these receipts, after which the contract stands as `mirror`.
pub fn push<'a>(
    blocks: &'a mut Vec<FinalBlock>,
    (height, now_s): (u64, u32),
    receipts: Vec<ContractReceipt>,
    mirror: &Mirror,
) -> &'a FinalBlock {
    let root = (!receipts.is_empty()).then(|| root_record(mirror));
    let prev_hash = blocks.last().map_or(CryptoHash([0; 32]), |block| block.hash);
    blocks.push(FinalBlock {
        height,
        hash: CryptoHash(sha256(&height.to_le_bytes())),
        prev_hash,
        timestamp_ns: u64::from(now_s) * 1_000_000_000 + 500,
        receipts,
        root,
        head_height: height,
    });
    blocks.last().unwrap()
}

/// A receipt with one call that wrote one line.
#[must_use]
pub fn receipt(caller: &str, method: &str, ops: &[Op], line: String) -> ContractReceipt {
    let args = if method == call::WORK { borsh::to_vec(ops).unwrap() } else { b"{}".to_vec() };
    ContractReceipt {
        receipt_id: CryptoHash(sha256(line.as_bytes())),
        predecessor_id: account_id(caller),
        signer_id: account_id(caller),
        tx_hash: None,
        calls: vec![ContractCall { method_name: method.to_owned(), args, gas: 1, deposit: 0 }],
        logs: vec![line],
        gas_burnt: 2_000_000_000_000,
        order: 0,
    }
}

/// What the contract stores under STATE.
#[must_use]
pub fn root_record(mirror: &Mirror) -> Vec<u8> {
    let mut record = vec![0];
    record.extend(mirror.root.seq.to_le_bytes());
    record.extend(mirror.root.head);
    record.extend([7; 28]);
    record
}

/// A valid account id.
#[must_use]
pub fn account_id(name: &str) -> AccountId {
    name.parse().unwrap()
}
