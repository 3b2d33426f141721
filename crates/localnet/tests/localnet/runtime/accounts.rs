use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    errors::{ActionErrorKind, InvalidTxError},
    types::{AccountId, Balance},
};

use crate::runtime::harness::*;

#[test]
fn transfer__should_move_near_and_burn_only_gas() {
    // Given two accounts
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 10);
    let supply = chain.supply_held();

    // When one pays the other
    let ran = chain.run(&alice, &bob.id, vec![transfer(Balance::from_near(3))]);

    // Then the receiver has it, the sender paid it and the gas, and nothing else appeared or vanished
    assert_eq!(chain.balance(&bob.id), Balance::from_near(13));
    let paid = Balance::from_near(10).checked_sub(chain.balance(&alice.id)).unwrap();
    assert_eq!(paid, Balance::from_near(3).checked_add(ran.tokens_burnt()).unwrap());
    assert_eq!(supply.checked_sub(chain.supply_held()).unwrap(), ran.tokens_burnt());
    let head = chain.chain.view().history().head().clone();
    assert_eq!(head.total_supply, chain.supply_held());
}

#[test]
fn transfer__should_return_deposit_when_receiver_does_not_exist() {
    // Given an account and a name nobody has
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let nobody: AccountId = "nobody.test.near".parse().unwrap();

    // When money goes there
    let ran = chain.run(&alice, &nobody, vec![transfer(Balance::from_near(3))]);

    // Then it comes back
    assert!(matches!(ran.failure(), ActionErrorKind::AccountDoesNotExist { account_id } if *account_id == nobody));
    let left = Balance::from_near(10).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&alice.id), left);
}

#[test]
fn transfer__should_create_an_implicit_account() {
    // Given an implicit account id
    let mut chain = Harness::new();
    let key = SecretKey::from_seed(KeyType::ED25519, "implicit");
    let id: AccountId = hex::encode(key.public_key().key_data()).parse().unwrap();
    let root = chain.root.clone();

    // When it is paid
    let ran = chain.run(&root, &id, vec![transfer(Balance::from_near(1))]);

    // Then it exists, its key works, and the creation cost what the protocol says: 0.007 NEAR
    ran.assert_success();
    assert_eq!(chain.balance(&id), Balance::from_near(1));
    assert!(chain.access_key(&id, &key.public_key()).is_some());
    let creation = Balance::from_millinear(7);
    assert!(ran.first().tokens_burnt >= creation, "{:?}", ran.first().tokens_burnt);
    let implicit = Actor { id, key };
    chain.run(&implicit, &root.id, vec![transfer(Balance::from_millinear(1))]).assert_success();
}

#[test]
fn create_account__should_follow_the_naming_rules() {
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);

    // A name below somebody else's is refused
    let foreign: AccountId = "x.bob.near".parse().unwrap();
    let ran = chain.run(&alice, &foreign, vec![create()]);
    assert!(matches!(ran.failure(), ActionErrorKind::CreateAccountNotAllowed { .. }));

    // A short top-level name is the registrar's
    let top: AccountId = "toplevel".parse().unwrap();
    let ran = chain.run(&alice, &top, vec![create()]);
    assert!(matches!(ran.failure(), ActionErrorKind::CreateAccountOnlyByRegistrar { .. }));

    // An existing name is taken
    let sub: AccountId = "sub.alice.test.near".parse().unwrap();
    chain.run(&alice, &sub, vec![create()]).assert_success();
    let ran = chain.run(&alice, &sub, vec![create()]);
    assert!(matches!(ran.failure(), ActionErrorKind::AccountAlreadyExists { .. }));
}

#[test]
fn batch__should_revert_whole_when_one_action_fails() {
    // Given a batch whose last action must fail
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let sub: AccountId = "sub.alice.test.near".parse().unwrap();
    let unknown = SecretKey::from_seed(KeyType::ED25519, "unknown").public_key();

    // When it runs
    let ran = chain.run(&alice, &sub, vec![create(), transfer(Balance::from_near(1)), delete_key(unknown)]);

    // Then nothing of it happened and the error names the action
    assert!(matches!(ran.failure(), ActionErrorKind::DeleteKeyDoesNotExist { .. }));
    assert!(chain.stored(&sub).is_none());
    let left = Balance::from_near(10).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&alice.id), left);
}

