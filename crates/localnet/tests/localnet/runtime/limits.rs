//! What is refused before anything is paid.

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::{
    action::{Action, DeterministicStateInitAction, GlobalContractIdentifier, StakeAction},
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    errors::{ActionErrorKind, ActionsValidationError as Invalid, InvalidTxError, ReceiptValidationError},
    hash::CryptoHash,
    transaction::ExecutionStatus,
    types::{Balance, Gas},
    utils::derive_near_deterministic_account_id,
};

use crate::runtime::{contracts::PROMISER, harness::*};

fn refused(chain: &mut Harness, actions: Vec<Action>) -> Invalid {
    let root = chain.root.clone();
    match chain.refused(&root, &root.id, actions) {
        InvalidTxError::ActionsValidation(error) => error,
        other => panic!("{other:?}"),
    }
}

fn key() -> PublicKey {
    SecretKey::from_seed(KeyType::ED25519, "key").public_key()
}

#[test]
fn transaction__should_have_a_bounded_number_of_actions() {
    let mut chain = Harness::new();
    let nothing = || transfer(Balance::ZERO);

    let error = refused(&mut chain, (0..101).map(|_| nothing()).collect());
    assert_eq!(error, Invalid::TotalNumberOfActionsExceeded { total_number_of_actions: 101, limit: 100 });

    let error = refused(&mut chain, (0..11).map(|_| deploy(vec![0])).collect());
    assert_eq!(error, Invalid::TotalNumberOfDeployActionsExceeded { number_of_deploy_actions: 11, limit: 10 });

    let beneficiary = chain.root.id.clone();
    let error = refused(&mut chain, vec![delete_account(&beneficiary), nothing()]);
    assert_eq!(error, Invalid::DeleteActionMustBeFinal);
}

#[test]
fn transaction__should_have_a_bounded_size() {
    // Given code above the limit of a transaction, but not of a contract
    let mut chain = Harness::new();
    let root = chain.root.clone();

    // When it is to be deployed
    let error = chain.refused(&root, &root.id, vec![deploy(vec![0; 1_600_000])]);

    // Then the transaction is too large
    assert!(matches!(error, InvalidTxError::TransactionSizeExceeded { limit: 1_572_864, size } if size > 1_600_000));
}

#[test]
fn call__should_have_gas_a_name_and_bounded_arguments() {
    let mut chain = Harness::new();
    let limit = chain.chain.view().runtime.config.wasm_config.limit_config.max_total_prepaid_gas;

    let error = refused(&mut chain, vec![call_with("m", &[], Gas::ZERO, Balance::ZERO)]);
    assert_eq!(error, Invalid::FunctionCallZeroAttachedGas);

    let error = refused(&mut chain, vec![call("")]);
    assert_eq!(error, Invalid::FunctionCallEmptyMethodName);

    let error = refused(&mut chain, vec![call(&"m".repeat(257))]);
    assert_eq!(error, Invalid::FunctionCallMethodNameLengthExceeded { length: 257, limit: 256 });

    let error = refused(&mut chain, vec![call_with("m", &[], limit, Balance::ZERO), call("m")]);
    let total_prepaid_gas = limit.checked_add(CALL_GAS).unwrap();
    assert_eq!(error, Invalid::TotalPrepaidGasExceeded { total_prepaid_gas, limit });
}

#[test]
fn keys__should_be_valid_for_what_they_are_for() {
    let mut chain = Harness::new();
    let root = chain.root.id.clone();

    let error = refused(&mut chain, vec![add_call_key(key(), None, &root, &[&"m".repeat(257)])]);
    assert_eq!(error, Invalid::AddKeyMethodNameLengthExceeded { length: 257, limit: 256 });

    let names: Vec<_> = (0..20).map(|_| "m".repeat(100)).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let error = refused(&mut chain, vec![add_call_key(key(), None, &root, &names)]);
    assert_eq!(error, Invalid::AddKeyMethodNamesNumberOfBytesExceeded { total_number_of_bytes: 2_020, limit: 2_000 });

    let secp256k1 = SecretKey::from_seed(KeyType::SECP256K1, "key").public_key();
    let stake = StakeAction { stake: Balance::from_near(1), public_key: secp256k1.clone() };
    let error = refused(&mut chain, vec![Action::Stake(Box::new(stake))]);
    assert_eq!(error, Invalid::UnsuitableStakingKey { public_key: Box::new(secp256k1) });
}

