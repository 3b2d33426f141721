use near_crypto::{KeyType, PublicKeyHandle, SecretKey};
use near_parameters::{ActionCosts, ExtCosts, RuntimeConfig};
use near_primitives::{
    account::{AccessKey, GasKeyInfo},
    action::{
        Action, AddKeyAction, DeployGlobalContractAction, DeterministicStateInitAction, GlobalContractDeployMode,
        GlobalContractIdentifier, StakeAction, TransferToGasKeyAction, UniversalStateInitAction,
        UseGlobalContractAction, WithdrawFromGasKeyAction,
        delegate::{DelegateAction, SignedDelegateAction},
    },
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    hash::CryptoHash,
    profile_data_v3::ProfileDataV3,
    transaction::{ExecutionMetadata, ExecutionOutcome},
    types::{AccountId, Balance, Gas},
    universal_state_init::{UniversalStateInit, UniversalStateInitV1},
    utils::{derive_near_deterministic_account_id, derive_universal_account_id},
};

use crate::runtime::{
    contracts::{BASIC, CALLEE, CALLER},
    harness::*,
};

const GAS_PRICE: u128 = 100_000_000;

fn config(chain: &Harness) -> std::sync::Arc<RuntimeConfig> {
    chain.chain.view().runtime.config.clone()
}

fn send(config: &RuntimeConfig, cost: ActionCosts, to_self: bool) -> u64 {
    config.fees.fee(cost).send_fee(to_self).gas.as_gas()
}

fn exec(config: &RuntimeConfig, cost: ActionCosts) -> u64 {
    config.fees.fee(cost).exec_fee().gas.as_gas()
}

#[test]
fn transfer__should_burn_exactly_its_fees() {
    // Given a transfer between accounts
    let mut chain = Harness::new();
    let alice = chain.account("alice", 10);
    let bob = chain.account("bob", 1);
    let config = config(&chain);

    // When it runs
    let ran = chain.run(&alice, &bob.id, vec![transfer(Balance::from_near(1))]);

    // Then both halves burn what the table says, at the minimum price
    let sent = send(&config, ActionCosts::new_action_receipt, false) + send(&config, ActionCosts::transfer, false);
    let executed = exec(&config, ActionCosts::new_action_receipt) + exec(&config, ActionCosts::transfer);
    assert_eq!(ran.transaction.outcome.gas_burnt, Gas::from_gas(sent));
    assert_eq!(ran.first().gas_burnt, Gas::from_gas(executed));
    assert_eq!((sent, executed), (223_182_562_500, 223_182_562_500), "NEAR's published figures");
    let burnt = Balance::from_yoctonear(u128::from(sent + executed) * GAS_PRICE);
    assert_eq!(ran.tokens_burnt(), burnt);

    // And the tenfold price the rest was bought at came back by a refund that nobody pays for
    let refund = &ran.receipts[1].outcome;
    assert_eq!((refund.gas_burnt, refund.tokens_burnt), (Gas::from_gas(executed), Balance::ZERO));
}

#[test]
fn keys_and_deploys__should_burn_exactly_their_fees() {
    // Given a batch to oneself
    let mut chain = Harness::new();
    let alice = chain.account("alice", 100);
    let config = config(&chain);
    let key = |seed| SecretKey::from_seed(KeyType::ED25519, seed).public_key();
    let code = wat::parse_str(BASIC).unwrap();
    let methods = ["alpha", "be"];

    // When it adds two keys, deletes one and deploys code
    let ran = chain.run(
        &alice,
        &alice.id,
        vec![
            add_full_key(key("1")),
            add_call_key(key("2"), None, &alice.id, &methods),
            delete_key(key("1")),
            deploy(code.clone()),
        ],
    );

    // Then every fee is there, bytes included
    let name_bytes: u64 = methods.iter().map(|name| name.len() as u64 + 1).sum();
    let fee = |of: &dyn Fn(ActionCosts) -> u64| {
        of(ActionCosts::new_action_receipt)
            + of(ActionCosts::add_full_access_key)
            + of(ActionCosts::add_function_call_key_base)
            + of(ActionCosts::add_function_call_key_byte) * name_bytes
            + of(ActionCosts::delete_key)
            + of(ActionCosts::deploy_contract_base)
            + of(ActionCosts::deploy_contract_byte) * code.len() as u64
    };
    assert_eq!(ran.transaction.outcome.gas_burnt.as_gas(), fee(&|cost| send(&config, cost, true)));
    assert_eq!(ran.first().gas_burnt.as_gas(), fee(&|cost| exec(&config, cost)));
}

