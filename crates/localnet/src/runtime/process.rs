//! Applying one block: transactions first, then receipts, in nearcore's order (`lib.rs`, `Runtime::apply`).

use std::collections::VecDeque;

use near_primitives::{
    hash::CryptoHash,
    receipt::{
        DataReceipt, GlobalContractDistributionReceipt, Receipt, ReceivedData, VersionedActionReceipt,
        VersionedReceiptEnum,
    },
    transaction::{ExecutionOutcomeWithId, ValidatedTransaction},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas, StateChangeCause, validator_stake::ValidatorStake},
};

use super::{BlockContext, Runtime, RuntimeError, apply::AppliedReceipt, fees, yields};
use crate::state::{ChangeLog, Snapshot, StateUpdate};

/// Everything a block executes.
pub struct BlockInput {
    /// The block.
    pub context: BlockContext,
    /// Its transactions, in order.
    pub transactions: Vec<ValidatedTransaction>,
    /// Receipts that earlier blocks could not fit.
    pub delayed: VecDeque<Receipt>,
    /// Receipts the parent block sent.
    pub incoming: Vec<Receipt>,
}

/// What a block did.
#[derive(Default)]
pub struct Applied {
    /// State changes with causes.
    pub changes: ChangeLog,
    /// Outcomes of transactions and receipts, in order of execution.
    pub outcomes: Vec<ExecutionOutcomeWithId>,
    /// Every receipt created, those executed at once included.
    pub created: Vec<Receipt>,
    /// Receipts for the next block.
    pub outgoing: Vec<Receipt>,
    /// Receipts that did not fit.
    pub delayed: VecDeque<Receipt>,
    /// Gas burnt.
    pub gas_used: Gas,
    /// yoctoNEAR burnt, as the outcomes show it.
    pub tokens_burnt: Balance,
    /// Stakes that were asked for, in order.
    pub proposals: Vec<ValidatorStake>,
    /// yoctoNEAR of refunds that found nobody.
    pub tokens_lost: Balance,
    /// yoctoNEAR the protocol gave to contracts without balance for one-yocto deposits.
    pub tokens_minted: Balance,
    compute: u64,
}

impl Runtime {
    /// Applies a block on top of the state after its parent.
    ///
    /// # Errors
    /// Only if the stored state is inconsistent; whatever users send at most fails its own receipt.
    pub fn apply_block(&self, base: Snapshot, input: BlockInput) -> Result<Applied, RuntimeError> {
        let mut state = StateUpdate::new(base);
        let mut applied = Applied::default();
        let block = &input.context;
        let mut local = Vec::new();
        for tx in &input.transactions {
            let converted = self.convert_transaction(&mut state, block, tx)?;
            applied.record(converted.outcome, converted.compute)?;
            if let Some(receipt) = converted.receipt {
                applied.created.push(receipt.clone());
                // A receipt to the signer itself runs in the same block, any other in the next one.
                if receipt.receiver_id() == receipt.predecessor_id() {
                    local.push(receipt);
                } else {
                    applied.outgoing.push(receipt);
                }
            }
        }
        let mut queue = input.delayed;
        for receipt in local {
            self.process_or_delay(&mut state, block, receipt, &mut applied)?;
        }
        while self.has_room(&state, block, &applied)
            && let Some(receipt) = queue.pop_front()
        {
            self.process(&mut state, block, receipt, &mut applied)?;
        }
        // Older delayed receipts keep their place before those this block delays.
        queue.append(&mut applied.delayed);
        applied.delayed = queue;
        for receipt in input.incoming {
            self.process_or_delay(&mut state, block, receipt, &mut applied)?;
        }
        let expired = if self.has_room(&state, block, &applied) {
            yields::take_expired(&mut state, block.height)?
        } else {
            Vec::new()
        };
        state.commit(StateChangeCause::UpdatedDelayedReceipts);
        applied.created.extend(expired.iter().cloned());
        applied.outgoing.extend(expired);
        applied.changes = state.finish();
        Ok(applied)
    }

    /// Whether the block takes another receipt: by compute, and by its storage proof.
    fn has_room(&self, state: &StateUpdate, block: &BlockContext, applied: &Applied) -> bool {
        let limit = self.config.witness_config.main_storage_proof_size_soft_limit;
        applied.compute < block.gas_limit.as_gas() && !state.block_proof_exceeds(limit)
    }

    fn process_or_delay(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receipt: Receipt,
        applied: &mut Applied,
    ) -> Result<(), RuntimeError> {
        if self.has_room(state, block, applied) {
            self.process(state, block, receipt, applied)
        } else {
            applied.delayed.push_back(receipt);
            Ok(())
        }
    }

    /// Processes a receipt and, right after it, the instant receipts it created.
    fn process(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receipt: Receipt,
        applied: &mut Applied,
    ) -> Result<(), RuntimeError> {
        let mut instant = VecDeque::from([receipt]);
        while let Some(receipt) = instant.pop_front() {
            let executed = self.process_receipt(state, block, &receipt)?;
            state.commit(StateChangeCause::PostponedReceipt { receipt_hash: *receipt.receipt_id() });
            let Some(AppliedReceipt { outcome, new_receipts, compute, supply, proposals }) = executed else { continue };
            applied.record(outcome, compute)?;
            applied.proposals.extend(proposals);
            applied.tokens_lost = fees::add(applied.tokens_lost, supply.lost)?;
            applied.tokens_minted = fees::add(applied.tokens_minted, supply.minted)?;
            for new_receipt in new_receipts {
                applied.created.push(new_receipt.clone());
                if new_receipt.is_instant_receipt() {
                    instant.push_back(new_receipt);
                } else {
                    applied.outgoing.push(new_receipt);
                }
            }
        }
        Ok(())
    }

