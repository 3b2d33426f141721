//! What a node earned, paid out by the key of its machine.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use piecework_sandbox_tests::{
    Market, Piecework, Setup, Stack,
    market::{ONE, TOKEN},
    until,
};
use sqlx::PgPool;

/// How long an agent may take to see a balance, send it, and the token to take it.
const PAYOUT_LIMIT: Duration = Duration::from_secs(120);

#[sqlx::test(migrations = false)]
async fn payout__should_reach_the_account_that_its_owner_named_by_the_agent_alone(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 2 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = pay_out(&market, &stack, &piecework);
    Box::pin(run).await.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

async fn pay_out(market: &Market, stack: &Stack, piecework: &Piecework) -> Result<()> {
    // Given a node with 30 tokens in the contract, and a cold account that is registered with the token alone
    let [node, other] = market.nodes.as_slice() else { unreachable!("two nodes") };
    let cold = market.worker.dev_create_account().await?;
    let (node_id, cold_id) = (node.id().as_str(), cold.id().as_str());
    market.fund(node, 30 * ONE).await?;
    market.register_on_token(cold.id()).await?;

    // When its owner names the cold account, and no machine's key can name another
    let refused = piecework.refusal(node, &["node", "payout", node_id]).await?;
    ensure!(refused.fix.contains("another account"), "{refused:?}");
    let set = piecework.value(node, &["node", "payout", cold_id]).await?;
    ensure!(set["payout"] == cold_id, "{set}");
    let mut agent = stack.payer(market, piecework, (node, &["1=20000000"])).await?;
    let machine = piecework.run(piecework.dir().join("machine.json"), &["node", "payout", other.id().as_str()]).await?;
    let said = String::from_utf8(machine.stderr)?;
    ensure!(!machine.status.success() && said.contains("is a function-call key"), "{said}");

    // Then the agent pays out by itself, all of it and once
    let arrived = async || Ok((market.token_balance(cold.id()).await? == 30 * ONE).then_some(()));
    until(PAYOUT_LIMIT, "the payout arrives", arrived).await?;
    ensure!(market.balance(node).await? == 0, "nothing is left");

    // And what stays below the threshold stays, and the mirror says where it goes
    market.fund(node, 15 * ONE).await?;
    stack.verify_journal().await?;
    let row: serde_json::Value = stack.get(&format!("/v1/accounts/{node_id}")).await?;
    ensure!(row["payout"] == cold_id && row["balances"][0]["token"] == TOKEN.0, "{row}");
    ensure!(market.balance(node).await? == 15 * ONE, "20 is the threshold");
    agent.stop().await;
    let none = piecework.value(node, &["node", "payout", "none"]).await?;
    ensure!(none["payout"].is_null(), "{none}");
    Ok(())
}
