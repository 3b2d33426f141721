//! Batches: creation, window, ends.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchArgs, BatchSkipLotsArgs, ResultClaim},
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, LotId, NEAR as NEAR_TOKEN},
    merkle,
    op::{Op, Target},
    skip::Skip,
    storage,
    terms::Terms,
    view::{BatchStatus, LotPhase},
};

use crate::{
    chain::{Call, NEAR},
    check::check,
    market::{Market, NODES, REQUESTER, terms},
};

fn skip_lots(market: &mut Market, batch: BatchId, lots: &[u32]) -> Result<(), Error> {
    let args = BatchSkipLotsArgs { batch, lots: lots.iter().copied().map(LotId).collect() };
    let result = market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(args));
    check(&market.chain);
    result
}

#[test]
fn attack_26__should_refuse_hostile_terms() {
    let mut market = Market::new(0);
    let now = market.chain.now();
    market.batch(terms(now), 1);
    let mut refused = |change: fn(&mut Terms), field: &str| {
        let mut bad = terms(now);
        change(&mut bad);
        match market.create(bad, 1) {
            Err(Error::Terms(error)) => assert_eq!(error.field, field),
            other => panic!("{field}: {other:?}"),
        }
    };
    refused(|terms| terms.reward = Amount(0), "reward");
    refused(|terms| terms.reward = Amount(1 << 80), "reward");
    refused(|terms| terms.lot_size = 65, "lot_size");
    refused(|terms| terms.answer_width = 3, "answer_width");
    refused(|terms| terms.start = 4, "start");
    refused(|terms| terms.reward = Amount(1_001), "reward");
    refused(|terms| terms.quorum_pct = 50, "quorum_pct");
    refused(|terms| terms.claim_ttl_s = 1, "claim_ttl_s");
    refused(|terms| terms.reveal_window_s = 1, "reveal_window_s");
    refused(|terms| (terms.claim_ttl_s, terms.reveal_window_s) = (200, 19), "reveal_window_s");
    refused(|terms| terms.challenge_window_s = 1, "challenge_window_s");
    refused(|terms| terms.slice_s = 0, "slice_s");
    refused(|terms| terms.bond_pct = 99, "bond_pct");
    refused(|terms| terms.dissent_slash_pct = 101, "dissent_slash_pct");
    refused(|terms| terms.dissent_slash_pct = 9, "dissent_slash_pct");
    refused(|terms| terms.abandon_slash_pct = 4, "abandon_slash_pct");
    refused(|terms| terms.abandon_slash_pct = 51, "abandon_slash_pct");
    refused(|terms| terms.min_reputation = 10_001, "min_reputation");
    refused(|terms| terms.expires_at = 0, "expires_at");
    refused(|terms| terms.expires_at = u32::MAX, "expires_at");
}

#[test]
fn batch_create__should_refuse_near_strange_tokens_and_long_uris() {
    let mut market = Market::new(0);
    let now = market.chain.now();
    market.token = NEAR_TOKEN;
    assert_eq!(market.create(terms(now), 1), Err(Error::Token(NEAR_TOKEN)));
    market.token = piecework_interface::ids::TokenId(9);
    assert!(matches!(market.create(terms(now), 1), Err(Error::Token(_))));
    let mut batch = Market::spec(terms(now), 1);
    batch.uri = "x".repeat(257);
    let args = piecework_interface::call::BatchCreateArgs { token: piecework_interface::ids::TokenId(1), batch };
    let result = market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_create(args));
    assert!(matches!(result, Err(Error::Batch(_))));
}

