//! Disputes: a jury, an adjudicator, and contracts that are told of the end.

use anyhow::{Context as _, Result};
use near_workspaces::{Account, Contract, types::NearToken};
use piecework_client::calls;
use piecework_interface::{
    call::{BatchSpec, ChallengeArgs, VerdictArgs},
    dispute::{adjudicator_bond, challenge_bond},
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, LotId, NEAR, TokenId},
    lots::all_items,
    op::Target,
    terms::{Terms, Verification},
    view::{BatchStatus, Callback, LotPhase, OpenBatch},
};
use piecework_replay::Mirror;
use piecework_sandbox_tests::{
    Market, Setup,
    market::{LISTENER, ONE, TOKEN},
};
use serde_json::{Value, json};

const LOT: LotId = LotId(0);
/// The challenge window: a challenge fits into it where blocks are slow.
const WINDOW_S: u32 = 30;

/// Panics when it is told.
const PANICS: &str = r#"
(module
  (import "env" "panic" (func $panic))
  (memory 1)
  (func (export "on_piecework_results") (call $panic)))
"#;

#[tokio::test]
async fn challenge__should_overturn_a_wrong_majority_by_a_jury_of_five() -> Result<()> {
    // Given eight nodes, and a lot whose three copies agree on a wrong last answer
    let market = Market::start(Setup { nodes: 8 }).await?;
    let (workers, jurors) = market.nodes.split_at(3);
    let terms = Terms { max: 3, challenge_window_s: WINDOW_S, ..market.terms().await? };
    let batch = market.create_batch(terms, 4).await?;
    market.draw(&workers[0], batch, At::Group(0)).await?;
    market.round(batch, LOT, &answers(workers, &[1, 2, 3, 9])).await?;
    let before = market.replay().await?;

    // When the requester challenges that answer, and five others judge it and one more
    let open = open(&market, batch).await?;
    let bond = challenge_bond(&open.terms, &open.fixed, 4, 0b1000);
    let call = ChallengeArgs { batch, lot: LOT, items: vec![3] };
    market.call(&market.requester, calls::challenge(&call, bond)).await?;
    market.advance_s(WINDOW_S + 1).await?;
    let opened = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    assert!(opened.entries.iter().any(|entry| matches!(entry, Entry::JuryOpened { .. })), "{:?}", opened.result);
    market.draw(&jurors[0], batch, At::Lot(LOT)).await?;
    market.advance_s(4).await?;
    let case = market.lot(batch, LOT).await?.and_then(|lot| lot.state.case).context("a case")?;
    assert_eq!((case.jury_items & 0b1000, case.jury_items.count_ones()), (0b1000, 2));
    let judged: Vec<u8> = (0..4).filter(|item| case.jury_items & (1 << item) != 0).map(|item| item + 1).collect();
    market.round(batch, LOT, &answers(jurors, &judged)).await?;
    let ruled = market.poke(&market.requester, Target::Lot(batch, LOT)).await?.entries;

    // Then the result is theirs, and what they cost is paid by those who were wrong
    let overturns = |entry: &Entry| matches!(entry, Entry::Ruled { overturned, .. } if overturned.0 == 0b1000);
    assert!(ruled.iter().any(overturns), "{ruled:?}");
    let right = sha256(&[1, 2, 3, 4]);
    let settled = |entry: &Entry| matches!(entry, Entry::Settled { accepted, digest, .. } if accepted.0 == all_items(4) && *digest == right);
    assert!(ruled.iter().any(settled), "{ruled:?}");
    let stake = Market::config().min_stake.0;
    for worker in workers {
        assert_eq!(market.balance(worker).await?, 3 * ONE, "three of four answers were right");
        assert!(market.node(worker).await?.stake.0 < stake);
    }
    for juror in jurors {
        assert!(near(&market, juror).await? > 0);
        assert_eq!(market.node(juror).await?.stake.0, stake);
    }
    // Shares of what three slots owe are rounded up, and the challenger gets what is over.
    assert!((bond..=bond + 2).contains(&near(&market, &market.requester).await?));
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);

    // And the journal replays, with no NEAR and no token made or lost
    let after = market.replay().await?;
    assert_eq!(held(&after, NEAR), held(&before, NEAR) + bond);
    assert_eq!(held(&after, TOKEN), held(&before, TOKEN));
    assert_eq!(held(&after, TOKEN), market.token_balance(market.coordinator.id()).await?);
    Ok(())
}

#[tokio::test]
async fn verdict__should_pay_each_copy_by_its_score() -> Result<()> {
    // Given a batch that waits for its adjudicator
    let market = Market::start(Setup { nodes: 3 }).await?;
    let adjudicator = market.worker.dev_create_account().await?;
    market.deposit_storage(&adjudicator, NearToken::from_millinear(100)).await?;
    let number = market.number(&adjudicator).await?;
    let terms = Terms {
        max: 3,
        challenge_window_s: WINDOW_S,
        verification: Verification::Adjudicated { adjudicator: number, verdict_ttl_s: 60 },
        ..market.terms().await?
    };
    let batch = market.create_batch(terms, 4).await?;
    let open = open(&market, batch).await?;
    let bond = adjudicator_bond(&open.terms, &open.fixed);

    // When it accepts, three copies of different answers are shown, and it scores them
    market.call(&adjudicator, calls::adjudicator_accept(batch, bond)).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let copies: Vec<(&Account, &[u8])> =
        market.nodes.iter().zip([&[1, 1, 1, 1][..], &[2, 2, 2, 2], &[3, 3, 3, 3]]).collect();
    market.round(batch, LOT, &copies).await?;
    let verdict = VerdictArgs { batch, lot: LOT, scores: vec![10_000, 5_000, 0], report: [6; 32] };
    market.call(&adjudicator, calls::verdict(&verdict)).await?;
    assert_eq!(market.lot(batch, LOT).await?.map(|lot| lot.state.phase), Some(LotPhase::Provisional));
    market.advance_s(WINDOW_S + 1).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then each is paid by its score, the report stands for the result, and the bond is back
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Settled { digest, .. } if *digest == [6; 32])));
    for (node, pay) in market.nodes.iter().zip([4 * ONE, 2 * ONE, 0]) {
        assert_eq!(market.balance(node).await?, pay);
    }
    assert_eq!(near(&market, &adjudicator).await?, bond);
    assert_eq!(held(&market.replay().await?, TOKEN), market.token_balance(market.coordinator.id()).await?);
    Ok(())
}