#[test]
fn delete_account__should_pay_the_beneficiary_and_remove_everything() {
    // Given an account with a contract and data
    let mut chain = Harness::new();
    let doomed = chain.contract("doomed", crate::runtime::contracts::BASIC);
    chain.run(&doomed, &doomed.id, vec![call("set")]).assert_success();
    let heir = chain.account("heir", 1);
    let before = chain.balance(&doomed.id);

    // When it deletes itself
    let ran = chain.run(&doomed, &doomed.id, vec![delete_account(&heir.id)]);

    // Then its balance went to the heir and no trace is left
    // (The gas refund finds nobody, as on NEAR.)
    assert_eq!(ran.value(), b"");
    assert!(chain.stored(&doomed.id).is_none());
    assert!(chain.data(&doomed.id, b"k").is_none());
    assert!(chain.access_key(&doomed.id, &doomed.key.public_key()).is_none());
    let inherited = chain.balance(&heir.id).checked_sub(Balance::from_near(1)).unwrap();
    assert!(inherited <= before && inherited > Balance::from_near(99));
}

#[test]
fn storage_stake__should_hold_an_account_to_its_bytes() {
    // Given a contract that owns just enough for its code, and is too large to be free of the rule
    let mut chain = Harness::new();
    let padding = format!(r#"(memory 1) (data (i32.const 2000) "{}")"#, "x".repeat(1000));
    let poor = chain.contract("poor", &crate::runtime::contracts::BASIC.replace("(memory 1)", &padding));
    let root = chain.root.clone();
    let spare = chain.balance(&poor.id).checked_sub(Balance::from_millinear(60)).unwrap();
    chain.run(&poor, &root.id, vec![transfer(spare)]).assert_success();

    // When it wants to store 60,000 bytes
    let ran = chain.run(&root, &poor.id, vec![call("large")]);

    // Then it fails for want of about 0.6 NEAR and keeps nothing
    match ran.failure() {
        ActionErrorKind::LackBalanceForState { amount, .. } => assert!(*amount > Balance::from_millinear(400)),
        other => panic!("{other:?}"),
    }
    assert!(chain.data(&poor.id, b"k").is_none());

    // And it cannot give its storage stake away
    let rest = chain.balance(&poor.id).checked_sub(Balance::from_millinear(5)).unwrap();
    let error = chain.refused(&poor, &root.id, vec![transfer(rest)]);
    assert!(matches!(error, InvalidTxError::LackBalanceForState { .. }), "{error:?}");
}

#[test]
fn delete_account__should_burn_what_nobody_inherits() {
    // Given an account whose heir does not exist
    let mut chain = Harness::new();
    let doomed = chain.account("doomed", 5);
    let nobody: AccountId = "nobody.test.near".parse().unwrap();
    let before = chain.supply_held();

    // When it deletes itself
    chain.run(&doomed, &doomed.id, vec![delete_account(&nobody)]);

    // Then its NEAR is gone, and the supply says so
    assert!(chain.stored(&nobody).is_none());
    assert!(before.checked_sub(chain.supply_held()).unwrap() > Balance::from_millinear(4_990));
    assert_eq!(chain.chain.view().history().head().total_supply, chain.supply_held());
}

#[test]
fn delete_account__should_be_refused_for_much_state() {
    // Given a contract with 60,000 bytes of data besides its code
    let mut chain = Harness::new();
    let large = chain.contract("large", crate::runtime::contracts::BASIC);
    chain.run(&large, &large.id, vec![call("large")]).assert_success();

    // When it wants to delete itself
    let heir = chain.root.id.clone();
    let ran = chain.run(&large, &large.id, vec![delete_account(&heir)]);

    // Then it may not
    assert_eq!(*ran.failure(), ActionErrorKind::DeleteAccountWithLargeState { account_id: large.id });
}

#[test]
fn receipt_to_its_signer__should_run_in_the_block_of_the_transaction() {
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let root = chain.root.id.clone();
    let height = |chain: &Harness, id| chain.chain.view().history().outcome(id).unwrap().height;

    let ran = chain.run(&alice, &alice.id, vec![transfer(Balance::from_near(1))]);
    assert_eq!(height(&chain, &ran.receipts[0].id), height(&chain, &ran.transaction.id));

    let ran = chain.run(&alice, &root, vec![transfer(Balance::from_near(1))]);
    assert_eq!(height(&chain, &ran.receipts[0].id), height(&chain, &ran.transaction.id) + 1);
}
