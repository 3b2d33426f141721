//! Journal lines that the contract does not write: the replay refuses them.

use piecework_interface::{
    amount::Amount,
    event::{Entry, Line},
    ids::{BatchId, LotId},
    money,
    view::NodeStatus,
};
use piecework_replay::Context;

use crate::{
    chain::{CONTRACT, NEAR},
    market::{Market, REQUESTER, drawn},
};

/// Whether the mirror refuses this line as the next one.
fn refused(market: &Market, event: &str, entry: Entry) -> bool {
    let mut mirror = market.chain.mirror.clone();
    let text = Line { seq: mirror.root.seq, event: event.to_owned(), node: None, log: vec![entry] }.render();
    let line = Line::parse(&text).expect("a line").expect("of the journal");
    let height = u32::try_from(market.chain.height).expect("height");
    let context = Context { contract: CONTRACT, now_s: market.chain.now(), height, text: &text, ops: &[] };
    mirror.apply(&line, &context).is_err()
}

fn entry(market: &Market, which: impl Fn(&Entry) -> bool) -> Entry {
    market.chain.lines.iter().flat_map(|line| &line.log).find(|entry| which(entry)).cloned().expect("such an entry")
}

#[test]
fn replay__should_close_no_batch_with_live_lots() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    let refund = market.view_batch(batch).open.expect("open").escrow;
    assert!(refused(&market, "poke", Entry::BatchClosed { batch, fees: Amount(0), referral: Amount(0), refund }));
}

#[test]
fn replay__should_settle_no_lot_twice() {
    let (mut market, batch) = drawn(3, 6, |_| {});
    let args = piecework_interface::call::BatchSkipLotsArgs { batch, lots: vec![LotId(0)] };
    market.call(REQUESTER, 1, |engine| engine.batch_skip_lots(args)).expect("skipped");
    let mut again = entry(&market, |entry| matches!(entry, Entry::Settled { .. }));
    if let Entry::Settled { n, .. } = &mut again {
        *n = 1;
    }
    assert!(refused(&market, "batch_skip_lots", again));
}

#[test]
fn replay__should_take_no_terms_that_the_contract_refuses() {
    let (market, _) = drawn(3, 3, |_| {});
    let sound = entry(&market, |entry| matches!(entry, Entry::BatchCreated { .. }));
    let forge = |change: fn(&mut Entry)| {
        let mut forged = sound.clone();
        change(&mut forged);
        if let Entry::BatchCreated { batch, terms, fixed, items, escrow, .. } = &mut forged {
            *batch = BatchId(1);
            *escrow = Amount(money::escrow(terms, fixed.fee_bps, *items));
        }
        refused(&market, "batch_create", forged)
    };
    assert!(!forge(|_| {}), "as it was, it could be created once more");
    assert!(forge(|entry| {
        if let Entry::BatchCreated { terms, .. } = entry {
            (terms.quorum_pct, terms.bond_pct) = (0, 0);
        }
    }));
    assert!(forge(|entry| {
        if let Entry::BatchCreated { fixed, .. } = entry {
            fixed.fee_bps = 0;
        }
    }));
}

#[test]
fn replay__should_take_no_stake_below_its_bonds_and_no_second_cancel() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.claim("a.near", batch, 0).expect("claim");
    let account = market.chain.number("a.near");
    let stake = Entry::Staked { account, stake: Amount(0), unbonding: Amount(77 * NEAR), until: 0 };
    assert!(refused(&market, "stake_remove", stake));
    market.cancel(batch).expect("cancel");
    assert!(refused(&market, "batch_cancel", Entry::BatchCancelled { batch }));
}

#[test]
fn replay__should_take_a_stake_from_nobody_but_by_the_node_s_own_call() {
    let market = Market::new(3);
    let account = market.chain.number("b.near");
    let gone = || Entry::Staked { account, stake: Amount(0), unbonding: Amount(0), until: 0 };
    for event in ["poke", "work", "batch_create", "intents_execute"] {
        assert!(refused(&market, event, gone()), "{event}");
    }
}

#[test]
fn replay__should_silence_no_node_that_was_heard_from_and_pause_none_by_others() {
    let mut market = Market::new(3);
    let account = market.chain.number("b.near");
    let status = |status| Entry::StatusChanged { account, status };
    assert!(refused(&market, "poke", status(NodeStatus::Silent)));
    assert!(refused(&market, "poke", status(NodeStatus::Paused)));
    // Once it is silent for long, a poke may say so.
    market.chain.pass(3_700);
    assert!(!refused(&market, "poke", status(NodeStatus::Silent)));
    assert!(refused(&market, "work", status(NodeStatus::Silent)));
}

#[test]
fn replay__should_close_unclaimed_lots_by_their_requester_alone() {
    // Given a lot that no node claimed, and one whose only holder left
    let (mut market, batch) = drawn(3, 6, |_| {});
    market.claim("a.near", batch, 1).expect("claim");
    market.release("a.near", batch, 1).expect("release");
    let mut other = market.clone();
    let closed = |market: &mut Market, lot: u32| {
        let args = piecework_interface::call::BatchSkipLotsArgs { batch, lots: vec![LotId(lot)] };
        market.call(REQUESTER, 1, |engine| engine.batch_skip_lots(args)).expect("skipped");
        entry(market, |entry| matches!(entry, Entry::Settled { lot: of, .. } if of.0 == lot))
    };
    // When a poke is said to have closed one of them, then it is refused
    for lot in [0, 1] {
        let sound = closed(&mut other.clone(), lot);
        assert!(refused(&market, "poke", sound.clone()), "lot {lot}");
        assert!(!refused(&market, "batch_skip_lots", sound), "lot {lot}");
    }
    other.chain.pass(1);
}