#[tokio::test]
async fn callback__should_tell_a_contract_of_the_results() -> Result<()> {
    // Given a closed batch with a listener
    let market = Market::start(Setup { nodes: 1 }).await?;
    let listener = deploy(&market, LISTENER).await?;
    let batch = closed_batch(&market, &listener).await?;

    // When anybody pokes it
    let done = market.poke_with(&market.nodes[0], Target::Batch(batch), 10).await?;

    // Then the listener knows the root, and is told once
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::BatchTold { .. })), "{:?}", done.result);
    let heard: Value = market.view_of(listener.id(), "heard", &json!({})).await?;
    let closed = market.batch(batch).await?;
    let requester = market.number(&market.requester).await?;
    let expected = json!({ "batch": batch, "requester": requester, "settled": 1, "results_root": hex::encode(closed.results_root) });
    assert_eq!((heard, closed.callback), (expected, None));
    assert!(market.poke_with(&market.nodes[0], Target::Batch(batch), 10).await?.result.is_failure());
    market.replay().await.map(drop)
}

#[tokio::test]
async fn callback__should_block_nothing_when_it_panics() -> Result<()> {
    // Given a closed batch whose listener panics
    let market = Market::start(Setup { nodes: 1 }).await?;
    let listener = deploy(&market, PANICS).await?;
    let batch = closed_batch(&market, &listener).await?;
    let node = &market.nodes[0];
    let before = market.balance(node).await?;

    // When it is told
    let done = market.poke_with(node, Target::Batch(batch), 10).await?;

    // Then its panic fails its own receipt alone, and all money is where it was
    assert!(done.result.is_success(), "{:?}", done.result);
    assert_eq!(done.result.receipt_failures().len(), 1);
    assert_eq!(market.batch(batch).await?.callback, None);
    assert_eq!(market.balance(node).await?, before);
    market.register_on_token(node.id()).await?;
    assert!(
        market.withdraw(node, TOKEN).await?.entries.iter().any(|it| matches!(it, Entry::Withdrawn { ok: true, .. }))
    );
    market.replay().await.map(drop)
}

/// A batch of one item that its only node did, with this listener.
async fn closed_batch(market: &Market, listener: &Contract) -> Result<BatchId> {
    let terms = Terms { start: 1, max: 1, ..market.terms().await? };
    let callback = Callback { account_id: listener.id().to_string(), tgas: 10 };
    let spec = BatchSpec { terms, items: 1, manifest: [1; 32], callback: Some(callback), ..BatchSpec::default() };
    let batch = market.post_batch(spec).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.round(batch, LOT, &answers(&market.nodes[..1], &[5])).await?;
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    Ok(batch)
}

async fn deploy(market: &Market, text: &str) -> Result<Contract> {
    Ok(market.worker.dev_deploy(&wat::parse_str(text)?).await?)
}

async fn open(market: &Market, batch: BatchId) -> Result<OpenBatch> {
    market.batch(batch).await?.open.context("the batch is open")
}

/// The same answers of each of these nodes.
fn answers<'a>(nodes: &'a [Account], answers: &'a [u8]) -> Vec<(&'a Account, &'a [u8])> {
    nodes.iter().map(|node| (node, answers)).collect()
}

/// Internal balance in NEAR.
async fn near(market: &Market, account: &Account) -> Result<u128> {
    let balances = market.account(account).await?.balances;
    Ok(balances.iter().find(|balance| balance.token == NEAR).map_or(0, |balance| balance.amount.0))
}

/// Everything that the contract owes in a token, storage deposits aside.
fn held(mirror: &Mirror, token: TokenId) -> u128 {
    let accounts = || mirror.accounts.values().map(|named| &named.row);
    let open = || mirror.batches.values().filter_map(|batch| batch.open.as_ref());
    let balances = accounts().flat_map(|account| &account.balances).filter(|balance| balance.token == token);
    let mut sum: u128 = balances.map(|balance| balance.amount.0).sum();
    sum += open().filter(|open| open.token == token).map(|open| open.escrow.0).sum::<u128>();
    sum += mirror.tokens.get(&token).map_or(0, |token| token.pool.0);
    if token == NEAR {
        let nodes = accounts().filter_map(|account| account.node.as_ref());
        sum += nodes.map(|node| node.stake.0 + node.unbonding.0).sum::<u128>();
        sum += mirror.root.insurance.0;
        sum += open().filter_map(|open| open.progress.adjudicator_bond).map(|bond| bond.0).sum::<u128>();
        let cases = mirror.lots.values().filter_map(|lot| lot.case.as_ref());
        sum += cases.flat_map(|case| &case.challenges).map(|challenge| challenge.bond.0).sum::<u128>();
    }
    sum
}