#[test]
fn account_creation__should_cost_seven_millinear_in_all() {
    // Given an account creation
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let config = config(&chain);
    let id: AccountId = "new.test.near".parse().unwrap();

    // When it runs
    let ran = chain.run(&root, &id, vec![create()]);

    // Then executing it burnt the charge instead of the gas price of that action
    let other = exec(&config, ActionCosts::new_action_receipt);
    let expected =
        config.account_creation_charge.checked_add(Balance::from_yoctonear(u128::from(other) * GAS_PRICE)).unwrap();
    assert_eq!(config.account_creation_charge, Balance::from_millinear(7));
    assert_eq!(ran.first().tokens_burnt, expected);
}

#[test]
fn call__should_burn_its_fees_and_what_the_machine_counted() {
    // Given a contract
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);
    let config = config(&chain);
    let code = wat::parse_str(BASIC).unwrap();
    let args = [7; 100];

    // When a method that does nothing is called with 100 bytes
    let noop = call_with("noop", &args, CALL_GAS, Balance::ZERO);
    let ran = chain.run(&alice, &contract.id, vec![noop]);

    // Then the receipt burns its fees and loading the code
    let bytes = (args.len() + "noop".len()) as u64;
    let fees = exec(&config, ActionCosts::new_action_receipt)
        + exec(&config, ActionCosts::function_call_base)
        + exec(&config, ActionCosts::function_call_byte) * bytes;
    let ext = |cost: ExtCosts| cost.gas(&config.wasm_config.ext_costs).as_gas();
    let loading = ext(ExtCosts::contract_loading_base) + ext(ExtCosts::contract_loading_bytes) * code.len() as u64;
    let ExecutionMetadata::V4(metadata) = &ran.first().metadata else { panic!("no profile") };
    let wasm = metadata.profile.get_wasm_cost().as_gas();
    assert_eq!(ran.first().gas_burnt.as_gas(), fees + loading + wasm);
    assert_eq!(wasm % u64::from(config.wasm_config.regular_op_cost), 0);
    assert!(wasm > 0);
}

/// Gas by kind of the profile of a receipt: actions it sends, host functions, instructions.
fn profile(outcome: &ExecutionOutcome) -> &ProfileDataV3 {
    let ExecutionMetadata::V4(metadata) = &outcome.metadata else { panic!("no profile") };
    &metadata.profile
}

#[test]
fn write__should_burn_what_its_host_functions_cost() {
    // Given a contract without data
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);
    let config = config(&chain);
    let code = wat::parse_str(BASIC).unwrap().len() as u64;

    // When it writes one byte under a key of one byte
    let ran = chain.run(&alice, &contract.id, vec![call("set")]);

    // Then it pays for exactly these
    let costs: Vec<(ExtCosts, u64)> = vec![
        (ExtCosts::base, 1),
        (ExtCosts::contract_loading_base, 1),
        (ExtCosts::contract_loading_bytes, code),
        (ExtCosts::read_memory_base, 2),
        (ExtCosts::read_memory_byte, 2),
        (ExtCosts::storage_write_base, 1),
        (ExtCosts::storage_write_key_byte, 1),
        (ExtCosts::storage_write_value_byte, 1),
        (ExtCosts::touching_trie_node, 2),
    ];
    let host: u64 = costs.iter().map(|(cost, units)| cost.gas(&config.wasm_config.ext_costs).as_gas() * units).sum();
    // Instructions are counted by the virtual machine itself.
    let instructions = profile(ran.first()).get_wasm_cost().as_gas();
    let fees = exec(&config, ActionCosts::new_action_receipt)
        + exec(&config, ActionCosts::function_call_base)
        + exec(&config, ActionCosts::function_call_byte) * 3;
    assert_eq!(ran.first().gas_burnt.as_gas(), fees + host + instructions);
}

