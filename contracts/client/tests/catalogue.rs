//! Everything that can be asked of the contract, in one snapshot, which the contract's own exports hold complete.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "catalogue/abi.rs"]
mod abi;

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use piecework_client::{Call, View, calls, token, views};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchAppendArgs, BatchRaiseArgs, BatchSpec, ChallengeArgs, ClassNodeArgs, ClassRegisterArgs, IntentKeyAddArgs,
        OperatorConfirmArgs, ResultClaim, TokenListArgs, VerdictArgs,
    },
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::SignedIntent,
    key::{Kind, Kinds, PublicKey},
    op::{Op, Target},
};

const BATCH: BatchId = BatchId(1);
const LOT: LotId = LotId(2);

/// What the contract exports and people do not call: what other contracts send it, and itself.
const CALLED_BY_CONTRACTS: [&str; 3] = ["ft_on_transfer", "migrate", "on_withdrawn"];

#[test]
fn calls__should_stay_as_they_are() {
    let lines: String = calls_of_the_coordinator().iter().chain(&calls_of_the_token()).map(line).collect();
    insta::assert_snapshot!(lines);
}

#[test]
fn views__should_stay_as_they_are() {
    insta::assert_snapshot!(views().map(|(method, args)| format!("{method} {args}\n")).concat());
}

#[test]
fn catalogue__should_be_what_the_contract_exports() {
    // The contract's functions are the methods of the snapshots above, and those that only contracts call
    let (calls, views) = (calls_of_the_coordinator(), views());
    let known = calls.iter().map(|call| call.method).chain(views.iter().map(|(method, _)| *method));
    let known: BTreeSet<String> = known.chain(CALLED_BY_CONTRACTS).map(str::to_owned).collect();
    assert_eq!(exported_functions(&wasm()), known);
}

/// The contract as scripts/build-contracts made it.
fn wasm() -> Vec<u8> {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/contracts"));
    let folder = env::var_os("PIECEWORK_WASM_DIR").map_or_else(built, PathBuf::from);
    let path = folder.join("piecework_coordinator.wasm");
    fs::read(&path).unwrap_or_else(|_| panic!("{} is missing: run scripts/build-contracts", path.display()))
}

fn calls_of_the_coordinator() -> Vec<Call> {
    let (account_id, key) = ("token.near".to_owned(), PublicKey([1; 32]));
    let listing = TokenListArgs {
        account_id: account_id.clone(),
        min_reward: Amount(1),
        rep_unit: Amount(2),
        bond_rate: Amount(3),
    };
    let (kinds, token) = (Kinds::of(&[Kind::Transfer]), TokenId(1));
    let add = IntentKeyAddArgs { public_key: key, kinds, token, daily_cap: Amount(9) };
    let claim = Op::Claim { batch: BATCH, lot: LOT };
    vec![
        calls::new("owner.near", &Config::default()),
        calls::storage_deposit("a.near", 5),
        calls::storage_withdraw(Some(5)),
        calls::storage_unregister(),
        calls::token_list(&listing),
        calls::owner_propose(Some("a.near")),
        calls::owner_accept(),
        calls::role_set(Role::Guardian, None),
        calls::pause(&[Feature::Claims]),
        calls::unpause(&[Feature::Claims]),
        calls::propose(&Change::Code([2; 32])),
        calls::drop_proposal(3),
        calls::apply(3),
        calls::upgrade(vec![0, 97]),
        calls::treasury_set(None),
        calls::class_register(&ClassRegisterArgs { name: "digits".to_owned(), ..ClassRegisterArgs::default() }, 5),
        calls::class_admit(&ClassNodeArgs { class: ClassId(7), account_id: account_id.clone() }),
        calls::class_remove(&ClassNodeArgs { class: ClassId(7), account_id: account_id.clone() }),
        calls::node_operator(Some("a.near")),
        calls::operator_confirm(&OperatorConfirmArgs { account_id: account_id.clone(), accept: true }),
        calls::withdraw(token, Some(5)),
        calls::payout_set(Some("a.near")),
        calls::withdraw_payout(token, None),
        calls::node_register(vec![ClassId(7)], 5),
        calls::node_update(vec![ClassId(7)]),
        calls::stake_add(5),
        calls::stake_remove(None),
        calls::stake_claim(),
        calls::node_pause(),
        calls::node_resume(),
        calls::heartbeat(AccountNo(4)),
        calls::batch_create(token, BatchSpec::default()),
        calls::batch_append(&BatchAppendArgs { batch: BATCH, items: 3, manifest: [5; 32], uri: "blob:00".to_owned() }),
        calls::batch_raise(&BatchRaiseArgs { batch: BATCH, reward: Amount(6) }),
        calls::batch_extend_expiry(BATCH, 9),
        calls::batch_cancel(BATCH),
        calls::batch_forget(BATCH),
        calls::batch_skip_lots(BATCH, vec![LOT]),
        calls::challenge(&ChallengeArgs { batch: BATCH, lot: LOT, items: vec![0], evidence: [4; 32] }),
        calls::adjudicator_accept(BATCH),
        calls::adjudicator_resign(BATCH),
        calls::verdict(&VerdictArgs { batch: BATCH, lot: LOT, scores: vec![10_000], report: [3; 32] }),
        calls::work(vec![claim.clone()], Some(AccountNo(4))),
        calls::work(vec![claim; 2], None),
        calls::poke(&[Target::Lot(BATCH, LOT)], 0),
        calls::poke(&[Target::Batch(BATCH)], 20),
        calls::intent_key_add(&add),
        calls::intent_key_remove(key),
        calls::intents_execute(&[SignedIntent::default()], 1),
    ]
}

