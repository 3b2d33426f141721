//! Batches that live on: appends, a later expiry, and rows that go with their batch.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchSpec, DepositMessage},
    draw::{At, Draw},
    event::Entry,
    governance::Feature,
    host::sha256,
    ids::{BatchId, LotId},
    money::escrow,
    op::{Op, Target},
    segments::{Segment, appended},
    skip::Skip,
    terms::{Terms, Verification},
    view::{BatchStatus, Callback, LotPhase},
};

use crate::market::{Market, NODES, REQUESTER, config, terms};

const RIGHT: [u8; 3] = [1, 2, 3];
const MANIFEST: [u8; 32] = [8; 32];

fn appendable(market: &mut Market, terms: Terms, items: u32) -> BatchId {
    market.batch_of(BatchSpec { appendable: true, ..Market::spec(terms, items) })
}

fn append(market: &mut Market, batch: BatchId, items: u32) -> Result<(), Error> {
    append_by(market, REQUESTER, BatchAppendArgs { batch, items, manifest: MANIFEST, uri: "blob:01".to_owned() })
}

fn append_by(market: &mut Market, who: &str, args: BatchAppendArgs) -> Result<(), Error> {
    market.call(who, 1, |engine| engine.batch_append(args))
}

/// Three nodes do a lot whose group everybody may claim in.
fn work(market: &mut Market, batch: BatchId, lot: u32) {
    market.round(batch, lot, &[("a.near", &RIGHT), ("b.near", &RIGHT), ("c.near", &RIGHT)]);
}

fn draw_of(market: &Market, batch: BatchId, group: u32) -> Draw {
    market.view_batch(batch).open.expect("open").progress.window.draw(group).expect("in the window").clone()
}

#[test]
fn append__should_add_lots_with_their_escrow_to_a_batch_that_stays() {
    // Given a batch that may grow, whose only lot is settled
    let mut market = Market::new(3);
    market.fund(REQUESTER, 10_u128.pow(9));
    let terms = terms(market.chain.now());
    let batch = appendable(&mut market, terms.clone(), 3);
    market.draw("a.near", batch, At::Group(0));
    work(&mut market, batch, 0);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Open, "more may come");

    // When another lot is appended
    let before = market.balance(REQUESTER);
    append(&mut market, batch, 3).expect("append");

    // Then its escrow is locked at the batch's own terms, and the record fixes its manifest
    let locked = escrow(&terms, config().fee_bps, 3);
    assert_eq!(before - market.balance(REQUESTER), locked);
    let open = market.view_batch(batch).open.expect("open");
    let segment = Segment { first_item: 3, items: 3, manifest: MANIFEST };
    assert_eq!((open.items, open.appended), (6, appended(sha256, &[0; 32], &segment)));
    assert_eq!(open.manifest, [7; 32], "the first segment's");

    // And it is worked on like any other, and paid; the batch is over once it is cancelled
    market.draw("b.near", batch, At::Group(0));
    work(&mut market, batch, 1);
    for node in ["a.near", "b.near", "c.near"] {
        assert_eq!(market.balance(node), 6_000);
    }
    market.cancel(batch).expect("cancel");
    let closed = market.view_batch(batch);
    assert_eq!((closed.status, closed.settled), (BatchStatus::Closed, 2));
}

