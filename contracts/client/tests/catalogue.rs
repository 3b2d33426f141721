//! Everything that can be asked of the contract, in one snapshot.

use piecework_client::{Call, View, calls, token, views};
use piecework_interface::{
    amount::Amount,
    call::{BatchSpec, ChallengeArgs, GoldOpenArgs, IntentKeyAddArgs, ResultClaim, TokenListArgs, VerdictArgs},
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::SignedIntent,
    key::{Kind, Kinds, PublicKey},
    op::{Op, Target},
};

const BATCH: BatchId = BatchId(1);
const LOT: LotId = LotId(2);

#[test]
fn calls__should_stay_as_they_are() {
    let (account_id, key) = ("token.near".to_owned(), PublicKey([1; 32]));
    let listing = TokenListArgs { account_id, min_reward: Amount(1), rep_unit: Amount(2), bond_rate: Amount(3) };
    let (kinds, token) = (Kinds::of(&[Kind::Tip]), TokenId(1));
    let add = IntentKeyAddArgs { public_key: key, kinds, token, daily_cap: Amount(9) };
    let spec = token::TokenSpec { name: "Test".to_owned(), symbol: "TEST".to_owned(), decimals: 6 };
    let claim = Op::Claim { batch: BATCH, lot: LOT };
    let catalogue = [
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
        calls::epoch_settle(),
        calls::revenue_collect(),
        calls::withdraw(token, Some(5)),
        calls::node_register(vec![ClassId(7)], 5),
        calls::node_update(vec![ClassId(7)]),
        calls::stake_add(5),
        calls::stake_remove(None),
        calls::stake_claim(),
        calls::node_pause(),
        calls::node_resume(),
        calls::heartbeat(AccountNo(4)),
        calls::batch_create(token, BatchSpec::default()),
        calls::batch_cancel(BATCH),
        calls::batch_forget(BATCH),
        calls::batch_skip_lots(BATCH, vec![LOT]),
        calls::gold_open(&GoldOpenArgs { batch: BATCH, lot: LOT, openings: Vec::new() }, 5),
        calls::challenge(&ChallengeArgs { batch: BATCH, lot: LOT, items: vec![0] }, 5),
        calls::adjudicator_accept(BATCH, 5),
        calls::verdict(&VerdictArgs { batch: BATCH, lot: LOT, scores: vec![10_000], report: [3; 32] }),
        calls::work(vec![claim.clone()], Some(AccountNo(4))),
        calls::work(vec![claim; 2], None),
        calls::poke(&[Target::Lot(BATCH, LOT)], 0),
        calls::poke(&[Target::Batch(BATCH)], 20),
        calls::intent_key_add(&add),
        calls::revenue_key_add(key),
        calls::intent_key_remove(key),
        calls::intents_execute(&[SignedIntent::default()], 1),
        token::new("owner.near", 1_000, &spec),
        token::mint("a.near", 5),
        token::deposit("piecework.near", 5),
        token::batch_create("piecework.near", 5, BatchSpec::default()),
    ];
    insta::assert_snapshot!(catalogue.iter().map(line).collect::<String>());
}

#[test]
fn views__should_stay_as_they_are() {
    let lines = [
        asked(&views::root()),
        asked(&views::config()),
        asked(&views::settings()),
        asked(&views::revenue()),
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
    ];
    insta::assert_snapshot!(lines.concat());
}

/// A call in a line: gas in TGas, deposit in yoctoNEAR, arguments as text or in hexadecimal.
fn line(call: &Call) -> String {
    let args = match String::from_utf8(call.args.clone()) {
        Ok(text) if !text.contains(char::is_control) => text,
        _ => call.args.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    };
    format!("{} gas {} deposit {} {args}\n", call.method, call.gas / 1_000_000_000_000, call.deposit)
}

fn asked<R>(view: &View<R>) -> String {
    format!("{} {}\n", view.method, String::from_utf8_lossy(&view.args))
}