#[test]
fn batch_cancel__should_return_everything_that_nobody_holds() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 9);
    let after = market.balance(REQUESTER);
    let stranger = market.chain.call(Call::by("a.near").with(1), |engine| engine.batch_cancel(BatchArgs { batch }));
    assert_eq!(stranger, Err(Error::Caller("the batch's requester")));
    market.cancel(batch).expect("cancel");
    assert_eq!(market.balance(REQUESTER), after + 9 * 6_000 * 105 / 100);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert!(matches!(market.cancel(batch), Err(Error::BatchState(..))));

    // The closed row stays until it is forgotten.
    let used = market.account(REQUESTER).storage_used;
    market.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_forget(BatchArgs { batch })).expect("forget");
    assert_eq!(market.account(REQUESTER).storage_used, used - storage::CLOSED_BATCH_BYTES);
    check(&market.chain);
}

#[test]
fn batch_cancel__should_let_live_lots_run_to_their_end() {
    // Given one lot with two commits and a reservation, and one with a single reservation.
    let mut market = Market::new(5);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 6);
    market.draw("a.near", batch, At::Group(0));
    for node in ["a.near", "b.near", "c.near"] {
        market.claim(node, batch, 0).expect("claim");
    }
    market.claim("d.near", batch, 1).expect("claim");
    market.commit("a.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.commit("b.near", batch, 0, &[1, 2, 3]).expect("commit");
    market.cancel(batch).expect("cancel");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Cancelled);
    assert_eq!(market.claim("e.near", batch, 1), Err(Skip::ClosedToClaims));
    assert!(market.poke_lot(batch, 0).is_err(), "every reservation has its full time");

    // When the reservations run out, the first lot goes on with two copies and the second closes.
    market.chain.pass(101);
    market.poke_lot(batch, 0).expect("reveals");
    market.poke_lot(batch, 1).expect("freed");
    assert_eq!((market.node("d.near").reservations, market.node("d.near").bonded.0), (0, 0));
    market.reveal("a.near", batch, 0, &[1, 2, 3]).expect("reveal");
    market.reveal("b.near", batch, 0, &[1, 2, 3]).expect("reveal");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!(market.balance("a.near"), 3_000);
}

#[test]
fn batch__should_close_after_it_expired() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    let batch = market.batch(Terms { expires_at: now + 500, ..terms(now) }, 9);
    assert!(market.chain.poke(&[Target::Batch(batch)]).is_err());
    market.chain.pass(401);
    assert_eq!(market.op("a.near", Op::Draw { batch, at: At::Group(0) }), Err(Skip::ClosedToClaims));
    market.chain.pass(100);
    market.chain.poke(&[Target::Batch(batch)]).expect("close");
    check(&market.chain);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}

#[test]
fn batch_skip_lots__should_close_lots_that_nobody_holds() {
    let mut market = Market::new(2);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 7);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 0).expect("claim");
    market.claim("b.near", batch, 1).expect("claim");
    market.release("b.near", batch, 1).expect("release");
    let before = market.balance(REQUESTER);
    skip_lots(&mut market, batch, &[0, 1, 2, 2, 77]).expect("two of them");
    assert_eq!(market.balance(REQUESTER), before + 4 * 6_000 * 105 / 100);
    assert!(matches!(skip_lots(&mut market, batch, &[0, 1, 2]), Err(Error::NothingDue(_))));
    assert_eq!(market.claim("b.near", batch, 2), Err(Skip::NoLot));
    market.release("a.near", batch, 0).expect("release");
    skip_lots(&mut market, batch, &[0]).expect("the last");
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!(market.view_batch(batch).settled, 3);
}

