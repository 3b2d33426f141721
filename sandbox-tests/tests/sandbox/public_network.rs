//! What the indexer does on a chain with a public network's habits, at a faster pace where a test would wait too long.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use piecework_chain::Network;
use piecework_interface::{draw::At, ids::LotId, view::Root};
use piecework_sandbox_tests::{Market, PublicNetwork, Setup, Stack, database_url, market::ONE, programs, until};
use piecework_stack::command;
use serde_json::json;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The history of the profile, which the environment of cargo's tests changes.
const KEPT: &str = "--keep-blocks=3000";
const FAST: &str = "--block-interval-ms=100";
const LIMIT: Duration = Duration::from_secs(120);

#[sqlx::test(migrations = false)]
async fn indexer__should_find_the_deployment_and_go_on_after_kills(pool: PgPool) -> Result<()> {
    // Given a market between gaps, behind an endpoint that lags and a limit that a reader at full speed meets
    let network = PublicNetwork::start("public", &[KEPT, FAST, "--skip-rate=0.1", "--rate-limit=20"]).await?;
    let market = Market::start_on(&network, Setup { nodes: 3 }).await?;

    // When the indexer begins without a height, and is killed twice while work is done
    let mut stack = Stack::start(&market, &pool).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    stack.kill_indexer().await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    stack.start_indexer().await?;
    let answers: Vec<_> = market.nodes.iter().map(|node| (node, [1, 2, 3, 4].as_slice())).collect();
    market.round(batch, LotId(0), &answers).await?;
    stack.kill_indexer().await?;
    stack.start_indexer().await?;

    // Then the mirror is the contract, line by line and row by row
    ensure!(market.balance(&market.nodes[0]).await? == 4 * ONE, "the work is paid");
    stack.verify_journal().await?;
    let found = stack.reconcile().await?;
    ensure!(found.holds(), "{found:?}");
    // And the limit was met and waited out, by which nothing ended.
    let log = fs::read_to_string(stack.dir().join("logs/indexer.log"))?;
    ensure!(log.contains("rpc.rate_limited") && !log.contains("Error:"), "{log}");
    // And no proof was asked for under a head that is not final there.
    ensure!(!log.contains("not on current chain"), "{log}");
    stack.stop().await
}

#[sqlx::test(migrations = false)]
async fn indexer__should_wait_until_the_contract_is_deployed(pool: PgPool) -> Result<()> {
    // Given an indexer that knows its network by name, as the README has it, before there is a contract
    let network = PublicNetwork::start("public", &[KEPT, FAST]).await?;
    let indexer = Indexer::new(&network.url(), "coordinator.test.near", &pool)?;
    let _running = indexer.start(&[])?;
    let waits = "account coordinator.test.near does not exist on this network";
    until(LIMIT, waits, async || Ok(indexer.said().contains(waits).then_some(()))).await?;

    // When the contract is deployed, then it is mirrored from there on, without a restart
    let market = Market::start_on(&network, Setup { nodes: 0 }).await?;
    indexer.catches_up(&market).await
}

#[sqlx::test(migrations = false)]
async fn indexer__should_name_the_history_that_is_gone_and_take_it_from_an_archive(pool: PgPool) -> Result<()> {
    // Given a mirror that a node has pruned its next blocks of, and another node that keeps them
    let mut network = PublicNetwork::start("public", &[KEPT, FAST]).await?;
    let market = Market::start_on(&network, Setup { nodes: 1 }).await?;
    let mut indexer = Indexer::new(&network.url(), market.coordinator.id().as_str(), &pool)?;
    let running = indexer.start(&[])?;
    indexer.catches_up(&market).await?;
    drop(running);
    let cursor = indexer.height().await?;
    market.create_batch(market.terms().await?, 4).await?;
    network.rpc()?.call_any("sandbox_produce_blocks", json!({ "count": 400 })).await?;
    market.until_final().await?;
    network.stop().await;
    let mut archive = network.copy()?;
    // At the network's own pace it takes minutes until the histories do not meet any more.
    network.run(&["--keep-blocks=300"]).await?;
    archive.run(&[KEPT, "--on-demand"]).await?;

    // When the indexer starts on the mirror, then it says what is gone, and ends; from the archive it goes on
    let said = indexer.fails(&[]).await?;
    ensure!(said.contains(&format!("the reader stands at height {cursor}")), "{said}");
    ensure!(said.contains("it was down for longer than they keep blocks"), "{said}");
    indexer.rpc_urls = archive.url();
    let running = indexer.start(&[])?;
    indexer.catches_up(&market).await?;
    drop(running);

    // And the same on an empty mirror, at a height and without one
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&pool).await?;
    indexer.rpc_urls = network.url();
    let said = indexer.fails(&["--start-height", &cursor.to_string()]).await?;
    ensure!(said.contains(&format!("the reader starts at height {cursor}")), "{said}");
    let said = indexer.fails(&[]).await?;
    ensure!(said.contains(&format!("contract {} was deployed before height", market.coordinator.id())), "{said}");
    indexer.rpc_urls = archive.url();
    let running = indexer.start(&[])?;
    let head = i64::try_from(archive.rpc()?.head().await?.height)?;
    let reached = until(LIMIT, "the mirror has what the archive has", async || {
        Ok((indexer.height().await? >= head).then_some(()))
    });
    reached.await.with_context(|| indexer.said())?;
    drop(running);

    // And then the node has all that comes
    market.create_batch(market.terms().await?, 4).await?;
    indexer.rpc_urls = network.url();
    let _running = indexer.start(&[])?;
    indexer.catches_up(&market).await
}