#[test]
fn cross_contract_call__should_burn_the_fees_of_what_it_sends() {
    // Given a contract that calls another and asks to be called back
    let mut chain = Harness::new();
    chain.contract("b", CALLEE);
    let caller = chain.contract("a", CALLER);
    let alice = chain.account("alice", 10);
    let config = config(&chain);

    // When it is called
    let ran = chain.run(&alice, &caller.id, vec![call("relay")]);
    ran.assert_success();

    // Then its receipt burns the fees of sending "answer" to another and "done" to itself, which waits for data
    use ActionCosts as C;
    let sent = send(&config, C::new_action_receipt, false)
        + send(&config, C::new_action_receipt, true)
        + send(&config, C::new_data_receipt_base, false)
        + exec(&config, C::new_data_receipt_base)
        + send(&config, C::function_call_base, false)
        + send(&config, C::function_call_base, true)
        + send(&config, C::function_call_byte, false) * 6
        + send(&config, C::function_call_byte, true) * 4;
    let called = |name: usize| {
        exec(&config, C::new_action_receipt)
            + exec(&config, C::function_call_base)
            + exec(&config, C::function_call_byte) * name as u64
    };
    let run = |outcome: &ExecutionOutcome| {
        let profile = profile(outcome);
        let host: u64 = profile.wasm_ext_profile.as_slice().iter().map(|gas| gas.as_gas()).sum();
        host + profile.get_wasm_cost().as_gas()
    };
    let first = ran.first();
    assert_eq!(profile(first).action_gas().as_gas(), sent);
    assert_eq!(first.gas_burnt.as_gas(), called("relay".len()) + sent + run(first));

    // And the other's burns the fees of nine bytes of data for the callback
    let answer = &ran.receipts.iter().find(|receipt| receipt.outcome.executor_id == "b.test.near").unwrap().outcome;
    let data = (send(&config, C::new_data_receipt_byte, false) + exec(&config, C::new_data_receipt_byte)) * 9;
    assert_eq!(profile(answer).action_gas().as_gas(), data);
    assert_eq!(answer.gas_burnt.as_gas(), called("answer".len()) + data + run(answer));
}

/// Costs with how many units of each.
type Costs = Vec<(ActionCosts, u64)>;

