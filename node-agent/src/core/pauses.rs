//! What is left alone for a while after it failed.

use std::collections::BTreeMap;

use piecework_interface::ids::{BatchId, LotId, TokenId};

const FIRST_MS: u64 = 5_000;
const LONGEST_MS: u64 = 600_000;
/// A failed call is tried again soon: a reveal may wait behind it.
const CALL_FIRST_MS: u64 = 1_000;
const CALL_LONGEST_MS: u64 = 30_000;
/// A payout that came back is tried again after a minute, and at last four times a day: its receiver has to mend it.
const PAYOUT_FIRST_MS: u64 = 60_000;
const PAYOUT_LONGEST_MS: u64 = 6 * 3_600_000;

/// A wait that doubles with every failure.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    until_ms: u64,
    failures: u32,
}

impl Wait {
    fn fail(&mut self, now_ms: u64, first_ms: u64, longest_ms: u64) {
        let doubled = first_ms.saturating_mul(1 << self.failures.min(20));
        self.until_ms = now_ms.saturating_add(doubled.min(longest_ms));
        self.failures = self.failures.saturating_add(1);
    }
}

/// All waits.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    batches: BTreeMap<BatchId, (Wait, String)>,
    lots: BTreeMap<(BatchId, LotId), u64>,
    claims: Option<(u64, String)>,
    calls: Wait,
    payouts: BTreeMap<TokenId, Wait>,
}

impl Pauses {
    /// No claims in the batch for a while, longer each time.
    pub(super) fn batch_failed(&mut self, batch: BatchId, now_ms: u64, why: String) {
        let (wait, text) = self.batches.entry(batch).or_default();
        wait.fail(now_ms, FIRST_MS, LONGEST_MS);
        *text = why;
    }

    /// Work in the batch succeeded.
    pub(super) fn batch_works(&mut self, batch: BatchId) {
        self.batches.remove(&batch);
    }

    /// Why nothing is claimed in the batch.
    pub(super) fn batch(&self, batch: BatchId, now_ms: u64) -> Option<&str> {
        self.batches.get(&batch).filter(|(wait, _)| wait.until_ms > now_ms).map(|(_, why)| why.as_str())
    }

    /// No ops on the lot before this time.
    pub(super) fn lot_until(&mut self, batch: BatchId, lot: LotId, until_ms: u64) {
        self.lots.insert((batch, lot), until_ms);
    }

    /// Whether ops on the lot wait.
    pub(super) fn lot(&self, batch: BatchId, lot: LotId, now_ms: u64) -> bool {
        self.lots.get(&(batch, lot)).is_some_and(|until_ms| *until_ms > now_ms)
    }

    /// No claims at all for a while.
    pub(super) fn claims_failed(&mut self, now_ms: u64, why: String) {
        self.claims = Some((now_ms.saturating_add(2 * FIRST_MS), why));
    }

    /// Why nothing is claimed at all.
    pub(super) fn claims(&self, now_ms: u64) -> Option<&str> {
        self.claims.as_ref().filter(|(until_ms, _)| *until_ms > now_ms).map(|(_, why)| why.as_str())
    }

    /// A call failed as a whole.
    pub(super) fn call_failed(&mut self, now_ms: u64) {
        self.calls.fail(now_ms, CALL_FIRST_MS, CALL_LONGEST_MS);
    }

    /// A call was executed.
    pub(super) fn call_works(&mut self) {
        self.calls = Wait::default();
    }

    /// Whether calls wait.
    pub(super) fn call(&self, now_ms: u64) -> bool {
        self.calls.until_ms > now_ms
    }

    /// A token is sent to the payout account: what of it is there after the wait came back.
    pub(super) fn payout_sent(&mut self, token: TokenId, now_ms: u64) {
        self.payouts.entry(token).or_default().fail(now_ms, PAYOUT_FIRST_MS, PAYOUT_LONGEST_MS);
    }

    /// The last payout of the token went through: its balance was seen low.
    pub(super) fn payout_works(&mut self, token: TokenId) {
        self.payouts.remove(&token);
    }

    /// Whether a token's payout waits, and how often it was sent without the balance being seen low.
    pub(super) fn payout(&self, token: TokenId, now_ms: u64) -> (bool, u32) {
        self.payouts.get(&token).map_or((false, 0), |wait| (wait.until_ms > now_ms, wait.failures))
    }

    /// Drops what concerns batches that are gone and lots whose wait is over.
    pub(super) fn tidy(&mut self, now_ms: u64, is_open: impl Fn(BatchId) -> bool) {
        self.batches.retain(|batch, _| is_open(*batch));
        self.lots.retain(|(batch, _), until_ms| *until_ms > now_ms && is_open(*batch));
    }
}
