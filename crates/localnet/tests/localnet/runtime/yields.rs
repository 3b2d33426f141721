use near_primitives::{hash::CryptoHash, views::FinalExecutionStatus};

use crate::runtime::{
    contracts::{NAMED_YIELDER, YIELDER},
    harness::*,
};

fn result(chain: &Harness, hash: &CryptoHash) -> FinalExecutionStatus {
    chain.chain.view().history().transaction_status(hash).unwrap().outcome.status
}

#[test]
fn yielded_call__should_go_on_with_the_data_given() {
    // Given a call that waits
    let mut chain = Harness::new();
    let contract = chain.contract("yielder", YIELDER);
    let alice = chain.account("alice", 10);
    let asked = chain.run(&alice, &contract.id, vec![call("ask")]);
    assert_eq!(result(&chain, &asked.transaction.id), FinalExecutionStatus::Started);

    // When data is given
    chain.run(&alice, &contract.id, vec![call("give")]).assert_success();

    // Then the waiting call returned it
    assert_eq!(result(&chain, &asked.transaction.id), FinalExecutionStatus::SuccessValue(b"now".to_vec()));
}

#[test]
fn yielded_call__should_time_out_after_two_hundred_blocks() {
    // Given a call that waits for something that never comes
    let mut chain = Harness::new();
    let contract = chain.contract("yielder", YIELDER);
    let alice = chain.account("alice", 10);
    let asked = chain.run(&alice, &contract.id, vec![call("ask")]);

    // When 199 blocks have gone by, it still waits; a few more and it goes on without data
    for _ in 0..198 {
        chain.chain.produce_block().unwrap();
    }
    assert_eq!(result(&chain, &asked.transaction.id), FinalExecutionStatus::Started);
    for _ in 0..4 {
        chain.chain.produce_block().unwrap();
    }
    assert_eq!(result(&chain, &asked.transaction.id), FinalExecutionStatus::SuccessValue(b"late".to_vec()));
}

#[test]
fn named_yield__should_go_on_by_its_name() {
    // Given a call that waits under a name of the contract's
    let mut chain = Harness::new();
    let contract = chain.contract("yielder", NAMED_YIELDER);
    let alice = chain.account("alice", 10);
    let asked = chain.run(&alice, &contract.id, vec![call("ask")]);
    assert_eq!(result(&chain, &asked.transaction.id), FinalExecutionStatus::Started);

    // When data is given for that name, it returns it
    chain.run(&alice, &contract.id, vec![call("give")]).assert_success();
    let now = FinalExecutionStatus::SuccessValue(b"now".to_vec());
    assert_eq!(result(&chain, &asked.transaction.id), now);

    // And the name can be used again, and resumed by the very call that yields
    let asked = chain.run(&alice, &contract.id, vec![call("ask_and_give")]);
    assert_eq!(result(&chain, &asked.transaction.id), now);
}

#[test]
fn lone_deletion__should_run_right_after_what_sent_it() {
    // Given a contract that asks itself to go
    let mut chain = Harness::new();
    let contract = chain.contract("doomed", NAMED_YIELDER);
    let alice = chain.account("alice", 10);

    // When it does
    let ran = chain.run(&alice, &contract.id, vec![call("vanish")]);

    // Then it is gone in the same block
    ran.assert_success();
    assert!(chain.stored(&contract.id).is_none());
    let history = chain.chain.view().history();
    let heights: Vec<_> = ran.receipts.iter().map(|receipt| history.outcome(&receipt.id).unwrap().height).collect();
    assert_eq!(heights[0], heights[1], "{heights:?}");
}
