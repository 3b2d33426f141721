use near_primitives::{
    errors::{ActionErrorKind, FunctionCallError, MethodResolveError},
    transaction::ExecutionStatus,
    types::{AccountId, Balance, Gas},
    utils::{create_action_hash_from_receipt_id, create_random_seed},
};

use crate::runtime::{
    contracts::{BASIC, CALLEE, CALLER},
    harness::*,
};

/// The pair of contracts that call each other.
fn pair(chain: &mut Harness) -> Actor {
    chain.contract("b", CALLEE);
    chain.contract("a", CALLER)
}

#[test]
fn call__should_keep_nothing_but_logs_when_it_fails() {
    // Given a contract
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);

    // When a method stores something and panics
    let fail = call_with("fail", &[], CALL_GAS, Balance::from_near(1));
    let ran = chain.run(&alice, &contract.id, vec![fail]);

    // Then the write is gone, the log stays and the deposit comes back
    assert!(matches!(
        ran.failure(),
        ActionErrorKind::FunctionCallError(FunctionCallError::ExecutionError(message))
            if message == "Smart contract panicked: explicit guest panic"
    ));
    assert_eq!(ran.first().logs, ["hello"]);
    assert!(chain.data(&contract.id, b"k").is_none());
    let left = Balance::from_near(10).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&alice.id), left);
}

#[test]
fn call__should_name_what_is_missing() {
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);

    let ran = chain.run(&alice, &contract.id, vec![call("no_such_method")]);
    assert_eq!(
        *ran.failure(),
        ActionErrorKind::FunctionCallError(FunctionCallError::MethodResolveError(MethodResolveError::MethodNotFound))
    );

    let ran = chain.run(&contract, &alice.id, vec![call("set")]);
    assert!(matches!(ran.failure(), ActionErrorKind::FunctionCallError(FunctionCallError::CompilationError(_))));
}

#[test]
fn seed__should_be_that_of_the_receipt_and_the_block() {
    // Given a contract that returns its seed
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);

    // When it is called
    let ran = chain.run(&alice, &contract.id, vec![call("seed")]);

    // Then the seed follows from the receipt, its action and the block's random value as NEAR derives it
    let history = chain.chain.view().history();
    let place = history.outcome(&ran.receipts[0].id).unwrap();
    let block_id = near_primitives::types::BlockId::Height(place.height);
    let block = history.block(&near_primitives::types::BlockReference::BlockId(block_id)).unwrap();
    let action_hash = create_action_hash_from_receipt_id(&ran.receipts[0].id, place.height, 0);
    assert_eq!(ran.value(), create_random_seed(action_hash, block.random_value));
}

#[test]
fn callback__should_get_the_result_one_block_later_each() {
    // Given two contracts
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);

    // When one calls the other and asks to be called back
    let ran = chain.run(&alice, &caller.id, vec![call("relay")]);

    // Then the callback returns what the other contract said, and each step took a block of its own
    ran.assert_success();
    let done = ran.receipts.iter().find(|receipt| {
        receipt.outcome.executor_id == caller.id
            && matches!(&receipt.outcome.status, ExecutionStatus::SuccessValue(value) if value == b"forty-two")
    });
    assert!(done.is_some(), "no callback among {:?}", ran.receipts);
    let history = chain.chain.view().history();
    let height = |id| history.outcome(id).unwrap().height;
    let converted = height(&ran.transaction.id);
    let called = height(&ran.receipts[0].id);
    let answered = ran.receipts.iter().find(|receipt| receipt.outcome.executor_id == "b.test.near").unwrap();
    assert_eq!(called, converted + 1);
    assert_eq!(height(&answered.id), converted + 2);
    assert_eq!(height(&done.unwrap().id), converted + 3);
}

#[test]
fn callback__should_see_a_failure_and_every_input_of_a_join() {
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);
    let last_value = |ran: &Ran| {
        ran.receipts.iter().rev().find_map(|receipt| match &receipt.outcome.status {
            ExecutionStatus::SuccessValue(value) if !value.is_empty() => Some(value.clone()),
            _ => None,
        })
    };

    // A failed call comes back as a failed result
    let ran = chain.run(&alice, &caller.id, vec![call("relay_failing")]);
    assert_eq!(last_value(&ran).unwrap(), b"1FAILED");

    // A join waits for both, in the order of the calls
    let ran = chain.run(&alice, &caller.id, vec![call("both")]);
    assert_eq!(last_value(&ran).unwrap(), b"forty-two");
}

