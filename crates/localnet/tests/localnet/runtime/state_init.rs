//! Accounts that nobody creates by name.

use near_primitives::{
    account::AccountContract,
    action::{
        Action, DeployGlobalContractAction, DeterministicStateInitAction, GlobalContractDeployMode,
        GlobalContractIdentifier,
    },
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    errors::ActionErrorKind,
    hash::CryptoHash,
    types::{AccountId, Balance},
    utils::derive_near_deterministic_account_id,
};

use crate::runtime::{contracts::BASIC, harness::*};

/// The hash of `wallet_contract_localnet.wasm` in nearcore.
const WALLET: &str = "d2884a900d4fa370e48f1e3d4865d4dc0dbd093c89f0e7baef2eddc142c49e8d";

fn state_init(code: &[u8]) -> DeterministicAccountStateInit {
    DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
        code: GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(code)),
        data: [(b"k".to_vec(), b"given".to_vec())].into(),
    })
}

fn install(code: &[u8], deposit: Balance) -> (AccountId, Action) {
    let state_init = state_init(code);
    let id = derive_near_deterministic_account_id(&state_init);
    (id, Action::DeterministicStateInit(Box::new(DeterministicStateInitAction { state_init, deposit })))
}

#[test]
fn eth_implicit_account__should_run_nearcores_wallet() {
    // Given the id of an Ethereum address
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let id: AccountId = format!("0x{}", "ab".repeat(20)).parse().unwrap();

    // When it is paid
    chain.run(&root, &id, vec![transfer(Balance::from_near(1))]).assert_success();

    // Then it uses nearcore's wallet, a global contract, and has no key
    let account = chain.stored(&id).unwrap();
    let mut hash = CryptoHash::default();
    hex::decode_to_slice(WALLET, &mut hash.0).unwrap();
    assert_eq!(account.contract().into_owned(), AccountContract::Global(hash));
    assert_eq!(account.storage_usage(), 132);
    assert!(chain.access_key(&id, &root.key.public_key()).is_none());
    // And calls fail until somebody deploys that code, as on any chain
    let ran = chain.run(&root, &id, vec![call("rlp_execute")]);
    assert!(matches!(ran.failure(), ActionErrorKind::FunctionCallError(_)));
}

#[test]
fn deterministic_account__should_have_the_code_and_data_of_its_id() {
    // Given a contract deployed for all
    let mut chain = Harness::new();
    let owner = chain.account("owner", 100);
    let code = wat::parse_str(BASIC).unwrap();
    let mode = GlobalContractDeployMode::CodeHash;
    let deploy = DeployGlobalContractAction { code: code.clone().into(), deploy_mode: mode };
    chain.run(&owner, &owner.id, vec![Action::DeployGlobalContract(deploy)]).assert_success();

    // When an account is installed from its state
    let (id, init) = install(&code, Balance::from_near(1));
    let before = chain.balance(&owner.id);
    let ran = chain.run(&owner, &id, vec![init]);

    // Then it exists, runs that code on that data, and the deposit, which it did not need, came back
    ran.assert_success();
    assert_eq!(chain.data(&id, b"k").unwrap(), b"given");
    assert_eq!(chain.balance(&owner.id), before.checked_sub(ran.tokens_burnt()).unwrap());
    chain.run(&owner, &id, vec![call("set")]).assert_success();
    assert_eq!(chain.data(&id, b"k").unwrap(), b"v");

    // And doing it again does not touch the data
    let (_, init) = install(&code, Balance::ZERO);
    chain.run(&owner, &id, vec![init]).assert_success();
    assert_eq!(chain.data(&id, b"k").unwrap(), b"v");
}

#[test]
fn deterministic_account__should_not_exist_without_its_code() {
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let (id, init) = install(b"nothing", Balance::from_near(1));

    let ran = chain.run(&root, &id, vec![init]);

    assert!(matches!(ran.failure(), ActionErrorKind::GlobalContractDoesNotExist { .. }));
    assert!(chain.stored(&id).is_none());

    // A transfer creates it all the same, empty, and batched actions may not act on it
    let batch = vec![transfer(Balance::from_near(1)), deploy(vec![0])];
    assert!(matches!(chain.run(&root, &id, batch).failure(), ActionErrorKind::AccountDoesNotExist { .. }));
    chain.run(&root, &id, vec![transfer(Balance::from_near(1))]).assert_success();
    assert!(chain.stored(&id).unwrap().contract().is_none());
}

#[test]
fn implicit_ids__should_not_be_created_by_name() {
    let mut chain = Harness::new();
    let root = chain.root.clone();

    for id in ["ab".repeat(32), format!("0x{}", "ab".repeat(20)), format!("0s{}", "ab".repeat(20))] {
        let account_id: AccountId = id.parse().unwrap();
        let ran = chain.run(&root, &account_id, vec![create()]);
        assert_eq!(*ran.failure(), ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id });
    }
}