fn calls_of_the_token() -> [Call; 5] {
    let spec = token::TokenSpec { name: "Test".to_owned(), symbol: "TEST".to_owned(), decimals: 6 };
    [
        token::new("owner.near", 1_000, &spec),
        token::mint("a.near", 5),
        token::deposit("piecework.near", 5),
        token::deposit_for("piecework.near", 5, "a.near"),
        token::batch_create("piecework.near", 5, BatchSpec::default()),
    ]
}

fn views() -> [(&'static str, String); 18] {
    [
        asked(&views::root()),
        asked(&views::config()),
        asked(&views::settings()),
        asked(&views::classes(ClassId(0), 32)),
        asked(&views::tokens()),
        asked(&views::account_no("a.near")),
        asked(&views::account("a.near")),
        asked(&views::accounts(128)),
        asked(&views::batches(0)),
        asked(&views::batch(BATCH)),
        asked(&views::lot(BATCH, LOT)),
        asked(&views::lots(BATCH, LOT, 32)),
        asked(&views::verify_result(&ResultClaim::default())),
        asked(&views::intent_keys("a.near")),
        asked(&views::storage_balance_of("a.near")),
        asked(&views::storage_balance_bounds()),
        asked(&views::owner()),
        asked(&views::contract_source_metadata()),
    ]
}

/// A call in a line: gas in TGas, deposit in yoctoNEAR, arguments as text or in hexadecimal.
fn line(call: &Call) -> String {
    let args = match String::from_utf8(call.args.clone()) {
        Ok(text) if !text.contains(char::is_control) => text,
        _ => call.args.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    };
    format!("{} gas {} deposit {} {args}\n", call.method, call.gas / 1_000_000_000_000, call.deposit)
}

fn asked<R>(view: &View<R>) -> (&'static str, String) {
    (view.method, String::from_utf8_lossy(&view.args).into_owned())
}

/// The functions in a module's export section, <https://webassembly.github.io/spec/core/binary/modules.html>.
fn exported_functions(wasm: &[u8]) -> BTreeSet<String> {
    const EXPORTS: u8 = 7;
    const FUNCTION: u8 = 0;
    let mut rest = &wasm[8..];
    loop {
        let section = take(&mut rest, 1)[0];
        let size = number(&mut rest);
        let mut content = take(&mut rest, size);
        if section != EXPORTS {
            continue;
        }
        let exports = (0..number(&mut content)).map(|_| {
            let length = number(&mut content);
            let name = String::from_utf8(take(&mut content, length).to_vec()).unwrap();
            let kind = take(&mut content, 1)[0];
            number(&mut content);
            (kind == FUNCTION).then_some(name)
        });
        return exports.flatten().collect();
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    bytes.split_off(..count).unwrap()
}

/// An unsigned number in LEB128.
fn number(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = usize::from(take(bytes, 1)[0]);
        value |= (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
