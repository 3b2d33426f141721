//! Appends that meet, and the end of a batch that is forgotten with it.

use anyhow::{Context, Result, ensure};
use piecework_sandbox_tests::{Market, Piecework, Setup, Stack, market::ONE};
use serde_json::Value;
use sqlx::PgPool;
use tokio::try_join;

const CREATE: &str = "batch create --from first.jsonl --from-balance --appendable --forget-on-close --class 0 --reward 1 --bond 100 --slice 1s";

#[sqlx::test(migrations = false)]
async fn append__should_say_where_its_own_items_are(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 1 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = Box::pin(run(&market, &stack, &piecework)).await;
    run.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

async fn run(market: &Market, stack: &Stack, piecework: &Piecework) -> Result<()> {
    let requester = &market.requester;
    // Given a batch of two items, each a lot, that goes with its end
    piecework.value(requester, &["account", "deposit", "100"]).await?;
    for (name, items) in [("first.jsonl", 0..2), ("some.jsonl", 2..5), ("more.jsonl", 5..7)] {
        let lines: String = items.map(|item: u8| format!("{{\"payload\":\"{item}\"}}\n")).collect();
        piecework.write(name, &lines)?;
    }
    let created = piecework.value(requester, &CREATE.split_whitespace().collect::<Vec<_>>()).await?;
    ensure!(created["lots"] == 2, "{created}");

    // When two servers append at once
    let append = async |name| piecework.value(requester, &["batch", "append", "0", "--from", name]).await;
    let (some, more) = try_join!(append("some.jsonl"), append("more.jsonl"))?;

    // Then each names the place that the journal gives to its items
    stack.verify_journal().await?;
    let segments: Value = stack.get("/v1/batches/0/segments").await?;
    let segments = segments["items"].as_array().context("segments")?;
    for appended in [&some, &more] {
        let own = segments.iter().find(|segment| segment["uri"] == appended["uri"]).context("its segment")?;
        ensure!(appended["first_item"] == own["first_item"] && appended["items"] == own["items"], "{appended}: {own}");
        ensure!(appended["first_lot"] == own["first_item"], "a lot has one item: {appended}");
    }
    let late = piecework.refusal(requester, &["batch", "extend-expiry", "0", "10000d"]).await?;
    ensure!(late.error.contains("at the latest") && late.fix.contains("s or less"), "{late:?}");

    // When it is cancelled, then that it is gone is no error, and all is back
    let cancelled = piecework.value(requester, &["batch", "cancel", "0"]).await?;
    ensure!(cancelled["forgotten"] == true && cancelled["status"] == "closed", "{cancelled}");
    ensure!(market.balance(requester).await? == 100 * ONE, "all of its escrow is back");
    let gone = piecework.refusal(requester, &["batch", "verify", "0"]).await?;
    ensure!(gone.error.starts_with("batch 0 was forgotten") && gone.fix.contains("batch results 0"), "{gone:?}");
    stack.verify_journal().await?;
    let results = piecework.values(requester, &["batch", "results", "0"]).await?;
    ensure!(results.len() == 7 && results.iter().all(|line| line["unproven"] == true), "{results:?}");
    Ok(())
}
