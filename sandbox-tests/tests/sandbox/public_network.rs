//! What the indexer does on a chain with a public network's habits, at a faster pace where a test would wait too long.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use piecework_chain::Network;
use piecework_interface::{draw::At, ids::LotId};
use piecework_sandbox_tests::{Market, PublicNetwork, Setup, Stack, database_url, market::ONE, programs, until};
use piecework_stack::command;
use reqwest::Url;
use serde_json::json;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    task::JoinSet,
};

/// The history of the profile, which the environment of cargo's tests changes.
const KEPT: &str = "--keep-blocks=3000";
const FAST: &str = "--block-interval-ms=100";
/// Blocks after which a state is gone, though its block is kept: those of the chain's newest logs.
const STATES_KEPT: u32 = 10_500;
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
    indexer.comes_to_say("account coordinator.test.near does not exist on this network").await?;

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

    // When it begins above the chain's head, then it says so and waits
    let height = network.rpc()?.head().await?.height;
    let far = (height + 1_000_000).to_string();
    Indexer::new(&url, coordinator, &pool)?.says(&["--start-height", &far], "has not come to --start-height").await?;

    // When it begins after the deployment, then it says so at once, and of an endpoint that mostly fails as soon as that answers
    let said = Indexer::new(&url, coordinator, &pool)?.fails(&["--start-height", &height.to_string()]).await?;
    ensure!(said.contains("lies after the deployment of"), "{said}");
    network.rpc()?.call_any("sandbox_set_faults", json!({ "seed": 7, "http_500": 0.8 })).await?;
    let said = Indexer::new(&url, coordinator, &pool)?.fails(&["--start-height", &height.to_string()]).await?;
    ensure!(said.contains("lies after the deployment of"), "{said}");
    Ok(())
}

#[sqlx::test(migrations = false)]
async fn indexer__should_begin_at_a_height_where_states_are_gone_and_blocks_are_not(pool: PgPool) -> Result<()> {
    // Given a market whose first states are no longer kept, though its blocks are
    let quick = ["--keep-blocks=50000", FAST, "--rate-limit=100000", "--faults=latency_ms=0..0"];
    let network = PublicNetwork::start("public", &quick).await?;
    let before = network.rpc()?.head().await?.height;
    let market = Market::start_on(&network, Setup { nodes: 0 }).await?;
    let after = network.rpc()?.head().await?.height;
    network.rpc()?.call_any("sandbox_produce_blocks", json!({ "count": STATES_KEPT })).await?;
    let indexer = Indexer::new(&network.url(), market.coordinator.id().as_str(), &pool)?;

    // When it looks for the deployment, then it says that this is gone
    let said = indexer.fails(&[]).await?;
    ensure!(said.contains("was deployed before height"), "{said}");

    // When it begins before the deployment, then it has the whole journal
    let running = indexer.start(&["--start-height", &before.to_string()])?;
    indexer.catches_up(&market).await?;
    drop(running);

    // When it begins after the deployment, then it ends at the first line that it sees
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&pool).await?;
    market.transfer_call(&market.requester, ONE, r#"{"deposit":{}}"#).await?;
    let said = indexer.fails(&["--start-height", &after.to_string()]).await?;
    ensure!(said.contains("arrived where line 0 was due"), "{said}");
    Ok(())
}