#[test]
fn every_action__should_burn_exactly_its_fees() {
    use ActionCosts as C;
    let mut chain = Harness::new();
    let root = chain.root.clone();
    let config = config(&chain);
    let key = |seed| SecretKey::from_seed(KeyType::ED25519, seed).public_key();
    let code = wat::parse_str(BASIC).unwrap();
    let bytes = code.len() as u64;
    let near = Balance::from_near(1);
    let implicit: AccountId = "ab".repeat(32).parse().unwrap();
    let eth: AccountId = format!("0x{}", "ab".repeat(20)).parse().unwrap();
    let state_init = UniversalStateInit::V1(UniversalStateInitV1 {
        code: None,
        data: [(b"k".to_vec(), b"v".to_vec())].into(),
        access_keys: [PublicKeyHandle::from(&key("owner")), PublicKeyHandle::from(&key("other"))].into(),
    });
    let state_init = state_init.to_raw();
    let state_bytes = state_init.0.len() as u64;
    let universal = derive_universal_account_id(&state_init);
    let deploy_global = |code: &[u8]| {
        let deploy_mode = GlobalContractDeployMode::CodeHash;
        Action::DeployGlobalContract(DeployGlobalContractAction { code: code.into(), deploy_mode })
    };
    let use_global = || {
        let contract_identifier = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&code));
        Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
    };
    let gas_key = AddKeyAction { public_key: key("gas"), access_key: AccessKey::gas_key_full_access(3) };
    let fund = TransferToGasKeyAction { public_key: key("gas"), deposit: near };
    let withdraw = WithdrawFromGasKeyAction { public_key: key("gas"), amount: near };
    let stake = chain.stored(&root.id).unwrap().locked();
    let stake = StakeAction { stake, public_key: key("validator") };
    let deterministic = DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
        code: GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&code)),
        data: [(b"key".to_vec(), b"value".to_vec()), (b"k".to_vec(), Vec::new())].into(),
    });
    let deterministic_id = derive_near_deterministic_account_id(&deterministic);
    let install = DeterministicStateInitAction { state_init: deterministic, deposit: near };
    // What a record of a key takes: column, account, separator and key.
    let key_record = (2 + root.id.len() + 33) as u64;
    let gas_key_value = borsh::object_length(&AccessKey::gas_key_full_access(0)).unwrap() as u64;

    // One action each, and its costs in units: when sent, and when executed.
    let unit = |cost| vec![(cost, 1)];
    let same = |costs: Costs| (costs.clone(), costs);
    let cases: Vec<(AccountId, Action, (Costs, Costs))> = vec![
        (root.id.clone(), transfer(near), same(unit(C::transfer))),
        (eth, transfer(near), same(vec![(C::transfer, 1), (C::create_account, 1)])),
        (implicit, transfer(near), same(vec![(C::transfer, 1), (C::create_account, 1), (C::add_full_access_key, 1)])),
        (universal.clone(), transfer(near), same(vec![(C::transfer, 1), (C::create_account, 1)])),
        (
            universal,
            Action::UniversalStateInit(Box::new(UniversalStateInitAction { state_init, deposit: near })),
            same(vec![
                (C::universal_state_init_base, 1),
                (C::universal_state_init_byte, state_bytes),
                (C::universal_state_init_entry, 1),
                (C::add_full_access_key, 2),
            ]),
        ),
        ("new.test.near".parse().unwrap(), create(), same(unit(C::create_account))),
        (
            root.id.clone(),
            deploy(code.clone()),
            same(vec![(C::deploy_contract_base, 1), (C::deploy_contract_byte, bytes)]),
        ),
        (
            root.id.clone(),
            deploy_global(&code),
            same(vec![(C::deploy_global_contract_base, 1), (C::deploy_global_contract_byte, bytes)]),
        ),
        (
            root.id.clone(),
            use_global(),
            same(vec![(C::use_global_contract_base, 1), (C::use_global_contract_byte, 32)]),
        ),
        (
            deterministic_id,
            Action::DeterministicStateInit(Box::new(install)),
            same(vec![
                (C::deterministic_state_init_base, 1),
                // Keys and values. Which code it is costs nothing by the byte.
                (C::deterministic_state_init_byte, 3 + 5 + 1),
                (C::deterministic_state_init_entry, 2),
            ]),
        ),
        (root.id.clone(), Action::Stake(Box::new(stake)), same(unit(C::stake))),
        (root.id.clone(), add_full_key(key("full")), same(unit(C::add_full_access_key))),
        (root.id.clone(), delete_key(key("full")), same(unit(C::delete_key))),
        (
            root.id.clone(),
            Action::AddKey(Box::new(gas_key)),
            (
                vec![(C::add_full_access_key, 1), (C::gas_key_byte, GasKeyInfo::borsh_len() as u64)],
                vec![
                    (C::add_full_access_key, 1),
                    (C::gas_key_nonce_write_base, 3),
                    (C::gas_key_byte, 3 * (key_record + 2 + 8)),
                ],
            ),
        ),
        (
            root.id.clone(),
            Action::TransferToGasKey(Box::new(fund)),
            (
                vec![(C::gas_key_transfer_base, 1), (C::gas_key_byte, 33)],
                vec![(C::gas_key_transfer_base, 1), (C::gas_key_byte, key_record + gas_key_value)],
            ),
        ),
        (
            root.id.clone(),
            Action::WithdrawFromGasKey(Box::new(withdraw)),
            (
                vec![(C::gas_key_transfer_base, 1), (C::gas_key_byte, 33)],
                vec![(C::gas_key_transfer_base, 1), (C::gas_key_byte, key_record + gas_key_value)],
            ),
        ),
    ];
    for (receiver_id, action, (sent, executed)) in cases {
        let to_self = receiver_id == root.id;
        let name = format!("{action:.60?} to {receiver_id}");
        let sum = |costs: &[(C, u64)], one: &dyn Fn(C) -> u64| {
            costs.iter().fold(one(C::new_action_receipt), |sum, (cost, units)| sum + one(*cost) * units)
        };

        let ran = chain.run(&root, &receiver_id, vec![action]);

        ran.assert_success();
        let expected = sum(&sent, &|cost| send(&config, cost, to_self));
        assert_eq!(ran.transaction.outcome.gas_burnt.as_gas(), expected, "sending {name}");
        let expected = sum(&executed, &|cost| exec(&config, cost));
        assert_eq!(ran.first().gas_burnt.as_gas(), expected, "executing {name}");
    }
}

