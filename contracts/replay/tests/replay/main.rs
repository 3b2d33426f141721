//! The journal of the batch worked by hand (three copies, an extension, an abandoned reservation), replayed.
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "what goes wrong here fails the test"
)]

use piecework_interface::{
    amount::Amount,
    answers::Items,
    config::Config,
    draw::{At, Draw},
    event::{Abandoned, Entry, Line},
    governance::Feature,
    host::sha256,
    ids::{AccountNo, BatchId, LotId, NEAR, TokenId},
    journal,
    key::{Kind, Kinds, PublicKey},
    merkle::{self, Peaks},
    op::Op,
    skip::Skip,
    storage,
    terms::Terms,
    view::{BatchStatus, LotPhase, NodeStatus, SlotPhase},
};
use piecework_replay::testing::*;
use piecework_replay::{Context, Fault, Mirror, MovementKind, ReplayError, SlotEnd};
use proptest::prelude::*;

#[test]
fn mirror__should_move_last_seen_with_each_call_of_the_node() {
    // Given a node that was seen just now
    let mut journal = begun();
    journal.later(60);
    journal.work(A, vec![]);
    let seen = journal.mirror.accounts[&A].row.node.as_ref().unwrap().last_seen;

    // When it calls again, then each call moves it
    for (passed, moved) in [(3, 3), (7, 10)] {
        journal.later(passed);
        journal.work(A, vec![]);
        assert_eq!(journal.mirror.accounts[&A].row.node.as_ref().unwrap().last_seen, seen + moved);
    }
}

#[test]
fn mirror__should_follow_a_batch_from_escrow_to_payout() {
    // Given lot 1 settled, and lot 0 with three answers of which item 2 is x, x, y.
    let mut journal = lot_1_settled();
    let lot = LotId(0);
    journal.committed(lot, [b"abx", b"abx", b"aby"]);
    journal.later(1);
    journal.reveal(A, lot, b"abx", vec![]).unwrap();
    journal.reveal(B, lot, b"abx", vec![]).unwrap();
    let extend = Entry::Extended { batch: BATCH, lot, items: Items(0b100) };
    journal.reveal(C, lot, b"aby", vec![extend]).unwrap();
    let state = &journal.mirror.lots[&(BATCH, lot)];
    assert_eq!((state.phase, state.round, state.open_items), (LotPhase::Working, 1, 0b100));
    assert_eq!((&state.draw, state.clock_at), (&Draw::Opened(journal.now_s), journal.now_s));
    // When D and E confirm x, and a keeper ends the round that nobody else joins.
    journal.later(3);
    let seed = seeded(At::Lot(lot));
    journal.work(D, vec![seed, Entry::Skipped { op: 1, code: Skip::NoSeed }]);
    journal.later(12);
    journal.work(D, vec![claim(lot), commit(D, (lot, 1), b"x")]);
    journal.work(E, vec![claim(lot), commit(E, (lot, 1), b"x")]);
    assert_eq!(journal.mirror.accounts[&D].row.node.as_ref().unwrap().bonded, Amount(100));
    journal.later(1_800);
    journal.write("poke", None, vec![revealing(lot)]).unwrap();
    journal.reveal(D, lot, b"x", vec![]).unwrap();
    // Two of three seats are no quorum: x is the largest group, so it is paid, and y costs nothing. No reputation moves
    // twice within an hour; D's did not move at all.
    let paid = vec![
        pay(A, 300, 0, RISEN),
        pay(B, 300, 0, RISEN),
        pay(C, 200, 0, RISEN),
        pay(D, 50, 0, 5_000),
        pay(E, 50, 0, RISEN),
    ];
    let close = Entry::BatchClosed { batch: BATCH, fees: Amount(90), referral: Amount(0), refund: Amount(1_890) };
    let mut settled = settle(lot, 1, b"ab\0", paid);
    if let Entry::Settled { accepted, .. } = &mut settled {
        *accepted = Items(0b011);
    }
    let changes = journal.reveal(E, lot, b"x", vec![settled, close]).unwrap();
    // Then everybody has what the hand computed.
    let balances = [A, B, C, D, E, REQUESTER].map(|account| journal.balance(account, TOKEN));
    assert_eq!(balances, [600, 600, 200, 50, 350, 1_890]);
    assert_eq!(journal.mirror.tokens[&TOKEN].pool, Amount(90));
    assert_eq!(journal.mirror.root.burnt.0, Config::default().class_deposit.0 + 60);
    assert_eq!(journal.total(), 3_780);
    // And the nodes are free, less what they lost.
    for (node, stake, tickets) in [(A, STAKE, 1), (C, STAKE, 1), (D, STAKE - 60, 1)] {
        let row = journal.mirror.accounts[&node].row.node.as_ref().unwrap();
        assert_eq!((row.stake, row.bonded, row.reservations, row.tickets), (Amount(stake), Amount(0), 0, tickets));
    }
    assert_eq!((journal.mirror.classes[&CLASS].nodes, journal.mirror.classes[&CLASS].tickets), (5, 5));
    // And the batch is closed under the root of both results.
    let mut peaks = Peaks::default();
    peaks.append(sha256, merkle::result_leaf(sha256, 0, LotId(1), 0b111, &sha256(b"xyz")));
    peaks.append(sha256, merkle::result_leaf(sha256, 1, LotId(0), 0b011, &sha256(b"ab\0")));
    let batch = &journal.mirror.batches[&BATCH];
    assert_eq!(
        (batch.status, batch.settled, batch.results_root),
        (BatchStatus::Closed, 2, merkle::bag(sha256, &peaks))
    );
    assert!(batch.open.is_none() && journal.mirror.lots.is_empty() && journal.mirror.ranges.is_empty());
    assert_eq!(changes.closed[0].0, BATCH);
    let used = journal.mirror.accounts[&REQUESTER].row.storage_used;
    assert_eq!(used, 160 + storage::CLOSED_BATCH_BYTES);
}

