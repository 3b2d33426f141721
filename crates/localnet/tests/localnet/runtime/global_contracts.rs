use near_primitives::{
    account::AccountContract,
    action::{
        Action, DeployGlobalContractAction, GlobalContractDeployMode, GlobalContractIdentifier, UseGlobalContractAction,
    },
    errors::ActionErrorKind,
    hash::CryptoHash,
    types::Balance,
};

use crate::runtime::{contracts::BASIC, harness::*};

fn deploy_global(code: &[u8], deploy_mode: GlobalContractDeployMode) -> Action {
    Action::DeployGlobalContract(DeployGlobalContractAction { code: code.into(), deploy_mode })
}

fn use_global(contract_identifier: GlobalContractIdentifier) -> Action {
    Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
}

#[test]
fn global_contract__should_run_in_every_account_that_uses_it() {
    // Given a contract deployed once for all, at ten times the price of storage, which is burnt
    let mut chain = Harness::new();
    let owner = chain.account("owner", 100);
    let code = wat::parse_str(BASIC).unwrap();
    let ran = chain.run(&owner, &owner.id, vec![deploy_global(&code, GlobalContractDeployMode::CodeHash)]);
    ran.assert_success();
    let price = Balance::from_yoctonear(code.len() as u128 * 100_000_000_000_000_000_000);
    assert!(ran.tokens_burnt() > price);

    // When an account uses it by hash
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&code));
    let user = chain.account("user", 10);
    chain.run(&user, &user.id, vec![use_global(identifier)]).assert_success();

    // Then it runs there, on the user's own state, and takes only the identifier's bytes
    chain.run(&owner, &user.id, vec![call("set")]).assert_success();
    assert_eq!(chain.data(&user.id, b"k").unwrap(), b"v");
    let account = chain.stored(&user.id).unwrap();
    assert!(matches!(account.contract().into_owned(), AccountContract::Global(_)));
    assert!(account.storage_usage() < 300, "{}", account.storage_usage());
}

#[test]
fn global_contract_by_account__should_follow_its_owner() {
    // Given a user of whatever the owner deploys, which at first does nothing
    let mut chain = Harness::new();
    let owner = chain.account("owner", 100);
    let user = chain.account("user", 10);
    let empty = wat::parse_str(r#"(module (memory 1) (func (export "noop")))"#).unwrap();
    chain.run(&owner, &owner.id, vec![deploy_global(&empty, GlobalContractDeployMode::AccountId)]).assert_success();
    let identifier = GlobalContractIdentifier::AccountId(owner.id.clone());
    chain.run(&user, &user.id, vec![use_global(identifier)]).assert_success();

    // When the owner deploys another version
    let code = wat::parse_str(BASIC).unwrap();
    chain.run(&owner, &owner.id, vec![deploy_global(&code, GlobalContractDeployMode::AccountId)]).assert_success();

    // Then the user has it
    chain.run(&owner, &user.id, vec![call("set")]).assert_success();
}

#[test]
fn unknown_global_contract__should_be_refused() {
    let mut chain = Harness::new();
    let user = chain.account("user", 10);
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(b"nothing"));

    let ran = chain.run(&user, &user.id, vec![use_global(identifier)]);

    assert!(matches!(ran.failure(), ActionErrorKind::GlobalContractDoesNotExist { .. }));
}
