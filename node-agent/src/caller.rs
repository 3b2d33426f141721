//! Sends calls so that each takes effect once: the signed bytes are on disk before they are sent, and after a crash or
//! a lost answer the same bytes are sent again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use piecework_chain::{AccountId, Outcome, Sender, TxError, TxRequest, WaitLevel};
use piecework_client::calls;
use piecework_interface::{
    call::{HEARTBEAT, INTENTS_EXECUTE, POKE, WITHDRAW_PAYOUT, WORK, WithdrawArgs},
    event::{Entry, Line},
    ids::AccountNo,
    intent::SignedIntent,
    op::{Op, Target, Work},
    skip::Skip,
};

use crate::{
    core::{Call, Called, Trouble},
    store::{Store, StoredCall},
};

/// Wait before the same bytes are sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// Sends calls of the node's key to the contract.
#[derive(Clone, Debug)]
pub struct Caller {
    sender: Sender,
    contract: AccountId,
    node: AccountNo,
    store: Arc<Store>,
}

impl Caller {
    /// A caller that keeps what it sends in `store`. The node's number spares the contract a look-up in each call.
    #[must_use]
    pub const fn new(sender: Sender, contract: AccountId, node: AccountNo, store: Arc<Store>) -> Self {
        Self { sender, contract, node, store }
    }

    /// Signs, writes down, sends, and waits for the final outcome, however long that takes.
    pub async fn call(&self, call: &Call) -> Called {
        let encoded = self.encode(call);
        let (method, args) = (encoded.method.to_owned(), encoded.args.clone());
        let request = TxRequest::to(self.contract.clone()).call(encoded);
        let mut lane = self.sender.pool().lane().await;
        let signed = match self.sender.sign(&mut lane, &request).await {
            Ok(signed) => signed,
            Err(error) => return Called::NotSent(Trouble::Other(text(&error))),
        };
        let stored = StoredCall { method, args, signed };
        if let Err(error) = self.store.call_put(&stored) {
            // Claims and deposits need the disk. All else rests on what is saved already, and the contract skips what it has
            // seen.
            if needs_disk(call) {
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

    fn encode(&self, call: &Call) -> piecework_client::Call {
        match call {
            Call::Work(ops) => calls::work(ops.clone(), Some(self.node)),
            Call::Poke(targets) => calls::poke(targets, 0),
            Call::Tell(batch, tgas) => calls::poke(&[Target::Batch(*batch)], *tgas),
            Call::Heartbeat => calls::heartbeat(self.node),
            Call::Payout(token) => calls::withdraw_payout(*token, None),
            Call::Challenge(intent) => calls::intents_execute(std::slice::from_ref(intent), 0),
        }
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
                    return Called::Failed(format!("call {} failed: {failure}", stored.method));
                }
                Err(
                    error @ (TxError::Nonce { .. }
                    | TxError::Expired { .. }
                    | TxError::Invalid { .. }
                    | TxError::KeyGone { .. }
                    | TxError::NoAccount { .. }
                    | TxError::Encode { .. }
                    | TxError::Damaged(_)),
                ) => return Called::NotSent(Trouble::Other(text(&error))),
                // The outcome is unknown: the same bytes again.
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
        WORK => borsh::from_slice(&stored.args).ok().map(|work: Work| Call::Work(work.ops)),
        POKE => borsh::from_slice(&stored.args).ok().map(Call::Poke),
        HEARTBEAT => Some(Call::Heartbeat),
        WITHDRAW_PAYOUT => {
            let args: WithdrawArgs = serde_json::from_slice(&stored.args).ok()?;
            Some(Call::Payout(args.token))
        }
        INTENTS_EXECUTE => {
            let intents: Vec<SignedIntent> = borsh::from_slice(&stored.args).ok()?;
            intents.into_iter().next().map(Call::Challenge)
        }
        _ => None,
    }
}

fn needs_disk(call: &Call) -> bool {
    match call {
        Call::Work(ops) => ops.iter().any(|op| matches!(op, Op::Claim { .. })),
        Call::Challenge(_) => true,
        // A payout moves what is there: another moves nothing more.
        Call::Poke(_) | Call::Tell(..) | Call::Heartbeat | Call::Payout(_) => false,
    }
}

/// Skipped ops and intents that did nothing, by index, from the journal line of the call.
fn skips(outcome: &Outcome) -> BTreeMap<usize, Skip> {
    let lines = outcome.logs().filter_map(|log| Line::parse(log).ok().flatten());
    let entries = lines.flat_map(|line| line.log);
    entries
        .filter_map(|entry| match entry {
            Entry::Skipped { op, code } | Entry::Intent { op, failed: Some(code), .. } => Some((usize::from(op), code)),
            _ => None,
        })
        .collect()
}

/// An error with its causes, each said once.
fn text(error: &TxError) -> String {
    let parts = anyhow::Chain::new(error).map(ToString::to_string);
    parts.reduce(|text, part| if text.contains(&part) { text } else { format!("{text}: {part}") }).unwrap_or_default()
}