#[test]
fn mirror__should_report_movements_in_order() {
    let mut journal = lot_1_settled();
    let withdrawing = Entry::Withdrawing { account: A, token: TOKEN, amount: Amount(300) };
    let changes = journal.write("withdraw", None, vec![withdrawing]).unwrap();
    assert_eq!(changes.movements[0].kind, MovementKind::Withdraw);
    assert_eq!((changes.movements[0].balance_after, journal.balance(A, TOKEN), journal.total()), (0, 0, 3_780));
    assert_eq!(journal.mirror.accounts[&A].row.in_flight, 1);
    // When the transfer fails, then the balance is back.
    let back = Entry::Withdrawn { account: A, token: TOKEN, amount: Amount(300), ok: false };
    let changes = journal.write("on_withdrawn", None, vec![back]).unwrap();
    assert_eq!(changes.movements[0].kind, MovementKind::Restore);
    assert_eq!((journal.balance(A, TOKEN), journal.total()), (300, 3_780));
    assert_eq!((journal.mirror.accounts[&A].row.in_flight, journal.mirror.tokens[&TOKEN].in_flight), (0, Amount(0)));
}

#[test]
fn mirror__should_chain_the_head() {
    let mut mirror = Mirror::default();
    let line = Line { seq: 0, event: "poke".to_owned(), node: None, log: vec![] };
    let text = line.render();
    mirror.apply(&line, &Context { contract: CONTRACT, now_s: 0, height: 0, text: &text, ops: &[] }).unwrap();
    assert_eq!((mirror.root.seq, mirror.root.head), (1, journal::next_head(sha256, &[0; 32], &text)));
    assert_eq!(mirror.root.head, sha256(&[&[0; 32], text.as_bytes()].concat()));
}

#[test]
fn mirror__should_refuse_a_line_out_of_order() {
    let mut mirror = Mirror::default();
    let line = Line { seq: 1, event: "poke".to_owned(), node: None, log: vec![] };
    let text = line.render();
    let result = mirror.apply(&line, &Context { contract: CONTRACT, now_s: 0, height: 0, text: &text, ops: &[] });
    assert_eq!(result, Err(ReplayError::Gap { seq: 1, expected: 0 }));
}

#[test]
fn mirror__should_bring_a_silent_node_back_by_its_own_call() {
    let mut journal = begun();
    journal.later(3_700);
    journal.write("poke", None, vec![Entry::StatusChanged { account: B, status: NodeStatus::Silent }]).unwrap();
    assert_eq!(journal.mirror.classes[&CLASS].tickets, 4);
    journal.later(10);
    journal.write("heartbeat", Some(B), vec![]).unwrap();
    let node = journal.mirror.accounts[&B].row.node.as_ref().unwrap();
    assert_eq!((node.status, node.active_since, node.last_seen), (NodeStatus::Active, journal.now_s, journal.now_s));
    assert_eq!(journal.mirror.classes[&CLASS].tickets, 5);
    // But a paused one stays paused.
    journal
        .write("node_pause", Some(B), vec![Entry::StatusChanged { account: B, status: NodeStatus::Paused }])
        .unwrap();
    journal.write("heartbeat", Some(B), vec![]).unwrap();
    assert_eq!(journal.mirror.classes[&CLASS].tickets, 4);
}

