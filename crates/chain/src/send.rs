//! Sending transactions so that each takes effect once, whatever breaks on the way.
//!
//! Everything rests on one property of the chain: the same signed bytes take effect at most once. So a failed or
//! unanswered sending is repeated with the same bytes, and new bytes are signed only when the old ones provably
//! can no longer be included.

mod error;

pub use error::TxError;

use crate::{
    AccountId, BlockHeight, BlockRef, CryptoHash, KeyPool, Lane, Outcome, RpcCallError, RpcClient, SignedTx, TxRequest,
    ViewError, WaitLevel,
};
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::transactions::{
    RpcTransactionError, RpcTransactionResponse, TimeoutErrorCause, TransactionInfo,
};
use near_primitives::errors::InvalidTxError;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long the sender keeps at one transaction.
#[derive(Clone, Copy, Debug)]
pub struct SendPolicy {
    /// After this long without an outcome the answer is [`TxError::Unknown`].
    pub deadline: Duration,
    /// Wait between two askings when the node does not hold the request itself.
    pub poll_interval: Duration,
    /// How long a refusal must stand that another endpoint may not share: behind one address one node may lag, and know
    /// neither the block nor the key that the bytes name, nor that it has included them before.
    pub settle: Duration,
    /// How often [`Sender::execute`] signs anew after losing a nonce or letting bytes expire.
    pub signings: u32,
}

impl Default for SendPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            poll_interval: Duration::from_millis(100),
            settle: Duration::from_secs(6),
            signings: 4,
        }
    }
}

/// Signs and sends for one account.
#[derive(Clone, Debug)]
pub struct Sender {
    rpc: RpcClient,
    pool: KeyPool,
    policy: SendPolicy,
}

impl Sender {
    /// A sender for the pool's account.
    pub fn new(rpc: RpcClient, pool: KeyPool) -> Self {
        Self { rpc, pool, policy: SendPolicy::default() }
    }

