//! What a chunk has no room for.

use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    errors::{ActionErrorKind, FunctionCallError, InvalidTxError},
    hash::CryptoHash,
    types::{Balance, BlockHeight, Gas},
    views::TxExecutionStatus,
};

use crate::runtime::{contracts::HEAVY, harness::*};

/// Calls the method once for each of six accounts, all in one block, with the account's number. Returns after how many
/// blocks each ran.
fn heights(method: &str, gas: Gas) -> Vec<BlockHeight> {
    let mut chain = Harness::new();
    let heavy = chain.contract("heavy", HEAVY);
    for value in 0..6 {
        chain.run(&heavy, &heavy.id, vec![call_with("store", &[value], CALL_GAS, Balance::ZERO)]).assert_success();
    }
    let callers: Vec<_> = (0..6).map(|caller| chain.account(&format!("caller{caller}"), 10)).collect();
    let calls: Vec<CryptoHash> = callers
        .iter()
        .zip(0..)
        .map(|(caller, number)| {
            let tx = chain.sign(caller, &heavy.id, vec![call_with(method, &[number], gas, Balance::ZERO)]);
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
fn receipts__should_wait_when_the_storage_proof_is_full() {
    // Given six calls that read a megabyte each, and another one
    // Then a chunk takes them until its proof is above 4 MB, and the rest runs in the next block
    assert_eq!(heights("read_one", CALL_GAS), [1, 1, 1, 1, 2, 2]);
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

#[test]
fn transactions__should_be_refused_while_the_shard_is_congested() {
    // Given so many calls in one block that most of them wait, with more gas than may wait
    let mut chain = Harness::new();
    let heavy = chain.contract("heavy", HEAVY);
    let root = chain.root.clone();
    let config = chain.chain.view().runtime.config.congestion_control_config;
    let most = config.max_congestion_incoming_gas.as_gas();
    let gas = Gas::from_teragas(1_000);
    for _ in 0..most / gas.as_gas() {
        let tx = chain.sign(&root, &heavy.id, vec![call_with("spin", &[], gas, Balance::ZERO)]);
        chain.chain.submit(tx).unwrap();
    }
    for _ in 0..3 {
        chain.chain.produce_block().unwrap();
    }

    // When another transaction is sent
    let error = chain.refused(&root, &heavy.id, vec![transfer(Balance::from_near(1))]);

    // Then the shard takes none
    let InvalidTxError::ShardCongested { shard_id: 0, congestion_level } = error else { panic!("{error:?}") };
    assert!(*congestion_level >= config.reject_tx_congestion_threshold, "{congestion_level}");
}

#[test]
fn transaction__should_await_the_refund_of_its_deposit_but_not_that_of_its_gas() {
    // Given a call that fails, so that deposit and gas come back
    let mut chain = Harness::new();
    let nobody = "nobody.test.near".parse().unwrap();
    let alice = chain.account("alice", 10);
    let tx = chain.sign(&alice, &nobody, vec![call_with("m", &[], CALL_GAS, Balance::from_near(1))]);
    let hash = chain.chain.submit(tx).unwrap();
    let level = |chain: &Harness| chain.chain.view().history().transaction_status(&hash).unwrap().level;

    // When it has failed, then it still waits for the deposit
    chain.chain.produce_block().unwrap();
    chain.chain.produce_block().unwrap();
    assert_eq!(level(&chain), TxExecutionStatus::Included);

    // And a call without a deposit waits for nothing
    chain.settle();
    let tx = chain.sign(&alice, &nobody, vec![call_with("m", &[], CALL_GAS, Balance::ZERO)]);
    let hash = chain.chain.submit(tx).unwrap();
    chain.chain.produce_block().unwrap();
    chain.chain.produce_block().unwrap();
    let level = chain.chain.view().history().transaction_status(&hash).unwrap().level;
    assert_eq!(level, TxExecutionStatus::ExecutedOptimistic);
}

#[test]
fn transactions__should_wait_when_the_block_has_four_megabytes_of_them() {
    // Given five accounts that deploy code of a megabyte each in one block
    let mut chain = Harness::new();
    let owners: Vec<_> = (0..5).map(|owner| chain.account(&format!("owner{owner}"), 20)).collect();
    let deploys: Vec<CryptoHash> = owners
        .iter()
        .map(|owner| {
            let tx = chain.sign(owner, &owner.id, vec![deploy(vec![0; 1 << 20])]);
            chain.chain.submit(tx).unwrap()
        })
        .collect();

    // When all have run
    chain.settle();

    // Then the fourth fills the block, by its signature's bytes, and the fifth waited for the next
    let history = chain.chain.view().history();
    let heights: Vec<BlockHeight> = deploys.iter().map(|hash| history.outcome(hash).unwrap().height).collect();
    let first = heights[0];
    assert_eq!(heights, [first, first, first, first, first + 1]);
}

#[test]
fn transactions__should_wait_when_they_touch_too_much_state() {
    // Given three hundred keys with 2,000 bytes of method names each
    let mut chain = Harness::new();
    let alice = chain.account("alice", 100);
    let others: Vec<String> = (0..8).map(|method| format!("{method}{}", "m".repeat(240))).collect();
    let machines: Vec<_> = (0..300)
        .map(|key| Actor { id: alice.id.clone(), key: SecretKey::from_seed(KeyType::ED25519, &format!("{key}")) })
        .collect();
    for (group, some) in machines.chunks(50).enumerate() {
        // Equal records would be in the proof once.
        let add = |(key, machine): (usize, &Actor)| {
            let own = format!("own_{group}_{key}");
            let methods: Vec<&str> = others.iter().chain([&own]).map(String::as_str).collect();
            add_call_key(machine.key.public_key(), None, &alice.id, &methods)
        };
        chain.run(&alice, &alice.id, some.iter().enumerate().map(add).collect()).assert_success();
    }

    // When each signs a transaction for the same block
    let calls: Vec<CryptoHash> = machines
        .iter()
        .map(|machine| {
            let call = call_with(&others[0], &[], Gas::from_teragas(1), Balance::ZERO);
            let tx = chain.sign(machine, &alice.id, vec![call]);
            chain.chain.submit(tx).unwrap()
        })
        .collect();
    chain.settle();

    // Then the block takes them until it has read 572,864 bytes, 2,000 and a path for each, and the rest waits
    let history = chain.chain.view().history();
    let heights: Vec<BlockHeight> = calls.iter().map(|hash| history.outcome(hash).unwrap().height).collect();
    let first = *heights.iter().min().unwrap();
    let taken = heights.iter().filter(|height| **height == first).count();
    assert!((572_864 / 2_300..=572_864 / 2_000).contains(&taken), "{taken}");
    assert!(heights.iter().all(|height| height - first <= 1), "{heights:?}");
}
