//! `work` and `poke` on a market in the middle of its life.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use piecework_compact::codec;
use piecework_interface::{call::{BatchArgs, ChallengeArgs}, draw::At, ids::{BatchId, LotId}, op::{Target, Work}, terms::{Terms, Verification}};

use piecework_fuzz::{
    check::check,
    market::{Market, NODES, terms},
};

/// Bytes before each call: caller, seconds that pass, how long its arguments are (two bytes).
const HEAD: usize = 4;
/// This caller pokes.
const KEEPER: usize = NODES.len();
/// Calls of one input at most.
const CALLS: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    let mut market = start().clone();
    let mut left = bytes;
    let mut changed = false;
    for _ in 0..CALLS {
        let Some((&[who, seconds, low, high], rest)) = left.split_first_chunk::<HEAD>() else { break };
        let (args, rest) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([low, high]))));
        left = rest;
        // Short times, and sometimes long ones.
        market.chain.pass(if seconds < 200 { u32::from(seconds) } else { u32::from(seconds) * 100 });
        let before = (market.chain.storage.clone(), market.chain.lines.len());
        let done = if usize::from(who) % (KEEPER + 1) == KEEPER {
            let targets = codec::decode::<Vec<Target>>(args);
            assert_eq!(targets, borsh::from_slice(args).ok());
            targets.map(|targets| market.chain.poke(&targets))
        } else {
            let ops = codec::decode::<Work>(args).map(|work| work.ops);
            assert_eq!(ops, borsh::from_slice::<Work>(args).ok().map(|work| work.ops));
            ops.map(|ops| market.chain.work(NODES[usize::from(who) % KEEPER], ops))
        };
        match done {
            Some(Ok(_)) => changed = true,
            Some(Err(_)) | None => {
                assert_eq!(before, (market.chain.storage.clone(), market.chain.lines.len()), "a failed call wrote");
            }
        }
    }
    if changed {
        check(&market.chain);
    }
});

/// Lots in every phase: open, claimed, committed, revealing, extended, provisional, on trial; a batch with a single copy,
/// and one that is scored.
fn start() -> &'static Market {
    static START: OnceLock<Market> = OnceLock::new();
    START.get_or_init(|| {
        let mut market = Market::new(NODES.len());
        let now = market.chain.now();
        let batch = market.batch(Terms { challenge_window_s: 600, ..terms(now) }, 18);
        let single = market.batch(Terms { start: 1, lot_size: 1, ..terms(now) }, 3);
        market.draw("a.near", batch, At::Group(0));
        market.round(batch, 0, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[1, 2, 3])]);
        tried(&mut market, batch);
        scored(&mut market, now);
        market.draw("a.near", single, At::Group(0));
        market.round(batch, 5, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[1, 2, 3])]);
        market.round(batch, 1, &[("d.near", &[1, 2, 3]), ("e.near", &[1, 5, 3]), ("f.near", &[1, 6, 3])]);
        for node in ["g.near", "h.near", "i.near"] {
            market.claim(node, batch, 2).expect("claim");
            market.commit(node, batch, 2, &[1, 2, 3]).expect("commit");
        }
        market.claim("g.near", batch, 3).expect("claim");
        market.claim("h.near", batch, 3).expect("claim");
        market.commit("h.near", batch, 3, &[1, 2, 3]).expect("commit");
        market.draw("a.near", batch, At::Lot(LotId(1)));
        market.claim("i.near", single, 0).expect("claim");
        market
    })
}

/// A batch whose adjudicator stands behind it, with a lot that waits for its verdict.
fn scored(market: &mut Market, now: u32) {
    let adjudicator = "a.near";
    let verification = Verification::Adjudicated { adjudicator: market.chain.number(adjudicator), verdict_ttl_s: 600 };
    let batch = market.batch(Terms { verification, start: 1, challenge_window_s: 600, ..terms(now) }, 6);
    market.fund(adjudicator, 10_u128.pow(9));
    market.call(adjudicator, 1, |engine| engine.adjudicator_accept(&BatchArgs { batch })).expect("accepted");
    market.draw("b.near", batch, At::Group(0));
    market.round(batch, 0, &[("b.near", &[1, 2, 3])]);
}

/// The first lot is challenged and has a jury, of whose five two have claimed.
fn tried(market: &mut Market, batch: BatchId) {
    market.fund("requester.near", 10_u128.pow(9));
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0, 2], ..ChallengeArgs::default() };
    market.call("requester.near", 1, |engine| engine.challenge(&args)).expect("challenged");
    market.chain.pass(600);
    market.poke_lot(batch, 0).expect("a jury");
    market.chain.pass(60);
    market.draw("a.near", batch, At::Lot(LotId(0)));
    market.chain.pass(480);
    for juror in ["d.near", "e.near"] {
        market.claim(juror, batch, 0).expect("claim");
    }
}
