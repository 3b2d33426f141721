//! Draws, claims, commits, reveals, and how rounds end.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{TALLY_GAS, work_gas},
    config::Config,
    draw::{At, Draw},
    event::Entry,
    ids::LotId,
    money,
    op::{ANSWER_BYTES_MAX, OPS_MAX, Op},
    reputation,
    skip::Skip,
    terms::Terms,
    view::{BatchStatus, LotPhase},
};

use crate::{
    chain::NEAR,
    market::{Market, NODES, REQUESTER, config, drawn, seeded, terms},
};

const THREE: [&str; 3] = ["a.near", "b.near", "c.near"];

#[test]
fn attack_1__should_open_seats_by_ticket_and_time_only() {
    // Given nine tickets for one seat of many lots, two slices after the capture.
    let (mut market, batch) = seeded(9, 32, |terms| (terms.start, terms.lot_size) = (1, 1));
    market.chain.pass(4);

    // Then about one ticket per lot may claim, whoever is first.
    let mut eligible = 0;
    for lot in 0..32 {
        for node in NODES {
            let mut copy = market.clone();
            eligible += u32::from(copy.claim(node, batch, lot) != Err(Skip::NotEligible));
        }
    }
    assert!((16..=56).contains(&eligible), "{eligible} of 32 expected");

    // And once the bar is at one, everybody may.
    market.chain.pass(12);
    assert!(NODES.iter().all(|node| market.clone().claim(node, batch, 0).is_ok()));
}

#[test]
fn attack_2__should_never_redraw_a_seed() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    let seed = market.view_batch(batch).open.expect("open").progress.window.draws[0].clone();
    assert!(matches!(seed, Draw::Seeded(_)));
    market.chain.pass(100);
    assert_eq!(market.op("b.near", Op::Draw { batch, at: At::Group(0) }), Err(Skip::DrawNotDue));
    assert_eq!(market.view_batch(batch).open.expect("open").progress.window.draws[0], seed);
}

#[test]
fn draw__should_capture_only_in_a_later_slice() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    let batch = market.batch(Terms { slice_s: 1_000, ..terms(now) }, 3);
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(0) }), Err(Skip::DrawNotDue));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::NoSeed));
    market.chain.pass(1_000);
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(0) }), Ok(()));
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(1) }), Err(Skip::DrawNotDue));
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Lot(LotId(0)) }), Err(Skip::NoLot));
}

#[test]
fn attack_3__should_not_count_tickets_that_rose_after_the_seed() {
    // Given a seed, and a node that registers after it with many tickets.
    let mut market = Market::new(8);
    let now = market.chain.now();
    let batch = market.batch(Terms { slice_s: 100, start: 1, lot_size: 1, ..terms(now) }, 32);
    market.chain.pass(100);
    market.op("a.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");
    market.chain.storage_deposit("i.near", NEAR).expect("storage");
    market.register("i.near", 160 * NEAR).expect("node");
    market.register("b.near", 150 * NEAR).expect("a rise of tickets");
    market.chain.pass(1);
    for lot in 0..32 {
        assert_eq!(market.claim("i.near", batch, lot), Err(Skip::NotEligible));
        assert_eq!(market.claim("b.near", batch, lot), Err(Skip::NotEligible));
    }
    market.chain.pass(500);
    assert_eq!(market.claim("i.near", batch, 0), Ok(()), "the bar is at one: eight seats for eight tickets");
}

#[test]
fn attack_4__should_keep_commitments_valid_when_others_leave() {
    let (mut market, batch) = drawn(4, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.claim("b.near", batch, 0).expect("claim");
    market.release("b.near", batch, 0).expect("release");
    for node in ["c.near", "d.near"] {
        market.claim(node, batch, 0).expect("claim");
    }
    market.chain.pass(10);
    for node in ["c.near", "d.near"] {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    assert_eq!(market.reveal("a.near", batch, 0, &[1, 2, 3]), Ok(()));
}

#[test]
fn attack_5__should_charge_every_release_and_bar_the_way_back() {
    // Given abandon slashes of 20 % of the bond
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    let bond = market.node("a.near").bonded.0;
    market.release("a.near", batch, 0).expect("a tenth of it, even alone and at once");
    assert_eq!(market.node("a.near").stake.0, 10 * NEAR - bond * 20 / 100 / 10);
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Again));
    market.claim("b.near", batch, 0).expect("claim");
    market.chain.pass(50);
    market.release("b.near", batch, 0).expect("the used part of it");
    assert_eq!(market.node("b.near").stake.0, 10 * NEAR - bond * 20 / 100 / 2);
    market.claim("c.near", batch, 0).expect("claim");
    market.chain.pass(101);
    market.release("c.near", batch, 0).expect("all of it, once the time is over");
    assert_eq!(market.node("c.near").stake.0, 10 * NEAR - bond * 20 / 100);
    assert_eq!(market.release("c.near", batch, 0), Err(Skip::NoSlot));
}