#[test]
fn returned_promise__should_become_the_result() {
    // Given a contract that returns another's promise
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);

    // When it is called
    let ran = chain.run(&alice, &caller.id, vec![call("forward")]);

    // Then the transaction's result is the other contract's
    assert!(matches!(ran.first().status, ExecutionStatus::SuccessReceiptId(_)));
    let hash = ran.transaction.id;
    let status = chain.chain.view().history().transaction_status(&hash).unwrap();
    assert_eq!(
        status.outcome.status,
        near_primitives::views::FinalExecutionStatus::SuccessValue(b"forty-two".to_vec())
    );
}

#[test]
fn gas_weight__should_pass_on_what_is_left() {
    // Given a call that hands all its gas on
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);

    // When it runs with 100 TGas
    let ran = chain.run(&alice, &caller.id, vec![call("weighted")]);

    // Then the other contract had most of it
    let value = ran.receipts.iter().find_map(|receipt| match &receipt.outcome.status {
        ExecutionStatus::SuccessValue(value) if value.len() == 8 => Some(value.clone()),
        _ => None,
    });
    let gas = Gas::from_gas(u64::from_le_bytes(value.unwrap().try_into().unwrap()));
    assert!(gas > Gas::from_teragas(95) && gas < CALL_GAS, "{gas:?}");
}

#[test]
fn deposit_of_a_failed_promise__should_return_to_the_contract() {
    // Given a contract that attaches 1 NEAR of its own to a call that fails
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);
    let before = chain.balance(&caller.id);

    // When it does so
    let ran = chain.run(&alice, &caller.id, vec![call("spend")]);

    // Then the contract has its NEAR again and the signer paid all gas
    assert_eq!(chain.balance(&caller.id), before);
    let left = Balance::from_near(10).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&alice.id), left);
}

#[test]
fn deposit_of_a_failed_promise__should_go_where_the_contract_says() {
    // Given a contract that attaches 1 NEAR of its own to a call that fails, with the refund to the signer
    let mut chain = Harness::new();
    let caller = pair(&mut chain);
    let alice = chain.account("alice", 10);
    let before = chain.balance(&caller.id);

    // When it does so
    let ran = chain.run(&alice, &caller.id, vec![call("spend_for_signer")]);

    // Then the signer has that NEAR, less the gas
    assert_eq!(chain.balance(&caller.id), before.checked_sub(Balance::from_near(1)).unwrap());
    let left = Balance::from_near(11).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&alice.id), left);
}

#[test]
fn one_yocto__should_be_given_to_a_contract_without_any() {
    // Given a contract small enough to own nothing, which attaches one yoctoNEAR to a call
    let mut chain = Harness::new();
    chain.contract("b", CALLEE);
    let alice = chain.account("alice", 10);
    let poor: AccountId = "poor.test.near".parse().unwrap();
    let code = wat::parse_str(
        r#"(module
          (import "env" "promise_create" (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
          (memory 1)
          (data (i32.const 0) "b.test.nearanswer")
          (data (i32.const 32) "\01")
          (func (export "pay")
            (drop (call $create (i64.const 11) (i64.const 0) (i64.const 6) (i64.const 11) (i64.const 0) (i64.const 0)
              (i64.const 32) (i64.const 5000000000000)))))"#,
    )
    .unwrap();
    let root = chain.root.clone();
    chain.run(&root, &poor, vec![create(), deploy(code)]).assert_success();
    let callee: AccountId = "b.test.near".parse().unwrap();
    let before = chain.balance(&callee);

    // When it does so
    chain.run(&alice, &poor, vec![call("pay")]).assert_success();

    // Then the protocol gave it what it attached
    assert_eq!(chain.balance(&poor), Balance::ZERO);
    assert_eq!(chain.balance(&callee), before.checked_add(Balance::from_yoctonear(1)).unwrap());
}
