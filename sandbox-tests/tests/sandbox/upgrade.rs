//! Code that was announced replaces the code that runs, in the middle of everything.

use anyhow::{Context, Result, ensure};
use piecework_client::calls;
use piecework_interface::{
    draw::At,
    governance::Change,
    host::sha256,
    ids::{BatchId, LotId},
    view::BatchStatus,
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup,
    market::{ONE, wasm},
};
use serde_json::json;

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

/// A market in the middle of everything: a lot that three nodes committed to, one that they reserved, one to come.
async fn in_the_middle(market: &Market) -> Result<[BatchId; 2]> {
    let terms = piecework_interface::terms::Terms { claim_ttl_s: 600, reveal_window_s: 600, ..market.terms().await? };
    let batch = market.create_batch(terms.clone(), 4).await?;
    let reserved = market.create_batch(terms.clone(), 8).await?;
    for batch in [batch, reserved] {
        market.draw(&market.nodes[0], batch, At::Group(0)).await?;
        for node in &market.nodes {
            market.claim(node, batch, LOT).await?;
        }
    }
    for node in &market.nodes {
        market.commit(node, batch, LOT, &[3, 1, 4, 1]).await?;
    }
    Ok([batch, reserved])
}

#[tokio::test]
async fn upgrade__should_be_rehearsed_on_a_copy_and_applied_by_the_command() -> Result<()> {
    // Given lots at work, and the next release
    let market = Market::start(Setup { nodes: 3 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    let (owner, anybody) = (market.coordinator.as_account(), &market.nodes[0]);
    let [batch, _] = in_the_middle(&market).await?;
    let code = next_release()?;
    std::fs::write(piecework.dir().join("next.wasm"), &code)?;

    // When it is rehearsed on a copy of the contract, which any account can take
    let copy = piecework.value(anybody, &["contract", "snapshot", "copy.json"]).await?;
    ensure!(copy["records"].as_u64() >= Some(18), "{copy}");
    let again = piecework.refusal(anybody, &["contract", "snapshot", "copy.json"]).await?;
    ensure!(again.error.contains("exists already"), "{again:?}");
    let found = piecework.value(anybody, &["upgrade", "next.wasm", "--rehearse", "copy.json"]).await?;

    // Then every view says what it said, money is where it was, and two records were written: root and settings
    ensure!(found["differences"] == json!([]) && found["added"] == json!([]), "{found}");
    ensure!(found["views"].as_u64() >= Some(10) && found["records"] == copy["records"], "{found}");
    ensure!(found["records_changed"] == 2, "{found}");
    ensure!(found["waited_s"].as_u64() >= Some(69), "it waited as on the live chain: {found}");
    let gas = (found["gas_burnt"].as_u64().context("gas")?, found["migrate_gas"].as_u64().context("gas")?);
    ensure!(gas.1 > 0 && gas.0 > gas.1 && gas.0 < 300_000_000_000_000, "{found}");
    let books = found["books"].as_array().context("books")?;
    ensure!(books.len() == 2 && books.iter().all(|entry| entry["covered"] == true), "{found}");
    let escrowed = market.token_balance(market.coordinator.id()).await?;
    ensure!(books[1]["owed"] == escrowed.to_string() && books[1]["held"] == escrowed.to_string(), "{found}");

    // When its owner proposes it by the command, which says when it can be applied
    let shown = piecework.value(anybody, &["upgrade", "next.wasm", "--dry-run"]).await?;
    ensure!(shown["next"] == "propose", "{shown}");
    let refused = piecework.refusal(anybody, &["upgrade", "next.wasm"]).await?;
    ensure!(refused.error.contains("may not do this"), "{refused:?}");
    let proposed = piecework.value(owner, &["upgrade", "next.wasm"]).await?;
    ensure!(proposed["next"] == "apply" && proposed["proposal"] == 0, "{proposed}");
    let early = piecework.value(owner, &["upgrade", "next.wasm"]).await?;
    ensure!(early == proposed && market.code_hash().await? != sha256(&code), "it waits: {early}");

    // Then the same command applies it once its time has come, lots go on, and nothing is left to do
    market.advance_s(75).await?;
    let applied = piecework.value(owner, &["upgrade", "next.wasm"]).await?;
    ensure!(applied["next"] == "runs" && market.code_hash().await? == sha256(&code), "{applied}");
    let again = piecework.value(anybody, &["upgrade", "next.wasm"]).await?;
    ensure!(again == applied, "{again}");
    for node in &market.nodes {
        market.reveal(node, batch, LOT, &[3, 1, 4, 1]).await?;
    }
    ensure!(market.batch(batch).await?.status == BatchStatus::Closed, "the lot went on");
    Ok(())
}

#[tokio::test]
async fn rehearsal__should_refuse_code_that_breaks_something_and_say_what() -> Result<()> {
    // Given lots at work, a copy, and three builds: no coordinator, one that says no head, one whose stakes are gone
    let market = Market::start(Setup { nodes: 3 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    in_the_middle(&market).await?;
    let anybody = &market.nodes[0];
    piecework.value(anybody, &["contract", "snapshot", "copy.json"]).await?;
    for (code, parts) in [
        (wasm("piecework_reward_token")?, &["`upgrade` refuses it", "the old code stays"][..]),
        (broken("\"next_batch\"", "\"last_batch\"")?, &["root.next_batch is gone", "the books cannot be read"]),
        (broken("\"unbonding\":", "\"unbounded\":")?, &["accounts(0)[1].node.unbonding is gone"]),
    ] {
        std::fs::write(piecework.dir().join("broken.wasm"), code)?;

        // When each is rehearsed, then it is refused with what breaks
        let refused = piecework.refusal(anybody, &["upgrade", "broken.wasm", "--rehearse", "copy.json"]).await?;
        for part in parts {
            ensure!(refused.error.contains(part), "{part}: {refused:?}");
        }
        ensure!(refused.fix.contains("do not propose this code"), "{refused:?}");
    }
    let refused = piecework.refusal(anybody, &["upgrade", "broken.wasm", "--rehearse", "broken.wasm"]).await?;
    ensure!(refused.error.contains("is no copy") && refused.fix.contains("contract snapshot"), "{refused:?}");
    Ok(())
}

/// Today's code with another word in its data, as long as the one that it replaces.
fn broken(word: &str, other: &str) -> Result<Vec<u8>> {
    let mut code = wasm("piecework_coordinator")?;
    let at: Vec<usize> = (0..code.len()).filter(|at| code[*at..].starts_with(word.as_bytes())).collect();
    ensure!(!at.is_empty() && word.len() == other.len(), "the code says {word} {} times", at.len());
    for at in at {
        code[at..at + other.len()].copy_from_slice(other.as_bytes());
    }
    Ok(code)
}