#[sqlx::test(migrations = false)]
async fn indexer__should_name_what_is_wrong_with_its_settings(pool: PgPool) -> Result<()> {
    // Given a market, and a node of another network
    let network = PublicNetwork::start("public", &[KEPT, FAST]).await?;
    let other = PublicNetwork::start("other", &[KEPT, FAST]).await?;
    let market = Market::start_on(&network, Setup { nodes: 0 }).await?;
    let (url, coordinator) = (network.url(), market.coordinator.id().as_str());

    // When endpoints are of two networks, then it ends and names both
    let indexer = Indexer::new(&format!("{url},{}", other.url()), coordinator, &pool)?;
    let said = indexer.fails(&[]).await?;
    ensure!(said.contains("serves chain public and") && said.contains("serves chain other"), "{said}");

    // When the contract is not there, then it says so and waits
    for (contract, part) in [
        (market.requester.id().as_str(), "holds no contract"),
        ("nobody.test.near", "account nobody.test.near does not exist on this network"),
    ] {
        Indexer::new(&url, contract, &pool)?.says(&[], part).await?;
    }

    // When it begins after the deployment, then it ends at the first line that it sees
    let height = network.rpc()?.head().await?.height;
    market.transfer_call(&market.requester, ONE, r#"{"deposit":{}}"#).await?;
    let said = Indexer::new(&url, coordinator, &pool)?.fails(&["--start-height", &height.to_string()]).await?;
    ensure!(said.contains("arrived where line 0 was due"), "{said}");
    Ok(())
}

/// The indexer with its settings, and what it says.
struct Indexer {
    program: PathBuf,
    rpc_urls: String,
    contract: String,
    pool: PgPool,
    dir: TempDir,
}

impl Indexer {
    fn new(rpc_urls: &str, contract: &str, pool: &PgPool) -> Result<Self> {
        let (rpc_urls, contract, pool) = (rpc_urls.to_owned(), contract.to_owned(), pool.clone());
        Ok(Self { program: programs()?.indexer, rpc_urls, contract, pool, dir: tempfile::tempdir()? })
    }

    /// One that runs until it is dropped.
    fn start(&self, args: &[&str]) -> Result<Child> {
        Ok(self.command(args)?.spawn()?)
    }

    /// What it says, until it ends with an error.
    async fn fails(&self, args: &[&str]) -> Result<String> {
        let run = tokio::time::timeout(LIMIT, self.command(args)?.status()).await;
        let status = run.with_context(|| format!("it runs on: {}", self.said()))??;
        ensure!(status.code() == Some(1), "{status}: {}", self.said());
        Ok(self.said())
    }

    /// Runs it until it says this, and no longer.
    async fn says(&self, args: &[&str], part: &str) -> Result<()> {
        let _running = self.start(args)?;
        let said = until(LIMIT, part, async || Ok(self.said().contains(part).then_some(())));
        said.await.with_context(|| self.said())
    }

    /// Waits until the mirror has every line of a market's journal.
    async fn catches_up(&self, market: &Market) -> Result<()> {
        let root: Root = market.view("root", &json!({})).await?;
        let lines = i64::try_from(root.seq)?;
        let mirrored = until(LIMIT, "the mirror has the journal", async || {
            // There is no table until the indexer has made it.
            let seq = sqlx::query_scalar::<_, Option<i64>>("SELECT max(seq) FROM events").fetch_one(&self.pool).await;
            Ok((seq.ok().flatten() == Some(lines - 1)).then_some(()))
        });
        mirrored.await.with_context(|| self.said())
    }

    /// The height of the mirror; 0 until it has one.
    async fn height(&self) -> Result<i64> {
        let height = sqlx::query_scalar("SELECT height FROM cursor").fetch_optional(&self.pool).await;
        Ok(height.ok().flatten().unwrap_or_default())
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let log = fs::File::create(self.dir.path().join("log"))?;
        let rpc_urls = self.rpc_urls.split(',').map(str::to_owned).collect();
        let network = Network { name: "public".to_owned(), rpc_urls, contract: None, gateway_url: None };
        let path = self.dir.path().join("network.toml");
        fs::write(&path, toml::to_string(&network)?)?;
        let mut command = command(&self.program);
        command
            .env("DATABASE_URL", database_url(&self.pool))
            .env("PIECEWORK_NETWORK", path)
            .env("PIECEWORK_CONTRACT", &self.contract)
            .args(["run", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        Ok(command)
    }
}
