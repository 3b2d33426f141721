//! A requester's server: a capped key that creates batches, lets them live and ends them.

use piecework_interface::{
    amount::Amount,
    call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs,
        BatchSpec, DepositMessage,
    },
    event::Entry,
    ids::{BatchId, LotId, TokenId},
    intent::{Action, Append, Raise, SKIPPED_MAX},
    key::Kind,
    money::escrow,
    skip::Skip,
    terms::Terms,
    view::BatchStatus,
};

use super::{ALICE, BOB, CAP, Relay};
use crate::market::{Market, config, terms};

const BATCH: BatchId = BatchId(0);
const RAISED: u128 = 1_200;

fn append(relay: &Relay, items: u32) -> Action {
    let append = BatchAppendArgs { batch: BATCH, items, manifest: [8; 32], uri: "blob:01".to_owned() };
    Action::Append(Append { token: relay.market.token, append })
}

fn raise(relay: &Relay, reward: u128) -> Action {
    let raise = BatchRaiseArgs { batch: BATCH, reward: Amount(reward) };
    Action::Raise(Raise { token: relay.market.token, raise })
}

fn create(relay: &Relay) -> Action {
    let terms = terms(relay.market.chain.now());
    let batch = BatchSpec { appendable: true, ..Market::spec(terms, 3) };
    Action::CreateBatch(BatchCreateArgs { token: relay.market.token, batch })
}

#[test]
fn key__should_run_a_batch_from_its_creation_to_its_end() {
    // Given a server whose key may sign every kind
    let mut relay = Relay::new();
    let now = relay.market.chain.now();

    // When it creates a batch, appends to it, raises its reward, lets it expire later, takes a lot out, cancels and forgets it
    let raised = raise(&relay, RAISED);
    let extend = Action::ExtendExpiry(BatchExtendExpiryArgs { batch: BATCH, expires_at: now + 200_000 });
    let skip = Action::Skip(BatchSkipLotsArgs { batch: BATCH, lots: vec![LotId(1)] });
    let (cancel, forget) = (Action::Cancel(BatchArgs { batch: BATCH }), Action::Forget(BatchArgs { batch: BATCH }));
    let (created, appended) = (create(&relay), append(&relay, 3));
    let intents: Vec<_> = (1..)
        .zip([created, appended, raised, extend, skip, cancel, forget])
        .map(|(nonce, action)| relay.sign(action, nonce))
        .collect();
    for (intent, kind) in intents.into_iter().zip([
        Kind::CreateBatch,
        Kind::Append,
        Kind::Raise,
        Kind::ExtendExpiry,
        Kind::Skip,
        Kind::Cancel,
        Kind::Forget,
    ]) {
        assert_eq!(relay.one(intent), None, "{kind:?}");
        let line = relay.market.chain.lines.last().expect("line");
        assert!(
            line.log.iter().any(|entry| matches!(entry, Entry::Intent { kind: of, .. } if *of == kind)),
            "{line:?}"
        );
    }

    // Then only what locked tokens counts for its day, and all of them are back
    let raised = escrow(&Terms { reward: Amount(RAISED), ..terms(now) }, config().fee_bps, 3);
    assert_eq!(relay.spent(), 2 * raised);
    assert_eq!(relay.market.balance(ALICE), 10 * CAP);
    assert_eq!(relay.market.chain.view(|mut engine| engine.view_batch(BATCH)).expect("view"), None);
}