    /// The same sender with another patience.
    #[must_use]
    pub fn with_policy(self, policy: SendPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The account that signs.
    pub fn account_id(&self) -> &AccountId {
        self.pool.account_id()
    }

    /// The client it sends through.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// The keys it signs with.
    pub fn pool(&self) -> &KeyPool {
        &self.pool
    }

    /// Signs with the lane's key and next nonce. Nothing is sent: store [`SignedTx::bytes`] now if the transaction
    /// must survive a crash.
    ///
    /// # Errors
    /// If no endpoint names a recent block, or the key is gone.
    pub async fn sign(&self, lane: &mut Lane, request: &TxRequest) -> Result<SignedTx, TxError> {
        let recent = self.recent_block(lane).await?;
        let nonce = lane.next_nonce().ok_or_else(|| TxError::NoncesUsedUp { public_key: lane.public_key().clone() })?;
        SignedTx::sign(request, self.account_id(), lane.secret_key(), nonce, recent)
            .map_err(|source| TxError::Encode { source })
    }

    /// The final block that a new transaction refers to. The same answer gives the key's nonce, which other programs may have
    /// raised.
    async fn recent_block(&self, lane: &mut Lane) -> Result<CryptoHash, TxError> {
        let (account_id, public_key, began) = (self.account_id(), lane.public_key().clone(), Instant::now());
        loop {
            if let Some(key) = self.rpc.view_access_key(account_id, &public_key, BlockRef::Final).await? {
                lane.observe_nonce(key.value.nonce);
                return Ok(key.block_hash);
            }
            // It was there when the pool was opened, and may be so new that a node which lags does not have it yet.
            if began.elapsed() >= self.policy.settle {
                return Err(TxError::KeyGone { account_id: account_id.clone(), public_key });
            }
            tokio::time::sleep(self.policy.poll_interval).await;
        }
    }

    /// Signs the request again with the nonce of bytes that an endpoint calls expired: of two transactions with one nonce
    /// the chain takes at most one.
    async fn sign_again(&self, lane: &mut Lane, request: &TxRequest, expired: &SignedTx) -> Result<SignedTx, TxError> {
        let recent = self.recent_block(lane).await?;
        SignedTx::sign(request, self.account_id(), lane.secret_key(), expired.nonce, recent)
            .map_err(|source| TxError::Encode { source })
    }

    /// Hands the bytes to a node and does not wait. May be repeated at any time.
    ///
    /// # Errors
    /// If no endpoint takes them, or the chain refuses them.
    pub async fn submit(&self, signed: &SignedTx) -> Result<(), TxError> {
        match self.send(signed, WaitLevel::None).await? {
            Step::Refused(refused) if self.is_known(signed).await? => {
                tracing::debug!(tx_hash = %signed.hash, %refused, "tx.included_before");
                Ok(())
            }
            Step::Refused(refused) => Err(TxError::refused(signed, refused)),
            Step::Settled(_) | Step::Waiting => Ok(()),
        }
    }

    /// Waits for a transaction sent before, by this process or another.
    ///
    /// # Errors
    /// [`TxError::Unknown`] when the deadline passes first.
    pub async fn wait(
        &self,
        tx_hash: &CryptoHash,
        signer_id: &AccountId,
        level: WaitLevel,
    ) -> Result<Outcome, TxError> {
        let deadline = Instant::now() + self.policy.deadline;
        loop {
            if let Some(Step::Settled(outcome)) = self.ask(tx_hash, signer_id, raised(&level)).await? {
                return Ok(*outcome);
            }
            self.pause(deadline, *tx_hash).await?;
        }
    }

    /// Sends the bytes until the transaction has an outcome at this level. Levels below execution are raised to
    /// the first that shows every receipt (`ExecutedOptimistic`, `Executed`). The outcome may hold failures:
    /// ask [`Outcome::into_success`].
    ///
    /// # Errors
    /// If the chain refuses the bytes, or [`TxError::Unknown`] when the deadline passes: they may still take effect.
    pub async fn send_and_wait(&self, signed: &SignedTx, level: WaitLevel) -> Result<Outcome, TxError> {
        let deadline = Instant::now() + self.policy.deadline;
        let mut refused_since = None;
        loop {
            let error = match self.send(signed, raised(&level)).await {
                Ok(Step::Settled(outcome)) => return Ok(*outcome),
                Ok(Step::Waiting) => {
                    refused_since = None;
                    None
                }
                // The bytes were included by an earlier sending: only the outcome is still to come.
                Ok(Step::Refused(_)) if self.is_known(signed).await? => {
                    return self.wait(&signed.hash, &signed.signer_id, level).await;
                }
                Ok(Step::Refused(refused)) => Some(TxError::refused(signed, refused)),
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                let stands = refused_since.get_or_insert_with(Instant::now).elapsed() >= self.policy.settle;
                let believed = stands && self.is_proven(signed, &error).await?;
                if !error.is_transient() && (believed || !error.may_be_lag()) {
                    return Err(error);
                }
                tracing::debug!(tx_hash = %signed.hash, %error, "tx.retry");
            }
            self.pause(deadline, signed.hash).await?;
        }
    }

    /// Signs, sends, waits and checks every receipt. Signs anew only when the bytes provably can no longer be included.
    ///
    /// # Errors
    /// [`TxError::Failed`] if any receipt failed, else as [`Sender::send_and_wait`].
    pub async fn execute(&self, request: TxRequest, level: WaitLevel) -> Result<Outcome, TxError> {
        self.execute_noting(request, level, |_| ()).await
    }

    /// The same, with each transaction's hash given to `note` before its bytes leave: who is stopped meanwhile can name it.
    ///
    /// # Errors
    /// As [`Sender::execute`].
    pub async fn execute_noting(
        &self,
        request: TxRequest,
        level: WaitLevel,
        note: impl Fn(CryptoHash) + Send,
    ) -> Result<Outcome, TxError> {
        let mut lane = self.pool.lane().await;
        let mut signed = self.sign(&mut lane, &request).await?;
        let mut signings = 1;
        loop {
            note(signed.hash);
            let error = match self.send_and_wait(&signed, level.clone()).await {
                Ok(outcome) => return outcome.into_success(),
                Err(error) => error,
            };
            if signings >= self.policy.signings {
                return Err(error);
            }
            signings += 1;
            signed = match error {
                TxError::Nonce { ak_nonce, .. } => {
                    lane.observe_nonce(ak_nonce);
                    self.sign(&mut lane, &request).await?
                }
                TxError::Expired { .. } => self.sign_again(&mut lane, &request, &signed).await?,
                error => return Err(error),
            };
        }
    }

    /// The highest block the outcome touches. A reader whose answers lie at or above it sees every effect.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub async fn outcome_height(&self, outcome: &Outcome) -> Result<BlockHeight, ViewError> {
        let blocks: HashSet<_> =
            outcome.receipts.iter().map(|receipt| receipt.block_hash).chain([outcome.block_hash]).collect();
        let mut height = 0;
        for hash in blocks {
            height = height.max(self.block_height(hash).await?);
        }
        Ok(height)
    }

