//! Every time-out has an exit that anyone can trigger.

use anyhow::Result;
use piecework_client::{Call, calls};
use piecework_interface::{
    draw::At,
    event::Entry,
    ids::{BatchId, LotId},
    op::{Op, Target},
    skip::Skip,
    view::{BatchStatus, LotPhase, NodeStatus},
};
use piecework_sandbox_tests::{Market, Setup, market::ONE, work::skips};

const LOT: LotId = LotId(0);
const ANSWERS: &[u8] = &[1, 2, 3, 4];

/// A market with an open batch of one lot of four items, its seed captured and the bar down.
async fn market_with_lot(nodes: usize) -> Result<(Market, BatchId)> {
    let market = Market::start(Setup { nodes }).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.advance_s(3).await?;
    Ok((market, batch))
}

#[tokio::test]
async fn reservation__should_be_replaced_and_slashed_when_it_ran_out() -> Result<()> {
    // Given three seats taken, one by a node that is gone
    let (market, batch) = market_with_lot(4).await?;
    let [a, b, gone, d] = market.nodes.as_slice() else { unreachable!("four nodes") };
    for node in [a, b, gone] {
        market.claim(node, batch, LOT).await?;
    }
    market.commit(a, batch, LOT, ANSWERS).await?;
    market.commit(b, batch, LOT, ANSWERS).await?;

    // When its reservation runs out and another node claims
    market.advance_s(31).await?;
    let entries = market.claim(d, batch, LOT).await?;
    market.commit(d, batch, LOT, ANSWERS).await?;
    for node in [a, b, d] {
        market.reveal(node, batch, LOT, ANSWERS).await?;
    }

    // Then the seat went over, the absent node lost a fifth of its bond, and the others are paid
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Claimed { replaced: Some(_), .. })));
    let absent = market.node(gone).await?;
    let lost = Market::config().min_stake.0 - absent.stake.0;
    assert!(lost.abs_diff(4 * 10_u128.pow(22) / 5) <= 1, "{lost}");
    assert_eq!((absent.bonded.0, absent.reservations), (0, 0));
    for node in [a, b, d] {
        assert_eq!(market.balance(node).await?, 4 * ONE);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn round__should_end_with_two_of_three_copies() -> Result<()> {
    // Given two commits and a seat that nobody takes
    let (market, batch) = market_with_lot(3).await?;
    let [a, b, keeper] = market.nodes.as_slice() else { unreachable!("three nodes") };
    for node in [a, b] {
        market.claim(node, batch, LOT).await?;
        market.commit(node, batch, LOT, ANSWERS).await?;
    }
    let early = market.poke(keeper, Target::Lot(batch, LOT)).await?;
    assert!(early.result.is_failure(), "nothing is due yet");

    // When three times the reservation time has passed and anyone pokes
    market.advance_s(91).await?;
    market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    assert_eq!(market.lot(batch, LOT).await?.map(|lot| lot.state.phase), Some(LotPhase::Revealing));
    market.reveal(a, batch, LOT, ANSWERS).await?;
    let tallied = market.reveal(b, batch, LOT, ANSWERS).await?;

    // Then two of three seats are no result of three that must agree, and its extension is not cut short by a cancel
    assert!(tallied.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 0b1111)));
    market.call(&market.requester, calls::batch_cancel(batch)).await?;
    assert!(market.poke(keeper, Target::Lot(batch, LOT)).await?.result.is_failure(), "the extension runs");
    market.advance_s(91).await?;
    market.poke(keeper, Target::Lot(batch, LOT)).await?.result.into_result()?;

    // And where it finds no node, both are paid as the largest group
    for node in [a, b] {
        assert_eq!(market.balance(node).await?, 4 * ONE);
        assert_eq!(market.node(node).await?.stake.0, Market::config().min_stake.0);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn silence__should_cost_the_bond_and_stop_nobody() -> Result<()> {
    // Given three commits and a node that does not reveal
    let (market, batch) = market_with_lot(3).await?;
    let [a, b, silent] = market.nodes.as_slice() else { unreachable!("three nodes") };
    let mut terms_quorum_two = market.terms().await?;
    terms_quorum_two.quorum_pct = 60;
    let batch = {
        let other = market.create_batch(terms_quorum_two, 4).await?;
        assert_ne!(other, batch);
        other
    };
    market.draw(a, batch, At::Group(0)).await?;
    for node in [a, b, silent] {
        market.claim(node, batch, LOT).await?;
    }
    for node in [a, b, silent] {
        market.commit(node, batch, LOT, ANSWERS).await?;
    }
    market.reveal(a, batch, LOT, ANSWERS).await?;
    market.reveal(b, batch, LOT, ANSWERS).await?;

    // When the window and the grace have passed
    let early = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    market.advance_s(24).await?;
    let late = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then anyone settles the lot, the silent node loses its bond, and the others are paid
    assert!(early.result.is_failure());
    assert!(late.entries.iter().any(|entry| matches!(entry, Entry::Settled { .. })), "{:?}", late.result);
    assert_eq!(market.balance(a).await?, 4 * ONE);
    assert_eq!(market.balance(silent).await?, 0);
    let lost = Market::config().min_stake.0 - market.node(silent).await?.stake.0;
    assert!(lost.abs_diff(4 * 10_u128.pow(22)) <= 1, "{lost}");
    market.verify_journal().await
}

#[tokio::test]
async fn extension__should_end_unresolved_when_nobody_comes() -> Result<()> {
    // Given a network of three nodes and an item on which one of them differs
    let (market, batch) = market_with_lot(3).await?;
    let [a, b, c] = market.nodes.as_slice() else { unreachable!("three nodes") };
    market.round(batch, LOT, &[(a, ANSWERS), (b, ANSWERS), (c, &[1, 2, 3, 9])]).await?;

    // When the extension's time runs out without a seat taken
    market.advance_s(91).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then the item is unresolved, its larger group is paid, and no node is slashed
    assert!(
        done.entries.iter().any(|entry| matches!(entry, Entry::Settled { accepted, .. } if accepted.0 == 0b111)),
        "{:?}",
        done.result
    );
    for (node, half_units) in [(a, 8), (b, 8), (c, 6)] {
        assert_eq!(market.balance(node).await?, half_units * ONE / 2);
        assert_eq!(market.node(node).await?.stake.0, Market::config().min_stake.0);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn extension__should_hear_a_lone_commit() -> Result<()> {
    // Given an extension in which one node of three committed
    let (market, batch) = market_with_lot(4).await?;
    let [a, b, c, lone] = market.nodes.as_slice() else { unreachable!("four nodes") };
    market.round(batch, LOT, &[(a, ANSWERS), (b, ANSWERS), (c, &[1, 2, 3, 9])]).await?;
    market.draw(lone, batch, At::Lot(LOT)).await?;
    market.claim(lone, batch, LOT).await?;
    market.commit(lone, batch, LOT, &[4]).await?;

    // When the extension's time runs out, and it reveals
    market.advance_s(91).await?;
    let turned = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    let settled = market.reveal(lone, batch, LOT, &[4]).await?;

    // Then its item has no result, the largest group is paid for it, in the extension by half, and no node is slashed
    assert!(turned.entries.iter().any(|entry| matches!(entry, Entry::Revealing { .. })), "{:?}", turned.result);
    assert!(settled.iter().any(|entry| matches!(entry, Entry::Settled { accepted, .. } if accepted.0 == 0b111)));
    for (node, half_units) in [(a, 8), (b, 8), (c, 6), (lone, 1)] {
        assert_eq!(market.balance(node).await?, half_units * ONE / 2);
        let node = market.node(node).await?;
        assert_eq!((node.stake.0, node.bonded.0), (Market::config().min_stake.0, 0));
    }
    market.verify_journal().await
}

#[tokio::test]
async fn round_0__should_turn_to_reveals_with_one_commit() -> Result<()> {
    // Given a lot with one commit whose time for claims is over
    let (market, batch) = market_with_lot(3).await?;
    let [a, b, _] = market.nodes.as_slice() else { unreachable!("three nodes") };
    market.claim(a, batch, LOT).await?;
    market.commit(a, batch, LOT, ANSWERS).await?;
    let early = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    market.advance_s(91).await?;
    let late = market.work(b, vec![Op::Claim { batch, lot: LOT }]).await?;

    // When anyone pokes, and it reveals
    market.poke(&market.requester, Target::Lot(batch, LOT)).await?.result.into_result()?;
    let tallied = market.reveal(a, batch, LOT, ANSWERS).await?;

    // Then one of three is no result, and the extension begins
    assert!(early.result.is_failure());
    assert_eq!(skips(&late), [Skip::ClosedToClaims]);
    assert!(tallied.iter().any(|entry| matches!(entry, Entry::Extended { items, .. } if items.0 == 0b1111)));
    market.verify_journal().await
}

#[tokio::test]
async fn round_0__should_take_claims_as_long_as_there_is_no_commit() -> Result<()> {
    // Given a lot with a reservation that ran out, whose time for claims is over
    let (market, batch) = market_with_lot(3).await?;
    let [a, b, c] = market.nodes.as_slice() else { unreachable!("three nodes") };
    market.claim(a, batch, LOT).await?;
    market.advance_s(91).await?;
    let poke = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // When others claim after all, and all commit and reveal
    for node in [b, c] {
        market.claim(node, batch, LOT).await?;
    }
    for node in [a, b, c] {
        market.commit(node, batch, LOT, ANSWERS).await?;
    }
    for node in [a, b, c] {
        market.reveal(node, batch, LOT, ANSWERS).await?;
    }

    // Then nothing was due, the clock began anew, and all three are paid
    assert!(poke.result.is_failure());
    for node in [a, b, c] {
        assert_eq!(market.balance(node).await?, 4 * ONE);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn extension__should_run_although_the_batch_is_cancelled() -> Result<()> {
    // Given two nodes of one hand, of which one dissents so that round 0 has no result
    let (market, batch) = market_with_lot(6).await?;
    let [a, dissenter, c, d, e, f] = market.nodes.as_slice() else { unreachable!("six nodes") };
    market.round(batch, LOT, &[(a, ANSWERS), (dissenter, &[9, 9, 9, 9]), (c, ANSWERS)]).await?;

    // When the requester, who is with them, cancels
    market.call(&market.requester, calls::batch_cancel(batch)).await?;
    let poke = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then the extension runs all the same, and decides: the dissenter is slashed and gets nothing
    assert!(poke.result.is_failure());
    market.draw(d, batch, At::Lot(LOT)).await?;
    market.round(batch, LOT, &[(d, ANSWERS), (e, ANSWERS), (f, ANSWERS)]).await?;
    for (node, half_units) in [(a, 8), (dissenter, 0), (c, 8), (d, 4), (e, 4), (f, 4)] {
        assert_eq!(market.balance(node).await?, half_units * ONE / 2);
    }
    let lost = Market::config().min_stake.0 - market.node(dissenter).await?.stake.0;
    assert_eq!(lost, 4 * 10_u128.pow(22) / 5, "a fifth of the bond");
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    market.verify_journal().await
}

#[tokio::test]
async fn result__should_settle_for_anyone_when_its_challenge_window_is_over() -> Result<()> {
    // Given a tallied lot of a batch whose results may be challenged
    let market = Market::start(Setup { nodes: 3 }).await?;
    let mut terms = market.terms().await?;
    terms.challenge_window_s = 60;
    let batch = market.create_batch(terms, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let answers: Vec<_> = market.nodes.iter().map(|node| (node, ANSWERS)).collect();
    let tallied = market.round(batch, LOT, &answers).await?;
    let early = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    let before = market.balance(&market.nodes[0]).await?;

    // When the window has passed and anyone pokes
    market.advance_s(61).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then only now it is settled and paid
    assert!(tallied.iter().any(|entry| matches!(entry, Entry::Provisional { .. })));
    assert!(early.result.is_failure());
    assert_eq!(before, 0);
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Settled { .. })), "{:?}", done.result);
    for node in &market.nodes {
        assert_eq!(market.balance(node).await?, 4 * ONE);
        assert_eq!(market.node(node).await?.bonded.0, 0);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn expiry__should_hear_a_lone_commit_and_return_the_rest() -> Result<()> {
    // Given a batch with one commit
    let (market, batch) = market_that_expires().await?;
    let a = &market.nodes[0];
    market.claim(a, batch, LOT).await?;
    market.commit(a, batch, LOT, ANSWERS).await?;

    // When the batch expires, anyone pokes, it reveals, and no node comes to the extension
    market.advance_s(130).await?;
    market.poke(&market.requester, Target::Lot(batch, LOT)).await?.result.into_result()?;
    market.reveal(a, batch, LOT, ANSWERS).await?;
    market.advance_s(91).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then it is paid as the largest group, with its bond back, and the requester has the rest
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Settled { accepted, .. } if accepted.0 == 0)));
    close(&market, batch).await?;
    assert_eq!((market.balance(a).await?, market.node(a).await?.bonded.0), (4 * ONE, 0));
    assert_eq!(market.balance(&market.requester).await?, (4 * 6 - 4) * ONE * 102 / 100);
    market.verify_journal().await
}

#[tokio::test]
async fn expiry__should_return_the_escrow_where_nothing_was_committed() -> Result<()> {
    // Given a batch with one reservation
    let (market, batch) = market_that_expires().await?;
    let a = &market.nodes[0];
    market.claim(a, batch, LOT).await?;

    // When the batch expires and anyone pokes
    market.advance_s(130).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then the requester has the whole escrow, and the node its bond, less a fifth
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Freed { .. })), "{:?}", done.result);
    close(&market, batch).await?;
    let node = market.node(a).await?;
    assert_eq!((node.bonded.0, Market::config().min_stake.0 - node.stake.0), (0, 4 * 10_u128.pow(22) / 5));
    assert_eq!(market.balance(&market.requester).await?, 4 * 6 * ONE * 102 / 100);
    market.verify_journal().await
}

