//! A batch that lives on, run by a requester's server that holds a capped key and nothing else.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use piecework_interface::{ids::BatchId, view::BatchStatus};
use piecework_sandbox_tests::{Market, Piecework, Setup, Stack, market::ONE, until};
use serde_json::{Value, json};
use sqlx::PgPool;

const BATCH: BatchId = BatchId(0);
const TERMS: &str = "--class 0 --reward 1 --lot-size 2 --replicas 3 --claim-ttl 300s --reveal-window 300s --slice 1s --bond 100 --referrer-part 50";
const KINDS: &str = "create-batch,append,raise,extend-expiry,cancel,skip,forget,challenge";
/// Copies of an item that are locked at the raised reward, with the fee on them, in thousandths of a token.
const LOCKED: u128 = 6 * 1_224;
/// How long the agents may take on a slow node and a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

struct Server<'a> {
    market: &'a Market,
    piecework: &'a Piecework,
}

impl Server<'_> {
    /// Signs with the server's key, and has a node relay it.
    async fn ask(&self, what: &[&str]) -> Result<Value> {
        let (key, signed) = (self.piecework.dir().join("server.json"), self.piecework.dir().join("signed.json"));
        let out = signed.to_str().context("a path")?;
        let output = self.piecework.run(&key, &[&["intent", "sign"], what, &["--out", out]].concat()).await?;
        ensure!(output.status.success(), "{what:?}: {output:?}");
        self.piecework.value(&self.market.nodes[0], &["intent", "relay", out]).await
    }

    async fn refused(&self, what: &[&str]) -> Result<String> {
        let (key, signed) = (self.piecework.dir().join("server.json"), self.piecework.dir().join("signed.json"));
        let out = signed.to_str().context("a path")?;
        let output = self.piecework.run(&key, &[&["intent", "sign"], what, &["--out", out]].concat()).await?;
        ensure!(output.status.success(), "{what:?}: {output:?}");
        Ok(self.piecework.refusal(&self.market.nodes[0], &["intent", "relay", out]).await?.error)
    }

    /// Writes items whose payloads say their answers, and what a command makes of them for an intent.
    async fn spec(&self, name: &str, items: std::ops::Range<u8>, command: &[&str]) -> Result<()> {
        let lines: String = items.map(|item| format!("{{\"payload\":\"{item}\"}}\n")).collect();
        self.piecework.write("items.jsonl", &lines)?;
        let more = ["--from", "items.jsonl", "--spec-out", name];
        let key = self.piecework.dir().join("server.json");
        self.piecework.value_by(key, &[command, &more].concat()).await.map(drop)
    }
}

