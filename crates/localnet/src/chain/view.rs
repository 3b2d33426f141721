//! The readable side of the chain: shared by the RPC and tests, never blocked by execution.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use near_chain_configs::Genesis;
use near_primitives::{
    errors::InvalidTxError,
    hash::CryptoHash,
    transaction::{SignedTransaction, ValidatedTransaction},
    types::BlockHeight,
};
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{History, pool::Pool};
use crate::{
    runtime::Runtime,
    state::{Snapshot, StateUpdate, VersionedState},
};

/// Transactions that wait at most before senders do.
const POOL_LIMIT: usize = 4_096;
/// How many rejections are remembered for whoever asks about their transaction later.
const REJECTED_KEPT: usize = 10_000;

/// The readable side of the chain: shared, never blocked by execution.
pub struct ChainView {
    /// The rules.
    pub runtime: Arc<Runtime>,
    /// The genesis file.
    pub genesis: Arc<Genesis>,
    history: RwLock<History>,
    state: Arc<RwLock<VersionedState>>,
    pool: Mutex<Pool>,
    rejected: Mutex<Rejected>,
    /// Where an endpoint that lags sends its transactions.
    leader: Option<Arc<Self>>,
}

#[derive(Default)]
struct Rejected {
    errors: HashMap<CryptoHash, InvalidTxError>,
    order: VecDeque<CryptoHash>,
}

impl ChainView {
    /// The readable side of a chain with this past.
    pub(super) fn new(runtime: Runtime, genesis: Genesis, history: History, state: VersionedState) -> Self {
        Self {
            runtime: Arc::new(runtime),
            genesis: Arc::new(genesis),
            history: RwLock::new(history),
            state: Arc::new(RwLock::new(state)),
            pool: Mutex::default(),
            rejected: Mutex::default(),
            leader: None,
        }
    }

    /// The chain as an endpoint knows it that may fall behind, from where `leader` is now.
    pub(super) fn lagging(leader: &Arc<Self>) -> Self {
        Self {
            runtime: Arc::clone(&leader.runtime),
            genesis: Arc::clone(&leader.genesis),
            history: RwLock::new(leader.history().clone()),
            state: Arc::clone(&leader.state),
            pool: Mutex::default(),
            rejected: Mutex::default(),
            leader: Some(Arc::clone(leader)),
        }
    }

    /// Replaces the past and drops what waits.
    pub(super) fn replace(&self, history: History, state: VersionedState) {
        let (mut own_state, mut own_history) = (self.state.write(), self.history.write());
        *own_state = state;
        *own_history = history;
        *self.pool.lock() = Pool::default();
        *self.rejected.lock() = Rejected::default();
    }

    /// Reads the kept blocks.
    pub fn history(&self) -> RwLockReadGuard<'_, History> {
        self.history.read()
    }

    /// The state after the block at `height`, which must be kept.
    pub fn snapshot(&self, height: BlockHeight) -> Snapshot {
        Snapshot::new(Arc::clone(&self.state), height)
    }

    /// Checks a transaction against the newest state and queues it. An endpoint that lags checks it against what it
    /// knows and passes it on; what becomes of it then, it learns from blocks only (nearcore
    /// `chain/client/src/rpc_handler.rs`).
    ///
    /// # Errors
    /// The error nearcore gives for it.
    pub fn submit(&self, tx: SignedTransaction) -> Result<CryptoHash, InvalidTxError> {
        let hash = tx.get_hash();
        let (head_height, known) = {
            let history = self.history();
            let known = history.has_recent_transaction(&hash) || self.pool.lock().contains(&hash);
            (history.head().height(), known)
        };
        if known {
            return Ok(hash);
        }
        if let Some(leader) = &self.leader {
            self.check(tx.clone(), head_height)?;
            if let Err(error) = leader.submit(tx) {
                tracing::debug!(tx_hash = %hash, %error, "forwarded transaction rejected");
            }
            return Ok(hash);
        }
        let tx = self.check(tx, head_height)?;
        self.rejected.lock().errors.remove(&hash);
        self.pool.lock().push(tx);
        Ok(hash)
    }

    /// Whether a transaction that is not known yet could be sent.
    ///
    /// # Errors
    /// The error nearcore gives for it.
    pub fn validate(&self, tx: SignedTransaction) -> Result<(), InvalidTxError> {
        let head = self.history().head().height();
        self.check(tx, head).map(|_| ())
    }

    /// Why a transaction that had been accepted was dropped before it got into a block.
    pub fn rejection(&self, hash: &CryptoHash) -> Option<InvalidTxError> {
        self.rejected.lock().errors.get(hash).cloned()
    }

    /// Whether so many transactions wait that further ones should not be sent yet.
    pub fn is_full(&self) -> bool {
        self.leader.as_ref().map_or_else(|| self.pool.lock().len() >= POOL_LIMIT, |leader| leader.is_full())
    }

    /// Whether transactions wait.
    pub fn has_pending(&self) -> bool {
        !self.pool.lock().is_empty()
    }

    /// Writes to the history.
    pub(super) fn history_mut(&self) -> RwLockWriteGuard<'_, History> {
        self.history.write()
    }

    /// Writes to the state.
    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, VersionedState> {
        self.state.write()
    }

    /// The transactions that wait.
    pub(super) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock()
    }

    fn check(&self, tx: SignedTransaction, head: BlockHeight) -> Result<ValidatedTransaction, InvalidTxError> {
        self.check_validity_period(tx.transaction.block_hash(), head)?;
        let tx = self.runtime.check_transaction(tx)?;
        let gas_price = self.history().head().next_gas_price;
        let state = StateUpdate::new(self.snapshot(head));
        self.runtime.charge_transaction(&state, tx.to_tx(), gas_price, head + 1)?;
        Ok(tx)
    }

    /// A transaction names a recent block, so that it can neither be replayed for ever nor on another chain.
    pub(super) fn check_validity_period(
        &self,
        block_hash: &CryptoHash,
        head: BlockHeight,
    ) -> Result<(), InvalidTxError> {
        let base = self.history().height_of(block_hash);
        match base {
            Some(base) if head <= base.saturating_add(self.genesis.config.transaction_validity_period) => Ok(()),
            _ => Err(InvalidTxError::Expired),
        }
    }

    /// Remembers why a transaction was dropped.
    pub(super) fn reject(&self, hash: CryptoHash, error: InvalidTxError) {
        let mut rejected = self.rejected.lock();
        rejected.errors.insert(hash, error);
        rejected.order.push_back(hash);
        if rejected.order.len() > REJECTED_KEPT
            && let Some(oldest) = rejected.order.pop_front()
        {
            rejected.errors.remove(&oldest);
        }
    }
}
