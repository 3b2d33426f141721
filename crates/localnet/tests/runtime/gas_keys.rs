use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, TransferToGasKeyAction},
    errors::InvalidTxError,
    transaction::{NonceMode, SignedTransaction, Transaction, TransactionNonce, TransactionV1},
    types::Balance,
};

use crate::harness::*;

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
