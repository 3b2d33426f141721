use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, TransferToGasKeyAction, WithdrawFromGasKeyAction},
    errors::{ActionErrorKind, ActionsValidationError, InvalidTxError},
    transaction::{NonceMode, SignedTransaction, Transaction, TransactionNonce, TransactionV1},
    types::Balance,
};

use crate::runtime::harness::*;

#[test]
fn gas_key__should_pay_for_gas_from_its_own_balance_on_every_lane() {
    // Given a gas key with two lanes and 1 NEAR
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 1);
    let key = SecretKey::from_seed(KeyType::ED25519, "gas key");
    let add = AddKeyAction { public_key: key.public_key(), access_key: AccessKey::gas_key_full_access(2) };
    let fund = TransferToGasKeyAction { public_key: key.public_key(), deposit: Balance::from_near(1) };
    chain.run(&alice, &alice.id, vec![Action::AddKey(Box::new(add))]).assert_success();
    chain.run(&alice, &alice.id, vec![Action::TransferToGasKey(Box::new(fund))]).assert_success();
    let before = chain.balance(&alice.id);
    let sign = |chain: &Harness, lane: u16, nonce: u64| {
        let head = chain.chain.view().history().head().clone();
        let nonce = head.height() * AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER + nonce;
        let transaction = Transaction::V1(TransactionV1 {
            signer_id: alice.id.clone(),
            public_key: key.public_key(),
            nonce: TransactionNonce::from_nonce_and_index(nonce, lane),
            receiver_id: bob.id.clone(),
            block_hash: head.hash,
            actions: vec![transfer(Balance::from_near(2))],
            nonce_mode: NonceMode::Monotonic,
        });
        let (hash, _) = transaction.get_hash_and_size();
        SignedTransaction::new(key.sign(hash.as_ref()), transaction)
    };

    // When the same nonce is used on both lanes
    let hashes: Vec<_> = [0, 1].map(|lane| chain.chain.submit(sign(&chain, lane, 1)).unwrap()).to_vec();
    chain.settle();

    // Then both ran; the account paid the deposits and the key the gas
    let mut burnt = Balance::ZERO;
    for hash in hashes {
        let ran = chain.ran(hash);
        ran.assert_success();
        burnt = burnt.checked_add(ran.tokens_burnt()).unwrap();
    }
    assert_eq!(chain.balance(&bob.id), Balance::from_near(5));
    assert_eq!(chain.balance(&alice.id), before.checked_sub(Balance::from_near(4)).unwrap());
    let stored = chain.access_key(&alice.id, &key.public_key()).unwrap();
    let left = Balance::from_near(1).checked_sub(burnt).unwrap();
    assert_eq!(stored.gas_key_info().unwrap().balance, left);

    // And a lane it does not have is refused
    let error = chain.chain.submit(sign(&chain, 2, 1)).unwrap_err();
    assert_eq!(error, InvalidTxError::InvalidNonceIndex { tx_nonce_index: Some(2), num_nonces: 2 });
}

fn add(key: &SecretKey, lanes: u16) -> Action {
    let access_key = AccessKey::gas_key_full_access(lanes);
    Action::AddKey(Box::new(AddKeyAction { public_key: key.public_key(), access_key }))
}

fn fund(key: &SecretKey, deposit: Balance) -> Action {
    Action::TransferToGasKey(Box::new(TransferToGasKeyAction { public_key: key.public_key(), deposit }))
}

fn withdraw(key: &SecretKey, amount: Balance) -> Action {
    Action::WithdrawFromGasKey(Box::new(WithdrawFromGasKeyAction { public_key: key.public_key(), amount }))
}

#[test]
fn gas_key__should_give_back_and_burn_only_a_little() {
    // Given a gas key with 3 NEAR
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let key = SecretKey::from_seed(KeyType::ED25519, "gas key");
    let near = Balance::from_near(1);
    let usage = chain.stored(&alice.id).unwrap().storage_usage();
    chain.run(&alice, &alice.id, vec![add(&key, 2)]).assert_success();
    chain.run(&alice, &alice.id, vec![fund(&key, Balance::from_near(3))]).assert_success();

    // Then it cannot be deleted, nor can its account, and no more can be taken out than is in it
    let heir = chain.root.id.clone();
    for action in [delete_key(key.public_key()), delete_account(&heir)] {
        let ran = chain.run(&alice, &alice.id, vec![action]);
        assert!(matches!(ran.failure(), ActionErrorKind::GasKeyBalanceTooHigh { .. }), "{:?}", ran.failure());
    }
    let ran = chain.run(&alice, &alice.id, vec![withdraw(&key, Balance::from_near(4))]);
    assert!(matches!(ran.failure(), ActionErrorKind::InsufficientGasKeyBalance { .. }));

    // When two are taken out, they are the account's, and the last one burns with the key and frees its bytes
    let before = chain.balance(&alice.id);
    let ran = chain.run(&alice, &alice.id, vec![withdraw(&key, Balance::from_near(2))]);
    let after = before.checked_add(Balance::from_near(2)).and_then(|sum| sum.checked_sub(ran.tokens_burnt()));
    assert_eq!(chain.balance(&alice.id), after.unwrap());
    let ran = chain.run(&alice, &alice.id, vec![delete_key(key.public_key())]);
    ran.assert_success();
    assert!(ran.first().tokens_burnt > near && ran.first().tokens_burnt < Balance::from_millinear(1_001));
    assert_eq!(chain.stored(&alice.id).unwrap().storage_usage(), usage);
}

#[test]
fn gas_key__should_have_lanes_and_exist() {
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let key = SecretKey::from_seed(KeyType::ED25519, "gas key");

    let error = chain.refused(&alice, &alice.id, vec![add(&key, 0)]);
    let invalid = ActionsValidationError::GasKeyInvalidNumNonces { requested_nonces: 0, limit: 1_024 };
    assert_eq!(error, InvalidTxError::ActionsValidation(invalid));

    let ran = chain.run(&alice, &alice.id, vec![fund(&key, Balance::from_near(1))]);
    assert!(matches!(ran.failure(), ActionErrorKind::GasKeyDoesNotExist { .. }));

    // A transaction without a lane cannot use it
    chain.run(&alice, &alice.id, vec![add(&key, 2)]).assert_success();
    let owner = Actor { id: alice.id.clone(), key };
    let error = chain.refused(&owner, &alice.id, vec![transfer(Balance::ZERO)]);
    assert_eq!(error, InvalidTxError::InvalidNonceIndex { tx_nonce_index: None, num_nonces: 2 });
}
