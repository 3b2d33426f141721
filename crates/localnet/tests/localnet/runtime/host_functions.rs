//! What contracts do through the virtual machine's host functions is what transactions do with the same actions.

use std::fmt::Write;

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::{
    account::{AccessKeyPermission, AccountContract},
    action::GlobalContractIdentifier,
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    errors::{ActionError, ActionErrorKind, TxExecutionError},
    hash::CryptoHash,
    transaction::ExecutionStatus,
    types::{AccountId, Balance},
    utils::derive_near_deterministic_account_id,
};

use crate::runtime::{contracts::BASIC, harness::*};

/// Host functions used here: name, number of parameters, whether they return something.
const IMPORTS: &[(&str, usize, bool)] = &[
    ("account_balance", 1, false),
    ("account_locked_balance", 1, false),
    ("attached_deposit", 1, false),
    ("block_index", 0, true),
    ("block_timestamp", 0, true),
    ("chain_id", 1, false),
    ("current_contract_code", 1, true),
    ("epoch_height", 0, true),
    ("promise_batch_action_add_gas_key_with_full_access", 4, false),
    ("promise_batch_action_add_gas_key_with_function_call", 9, false),
    ("promise_batch_action_add_key_with_full_access", 4, false),
    ("promise_batch_action_add_key_with_function_call", 9, false),
    ("promise_batch_action_create_account", 1, false),
    ("promise_batch_action_delete_key", 3, false),
    ("promise_batch_action_deploy_contract", 3, false),
    ("promise_batch_action_deploy_global_contract", 3, false),
    ("promise_batch_action_deploy_global_contract_by_account_id", 3, false),
    ("promise_batch_action_function_call", 7, false),
    ("promise_batch_action_stake", 4, false),
    ("promise_batch_action_state_init", 4, true),
    ("promise_batch_action_transfer", 2, false),
    ("promise_batch_action_transfer_to_gas_key", 4, false),
    ("promise_batch_action_use_global_contract", 3, false),
    ("promise_batch_action_use_global_contract_by_account_id", 3, false),
    ("promise_batch_create", 2, true),
    ("refund_to_account_id", 1, false),
    ("set_state_init_data_entry", 6, false),
    ("signer_account_pk", 1, false),
    ("storage_write", 5, true),
    ("validator_stake", 3, false),
    ("validator_total_stake", 1, false),
];

/// A contract whose method `run` makes calls in turn.
#[derive(Default)]
struct Script {
    memory: Vec<u8>,
    body: String,
}

impl Script {
    /// Where these bytes are.
    fn at(&mut self, bytes: &[u8]) -> String {
        let at = self.memory.len();
        self.memory.extend_from_slice(bytes);
        format!("(i64.const {at})")
    }

    /// How many these bytes are, and where.
    fn slice(&mut self, bytes: &[u8]) -> String {
        format!("(i64.const {}) {}", bytes.len(), self.at(bytes))
    }

    fn amount(&mut self, amount: Balance) -> String {
        self.at(&amount.as_yoctonear().to_le_bytes())
    }

    fn key(&mut self, key: &PublicKey) -> String {
        self.slice(&borsh::to_vec(key).unwrap())
    }

    /// Calls a host function and drops what it returns.
    fn call(&mut self, name: &str, arguments: &str) {
        let (.., returns) = IMPORTS.iter().find(|(known, ..)| *known == name).unwrap();
        let call = format!("(call ${name} {arguments})");
        writeln!(self.body, "{}", if *returns { format!("(drop {call})") } else { call }).unwrap();
    }

    /// Stores a value under `key`: that of a register, or so many bytes at a place.
    fn store(&mut self, key: &str, value: &str) {
        let key = self.slice(key.as_bytes());
        self.call("storage_write", &format!("{key} {value} (i64.const 9)"));
    }

    /// Stores what a host function writes to a register.
    fn store_register(&mut self, name: &str) {
        self.call(name, "(i64.const 0)");
        self.store(name, "(i64.const -1) (i64.const 0)");
    }