#[test]
fn attack_6__should_not_use_a_seed_in_the_block_that_captured_it() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.chain.pass(3);
    let ops = vec![Op::Draw { batch, at: At::Group(0) }, Op::Claim { batch, lot: LotId(0) }];
    let entries = market.work("a.near", ops);
    assert!(matches!(entries[0], Entry::Seeded { .. }));
    assert_eq!(entries[1], Entry::Skipped { op: 1, code: Skip::NoSeed });
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::NoSeed), "the same block");
    market.chain.pass(1);
    assert_eq!(market.claim("a.near", batch, 0), Ok(()));
}

#[test]
fn claim__should_hold_to_the_rules() {
    let (mut market, batch) = drawn(6, 9, |_| {});
    assert_eq!(market.claim("a.near", piecework_interface::ids::BatchId(5), 0), Err(Skip::NoBatch));
    assert_eq!(market.claim("a.near", batch, 3), Err(Skip::NoLot));
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Full));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Full));
    market.claim("a.near", batch, 1).expect("claim");
    assert_eq!(market.claim("a.near", batch, 1), Err(Skip::Again));
    assert_eq!(market.claim("a.near", batch, 2), Ok(()), "a newcomer may work as much as its stake covers");
}

#[test]
fn claim__should_need_free_stake_for_the_bond() {
    let (mut market, batch) = drawn(1, 9, |terms| terms.reward = Amount(10_u128.pow(22)));
    let stake = market.node("a.near").stake.0;
    let bond = money::bond(&terms(0), &market.view_batch(batch).open.expect("open").fixed, 3) * 10_u128.pow(19);
    assert!(bond <= stake && 2 * bond > stake, "{bond} of {stake}");
    market.claim("a.near", batch, 0).expect("one bond fits");
    assert_eq!(market.claim("a.near", batch, 1), Err(Skip::Bond));
}

#[test]
fn claim__should_need_the_reputation_that_the_terms_ask_for() {
    let (mut market, batch) = drawn(1, 3, |terms| terms.min_reputation = 5_001);
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Class));
}

#[test]
fn claim__should_replace_a_reservation_that_ran_out() {
    // Given three seats, one of whose holders went silent.
    let (mut market, batch) = drawn(4, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.commit("b.near", batch, 0, &[1, 2, 3]).expect("commit");
    let bond = market.node("c.near").bonded.0;
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Full));

    // When its time is over, another takes the seat and it loses a fifth of its bond.
    market.chain.pass(101);
    market.claim("d.near", batch, 0).expect("replace");
    let silent = market.node("c.near");
    assert_eq!((silent.stake.0, silent.bonded.0, silent.reservations), (10 * NEAR - bond / 5, 0, 0));
    assert_eq!(market.commit("c.near", batch, 0, &[1, 2, 3]), Err(Skip::NoSlot));
    market.commit("d.near", batch, 0, &[1, 2, 3]).expect("commit");
    for node in ["a.near", "b.near", "d.near"] {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    assert_eq!(market.balance("d.near"), 3_000);
}

#[test]
fn attack_42__should_skip_bad_ops_and_do_the_others() {
    let (mut market, batch) = drawn(1, 6, |_| {});
    let bad = piecework_interface::ids::BatchId(99);
    let ops = vec![
        Op::Claim { batch: bad, lot: LotId(0) },
        Op::Claim { batch, lot: LotId(0) },
        Op::Claim { batch, lot: LotId(0) },
        Op::Reveal { batch, lot: LotId(0), answers: vec![], salt: [0; 32] },
        Op::Release { batch, lot: LotId(1) },
        Op::Claim { batch, lot: LotId(1) },
    ];
    let entries = market.work("a.near", ops);
    let codes: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Skipped { op, code } => Some((*op, *code)),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [(0, Skip::NoBatch), (2, Skip::Again), (3, Skip::Phase), (4, Skip::NoLot)]);
    assert_eq!(market.node("a.near").reservations, 2);
}