#[test]
fn attack_38__should_move_the_window_past_committed_lots_while_results_are_provisional() {
    // Given a batch of two groups with a long challenge window and lots of one item with one copy.
    let mut market = Market::new(9);
    market.chain.storage_deposit(REQUESTER, 100 * NEAR).expect("storage");
    let now = market.chain.now();
    let single = Terms { start: 1, lot_size: 1, challenge_window_s: 50_000, ..terms(now) };
    let batch = market.batch(single, 40);
    market.draw("a.near", batch, At::Group(0));

    // When all lots of the first group are skipped but two, which are provisional.
    let lots: Vec<_> = (2..32).collect();
    skip_lots(&mut market, batch, &lots).expect("skip");
    for (lot, node) in [(0, NODES[0]), (1, NODES[1])] {
        market.round(batch, lot, &[(node, &[5])]);
        assert_eq!(market.lot(batch, lot).expect("live").phase, LotPhase::Provisional);
    }

    // Then the second group may open, and what is provisional settles after its window.
    assert_eq!(market.view_batch(batch).open.expect("open").progress.window.frontier, 1);
    assert_eq!(market.op("c.near", Op::Draw { batch, at: At::Group(1) }), Ok(()));
    market.draw("c.near", batch, At::Group(1));
    market.claim("c.near", batch, 33).expect("claim");
    assert!(market.poke_lot(batch, 0).is_err());
    market.chain.pass(50_000);
    market.poke_lot(batch, 0).expect("settles");
    assert_eq!(market.balance(NODES[0]), 1_000);
}

#[test]
fn attack_46__should_prove_each_lot_against_the_results_root() {
    let mut market = Market::new(9);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 9);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 2, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[1, 2, 3])]);
    market.round(batch, 0, &[("d.near", &[4, 5, 6]), ("e.near", &[4, 5, 6]), ("f.near", &[4, 5, 6])]);
    skip_lots(&mut market, batch, &[1]).expect("skip");
    let leaves: Vec<_> = market
        .chain
        .lines
        .iter()
        .flat_map(|line| &line.log)
        .filter_map(|entry| match entry {
            Entry::Settled { lot, n, accepted, digest, .. } => {
                Some(merkle::result_leaf(sha256, *n, *lot, accepted.0, digest))
            }
            _ => None,
        })
        .collect();
    let root = market.view_batch(batch).results_root;
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    for (index, leaf) in leaves.iter().enumerate() {
        let index = u32::try_from(index).expect("index");
        let proof = merkle::prove(sha256, &leaves, index).expect("proof");
        assert!(merkle::verify(sha256, &root, 3, index, *leaf, &proof));
    }
    // And the contract says so itself, to any contract that asks.
    let asks = |claim: ResultClaim| market.chain.view(|mut engine| engine.view_verify_result(&claim)).expect("view");
    let proof = merkle::prove(sha256, &leaves, 1).expect("proof").concat();
    let claim =
        ResultClaim { batch, lot: LotId(0), n: 1, accepted: 0b111_u64.to_be_bytes(), answers: vec![4, 5, 6], proof };
    let text = serde_json::to_vec(&claim).expect("json");
    assert_eq!(piecework_coordinator::json::parse::<ResultClaim>(&text), Ok(claim.clone()));
    assert!(asks(claim.clone()));
    let longer = [claim.proof.clone(), vec![0]].concat();
    for wrong in [
        ResultClaim { answers: vec![4, 5, 7], ..claim.clone() },
        ResultClaim { accepted: 0b110_u64.to_be_bytes(), ..claim.clone() },
        ResultClaim { lot: LotId(2), ..claim.clone() },
        ResultClaim { n: 0, ..claim.clone() },
        ResultClaim { batch: BatchId(batch.0 + 1), ..claim.clone() },
        ResultClaim { proof: longer, ..claim.clone() },
        ResultClaim { proof: Vec::new(), ..claim },
    ] {
        assert!(!asks(wrong.clone()), "{wrong:?}");
    }
}

#[test]
fn attack_49__should_fail_a_poke_without_effect() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    let before = market.chain.mirror.root.clone();
    for targets in [vec![], vec![Target::Batch(batch), Target::Lot(batch, LotId(0)), Target::Batch(BatchId(9))]] {
        assert!(matches!(market.chain.poke(&targets), Err(Error::NothingDue(_))));
    }
    assert!(matches!(market.chain.poke(&[Target::Batch(batch); 17]), Err(Error::Input(_))));
    assert_eq!(market.chain.mirror.root, before);
}