    /// Stores the amount that a host function writes to memory.
    fn store_amount(&mut self, name: &str, arguments: &str) {
        let place = self.at(&[0; 16]);
        self.call(name, &format!("{arguments} {place}"));
        self.store(name, &format!("(i64.const 16) {place}"));
    }

    /// Stores the number that a host function returns.
    fn store_number(&mut self, name: &str) {
        let place = self.at(&[0; 8]);
        writeln!(self.body, "(i64.store (i32.wrap_i64 {place}) (call ${name}))").unwrap();
        self.store(name, &format!("(i64.const 8) {place}"));
    }

    fn wat(&self) -> String {
        let mut wat = "(module\n".to_owned();
        for (name, parameters, returns) in IMPORTS {
            let result = if *returns { "(result i64)" } else { "" };
            let parameters = "i64 ".repeat(*parameters);
            writeln!(wat, r#"(import "env" "{name}" (func ${name} (param {parameters}) {result}))"#).unwrap();
        }
        let bytes: String = self.memory.iter().map(|byte| format!("\\{byte:02x}")).collect();
        write!(wat, r#"(memory 1) (data (i32.const 0) "{bytes}") (func (export "run") {}))"#, self.body).unwrap();
        wat
    }
}

fn public_key(seed: &str) -> PublicKey {
    SecretKey::from_seed(KeyType::ED25519, seed).public_key()
}

fn number(bytes: Option<Vec<u8>>) -> u64 {
    u64::from_le_bytes(bytes.unwrap().try_into().unwrap())
}

fn amount(bytes: Option<Vec<u8>>) -> Balance {
    Balance::from_yoctonear(u128::from_le_bytes(bytes.unwrap().try_into().unwrap()))
}

#[test]
fn promised_actions__should_make_an_account_with_keys_and_code() {
    // Given a contract that makes an account below its own, with keys of all kinds and a contract that it calls
    let kid: AccountId = "kid.maker.test.near".parse().unwrap();
    let (gone, full, limited, gas, gas_limited) =
        (public_key("gone"), public_key("full"), public_key("limited"), public_key("gas"), public_key("gas limited"));
    let near = Balance::from_near(1);
    let mut script = Script::default();
    let batch = "(i64.const 0)";
    let id = script.slice(kid.as_bytes());
    script.call("promise_batch_create", &id);
    script.call("promise_batch_action_create_account", batch);
    let five = script.amount(Balance::from_near(5));
    script.call("promise_batch_action_transfer", &format!("{batch} {five}"));
    for key in [&gone, &full] {
        let key = script.key(key);
        script.call("promise_batch_action_add_key_with_full_access", &format!("{batch} {key} (i64.const 0)"));
    }
    let one = script.amount(near);
    let (receiver, names) = (script.slice(b"test.near"), script.slice(b"alpha,beta"));
    let key = script.key(&limited);
    script.call(
        "promise_batch_action_add_key_with_function_call",
        &format!("{batch} {key} (i64.const 0) {one} {receiver} {names}"),
    );
    let key = script.key(&gone);
    script.call("promise_batch_action_delete_key", &format!("{batch} {key}"));
    let key = script.key(&gas);
    script.call("promise_batch_action_add_gas_key_with_full_access", &format!("{batch} {key} (i64.const 3)"));
    script.call("promise_batch_action_transfer_to_gas_key", &format!("{batch} {key} {one}"));
    let key = script.key(&gas_limited);
    let (nothing, none) = (script.amount(Balance::ZERO), script.slice(b""));
    script.call(
        "promise_batch_action_add_gas_key_with_function_call",
        &format!("{batch} {key} (i64.const 2) {nothing} {receiver} {none}"),
    );
    let code = script.slice(&wat::parse_str(BASIC).unwrap());
    script.call("promise_batch_action_deploy_contract", &format!("{batch} {code}"));
    let method = script.slice(b"set");
    script.call(
        "promise_batch_action_function_call",
        &format!("{batch} {method} {none} {nothing} (i64.const 10000000000000)"),
    );
    let mut chain = Harness::new();
    let maker = chain.contract("maker", &script.wat());

    // When it is called
    let root = chain.root.clone();
    let ran = chain.run(&root, &maker.id, vec![call("run")]);

    // Then the account has all of it
    ran.assert_success();
    assert_eq!(chain.data(&kid, b"k").unwrap(), b"v");
    assert!(chain.access_key(&kid, &gone).is_none());
    let added = |key| chain.access_key(&kid, key).unwrap();
    assert_eq!(added(&full).permission, AccessKeyPermission::FullAccess);
    let limited = added(&limited).permission;
    let call = limited.function_call_permission().unwrap();
    assert_eq!((call.allowance, call.receiver_id.as_str()), (Some(near), "test.near"));
    assert_eq!(call.method_names, ["alpha", "beta"]);
    let (gas, gas_limited) = (added(&gas), added(&gas_limited));
    let info = gas.gas_key_info().unwrap();
    assert_eq!((info.balance, info.num_nonces), (near, 3));
    assert_eq!(gas_limited.gas_key_info().unwrap().num_nonces, 2);
    assert_eq!(gas_limited.permission.function_call_permission().unwrap().receiver_id, "test.near");
}

#[test]
fn promised_actions__should_stake_and_share_code() {
    // Given a contract that stakes, deploys code for all, uses it, and installs an account from it
    let mut chain = Harness::new();
    let code = wat::parse_str(BASIC).unwrap();
    let code_hash = CryptoHash::hash_bytes(&code);
    let least = chain.chain.view().runtime.validators.minimum_stake;
    let near = least.as_yoctonear() / Balance::from_near(1).as_yoctonear() + 100;
    let maker = chain.account("maker", near);
    let state_init = DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
        code: GlobalContractIdentifier::CodeHash(code_hash),
        data: [(b"k".to_vec(), b"given".to_vec())].into(),
    });
    let installed = derive_near_deterministic_account_id(&state_init);
    let mut script = Script::default();
    let own = script.slice(maker.id.as_bytes());
    script.call("promise_batch_create", &own);
    let (least_at, key) = (script.amount(least), script.key(&public_key("validator")));
    script.call("promise_batch_action_stake", &format!("(i64.const 0) {least_at} {key}"));
    let bytes = script.slice(&code);
    script.call("promise_batch_action_deploy_global_contract", &format!("(i64.const 0) {bytes}"));
    script.call("promise_batch_action_deploy_global_contract_by_account_id", &format!("(i64.const 0) {bytes}"));
    let deploy = script.wat();
    let hash = script.slice(code_hash.as_bytes());
    script.body.clear();
    for (batch, id) in ["one.maker.test.near", "two.maker.test.near"].into_iter().enumerate() {
        let id = script.slice(id.as_bytes());
        script.call("promise_batch_create", &id);
        script.call("promise_batch_action_create_account", &format!("(i64.const {batch})"));
    }
    script.call("promise_batch_action_use_global_contract", &format!("(i64.const 0) {hash}"));
    script.call("promise_batch_action_use_global_contract_by_account_id", &format!("(i64.const 1) {own}"));
    let (id, nothing) = (script.slice(installed.as_bytes()), script.amount(Balance::ZERO));
    script.call("promise_batch_create", &id);
    script.call("promise_batch_action_state_init", &format!("(i64.const 2) {hash} {nothing}"));
    let (key, value) = (script.slice(b"k"), script.slice(b"given"));
    script.call("set_state_init_data_entry", &format!("(i64.const 2) (i64.const 0) {key} {value}"));