#[test]
fn append__should_refuse_what_cannot_follow_and_lock_nothing_then() {
    let mut market = Market::new(3);
    market.fund(REQUESTER, 10_u128.pow(6));
    let terms = terms(market.chain.now());
    let (whole, fixed) = (appendable(&mut market, terms.clone(), 3), market.batch(terms.clone(), 3));
    let (short, cancelled) = (appendable(&mut market, terms.clone(), 4), appendable(&mut market, terms.clone(), 3));
    let soon = Terms { expires_at: market.chain.now() + 150, ..terms.clone() };
    let expiring = appendable(&mut market, soon, 3);
    market.cancel(cancelled).expect("cancel");
    market.chain.pass(60);
    let before = market.balance(REQUESTER);

    // Batches that are not appendable, have a short last lot, are over, take no claims, or do not exist
    for batch in [fixed, short, cancelled, expiring, BatchId(99)] {
        let refused = append(&mut market, batch, 3);
        assert!(matches!(refused, Err(Error::BatchState(of, _)) if of == batch), "{batch}: {refused:?}");
    }
    // Nothing, more items than there are numbers, a long address, more than the balance holds
    for items in [0, u32::MAX] {
        assert!(append(&mut market, whole, items).is_err(), "{items}");
    }
    let long = BatchAppendArgs { batch: whole, items: 3, manifest: MANIFEST, uri: "a".repeat(257) };
    assert!(matches!(append_by(&mut market, REQUESTER, long), Err(Error::Batch(_))));
    let poor = BatchSpec { appendable: true, ..Market::spec(terms, 3) };
    market.fund("a.near", 30_000);
    let (token, batch) = (market.token, BatchId(market.chain.mirror.root.next_batch));
    market.call("a.near", 1, |engine| engine.batch_create(BatchCreateArgs { token, batch: poor })).expect("batch");
    let more = BatchAppendArgs { batch, items: 3, ..BatchAppendArgs::default() };
    assert!(matches!(append_by(&mut market, "a.near", more), Err(Error::Balance(_))));
    // Appends are refused from another account, without a yoctoNEAR, and while new batches are paused
    let args = || BatchAppendArgs { batch: whole, items: 3, ..BatchAppendArgs::default() };
    assert!(matches!(append_by(&mut market, "a.near", args()), Err(Error::Caller(_))));
    assert!(matches!(market.call(REQUESTER, 0, |engine| engine.batch_append(args())), Err(Error::Deposit(_))));
    market.call("owner.near", 1, |engine| engine.pause(&[Feature::Batches])).expect("pause");
    assert!(append(&mut market, whole, 3).is_err());
    assert_eq!(market.balance(REQUESTER), before);
    assert_eq!(market.view_batch(whole).open.expect("open").items, 3);
}

#[test]
fn append__should_give_its_lots_a_seed_that_was_not_known_before_them() {
    // Given a group whose bar is at one: lot 0 is begun, lot 1 is not
    let mut market = Market::new(6);
    market.fund(REQUESTER, 10_u128.pow(9));
    let terms = terms(market.chain.now());
    let batch = appendable(&mut market, terms, 6);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 0).expect("claim");
    let seed = market.lot(batch, 0).expect("lot").draw;
    assert_eq!(seed, draw_of(&market, batch, 0));

    // When lots are appended
    append(&mut market, batch, 3).expect("append");

    // Then the group is drawn anew: what has not begun waits for the new seed, what has goes on with the old one
    assert_eq!(draw_of(&market, batch, 0), Draw::Opened(market.chain.now()));
    for lot in [1, 2] {
        assert_eq!(market.claim("b.near", batch, lot), Err(Skip::NoSeed));
    }
    market.claim("b.near", batch, 0).expect("the seats of a lot that has begun");
    market.draw("b.near", batch, At::Group(0));
    assert_ne!(draw_of(&market, batch, 0), seed);
    assert_eq!(market.lot(batch, 0).expect("lot").draw, seed);
    market.claim("c.near", batch, 2).expect("claim");
}

#[test]
fn append__should_wait_while_a_seed_still_chooses() {
    // Given a group that was drawn just now among nine nodes of sixteen tickets each
    let mut market = Market::new(9);
    market.fund(REQUESTER, 10_u128.pow(9));
    for node in NODES {
        market.call(node, 150 * crate::chain::NEAR, |engine| engine.stake_add()).expect("stake");
    }
    market.chain.pass(10);
    let terms = Terms { slice_s: 100, ..terms(market.chain.now()) };
    let batch = appendable(&mut market, terms, 3);
    market.chain.pass(101);
    market.op("a.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");
    let seed = draw_of(&market, batch, 0);

    // When its requester appends lots under that seed, which it knows, then they are refused, and nothing is drawn anew
    for _ in 0..7 {
        let refused = append(&mut market, batch, 93);
        assert!(matches!(refused, Err(Error::BatchState(of, _)) if of == batch), "{refused:?}");
        assert_eq!(draw_of(&market, batch, 0), seed);
        market.chain.pass(100);
    }
    // When any node may claim the last group, then an append is taken, and a new seed draws the seats of its lots
    market.chain.pass(100);
    append(&mut market, batch, 93).expect("append");
    assert!(matches!(draw_of(&market, batch, 0), Draw::Opened(_)));
    assert_eq!(market.claim("a.near", batch, 1), Err(Skip::NoSeed));
}

