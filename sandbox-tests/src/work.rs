//! What nodes do, op by op.

use anyhow::{Result, ensure};
use near_workspaces::Account;
use piecework_client::calls;
use piecework_interface::{
    commitment::{Place, commitment},
    draw::At,
    event::Entry,
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    intent::SignedIntent,
    op::{Op, Target},
    skip::Skip,
};

use crate::market::{Done, Market, transact};

/// The salt of every commitment here; secrecy is not what these tests are about.
pub const SALT: [u8; 32] = [42; 32];

impl Market {
    /// One `work` call.
    ///
    /// # Errors
    /// The call failed: ops soft-fail, so it never should.
    pub async fn work(&self, node: &Account, ops: Vec<Op>) -> Result<Vec<Entry>> {
        let done = self.try_work(node, ops).await?;
        ensure!(done.result.is_success(), "work failed: {:?}", done.result.failures());
        Ok(done.entries)
    }

    /// One `work` call, whatever comes of it.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn try_work(&self, node: &Account, ops: Vec<Op>) -> Result<Done> {
        let result = transact(node, self.coordinator.id(), calls::work(ops.clone(), None)).await?;
        self.record_work(result, &ops).await
    }

    /// Relays signed intents in one call, whatever comes of it.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn relay(&self, relayer: &Account, intents: &[SignedIntent], withdrawals: usize) -> Result<Done> {
        self.send(relayer, calls::intents_execute(intents, withdrawals)).await
    }

    /// One `work` call with one op that must not be skipped.
    ///
    /// # Errors
    /// It was skipped.
    pub async fn op(&self, node: &Account, op: Op) -> Result<Vec<Entry>> {
        let entries = self.work(node, vec![op]).await?;
        ensure!(skips(&entries).is_empty(), "skipped: {:?}", skips(&entries));
        Ok(entries)
    }

    /// One `poke` call, whatever comes of it.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn poke(&self, keeper: &Account, target: Target) -> Result<Done> {
        self.poke_with(keeper, target, 0).await
    }

    /// The same with so many TGas more, for a callback.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn poke_with(&self, keeper: &Account, target: Target, tgas: u8) -> Result<Done> {
        self.send(keeper, calls::poke(&[target], tgas)).await
    }

    /// Captures the seed of `at`, which is open, and lets the slices pass until the bar is at one for sixteen nodes and a
    /// seat.
    ///
    /// # Errors
    /// The draw was skipped.
    pub async fn draw(&self, node: &Account, batch: BatchId, at: At) -> Result<()> {
        let round = match at {
            At::Group(_) => 0,
            At::Lot(lot) => self.lot(batch, lot).await?.map_or(0, |lot| lot.state.round),
        };
        let slice_s = self.batch(batch).await?.open.map_or(1, |open| open.terms.round_slice_s(round));
        self.advance_s(2 * slice_s).await?;
        self.op(node, Op::Draw { batch, at }).await?;
        self.advance_s(6 * slice_s).await
    }

    /// Claims a lot.
    ///
    /// # Errors
    /// The claim was skipped.
    pub async fn claim(&self, node: &Account, batch: BatchId, lot: LotId) -> Result<Vec<Entry>> {
        self.op(node, Op::Claim { batch, lot }).await
    }

    /// Commits to answers of the lot's current round.
    ///
    /// # Errors
    /// The commit was skipped.
    pub async fn commit(&self, node: &Account, batch: BatchId, lot: LotId, answers: &[u8]) -> Result<Vec<Entry>> {
        let round = self.lot(batch, lot).await?.map_or(0, |lot| lot.state.round);
        let contract = self.coordinator.id().as_str();
        let place = Place { contract, batch, lot, round, node: self.number(node).await? };
        let commitment = commitment(sha256, place, answers, &SALT);
        self.op(node, Op::Commit { batch, lot, commitment }).await
    }

    /// Reveals answers.
    ///
    /// # Errors
    /// The reveal was skipped.
    pub async fn reveal(&self, node: &Account, batch: BatchId, lot: LotId, answers: &[u8]) -> Result<Vec<Entry>> {
        self.op(node, Op::Reveal { batch, lot, answers: answers.to_vec(), salt: SALT }).await
    }

    /// A whole round: every node claims, commits and reveals its answers.
    ///
    /// # Errors
    /// A step was skipped.
    pub async fn round(&self, batch: BatchId, lot: LotId, answers: &[(&Account, &[u8])]) -> Result<Vec<Entry>> {
        for (node, _) in answers {
            self.claim(node, batch, lot).await?;
        }
        for (node, answers) in answers {
            self.commit(node, batch, lot, answers).await?;
        }
        let mut last = Vec::new();
        for (node, answers) in answers {
            last = self.reveal(node, batch, lot, answers).await?;
        }
        Ok(last)
    }

    /// The number of a registered account.
    ///
    /// # Errors
    /// The account is not registered.
    pub async fn number(&self, account: &Account) -> Result<AccountNo> {
        Ok(self.account(account).await?.account)
    }
}

/// The reasons of skipped ops.
#[must_use]
pub fn skips(entries: &[Entry]) -> Vec<Skip> {
    entries
        .iter()
        .filter_map(|entry| if let Entry::Skipped { code, .. } = entry { Some(*code) } else { None })
        .collect()
}
