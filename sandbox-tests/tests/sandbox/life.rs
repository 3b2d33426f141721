//! A batch from escrow to payout.

use anyhow::Result;
use piecework_client::calls;
use piecework_interface::{
    draw::At,
    event::Entry,
    host::sha256,
    ids::{LotId, NEAR},
    op::Op,
    view::BatchStatus,
};
use piecework_sandbox_tests::{
    Market, Setup,
    market::{ONE, REQUESTER_TOKENS, TOKEN},
};

const LOT: LotId = LotId(0);

#[tokio::test]
async fn batch__should_go_from_escrow_to_payout() -> Result<()> {
    // Given three nodes and a batch of two lots, four items and one
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 5).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;

    // When all nodes do both lots and agree
    let nodes: Vec<_> = market.nodes.iter().collect();
    let lot: Vec<_> = nodes.iter().map(|node| (*node, [3, 1, 4, 1].as_slice())).collect();
    let first = market.round(batch, LOT, &lot).await?;
    let last: Vec<_> = nodes.iter().map(|node| (*node, [5].as_slice())).collect();
    let second = market.round(batch, LotId(1), &last).await?;

    // Then every node earned one reward per item, the requester has the rest, and the batch closed by itself
    assert!(first.iter().any(
        |entry| matches!(entry, Entry::Settled { accepted, digest, .. } if accepted.0 == 0b1111 && *digest == sha256(&[3, 1, 4, 1]))
    ));
    assert!(second.iter().any(|entry| matches!(entry, Entry::BatchClosed { .. })));
    for node in &market.nodes {
        assert_eq!(market.balance(node).await?, 5 * ONE);
        let node = market.node(node).await?;
        assert_eq!((node.bonded.0, node.reservations, node.settled), (0, 0, 2));
        assert!(node.classes[0].reputation > 5_000);
    }
    let pay = 3 * 5 * ONE;
    let fee = pay / 50;
    let escrow = (5 * 6 * ONE) * 102 / 100;
    assert_eq!(market.balance(&market.requester).await?, escrow - pay - fee);
    assert_eq!(market.token_balance(market.requester.id()).await?, REQUESTER_TOKENS - escrow);
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    market.verify_journal().await
}

#[tokio::test]
async fn withdraw__should_move_a_reward_to_the_token() -> Result<()> {
    // Given a node that earned
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 1).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let answers: Vec<_> = market.nodes.iter().map(|node| (node, [9].as_slice())).collect();
    market.round(batch, LOT, &answers).await?;
    let node = &market.nodes[0];
    market.register_on_token(node.id()).await?;

    // When it withdraws
    let done = market.withdraw(node, TOKEN).await?;

    // Then the reward is its own on the token
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Withdrawn { ok: true, .. })));
    assert_eq!(market.token_balance(node.id()).await?, ONE);
    assert_eq!(market.balance(node).await?, 0);
    market.verify_journal().await
}

#[tokio::test]
async fn extension__should_decide_what_round_0_left_open() -> Result<()> {
    // Given six nodes and one lot of four items on which one of three copies differs in item 2
    let market = Market::start(Setup { nodes: 6 }).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.advance_s(3).await?;
    let [a, b, c, d, e, f] = market.nodes.as_slice() else { unreachable!("six nodes") };
    let tally = market.round(batch, LOT, &[(a, &[1, 2, 3, 4]), (b, &[1, 2, 3, 4]), (c, &[1, 2, 8, 4])]).await?;
    assert!(tally.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 0b100)));

    // When three others judge that item alone and agree with the majority
    market.draw(d, batch, At::Lot(LOT)).await?;
    market.advance_s(2).await?;
    market.round(batch, LOT, &[(d, &[3]), (e, &[3]), (f, &[3])]).await?;

    // Then the majority is paid in full, the dissenter less and slashed, the others half a reward
    for (node, half_units) in [(a, 8), (b, 8), (c, 6), (d, 1), (e, 1), (f, 1)] {
        assert_eq!(market.balance(node).await?, half_units * ONE / 2);
    }
    let stake = Market::config().min_stake.0;
    assert_eq!(market.node(a).await?.stake.0, stake);
    let bond = 4 * 10_u128.pow(22);
    let lost = stake - market.node(c).await?.stake.0;
    assert!(lost.abs_diff(bond / 5 / 4) <= 1, "a fifth of the bond for one of four items, not {lost}");
    market.verify_journal().await
}

#[tokio::test]
async fn stake__should_leave_after_its_unbonding_time_only() -> Result<()> {
    // Given a node that takes its stake out
    let market = Market::start(Setup { nodes: 1 }).await?;
    let node = &market.nodes[0];
    market.call(node, calls::stake_remove(None)).await?;

    // When it claims too early, and again in time
    let early = market.send(node, calls::stake_claim()).await?;
    market.advance_s(61).await?;
    market.call(node, calls::stake_claim()).await?;

    // Then only the second moved it, and it can be withdrawn as NEAR
    assert!(early.result.is_failure());
    assert_eq!(market.node(node).await?.stake.0, 0);
    let before = market.near_balance(node).await?;
    market.withdraw(node, NEAR).await?.result.into_result()?;
    let gained = market.near_balance(node).await? - before;
    assert!(gained > 99 * Market::config().min_stake.0 / 100);
    Ok(())
}

#[tokio::test]
async fn work__should_take_many_lots_in_one_call() -> Result<()> {
    // Given a batch of eight lots of one copy each
    let market = Market::start(Setup { nodes: 1 }).await?;
    let node = &market.nodes[0];
    let mut terms = market.terms().await?;
    terms.start = 1;
    let batch = market.create_batch(terms, 8).await?;
    market.draw(node, batch, At::Group(0)).await?;

    // When its only node claims both lots in one call
    let claims = (0..2).map(|lot| Op::Claim { batch, lot: LotId(lot) }).collect();
    let entries = market.work(node, claims).await?;

    // Then it holds both
    let claimed = entries.iter().filter(|entry| matches!(entry, Entry::Claimed { .. })).count();
    assert_eq!(claimed, 2);
    assert_eq!(market.node(node).await?.reservations, 2);
    market.verify_journal().await
}
