//! The readable side of the chain: shared by the RPC and tests, never blocked by execution.

use std::sync::Arc;

use near_chain_configs::Genesis;
use near_primitives::{
    congestion_info::{CongestionControl, RejectTransactionReason, ShardAcceptsTransactions},
    errors::InvalidTxError,
    hash::CryptoHash,
    transaction::{SignedTransaction, ValidatedTransaction},
    types::BlockHeight,
};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::{History, pool::Pool};
use crate::{
    block::Block,
    runtime::Runtime,
    state::{Snapshot, StateUpdate, VersionedState},
};

/// Transactions that wait at most before senders do.
const POOL_LIMIT: usize = 4_096;

/// The readable side of the chain: shared, never blocked by execution.
pub struct ChainView {
    /// The rules.
    pub runtime: Arc<Runtime>,
    /// The genesis file.
    pub genesis: Arc<Genesis>,
    pub(super) history: RwLock<History>,
    pub(super) state: Arc<RwLock<VersionedState>>,
    /// The transactions that wait.
    pub(super) pool: Mutex<Pool>,
    /// Where an endpoint that lags sends its transactions.
    leader: Option<Arc<Self>>,
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
            leader: Some(Arc::clone(leader)),
        }
    }

    /// Replaces the past and drops what waits.
    pub(super) fn replace(&self, history: History, state: VersionedState) {
        let (mut own_state, mut own_history) = (self.state.write(), self.history.write());
        *own_state = state;
        *own_history = history;
        *self.pool.lock() = Pool::default();
    }

    /// Reads the kept blocks.
    pub fn history(&self) -> RwLockReadGuard<'_, History> {
        self.history.read()
    }

    /// The state after the block at `height`, which must be kept.
    pub fn snapshot(&self, height: BlockHeight) -> Snapshot {
        Snapshot::new(Arc::clone(&self.state), height)
    }

    /// Checks a transaction against the newest state and queues it. One that ran already is taken as well, as long as
    /// its validity period lasts, so that sending it twice has the effect of sending it once. An endpoint that lags
    /// checks it against what it knows and passes it on; what becomes of it then, it learns from blocks only.
    ///
    /// # Errors
    /// The error nearcore's RPC gives for it.
    pub fn submit(&self, tx: SignedTransaction) -> Result<CryptoHash, InvalidTxError> {
        let hash = tx.get_hash();
        let forwarded = self.leader.as_ref().map(|leader| (leader, tx.clone()));
        let Some(tx) = self.validate(tx)? else { return Ok(hash) };
        match forwarded {
            None => self.pool.lock().push(tx),
            Some((leader, tx)) => {
                if let Err(error) = leader.submit(tx) {
                    tracing::debug!(tx_hash = %hash, %error, "forwarded transaction rejected");
                }
            }
        }
        Ok(hash)
    }

    /// Whether a transaction could be sent; `None` if it ran already.
    ///
    /// # Errors
    /// The error nearcore's RPC gives for it.
    pub fn validate(&self, tx: SignedTransaction) -> Result<Option<ValidatedTransaction>, InvalidTxError> {
        let hash = tx.get_hash();
        match self.check(tx) {
            Ok(tx) => Ok(Some(tx)),
            Err(InvalidTxError::InvalidNonce { .. }) if self.history().outcome(&hash).is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a transaction waits for a block.
    pub fn is_pending(&self, hash: &CryptoHash) -> bool {
        self.pool.lock().contains(hash)
    }

    /// Whether so many transactions wait that further ones should not be sent yet.
    pub fn is_full(&self) -> bool {
        self.leader.as_ref().map_or_else(|| self.pool.lock().len() >= POOL_LIMIT, |leader| leader.is_full())
    }

    /// Whether transactions wait.
    pub fn has_pending(&self) -> bool {
        !self.pool.lock().is_empty()
    }

    /// The checks of nearcore's `chain/client/src/rpc_handler.rs`. How large a nonce may be depends on the block, so
    /// only the chunk producer looks at that.
    fn check(&self, tx: SignedTransaction) -> Result<ValidatedTransaction, InvalidTxError> {
        let head = Arc::clone(self.history().head());
        self.check_validity_period(tx.transaction.block_hash(), head.height())?;
        self.check_congestion(&head)?;
        let tx = self.runtime.check_transaction(tx)?;
        let state = StateUpdate::new(self.snapshot(head.height()));
        self.runtime.charge_transaction(&state, tx.to_tx(), head.next_gas_price, None)?;
        Ok(tx)
    }

    /// Nothing is taken while too much gas waits in receipts, as the newest chunk header says, which speaks of the
    /// chunk before (nearcore `chain/chain/src/runtime/mod.rs`).
    pub(super) fn check_congestion(&self, head: &Block) -> Result<(), InvalidTxError> {
        let congestion = self.history().block_by_hash(&head.prev_hash).map(|parent| parent.congestion);
        let config = self.runtime.config.congestion_control_config;
        let control = CongestionControl::new(config, congestion.unwrap_or_default(), 0);
        let ShardAcceptsTransactions::No(reason) = control.shard_accepts_transactions() else { return Ok(()) };
        let shard_id = 0;
        Err(match reason {
            RejectTransactionReason::IncomingCongestion { congestion_level }
            | RejectTransactionReason::OutgoingCongestion { congestion_level }
            | RejectTransactionReason::MemoryCongestion { congestion_level } => {
                InvalidTxError::ShardCongested { shard_id, congestion_level }
            }
            RejectTransactionReason::MissedChunks { missed_chunks } => {
                InvalidTxError::ShardStuck { shard_id, missed_chunks }
            }
        })
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
}
