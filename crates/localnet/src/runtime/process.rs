//! Applying one block: transactions first, then receipts, in nearcore's order (`lib.rs`, `Runtime::apply`).

use std::collections::VecDeque;

use near_primitives::{
    hash::CryptoHash,
    receipt::{DataReceipt, GlobalContractDistributionReceipt, Receipt, ReceivedData, VersionedReceiptEnum},
    transaction::{ExecutionOutcomeWithId, ValidatedTransaction},
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas, StateChangeCause, validator_stake::ValidatorStake},
};

use super::{BlockContext, Runtime, RuntimeError, apply::AppliedReceipt, fees, yields};
use crate::state::{ChangeLog, Snapshot, StateError, StateUpdate};

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
        let BlockInput { context, transactions, mut delayed, incoming } = input;
        let (state, applied) = (StateUpdate::new(base), Applied::default());
        let mut run = Run { runtime: self, block: &context, state, applied };
        let mut local = Vec::new();
        for tx in &transactions {
            let (outcome, receipt) = self.convert_transaction(&mut run.state, &context, tx)?;
            run.applied.record(outcome)?;
            if let Some(receipt) = receipt {
                run.applied.created.push(receipt.clone());
                // A receipt to the signer itself runs in the same block, any other in the next one.
                if receipt.receiver_id() == receipt.predecessor_id() {
                    local.push(receipt);
                } else {
                    run.applied.outgoing.push(receipt);
                }
            }
        }
        for receipt in local {
            run.process_or_delay(receipt)?;
        }
        while run.has_room()
            && let Some(receipt) = delayed.pop_front()
        {
            run.process(receipt)?;
        }
        // Older delayed receipts keep their place before those this block delays.
        delayed.append(&mut run.applied.delayed);
        run.applied.delayed = delayed;
        for receipt in incoming {
            run.process_or_delay(receipt)?;
        }
        let has_room = run.has_room();
        let Run { mut state, mut applied, .. } = run;
        let expired = if has_room { yields::take_expired(&mut state, context.height)? } else { Vec::new() };
        state.commit(StateChangeCause::UpdatedDelayedReceipts);
        applied.created.extend(expired.iter().cloned());
        applied.outgoing.extend(expired);
        applied.changes = state.finish();
        Ok(applied)
    }
}

/// A block under way.
struct Run<'a> {
    runtime: &'a Runtime,
    block: &'a BlockContext,
    state: StateUpdate,
    applied: Applied,
}

