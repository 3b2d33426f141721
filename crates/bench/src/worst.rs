//! The worst that one call can be: its log, its gas, and a payout that fails.

use std::path::Path;

use near_primitives::views::{ExecutionOutcomeView, ExecutionStatusView};
use piecework_client::{Call, calls, token, views};
use piecework_compact::json::Text;
use piecework_interface::{
    amount::Amount,
    answers::Items,
    call::{ChallengeArgs, poke_gas},
    case::{ChallengerPay, JurorPay},
    dispute::CHALLENGES_MAX,
    draw::At,
    event::{Abandoned, Entry, SettledSlot},
    ids::{AccountNo, BatchId, LotId, TokenId},
    op::{OPS_MAX, Op, POKES_MAX, Target},
    tally::SLOTS_MAX,
    terms::{JURORS, JURY, LOT_SIZE_MAX, REWARD_LIMIT},
};

use crate::{
    chain::{Actor, log_bytes},
    market::{Market, NEAR, Shape, Step, TERA, TOKEN, Then, WINDOW_S},
    report::tera,
};

const LOG_BYTES_MAX: usize = 16_384;
const CALL_GAS_MAX: u64 = 300 * TERA;
/// What the contract sets aside for a step of a lot, and for an op besides its tally.
const STEP_LOG_BYTES: usize = 2_704;
const OP_LOG_BYTES: usize = 176;
/// Static gas of the callback of `withdraw`.
const CALLBACK_GAS: u64 = 8 * TERA;
/// Lots of 64 answers of 32 bytes that one call can reveal.
const WIDE_REVEALS: usize = 5;
const WIDTH: u8 = 32;

/// A market of nodes, rewards of 25 digits, and bonds as long.
fn market(nodes: usize) -> Market {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/contracts");
    let mut market = Market::with_bond_rate(&contracts, nodes, 1 << 25).expect("contracts");
    for node in 0..nodes {
        market.register(node).expect("node");
    }
    market.create_by_transfer(Shape { start: 1, ..Shape::usual(1, 1) }).expect("batch");
    let requester = market.requester.clone();
    let deposit = token::deposit(market.coordinator.as_str(), 10_u128.pow(29));
    market.call_token(&requester, deposit).expect("deposit");
    market.call(&requester, calls::storage_deposit(requester.id.as_str(), 100 * NEAR)).expect("storage");
    market.reward = REWARD_LIMIT - 2;
    market
}

/// Ops of a node on these lots of the newest batch, with answers that are its own where `own` says so.
fn ops(market: &Market, step: Step, node: usize, round: u8, lots: &[u32], answers: &[u8]) -> Vec<Op> {
    let batch = market.batch();
    lots.iter().map(|lot| market.op_with(step, node, (batch, LotId(*lot), round), answers.to_vec())).collect()
}

/// Gas and log of the call that was made last.
fn last(market: &Market, burnt: u64) -> (u64, usize) {
    (burnt, market.chain.ran().iter().map(log_bytes).max().unwrap_or_default())
}

fn assert_within(name: &str, (gas, log_bytes): (u64, usize)) {
    println!("{name}: {:.1} TGas, {log_bytes} bytes of log", tera(gas));
    assert!(log_bytes <= LOG_BYTES_MAX, "{name} logs {log_bytes} bytes");
    assert!(gas < CALL_GAS_MAX, "{name} burns {gas}");
}

/// Pokes these lots until nothing is due; calls needed, and the worst of them.
fn poke_all(market: &mut Market, lots: &[u32]) -> (u32, (u64, usize)) {
    let batch = market.batch();
    let keeper = market.requester.clone();
    let (mut calls, mut worst) = (0, (0, 0));
    loop {
        let targets: Vec<_> = lots.iter().map(|lot| Target::Lot(batch, LotId(*lot))).collect();
        let Ok(burnt) = market.call(&keeper, calls::poke(&targets, 0)) else { return (calls, worst) };
        let (gas, log_bytes) = last(market, burnt.gas);
        worst = (worst.0.max(gas), worst.1.max(log_bytes));
        calls += 1;
    }
}