#[test]
fn append__should_not_wait_for_a_challenge_window() {
    // Given 32 lots that wait for challenges, in a batch that may grow, when more are appended
    let mut market = Market::new(9);
    market.fund(REQUESTER, 10_u128.pow(9));
    let terms = Terms { lot_size: 1, start: 2, challenge_window_s: 50_000, ..terms(market.chain.now()) };
    let batch = appendable(&mut market, terms, 32);
    market.draw("a.near", batch, At::Group(0));
    for lot in 0..32 {
        market.round(batch, lot, &[("a.near", &[9]), ("b.near", &[9])]);
        assert_eq!(market.lot(batch, lot).expect("lot").phase, LotPhase::Provisional);
    }
    append(&mut market, batch, 96).expect("append");
    // Then the window is past the first group, as it would be had all come at once
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(2) }), Ok(()));
}

#[test]
fn append__should_begin_the_next_group_where_the_last_is_full() {
    // Given 32 lots of one item, all settled, in a batch that may grow
    let mut market = Market::new(3);
    market.fund(REQUESTER, 10_u128.pow(9));
    let terms = Terms { lot_size: 1, start: 1, ..terms(market.chain.now()) };
    let batch = appendable(&mut market, terms, 32);
    market.draw("a.near", batch, At::Group(0));
    for lot in 0..32 {
        market.round(batch, lot, &[("a.near", &[9])]);
    }
    let window = market.view_batch(batch).open.expect("open").progress.window;
    assert_eq!((window.frontier, window.draws[0].clone()), (1, Draw::Closed));

    // When a lot is appended, then the draw of its group is open, and it is worked on
    append(&mut market, batch, 1).expect("append");
    assert_eq!(draw_of(&market, batch, 1), Draw::Opened(market.chain.now()));
    market.draw("b.near", batch, At::Group(1));
    market.round(batch, 32, &[("b.near", &[9])]);

    // And the group of one lot is not passed, so that others join it
    assert_eq!(market.view_batch(batch).open.expect("open").progress.window.frontier, 1);
    append(&mut market, batch, 2).expect("append");
    market.draw("c.near", batch, At::Group(1));
    for lot in [33, 34] {
        market.round(batch, lot, &[("c.near", &[9])]);
    }
    assert_eq!(market.view_batch(batch).settled, 35);
}

#[test]
fn append__should_wait_for_the_adjudicator_to_accept_it() {
    // Given a batch that its adjudicator accepted, and a group that is drawn
    let mut market = Market::new(4);
    market.fund(REQUESTER, 10_u128.pow(9));
    market.fund("d.near", 10_u128.pow(9));
    let adjudicator = market.chain.number("d.near");
    let terms = Terms {
        challenge_window_s: 100,
        verification: Verification::Adjudicated { adjudicator, verdict_ttl_s: 100 },
        ..terms(market.chain.now())
    };
    let batch = appendable(&mut market, terms, 3);
    let accept =
        |market: &mut Market| market.call("d.near", 1, |engine| engine.adjudicator_accept(&BatchArgs { batch }));
    accept(&mut market).expect("accept");
    market.draw("a.near", batch, At::Group(0));

    // When lots are appended, then none begins before it accepts again; what it has put up counts
    let held = market.balance("d.near");
    append(&mut market, batch, 3).expect("append");
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Adjudicator));
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(0) }), Err(Skip::Adjudicator));
    accept(&mut market).expect("accept again");
    assert_eq!(market.balance("d.near"), held);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 1).expect("claim");
}