#[test]
fn attack_44__should_refuse_calls_that_are_too_long() {
    let (mut market, batch) = drawn(1, 6, |_| {});
    let claim = Op::Claim { batch, lot: LotId(0) };
    assert!(matches!(market.chain.work("a.near", vec![]), Err(Error::Input(_))));
    assert!(matches!(market.chain.work("a.near", vec![claim.clone(); OPS_MAX + 1]), Err(Error::Input(_))));
    let reveal = |bytes| Op::Reveal { batch, lot: LotId(0), answers: vec![0; bytes], salt: [0; 32] };
    let long = vec![reveal(ANSWER_BYTES_MAX), reveal(1)];
    assert!(matches!(market.chain.work("a.near", long), Err(Error::Input(_))));
    market.chain.work("a.near", vec![claim; OPS_MAX]).expect("one claim and 23 skips");
}

#[test]
fn reveal__should_open_only_the_own_commitment() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    let copied = market.commitment("a.near", batch, 0, &[1, 2, 3]);
    market.op("b.near", Op::Commit { batch, lot: LotId(0), commitment: copied }).expect("a copied commitment");
    assert_eq!(market.reveal("a.near", batch, 0, &[1, 2, 3]), Err(Skip::Phase), "c has not committed");
    market.commit("c.near", batch, 0, &[1, 2, 3]).expect("commit");
    assert_eq!(market.commit("c.near", batch, 0, &[9, 9, 9]), Err(Skip::Phase), "once");
    assert_eq!(market.reveal("a.near", batch, 0, &[1, 2, 4]), Err(Skip::WrongReveal));
    assert_eq!(market.reveal("a.near", batch, 0, &[1, 2]), Err(Skip::WrongLength));
    let stolen = Op::Reveal { batch, lot: LotId(0), answers: vec![1, 2, 3], salt: crate::market::salt("a.near") };
    assert_eq!(market.op("b.near", stolen), Err(Skip::WrongReveal), "it binds the node");
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    assert_eq!(market.reveal("a.near", batch, 0, &[1, 2, 3]), Err(Skip::Phase));
}

#[test]
fn attack_13_14__should_count_seats_and_take_the_bond_of_who_does_not_reveal() {
    // Given three commits at 70 %, where three of three are needed, and one that never reveals.
    let (mut market, batch) = drawn(3, 3, |terms| terms.quorum_pct = 70);
    let burnt = market.chain.mirror.root.burnt.0;
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    for node in THREE {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    let bond = market.node("c.near").bonded.0;
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.reveal("b.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.chain.pass(59);
    assert!(market.poke_lot(batch, 0).is_err(), "window and grace");
    market.chain.pass(1);
    market.poke_lot(batch, 0).expect("tally");

    // Then two of three are not enough; where no extension comes, the largest group is paid, and the silent one lost its
    // whole bond.
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the extension ends");
    assert_eq!((market.balance("a.near"), market.balance("c.near")), (3_000, 0));
    assert_eq!(market.node("c.near").stake.0, 10 * NEAR - bond);
    assert_eq!(market.chain.mirror.root.burnt.0, burnt + bond);
}

#[test]
fn attack_43__should_wait_for_blocks_as_well_as_for_time() {
    // Given a reveal window that passed by the clock while the chain stood still.
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    for node in THREE {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.chain.now_ns += 1_000_000_000_000;
    market.chain.height += 29;
    assert!(market.poke_lot(batch, 0).is_err());

    // Then a late reveal counts until somebody tallies.
    for node in THREE {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("late reveal");
    }
    assert_eq!(market.balance("a.near"), 3_000);
}

#[test]
fn attack_43__should_count_a_late_commit_until_the_slot_is_replaced() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    market.chain.pass(200);
    for node in THREE {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("late commit");
    }
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Revealing);
}

#[test]
fn attack_41__should_leave_the_tally_to_poke_when_gas_is_short() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    for node in THREE {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.reveal("b.near", batch, 0, &[1, 2, 3]).expect("reveal");
    let last = Market::reveal_op("c.near", batch, 0, &[1, 2, 3]);
    market.chain.work_with_gas("c.near", TALLY_GAS - 1, vec![last]).expect("the reveal counts");
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Revealing);
    market.poke_lot(batch, 0).expect("anybody tallies at once");
    assert_eq!(market.balance("c.near"), 3_000);
    assert!(work_gas(24) > 24 * TALLY_GAS, "with the published gas every lot of a call is tallied");
}

