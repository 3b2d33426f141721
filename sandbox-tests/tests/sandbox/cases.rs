//! Disputes: a jury, an adjudicator, and contracts that are told of the end.

use anyhow::Result;
use near_workspaces::{Account, Contract, types::NearToken};
use piecework_client::calls;
use piecework_interface::{
    call::{BatchSpec, ChallengeArgs, VerdictArgs},
    dispute::adjudicator_bond,
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, LotId, NEAR, TokenId},
    lots::all_items,
    op::{Op, Target},
    skip::Skip,
    terms::{Terms, Verification},
    view::{BatchStatus, Callback, LotPhase},
};
use piecework_replay::Mirror;
use piecework_sandbox_tests::{
    Market, Setup,
    market::{LISTENER, ONE, TOKEN},
    work::skips,
};
use serde_json::{Value, json};

const LOT: LotId = LotId(0);
/// Deposit of a challenge of one item: five jurors' rewards, and a tenth.
const DEPOSIT: u128 = 11 * ONE / 2;
/// Escrow of four items: six copies each, and the fee.
const ESCROW: u128 = 4 * 6 * ONE * 102 / 100;
/// What a slot bonds for one item, yoctoNEAR.
const ITEM_BOND: u128 = 10_u128.pow(22);
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
    let batch = challenged_batch(&market, workers).await?;
    let before = market.replay().await?;

    // When the requester challenges that answer, and five others judge it alone
    let challenged = challenge(&market, batch).await?;
    assert_eq!(market.balance(&market.requester).await?, challenged - DEPOSIT);
    summon(&market, batch, &jurors[0]).await?;
    market.round(batch, LOT, &answers(jurors, &[4])).await?;
    let ruled = market.poke(&market.requester, Target::Lot(batch, LOT)).await?.entries;

    // Then the result is theirs: who was wrong is not paid for it, and pays an award to who said so
    let overturns = |entry: &Entry| matches!(entry, Entry::Ruled { overturned, .. } if overturned.0 == 0b1000);
    assert!(ruled.iter().any(overturns), "{ruled:?}");
    let right = sha256(&[1, 2, 3, 4]);
    let settled = |entry: &Entry| matches!(entry, Entry::Settled { accepted, digest, .. } if accepted.0 == all_items(4) && *digest == right);
    assert!(ruled.iter().any(settled), "{ruled:?}");
    // A fifth of the bond of four items, for the one that was missed.
    let (stake, slash) = (Market::config().min_stake.0, ITEM_BOND / 5);
    for worker in workers {
        assert_eq!(market.balance(worker).await?, 3 * ONE, "three of four answers were right");
        assert_eq!(market.node(worker).await?.stake.0, stake - slash);
    }
    for juror in jurors {
        assert_eq!(market.balance(juror).await?, ONE, "a reward for an item");
        assert_eq!(market.node(juror).await?.stake.0, stake);
    }
    assert_eq!(near(&market, &market.requester).await?, 3 * slash);
    assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    // Of six rewards for the item the jurors have five: the requester pays for twelve copies of items less three, and them.
    let (work, jury) = (9 * ONE, 5 * ONE);
    let fee = work / 50;
    assert_eq!(market.balance(&market.requester).await?, challenged + ESCROW - work - fee - jury);

    // And the journal replays, with no NEAR and no token made or lost
    let after = market.replay().await?;
    assert_eq!(held(&after, NEAR), held(&before, NEAR));
    assert_eq!(held(&after, TOKEN), held(&before, TOKEN));
    assert_eq!(held(&after, TOKEN), market.token_balance(market.coordinator.id()).await?);
    Ok(())
}

#[tokio::test]
async fn challenge__should_cost_a_tenth_where_no_jury_comes_together() -> Result<()> {
    // Given a challenged lot, and three of the five jurors that it needs
    let market = Market::start(Setup { nodes: 6 }).await?;
    let (workers, jurors) = market.nodes.split_at(3);
    let batch = challenged_batch(&market, workers).await?;
    let challenged = challenge(&market, batch).await?;
    summon(&market, batch, &jurors[0]).await?;
    for juror in jurors {
        market.claim(juror, batch, LOT).await?;
        market.commit(juror, batch, LOT, &[4]).await?;
    }

    // When the jury's time is over
    market.advance_s(1_200).await?;
    let freed = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then the result stands, a tenth of the deposit goes to those who did the work, and the jurors have their bonds
    assert!(freed.entries.iter().any(|entry| matches!(entry, Entry::Freed { .. })), "{:?}", freed.result);
    let pot = DEPOSIT / 10;
    for worker in workers {
        assert_eq!(market.balance(worker).await?, 4 * ONE + pot / 3);
    }
    for juror in jurors {
        let node = market.node(juror).await?;
        assert_eq!((market.balance(juror).await?, node.stake.0, node.bonded.0), (0, Market::config().min_stake.0, 0));
    }
    let work = 12 * ONE;
    assert_eq!(market.balance(&market.requester).await?, challenged + ESCROW - work - work / 50 - pot);
    assert_eq!(held(&market.replay().await?, TOKEN), market.token_balance(market.coordinator.id()).await?);
    Ok(())
}