#[test]
fn entries__should_fit_what_the_contract_sets_aside_for_them() {
    let (batch, lot, most) = (BatchId(u32::MAX), LotId(u32::MAX), Amount(u128::MAX));
    let length = |entries: &[Entry]| {
        let mut out = Text::new();
        entries.iter().for_each(|entry| entry.write(&mut out));
        out.len() + entries.len()
    };
    let slot = SettledSlot { node: AccountNo(u32::MAX), pay: most, slash: most, reputation: 10_000 };
    let settled = Entry::Settled {
        batch,
        lot,
        n: u32::MAX,
        accepted: Items(u64::MAX),
        digest: [255; 32],
        fee: most,
        refund: most,
        forfeit: most,
        slots: vec![slot; SLOTS_MAX + usize::from(JURORS)],
    };
    let juror = JurorPay { node: AccountNo(u32::MAX), fee: most, near: most };
    let challenger = ChallengerPay { account: AccountNo(u32::MAX), tokens: most, near: most };
    let ruled = Entry::Ruled {
        batch,
        lot,
        overturned: Items(u64::MAX),
        jurors: vec![juror; usize::from(JURORS)],
        challengers: vec![challenger; CHALLENGES_MAX],
        pot: most,
    };
    let closed = Entry::BatchClosed { batch, fees: most, referral: most, refund: most };
    assert!(length(&[ruled, settled, closed]) <= STEP_LOG_BYTES);
    let revealing = Entry::Revealing { batch, lot, abandoned: Vec::new() };
    assert!(length(&[Entry::Committed { batch, lot, commitment: [255; 32] }, revealing]) <= OP_LOG_BYTES);
    assert!(length(&[Entry::Revealed { batch, lot, digest: [255; 32] }]) <= OP_LOG_BYTES);
    let replaced = Some(Abandoned { node: AccountNo(u32::MAX), slash: most });
    assert!(length(&[Entry::Claimed { batch, lot, reward: Some(most), replaced }]) <= OP_LOG_BYTES);
    assert!(
        length(&[Entry::Seeded { batch, at: At::Lot(lot), value: [255; 16], tickets: u32::MAX, appeal: true }])
            <= OP_LOG_BYTES
    );
    const { assert!(OPS_MAX * OP_LOG_BYTES + STEP_LOG_BYTES <= LOG_BYTES_MAX - 256) };
}

#[test]
fn work__should_stay_within_log_and_gas_with_24_ops() {
    // Given 24 lots of 64 items with five copies, two of which err, so that everybody has pay and a slash to be logged.
    let mut market = market(5);
    let count = u32::try_from(OPS_MAX).expect("few");
    let lots: Vec<_> = (0..count).collect();
    market.open(Shape { start: 5, ..Shape::usual((count + 1) * 64, 64) }).expect("batch");
    let answers = |node: usize| -> Vec<u8> {
        // Each of the first three errs in other items, which the others then decide.
        (0..64_usize)
            .map(|item| if item % 8 == node { 9 + u8::try_from(node).unwrap_or_default() } else { 7 })
            .collect()
    };

    // When each node claims, commits and reveals all of them in a call each.
    for step in [Step::Claim, Step::Commit, Step::Reveal] {
        for node in 0..5 {
            let ops = ops(&market, step, node, 0, &lots, &answers(node));
            let burnt = market.work(node, ops).expect("work");
            // Then every call is within its bounds, the last reveals with their tallies too.
            assert_within(&format!("24 × {step:?} by node {node}"), last(&market, burnt.gas));
        }
    }
    // And what did not fit is left to poke, which does the rest.
    for lots in lots.chunks(POKES_MAX) {
        let (calls, worst) = poke_all(&mut market, lots);
        assert_within(&format!("the rest by {calls} pokes"), worst);
    }
    let batch = market.view_batch(market.batch()).expect("view");
    assert_eq!(batch.settled, count, "all are settled");
}