#[test]
fn delete_account__should_burn_exactly_its_fees() {
    // Given an account with a contract, data and a gas key of three lanes
    let mut chain = Harness::new();
    let doomed = chain.contract("doomed", BASIC);
    let public_key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key();
    let add = AddKeyAction { public_key, access_key: AccessKey::gas_key_full_access(3) };
    chain.run(&doomed, &doomed.id, vec![call("set"), Action::AddKey(Box::new(add))]).assert_success();
    let config = config(&chain);

    // When it deletes itself
    let heir = chain.root.id.clone();
    let ran = chain.run(&doomed, &doomed.id, vec![delete_account(&heir)]);

    // Then it pays for the action alone, whatever it had
    let fee = |of: &dyn Fn(ActionCosts) -> u64| of(ActionCosts::new_action_receipt) + of(ActionCosts::delete_account);
    assert_eq!(ran.transaction.outcome.gas_burnt.as_gas(), fee(&|cost| send(&config, cost, true)));
    assert_eq!(ran.first().gas_burnt.as_gas(), fee(&|cost| exec(&config, cost)));

    // And what the heir gets burns a transfer that nobody pays for
    let inherited = &ran.receipts.iter().find(|receipt| receipt.outcome.executor_id == heir).unwrap().outcome;
    let transfer = exec(&config, ActionCosts::new_action_receipt) + exec(&config, ActionCosts::transfer);
    assert_eq!((inherited.gas_burnt.as_gas(), inherited.tokens_burnt), (transfer, Balance::ZERO));
}

#[test]
fn delegate__should_burn_the_fees_of_its_actions_where_they_are_sent() {
    // Given a user's transfer to somebody else, signed for a relayer
    let mut chain = Harness::new();
    let user = chain.account("user", 10);
    let relayer = chain.account("relayer", 10);
    let friend = chain.account("friend", 1);
    let config = config(&chain);
    let access_key = chain.access_key(&user.id, &user.key.public_key()).unwrap();
    let delegate_action = DelegateAction {
        sender_id: user.id.clone(),
        receiver_id: friend.id.clone(),
        actions: vec![transfer(Balance::from_near(1)).try_into().unwrap()],
        nonce: access_key.nonce + 1,
        max_block_height: u64::MAX,
        public_key: user.key.public_key(),
    };
    let signature = user.key.sign(delegate_action.get_nep461_hash().as_bytes());
    let action = Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }));

    // When the relayer sends it
    let ran = chain.run(&relayer, &user.id, vec![action]);

    // Then the transaction burns the sending of both, the user's receipt that of the inner one again, and the last
    // one executes it
    ran.assert_success();
    use ActionCosts as C;
    let receipt = exec(&config, C::new_action_receipt);
    let inner = send(&config, C::transfer, false);
    let sent = send(&config, C::new_action_receipt, false) + send(&config, C::delegate, false) + inner;
    assert_eq!(ran.transaction.outcome.gas_burnt.as_gas(), sent);
    assert_eq!(ran.first().gas_burnt.as_gas(), receipt + exec(&config, C::delegate) + inner);
    let last = ran.receipts.iter().find(|receipt| receipt.outcome.executor_id == friend.id).unwrap();
    assert_eq!(last.outcome.gas_burnt.as_gas(), receipt + exec(&config, C::transfer));
}

#[test]
fn too_little_gas__should_fail_and_burn_what_was_attached() {
    // Given a call with less gas than loading the contract takes
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);
    let config = config(&chain);
    let attached = Gas::from_gas(1_000_000);

    // When it runs
    let ran = chain.run(&alice, &contract.id, vec![call_with("set", &[], attached, Balance::ZERO)]);

    // Then it fails with NEAR's words and burnt all of it
    let message = format!("{:?}", ran.failure());
    assert!(message.contains("Exceeded the prepaid gas"), "{message}");
    let fees = exec(&config, ActionCosts::new_action_receipt)
        + exec(&config, ActionCosts::function_call_base)
        + exec(&config, ActionCosts::function_call_byte) * 3;
    assert_eq!(ran.first().gas_burnt.as_gas(), fees + attached.as_gas());
}
