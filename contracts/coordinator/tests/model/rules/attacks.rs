//! Attacks and pitfalls that have no other place, by their numbers: `attack_N` of the known attacks, `rule_RN` of the
//! mission's rules, `pitfall_N` of the security checklist. ATTACKS.md lists where each of them is closed.

use piecework_coordinator::engine::{
    Error,
    key::{self, Prefix, ROOT},
};
use piecework_interface::{
    call::{BatchSkipLotsArgs, NodeRegisterArgs},
    config::Config,
    draw::At,
    event::Entry,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    op::{Op, Target},
    skip::Skip,
    terms::Terms,
    view::{BatchStatus, LotPhase, NodeStatus},
};

use crate::{
    chain::{Call, NEAR, OWNER},
    check::check,
    market::{Market, NODES, REQUESTER, TOKEN, config, drawn, seeded, terms},
};

const THREE: [&str; 3] = ["a.near", "b.near", "c.near"];

fn declare(market: &mut Market, node: &str, class: u16) {
    let args = NodeRegisterArgs { classes: vec![ClassId(class)] };
    market.chain.call(Call::by(node).with(1), |engine| engine.node_update(args)).expect("classes");
}

#[test]
fn attack_7__should_fill_a_lot_of_a_rare_class_by_waiting() {
    // Given nine nodes, of which three declare the class of the batch.
    let mut market = Market::new(9);
    for node in THREE {
        declare(&mut market, node, 8);
    }
    let now = market.chain.now();
    let batch = market.batch(Terms { class: ClassId(8), ..terms(now) }, 3);
    market.chain.pass(3);
    market.op("d.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");

    // When the bar is at one, 3 × 2^4 / 4 ≥ 9, they have the lot to themselves.
    market.chain.pass(4 * 2);
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Class));
    market.round(batch, 0, &THREE.map(|node| (node, [1, 2, 3].as_slice())));
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}

#[test]
fn attack_8__should_start_and_end_on_an_empty_and_a_thin_network() {
    // Given nobody at all: a batch can be created, cancelled, and is closed.
    let mut market = Market::new(0);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.cancel(batch).expect("cancel");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);

    // Given two nodes for three seats: the round ends with two copies, and two of three seats are enough.
    let (mut market, batch) = drawn(2, 3, |_| {});
    for node in ["a.near", "b.near"] {
        market.claim(node, batch, 0).expect("claim");
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the round ends");
    for node in ["a.near", "b.near"] {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    assert_eq!(market.balance("a.near"), 3_000);

    // Given one node only: it shows its answers when the clock is over, no extension comes, and it is paid as the largest
    // group of an item without a result.
    let (mut market, batch) = drawn(1, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("the extension ends");
    let node = market.node("a.near");
    assert_eq!((node.stake.0, node.bonded.0, market.balance("a.near")), (10 * NEAR, 0, 3_000));
}

#[test]
fn attack_15__should_tie_the_bond_to_the_reward_and_no_slash_beyond_it() {
    // Given a lot of three items worth 1000 units each at 2^40 yoctoNEAR per 2^32 units, and a bond of 300 %.
    let (mut market, batch) = drawn(3, 3, |terms| (terms.bond_pct, terms.abandon_slash_pct) = (300, 50));
    market.claim("a.near", batch, 0).expect("claim");
    let bond = market.node("a.near").bonded.0;
    assert_eq!(bond, 3 * 3 * 1_000 * (1 << 40) / (1 << 32));

    // When it abandons, that costs the part of the bond that the terms name.
    market.chain.pass(101);
    market.release("a.near", batch, 0).expect("late");
    assert_eq!(market.node("a.near").stake.0, 10 * NEAR - bond / 2);
}

#[test]
fn attack_25__should_not_trap_who_cannot_get_the_payload() {
    // Given a requester whose payloads are nowhere: who finds out at once leaves for a tenth of an abandoned seat, a
    // fiftieth of the bond, and the bond is free.
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
        let bond = market.node(node).bonded.0;
        market.release(node, batch, 0).expect("release");
        assert_eq!((market.node(node).stake.0, market.node(node).bonded.0), (10 * NEAR - bond / 50, 0));
    }
    // And its own nodes get no more seats by it: who left cannot come back, the lot stays open to others.
    assert!(THREE.iter().all(|node| market.clone().claim(node, batch, 0) == Err(Skip::Again)));
}

#[test]
fn attack_30__should_let_nobody_take_what_was_burnt() {
    // Given slashes.
    let (mut market, batch) = drawn(3, 3, |_| {});
    let before = market.chain.mirror.root.burnt.0;
    market.round(batch, 0, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[4, 5, 6])]);
    let pool = market.chain.mirror.root.burnt.0;
    assert!(pool > before);
    assert_eq!(market.node("c.near").stake.0, 10 * NEAR - (pool - before), "rule R12: who decides gets nothing of it");

    // Then neither the owner nor anybody else has a balance in NEAR to draw it by.
    for who in [OWNER, REQUESTER, "a.near", "b.near"] {
        if who == OWNER {
            market.chain.storage_deposit(OWNER, NEAR).expect("storage");
        }
        assert!(market.chain.withdraw(who, piecework_interface::ids::NEAR, None).is_err(), "{who}");
        assert!(market.chain.withdraw(who, piecework_interface::ids::NEAR, Some(1)).is_err(), "{who}");
    }
    assert_eq!(market.chain.mirror.root.burnt.0, pool);
}

