//! A batch from escrow to payout.

use piecework_interface::{
    draw::At,
    ids::LotId,
    view::{BatchStatus, LotPhase},
};

use super::market::{Market, REQUESTER, terms};

#[test]
fn batch__should_pay_agreeing_nodes_and_close_by_itself() {
    // Given a batch of two lots with a 5 % fee.
    let mut market = Market::new(6);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 4);
    let before = market.balance(REQUESTER);
    market.draw("a.near", batch, At::Group(0));

    // When three nodes agree on the first lot of three items and the last lot of one.
    market.round(batch, 0, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 2, 3]), ("c.near", &[1, 2, 3])]);
    market.round(batch, 1, &[("d.near", &[9]), ("e.near", &[9]), ("f.near", &[9])]);

    // Then they are paid per item, the fee is on what was paid, and the rest of the escrow is back.
    assert_eq!(market.balance("a.near"), 3_000);
    assert_eq!(market.balance("f.near"), 1_000);
    let escrow = 4 * 1_000 * 6 * 105 / 100;
    let paid = 4 * 3 * 1_000;
    assert_eq!(market.balance(REQUESTER), before + escrow - paid - paid * 5 / 100);
    let row = market.view_batch(batch);
    assert_eq!((row.status, row.settled), (BatchStatus::Closed, 2));
    assert_eq!(market.node("a.near").bonded.0, 0);
    assert_eq!(market.node("a.near").settled, 1);
}

#[test]
fn extension__should_judge_only_open_items() {
    // Given a lot whose second item has no two equal answers.
    let mut market = Market::new(6);
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", &[1, 2, 3]), ("b.near", &[1, 5, 3]), ("c.near", &[1, 6, 3])]);
    let lot = market.lot(batch, 0).expect("live");
    assert_eq!((lot.phase, lot.round, lot.open_items), (LotPhase::Working, 1, 0b10));

    let burnt = market.chain.mirror.root.burnt.0;

    // When three others agree on 5.
    market.draw("d.near", batch, At::Lot(LotId(0)));
    market.round(batch, 0, &[("d.near", &[5]), ("e.near", &[5]), ("f.near", &[5])]);

    // Then b was right, a and c lose a fifth of a third of their bonds, and the new ones earn half: round 0 had no largest group to confirm or overturn.
    assert_eq!(market.balance("a.near"), 2_000);
    assert_eq!(market.balance("b.near"), 3_000);
    assert_eq!(market.balance("d.near"), 500);
    let bond = 3_000 * (1_u128 << 40) / (1 << 32);
    let slash = bond * 20 / 300;
    assert_eq!(market.node("a.near").stake.0, 10 * super::chain::NEAR - slash);
    assert_eq!(market.chain.mirror.root.burnt.0, burnt + 2 * slash);
    assert_eq!(market.view_batch(batch).status, BatchStatus::Closed);
}