#[test]
fn claim__should_stay_within_log_and_gas_when_24_reservations_are_replaced() {
    let mut market = market(6);
    let count = u32::try_from(OPS_MAX).expect("few");
    let lots: Vec<_> = (0..count).collect();
    market.open(Shape { start: 5, ..Shape::usual(count * 64, 64) }).expect("batch");
    for node in 0..5 {
        let claims = ops(&market, Step::Claim, node, 0, &lots, &[]);
        market.work(node, claims).expect("claims");
        // All but one of them stay away.
        if node == 0 {
            let commits = ops(&market, Step::Commit, node, 0, &lots, &[7; 64]);
            market.work(node, commits).expect("commits");
        }
    }
    market.chain.pass(700).expect("time");
    let claims = ops(&market, Step::Claim, 5, 0, &lots, &[]);
    let burnt = market.work(5, claims).expect("replaced");
    assert_within("24 replaced reservations", last(&market, burnt.gas));

    // And when the rounds end without them, sixteen lots by one poke.
    let commits = ops(&market, Step::Commit, 5, 0, &lots, &[7; 64]);
    market.work(5, commits).expect("commits");
    market.chain.pass(2_000).expect("time");
    let targets: Vec<_> = lots.iter().take(POKES_MAX).map(|lot| Target::Lot(market.batch(), LotId(*lot))).collect();
    let keeper = market.requester.clone();
    let burnt = market.call(&keeper, calls::poke(&targets, 0)).expect("poke");
    assert_within("16 rounds ended, three reservations each", last(&market, burnt.gas));
}

#[test]
fn poke__should_settle_16_of_the_widest_lots_within_log_and_gas() {
    // Given 16 lots of 64 answers of 32 bytes, which five nodes and then three others answer each differently.
    let mut market = market(8);
    let count = u32::try_from(POKES_MAX).expect("few");
    let lots: Vec<_> = (0..count).collect();
    market.open(Shape { start: 5, width: WIDTH, ..Shape::usual(count * 64, 64) }).expect("batch");
    let answers = |node: usize| -> Vec<u8> {
        // Equal but for the last byte: the comparisons are as long as they can be. Of the extension two agree.
        let own = u8::try_from(node.min(6)).unwrap_or_default();
        (0..64 * u16::from(WIDTH))
            .map(|byte| if byte % u16::from(WIDTH) == u16::from(WIDTH) - 1 { own } else { 9 })
            .collect()
    };
    for (round, nodes) in [(0, 0..5), (1, 5..8)] {
        if round == 1 {
            market.chain.pass(5).expect("time");
            let batch = market.batch();
            let draws: Vec<_> = lots.iter().map(|lot| Op::Draw { batch, at: At::Lot(LotId(*lot)) }).collect();
            let burnt = market.work(5, draws).expect("draws");
            assert_within("16 draws", last(&market, burnt.gas));
            market.chain.pass(60).expect("time");
        }
        for step in [Step::Claim, Step::Commit] {
            for node in nodes.clone() {
                let ops = ops(&market, step, node, round, &lots, &answers(node));
                market.work(node, ops).expect("work");
            }
        }
        let (first, end) = (nodes.start, nodes.end);
        for node in first..end {
            // Too little gas for a tally in the extension: all sixteen are left to one poke.
            let left_to_poke = round == 1 && node + 1 == end;
            for some in lots.chunks(if left_to_poke { 1 } else { WIDE_REVEALS }) {
                let ops = ops(&market, Step::Reveal, node, round, some, &answers(node));
                let who = market.nodes[node].clone();
                let call = calls::work(ops, None);
                let gas = if left_to_poke { 9 * TERA / 2 } else { call.gas };
                let burnt = market.call(&who, Call { gas, ..call }).expect("reveal");
                if round == 0 && node + 1 == end {
                    assert_within(&format!("{} widest last reveals", some.len()), last(&market, burnt.gas));
                }
            }
        }
    }

    // When one poke settles them all, it is within its bounds, and nothing is left.
    let targets: Vec<_> = lots.iter().map(|lot| Target::Lot(market.batch(), LotId(*lot))).collect();
    let keeper = market.requester.clone();
    let burnt = market.call(&keeper, calls::poke(&targets, 0)).expect("poke");
    assert_within("16 widest settlements", last(&market, burnt.gas));
    assert!(market.is_closed(market.batch()).expect("view"));
}