#[test]
fn state_inits__should_have_bounded_entries_for_their_own_id() {
    // Given a deterministic account with one entry more than a receipt may carry
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let state = |entries: u16| {
        DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
            code: GlobalContractIdentifier::CodeHash(CryptoHash::default()),
            data: (0..entries).map(|entry| (entry.to_le_bytes().to_vec(), Vec::new())).collect(),
        })
    };
    let init = |entries| {
        let action = DeterministicStateInitAction { state_init: state(entries), deposit: Balance::ZERO };
        Action::DeterministicStateInit(Box::new(action))
    };
    let id = derive_near_deterministic_account_id(&state(1_501));

    // When it is sent
    let error = chain.refused(&root, &id, vec![init(1_501)]);

    // Then it is refused, as is any sent to another id
    let (number_of_entries, limit) = (1_501, 1_500);
    let expected = Invalid::TotalNumberOfStateInitEntriesExceeded { number_of_entries, limit };
    assert_eq!(error, InvalidTxError::ActionsValidation(expected));
    let error = refused(&mut chain, vec![init(1)]);
    assert!(matches!(error, Invalid::InvalidDeterministicStateInitReceiver { .. }));
}

#[test]
fn transaction__should_be_paid_in_full() {
    // Given an account with 1 NEAR
    let mut chain = Harness::new();
    let poor = chain.account("poor", 1);
    let root = chain.root.id.clone();

    // When it wants to give that away, the gas comes on top
    let error = chain.refused(&poor, &root, vec![transfer(Balance::from_near(1))]);
    assert!(matches!(error, InvalidTxError::NotEnoughBalance { cost, .. } if cost > Balance::from_near(1)));

    // And a sum that fits no balance is refused as such
    let most = Balance::from_yoctonear(u128::MAX);
    assert_eq!(chain.refused(&poor, &root, vec![transfer(most), transfer(most)]), InvalidTxError::CostOverflow);
}

#[test]
fn transaction__should_expire_with_the_block_it_names() {
    // Given two transactions that name the same block
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let [last, late] = [1, 2].map(|near| chain.sign(&root, &root.id, vec![transfer(Balance::from_near(near))]));
    let period = chain.chain.view().genesis.config.transaction_validity_period;

    // When the head is exactly as far above it as transactions are valid, then one is taken
    chain.chain.fast_forward(period);
    chain.chain.produce_block().unwrap();
    let hash = chain.chain.submit(last).unwrap();
    chain.chain.produce_block().unwrap();
    assert!(chain.chain.view().history().outcome(&hash).is_some());

    // And a block later it is too late
    assert_eq!(chain.chain.submit(late).unwrap_err(), InvalidTxError::Expired);
}

#[test]
fn promised_receipt__should_have_a_bounded_size() {
    // Given a contract that promises receipts of four megabytes and of six
    let mut chain = Harness::new();
    let promiser = chain.contract("promiser", PROMISER);
    let alice = chain.account("alice", 10);
    let gas = Gas::from_teragas(1_000);

    // Then the first is sent, and fails only where it arrives
    let sent = chain.run(&alice, &promiser.id, vec![call_with("little", &[], gas, Balance::ZERO)]);
    assert!(matches!(sent.first().status, ExecutionStatus::SuccessValue(_)), "{:?}", sent.first().status);

    // And the second is not
    let ran = chain.run(&alice, &promiser.id, vec![call_with("much", &[], gas, Balance::ZERO)]);
    let ActionErrorKind::NewReceiptValidationError(ReceiptValidationError::ReceiptSizeExceeded { size, limit }) =
        ran.failure()
    else {
        panic!("{:?}", ran.failure())
    };
    assert!(*limit == 4 << 20 && *size > 6_000_000, "{size} {limit}");
}
