//! Bookkeeping of yielded promises: their status, their caller-chosen ids and their time-outs.

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{
    hash::{CryptoHash, YieldId},
    receipt::{DataReceipt, PromiseYieldIndices, PromiseYieldTimeout, Receipt, ReceiptEnum, ReceiptV0},
    trie_key::TrieKey,
    types::{AccountId, BlockHeight},
    utils::create_receipt_id_from_receipt_id,
};

use crate::state::{StateError, StateUpdate};

/// Where a yielded promise stands.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, PartialEq, Eq)]
enum Status {
    Yielded,
    ResumeInitiated,
}

/// Marks a yield as waiting for its data.
pub fn set_waiting(state: &mut StateUpdate, receiver_id: &AccountId, data_id: CryptoHash) -> Result<(), StateError> {
    state.write(status_key(receiver_id, data_id), &Status::Yielded)
}

/// Marks a yield as resumed, so that its time-out does nothing.
pub fn set_resumed(state: &mut StateUpdate, receiver_id: &AccountId, data_id: CryptoHash) -> Result<(), StateError> {
    state.write(status_key(receiver_id, data_id), &Status::ResumeInitiated)
}

/// Whether a yield with this data id exists, stored or created in this very call.
pub fn is_waiting(state: &StateUpdate, receiver_id: &AccountId, data_id: CryptoHash) -> bool {
    state.get(&receipt_key(receiver_id, data_id)).is_some() || state.get(&status_key(receiver_id, data_id)).is_some()
}

/// Whether data for the yield is already on its way.
pub fn is_resumed(state: &StateUpdate, receiver_id: &AccountId, data_id: CryptoHash) -> Result<bool, StateError> {
    Ok(state.read(status_key(receiver_id, data_id))? == Some(Status::ResumeInitiated))
}

/// The data id behind a caller-chosen yield id.
pub fn data_id(
    state: &StateUpdate,
    receiver_id: &AccountId,
    yield_id: YieldId,
) -> Result<Option<CryptoHash>, StateError> {
    state.read(TrieKey::YieldIdToDataId { receiver_id: receiver_id.clone(), yield_id })
}

/// Remembers a caller-chosen yield id.
pub fn set_id(
    state: &mut StateUpdate,
    receiver_id: &AccountId,
    yield_id: YieldId,
    data_id: CryptoHash,
) -> Result<(), StateError> {
    state.write(TrieKey::YieldIdToDataId { receiver_id: receiver_id.clone(), yield_id }, &data_id)?;
    state.write(TrieKey::DataIdToYieldId { receiver_id: receiver_id.clone(), data_id }, &yield_id)
}

/// Stores a yield's receipt until its data comes.
pub fn store(state: &mut StateUpdate, data_id: CryptoHash, receipt: &Receipt) -> Result<(), StateError> {
    state.write(receipt_key(receipt.receiver_id(), data_id), receipt)
}

/// Takes a waiting yield's receipt and everything remembered about it.
pub fn take(
    state: &mut StateUpdate,
    receiver_id: &AccountId,
    data_id: CryptoHash,
) -> Result<Option<Receipt>, StateError> {
    let Some(receipt) = state.take(receipt_key(receiver_id, data_id))? else { return Ok(None) };
    state.remove(status_key(receiver_id, data_id));
    let by_data = TrieKey::DataIdToYieldId { receiver_id: receiver_id.clone(), data_id };
    if let Some(yield_id) = state.take(by_data)? {
        state.remove(TrieKey::YieldIdToDataId { receiver_id: receiver_id.clone(), yield_id });
    }
    Ok(Some(receipt))
}

/// Queues the time-out of a new yield.
pub fn queue_timeout(
    state: &mut StateUpdate,
    account_id: &AccountId,
    data_id: CryptoHash,
    expires_at: BlockHeight,
) -> Result<(), StateError> {
    let mut indices = indices(state)?;
    let timeout = PromiseYieldTimeout { account_id: account_id.clone(), data_id, expires_at };
    state.write(TrieKey::PromiseYieldTimeout { index: indices.next_available_index }, &timeout)?;
    indices.next_available_index += 1;
    state.write(TrieKey::PromiseYieldIndices, &indices)
}

/// Takes the time-outs due at `height` and returns a failing resume for each yield still waiting.
pub fn take_expired(state: &mut StateUpdate, height: BlockHeight) -> Result<Vec<Receipt>, StateError> {
    let mut indices = indices(state)?;
    let first = indices.first_index;
    let mut resumes = Vec::new();
    while indices.first_index < indices.next_available_index {
        let key = TrieKey::PromiseYieldTimeout { index: indices.first_index };
        let Some(timeout) = state.read::<PromiseYieldTimeout>(key.clone())? else { break };
        if timeout.expires_at > height {
            break;
        }
        if state.get(&receipt_key(&timeout.account_id, timeout.data_id)).is_some() {
            let receipt_id = create_receipt_id_from_receipt_id(&timeout.data_id, height, resumes.len());
            resumes.push(Receipt::V0(ReceiptV0 {
                predecessor_id: timeout.account_id.clone(),
                receiver_id: timeout.account_id,
                receipt_id,
                receipt: ReceiptEnum::PromiseResume(DataReceipt { data_id: timeout.data_id, data: None }),
            }));
        }
        state.remove(key);
        indices.first_index += 1;
    }
    if indices.first_index != first {
        state.write(TrieKey::PromiseYieldIndices, &indices)?;
    }
    Ok(resumes)
}

fn indices(state: &StateUpdate) -> Result<PromiseYieldIndices, StateError> {
    Ok(state.read(TrieKey::PromiseYieldIndices)?.unwrap_or_default())
}

fn status_key(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
    TrieKey::PromiseYieldStatus { receiver_id: receiver_id.clone(), data_id }
}

fn receipt_key(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
    TrieKey::PromiseYieldReceipt { receiver_id: receiver_id.clone(), data_id }
}