#[test]
fn poke__should_settle_the_widest_jury_within_log_and_gas() {
    // Given a lot of 64 answers of 32 bytes without a result after five and three copies, with four challengers.
    let (slots, jurors) = (SLOTS_MAX, usize::from(JURORS));
    let mut market = market(slots + jurors + CHALLENGES_MAX);
    market.open(Shape { start: 5, width: WIDTH, then: Then::Window, ..Shape::usual(64, 64) }).expect("batch");
    let (batch, lot) = (market.batch(), LotId(0));
    let answers = |own: usize| -> Vec<u8> {
        let mut answers = vec![9; 64 * usize::from(WIDTH)];
        answers
            .chunks_exact_mut(usize::from(WIDTH))
            .for_each(|answer| answer[usize::from(WIDTH) - 1] = own.to_le_bytes()[0]);
        answers
    };
    let round = |market: &mut Market, round: u8, nodes: std::ops::Range<usize>, own: &dyn Fn(usize) -> usize| {
        market.round(nodes, |market, step, node| {
            vec![market.op_with(step, node, (batch, lot, round), answers(own(node)))]
        })
    };
    round(&mut market, 0, 0..5, &|node| node).expect("round 0");
    market.draw_at(5, At::Lot(lot)).expect("draw");
    round(&mut market, 1, 5..slots, &|node| node).expect("extension");
    for (index, challenger) in (slots + jurors..slots + jurors + CHALLENGES_MAX).enumerate() {
        market.fund(challenger, 10_u128.pow(29)).expect("funds");
        let who = market.nodes[challenger].clone();
        market.call(&who, calls::storage_deposit(who.id.as_str(), NEAR)).expect("storage");
        let items = (0..64).filter(|item| usize::from(item % 4) == index).collect();
        let args = ChallengeArgs { batch, lot, items, evidence: [255; 32] };
        market.call(&who, calls::challenge(&args)).expect("challenge");
    }
    market.chain.pass(u64::from(WINDOW_S)).expect("time");
    let keeper = market.requester.clone();
    market.call(&keeper, calls::poke(&[Target::Lot(batch, lot)], 0)).expect("a jury");
    market.draw_jury(slots, lot).expect("draw");
    // Four agree on what one slot said, and the fifth stands against them on every item.
    let own = |node: usize| if node == slots { 99 } else { 3 };
    round(&mut market, JURY, slots..slots + jurors, &own).expect("verdicts");

    // When a poke settles it, gas and log are within what the contract sets aside for a target.
    let burnt = market.call(&keeper, calls::poke(&[Target::Lot(batch, lot)], 0)).expect("settled");
    let (gas, log_bytes) = last(&market, burnt.gas);
    assert_within("the widest jury", (gas, log_bytes));
    assert!(market.is_closed(batch).expect("view"));
    assert!(gas <= poke_gas(1), "{gas}");
    assert!(log_bytes <= STEP_LOG_BYTES + 256, "{log_bytes}");
}

#[test]
fn pitfall_8__should_restore_a_failed_payout_within_the_callback_s_static_gas() {
    // Given a node that is owed a reward and has left the token.
    let mut market = market(1);
    market.draw_at(0, At::Group(0)).expect("draw");
    market.round(0..1, |market, step, node| market.ops(step, node, &[0])).expect("a reward");
    let node = market.nodes[0].clone();
    let balance = |market: &Market, node: &Actor| {
        let account = market.view(&views::account(&node.id)).expect("view").expect("registered");
        let amount =
            account.balances.iter().find(|balance| balance.token == TOKEN).map_or(0, |balance| balance.amount.0);
        (amount, account.in_flight)
    };
    let leave = Call { args: br#"{"force":true}"#.to_vec(), ..calls::storage_unregister() };
    market.call_token(&node, leave).expect("left");
    let before = balance(&market, &node);
    assert!(before.0 > 0 && before.1 == 0);

    // When it withdraws with the gas that clients attach.
    let withdraw = calls::withdraw(TOKEN, None);
    market.call(&node, withdraw.clone()).expect("the callback does not fail");

    // Then the transfer failed, the callback ran within its eight TGas, and everything is as before.
    let ran = market.chain.ran().to_vec();
    let failed = |ran: &ExecutionOutcomeView| matches!(ran.status, ExecutionStatusView::Failure(_));
    assert!(ran.iter().any(|ran| ran.executor_id == market.token && failed(ran)), "{ran:?}");
    let callback = ran.iter().rev().find(|ran| ran.executor_id == market.coordinator && !failed(ran));
    let gas = callback.expect("callback").gas_burnt.as_gas();
    println!("callback: {:.2} TGas of {}", tera(gas), CALLBACK_GAS / TERA);
    assert!(gas < CALLBACK_GAS / 2, "{callback:?}");
    assert_eq!(balance(&market, &node), before);

    // And with too little gas for both receipts nothing is debited at all.
    market.call(&node, Call { gas: 24 * TERA, ..withdraw }).expect_err("too little gas");
    assert_eq!(balance(&market, &node), before);
    assert_eq!(TOKEN, TokenId(1));
    assert_eq!(LOT_SIZE_MAX, 64);
}
