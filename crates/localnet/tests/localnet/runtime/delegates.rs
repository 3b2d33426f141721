use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    action::{
        Action, WithdrawFromGasKeyAction,
        delegate::{DelegateAction, SignedDelegateAction},
    },
    errors::{ActionErrorKind, ActionsValidationError, InvalidAccessKeyError, InvalidTxError},
    types::Balance,
};

use crate::runtime::{contracts::BASIC, harness::*};

/// `sender`'s actions, signed for somebody else to pay.
fn signed(chain: &Harness, sender: &Actor, receiver: &Actor, actions: Vec<Action>, nonce_step: u64) -> Action {
    let access_key = chain.access_key(&sender.id, &sender.key.public_key()).unwrap();
    let delegate_action = DelegateAction {
        sender_id: sender.id.clone(),
        receiver_id: receiver.id.clone(),
        actions: actions.into_iter().map(|action| action.try_into().unwrap()).collect(),
        nonce: access_key.nonce + nonce_step,
        max_block_height: chain.chain.view().history().head().height() + 10,
        public_key: sender.key.public_key(),
    };
    let signature = sender.key.sign(delegate_action.get_nep461_hash().as_bytes());
    Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
}

#[test]
fn delegate__should_act_for_the_sender_and_charge_the_relayer() {
    // Given a user with nothing to spend and a relayer
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let user = chain.account("user", 1);
    let relayer = chain.account("relayer", 10);

    // When the relayer sends the user's signed call
    let action = signed(&chain, &user, &contract, vec![call("predecessor")], 1);
    let ran = chain.run(&relayer, &user.id, vec![action]);

    // Then the contract saw the user, and only the relayer paid
    ran.assert_success();
    let seen = ran.receipts.iter().any(|receipt| {
        matches!(&receipt.outcome.status, near_primitives::transaction::ExecutionStatus::SuccessValue(value)
            if *value == user.id.as_bytes())
    });
    assert!(seen, "{:?}", ran.receipts);
    assert_eq!(chain.balance(&user.id), Balance::from_near(1));
    let left = Balance::from_near(10).checked_sub(ran.tokens_burnt()).unwrap();
    assert_eq!(chain.balance(&relayer.id), left);
}

#[test]
fn delegate__should_be_refused_twice_and_when_forged() {
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let user = chain.account("user", 1);
    let relayer = chain.account("relayer", 10);

    // The same action again
    let action = signed(&chain, &user, &contract, vec![call("noop")], 1);
    chain.run(&relayer, &user.id, vec![action.clone()]).assert_success();
    let ran = chain.run(&relayer, &user.id, vec![action]);
    assert!(matches!(ran.failure(), ActionErrorKind::DelegateActionInvalidNonce { .. }));

    // Somebody else's signature
    let mut forged = signed(&chain, &user, &contract, vec![call("noop")], 1);
    if let Action::Delegate(inner) = &mut forged {
        inner.delegate_action.nonce += 1;
    }
    let ran = chain.run(&relayer, &user.id, vec![forged]);
    assert_eq!(*ran.failure(), ActionErrorKind::DelegateActionInvalidSignature);

    // Addressed to the wrong account
    let action = signed(&chain, &user, &contract, vec![call("noop")], 3);
    let ran = chain.run(&relayer, &contract.id, vec![action]);
    assert!(matches!(ran.failure(), ActionErrorKind::DelegateActionSenderDoesNotMatchTxReceiver { .. }));
}

#[test]
fn delegate__should_expire_and_obey_the_key_that_signed_it() {
    // Given a user with a key for one method of one contract
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let user = chain.account("user", 1);
    let relayer = chain.account("relayer", 10);
    let key = SecretKey::from_seed(KeyType::ED25519, "machine");
    let add = add_call_key(key.public_key(), None, &contract.id, &["set"]);
    chain.run(&user, &user.id, vec![add]).assert_success();
    let machine = Actor { id: user.id.clone(), key };

    // When it signs something else
    let action = signed(&chain, &machine, &contract, vec![call("noop")], 1);
    let ran = chain.run(&relayer, &user.id, vec![action]);

    // Then that fails as a transaction of that key would
    let method_name = "noop".to_owned();
    let expected =
        ActionErrorKind::DelegateActionAccessKeyError(InvalidAccessKeyError::MethodNameMismatch { method_name });
    assert_eq!(*ran.failure(), expected);

    // And what it may sign comes too late after the height it names
    let action = signed(&chain, &machine, &contract, vec![call("set")], 1);
    chain.chain.fast_forward(20);
    let ran = chain.run(&relayer, &user.id, vec![action]);
    assert_eq!(*ran.failure(), ActionErrorKind::DelegateActionExpired);
}

#[test]
fn delegate__should_not_take_out_of_gas_keys() {
    let mut chain = Harness::new();
    let user = chain.account("user", 1);
    let relayer = chain.account("relayer", 10);
    let withdraw = WithdrawFromGasKeyAction { public_key: user.key.public_key(), amount: Balance::from_yoctonear(1) };
    let action = signed(&chain, &user, &user, vec![Action::WithdrawFromGasKey(Box::new(withdraw))], 1);

    let error = chain.refused(&relayer, &user.id, vec![action]);

    let expected = ActionsValidationError::WithdrawFromGasKeyNotAllowedInDelegate;
    assert_eq!(error, InvalidTxError::ActionsValidation(expected));
}
