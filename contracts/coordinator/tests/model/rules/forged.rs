//! Journal lines that the contract does not write: the replay refuses them.

use piecework_interface::{
    amount::Amount,
    event::{Entry, Line},
    ids::{BatchId, LotId},
    money,
};
use piecework_replay::Context;

use crate::{
    chain::NEAR,
    market::{Market, REQUESTER, drawn},
};

/// Whether the mirror refuses this line as the next one.
fn refused(market: &Market, event: &str, entry: Entry) -> bool {
    let mut mirror = market.chain.mirror.clone();
    let text = Line { seq: mirror.root.seq, event: event.to_owned(), node: None, log: vec![entry] }.render();
    let line = Line::parse(&text).expect("a line").expect("of the journal");
    let height = u32::try_from(market.chain.height).expect("height");
    let context = Context { now_s: market.chain.now(), height, text: &text, ops: &[] };
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
    assert!(refused(&market, "poke", Entry::BatchClosed { batch, fees: Amount(0), refund }));
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
