use near_crypto::{KeyType, PublicKeyHandle, SecretKey};
use near_primitives::{
    account::AccessKeyPermission,
    action::{Action, GlobalContractIdentifier, UniversalStateInitAction},
    errors::{ActionErrorKind, ActionsValidationError, InvalidTxError},
    hash::CryptoHash,
    types::{AccountId, Balance},
    universal_state_init::{UniversalStateInit, UniversalStateInitV1},
    utils::derive_universal_account_id,
};

use crate::runtime::harness::*;

fn secret() -> SecretKey {
    SecretKey::from_seed(KeyType::ED25519, "universal")
}

/// An account with one key and one entry of data, and the action that installs it.
fn universal(deposit: Balance) -> (AccountId, Action) {
    let state_init = UniversalStateInit::V1(UniversalStateInitV1 {
        code: None,
        data: [(b"k".to_vec(), b"v".to_vec())].into(),
        access_keys: [PublicKeyHandle::from(&secret().public_key())].into(),
    });
    let state_init = state_init.to_raw();
    let id = derive_universal_account_id(&state_init);
    (id, Action::UniversalStateInit(Box::new(UniversalStateInitAction { state_init, deposit })))
}

#[test]
fn transfer_to_a_universal_id__should_fund_an_account_without_state() {
    // Given a universal id that nobody has used
    let mut chain = Harness::new();
    let (id, _) = universal(Balance::ZERO);
    let root = chain.root.clone();

    // When it is paid
    chain.run(&root, &id, vec![transfer(Balance::from_near(1))]).assert_success();

    // Then it has the money, but neither keys nor anything that could be called
    let account = chain.stored(&id).unwrap();
    assert!(!account.is_initialized());
    assert_eq!(account.amount(), Balance::from_near(1));
    let ran = chain.run(&root, &id, vec![call("anything")]);
    assert_eq!(*ran.failure(), ActionErrorKind::AccountNotInitialized { account_id: id });
}

#[test]
fn universal_state_init__should_install_what_the_id_commits_to() {
    // Given a universal account and somebody who knows its initial state
    let mut chain = Harness::new();
    let (id, init) = universal(Balance::from_near(1));
    let root = chain.root.clone();

    // When they send it
    chain.run(&root, &id, vec![init.clone()]).assert_success();

    // Then the account has its data and its key, and the key works
    assert_eq!(chain.data(&id, b"k").unwrap(), b"v");
    let key = chain.access_key(&id, &secret().public_key()).unwrap();
    assert_eq!(key.permission, AccessKeyPermission::FullAccess);
    chain.run(&root, &id, vec![transfer(Balance::from_near(2))]).assert_success();
    let owner = Actor { id: id.clone(), key: secret() };
    chain.run(&owner, &root.id, vec![transfer(Balance::from_near(1))]).assert_success();

    // And the same init again changes nothing and returns its deposit
    let usage = chain.stored(&id).unwrap().storage_usage();
    let before = chain.balance(&id);
    chain.run(&root, &id, vec![init]).assert_success();
    assert_eq!(chain.balance(&id), before);
    assert_eq!(chain.stored(&id).unwrap().storage_usage(), usage);
}

#[test]
fn self_signed_state_init__should_work_once() {
    // Given a funded universal account without state
    let mut chain = Harness::new();
    let (id, init) = universal(Balance::ZERO);
    let root = chain.root.clone();
    chain.run(&root, &id, vec![transfer(Balance::from_near(1))]).assert_success();
    let owner = Actor { id: id.clone(), key: secret() };
    let nonce = chain.stored(&id).unwrap().bootstrap_nonce().unwrap() + 1;

    // When its owner sends anything else, or its init with another nonce than the next
    let pay = chain.sign_with_nonce(&owner, &root.id, vec![transfer(Balance::from_millinear(1))], nonce);
    let later = chain.sign_with_nonce(&owner, &id, vec![init.clone()], nonce + 1);

    // Then it is refused
    assert!(matches!(chain.chain.submit(pay), Err(InvalidTxError::InvalidAccessKeyError(_))));
    assert!(matches!(chain.chain.submit(later), Err(InvalidTxError::InvalidNonce { .. })));

    // But the init with the next nonce installs the account, and its bytes cannot be used again
    let tx = chain.sign_with_nonce(&owner, &id, vec![init.clone()], nonce);
    let hash = chain.chain.submit(tx).unwrap();
    chain.settle();
    chain.ran(hash).assert_success();
    assert!(chain.stored(&id).unwrap().is_initialized());
    assert!(chain.access_key(&id, &secret().public_key()).unwrap().nonce >= nonce);
    let again = chain.sign_with_nonce(&owner, &id, vec![init], nonce);
    assert!(matches!(chain.chain.submit(again), Err(InvalidTxError::InvalidNonce { .. })));
}

#[test]
fn universal_state_init__should_be_refused_for_another_id_or_in_another_encoding() {
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let refused = |error| match error {
        InvalidTxError::ActionsValidation(error) => error,
        other => panic!("{other:?}"),
    };

    // For somebody else's id
    let (_, init) = universal(Balance::ZERO);
    let error = refused(chain.refused(&root, &root.id, vec![init]));
    assert!(matches!(error, ActionsValidationError::InvalidUniversalStateInitReceiver { .. }));

    // With bytes that decode to no state
    let mut malformed = universal(Balance::ZERO).1;
    let Action::UniversalStateInit(action) = &mut malformed else { unreachable!() };
    action.state_init.0.push(0);
    let id = derive_universal_account_id(&action.state_init);
    let error = refused(chain.refused(&root, &id, vec![malformed]));
    assert_eq!(error, ActionsValidationError::MalformedUniversalStateInit);
}

#[test]
fn universal_state_init__should_keep_nothing_when_its_code_is_missing() {
    // Given a state with code that nobody deployed
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(b"nothing"));
    let state_init = UniversalStateInit::V1(UniversalStateInitV1 {
        code: Some(identifier.clone()),
        data: Default::default(),
        access_keys: Default::default(),
    });
    let state_init = state_init.to_raw();
    let id = derive_universal_account_id(&state_init);

    // When it is to be installed
    let init = UniversalStateInitAction { state_init, deposit: Balance::from_near(1) };
    let ran = chain.run(&root, &id, vec![Action::UniversalStateInit(Box::new(init))]);

    // Then there is no account
    assert_eq!(*ran.failure(), ActionErrorKind::GlobalContractDoesNotExist { identifier });
    assert!(chain.stored(&id).is_none());
}
