//! Transactions that wait for a block.

use std::collections::{HashMap, HashSet};

use near_crypto::PublicKey;
use near_primitives::{hash::CryptoHash, transaction::ValidatedTransaction, types::AccountId};

/// The pool. Transactions of one key run in the order of their nonces, keys in the order of arrival.
#[derive(Default)]
pub struct Pool {
    transactions: Vec<ValidatedTransaction>,
    hashes: HashSet<CryptoHash>,
}

impl Pool {
    /// Adds a transaction unless it is already waiting.
    pub fn push(&mut self, tx: ValidatedTransaction) {
        if self.hashes.insert(tx.get_hash()) {
            self.transactions.push(tx);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Whether this transaction waits.
    pub fn contains(&self, hash: &CryptoHash) -> bool {
        self.hashes.contains(hash)
    }

    /// Takes everything, ready for a block: one transaction of every key in turn, by nonce within a key.
    pub fn take(&mut self) -> Vec<ValidatedTransaction> {
        self.hashes.clear();
        let mut groups: Vec<Vec<ValidatedTransaction>> = Vec::new();
        let mut positions: HashMap<(AccountId, PublicKey), usize> = HashMap::new();
        for tx in self.transactions.drain(..) {
            let key = (tx.to_tx().signer_id().clone(), tx.to_tx().public_key().clone());
            let position = *positions.entry(key).or_insert(groups.len());
            if position == groups.len() {
                groups.push(Vec::new());
            }
            groups[position].push(tx);
        }
        for group in &mut groups {
            group.sort_by_key(|tx| std::cmp::Reverse(tx.to_tx().nonce().nonce()));
        }
        let mut ordered = Vec::new();
        while !groups.is_empty() {
            ordered.extend(groups.iter_mut().filter_map(Vec::pop));
            groups.retain(|group| !group.is_empty());
        }
        ordered
    }

    /// Puts back what did not fit into a block, before anything that came later.
    pub fn put_back(&mut self, transactions: Vec<ValidatedTransaction>) {
        self.hashes.extend(transactions.iter().map(ValidatedTransaction::get_hash));
        self.transactions.splice(0..0, transactions);
    }
}