    /// The height of a block that exists: an endpoint which does not know it lags.
    async fn block_height(&self, hash: CryptoHash) -> Result<BlockHeight, ViewError> {
        let (block, deadline) = (BlockRef::Hash(hash), Instant::now() + self.policy.deadline);
        loop {
            if let Some(view) = self.rpc.block(block).await? {
                return Ok(view.header.height);
            }
            if Instant::now() >= deadline {
                return Err(ViewError::UnknownBlock { block, endpoint: self.rpc.endpoint().to_owned() });
            }
            tokio::time::sleep(self.policy.poll_interval).await;
        }
    }

    async fn send(&self, signed: &SignedTx, wait_until: WaitLevel) -> Result<Step, TxError> {
        let signed_transaction = signed.transaction()?;
        let request = methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until };
        match self.rpc.call(request).await {
            Ok(answer) => Ok(Step::from(answer)),
            Err(RpcCallError::Rpc(error)) => Err(error.into()),
            Err(RpcCallError::Handler { error: RpcTransactionError::InvalidTransaction { context }, .. }) => {
                Ok(Step::Refused(context))
            }
            // Every other answer means that the node took the bytes and cannot tell more yet.
            Err(RpcCallError::Handler { .. }) => Ok(Step::Waiting),
        }
    }

    /// Asks for a transaction's state; `None` if no endpoint knows the transaction.
    async fn ask(
        &self,
        tx_hash: &CryptoHash,
        signer_id: &AccountId,
        level: WaitLevel,
    ) -> Result<Option<Step>, TxError> {
        let request = methods::tx::RpcTransactionStatusRequest {
            transaction_info: TransactionInfo::TransactionId {
                tx_hash: *tx_hash,
                sender_account_id: signer_id.clone(),
            },
            wait_until: level,
        };
        match self.rpc.call(request).await {
            Ok(answer) => Ok(Some(Step::from(answer))),
            Err(RpcCallError::Handler {
                error:
                    RpcTransactionError::UnknownTransaction { .. }
                    | RpcTransactionError::TimeoutError(Some(TimeoutErrorCause::NotObserved)),
                ..
            }) => Ok(None),
            Err(RpcCallError::Handler { .. }) => Ok(Some(Step::Waiting)),
            Err(RpcCallError::Rpc(error)) if error.is_transient() => Ok(Some(Step::Waiting)),
            Err(RpcCallError::Rpc(error)) => Err(error.into()),
        }
    }

    /// Whether a final block bears a refusal out that says a nonce is used. The others say nothing of the chain, or cost
    /// nothing when they are wrong.
    async fn is_proven(&self, signed: &SignedTx, error: &TxError) -> Result<bool, TxError> {
        let TxError::Nonce { .. } = error else { return Ok(true) };
        match self.rpc.view_access_key(&signed.signer_id, &signed.public_key, BlockRef::Final).await {
            Ok(key) => Ok(key.is_none_or(|key| key.value.nonce >= signed.nonce)),
            Err(ViewError::Rpc(error)) if error.is_transient() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an endpoint knows the transaction, so that a refusal only says that it was included before.
    async fn is_known(&self, signed: &SignedTx) -> Result<bool, TxError> {
        Ok(self.ask(&signed.hash, &signed.signer_id, WaitLevel::None).await?.is_some())
    }

    async fn pause(&self, deadline: Instant, tx_hash: CryptoHash) -> Result<(), TxError> {
        if Instant::now() >= deadline {
            return Err(TxError::Unknown { tx_hash, waited: self.policy.deadline });
        }
        tokio::time::sleep(self.policy.poll_interval).await;
        Ok(())
    }
}

/// What one request to a node told about a transaction.
enum Step {
    Settled(Box<Outcome>),
    Waiting,
    Refused(InvalidTxError),
}

impl From<RpcTransactionResponse> for Step {
    fn from(answer: RpcTransactionResponse) -> Self {
        match answer.final_execution_outcome {
            Some(outcome) => Self::Settled(Box::new(outcome.into_outcome().into())),
            None => Self::Waiting,
        }
    }
}

/// The first level at or above this one at which every receipt has its outcome.
fn raised(level: &WaitLevel) -> WaitLevel {
    match level {
        WaitLevel::None | WaitLevel::Included | WaitLevel::ExecutedOptimistic => WaitLevel::ExecutedOptimistic,
        WaitLevel::IncludedFinal | WaitLevel::Executed => WaitLevel::Executed,
        WaitLevel::Final => WaitLevel::Final,
    }
}