#[test]
fn stolen_key__should_cost_its_cap_and_nothing_else() {
    // Given a thief who has the key, and a batch in another token
    let mut relay = Relay::new();
    assert_eq!(relay.one(relay.sign(create(&relay), 1)), None);
    let locked = escrow(&terms(relay.market.chain.now()), config().fee_bps, 3);
    let other = relay.market.chain.list_token("other.near");
    let Action::CreateBatch(BatchCreateArgs { batch, .. }) = create(&relay) else { unreachable!("a batch") };
    let of_other = BatchId(1);
    relay
        .market
        .chain
        .transfer_call("other.near", ALICE, 3 * locked, DepositMessage::CreateBatch(batch))
        .expect("batch");

    // Then the thief may lock nothing of that token
    let Action::Append(more) = append(&relay, 3) else { unreachable!("an append") };
    let elsewhere = Action::Append(Append { token: other, append: more.append.clone() });
    assert_eq!(relay.one(relay.sign(elsewhere, 2)), Some(Skip::KeyToken));
    for (token, nonce) in [(other, 3), (relay.market.token, 4)] {
        let append = BatchAppendArgs { batch: of_other, ..more.append.clone() };
        let elsewhere = Action::Append(Append { token, append });
        assert_eq!(relay.one(relay.sign(elsewhere, nonce)), Some(Skip::KeyToken));
    }

    // And up to the cap of its own in batches, which pay it back once they are cancelled
    let room = u32::try_from((CAP - relay.spent()) / locked).expect("lots");
    assert_eq!(relay.one(relay.sign(append(&relay, 3 * room), 5)), None);
    assert_eq!(relay.one(relay.sign(append(&relay, 3), 6)), Some(Skip::KeyCap));
    assert!(relay.spent() <= CAP && relay.spent() > CAP - locked);

    // And nothing of another's batch, or that its kinds do not cover
    let key = relay.wallet.public_key();
    relay.add(BOB, key, &Kind::ALL, CAP).expect("key");
    let cancel = || Action::Cancel(BatchArgs { batch: BATCH });
    let by_bob = relay.wallet.sign(&relay.intent(BOB, cancel()), 1);
    assert_eq!(relay.one(by_bob), Some(Skip::Terms));
    assert_eq!(relay.market.view_batch(BATCH).status, BatchStatus::Open);
    relay.add(ALICE, key, &[Kind::Transfer, Kind::Append], CAP).expect("key");
    assert_eq!(relay.one(relay.sign(cancel(), 7)), Some(Skip::KeyKind));
}

#[test]
fn stolen_key__should_raise_within_its_cap_alone() {
    // Given a thief with the key of a server, and a batch of ten lots
    let mut relay = Relay::new();
    let before = relay.market.balance(ALICE);
    let Action::CreateBatch(BatchCreateArgs { token, batch }) = create(&relay) else { unreachable!("a batch") };
    let created = Action::CreateBatch(BatchCreateArgs { token, batch: BatchSpec { items: 30, ..batch } });
    assert_eq!(relay.one(relay.sign(created, 1)), None);
    let of = |reward| escrow(&Terms { reward: Amount(reward), ..terms(0) }, config().fee_bps, 3);
    let most = (2..).step_by(2).map(|more| RAISED + more).find(|reward| 10 * of(*reward) > CAP).expect("a reward");

    // When the thief raises above what is left of the day's cap, then nothing moves; what fits counts with its difference
    assert_eq!(relay.one(relay.sign(raise(&relay, most), 2)), Some(Skip::KeyCap));
    assert_eq!(relay.one(relay.sign(raise(&relay, most - 2), 3)), None);
    assert_eq!(relay.spent(), 10 * of(most - 2));
    assert_eq!(before - relay.market.balance(ALICE), relay.spent());
    assert_eq!(relay.one(relay.sign(raise(&relay, most), 4)), Some(Skip::KeyCap));
    // And what is no raise fails, as does one of a batch in another token than the key's, or without the kind
    assert_eq!(relay.one(relay.sign(raise(&relay, 1_000), 5)), Some(Skip::Terms));
    let elsewhere = Raise { token: TokenId(0), raise: BatchRaiseArgs { batch: BATCH, reward: Amount(most) } };
    assert_eq!(relay.one(relay.sign(Action::Raise(elsewhere), 6)), Some(Skip::KeyToken));
    relay.add(ALICE, relay.wallet.public_key(), &[Kind::Append], CAP).expect("key");
    assert_eq!(relay.one(relay.sign(raise(&relay, most), 7)), Some(Skip::KeyKind));
    // The raise comes back with the batch
    relay
        .market
        .chain
        .call(crate::chain::Call::by(ALICE).with(1), |engine| engine.batch_cancel(BatchArgs { batch: BATCH }))
        .expect("cancel");
    assert_eq!(relay.market.balance(ALICE), before);
}