#[test]
fn attack_48__should_count_empty_seats_against_a_result() {
    // Given two seats, of which one is never filled: one answer of two seats is no result, however the quorum is set.
    let (mut market, batch) = drawn(3, 1, |terms| terms.start = 2);
    market.claim("a.near", batch, 0).expect("claim");
    market.commit("a.near", batch, 0, &[1]).expect("commit");
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    let entries = market.work("a.near", vec![Market::reveal_op("a.near", batch, 0, &[1])]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 1)), "{entries:?}");

    // And five that ask for all five are not decided by two who came.
    let (mut market, batch) = drawn(9, 1, |terms| (terms.start, terms.quorum_pct) = (5, 100));
    for node in ["a.near", "b.near"] {
        market.claim(node, batch, 0).expect("claim");
        market.commit(node, batch, 0, &[1]).expect("commit");
    }
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    market.reveal("a.near", batch, 0, &[1]).expect("reveal");
    let entries = market.work("b.near", vec![Market::reveal_op("b.near", batch, 0, &[1])]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Extended { .. })), "{entries:?}");
}

#[test]
fn attack_50__should_count_donations_to_nobody() {
    // Given tokens and NEAR that arrive without a call.
    let (mut market, batch) = drawn(3, 3, |_| {});
    let before = market.balance(REQUESTER);
    market.chain.near += NEAR;
    market.chain.donated += NEAR;
    // Then nobody has more, and everything goes on; `check` holds the rest to the last unit.
    market.round(batch, 0, &THREE.map(|node| (node, [1, 2, 3].as_slice())));
    assert_eq!(market.balance("a.near"), 3_000);
    assert!(market.balance(REQUESTER) > before);
}

#[test]
fn attack_52__should_wait_no_longer_than_the_bar_for_idle_tickets() {
    // Given nine tickets of which eight sleep, and a lot with a single seat.
    let (mut market, batch) = seeded(9, 1, |terms| (terms.start, terms.lot_size) = (1, 1));
    // Then after six slices the bar is at one, 2^6 / 4 ≥ 9, and the only one awake gets the seat.
    market.chain.pass(6 * 2);
    assert_eq!(market.claim("a.near", batch, 0), Ok(()));

    // And the sleepers are made inactive by anyone, so that later seeds do not count them.
    market.chain.pass(3_700);
    market.op("a.near", Op::Claim { batch, lot: LotId(0) }).expect_err("only a heartbeat");
    let sleepers: Vec<_> = NODES[1..].iter().map(|node| Target::Node(market.chain.number(node))).collect();
    market.chain.poke(&sleepers).expect("silent");
    check(&market.chain);
    assert_eq!(market.chain.mirror.classes[&ClassId(7)].tickets, 1);
    assert_eq!(market.node("b.near").status, NodeStatus::Silent);
}