#[sqlx::test(migrations = false)]
async fn indexer__should_wait_for_database_and_node_in_any_order(pool: PgPool) -> Result<()> {
    // Given a market on a network that is down, and a database that is too
    let mut network = PublicNetwork::start("public", &[KEPT, FAST]).await?;
    let market = Market::start_on(&network, Setup { nodes: 0 }).await?;
    let mut indexer = Indexer::new(&network.url(), market.coordinator.id().as_str(), &pool)?;
    let database = Gate::before(&mut indexer.database_url).await?;
    network.stop().await;

    // When the node comes first, and the database then
    let running = indexer.start(&[])?;
    indexer.comes_to_say("the database is not ready").await?;
    network.run(&[KEPT, FAST]).await?;
    let open = database.open().await?;
    // Then the market is mirrored
    indexer.catches_up(&market).await?;
    drop((running, open));

    // And when the database comes first
    network.stop().await;
    let _running = indexer.start(&[])?;
    indexer.comes_to_say("the database is not ready").await?;
    let _open = database.open().await?;
    indexer.comes_to_say("an endpoint is not ready").await?;
    network.run(&[KEPT, FAST]).await?;
    market.transfer_call(&market.requester, ONE, r#"{"deposit":{}}"#).await?;
    indexer.catches_up(&market).await
}

#[sqlx::test(migrations = false)]
async fn indexer__should_leave_out_an_endpoint_on_a_fork(pool: PgPool) -> Result<()> {
    // Given a mirror of a network, and a node that went on from the same blocks with others
    let mut network = PublicNetwork::start("public", &[KEPT, FAST]).await?;
    let market = Market::start_on(&network, Setup { nodes: 0 }).await?;
    network.stop().await;
    let mut fork = network.copy()?;
    network.run(&[KEPT, FAST]).await?;
    let mut indexer = Indexer::new(&network.url(), market.coordinator.id().as_str(), &pool)?;
    let running = indexer.start(&[])?;
    market.transfer_call(&market.requester, ONE, r#"{"deposit":{}}"#).await?;
    indexer.catches_up(&market).await?;
    drop(running);
    fork.run(&[KEPT, FAST]).await?;
    let ahead = network.rpc()?.head().await?.height.saturating_sub(fork.rpc()?.head().await?.height);
    fork.rpc()?.call_any("sandbox_produce_blocks", json!({ "count": ahead + 100 })).await?;

    // When it goes on with both, the fork first
    indexer.rpc_urls = format!("{},{}", fork.url(), network.url());
    let _running = indexer.start(&[])?;

    // Then it names the fork, and follows the network
    indexer.comes_to_say("rpc.endpoint_distrusted").await?;
    market.transfer_call(&market.requester, ONE, r#"{"deposit":{}}"#).await?;
    indexer.catches_up(&market).await
}

/// The address of a database, at which nobody listens until it is opened.
struct Gate {
    address: SocketAddr,
    database: (String, u16),
}

impl Gate {
    /// Puts itself before the database that a URL names.
    async fn before(database_url: &mut String) -> Result<Self> {
        // An address that was free a moment ago: nothing else here takes one by its number.
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut url = Url::parse(database_url)?;
        let database = (url.host_str().context("no host")?.to_owned(), url.port().unwrap_or(5432));
        let set = url.set_ip_host(address.ip()).and_then(|()| url.set_port(Some(address.port())));
        ensure!(set.is_ok(), "{url} takes no address");
        *database_url = url.to_string();
        Ok(Self { address, database })
    }

    /// Passes connections on until the answer is dropped.
    async fn open(&self) -> Result<JoinSet<()>> {
        let (listener, database) = (TcpListener::bind(self.address).await?, self.database.clone());
        let mut passing = JoinSet::new();
        passing.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let database = database.clone();
                connections.spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(database).await {
                        // A connection that breaks is the program's business.
                        let _ = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        Ok(passing)
    }
}

/// The indexer with its settings, and what it says.
struct Indexer {
    program: PathBuf,
    rpc_urls: String,
    contract: String,
    database_url: String,
    pool: PgPool,
    dir: TempDir,
}

impl Indexer {
    fn new(rpc_urls: &str, contract: &str, pool: &PgPool) -> Result<Self> {
        let (rpc_urls, contract, pool) = (rpc_urls.to_owned(), contract.to_owned(), pool.clone());
        let (database_url, dir) = (database_url(&pool), tempfile::tempdir()?);
        Ok(Self { program: programs()?.indexer, rpc_urls, contract, database_url, pool, dir })
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
        self.comes_to_say(part).await
    }

    /// Waits until it has said this.
    async fn comes_to_say(&self, part: &str) -> Result<()> {
        let said = until(LIMIT, part, async || Ok(self.said().contains(part).then_some(())));
        said.await.with_context(|| self.said())
    }

    /// Waits until the mirror has every line of a market's journal.
    async fn catches_up(&self, market: &Market) -> Result<()> {
        let lines = i64::try_from(market.views().root().await?.value.seq)?;
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
            .env("DATABASE_URL", &self.database_url)
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
