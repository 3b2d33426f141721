//! How far a transaction has come, from the outcomes of its receipts.

use near_primitives::{
    hash::CryptoHash,
    receipt::{Receipt, VersionedReceiptEnum},
    transaction::{ExecutionOutcomeWithId, ExecutionStatus},
    views::{
        ExecutionOutcomeWithIdView, FinalExecutionOutcomeView, FinalExecutionOutcomeWithReceiptView,
        FinalExecutionStatus, ReceiptView, TxExecutionStatus,
    },
};

use super::history::History;
use crate::block::OutcomePlace;

/// Everything known about a transaction that is in a block.
pub struct TransactionStatus {
    /// Its outcome and those of its receipts so far.
    pub outcome: FinalExecutionOutcomeView,
    /// The strongest level reached.
    pub level: TxExecutionStatus,
}

impl History {
    /// The status of a transaction; `None` if no kept block contains it.
    pub fn transaction_status(&self, hash: &CryptoHash) -> Option<TransactionStatus> {
        let transaction = self.transaction(hash)?;
        let place = self.outcome(hash)?;
        let mut progress = Progress::default();
        self.collect(place, &mut progress);
        let (transaction_outcome, receipts_outcome) = {
            let mut outcomes = progress.places.iter().filter_map(|place| self.outcome_view(*place));
            (outcomes.next()?, outcomes.collect::<Vec<_>>())
        };
        let outcome = FinalExecutionOutcomeView {
            status: self.final_status(place),
            transaction: (*transaction).clone().into(),
            transaction_outcome,
            receipts_outcome,
        };
        Some(TransactionStatus { level: self.level(place, &progress), outcome })
    }

    /// Whether a transaction succeeded or failed, as far as that is known.
    pub fn success(&self, hash: &CryptoHash) -> Option<bool> {
        match self.final_status(self.outcome(hash)?) {
            FinalExecutionStatus::SuccessValue(_) => Some(true),
            FinalExecutionStatus::Failure(_) => Some(false),
            FinalExecutionStatus::NotStarted | FinalExecutionStatus::Started => None,
        }
    }

    /// The same with the receipts themselves.
    pub fn with_receipts(&self, outcome: FinalExecutionOutcomeView) -> FinalExecutionOutcomeWithReceiptView {
        let first = &outcome.transaction_outcome.outcome.receipt_ids;
        let converted_locally = outcome.transaction.signer_id == outcome.transaction.receiver_id;
        // As nearcore does, the receipt a transaction was converted to is left out when it ran in place.
        let receipts = outcome
            .receipts_outcome
            .iter()
            .filter(|receipt| !(converted_locally && first.contains(&receipt.id)))
            .filter_map(|receipt| self.any_receipt(&receipt.id))
            .map(|receipt| ReceiptView::from((*receipt).clone()))
            .collect();
        FinalExecutionOutcomeWithReceiptView { final_outcome: outcome, receipts }
    }

    /// One outcome with its proof.
    pub fn outcome_view(&self, place: OutcomePlace) -> Option<ExecutionOutcomeWithIdView> {
        self.block_at_height(place.height)?.outcome_view(place.index)
    }

    fn outcome_at(&self, place: OutcomePlace) -> Option<ExecutionOutcomeWithId> {
        self.block_at_height(place.height)?.outcomes.get(place.index).cloned()
    }

    /// Walks the tree of receipts depth first.
    fn collect(&self, place: OutcomePlace, progress: &mut Progress) {
        let Some(outcome) = self.outcome_at(place) else { return };
        progress.places.push(place);
        for receipt_id in &outcome.outcome.receipt_ids {
            match self.outcome(receipt_id) {
                Some(place) => self.collect(place, progress),
                None => {
                    let receipt = self.any_receipt(receipt_id);
                    // nearcore leaves out a refund only where it is the last receipt of an outcome.
                    let last = outcome.outcome.receipt_ids.last() == Some(receipt_id);
                    let refund = last && receipt.as_ref().is_some_and(|receipt| receipt.predecessor_id().is_system());
                    progress.awaits_refund |= refund;
                    // A distribution receipt is executed without an outcome of its own.
                    let awaited = receipt.is_none_or(|receipt| expects_outcome(&receipt));
                    progress.awaits_receipt |= awaited && !refund;
                }
            }
        }
    }

    /// Follows the result through returned promises.
    fn final_status(&self, place: OutcomePlace) -> FinalExecutionStatus {
        let mut place = place;
        let mut started = false;
        while let Some(outcome) = self.outcome_at(place) {
            match outcome.outcome.status {
                ExecutionStatus::SuccessValue(value) => return FinalExecutionStatus::SuccessValue(value),
                ExecutionStatus::Failure(error) => return FinalExecutionStatus::Failure(error),
                ExecutionStatus::SuccessReceiptId(receipt_id) => match self.outcome(&receipt_id) {
                    Some(next) => place = next,
                    None => break,
                },
                ExecutionStatus::Unknown => break,
            }
            started = true;
        }
        if started { FinalExecutionStatus::Started } else { FinalExecutionStatus::NotStarted }
    }

    fn level(&self, place: OutcomePlace, progress: &Progress) -> TxExecutionStatus {
        let included_final = self.is_final(place.height);
        if progress.awaits_receipt {
            return if included_final { TxExecutionStatus::IncludedFinal } else { TxExecutionStatus::Included };
        }
        let all_final = !progress.awaits_refund && progress.places.iter().all(|place| self.is_final(place.height));
        match (included_final, all_final) {
            (_, true) => TxExecutionStatus::Final,
            (true, false) => TxExecutionStatus::Executed,
            (false, false) => TxExecutionStatus::ExecutedOptimistic,
        }
    }
}

#[derive(Default)]
struct Progress {
    places: Vec<OutcomePlace>,
    awaits_receipt: bool,
    awaits_refund: bool,
}

fn expects_outcome(receipt: &Receipt) -> bool {
    !matches!(receipt.versioned_receipt(), VersionedReceiptEnum::GlobalContractDistribution(_))
}
