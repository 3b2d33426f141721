//! The access keys of one account, each a lane for one transaction at a time.
//!
//! NEAR accepts a nonce only above the key's last one, so two transactions in flight on one key can overtake and
//! kill each other. One transaction per key at a time, several keys for parallel ones.

use crate::{AccountId, BlockRef, KeyError, Nonce, PublicKey, RpcClient, SecretKey};
use futures_util::FutureExt;
use futures_util::future::select_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One or more access keys of an account. Clones share the keys and their nonces.
#[derive(Clone, Debug)]
pub struct KeyPool {
    account_id: AccountId,
    keys: Arc<[Arc<PooledKey>]>,
}

/// The right to use one key until the lane is dropped.
#[derive(Debug)]
pub struct Lane {
    key: Arc<PooledKey>,
    _turn: OwnedMutexGuard<()>,
}

struct PooledKey {
    secret_key: SecretKey,
    public_key: PublicKey,
    /// The highest nonce known to be used.
    last_nonce: AtomicU64,
    turn: Arc<Mutex<()>>,
}

impl KeyPool {
    /// Checks that every key is on the account and reads its nonce.
    ///
    /// # Errors
    /// If there is no key, one is not on the account, or the chain cannot be read.
    pub async fn open(rpc: &RpcClient, account_id: AccountId, secrets: Vec<SecretKey>) -> Result<Self, KeyError> {
        if secrets.is_empty() {
            return Err(KeyError::NoKey(account_id));
        }
        let mut keys = Vec::with_capacity(secrets.len());
        for secret_key in secrets {
            let public_key = secret_key.public_key();
            let Some(access_key) = rpc.view_access_key(&account_id, &public_key, BlockRef::Latest).await? else {
                return Err(KeyError::NotOnAccount { account_id, public_key });
            };
            let last_nonce = AtomicU64::new(access_key.value.nonce);
            keys.push(Arc::new(PooledKey { secret_key, public_key, last_nonce, turn: Arc::default() }));
        }
        Ok(Self { account_id, keys: keys.into() })
    }

    /// The account that signs.
    pub fn account_id(&self) -> &AccountId {
        &self.account_id
    }

    /// Waits for any free key.
    pub async fn lane(&self) -> Lane {
        select_all(self.keys.iter().map(|key| Lane::take(Arc::clone(key)).boxed())).await.0
    }

    /// Waits for this key; `None` if the pool does not hold it.
    pub async fn lane_of(&self, public_key: &PublicKey) -> Option<Lane> {
        let key = self.keys.iter().find(|key| key.public_key == *public_key)?;
        Some(Lane::take(Arc::clone(key)).await)
    }

    /// Marks a nonce as used. After a restart, call it for every stored transaction that may still be sent, before
    /// the first [`KeyPool::lane`], or a new transaction could take the same nonce.
    pub fn observe_nonce(&self, public_key: &PublicKey, nonce: Nonce) {
        if let Some(key) = self.keys.iter().find(|key| key.public_key == *public_key) {
            key.last_nonce.fetch_max(nonce, Ordering::Relaxed);
        }
    }
}

impl Lane {
    /// The key in use.
    pub fn public_key(&self) -> &PublicKey {
        &self.key.public_key
    }

    /// Marks a nonce as used by someone else, such as the `ak_nonce` of a refused transaction.
    pub fn observe_nonce(&mut self, nonce: Nonce) {
        self.key.last_nonce.fetch_max(nonce, Ordering::Relaxed);
    }

    pub(crate) fn secret_key(&self) -> &SecretKey {
        &self.key.secret_key
    }

    /// The next nonce; `None` when the key's nonces are used up.
    pub(crate) fn next_nonce(&mut self) -> Option<Nonce> {
        let raised = |last: Nonce| last.checked_add(1);
        self.key.last_nonce.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raised).ok().and_then(raised)
    }

    async fn take(key: Arc<PooledKey>) -> Self {
        Self { _turn: Arc::clone(&key.turn).lock_owned().await, key }
    }
}

impl std::fmt::Debug for PooledKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PooledKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use near_crypto::KeyType;

    fn pool(seeds: &[&str]) -> KeyPool {
        let key = |seed: &&str| {
            let secret_key = SecretKey::from_seed(KeyType::ED25519, seed);
            let public_key = secret_key.public_key();
            Arc::new(PooledKey { secret_key, public_key, last_nonce: AtomicU64::new(10), turn: Arc::default() })
        };
        KeyPool { account_id: "node.test".parse().unwrap(), keys: seeds.iter().map(key).collect() }
    }

    #[tokio::test]
    async fn lane__should_give_each_key_to_one_holder() {
        let pool = pool(&["a", "b"]);
        let first = pool.lane().await;
        let second = pool.lane().await;
        assert_ne!(first.public_key(), second.public_key());
        assert!(pool.lane().now_or_never().is_none());
        let freed = first.public_key().clone();
        drop(first);
        assert_eq!(*pool.lane().await.public_key(), freed);
    }

    #[tokio::test]
    async fn lane__should_never_repeat_a_nonce() {
        let pool = pool(&["a"]);
        assert_eq!(pool.lane().await.next_nonce(), Some(11));
        assert_eq!(pool.lane().await.next_nonce(), Some(12));
    }

    #[tokio::test]
    async fn observe_nonce__should_only_raise() {
        let pool = pool(&["a"]);
        let key = pool.keys[0].public_key.clone();
        pool.observe_nonce(&key, 40);
        pool.observe_nonce(&key, 20);
        assert_eq!(pool.lane_of(&key).await.unwrap().next_nonce(), Some(41));
    }

    #[tokio::test]
    async fn next_nonce__should_end_rather_than_wrap() {
        let pool = pool(&["a"]);
        let mut lane = pool.lane().await;
        lane.observe_nonce(Nonce::MAX);
        assert_eq!(lane.next_nonce(), None);
    }
}