    // When both scripts run
    let root = chain.root.clone();
    for wat in [deploy, script.wat()] {
        chain
            .run(&maker, &maker.id, vec![crate::runtime::harness::deploy(wat::parse_str(wat).unwrap())])
            .assert_success();
        chain.run(&root, &maker.id, vec![call("run")]).assert_success();
    }

    // Then the stake is locked, and three accounts share the code
    assert_eq!(chain.stored(&maker.id).unwrap().locked(), least);
    let contract = |id: &str| chain.stored(&id.parse().unwrap()).unwrap().contract().into_owned();
    assert_eq!(contract("one.maker.test.near"), AccountContract::Global(code_hash));
    assert_eq!(contract("two.maker.test.near"), AccountContract::GlobalByAccount(maker.id.clone()));
    assert_eq!(contract(installed.as_str()), AccountContract::Global(code_hash));
    assert_eq!(chain.data(&installed, b"k").unwrap(), b"given");
}

#[test]
fn promised_account__should_be_refused_where_a_transaction_would_be() {
    // Given a contract that makes an account below somebody else's
    let mut script = Script::default();
    let id = script.slice(b"kid.other.test.near");
    script.call("promise_batch_create", &id);
    script.call("promise_batch_action_create_account", "(i64.const 0)");
    let mut chain = Harness::new();
    let maker = chain.contract("maker", &script.wat());

    // When it is called
    let root = chain.root.clone();
    let ran = chain.run(&root, &maker.id, vec![call("run")]);

    // Then its own receipt is good and the one it sent fails
    assert_eq!(ran.value(), b"");
    let sent = &ran.receipts.iter().find(|receipt| receipt.outcome.executor_id == "kid.other.test.near").unwrap();
    let account_id: AccountId = "kid.other.test.near".parse().unwrap();
    let kind = ActionErrorKind::CreateAccountNotAllowed { account_id, predecessor_id: maker.id };
    let error = TxExecutionError::ActionError(ActionError { index: Some(0), kind });
    assert_eq!(sent.outcome.status, ExecutionStatus::Failure(error));
}