#[test]
fn rule_R2__should_take_neither_claim_nor_commit_once_reveals_began() {
    // Given two of three seats committed and a third that ran out, so that the round ended.
    let (mut market, batch) = drawn(5, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    for node in ["a.near", "b.near"] {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.chain.pass(301);
    market.poke_lot(batch, 0).expect("reveals");
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");

    // Then who sees that answer can neither take a seat, nor commit, nor change what it committed.
    let claim = market.claim("d.near", batch, 0);
    assert!(matches!(claim, Err(Skip::ClosedToClaims | Skip::NoSeed)), "{claim:?}");
    assert_eq!(market.commit("c.near", batch, 0, &[1, 2, 3]), Err(Skip::NoSlot));
    assert_eq!(market.commit("b.near", batch, 0, &[1, 2, 3]), Err(Skip::Phase));
    assert_eq!(market.reveal("b.near", batch, 0, &[1, 2, 4]), Err(Skip::WrongReveal));
    assert_eq!(market.release("b.near", batch, 0), Err(Skip::Phase));
    assert_eq!(market.lot(batch, 0).expect("live").phase, LotPhase::Revealing);
}

#[test]
fn rule_R6__should_bound_reservations_and_free_them_with_the_commit() {
    // Given a node that holds as many reservations as it may, in a batch of three groups
    let (mut market, batch) = drawn(1, 70, |terms| (terms.start, terms.lot_size) = (1, 1));
    market.op("a.near", Op::Draw { batch, at: At::Group(1) }).expect("open");
    market.draw("a.near", batch, At::Group(1));
    for lot in 0..63 {
        market.claim("a.near", batch, lot).expect("claim");
    }
    let other = market.batch(Terms { lot_size: 1, ..terms(market.chain.now()) }, 2);
    market.draw("a.near", other, At::Group(0));
    market.claim("a.near", other, 0).expect("the last one");
    assert_eq!(market.claim("a.near", other, 1), Err(Skip::Reservations));
    // Then a commit makes room for another, however long the lot waits for its settlement
    market.commit("a.near", batch, 0, &[1]).expect("commit");
    market.claim("a.near", other, 1).expect("room");
    let node = market.node("a.near");
    assert!(node.bonded.0 > 0 && node.bonded.0 <= node.stake.0);
}

#[test]
fn rule_R19__should_keep_the_terms_of_what_is_drawn_whatever_the_requester_does() {
    // Given a lot that is being worked on, of a batch that its requester cancels.
    let (mut market, batch) = drawn(3, 3, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
    }
    let open = market.view_batch(batch).open.expect("open");
    market.cancel(batch).expect("cancel");
    let args = BatchSkipLotsArgs { batch, lots: vec![LotId(0)] };
    let skip = market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(args));
    assert!(skip.is_err(), "somebody holds it");

    // Then terms are as they were, and everybody is paid.
    let now = market.view_batch(batch).open.expect("open");
    assert_eq!((now.terms, now.fixed), (open.terms, open.fixed));
    for node in THREE {
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    for node in THREE {
        market.reveal(node, batch, 0, &[1, 2, 3]).expect("reveal");
    }
    assert_eq!(market.balance("a.near"), 3_000);
}

#[test]
fn rule_R22__should_need_the_whole_escrow_and_its_bytes_first() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    // Given a balance one unit short of three items' escrow with its fee.
    let escrow = 3 * 1_000 * 6 * 105 / 100;
    let deposit = piecework_interface::call::DepositMessage::Deposit {};
    market.chain.transfer_call(TOKEN, REQUESTER, escrow - 1, deposit.clone()).expect("deposit");
    assert!(matches!(market.create(terms(now), 3), Err(Error::Balance { .. } | Error::Amount(_))));
    market.chain.transfer_call(TOKEN, REQUESTER, 1, deposit).expect("deposit");
    assert_eq!(market.create(terms(now), 3), Ok(BatchId(0)));
    assert_eq!(market.balance(REQUESTER), 0);
    check(&market.chain);
}

#[test]
fn pitfall_6__should_debit_before_it_sends() {
    // Given a balance that is on its way out.
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.round(batch, 0, &THREE.map(|node| (node, [1, 2, 3].as_slice())));
    market.chain.withdraw("a.near", market.token, None).expect("withdraw");
    check(&market.chain);

    // Then nothing can be done with it a second time before the answer.
    assert_eq!(market.balance("a.near"), 0);
    assert!(market.chain.withdraw("a.near", market.token, None).is_err());
    assert!(market.chain.withdraw("a.near", market.token, Some(1)).is_err());
    assert!(market.chain.storage_unregister("a.near").is_err());

    // And a failed transfer restores it once.
    market.chain.answer(false);
    check(&market.chain);
    assert_eq!(market.balance("a.near"), 3_000);
}

#[test]
fn pitfall_18__should_keep_every_kind_of_row_apart() {
    use Prefix::{Account, AccountName, Balance, Batch, Class, Lot, Settings, Token, TokenName};
    let (account, token, batch, lot) = (AccountNo(1), TokenId(1), BatchId(1), LotId(1));
    let keys = [
        ROOT.to_vec(),
        key::numbered(Settings, ()),
        key::named(AccountName, "a"),
        key::numbered(Account, account),
        key::numbered(Balance, (account, token)),
        key::named(TokenName, "a"),
        key::numbered(Token, token),
        key::numbered(Batch, batch),
        key::numbered(Class, ClassId(1)),
        key::numbered(Lot, (batch, lot)),
    ];
    // Two kinds differ in their first byte, so whatever follows they never meet.
    for (index, key) in keys.iter().enumerate() {
        assert!(keys[..index].iter().all(|other| other[0] != key[0]), "{key:?}");
    }
    // Numbers have a fixed width: no pair of them is another pair.
    let pair = |a, b| key::numbered(Lot, (BatchId(a), LotId(b)));
    assert_ne!(pair(1, 256), pair(256, 1));
    assert_eq!(pair(1, 2).len(), pair(u32::MAX, u32::MAX).len());
}

#[test]
fn pitfall_20__should_count_no_duplicate_twice() {
    // Given the same op, target, lot and class twice.
    let (mut market, batch) = drawn(3, 6, |_| {});
    let claim = Op::Claim { batch, lot: LotId(0) };
    let entries = market.work("a.near", vec![claim.clone(), claim]);
    assert_eq!(entries[1], Entry::Skipped { op: 1, code: Skip::Again });
    assert_eq!(market.node("a.near").reservations, 1);

    let args = BatchSkipLotsArgs { batch, lots: vec![LotId(1), LotId(1)] };
    market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(args)).expect("skip");
    check(&market.chain);
    assert_eq!(market.view_batch(batch).settled, 1);

    for node in ["b.near", "c.near"] {
        market.claim(node, batch, 0).expect("claim");
        market.commit(node, batch, 0, &[1, 2, 3]).expect("commit");
    }
    market.chain.pass(301);
    let entries = market.chain.poke(&[Target::Lot(batch, LotId(0)); 2]).expect("the round ends");
    check(&market.chain);
    assert!(matches!(entries.as_slice(), [Entry::Revealing { abandoned, .. }] if abandoned.len() == 1), "{entries:?}");

    let args = NodeRegisterArgs { classes: vec![ClassId(7), ClassId(7)] };
    assert!(market.chain.call(Call::by("a.near").with(1), |engine| engine.node_update(args)).is_err());
}

#[test]
fn pitfall_21__should_be_initialised_once() {
    let mut market = Market::new(1);
    let before = market.chain.storage.clone();
    for who in ["thief.near", OWNER, crate::chain::CONTRACT] {
        assert!(matches!(market.chain.init(who, config()), Err(Error::Initialised)), "{who}");
    }
    assert!(market.chain.init("thief.near", Config::default()).is_err());
    assert_eq!(market.chain.storage, before);
    assert_eq!(before.len(), market.chain.storage.len());
}

#[test]
fn attacks_page__should_name_tests_that_exist() {
    // Given every test of the repository.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = String::new();
    let places =
        ["contracts/coordinator/tests", "contracts/interface/tests", "contracts/replay/tests", "crates", "indexer"];
    for place in places.into_iter().chain(["gateway", "node-agent", "sandbox-tests/tests"]) {
        read_rust(&root.join(place), &mut sources);
    }
    // Then the page names no others.
    let page = include_str!("../../../ATTACKS.md");
    let named: Vec<_> = page.split('`').skip(1).step_by(2).filter(|word| word.contains("__should_")).collect();
    assert!(named.len() > 60);
    let missing: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

fn read_rust(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_rust(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}
