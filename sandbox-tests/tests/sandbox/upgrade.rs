//! Code that was announced replaces the code that runs, in the middle of everything.

use anyhow::Result;
use piecework_client::calls;
use piecework_interface::{draw::At, governance::Change, host::sha256, ids::LotId, view::BatchStatus};
use piecework_sandbox_tests::{
    Market, Setup,
    market::{ONE, wasm},
};

const LOT: LotId = LotId(0);

/// Today's code as another release: a custom section at its end, which no machine executes, gives it another hash.
fn next_release() -> Result<Vec<u8>> {
    /// Number of a custom section, its length, the length of its name, its name.
    const SECTION: &[u8] = b"\x00\x05\x04next";
    Ok([&wasm("piecework_coordinator")?, SECTION].concat())
}

async fn propose(market: &Market, code: &[u8]) -> Result<()> {
    market.call(market.coordinator.as_account(), calls::propose(&Change::Code(sha256(code)))).await.map(drop)
}

#[tokio::test]
async fn upgrade__should_take_over_live_lots_from_the_code_that_ran() -> Result<()> {
    // Given a lot that three nodes committed to, one that they reserved, and a proposal of the next release
    let market = Market::start(Setup { nodes: 3 }).await?;
    let code = next_release()?;
    assert_ne!(market.code_hash().await?, sha256(&code));
    let terms = piecework_interface::terms::Terms { claim_ttl_s: 600, reveal_window_s: 600, ..market.terms().await? };
    let batch = market.create_batch(terms.clone(), 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    for node in &market.nodes {
        market.claim(node, batch, LOT).await?;
    }
    for node in &market.nodes {
        market.commit(node, batch, LOT, &[3, 1, 4, 1]).await?;
    }
    let reserved = market.create_batch(terms.clone(), 4).await?;
    market.draw(&market.nodes[0], reserved, At::Group(0)).await?;
    for node in &market.nodes {
        market.claim(node, reserved, LOT).await?;
    }
    propose(&market, &code).await?;
    assert!(!market.upgrade(&code).await?.result.is_success(), "it has to wait");

    // When its time has come
    market.advance_s(70).await?;
    market.upgrade(&code).await?.result.into_result()?;

    // Then the contract runs it, the proposal is gone, and both lots go on to their end
    assert_eq!(market.code_hash().await?, sha256(&code));
    assert!(market.views().settings().await?.proposals.is_empty());
    for node in &market.nodes {
        market.reveal(node, batch, LOT, &[3, 1, 4, 1]).await?;
    }
    for node in &market.nodes {
        market.commit(node, reserved, LOT, &[2, 7, 1, 8]).await?;
    }
    for node in &market.nodes {
        market.reveal(node, reserved, LOT, &[2, 7, 1, 8]).await?;
    }
    assert_eq!(market.balance(&market.nodes[0]).await?, 8 * ONE);
    for batch in [batch, reserved] {
        assert_eq!(market.batch(batch).await?.status, BatchStatus::Closed);
    }
    market.verify_journal().await
}

#[tokio::test]
async fn upgrade__should_keep_the_old_code_when_the_new_cannot_migrate() -> Result<()> {
    // Given a proposal of code that is no coordinator
    let market = Market::start(Setup { nodes: 0 }).await?;
    let code = wasm("piecework_reward_token")?;
    propose(&market, &code).await?;
    market.advance_s(70).await?;

    // When it is deployed, the batch with its `migrate` fails as a whole
    let done = market.upgrade(&code).await?;
    assert!(!done.result.is_success());

    // Then the old code runs on, and other code than was announced is refused
    let runs = wasm("piecework_coordinator")?;
    assert_eq!(market.code_hash().await?, sha256(&runs));
    assert_eq!(market.views().settings().await?.proposals.len(), 1);
    assert!(!market.upgrade(&runs).await?.result.is_success());
    market.verify_journal().await
}
