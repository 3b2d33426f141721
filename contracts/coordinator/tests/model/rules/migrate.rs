//! Records of release 0.1.0 go on under today's code.

use piecework_coordinator::engine::{
    key::{self, Prefix},
    record::Begun,
};
use piecework_interface::{
    draw::At,
    governance::Change,
    ids::{BatchId, LotId},
    terms::Terms,
    view::BatchStatus,
};

use crate::{
    chain::{CONTRACT, Call, OWNER},
    check::check,
    market::{Market, config, terms},
    release::downgrade,
};

const THREE: [&str; 3] = ["a.near", "b.near", "c.near"];
const RIGHT: [u8; 3] = [1, 2, 3];

/// Announces new code, waits, and runs its first call on the records of the release.
fn upgrade(market: &mut Market) {
    let propose = Call::by(OWNER).with(1);
    let number = market.chain.call(propose, |engine| engine.propose(Change::Code([7; 32]))).expect("proposed");
    market.chain.pass(config().unbonding_s + config().notice_s);
    downgrade(&mut market.chain);
    market.chain.call(Call::by(CONTRACT), |engine| engine.migrate(number)).expect("migrated");
    check(&market.chain);
}

/// A batch of two lots that outlives the wait for an upgrade, drawn.
fn long_batch(market: &mut Market, change: impl FnOnce(&mut Terms)) -> BatchId {
    let now = market.chain.now();
    let mut terms = Terms { claim_ttl_s: 95_000, reveal_window_s: 99_000, expires_at: now + 1_000_000, ..terms(now) };
    change(&mut terms);
    let batch = market.batch(terms, 6);
    market.draw("a.near", batch, At::Group(0));
    batch
}

#[test]
fn migrate__should_go_on_with_lots_of_the_release_before() {
    // Given a lot that is committed, one that is reserved, and one that waits for its extension's commits
    let mut market = Market::new(6);
    let batch = long_batch(&mut market, |_| {});
    for node in THREE {
        market.claim(node, batch, 0).expect("claim");
        market.claim(node, batch, 1).expect("claim");
    }
    for node in THREE {
        market.commit(node, batch, 0, &RIGHT).expect("commit");
    }
    let open = long_batch(&mut market, |_| {});
    let answers: [(&str, &[u8]); 3] = [("d.near", &[1, 2, 3]), ("e.near", &[1, 2, 4]), ("f.near", &[1, 2, 5])];
    market.round(open, 0, &answers);
    market.draw("d.near", open, At::Lot(LotId(0)));

    // When the code changes
    upgrade(&mut market);

    // Then each goes on to its end, and every record on the way is sound
    for node in THREE {
        market.reveal(node, batch, 0, &RIGHT).expect("reveal");
        market.commit(node, batch, 1, &RIGHT).expect("commit");
    }
    for node in THREE {
        market.reveal(node, batch, 1, &RIGHT).expect("reveal");
    }
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
    assert_eq!(market.balance("a.near"), 6_000);
    market.cancel(open).expect("cancel");
    check(&market.chain);
    let purse = key::numbered(Prefix::Purse, batch);
    assert!(!market.chain.storage.contains_key(&purse), "its own row is gone");
}

#[test]
fn migrate__should_keep_what_is_in_flight() {
    // Given a withdrawal that has not answered
    let mut market = Market::new(3);
    let batch = long_batch(&mut market, |_| {});
    market.round(batch, 0, &THREE.map(|node| (node, RIGHT.as_slice())));
    market.chain.withdraw("a.near", market.token, Some(1_000)).expect("withdraw");

    // When the code changes before it does
    upgrade(&mut market);
    market.chain.answer(false);

    // Then a failed transfer is credited back as ever
    check(&market.chain);
    assert_eq!((market.balance("a.near"), market.account("a.near").in_flight), (3_000, 0));
}

#[test]
fn begun__should_tell_of_every_lot_that_may_have_a_record() {
    // Given lots that began while the window moved on
    let mut begun = Begun::default();
    for (frontier, lot) in [(0, 0), (0, 40), (3, 100), (3, 32 * 10 + 31), (9, 32 * 9)] {
        begun.insert(frontier, LotId(lot));
        assert!(begun.contains(LotId(lot)));
    }

    // Then those and all behind the window are known, and nothing else is
    for lot in [32 * 10 + 31, 32 * 9, 32 * 9 - 1, 5] {
        assert!(begun.contains(LotId(lot)), "{lot}");
    }
    for lot in [32 * 9 + 1, 32 * 10, 32 * 16, 32 * 17, u32::MAX] {
        assert!(!begun.contains(LotId(lot)), "{lot}");
    }

    // And where nobody kept it, every lot of the window may have one
    let unknown = Begun::unknown(5);
    assert!((0..32 * 13).all(|lot| unknown.contains(LotId(lot))));
    assert!(!unknown.contains(LotId(32 * 13)));
}