#[test]
fn mirror__should_free_and_close_a_lot_of_a_cancelled_batch() {
    // Given a lot with two reservations, in a batch that is cancelled.
    let mut journal = begun();
    let lot = LotId(0);
    journal.work(A, vec![claim(lot)]);
    journal.work(B, vec![claim(lot)]);
    journal.write("batch_cancel", None, vec![Entry::BatchCancelled { batch: BATCH }]).unwrap();
    assert_eq!(journal.mirror.batches[&BATCH].status, BatchStatus::Cancelled);
    journal.later(601);
    // When a keeper ends it.
    let freed =
        Entry::Freed { batch: BATCH, lot, abandoned: [A, B].map(|node| Abandoned { node, slash: Amount(60) }).into() };
    let settled = Entry::Settled {
        batch: BATCH,
        lot,
        n: 0,
        accepted: Items(0),
        digest: sha256(&[0; 3]),
        fee: Amount(0),
        refund: Amount(1_890),
        forfeit: Amount(0),
        slots: vec![],
    };
    let close = Entry::BatchClosed { batch: BATCH, fees: Amount(0), referral: Amount(0), refund: Amount(3_780) };
    let changes = journal.write("poke", None, vec![freed, settled, close]).unwrap();
    // Then the slots are gone, both paid, and the requester has everything back.
    let ends: Vec<_> = changes.ended.iter().map(|slot| (slot.slot.node, slot.end, slot.slash)).collect();
    assert_eq!(ends, [(A, SlotEnd::Abandoned, 60), (B, SlotEnd::Abandoned, 60)]);
    assert_eq!(journal.balance(REQUESTER, TOKEN), 3_780);
    assert_eq!(journal.mirror.accounts[&B].row.node.as_ref().unwrap().reservations, 0);
    journal.write("batch_forget", None, vec![Entry::BatchForgotten { batch: BATCH }]).unwrap();
    assert!(journal.mirror.batches.is_empty());
}

#[test]
fn merge__should_keep_sets_and_order() {
    let mut journal = begun();
    let lot = LotId(0);
    let mut changes = journal.work(A, vec![claim(lot)]);
    changes.merge(journal.work(B, vec![claim(lot), Entry::Skipped { op: 1, code: Skip::Full }]));
    assert_eq!(changes.accounts, [A, B, REQUESTER].into());
    assert_eq!(changes.skips, [(1, Skip::Full)]);
}