#[sqlx::test(migrations = false)]
async fn server__should_run_a_living_batch_on_a_capped_key_alone(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 3 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = Box::pin(run(&market, &stack, &piecework)).await;
    run.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

async fn run(market: &Market, stack: &Stack, piecework: &Piecework) -> Result<()> {
    let server = Server { market, piecework };
    let requester = &market.requester;

    // Given a requester with a balance, who makes a key for its server: its kinds, 48 tokens a day
    piecework.value(requester, &["account", "deposit", "100"]).await?;
    let key = ["intent", "key-add", "--out", "server.json", "--kinds", KINDS, "--daily-cap", "48"];
    piecework.value(requester, &key).await?;
    // When the server creates a batch that may grow, of whose fees a node gets half, and raises its reward before anybody claims
    let terms: Vec<&str> = TERMS.split_whitespace().collect();
    let create = ["batch", "create", "--appendable", "--referrer", market.nodes[0].id().as_str()];
    server.spec("batch.json", 1..3, &[&create[..], &terms[..]].concat()).await?;
    server.ask(&["create-batch", "batch.json"]).await?;
    let estimate = piecework.value(requester, &["batch", "raise", "0", "1.2", "--dry-run"]).await?;
    ensure!(estimate["lots"] == 1 && estimate["escrow"] == (2 * 6 * 204 * ONE / 1_000).to_string(), "{estimate}");
    server.ask(&["raise", "0", "1.2"]).await?;
    let refused = piecework.refusal(requester, &["batch", "raise", "0", "1.1"]).await?;
    ensure!(refused.error.contains("already"), "{refused:?}");
    let mut agents = Vec::new();
    for node in &market.nodes {
        agents.push(stack.agent(market, node, None).await?);
    }
    settled(market, 1).await?;
    let served: Value = stack.get("/v1/batches/0/lots/0").await?;
    ensure!(served["reward"] == (12 * ONE / 10).to_string(), "{served}");

    // And it appends as requests come
    ensure!(market.batch(BATCH).await?.status == BatchStatus::Open, "it waits for more");
    server.spec("more.json", 3..7, &["batch", "append", "0"]).await?;
    let appended = server.ask(&["append", "more.json"]).await?;
    let place = &appended["intents"][0]["did"]["appended"];
    ensure!(place["first_item"] == 2 && place["first_lot"] == 1 && place["items"] == 4, "{appended}");
    settled(market, 3).await?;

    // Then agents did all of it, and every answer is the one that its own segment's payload says
    let labels = |results: &[Value]| results.iter().map(|line| line["label"].as_u64()).collect::<Vec<_>>();
    stack.verify_journal().await?;
    let results = piecework.values(requester, &["batch", "results", "0"]).await?;
    ensure!(labels(&results) == (1..7).map(Some).collect::<Vec<_>>(), "{results:?}");
    let segments: Value = stack.get("/v1/batches/0/segments").await?;
    let parts: Vec<_> =
        segments["items"].as_array().context("segments")?.iter().map(|it| (&it["first_item"], &it["items"])).collect();
    ensure!(parts == [(&json!(0), &json!(2)), (&json!(2), &json!(4))], "{segments}");
    let verified = piecework.value(requester, &["batch", "verify", "0"]).await?;
    ensure!(verified["lots"].as_array().is_some_and(|lots| lots.len() == 3), "{verified}");

    // And its cap holds: six items' escrow of the day is 44.064 tokens
    server.spec("more.json", 7..9, &["batch", "append", "0"]).await?;
    let refused = server.refused(&["append", "more.json"]).await?;
    ensure!(refused.contains("cap"), "{refused}");
    let keys = piecework.value(requester, &["intent", "keys"]).await?;
    ensure!(keys["keys"][0]["limit"]["spent"] == (6 * LOCKED * ONE / 1_000).to_string(), "{keys}");
    let withdraw = server.refused(&["withdraw", "1"]).await?;
    ensure!(withdraw.contains("kind"), "{withdraw}");

    // When it lets the batch expire later, ends it and has it forgotten
    let before = market.batch(BATCH).await?.open.context("open")?.terms.expires_at;
    server.ask(&["extend-expiry", "0", "30d"]).await?;
    ensure!(market.batch(BATCH).await?.open.context("open")?.terms.expires_at > before, "it expires later");
    server.ask(&["cancel", "0"]).await?;
    ensure!(market.batch(BATCH).await?.status == BatchStatus::Closed, "nothing is at work");
    for agent in &mut agents {
        agent.stop().await;
    }
    stack.verify_journal().await?;
    let found = stack.reconcile().await?;
    ensure!(found.holds() && found.rows > 0, "{found:?}");
    server.ask(&["forget", "0"]).await?;

    // Then all that was not earned is on the requester's balance, and the mirror has it so
    let paid = 18 * 12 * ONE / 10;
    let fee = paid / 50;
    ensure!(market.balance(requester).await? == 100 * ONE - paid - fee, "the rest is back");
    for (node, referral) in market.nodes.iter().zip([fee / 2, 0, 0]) {
        let balance = market.balance(node).await?;
        ensure!(balance == 6 * 12 * ONE / 10 + referral, "{} has {balance} for six items at 1.2", node.id());
    }
    stack.verify_journal().await?;
    let state: Value = stack.get("/v1/batches/0").await?;
    tip(market, stack, piecework).await?;
    ensure!(state["referrer_id"] == market.nodes[0].id().as_str(), "{state}");
    ensure!(state["status"] == "forgotten" && state["items"] == 6 && state["counts"]["accepted_items"] == 6, "{state}");
    Ok(())
}

/// A word of thanks with two tokens, by a key of the account itself.
async fn tip(market: &Market, stack: &Stack, piecework: &Piecework) -> Result<()> {
    let (requester, node) = (&market.requester, &market.nodes[0]);
    let tip = ["tip", node.id().as_str(), "2", "--memo", "well done"];
    let refused = piecework.refusal(requester, &tip).await?;
    ensure!(refused.error.contains("may not sign") && refused.fix.contains("key-add"), "{refused:?}");
    let key = requester.secret_key().public_key().to_string();
    piecework.value(requester, &["intent", "key-add", &key, "--kinds", "transfer", "--daily-cap", "5"]).await?;
    let before = market.balance(node).await?;
    let tipped = piecework.value(requester, &tip).await?;
    ensure!(tipped["memo"] == "well done" && tipped["amount"] == (2 * ONE).to_string(), "{tipped}");
    ensure!(market.balance(node).await? == before + 2 * ONE, "{} has it", node.id());
    stack.verify_journal().await.map(drop)
}

async fn settled(market: &Market, lots: u32) -> Result<()> {
    until(LIMIT, "the lots are settled", async || Ok((market.batch(BATCH).await?.settled == lots).then_some(()))).await
}