#[tokio::test]
async fn draw__should_wait_until_the_class_has_nodes_for_a_jury() -> Result<()> {
    // Given a batch with a challenge window, in a class of one node less than appeals need
    let market = Market::start(Setup { nodes: 2 }).await?;
    let terms = Terms { challenge_window_s: WINDOW_S, ..market.terms().await? };
    let batch = market.create_batch(terms, 4).await?;
    market.advance_s(2).await?;
    let draw = || Op::Draw { batch, at: At::Group(0) };
    let early = market.work(&market.nodes[0], vec![draw()]).await?;

    // When another node joins the class
    market.register_node(&market.requester).await?;
    let seeded = market.op(&market.nodes[0], draw()).await?;

    // Then the group is drawn, and its lots may be appealed
    assert_eq!(skips(&early), [Skip::FewNodes]);
    assert!(seeded.iter().any(|entry| matches!(entry, Entry::Seeded { appeal: true, .. })), "{seeded:?}");
    market.replay().await.map(drop)
}

#[tokio::test]
async fn verdict__should_pay_each_copy_by_its_score() -> Result<()> {
    // Given a batch that waits for its adjudicator
    let market = Market::start(Setup { nodes: 3 }).await?;
    let adjudicator = market.worker.dev_create_account().await?;
    market.deposit_storage(&adjudicator, NearToken::from_millinear(100)).await?;
    market.fund(&adjudicator, 100 * ONE).await?;
    let number = market.number(&adjudicator).await?;
    let terms = Terms {
        challenge_window_s: WINDOW_S,
        verification: Verification::Adjudicated { adjudicator: number, verdict_ttl_s: 60 },
        ..market.terms().await?
    };
    let bond = adjudicator_bond(&terms);
    let batch = market.create_batch(terms, 4).await?;

    // When it accepts, three copies of different answers are shown, and it scores them
    market.call(&adjudicator, calls::adjudicator_accept(batch)).await?;
    assert_eq!(market.balance(&adjudicator).await?, 100 * ONE - bond);
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let copies: Vec<(&Account, &[u8])> =
        market.nodes.iter().zip([&[1, 1, 1, 1][..], &[2, 2, 2, 2], &[3, 3, 3, 3]]).collect();
    market.round(batch, LOT, &copies).await?;
    let verdict = VerdictArgs { batch, lot: LOT, scores: vec![10_000, 5_000, 0], report: [6; 32] };
    market.call(&adjudicator, calls::verdict(&verdict)).await?;
    assert_eq!(market.lot(batch, LOT).await?.map(|lot| lot.state.phase), Some(LotPhase::Provisional));
    market.advance_s(WINDOW_S + 1).await?;
    let done = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;

    // Then each is paid by its score, what is withheld waits for the treasury, and the bond is back
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Settled { digest, .. } if *digest == [6; 32])));
    for (node, pay) in market.nodes.iter().zip([4 * ONE, 2 * ONE, 0]) {
        assert_eq!(market.balance(node).await?, pay);
    }
    assert_eq!(market.balance(&adjudicator).await?, 100 * ONE);
    let mirror = market.replay().await?;
    assert_eq!(mirror.tokens.get(&TOKEN).map(|token| token.pool.0), Some(6 * ONE + 6 * ONE / 50));
    assert_eq!(held(&mirror, TOKEN), market.token_balance(market.coordinator.id()).await?);
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
    let terms = Terms { start: 1, ..market.terms().await? };
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

/// A lot of four items whose last answer these three nodes agree on, wrongly, while its window is open. The requester has
/// a balance.
async fn challenged_batch(market: &Market, workers: &[Account]) -> Result<BatchId> {
    market.fund(&market.requester, 10 * ONE).await?;
    let terms = Terms { challenge_window_s: WINDOW_S, ..market.terms().await? };
    let batch = market.create_batch(terms, 4).await?;
    market.draw(&workers[0], batch, At::Group(0)).await?;
    market.round(batch, LOT, &answers(workers, &[1, 2, 3, 9])).await?;
    Ok(batch)
}

/// The requester challenges the last answer: its balance before.
async fn challenge(market: &Market, batch: BatchId) -> Result<u128> {
    let before = market.balance(&market.requester).await?;
    let call = ChallengeArgs { batch, lot: LOT, items: vec![3], evidence: [7; 32] };
    let done = market.call(&market.requester, calls::challenge(&call)).await?;
    let is_journalled = |entry: &Entry| matches!(entry, Entry::Challenged { deposit, evidence, replaced: None, .. } if deposit.0 == DEPOSIT && *evidence == [7; 32]);
    assert!(done.entries.iter().any(is_journalled), "{:?}", done.entries);
    Ok(before)
}

/// Ends the lot's window, and has its jury drawn.
async fn summon(market: &Market, batch: BatchId, juror: &Account) -> Result<()> {
    market.advance_s(WINDOW_S + 1).await?;
    let opened = market.poke(&market.requester, Target::Lot(batch, LOT)).await?;
    assert!(opened.entries.iter().any(|entry| matches!(entry, Entry::JuryOpened { .. })), "{:?}", opened.result);
    market.draw(juror, batch, At::Lot(LOT)).await
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

/// Everything that the contract holds in a token, storage deposits aside: of NEAR also what is burnt.
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
        sum += mirror.root.burnt.0;
    }
    sum
}
