use near_crypto::{KeyType, SecretKey};
use near_parameters::SignatureKind;
use near_primitives::{
    account::{AccessKey, AccessKeyPermission},
    errors::{InvalidAccessKeyError, InvalidTxError},
    transaction::{NonceMode, SignedTransaction, Transaction, TransactionNonce, TransactionV1},
    types::{Balance, Gas},
};

use crate::runtime::{contracts::BASIC, harness::*};

#[test]
fn nonce__should_grow_and_stay_in_the_block_range() {
    // Given an account whose last nonce is known
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 1);
    chain.run(&alice, &bob.id, vec![transfer(Balance::from_millinear(1))]).assert_success();
    let used = chain.access_key(&alice.id, &alice.key.public_key()).unwrap().nonce;

    // When a transaction repeats it or runs ahead of the chain
    let pay = || vec![transfer(Balance::from_millinear(1))];
    let again = chain.sign_with_nonce(&alice, &bob.id, pay(), used);
    let height = chain.chain.view().history().head().height();
    let bound = (height + 1) * AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER;
    let ahead = chain.sign_with_nonce(&alice, &bob.id, pay(), bound);

    // Then the one is refused
    let error = chain.chain.submit(again).unwrap_err();
    assert_eq!(error, InvalidTxError::InvalidNonce { tx_nonce: used, ak_nonce: used });

    // And the other one gets as far as the next chunk, which does not take it
    let hash = chain.chain.submit(ahead).unwrap();
    chain.settle();
    assert!(chain.chain.view().history().outcome(&hash).is_none());
    assert!(!chain.chain.view().is_pending(&hash));
}

#[test]
fn added_key__should_start_with_the_nonce_of_its_block() {
    // Given a key that is added, used, deleted and added again
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let second = SecretKey::from_seed(KeyType::ED25519, "second");
    chain.run(&alice, &alice.id, vec![add_full_key(second.public_key())]).assert_success();
    let first_nonce = chain.access_key(&alice.id, &second.public_key()).unwrap().nonce;
    chain.run(&alice, &alice.id, vec![delete_key(second.public_key())]).assert_success();
    assert!(chain.access_key(&alice.id, &second.public_key()).is_none());
    let added = chain.run(&alice, &alice.id, vec![add_full_key(second.public_key())]);

    // Then it starts with a million for each height below its block, above what its first life could have used
    let key = chain.access_key(&alice.id, &second.public_key()).unwrap();
    let height = chain.chain.view().history().outcome(&added.receipts[0].id).unwrap().height;
    assert_eq!(key.nonce, (height - 1) * 1_000_000);
    assert!(key.nonce >= first_nonce + AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER);
}

#[test]
fn function_call_key__should_only_do_what_it_is_for() {
    // Given a key for one method of one contract
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);
    let key = SecretKey::from_seed(KeyType::ED25519, "machine");
    chain.run(&alice, &alice.id, vec![add_call_key(key.public_key(), None, &contract.id, &["set"])]).assert_success();
    let machine = Actor { id: alice.id.clone(), key };

    // Then that call works
    chain.run(&machine, &contract.id, vec![call("set")]).assert_success();

    // And everything else is refused with the reason
    let refused = |error| match error {
        InvalidTxError::InvalidAccessKeyError(error) => error,
        other => panic!("{other:?}"),
    };
    let error = refused(chain.refused(&machine, &contract.id, vec![call("noop")]));
    assert_eq!(error, InvalidAccessKeyError::MethodNameMismatch { method_name: "noop".to_owned() });
    let error = refused(chain.refused(&machine, &alice.id, vec![call("set")]));
    assert!(matches!(error, InvalidAccessKeyError::ReceiverMismatch { .. }));
    let deposit = call_with("set", &[], CALL_GAS, Balance::from_yoctonear(1));
    let error = refused(chain.refused(&machine, &contract.id, vec![deposit]));
    assert_eq!(error, InvalidAccessKeyError::DepositWithFunctionCall);
    let error = refused(chain.refused(&machine, &contract.id, vec![transfer(Balance::from_near(1))]));
    assert_eq!(error, InvalidAccessKeyError::RequiresFullAccess);
    let error = refused(chain.refused(&machine, &contract.id, vec![call("set"), call("set")]));
    assert_eq!(error, InvalidAccessKeyError::RequiresFullAccess);
}

