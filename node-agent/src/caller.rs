//! Sends calls so that each takes effect once: the signed bytes are on disk before they are sent, and after a crash or
//! a lost answer the same bytes are sent again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use piecework_chain::{AccountId, Gas, NearToken, Outcome, Sender, TxError, TxRequest, WaitLevel};
use piecework_interface::{
    call::{CALL_GAS, HEARTBEAT, POKE, WORK, poke_gas, work_gas},
    event::{Entry, Line},
    op::{Op, Target},
    skip::Skip,
};

use crate::{
    core::{Call, Called, Trouble},
    store::{Store, StoredCall},
};

const TGAS: u64 = 1_000_000_000_000;
/// Wait before the same bytes are sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// Sends calls of the node's key to the contract.
#[derive(Clone, Debug)]
pub struct Caller {
    sender: Sender,
    contract: AccountId,
    store: Arc<Store>,
}

impl Caller {
    /// A caller that keeps what it sends in `store`.
    #[must_use]
    pub const fn new(sender: Sender, contract: AccountId, store: Arc<Store>) -> Self {
        Self { sender, contract, store }
    }

    /// Signs, writes down, sends, and waits for the final outcome, however long that takes.
    pub async fn call(&self, call: &Call) -> Called {
        let (method, args, gas) = match encode(call) {
            Ok(parts) => parts,
            Err(error) => return Called::NotSent(Trouble::Other(format!("the call cannot be encoded: {error}"))),
        };
        let request = TxRequest::to(self.contract.clone()).call(
            method,
            args.clone(),
            Gas::from_gas(gas),
            NearToken::from_yoctonear(0),
        );
        let mut lane = self.sender.pool().lane().await;
        let signed = match self.sender.sign(&mut lane, &request).await {
            Ok(signed) => signed,
            Err(error) => return Called::NotSent(Trouble::Other(text(&error))),
        };
        let stored = StoredCall { method: method.to_owned(), args, signed };
        if let Err(error) = self.store.call_put(&stored) {
            // Claims need the disk. All else rests on what is saved already, and the contract skips what it has seen.
            if claims(call) {
                return Called::NotSent(Trouble::Disk(error.to_string()));
            }
            tracing::warn!(%error, "call.unsaved");
        }
        self.settle(&stored).await
    }

    /// Takes a call up again that was under way when the agent ended.
    pub async fn resume(&self, stored: &StoredCall) -> Called {
        let _lane = self.sender.pool().lane_of(&stored.signed.public_key).await;
        self.settle(stored).await
    }

    async fn settle(&self, stored: &StoredCall) -> Called {
        let tx_hash = stored.signed.hash;
        loop {
            tracing::debug!(%tx_hash, method = stored.method, "call.send");
            let outcome = match self.sender.send_and_wait(&stored.signed, WaitLevel::Final).await {
                Ok(outcome) => outcome.into_success(),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(outcome) => match self.sender.outcome_height(&outcome).await {
                    Ok(height) => {
                        return Called::Done { height, skips: skips(&outcome) };
                    }
                    Err(error) => tracing::warn!(%tx_hash, %error, "call.height_unknown"),
                },
                Err(TxError::Failed { failure, .. }) => {
                    return Called::Failed { text: format!("call {} failed: {failure}", stored.method) };
                }
                Err(
                    error @ (TxError::Nonce { .. }
                    | TxError::Expired { .. }
                    | TxError::Invalid { .. }
                    | TxError::KeyGone { .. }
                    | TxError::Encode { .. }
                    | TxError::Damaged(_)),
                ) => return Called::NotSent(Trouble::Other(text(&error))),
                // Nobody knows yet: the same bytes again.
                Err(error) => tracing::warn!(%tx_hash, error = text(&error), "call.unknown"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Reads a stored call back; `None` if it is none of this agent's.
#[must_use]
pub fn decode(stored: &StoredCall) -> Option<Call> {
    match stored.method.as_str() {
        WORK => borsh::from_slice(&stored.args).ok().map(Call::Work),
        POKE => borsh::from_slice(&stored.args).ok().map(Call::Poke),
        HEARTBEAT => Some(Call::Heartbeat),
        _ => None,
    }
}

fn encode(call: &Call) -> std::io::Result<(&'static str, Vec<u8>, u64)> {
    Ok(match call {
        Call::Work(ops) => (WORK, borsh::to_vec(ops)?, work_gas(ops.len())),
        Call::Poke(targets) => (POKE, borsh::to_vec(targets)?, poke_gas(targets.len())),
        Call::Tell(batch, tgas) => {
            (POKE, borsh::to_vec(&[Target::Batch(*batch)].as_slice())?, poke_gas(1) + u64::from(*tgas) * TGAS)
        }
        Call::Heartbeat => (HEARTBEAT, b"{}".to_vec(), CALL_GAS),
    })
}

fn claims(call: &Call) -> bool {
    matches!(call, Call::Work(ops) if ops.iter().any(|op| matches!(op, Op::Claim { .. })))
}

/// Skipped ops by index, from the journal line of the call.
fn skips(outcome: &Outcome) -> BTreeMap<usize, Skip> {
    let lines = outcome.logs().filter_map(|log| Line::parse(log).ok().flatten());
    let entries = lines.flat_map(|line| line.log);
    entries
        .filter_map(|entry| match entry {
            Entry::Skipped { op, code } => Some((usize::from(op), code)),
            _ => None,
        })
        .collect()
}

/// An error with its causes.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        source = error.source();
    }
    text
}
