//! What a chunk has no room for.

use near_primitives::{
    errors::{ActionErrorKind, FunctionCallError},
    hash::CryptoHash,
    types::{Balance, BlockHeight, Gas},
};

use crate::{contracts::HEAVY, harness::*};

/// Calls the method once for each of six accounts, all in one block, and returns the heights at which each ran.
fn heights(method: &str, gas: Gas) -> Vec<BlockHeight> {
    let mut chain = Harness::new();
    let heavy = chain.contract("heavy", HEAVY);
    let callers: Vec<_> = (0..6).map(|caller| chain.account(&format!("caller{caller}"), 10)).collect();
    let calls: Vec<CryptoHash> = callers
        .iter()
        .map(|caller| {
            let tx = chain.sign(caller, &heavy.id, vec![call_with(method, &[], gas, Balance::ZERO)]);
            chain.chain.submit(tx).unwrap()
        })
        .collect();
    chain.settle();
    let history = chain.chain.view().history();
    let first = history.outcome(&calls[0]).unwrap().height;
    calls
        .iter()
        .map(|call| {
            let receipt = history.outcome_view(history.outcome(call).unwrap()).unwrap().outcome.receipt_ids[0];
            history.outcome(&receipt).unwrap().height - first
        })
        .collect()
}

#[test]
fn receipts__should_wait_when_the_chunk_is_full() {
    // Given six calls that burn 300 Tgas each
    // Then a chunk takes them until it is above 1,000 Tgas, and the rest runs in the next block
    assert_eq!(heights("spin", Gas::from_teragas(300)), [1, 1, 1, 1, 2, 2]);
}

#[test]
fn receipts__should_wait_for_compute_rather_than_gas() {
    // Given six calls that burn 100 Tgas each, 600 together, on writes that compute three times as long
    // Then a chunk does not take all of them
    let heights = heights("churn", CALL_GAS);
    assert_eq!(heights[0], 1);
    assert!(heights.iter().max().unwrap() > &1, "{heights:?}");
    assert!(heights.is_sorted(), "in their order: {heights:?}");
}

#[test]
fn endless_code__should_burn_its_gas_and_fail() {
    let mut chain = Harness::new();
    let heavy = chain.contract("heavy", HEAVY);
    let alice = chain.account("alice", 10);

    for method in ["spin", "grow", "churn"] {
        let ran = chain.run(&alice, &heavy.id, vec![call(method)]);
        assert!(ran.first().gas_burnt > CALL_GAS, "{method}");
        assert_eq!(
            *ran.failure(),
            ActionErrorKind::FunctionCallError(FunctionCallError::ExecutionError(
                "Exceeded the prepaid gas.".to_owned()
            )),
            "{method}"
        );
    }
}

#[test]
fn storage_proof__should_be_limited_for_each_receipt() {
    // Given five values of a megabyte
    let mut chain = Harness::new();
    let heavy = chain.contract("heavy", HEAVY);
    let alice = chain.account("alice", 10);
    for value in 0..5_u8 {
        chain.run(&alice, &heavy.id, vec![call_with("store", &[value], CALL_GAS, Balance::ZERO)]).assert_success();
    }

    // When one receipt reads all of them
    let read = call_with("read_all", &[], Gas::from_teragas(300), Balance::ZERO);
    let ran = chain.run(&alice, &heavy.id, vec![read]);

    // Then it fails at the fourth, as its proof would be above 4 MB
    let ActionErrorKind::FunctionCallError(FunctionCallError::ExecutionError(message)) = ran.failure() else {
        panic!("{:?}", ran.failure())
    };
    assert!(message.contains("trie storage proof"), "{message}");
}