#[test]
fn allowance__should_pay_and_get_gas_refunds() {
    // Given a key with an allowance of 1 NEAR
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);
    let key = SecretKey::from_seed(KeyType::ED25519, "machine");
    let near = Balance::from_near(1);
    chain.run(&alice, &alice.id, vec![add_call_key(key.public_key(), Some(near), &contract.id, &[])]).assert_success();
    let machine = Actor { id: alice.id.clone(), key };

    // When it makes a call
    let ran = chain.run(&machine, &contract.id, vec![call("noop")]);

    // Then the allowance is less by exactly what was burnt
    let permission = chain.access_key(&alice.id, &machine.key.public_key()).unwrap().permission;
    let AccessKeyPermission::FunctionCall(permission) = permission else { panic!("{permission:?}") };
    assert_eq!(permission.allowance, near.checked_sub(ran.tokens_burnt()));

    // And a call that needs more than is left is refused
    let greedy = call_with("noop", &[], Gas::from_teragas(1_000), Balance::ZERO);
    let error = chain.refused(&machine, &contract.id, vec![greedy]);
    assert!(
        matches!(error, InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::NotEnoughAllowance { .. })),
        "{error:?}"
    );
}

#[test]
fn transactions_of_one_key__should_run_in_nonce_order() {
    // Given two transactions that arrive in the wrong order
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 1);
    let first = chain.sign(&alice, &bob.id, vec![transfer(Balance::from_near(1))]);
    let second = chain.sign(&alice, &bob.id, vec![transfer(Balance::from_near(2))]);
    let hashes = [chain.chain.submit(second).unwrap(), chain.chain.submit(first).unwrap()];

    // When the block is made
    chain.settle();

    // Then both ran
    for hash in hashes {
        chain.ran(hash).assert_success();
    }
    assert_eq!(chain.balance(&bob.id), Balance::from_near(4));
}

#[test]
fn transaction__should_name_a_known_block_and_be_signed_by_its_key() {
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 1);

    // A transaction for another chain
    let mut foreign = chain.sign(&alice, &bob.id, vec![transfer(Balance::from_near(1))]);
    let Transaction::V0(inner) = &mut foreign.transaction else { unreachable!() };
    inner.block_hash = near_primitives::hash::CryptoHash::hash_bytes(b"another chain");
    let (hash, _) = foreign.transaction.get_hash_and_size();
    let foreign = SignedTransaction::new(alice.key.sign(hash.as_ref()), foreign.transaction);
    assert_eq!(chain.chain.submit(foreign).unwrap_err(), InvalidTxError::Expired);

    // A transaction signed by somebody else
    let honest = chain.sign(&alice, &bob.id, vec![transfer(Balance::from_near(1))]);
    let (hash, _) = honest.transaction.get_hash_and_size();
    let forged = SignedTransaction::new(bob.key.sign(hash.as_ref()), honest.transaction);
    assert_eq!(chain.chain.submit(forged).unwrap_err(), InvalidTxError::InvalidSignature);
}

#[test]
fn strict_nonce__should_be_the_next_one() {
    // Given an account whose last nonce is known
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let used = chain.access_key(&alice.id, &alice.key.public_key()).unwrap().nonce;
    let sign = |chain: &Harness, nonce| {
        let transaction = Transaction::V1(TransactionV1 {
            signer_id: alice.id.clone(),
            public_key: alice.key.public_key(),
            nonce: TransactionNonce::from_nonce(nonce),
            receiver_id: alice.id.clone(),
            block_hash: chain.chain.view().history().head().hash,
            actions: vec![transfer(Balance::ZERO)],
            nonce_mode: NonceMode::Strict,
        });
        let (hash, _) = transaction.get_hash_and_size();
        SignedTransaction::new(alice.key.sign(hash.as_ref()), transaction)
    };

    // Then a strict transaction may neither leave one out nor repeat it
    for nonce in [used, used + 2] {
        let error = chain.chain.submit(sign(&chain, nonce)).unwrap_err();
        assert_eq!(error, InvalidTxError::InvalidNonce { tx_nonce: nonce, ak_nonce: used });
    }
    let hash = chain.chain.submit(sign(&chain, used + 1)).unwrap();
    chain.settle();
    chain.ran(hash).assert_success();
}

#[test]
fn every_signature_scheme__should_sign_transactions() {
    // Given an account with a key of each kind
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let fees = |chain: &Harness| chain.chain.view().runtime.config.fees.signature_verification_costs;

    for (kind, scheme) in [(KeyType::SECP256K1, SignatureKind::Secp256k1), (KeyType::MLDSA65, SignatureKind::MlDsa65)] {
        let key = SecretKey::from_seed(kind, "another");
        chain.run(&alice, &alice.id, vec![add_full_key(key.public_key())]).assert_success();
        let other = Actor { id: alice.id.clone(), key };

        // When it signs the same transaction as the first key
        let first = chain.run(&alice, &alice.id, vec![transfer(Balance::ZERO)]);
        let ran = chain.run(&other, &alice.id, vec![transfer(Balance::ZERO)]);

        // Then that works, and costs more by its verification
        ran.assert_success();
        let extra = fees(&chain)[scheme].gas;
        let gas = |ran: &Ran| ran.transaction.outcome.gas_burnt;
        assert_eq!(gas(&ran), gas(&first).checked_add(extra).unwrap());
    }
}