#[test]
fn attack_39__should_end_a_round_that_nobody_finishes() {
    // Given two commits and a seat that is abandoned in turns, until claims close after three periods.
    let (mut market, batch) = drawn(6, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.commit("b.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.chain.pass(150);
    market.claim("d.near", batch, 0).expect("replace");
    market.chain.pass(149);
    market.claim("e.near", batch, 0).expect("replace");
    assert_eq!(market.commit("e.near", batch, 0, &[1, 2, 3]), Ok(()));
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Revealing);

    // And given a last holder that goes silent, too: the two copies decide.
    let (mut market, batch) = drawn(6, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.commit("b.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.chain.pass(301);
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::ClosedToClaims));
    assert_eq!(market.release("a.near", batch, 0), Err(Skip::Phase), "there are two copies");
    market.poke_lot(batch, 0).expect("reveals");
    assert_eq!(market.node("c.near").reservations, 0);
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.reveal("b.near", batch, 0, &[1, 2, 3]).expect("reveal");
    assert_eq!((market.balance("a.near"), market.balance("c.near")), (3_000, 0));
}

#[test]
fn round_0__should_turn_to_reveals_with_a_single_copy_once_its_clock_is_over() {
    // Given one commit and nobody else for three periods.
    let (mut market, batch) = drawn(5, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    assert_eq!(market.release("a.near", batch, 0), Err(Skip::Phase), "a commitment binds");
    market.chain.pass(299);
    assert!(market.poke_lot(batch, 0).is_err());
    market.chain.pass(1);
    assert_eq!(market.claim("b.near", batch, 0), Err(Skip::ClosedToClaims));
    market.poke_lot(batch, 0).expect("reveals");
    // Then its answers are shown, and three others decide.
    let entries = market.work("a.near", vec![Market::reveal_op("a.near", batch, 0, &[1, 2, 3])]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 0b111)));
}

#[test]
fn round_0__should_go_on_taking_claims_until_anybody_commits() {
    // Given a lot that one node after the other leaves, long after its clock was over
    let (mut market, batch) = drawn(4, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    market.chain.pass(301);
    assert!(market.poke_lot(batch, 0).is_err(), "nothing waits behind it");
    // Then the next claim starts the clock anew, and may still be joined for all of it
    market.claim("b.near", batch, 0).expect("claim");
    assert_eq!(market.lot(batch, 0).expect("lot").clock_at, market.chain.now());
    market.commit("b.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.chain.pass(250);
    for node in ["c.near", "d.near"] {
        market.claim(node, batch, 0).expect("claim");
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    for node in ["b.near", "c.near", "d.near"] {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    assert_eq!(market.balance("b.near"), 3_000);
}

#[test]
fn round_0__should_close_without_commits_when_the_batch_has_expired() {
    let (mut market, batch) = drawn(2, 3, |terms| terms.expires_at = terms.expires_at - 100_000 + 400);
    market.claim("a.near", batch, 0).expect("claim");
    market.chain.pass(400);
    let entries = market.poke_lot(batch, 0).expect("freed");
    assert!(
        matches!(entries[..], [Entry::Freed { .. }, Entry::Settled { .. }, Entry::BatchClosed { .. }]),
        "{entries:?}"
    );
    assert_eq!(market.node("a.near").bonded.0, 0);
}

#[test]
fn extension__should_count_who_came_when_it_is_not_full() {
    // Given a lot whose items all differ, and an extension that one node joins.
    let (mut market, batch) = drawn(4, 1, |_| {});
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[2]), ("c.near", &[3])]);
    market.draw("d.near", batch, At::Lot(LotId(0)));
    market.claim("d.near", batch, 0).expect("claim");
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Again), "one slot per node and lot over all rounds");
    market.commit("d.near", batch, 0, &[1]).expect("commit");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    market.reveal("d.near", batch, 0, &[1]).expect("reveal");

    // Then one of three seats decides nothing, and makes its answer the largest group.
    assert_eq!(["a.near", "b.near", "d.near"].map(|node| market.balance(node)), [1_000, 0, 500]);
    assert_eq!(market.node("b.near").stake.0, 10 * NEAR, "nothing is slashed where there is no result");

    // And when nobody comes, the tied groups of round 0 get half each.
    let (mut market, batch) = drawn(4, 1, |_| {});
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[2]), ("c.near", &[3])]);
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("ends");
    assert_eq!(THREE.map(|node| market.balance(node)), [500; 3]);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}