#[test]
fn context__should_be_that_of_the_block_and_the_receipt() {
    // Given a contract that keeps all it is told
    let mut script = Script::default();
    for name in ["chain_id", "current_contract_code", "refund_to_account_id", "signer_account_pk"] {
        script.store_register(name);
    }
    for name in ["block_index", "block_timestamp", "epoch_height"] {
        script.store_number(name);
    }
    for name in ["account_balance", "account_locked_balance", "attached_deposit", "validator_total_stake"] {
        script.store_amount(name, "");
    }
    let validator = script.slice(b"test.near");
    script.store_amount("validator_stake", &validator);
    let mut chain = Harness::new();
    let contract = chain.contract("contract", &script.wat());
    let before = chain.balance(&contract.id);
    let code = wat::parse_str(script.wat()).unwrap();

    // When it is called with a deposit
    let root = chain.root.clone();
    let three = Balance::from_near(3);
    let ran = chain.run(&root, &contract.id, vec![call_with("run", &[], CALL_GAS, three)]);

    // Then everything is as the chain's views have it
    ran.assert_success();
    let history = chain.chain.view().history();
    let block = history.block_at_height(history.outcome(&ran.receipts[0].id).unwrap().height).unwrap();
    let stored = |name: &str| chain.data(&contract.id, name.as_bytes());
    assert_eq!(stored("chain_id").unwrap(), chain.chain.view().genesis.config.chain_id.as_bytes());
    assert_eq!(stored("current_contract_code").unwrap(), CryptoHash::hash_bytes(&code).as_bytes());
    assert_eq!(stored("refund_to_account_id").unwrap(), root.id.as_bytes());
    assert_eq!(stored("signer_account_pk").unwrap(), borsh::to_vec(&root.key.public_key()).unwrap());
    assert_eq!(number(stored("block_index")), block.height());
    assert_eq!(number(stored("block_timestamp")), block.lite.timestamp);
    assert_eq!(number(stored("epoch_height")), block.epoch_height);
    assert_eq!(amount(stored("account_balance")), before.checked_add(three).unwrap());
    assert_eq!(amount(stored("account_locked_balance")), Balance::ZERO);
    assert_eq!(amount(stored("attached_deposit")), three);
    let stake = chain.stored(&root.id).unwrap().locked();
    assert_eq!(amount(stored("validator_stake")), stake);
    assert_eq!(amount(stored("validator_total_stake")), stake);
}
