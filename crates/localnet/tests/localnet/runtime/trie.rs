//! Trie nodes in the gas profile. One contract has data, so the trie above it is an extension and a branch for
//! the columns of the state, and below it the keys of that contract.

use near_parameters::ExtCosts;
use near_primitives::transaction::ExecutionMetadata;

use crate::runtime::{
    contracts::{BASIC, HEAVY},
    harness::*,
};

const NODE_GAS: u64 = 2_280_000_000;

/// Nodes touched for the first time, and again.
fn nodes(ran: &Ran) -> (u64, u64) {
    let ExecutionMetadata::V4(metadata) = &ran.first().metadata else { panic!("no profile") };
    let count = |cost| metadata.profile.get_ext_cost(cost).as_gas() / NODE_GAS;
    (count(ExtCosts::touching_trie_node), count(ExtCosts::read_cached_trie_node))
}

struct Trie {
    chain: Harness,
    contract: Actor,
    alice: Actor,
}

impl Trie {
    fn new() -> Self {
        let mut chain = Harness::new();
        let contract = chain.contract("contract", HEAVY);
        let alice = chain.account("alice", 10);
        Self { chain, contract, alice }
    }

    fn call(&mut self, method: &str) -> (u64, u64) {
        let ran = self.chain.run(&self.alice, &self.contract.id, vec![call(method)]);
        ran.assert_success();
        nodes(&ran)
    }
}

#[test]
fn writes__should_be_charged_for_the_nodes_on_their_path_once_a_block() {
    let mut trie = Trie::new();

    // No contract has data: the extension and the branch, below which there is nothing
    assert_eq!(trie.call("rewrite"), (2, 0), "the second write finds the first in memory");
    // One entry: now there is a leaf, and its value
    assert_eq!(trie.call("rewrite"), (4, 0));
    // Another key beside it: the leaf is read again to see that it differs
    assert_eq!(trie.call("two_keys"), (4, 3));
    // Two entries, "k" 0x6b and "l" 0x6c: an extension and a branch before the leaves, which have the same value
    assert_eq!(trie.call("two_keys"), (7, 5));
}

#[test]
fn reads__should_touch_no_node() {
    let mut trie = Trie::new();
    trie.call("rewrite");

    assert_eq!(trie.call("reread"), (0, 0), "reads pay for their bytes only");
    assert_eq!(trie.call("forget"), (4, 0), "path and value");
    assert_eq!(trie.call("reread"), (0, 0), "nothing there");
    assert_eq!(trie.call("forget"), (2, 0), "the path to nothing");
}

#[test]
fn nodes__should_be_cached_for_all_receipts_of_a_block() {
    // Given two contracts that have written "k" before
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 10);
    let contracts = [chain.contract("a", BASIC), chain.contract("b", BASIC)];
    for contract in &contracts {
        chain.run(&alice, &contract.id, vec![call("set")]).assert_success();
    }

    // When both do so again in one block
    let calls: Vec<_> = [&alice, &bob].into_iter().zip(&contracts).collect();
    let hashes: Vec<_> = calls
        .into_iter()
        .map(|(caller, contract)| {
            let tx = chain.sign(caller, &contract.id, vec![call("set")]);
            chain.chain.submit(tx).unwrap()
        })
        .collect();
    chain.settle();

    // Then the second one finds what it shares with the first: two nodes above the column, an extension and a
    // branch where the names differ, and the value, which is the same
    let both: Vec<_> = hashes.into_iter().map(|hash| nodes(&chain.ran(hash))).collect();
    assert_eq!(both, [(6, 0), (1, 5)]);
}
