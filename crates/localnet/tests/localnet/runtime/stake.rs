use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    action::{Action, StakeAction},
    errors::ActionErrorKind,
    types::Balance,
};

use crate::runtime::harness::*;

fn stake(stake: Balance) -> Action {
    let public_key = SecretKey::from_seed(KeyType::ED25519, "validator").public_key();
    Action::Stake(Box::new(StakeAction { stake, public_key }))
}

#[test]
fn stake__should_move_the_balance_to_locked() {
    // Given an account with more than the least stake
    let mut chain = Harness::new();
    let least = chain.chain.view().runtime.validators.minimum_stake;
    let near = least.as_yoctonear() / Balance::from_near(1).as_yoctonear() + 10;
    let alice = chain.account("alice", near);

    // When it stakes that
    let before = chain.balance(&alice.id);
    let ran = chain.run(&alice, &alice.id, vec![stake(least)]);

    // Then it is locked, and the account cannot be deleted
    ran.assert_success();
    let account = chain.stored(&alice.id).unwrap();
    assert_eq!(account.locked(), least);
    let paid = before.checked_sub(account.amount()).unwrap();
    assert_eq!(paid, least.checked_add(ran.tokens_burnt()).unwrap());
    let root = chain.root.id.clone();
    let ran = chain.run(&alice, &alice.id, vec![delete_account(&root)]);
    assert_eq!(*ran.failure(), ActionErrorKind::DeleteAccountStaking { account_id: alice.id });
}

#[test]
fn stake__should_be_refused_with_the_reason() {
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let account_id = alice.id.clone();
    let minimum_stake = chain.chain.view().runtime.validators.minimum_stake;
    assert!(minimum_stake > Balance::from_near(10));

    // More than it has
    let all = Balance::from_near(11);
    let ran = chain.run(&alice, &alice.id, vec![stake(all)]);
    assert!(matches!(ran.failure(), ActionErrorKind::TriesToStake { stake, .. } if *stake == all));

    // Nothing, without having staked
    let ran = chain.run(&alice, &alice.id, vec![stake(Balance::ZERO)]);
    assert_eq!(*ran.failure(), ActionErrorKind::TriesToUnstake { account_id: account_id.clone() });

    // Less than the least
    let little = Balance::from_near(1);
    let ran = chain.run(&alice, &alice.id, vec![stake(little)]);
    assert_eq!(*ran.failure(), ActionErrorKind::InsufficientStake { account_id, stake: little, minimum_stake });
}