/// A market whose batch of one lot of four items expires in two minutes, its seed captured and the bar down.
async fn market_that_expires() -> Result<(Market, BatchId)> {
    let market = Market::start(Setup { nodes: 3 }).await?;
    let mut terms = market.terms().await?;
    terms.expires_at = market.now_s().await? + 120;
    let batch = market.create_batch(terms, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    Ok((market, batch))
}

/// Closes a batch of which nothing is live, if it has not closed by itself.
async fn close(market: &Market, batch: BatchId) -> Result<()> {
    if market.batch(batch).await?.status != BatchStatus::Closed {
        market.poke(&market.requester, Target::Batch(batch)).await?;
    }
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    Ok(())
}

#[tokio::test]
async fn cancel__should_let_live_lots_end_and_return_the_rest() -> Result<()> {
    // Given a batch of two lots, one of them committed by all
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 8).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.advance_s(3).await?;
    for node in &market.nodes {
        market.claim(node, batch, LOT).await?;
    }
    for node in &market.nodes {
        market.commit(node, batch, LOT, ANSWERS).await?;
    }

    // When the requester cancels and the lot is revealed
    let stranger = market.send(&market.nodes[0], calls::batch_cancel(batch)).await?;
    assert!(stranger.result.is_failure(), "only the requester cancels");
    market.call(&market.requester, calls::batch_cancel(batch)).await?;
    for node in &market.nodes {
        market.reveal(node, batch, LOT, ANSWERS).await?;
    }

    // Then honest work is paid, the rest is back, and the batch is closed
    assert_eq!(market.balance(&market.nodes[0]).await?, 4 * ONE);
    let escrow = 8 * 6 * ONE * 102 / 100;
    assert_eq!(market.balance(&market.requester).await?, escrow - 12 * ONE * 102 / 100);
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    market.verify_journal().await
}