impl Run<'_> {
    /// Whether the block takes another receipt: by compute, and by its storage proof.
    fn has_room(&self) -> bool {
        let limit = self.runtime.config.witness_config.main_storage_proof_size_soft_limit;
        self.applied.compute < self.block.gas_limit.as_gas() && !self.state.block_proof_exceeds(limit)
    }

    fn process_or_delay(&mut self, receipt: Receipt) -> Result<(), RuntimeError> {
        if self.has_room() {
            self.process(receipt)
        } else {
            self.applied.delayed.push_back(receipt);
            Ok(())
        }
    }

    /// Processes a receipt and, right after it, the instant receipts it created.
    fn process(&mut self, receipt: Receipt) -> Result<(), RuntimeError> {
        let mut instant = VecDeque::from([receipt]);
        while let Some(receipt) = instant.pop_front() {
            let executed = self.process_receipt(&receipt)?;
            self.state.commit(StateChangeCause::PostponedReceipt { receipt_hash: *receipt.receipt_id() });
            let Some(AppliedReceipt { outcome, new_receipts, lost, minted, proposals }) = executed else { continue };
            let applied = &mut self.applied;
            applied.record(outcome)?;
            applied.proposals.extend(proposals);
            applied.tokens_lost = fees::add(applied.tokens_lost, lost)?;
            applied.tokens_minted = fees::add(applied.tokens_minted, minted)?;
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

    fn process_receipt(&mut self, receipt: &Receipt) -> Result<Option<AppliedReceipt>, RuntimeError> {
        match receipt.versioned_receipt() {
            VersionedReceiptEnum::Action(action) => self.action_arrived(receipt, action.input_data_ids()),
            VersionedReceiptEnum::Data(data) => self.data_arrived(receipt.receiver_id(), &data),
            VersionedReceiptEnum::PromiseYield(action) => {
                let [data_id] = action.input_data_ids() else {
                    return Err(RuntimeError::Inconsistent("a yield waits for one data id".to_owned()));
                };
                yields::store(&mut self.state, *data_id, receipt)?;
                Ok(None)
            }
            VersionedReceiptEnum::PromiseResume(data) => self.resume_arrived(receipt.receiver_id(), &data),
            VersionedReceiptEnum::GlobalContractDistribution(distribution) => {
                distribute_global_contract(&mut self.state, receipt, &distribution);
                Ok(None)
            }
        }
    }

    fn apply(&mut self, receipt: &Receipt) -> Result<Option<AppliedReceipt>, RuntimeError> {
        self.runtime.apply_action_receipt(&mut self.state, self.block, receipt).map(Some)
    }

    /// Runs an action receipt, or stores it until its input data is there.
    fn action_arrived(
        &mut self,
        receipt: &Receipt,
        input_data_ids: &[CryptoHash],
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        let receiver_id = receipt.receiver_id();
        let receipt_id = *receipt.receipt_id();
        let mut pending: u32 = 0;
        for &data_id in input_data_ids {
            let received = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id };
            if self.state.get(&received).is_none() {
                pending += 1;
                let key = TrieKey::PostponedReceiptId { receiver_id: receiver_id.clone(), data_id };
                self.state.write(key, &receipt_id)?;
            }
        }
        if pending == 0 {
            return self.apply(receipt);
        }
        self.state.write(pending_count_key(receiver_id, receipt_id), &pending)?;
        self.state.write(TrieKey::PostponedReceipt { receiver_id: receiver_id.clone(), receipt_id }, receipt)?;
        Ok(None)
    }

    /// Stores data and runs the receipt that waited for it, if it was the last piece.
    fn data_arrived(
        &mut self,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        self.receive(receiver_id, data)?;
        let waiting = TrieKey::PostponedReceiptId { receiver_id: receiver_id.clone(), data_id: data.data_id };
        let Some(receipt_id) = self.state.take::<CryptoHash>(waiting)? else { return Ok(None) };
        let count_key = pending_count_key(receiver_id, receipt_id);
        let pending: u32 = self
            .state
            .take(count_key.clone())?
            .ok_or_else(|| RuntimeError::Inconsistent(format!("{receipt_id} has no pending count")))?;
        if pending > 1 {
            self.state.write(count_key, &(pending - 1))?;
            return Ok(None);
        }
        let receipt: Receipt = self
            .state
            .take(TrieKey::PostponedReceipt { receiver_id: receiver_id.clone(), receipt_id })?
            .ok_or_else(|| RuntimeError::Inconsistent(format!("{receipt_id} is not stored")))?;
        self.apply(&receipt)
    }

    /// Runs the yield that this data or time-out resumes, if it still waits.
    fn resume_arrived(
        &mut self,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<AppliedReceipt>, RuntimeError> {
        let timed_out = data.data.is_none();
        if timed_out && yields::is_resumed(&self.state, receiver_id, data.data_id)? {
            return Ok(None);
        }
        let Some(receipt) = yields::take(&mut self.state, receiver_id, data.data_id)? else { return Ok(None) };
        self.receive(receiver_id, data)?;
        self.apply(&receipt)
    }

    fn receive(&mut self, receiver_id: &AccountId, data: &DataReceipt) -> Result<(), StateError> {
        let key = TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id: data.data_id };
        self.state.write(key, &ReceivedData { data: data.data.clone() })
    }
}

impl Applied {
    fn record(&mut self, outcome: ExecutionOutcomeWithId) -> Result<(), RuntimeError> {
        self.gas_used = self.gas_used.checked_add_result(outcome.outcome.gas_burnt)?;
        self.tokens_burnt = fees::add(self.tokens_burnt, outcome.outcome.tokens_burnt)?;
        self.compute = self.compute.saturating_add(outcome.outcome.compute_usage.unwrap_or(0));
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