/// The fault of one entry, applied to `journal`.
fn fault(journal: &mut JournalBuilder, node: Option<AccountNo>, entry: Entry) -> Fault {
    // Only its requester closes a lot that has no record.
    let event = if matches!(entry, Entry::Settled { .. }) { "batch_skip_lots" } else { "work" };
    match journal.write(event, node, vec![entry]) {
        Err(ReplayError::Entry { index: 0, fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mirror__should_stop_at_what_does_not_follow() {
    let lot = LotId(0);
    let nobody = AccountNo(99);
    let fee_kept = |slots| Entry::Settled {
        batch: BATCH,
        lot,
        n: 0,
        accepted: Items(0),
        digest: sha256(&[0; 3]),
        fee: Amount(1),
        refund: Amount(1_889),
        forfeit: Amount(0),
        slots,
    };
    let abandoned = |node, slash| Entry::Claimed {
        batch: BATCH,
        lot,
        reward: None,
        replaced: Some(Abandoned { node, slash: Amount(slash) }),
    };
    let cases: [(Option<AccountNo>, Entry, Fault); 17] = [
        (
            None,
            Entry::Deposited { account: nobody, token: TOKEN, amount: Amount(1), sender: None },
            Fault::NoAccount(nobody),
        ),
        (None, Entry::Withdrawing { account: A, token: TOKEN, amount: Amount(1) }, Fault::Range("a balance")),
        (None, claim(lot), Fault::NoCaller),
        (Some(A), Entry::Claimed { batch: BatchId(9), lot, reward: None, replaced: None }, Fault::NoBatch(BatchId(9))),
        (Some(A), claim(LotId(2)), Fault::NoLot(BATCH, LotId(2))),
        (Some(A), commit(A, (lot, 0), b"xyz"), Fault::NoLot(BATCH, lot)),
        (Some(A), abandoned(B, 60), Fault::Differs("the reservation that a claim replaces")),
        (None, Entry::NodeClasses { account: REQUESTER, classes: vec![] }, Fault::NoNode(REQUESTER)),
        (Some(A), Entry::DrawOpened { batch: BATCH, at: At::Group(8) }, Fault::NoGroup(BATCH, 8)),
        (Some(A), Entry::DrawOpened { batch: BATCH, at: At::Group(1) }, Fault::NoGroup(BATCH, 1)),
        (None, Entry::DrawOpened { batch: BATCH, at: At::Group(0) }, Fault::NoCaller),
        (None, fee_kept(vec![]), Fault::Differs("fee, refund or forfeit")),
        (None, settle(lot, 0, b"xyz", vec![]), Fault::Differs("the result")),
        (
            None,
            Entry::BatchClosed { batch: BATCH, fees: Amount(0), referral: Amount(0), refund: Amount(3_780) },
            Fault::Differs("what a batch waits for"),
        ),
        (
            None,
            Entry::BatchPaid { batch: BATCH, fees: Amount(0), referral: Amount(0), refund: Amount(1) },
            Fault::Differs("what settled lots left"),
        ),
        (None, Entry::BatchForgotten { batch: BATCH }, Fault::Differs("the status of the batch")),
        (
            None,
            Entry::AccountOpened { account: nobody, account_id: "x".to_owned(), paid: Amount(0), used: 0 },
            Fault::Differs("the account's number"),
        ),
    ];
    for (node, entry, expected) in cases {
        assert_eq!(fault(&mut begun(), node, entry.clone()), expected, "{entry:?}");
    }
}

#[test]
fn mirror__should_hold_claims_and_draws_to_the_rules() {
    let lot = LotId(0);
    // Given claims that the contract would have skipped: by a node without the class, a second time, at a full table.
    let mut journal = begun();
    journal.work(A, vec![Entry::NodeClasses { account: A, classes: vec![] }]);
    assert_eq!(fault(&mut journal, Some(A), claim(lot)), Fault::Refused(Skip::Class));
    let mut journal = begun();
    journal.work(B, vec![claim(lot)]);
    assert_eq!(fault(&mut journal, Some(B), claim(lot)), Fault::Refused(Skip::Again));
    let mut journal = begun();
    for node in [B, C, D] {
        journal.work(node, vec![claim(lot)]);
    }
    assert_eq!(fault(&mut journal, Some(E), claim(lot)), Fault::Refused(Skip::Full));
    // And claims in the block of the seed, in a paused contract, and by a node that is not drawn yet.
    let mut journal = drawn();
    assert_eq!(fault(&mut journal, Some(B), claim(lot)), Fault::Refused(Skip::NoSeed));
    let mut journal = begun();
    journal.write("pause", None, vec![Entry::Paused { features: Feature::Claims as u8 }]).unwrap();
    assert_eq!(fault(&mut journal, Some(B), claim(lot)), Fault::Refused(Skip::Paused));
    let refused = [A, B, C, D, E].map(|node| {
        let mut journal = drawn();
        journal.later(1);
        journal.write("work", Some(node), vec![claim(lot)]).err()
    });
    assert!(refused.iter().any(Option::is_some), "the bar lets everyone in at once");
    // And draws: of a seed that is captured, of a group that may not open, with other tickets than are active.
    let seed = |tickets| Entry::Seeded { batch: BATCH, at: At::Group(0), value: [9; 16], tickets, appeal: false };
    assert_eq!(fault(&mut begun(), Some(A), seed(5)), Fault::Differs("a draw"));
    let opened = Entry::DrawOpened { batch: BATCH, at: At::Group(0) };
    assert_eq!(fault(&mut begun(), Some(A), opened), Fault::Differs("a draw"));
    let mut journal = lot_1_settled();
    journal.later(3);
    assert_eq!(fault(&mut journal, Some(A), seed(4)), Fault::Differs("a draw"));
}

#[test]
fn mirror__should_check_slashes_and_pay_against_the_rules() {
    let lot = LotId(0);
    // Given B's reservation that ran out, for another slash than the rules give.
    let mut journal = begun();
    for node in [B, C, D] {
        journal.work(node, vec![claim(lot)]);
    }
    journal.later(601);
    let replaced = Some(Abandoned { node: B, slash: Amount(61) });
    let wrong = fault(&mut journal, Some(A), Entry::Claimed { batch: BATCH, lot, reward: None, replaced });
    assert_eq!(wrong, Fault::Differs("the slash of an abandoned reservation"));
    // And a lot that pays one unit too much to one of its slots.
    let mut journal = begun();
    for node in [A, B] {
        journal.work(node, vec![claim(lot), commit(node, (lot, 0), b"xyz")]);
    }
    journal.work(C, vec![claim(lot), commit(C, (lot, 0), b"xyz"), revealing(lot)]);
    journal.reveal(A, lot, b"xyz", vec![]).unwrap();
    journal.reveal(B, lot, b"xyz", vec![]).unwrap();
    let paid = vec![pay(A, 301, 0, RISEN), pay(B, 300, 0, RISEN), pay(C, 300, 0, RISEN)];
    let result = journal.reveal(C, lot, b"xyz", vec![settle(lot, 0, b"xyz", paid)]);
    let Err(ReplayError::Entry { index: 1, tag: "settle", fault, .. }) = result else { panic!("{result:?}") };
    assert_eq!(fault, Fault::Differs("what a slot gets"));
}

#[test]
fn mirror__should_need_the_answers_of_a_reveal() {
    let lot = LotId(0);
    let mut journal = begun();
    for node in [A, B] {
        journal.work(node, vec![claim(lot), commit(node, (lot, 0), b"xyz")]);
    }
    journal.work(C, vec![claim(lot), commit(C, (lot, 0), b"xyz"), revealing(lot)]);
    let reveal = Entry::Revealed { batch: BATCH, lot, digest: sha256(b"xyz") };
    assert_eq!(fault(&mut journal, Some(A), reveal), Fault::NoAnswers);
    // And answers of another length than the lot's items do not pass.
    let mut journal = lot_1_settled();
    for node in [A, B] {
        journal.work(node, vec![claim(lot), commit(node, (lot, 0), b"xy")]);
    }
    journal.work(C, vec![claim(lot), commit(C, (lot, 0), b"xyz"), revealing(lot)]);
    let result = journal.reveal(A, lot, b"xy", vec![]);
    let Err(ReplayError::Entry { fault, .. }) = result else { panic!("{result:?}") };
    assert_eq!(fault, Fault::Differs("the length of the answers"));
    assert!(matches!(journal.mirror.lots[&(BATCH, lot)].slots[0].phase, SlotPhase::Committed(_)));
}

#[test]
fn mirror__should_let_a_reveal_open_no_other_commitment() {
    // Given a lot in reveals, to which B committed what A did, under A's name
    let lot = LotId(0);
    let mut journal = begun();
    for node in [A, B, C] {
        journal.work(node, vec![claim(lot)]);
    }
    for node in [A, B] {
        journal.work(node, vec![commit(A, (lot, 0), b"xyz")]);
    }
    journal.work(C, vec![commit(C, (lot, 1), b"xyz"), revealing(lot)]);

    // Then only A's opens: not with other answers or another salt, and neither another node's nor another round's
    let stopped = |node, answers: &[u8], salt| {
        let op = Op::Reveal { batch: BATCH, lot, answers: answers.to_vec(), salt };
        let log = vec![Entry::Revealed { batch: BATCH, lot, digest: sha256(answers) }];
        let mut journal = JournalBuilder { mirror: journal.mirror.clone(), ..journal };
        matches!(
            journal.write_with("work", Some(node), log, &[op]),
            Err(ReplayError::Entry { fault: Fault::NoAnswers, .. })
        )
    };
    assert!(stopped(A, b"xyy", SALT) && stopped(A, b"xyz", [9; 32]));
    assert!(stopped(B, b"xyz", SALT) && stopped(C, b"xyz", SALT));
    assert!(!stopped(A, b"xyz", SALT));
}

#[test]
fn mirror__should_keep_the_salt_of_the_reveal_that_was_taken() {
    // Given a lot in reveals
    let lot = LotId(0);
    let mut journal = begun();
    journal.committed(lot, [b"abx"; 3]);

    // When one call holds the right answers twice: under a salt that the contract skipped, then under the commitment's
    let forged = Op::Reveal { batch: BATCH, lot, answers: b"abx".to_vec(), salt: [9; 32] };
    let taken = Op::Reveal { batch: BATCH, lot, answers: b"abx".to_vec(), salt: SALT };
    let log = vec![
        Entry::Skipped { op: 0, code: Skip::WrongReveal },
        Entry::Revealed { batch: BATCH, lot, digest: sha256(b"abx") },
    ];
    let changes = journal.write_with("work", Some(A), log, &[forged, taken]).unwrap();

    // Then the reveal is the one that was taken
    assert_eq!(changes.reveals.len(), 1);
    assert_eq!(changes.reveals[0].salt, [1; 32]);
}

#[test]
fn mirror__should_follow_intents_and_stop_at_what_a_key_may_not() {
    // Given a requester with a key for ten units a day.
    let mut journal = begun();
    let (public_key, before) = (PublicKey([7; 32]), journal.mirror.accounts[&REQUESTER].row.storage_used);
    let set = |kinds| Entry::KeySet { account: REQUESTER, public_key, kinds, token: TOKEN, daily_cap: Amount(10) };
    journal.write("intent_key_add", None, vec![set(Kinds::of(&[Kind::Transfer]))]).unwrap();
    assert_eq!(journal.mirror.accounts[&REQUESTER].row.storage_used, before + storage::INTENT_KEY_BYTES);
    journal
        .write(
            "ft_on_transfer",
            None,
            vec![Entry::Deposited { account: REQUESTER, token: TOKEN, amount: Amount(50), sender: None }],
        )
        .unwrap();

    // When an intent transfers, balances, nonce and cap follow.
    let intent = |kind, nonce, spent, failed| {
        vec![Entry::Intent { op: 0, account: REQUESTER, public_key, kind, nonce, spent: Amount(spent), failed }]
    };
    let mut log = vec![sent(REQUESTER, TOKEN, 4)];
    log.extend(intent(Kind::Transfer, 3, 4, None));
    let (had, total) = (journal.balance(A, TOKEN), journal.total());
    let changes = journal.write("intents_execute", None, log).unwrap();
    assert_eq!((journal.balance(A, TOKEN), journal.total()), (had + 4, total));
    assert!(changes.movements.iter().all(|movement| movement.kind == MovementKind::Transfer));
    let key = &journal.mirror.accounts[&REQUESTER].row.keys[0];
    assert_eq!((&key.numbers[..], key.limit.map(|limit| limit.spent)), (&[3][..], Some(Amount(4))));

    // Then it stops at a used nonce, another kind, too much, a failure that moves something, and a strange key.
    let other = Entry::Intent {
        op: 0,
        account: A,
        public_key,
        kind: Kind::Transfer,
        nonce: 9,
        spent: Amount(0),
        failed: Some(Skip::Balance),
    };
    for log in [
        intent(Kind::Transfer, 3, 1, None),
        intent(Kind::Transfer, u64::MAX, 1, None),
        intent(Kind::Withdraw, 4, 1, None),
        [vec![sent(REQUESTER, TOKEN, 7)], intent(Kind::Transfer, 4, 7, None)].concat(),
        intent(Kind::Transfer, 4, 1, Some(Skip::Balance)),
        vec![other],
    ] {
        assert_eq!(differs(&journal, &log), Some("entry"), "{log:?}");
    }
    journal.write("intents_execute", None, intent(Kind::Transfer, 4, 0, Some(Skip::Balance))).unwrap();

    // A removed key stays while its intents could come again.
    journal.write("intent_key_add", None, vec![set(Kinds::NONE)]).unwrap();
    assert!(journal.write("intent_key_add", None, vec![set(Kinds::NONE)]).is_err());
    assert!(journal.write("intents_execute", None, intent(Kind::Transfer, 5, 0, Some(Skip::Balance))).is_err());
    journal.later(86_401);
    journal.write("intent_key_add", None, vec![set(Kinds::NONE)]).unwrap();
    let row = &journal.mirror.accounts[&REQUESTER].row;
    assert_eq!((row.keys.len(), row.storage_used), (0, before));
}

#[test]
fn mirror__should_let_an_intent_move_what_it_says_and_nothing_else() {
    // Given a requester with a key for transfers and withdrawals of ten units a day, that has NEAR as well.
    let (mut journal, public_key) = (begun(), PublicKey([7; 32]));
    let kinds = Kinds::of(&[Kind::Transfer, Kind::Withdraw, Kind::Cancel]);
    let set = Entry::KeySet { account: REQUESTER, public_key, kinds, token: TOKEN, daily_cap: Amount(10) };
    journal.write("intent_key_add", None, vec![set]).unwrap();
    let deposits = [(REQUESTER, TOKEN), (REQUESTER, NEAR), (B, TOKEN)];
    let deposit = |(account, token)| Entry::Deposited { account, token, amount: Amount(50), sender: None };
    journal.write("ft_on_transfer", None, deposits.map(deposit).to_vec()).unwrap();

    let intent = |kind, spent, failed| {
        let (op, nonce, spent) = (0, 1, Amount(spent));
        Entry::Intent { op, account: REQUESTER, public_key, kind, nonce, spent, failed }
    };
    let four = sent(REQUESTER, TOKEN, 4);
    let done = |spent| intent(Kind::Transfer, spent, None);
    let failed = intent(Kind::Transfer, 0, Some(Skip::Balance));
    // When it says less than it moved, more, or nothing; in another token, out of another balance, in another way, twice,
    // or though it takes nothing; when a failed or a skipped one did something
    for log in [
        vec![four.clone(), done(3)],
        vec![four.clone(), done(5)],
        vec![four.clone(), done(0)],
        vec![sent(REQUESTER, NEAR, 4), done(4)],
        vec![sent(B, TOKEN, 4), done(4)],
        vec![four.clone(), sent(REQUESTER, NEAR, 4), done(4)],
        vec![four.clone(), intent(Kind::Withdraw, 4, None)],
        vec![four.clone(), intent(Kind::Cancel, 4, None)],
        vec![four.clone(), done(4), done(4)],
        vec![four.clone(), failed.clone()],
        vec![Entry::BatchCancelled { batch: BATCH }, failed],
        vec![Entry::BatchCancelled { batch: BATCH }, Entry::Skipped { op: 0, code: Skip::Signature }, done(0)],
    ] {
        // Then the replay stops at the entry
        assert_eq!(differs(&journal, &log), Some("entry"), "{log:?}");
    }
    // And it stops at the end of a line that moves something without an intent.
    assert_eq!(differs(&journal, core::slice::from_ref(&four)), Some("end"));
    assert_eq!(differs(&journal, &[four, done(4)]), None);
}

#[test]
fn mirror__should_let_a_batch_for_another_take_no_more_than_what_was_sent() {
    // Given a requester with the escrow of a batch.
    let mut journal = JournalBuilder { mirror: Mirror::default(), now_s: 1_000, height: 50 };
    for (event, node, log) in founding() {
        journal.write(event, node, log).unwrap();
    }
    let deposit = |amount, sender: Option<&str>| Entry::Deposited {
        account: REQUESTER,
        token: TOKEN,
        amount: Amount(amount),
        sender: sender.map(str::to_owned),
    };
    journal.write("ft_on_transfer", None, vec![deposit(3_780, None)]).unwrap();

    // When a stranger makes it one for a unit less, then the line is refused; its own deposit, or the whole escrow, does.
    for (amount, sender, taken) in
        [(3_779, Some("thief.near"), false), (1, None, true), (3_780, Some("thief.near"), true)]
    {
        let mut journal = JournalBuilder { mirror: journal.mirror.clone(), ..journal };
        let line = vec![deposit(amount, sender), batch_created(terms(), "blob:00")];
        assert_eq!(journal.write("ft_on_transfer", None, line).is_ok(), taken, "{amount} {sender:?}");
    }
}

/// A transfer to A.
fn sent(account: AccountNo, token: TokenId, amount: u128) -> Entry {
    Entry::Transferred { account, receiver: A, token, amount: Amount(amount), memo: None }
}

/// Where a line of intents differs from the rules.
fn differs(journal: &JournalBuilder, log: &[Entry]) -> Option<&'static str> {
    let mut journal = JournalBuilder { mirror: journal.mirror.clone(), ..*journal };
    match journal.write("intents_execute", None, log.to_vec()) {
        Ok(_) => None,
        Err(ReplayError::Entry { fault: Fault::Differs(_), .. }) => Some("entry"),
        Err(ReplayError::End { .. }) => Some("end"),
        Err(error) => panic!("{error}"),
    }
}

fn small_account() -> impl Strategy<Value = AccountNo> {
    (0_u32..8).prop_map(AccountNo)
}

fn some_entry() -> impl Strategy<Value = Entry> {
    let number = prop_oneof![0_u128..2_000, Just(u128::MAX)].prop_map(Amount);
    let place = ((0_u32..2).prop_map(BatchId), (0_u32..4).prop_map(LotId));
    let people = (small_account(), prop::option::of(small_account()));
    (0_u8..21, place, people, number, any::<u64>()).prop_map(|(kind, (batch, lot), (account, other), amount, set)| {
        let abandoned: Vec<_> = other.map(|node| Abandoned { node, slash: amount }).into_iter().collect();
        let public_key = PublicKey([lot.0 as u8; 32]);
        let (token, items, digest) = (TokenId(lot.0 as u16), Items(set % 16), sha256(b"xyz"));
        match kind {
            0 => Entry::Claimed { batch, lot, reward: None, replaced: abandoned.first().cloned() },
            1 | 2 => claim(lot),
            3 | 4 => commit(account, (lot, 0), b"xyz"),
            5 => Entry::Revealing { batch, lot, abandoned },
            6 => Entry::Revealed { batch, lot, digest },
            7 => Entry::Extended { batch, lot, items },
            8 => Entry::Provisional { batch, lot, accepted: items, digest },
            9 => Entry::Freed { batch, lot, abandoned },
            10 => settle(lot, 0, b"xyz", vec![pay(account, amount.0, 0, RISEN)]),
            11 => Entry::BatchClosed { batch, fees: amount, referral: Amount(0), refund: amount },
            12 => Entry::Released { batch, lot, slash: amount },
            13 => Entry::Staked { account, stake: amount, unbonding: amount, until: 0 },
            14 => Entry::Deposited { account, token, amount, sender: None },
            15 => Entry::Withdrawn { account, token, amount, ok: set % 2 == 0 },
            18 => Entry::Transferred { account, receiver: other.unwrap_or(A), token, amount, memo: None },
            19 => Entry::KeySet { account, public_key, kinds: Kinds(set as u16 % 512), token, daily_cap: amount },
            20 => Entry::Intent {
                op: 0,
                account,
                public_key,
                kind: Kind::Transfer,
                nonce: set,
                spent: amount,
                failed: None,
            },
            16 => Entry::Seeded { batch, at: At::Lot(lot), value: [0; 16], tickets: u32::MAX, appeal: set % 2 == 0 },
            _ => Entry::BatchCreated {
                batch,
                requester: account,
                token,
                items: u32::MAX,
                manifest: digest,
                gold_root: [0; 32],
                callback: None,
                uri: String::new(),
                escrow: Amount(0),
                terms: Terms { lot_size: (set % 3) as u8, answer_width: 0, start: 0, slice_s: 0, ..terms() },
                fixed: fixed(),
                appendable: false,
                forget_on_close: false,
                referrer: None,
            },
        }
    })
}

proptest! {
    #[test]
    fn mirror__should_never_panic(lines in prop::collection::vec((prop::option::of(small_account()), some_entry()), 1..40)) {
        let mut journal = begun();
        let reveal = Op::Reveal { batch: BATCH, lot: LotId(0), answers: b"xyz".to_vec(), salt: SALT };
        for (node, entry) in lines {
            journal.later(400);
            // A fault leaves the mirror half way through the line, which it must survive as well.
            let _: Result<_, _> = journal.write_with("work", node, vec![entry], core::slice::from_ref(&reveal));
        }
    }
}

/// Reputation after agreement on everything in a lot whose fee earns a full step.
const RISEN: u16 = 5_000 + 5_000 / 16;

/// A, E and B have revealed and settled lot 1; D's reservation ran out.
fn lot_1_settled() -> JournalBuilder {
    let mut journal = begun();
    let lot = LotId(1);
    for node in [A, D, E] {
        journal.work(node, vec![claim(lot)]);
    }
    for node in [A, E] {
        journal.work(node, vec![commit(node, (lot, 0), b"xyz")]);
    }
    journal.later(601);
    let replaced = Some(Abandoned { node: D, slash: Amount(60) });
    let changes = journal.work(B, vec![Entry::Claimed { batch: BATCH, lot, reward: None, replaced }]);
    assert_eq!((changes.ended[0].end, changes.ended[0].slot.node, changes.ended[0].slash), (SlotEnd::Abandoned, D, 60));
    journal.work(B, vec![commit(B, (lot, 0), b"xyz"), revealing(lot)]);
    journal.later(1);
    for node in [A, E] {
        journal.reveal(node, lot, b"xyz", vec![]).unwrap();
    }
    let paid = vec![pay(A, 300, 0, RISEN), pay(E, 300, 0, RISEN), pay(B, 300, 0, RISEN)];
    let changes = journal.reveal(B, lot, b"xyz", vec![settle(lot, 0, b"xyz", paid)]).unwrap();
    assert_eq!(changes.results[0].answers.bytes, b"xyz");
    assert_eq!(changes.ended.iter().map(|slot| slot.agreed).collect::<Vec<_>>(), [0b111; 3]);
    assert!(changes.lots.contains(&(BATCH, lot)) && !journal.mirror.lots.contains_key(&(BATCH, lot)));
    journal
}
