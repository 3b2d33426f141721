//! Changes that wait, and pauses that close no exit.

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_interface::{draw::At, host::sha256, ids::LotId, op::Op, skip::Skip, view::BatchStatus};
use piecework_sandbox_tests::{
    Market, Piecework, Setup,
    market::{ONE, wasm},
    work::skips,
};
use serde_json::{Value, json};

/// Longer than any change waits here.
const WAIT_S: u32 = 75;

#[tokio::test]
async fn govern__should_stage_prices_configuration_and_code() -> Result<()> {
    // Given a token admin, and a file with what of the configuration is to change
    let market = Market::start(Setup { nodes: 1 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    let (owner, admin, anybody) = (market.coordinator.as_account(), &market.requester, &market.nodes[0]);
    piecework.value(owner, &["govern", "role", "token-admin", admin.id().as_str()]).await?;
    piecework.write("config.json", r#"{"fee_bps": 250, "bounds": {"challenge_window_s": [5, 7200]}}"#)?;
    let code = wasm("piecework_coordinator")?;
    std::fs::write(piecework.dir().join("code.wasm"), &code)?;

    // When prices, configuration and code are proposed by who may, and nothing that makes no sense
    let prices = ["govern", "propose", "prices", "--min-reward", "0.5", "--bond-per-token", "0.02"];
    let refused = piecework.refusal(anybody, &prices).await?;
    ensure!(refused.error.contains("may not do this"), "{refused:?}");
    piecework.value(admin, &prices).await?;
    for (text, part) in [
        ("{\"fee\": 1}", "no field fee"),
        ("{\"fee_bps\": 250", "bad.json is no configuration: EOF"),
        ("{\"fee_bps\": -1}", "cannot be read"),
        ("[1]", "not a JSON object"),
    ] {
        piecework.write("bad.json", text)?;
        let refused = piecework.refusal(owner, &["govern", "propose", "config", "--file", "bad.json"]).await?;
        ensure!(refused.error.contains(part), "{text}: {refused:?}");
    }
    piecework.value(owner, &["govern", "propose", "config", "--file", "config.json"]).await?;
    piecework.value(owner, &["govern", "propose", "code", "code.wasm"]).await?;
    let shown = piecework.value(anybody, &["govern", "show"]).await?;
    ensure!(shown["proposals"].as_array().is_some_and(|open| open.len() == 3), "{shown}");
    for number in ["0", "1"] {
        let early = piecework.refusal(anybody, &["govern", "apply", number]).await?;
        ensure!(early.error.contains("has to wait for another") && early.fix.contains("--wait"), "{early:?}");
    }

    // Then after the wait anybody applies the first two and the owner the code, and all of it is read back
    market.advance_s(WAIT_S).await?;
    piecework.value(anybody, &["govern", "apply", "0", "--wait"]).await?;
    let applied = piecework.value(anybody, &["govern", "apply", "1", "--wait"]).await?;
    ensure!(applied["config"]["fee_bps"] == 250, "{applied}");
    ensure!(applied["config"]["bounds"]["challenge_window_s"] == json!([5, 7200]), "{applied}");
    let token = piecework.value(anybody, &["token", "show"]).await?;
    let token = token.as_array().and_then(|tokens| tokens.iter().find(|token| token["token"] == 1)).context("it")?;
    ensure!(token["min_reward"] == (ONE / 2).to_string(), "{token}");
    let upgrade = ["govern", "apply", "2", "--wait", "--wasm", "code.wasm"];
    let other = piecework.refusal(anybody, &upgrade).await?;
    ensure!(other.error.contains("may not do this"), "{other:?}");
    let upgraded = piecework.value(owner, &upgrade).await?;
    ensure!(upgraded["proposals"] == json!([]) && upgraded["config"]["fee_bps"] == 250, "{upgraded}");
    ensure!(market.code_hash().await? == sha256(&code), "the code that was proposed runs");
    Ok(())
}

#[tokio::test]
async fn pause__should_stop_each_feature_and_no_exit() -> Result<()> {
    // Given a node with free stake, a lot at work, another batch to come, and a balance
    let market = Market::start(Setup { nodes: 3 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    let (owner, requester, node) = (market.coordinator.as_account(), &market.requester, &market.nodes[0]);
    piecework.value(requester, &["account", "deposit", "20"]).await?;
    piecework.value(node, &["node", "stake", "2"]).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    let later = market.create_batch(market.terms().await?, 4).await?;
    market.draw(node, batch, At::Group(0)).await?;
    market.draw(node, later, At::Group(0)).await?;
    for node in &market.nodes {
        market.claim(node, batch, LotId(0)).await?;
    }

    // When each feature is paused alone, then it alone is refused, by its name
    let newcomer = ["node", "register", "--stake", "10"];
    for (feature, account, command) in [
        ("deposits", requester, &["account", "deposit", "1"][..]),
        ("nodes", requester, &newcomer),
        ("nodes", node, &["node", "stake", "1"]),
    ] {
        piecework.value(owner, &["govern", "pause", feature]).await?;
        let refused = piecework.refusal(account, command).await;
        let refused = refused.with_context(|| format!("{command:?} while {feature} are paused"))?;
        ensure!(refused.error.contains("this is paused"), "{refused:?}");
        ensure!(refused.fix.contains("govern show"), "{refused:?}");
        piecework.value(owner, &["govern", "unpause", feature]).await?;
        piecework.value(account, command).await.with_context(|| format!("{command:?} after the pause"))?;
    }
    let paused = piecework.value(owner, &["govern", "pause", "all"]).await?;
    ensure!(paused["paused"] == 15, "{paused}");
    let claimed = market.work(node, vec![Op::Claim { batch: later, lot: LotId(0) }]).await?;
    ensure!(skips(&claimed) == [Skip::Paused], "{claimed:?}");

    // Then what is at work ends and is paid
    for node in &market.nodes {
        market.commit(node, batch, LotId(0), &[1, 2, 3, 4]).await?;
    }
    for node in &market.nodes {
        market.reveal(node, batch, LotId(0), &[1, 2, 3, 4]).await?;
    }
    ensure!(market.balance(node).await? == 4 * ONE, "the work is paid");
    ensure!(market.batch(batch).await?.status == BatchStatus::Closed, "the batch is closed");

    // And everybody gets out: the requester with its escrow and its balance, the node with its pay and all its stake
    piecework.value(requester, &["batch", "cancel", &later.to_string()]).await?;
    leave(&market, &piecework, requester).await?;
    for node in &market.nodes {
        market.register_on_token(node.id()).await?;
        leave(&market, &piecework, node).await?;
        piecework.value(node, &["node", "unstake"]).await?;
    }
    market.advance_s(Market::config().unbonding_s + 1).await?;
    let claimed = piecework.value(node, &["node", "claim-stake"]).await?;
    ensure!(claimed["node"]["stake"] == "0" && claimed["node"]["unbonding"] == "0", "{claimed}");
    let near = piecework.value(node, &["account", "withdraw", "--token", "near"]).await?;
    ensure!(near["amount"] == (13 * 10_u128.pow(24)).to_string(), "{near}");
    Ok(())
}

/// Withdraws the whole balance of the reward token.
async fn leave(market: &Market, piecework: &Piecework, account: &Account) -> Result<()> {
    let (held, before) = (market.balance(account).await?, market.token_balance(account.id()).await?);
    let withdrawn: Value = piecework.value(account, &["account", "withdraw"]).await?;
    ensure!(withdrawn["amount"] == held.to_string() && held > 0, "{withdrawn}");
    ensure!(market.token_balance(account.id()).await? == before + held, "{} has it", account.id());
    Ok(())
}
