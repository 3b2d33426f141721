use near_parameters::{ActionCosts, ExtCosts, RuntimeConfig};
use near_primitives::{
    transaction::ExecutionMetadata,
    types::{AccountId, Balance, Gas},
};

use crate::{contracts::BASIC, harness::*};

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
    let key = |seed| near_crypto::SecretKey::from_seed(near_crypto::KeyType::ED25519, seed).public_key();
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

#[test]
fn write__should_be_charged_for_the_trie_nodes_on_its_path() {
    // Given a contract that stores one entry
    let mut chain = Harness::new();
    let contract = chain.contract("contract", BASIC);
    let alice = chain.account("alice", 10);

    // When it is stored first and then again
    let nodes = |ran: &Ran| {
        let ExecutionMetadata::V4(metadata) = &ran.first().metadata else { panic!("no profile") };
        let gas = metadata.profile.get_ext_cost(ExtCosts::touching_trie_node).as_gas();
        gas / 2_280_000_000
    };
    let first = nodes(&chain.run(&alice, &contract.id, vec![call("set")]));
    let second = nodes(&chain.run(&alice, &contract.id, vec![call("set")]));

    // Then the second write finds one more node, the leaf of the first, or an extension grown with it, and
    // its value
    assert!(first >= 1);
    assert!(second > first, "{second} after {first}");
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