#[test]
fn intent__should_close_few_lots_and_take_no_token() {
    // Given a batch of many lots
    let mut relay = Relay::new();
    let terms = terms(relay.market.chain.now());
    let batch = BatchSpec { appendable: true, ..Market::spec(terms, 30) };
    let created = Action::CreateBatch(BatchCreateArgs { token: relay.market.token, batch });
    assert_eq!(relay.one(relay.sign(created, 1)), None);

    // When more lots are named than an intent has gas for, then it fails; else they are closed
    let skip =
        |lots: std::ops::Range<u32>| Action::Skip(BatchSkipLotsArgs { batch: BATCH, lots: lots.map(LotId).collect() });
    let many = u32::try_from(SKIPPED_MAX).expect("lots");
    assert_eq!(relay.one(relay.sign(skip(0..many + 1), 2)), Some(Skip::Message));
    assert_eq!(relay.one(relay.sign(skip(0..many), 3)), None);
    assert_eq!(relay.market.view_batch(BATCH).settled, many);
    // What takes nothing out needs no token, and a batch that is not there fails on its own.
    let none = Action::Cancel(BatchArgs { batch: BatchId(9) });
    assert_eq!(relay.one(relay.sign(none, 4)), Some(Skip::Lot));
    let cap = relay.key(ALICE, relay.wallet.public_key()).and_then(|key| key.limit).expect("limit");
    assert_ne!(cap.token, TokenId::default());
}

#[test]
fn batch__should_be_read_by_the_mirror_when_one_call_creates_and_ends_it() {
    // When one line creates a batch and closes it, then what the mirror needs of it is there: its last state
    let mut relay = Relay::new();
    let intents = [relay.sign(create(&relay), 1), relay.sign(Action::Cancel(BatchArgs { batch: BATCH }), 2)];
    assert_eq!(relay.execute(&intents), [None, None]);
    assert_eq!(relay.market.view_batch(BATCH).status, BatchStatus::Closed);
    let forgotten = BatchSpec { forget_on_close: true, ..Market::spec(terms(relay.market.chain.now()), 3) };
    let again = Action::CreateBatch(BatchCreateArgs { token: relay.market.token, batch: forgotten });
    let intents = [relay.sign(again, 3), relay.sign(Action::Cancel(BatchArgs { batch: BatchId(1) }), 4)];
    assert_eq!(relay.execute(&intents), [None, None]);
    assert_eq!(relay.market.balance(ALICE), 10 * CAP);
}

#[test]
fn skip__should_keep_its_number_where_a_line_has_no_room_for_it() {
    // Given a relayer that fills the line with intents of its own before a skip of four lots
    let mut relay = Relay::new();
    let batch = BatchSpec { appendable: true, ..Market::spec(terms(relay.market.chain.now()), 30) };
    let created = Action::CreateBatch(BatchCreateArgs { token: relay.market.token, batch });
    assert_eq!(relay.one(relay.sign(created, 1)), None);
    let skip = Action::Skip(BatchSkipLotsArgs { batch: BATCH, lots: (0..4).map(LotId).collect() });
    let skip = relay.sign(skip, 2);
    let filler = |relay: &Relay, nonce| {
        let spec = BatchSpec { uri: "\u{1}".repeat(150), ..Market::spec(terms(relay.market.chain.now()), 3) };
        let token = relay.market.token;
        relay.sign(Action::CreateBatch(BatchCreateArgs { token, batch: spec }), nonce)
    };
    for before in 0..10 {
        let Relay { market, wallet } = &relay;
        let mut copy = Relay { market: market.clone(), wallet: wallet.clone() };
        let mut intents: Vec<_> = (10..10 + before).map(|nonce| filler(&copy, nonce)).collect();
        intents.push(skip.clone());
        // When it is relayed, then all of it is done, or it has no room and may come again
        let outcome = copy.execute(&intents).pop().expect("outcome");
        let settled = copy.market.view_batch(BATCH).settled;
        assert!(matches!((outcome, settled), (None, 4) | (Some(Skip::NoRoom), 0)), "{before}: {outcome:?} {settled}");
    }
}