#[test]
fn expiry__should_move_later_only_while_the_batch_takes_claims() {
    let mut market = Market::new(3);
    let now = market.chain.now();
    let batch = market.batch(Terms { expires_at: now + 200, ..terms(now) }, 3);
    let extend = |market: &mut Market, who: &str, batch, expires_at| {
        market.call(who, 1, |engine| engine.batch_extend_expiry(BatchExtendExpiryArgs { batch, expires_at }))
    };
    let lifetime = config().bounds.lifetime_max_s;
    for (who, expires_at) in [("a.near", 900), (REQUESTER, 200), (REQUESTER, 100), (REQUESTER, lifetime + 1)] {
        assert!(extend(&mut market, who, batch, now + expires_at).is_err(), "{who} {expires_at}");
    }
    extend(&mut market, REQUESTER, batch, now + 900).expect("later");
    market.chain.pass(300);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 0).expect("claim");

    // One that takes no more claims, because it expires or is cancelled, stays so: what returns does
    let over = market.batch(Terms { expires_at: market.chain.now() + 150, ..terms(now) }, 3);
    market.chain.pass(60);
    let later = market.chain.now() + 900;
    assert!(extend(&mut market, REQUESTER, over, later).is_err());
    market.cancel(batch).expect("cancel");
    assert!(extend(&mut market, REQUESTER, batch, later).is_err());
}

#[test]
fn expiry__should_not_hold_an_adjudicator_s_bond_for_longer() {
    let mut market = Market::new(4);
    market.fund("d.near", 10_u128.pow(9));
    let (now, adjudicator) = (market.chain.now(), market.chain.number("d.near"));
    let verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: 100 };
    let terms = Terms { challenge_window_s: 100, expires_at: now + 1_000, verification, ..terms(now) };
    let batch = market.batch(terms, 3);
    let held = market.balance("d.near");
    market.call("d.near", 1, |engine| engine.adjudicator_accept(&BatchArgs { batch })).expect("accept");
    market.call("d.near", 1, |engine| engine.adjudicator_resign(&BatchArgs { batch })).expect("resign");
    let expires_at = now + 5_000;
    let extend = BatchExtendExpiryArgs { batch, expires_at };
    assert!(market.call(REQUESTER, 1, |engine| engine.batch_extend_expiry(extend)).is_err());
    market.chain.pass(1_001);
    market.chain.poke(&[Target::Batch(batch)]).expect("it closes");
    assert_eq!(market.balance("d.near"), held);
}

#[test]
fn forget_on_close__should_free_every_byte_with_the_batch() {
    // Given a requester, and a batch that is to be forgotten
    let mut market = Market::new(3);
    let before = market.account(REQUESTER).storage_used;
    let spec = BatchSpec { forget_on_close: true, appendable: true, ..Market::spec(terms(market.chain.now()), 3) };
    let batch = market.batch_of(spec.clone());
    market.draw("a.near", batch, At::Group(0));
    work(&mut market, batch, 0);
    assert!(market.account(REQUESTER).storage_used > before);

    // When it closes, then it is gone, and the account may leave
    market.cancel(batch).expect("cancel");
    assert_eq!(market.account(REQUESTER).storage_used, before);
    assert_eq!(market.chain.view(|mut engine| engine.view_batch(batch)).expect("view"), None);
    let line = market.chain.lines.last().expect("line");
    assert!(line.log.iter().any(|entry| matches!(entry, Entry::BatchClosed { .. })), "{line:?}");
    assert!(market.chain.poke(&[Target::Batch(batch), Target::Lot(batch, LotId(0))]).is_err(), "nothing is due of it");

    // And a callback, which needs the row, is not taken beside it
    let callback = Some(Callback { account_id: "dapp.near".to_owned(), tgas: 10 });
    let message = DepositMessage::CreateBatch(BatchSpec { callback, ..spec });
    assert!(matches!(
        market.chain.transfer_call(crate::market::TOKEN, REQUESTER, 10_u128.pow(9), message),
        Err(Error::Batch(_))
    ));
}