    fn process_receipt(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receipt: &Receipt,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        match receipt.versioned_receipt() {
            VersionedReceiptEnum::Action(action) => self.action_arrived(state, block, receipt, &action),
            VersionedReceiptEnum::Data(data) => self.data_arrived(state, block, receipt.receiver_id(), &data),
            VersionedReceiptEnum::PromiseYield(action) => {
                let [data_id] = action.input_data_ids() else {
                    return Err(RuntimeError::Inconsistent("a yield waits for one data id".to_owned()));
                };
                yields::store(state, *data_id, receipt)?;
                Ok(None)
            }
            VersionedReceiptEnum::PromiseResume(data) => {
                self.resume_arrived(state, block, receipt.receiver_id(), &data)
            }
            VersionedReceiptEnum::GlobalContractDistribution(distribution) => {
                distribute_global_contract(state, receipt, &distribution);
                Ok(None)
            }
        }
    }

    /// Runs an action receipt, or stores it until its input data is there.
    fn action_arrived(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receipt: &Receipt,
        action: &VersionedActionReceipt<'_>,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        let receiver_id = receipt.receiver_id();
        let receipt_id = *receipt.receipt_id();
        let mut pending: u32 = 0;
        for data_id in action.input_data_ids() {
            let data_id = *data_id;
            let received = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id };
            if state.get(&received).is_none() {
                pending += 1;
                let key = TrieKey::PostponedReceiptId { receiver_id: receiver_id.clone(), data_id };
                state.write(key, &receipt_id)?;
            }
        }
        if pending == 0 {
            return self.apply_action_receipt(state, block, receipt).map(Some);
        }
        state.write(pending_count_key(receiver_id, receipt_id), &pending)?;
        state.write(postponed_key(receiver_id, receipt_id), receipt)?;
        Ok(None)
    }

    /// Stores data and runs the receipt that waited for it, if it was the last piece.
    fn data_arrived(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        let data_id = data.data_id;
        let received = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id };
        state.write(received, &ReceivedData { data: data.data.clone() })?;
        let waiting = TrieKey::PostponedReceiptId { receiver_id: receiver_id.clone(), data_id };
        let Some(receipt_id) = state.read::<CryptoHash>(waiting.clone())? else { return Ok(None) };
        state.remove(waiting);
        let count_key = pending_count_key(receiver_id, receipt_id);
        let pending: u32 = state
            .read(count_key.clone())?
            .ok_or_else(|| RuntimeError::Inconsistent(format!("{receipt_id} has no pending count")))?;
        if pending > 1 {
            state.write(count_key, &(pending - 1))?;
            return Ok(None);
        }
        state.remove(count_key);
        let key = postponed_key(receiver_id, receipt_id);
        let receipt: Receipt = state
            .read(key.clone())?
            .ok_or_else(|| RuntimeError::Inconsistent(format!("{receipt_id} is not stored")))?;
        state.remove(key);
        self.apply_action_receipt(state, block, &receipt).map(Some)
    }

    /// Runs the yield that this data or time-out resumes, if it still waits.
    fn resume_arrived(
        &self,
        state: &mut StateUpdate,
        block: &BlockContext,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        let timed_out = data.data.is_none();
        if timed_out && yields::is_resumed(state, receiver_id, data.data_id)? {
            return Ok(None);
        }
        let Some(receipt) = yields::take(state, receiver_id, data.data_id)? else { return Ok(None) };
        let key = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id: data.data_id };
        state.write(key, &ReceivedData { data: data.data.clone() })?;
        self.apply_action_receipt(state, block, &receipt).map(Some)
    }
}

impl Applied {
    fn record(&mut self, outcome: ExecutionOutcomeWithId, compute: u64) -> Result<(), RuntimeError> {
        self.gas_used = self.gas_used.checked_add_result(outcome.outcome.gas_burnt)?;
        self.tokens_burnt =
            self.tokens_burnt.checked_add(outcome.outcome.tokens_burnt).ok_or(RuntimeError::Overflow)?;
        self.compute = self.compute.saturating_add(compute);
        self.outcomes.push(outcome);
        Ok(())
    }
}

/// Makes a global contract's code available. With one shard there is nowhere else to forward it to.
fn distribute_global_contract(
    state: &mut StateUpdate,
    receipt: &Receipt,
    distribution: &GlobalContractDistributionReceipt,
) {
    let identifier = distribution.id().clone().into();
    state.set(TrieKey::GlobalContractCode { identifier }, distribution.code().to_vec());
    state.commit(StateChangeCause::ReceiptProcessing { receipt_hash: *receipt.receipt_id() });
}

fn pending_count_key(receiver_id: &AccountId, receipt_id: CryptoHash) -> TrieKey {
    TrieKey::PendingDataCount { receiver_id: receiver_id.clone(), receipt_id }
}

fn postponed_key(receiver_id: &AccountId, receipt_id: CryptoHash) -> TrieKey {
    TrieKey::PostponedReceipt { receiver_id: receiver_id.clone(), receipt_id }
}