#[test]
fn attack_10__should_pay_half_for_confirming_and_more_for_overturning() {
    // Given 3 of 3 needed and two of three equal, the new slots confirm.
    let (mut market, batch) = drawn(6, 1, |terms| terms.quorum_pct = 70);
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[1]), ("c.near", &[2])]);
    market.draw("d.near", batch, At::Lot(LotId(0)));
    let mut overturned = market.clone();
    market.round(batch, 0, &[("d.near", &[1]), ("e.near", &[1]), ("f.near", &[1])]);
    assert_eq!([market.balance("a.near"), market.balance("c.near"), market.balance("d.near")], [1_000, 0, 500]);

    // And given the new slots overturn.
    overturned.round(batch, 0, &[("d.near", &[2]), ("e.near", &[2]), ("f.near", &[2])]);
    let paid = ["a.near", "c.near", "d.near"].map(|node| overturned.balance(node));
    assert_eq!(paid, [0, 1_000, 1_500]);
    assert!(overturned.node("a.near").stake.0 < 10 * NEAR);
}

#[test]
fn attack_19__should_pay_the_largest_group_of_an_item_without_a_result() {
    let (mut market, batch) = drawn(3, 1, |terms| terms.quorum_pct = 70);
    let before = market.balance(REQUESTER);
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[1]), ("c.near", &[2])]);
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the extension ends");
    assert_eq!(THREE.map(|node| market.balance(node)), [1_000, 1_000, 0]);
    assert_eq!(market.node("c.near").stake.0, 10 * NEAR, "nobody is slashed for it");
    assert_eq!(market.balance(REQUESTER), before + 6_300 - 2_100);
}

#[test]
fn attack_45__should_settle_a_provisional_lot_once_after_its_window() {
    let (mut market, batch) = drawn(5, 3, |terms| terms.challenge_window_s = 100);
    market.round(batch, 0, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[1, 2, 9])]);
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Provisional);
    assert_eq!(market.balance("a.near"), 0);
    market.chain.pass(99);
    assert!(market.poke_lot(batch, 0).is_err());
    market.chain.pass(1);
    market.poke_lot(batch, 0).expect("settles");
    assert!(market.poke_lot(batch, 0).is_err());
    assert_eq!((market.balance("a.near"), market.balance("c.near")), (3_000, 2_000));
}

#[test]
fn single_copies__should_settle_by_one_answer() {
    let (mut market, batch) = drawn(1, 3, |terms| terms.start = 1);
    market.round(batch, 0, &[("a.near", &[1, 2, 3])]);
    assert_eq!(market.balance("a.near"), 3_000);
    assert_eq!(market.node("a.near").classes[0].reputation, 5_000, "one answer proves nothing");
}

#[test]
fn attack_12__should_move_reputation_by_the_fee_and_once_an_interval() {
    // A full step each interval, however many lots settle in it.
    let mut market = Market::with(Config { reputation_interval_s: 1_000, ..config() }, 3);
    let batch = market.batch(terms(market.chain.now()), 9);
    market.draw("a.near", batch, At::Group(0));
    let mut reached = Vec::new();
    for lot in 0..3 {
        market.chain.pass(if lot == 2 { 1_001 } else { 1 });
        market.round(batch, lot, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[7, 8, 9])]);
        reached.push(["a.near", "c.near"].map(|node| market.node(node).classes[0].reputation));
    }
    assert_eq!(reached, [[5_312, 4_688], [5_312, 4_688], [5_605, 4_395]]);
    // And a part of it where the fee is less than what earns a full step.
    assert_eq!([0, 50, 100, 200].map(|fee| reputation::step(5_000, 3, 3, fee, 100)), [5_000, 5_156, 5_312, 5_312]);
}

#[test]
fn many_lots__should_settle_in_one_call() {
    // Given a node that settled ten lots.
    let (mut market, batch) = drawn(2, 60, |terms| (terms.start, terms.lot_size) = (1, 1));
    for lot in 0..10 {
        market.round(batch, lot, &[("a.near", &[1])]);
    }
    let lots: Vec<_> = (10..26).collect();
    market.work("a.near", lots.iter().map(|lot| Op::Claim { batch, lot: LotId(*lot) }).collect());
    let commits = lots
        .iter()
        .map(|lot| Op::Commit { batch, lot: LotId(*lot), commitment: market.commitment("a.near", batch, *lot, &[1]) })
        .collect();
    market.work("a.near", commits);
    let entries =
        market.work("a.near", lots.iter().map(|lot| Market::reveal_op("a.near", batch, *lot, &[1])).collect());
    let settled = entries.iter().filter(|entry| matches!(entry, Entry::Settled { .. })).count();
    assert_eq!((settled, market.balance("a.near")), (16, 26_000));
    assert_eq!(market.lot(batch, 25), None);
    assert_eq!(market.node("a.near").bonded.0, 0);
}
