use near_primitives::{hash::CryptoHash, views::FinalExecutionStatus};

use crate::{contracts::YIELDER, harness::*};

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