#[tokio::test]
async fn silent_node__should_be_made_inactive_and_return_by_a_heartbeat() -> Result<()> {
    // Given a node that was not heard from for longer than the liveness window
    let market = Market::start(Setup { nodes: 2 }).await?;
    let silent = &market.nodes[0];
    let number = market.number(silent).await?;
    let early = market.poke(&market.requester, Target::Node(number)).await?;
    market.advance_s(121).await?;

    // When anyone pokes it, and it sends a heartbeat later
    market.poke(&market.requester, Target::Node(number)).await?;
    let made_silent = market.node(silent).await?.status;
    // Its number spares a look-up, and may be left out.
    market.call(silent, Call { args: b"{}".to_vec(), ..calls::heartbeat(number) }).await?;

    // Then it was inactive in between
    assert!(early.result.is_failure());
    assert_eq!(made_silent, NodeStatus::Silent);
    assert_eq!(market.node(silent).await?.status, NodeStatus::Active);
    market.verify_journal().await
}

#[tokio::test]
async fn late_commit__should_count_until_the_slot_is_replaced() -> Result<()> {
    // Given a reservation that ran out and was not replaced
    let (market, batch) = market_with_lot(3).await?;
    let a = &market.nodes[0];
    market.claim(a, batch, LOT).await?;
    market.advance_s(31).await?;

    // When the node commits late
    market.commit(a, batch, LOT, ANSWERS).await?;

    // Then it counts, and an op on a lot that nobody holds is skipped
    let lot = market.lot(batch, LOT).await?;
    assert_eq!(lot.map(|lot| lot.state.commits()), Some(1));
    let skipped = market.work(a, vec![Op::Release { batch, lot: LotId(9) }]).await?;
    assert_eq!(skips(&skipped).len(), 1);
    market.verify_journal().await
}
