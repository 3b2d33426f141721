//! The services around a market, as the processes that operators run: indexer, gateway, agents.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use near_workspaces::Account;
use piecework_api::client::Client;
use piecework_chain::{Coordinator, KeyFile, Network, RpcClient};
use piecework_cli::stack::{Layout, Process, Programs, Spec};
use piecework_interface::{host::sha256, ids::AccountNo, journal::next_head, view::Root};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool, postgres::PgConnectOptions};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{Finality, Market, market::CLASS};

/// Time between blocks, milliseconds: at a market's own pace a head is final before a program can ask under it, and one that
/// asks under the newest would not be found out.
const BLOCK_INTERVAL_MS: u32 = 200;
/// How long a process may take until it works.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the mirror may take to have what the chain has: final blocks come late on a real node.
const MIRROR_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// Journal lines in one answer of the gateway.
const LINES: u32 = 1_000;
/// Answers each item with the number that its payload holds; with GATE set, only once that file exists.
const WORKER: &str = r#"while [ -n "$GATE" ] && ! [ -e "$GATE" ]; do sleep 0.1; done
while IFS= read -r line; do
    index=$(printf %s "$line" | sed -E 's/.*"index":([0-9]+).*/\1/')
    answer=$(printf %s "$line" | sed -E 's/.*"payload_base64":"([^"]*)".*/\1/' | base64 -d)
    printf '{"index":%s,"answer":%s}\n' "$index" "$answer"
done"#;

/// Indexer and gateway over a market's chain.
pub struct Stack {
    /// Where the market is found.
    pub network: Network,
    /// The gateway.
    pub gateway: Client,
    /// The coordinator at final blocks.
    pub coordinator: Coordinator,
    finality: Finality,
    layout: Layout,
    programs: Programs,
    database_url: String,
    indexer_spec: Spec,
    indexer: Option<Process>,
    gateway_process: Option<Process>,
}

/// A node's agent.
pub struct Agent {
    /// The node's number.
    pub node: AccountNo,
    layout: Layout,
    spec: Spec,
    state_dir: PathBuf,
    process: Option<Process>,
}

/// What `piecework-indexer reconcile` found.
#[derive(Debug, Deserialize)]
pub struct Reconciled {
    /// Rows that were compared.
    pub rows: u64,
    /// Rows that differ from the contract's views.
    pub mismatches: Vec<Value>,
    /// Whether the stored journal's head is the contract's.
    pub journal_verified: bool,
    /// Whether the contract holds what it owes.
    pub conserved: bool,
    /// Whether every row equals the contract's views.
    pub mirror_equal: bool,
}

/// The programs of this build.
///
/// # Errors
/// One is missing.
pub fn programs() -> Result<Programs> {
    // target/release/deps/TEST → target/release
    let test = env::current_exe()?;
    let bin = test.ancestors().nth(2).context("this test is in no target directory")?;
    Programs::find_in(bin)
        .context("build the programs first: scripts/setup, or cargo build --release --workspace --bins")
}

/// How programs reach a test's database.
#[must_use]
pub fn database_url(pool: &PgPool) -> String {
    let options: &PgConnectOptions = &pool.connect_options();
    options.to_url_lossy().to_string()
}

/// Asks until there is an answer.
///
/// # Errors
/// Asking failed, or `limit` passed; `what` says what was waited for.
pub async fn until<T>(limit: Duration, what: &str, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        ensure!(Instant::now() < end, "waited {} s in vain until {what}", limit.as_secs());
        sleep(POLL).await;
    }
}

impl Stack {
    /// Starts indexer and gateway on an empty database, the test's own.
    ///
    /// # Errors
    /// A program is missing or does not start.
    pub async fn start(market: &Market, pool: &PgPool) -> Result<Self> {
        market.slow_down(BLOCK_INTERVAL_MS).await?;
        // The indexer reads the contract's configuration at a final block.
        market.until_final().await?;
        let database_url = database_url(pool);
        let programs = programs()?;
        // It stays where it is when the test fails, with every process's log.
        let dir = tempfile::Builder::new().prefix("piecework-stack-").tempdir()?.keep();
        let layout = Layout::create(&dir)?;
        let mut network = market.network();
        let server = |name, program| {
            Spec::new(name, program)
                .env("DATABASE_URL", &database_url)
                .env("PIECEWORK_RPC_URL", market.worker.rpc_addr())
                .env("PIECEWORK_CONTRACT", market.coordinator.id().as_str())
        };
        // The deployment is found, as an operator would have it.
        let indexer_spec = server("indexer", &programs.indexer).args(["run", "--listen", "127.0.0.1:0"]);
        let gateway_spec = server("gateway", &programs.gateway)
            .arg("--blob-dir")
            .arg(layout.blobs())
            .args(["--listen", "127.0.0.1:0"]);
        let (mut indexer, mut gateway) = (None, None);
        let logs = || format!("see the logs in {}", dir.display());
        Process::start(&mut indexer, &layout, indexer_spec.clone()).await.with_context(logs)?;
        let url = Process::start(&mut gateway, &layout, gateway_spec).await.with_context(logs)?;
        let rpc = RpcClient::new(network.rpc_config())?;
        let coordinator = Coordinator::new(&rpc, market.coordinator.id().as_str().parse()?);
        network.gateway_url = Some(url.clone());
        Ok(Self {
            gateway: Client::new(&url, Default::default())?,
            coordinator,
            finality: market.finality.clone(),
            network,
            layout,
            programs,
            database_url,
            indexer_spec,
            indexer,
            gateway_process: gateway,
        })
    }

    /// Where the processes' files are: logs, keys, the agents' states.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Starts the agent of a node with a key that can only work. With a gate its worker begins only once that file exists.
    ///
    /// # Errors
    /// The key cannot be added, or the agent does not start.
    pub async fn agent(&self, market: &Market, node: &Account, gate: Option<&Path>) -> Result<Agent> {
        let number = market.number(node).await?;
        let name = format!("agent{number}");
        let key = KeyFile::generate(node.id().as_str().parse()?);
        key.write(self.layout.key(&name))?;
        market.add_machine_key(node, key.public_key.to_string().parse()?).await?;
        let state_dir = self.layout.nodes().join(&name);
        let gate = gate.map_or_else(|| json!({}), |gate| json!({ "GATE": gate }));
        let config = json!({
            "node": { "account_id": node.id(), "key_file": self.layout.key(&name) },
            "chain": { "rpc_urls": self.network.rpc_urls, "contract": self.network.contract, "poll_interval_ms": 250 },
            "gateway": { "url": self.network.gateway_url },
            "work": {
                "draw_jitter_ms": 250,
                "keeper_jitter_ms": 500,
                "classes": { CLASS.to_string(): { "command": ["sh", "-c", WORKER], "env": gate, "time_limit_s": 100 } },
            },
            "state": { "dir": state_dir },
        });
        let path = self.layout.nodes().join(format!("{name}.toml"));
        fs::write(&path, toml::to_string(&config)?)?;
        let spec = Spec::new(name, &self.programs.agent).arg("--config").arg(path).arg("run").ready_at("running as ");
        let mut agent = Agent { node: number, layout: self.layout.clone(), spec, state_dir, process: None };
        agent.start().await?;
        Ok(agent)
    }

    /// A resource of the gateway.
    ///
    /// # Errors
    /// There is none, or the gateway does not answer.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R> {
        self.gateway.get(path).await?.with_context(|| format!("the gateway has no {path}"))
    }

    /// Takes the journal from the gateway up to the contract's last line, and checks that its head is the contract's. What
    /// the market did before is in it.
    ///
    /// # Errors
    /// A line is missing or another than the contract wrote, or the mirror does not catch up.
    pub async fn verify_journal(&self) -> Result<Root> {
        self.finality.catch_up().await?;
        let root = self.coordinator.root().await?.value;
        let (mut seq, mut head) = (0, [0; 32]);
        let end = Instant::now() + MIRROR_LIMIT;
        while seq < root.seq {
            let lines = self.gateway.events(seq, LINES, None).await?.items;
            for event in lines.iter().take(usize::try_from(root.seq - seq)?) {
                ensure!(event.seq == seq, "line {seq} is missing: {event:?}");
                head = next_head(sha256, &head, event.line.as_deref().context("a line as logged")?);
                seq += 1;
            }
            if lines.is_empty() {
                ensure!(Instant::now() < end, "the gateway ends at line {seq} of {}", root.seq);
                sleep(POLL).await;
            }
        }
        ensure!(head == root.head, "the head of the {seq} lines differs from the contract's");
        Ok(root)
    }

    /// Follows the gateway's stream from the journal's beginning to line `last`.
    ///
    /// # Errors
    /// A line comes out of order, or the stream ends or stalls before.
    pub async fn follow_stream(&self, last: u64) -> Result<()> {
        let url = format!("{}/v1/stream?since_seq=0", self.network.gateway_url.as_deref().unwrap_or_default());
        let mut answer = reqwest::get(url).await?.error_for_status()?;
        let mut text = String::new();
        let mut next = 0;
        let read = async {
            while let Some(chunk) = answer.chunk().await? {
                text += &String::from_utf8_lossy(&chunk);
                while let Some((line, rest)) = text.split_once('\n') {
                    if let Some(id) = line.strip_prefix("id:") {
                        ensure!(id.trim().parse::<u64>()? == next, "line {next} comes as {id}");
                        next += 1;
                    }
                    text = rest.to_owned();
                    if next > last {
                        return Ok(());
                    }
                }
            }
            bail!("the stream ends before line {last}")
        };
        tokio::time::timeout(MIRROR_LIMIT, read).await.context("the stream stalls")?
    }

    /// Compares every mirrored row with the contract's views at the same block.
    ///
    /// # Errors
    /// The comparison could not be made.
    pub async fn reconcile(&self) -> Result<Reconciled> {
        self.finality.catch_up().await?;
        let output = Command::new(&self.programs.indexer)
            .arg("reconcile")
            .env("DATABASE_URL", &self.database_url)
            .env("PIECEWORK_RPC_URL", self.network.rpc_urls.join(","))
            .env("PIECEWORK_CONTRACT", self.coordinator.account_id().as_str())
            .kill_on_drop(true)
            .output()
            .await?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("no reconciliation: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Kills the indexer with SIGKILL.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_indexer(&mut self) -> Result<()> {
        self.indexer.take().context("the indexer does not run")?.kill().await
    }

    /// Starts the indexer again, on the mirror that it left.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_indexer(&mut self) -> Result<()> {
        Process::start(&mut self.indexer, &self.layout, self.indexer_spec.clone()).await?;
        Ok(())
    }

    /// Stops everything and removes its files.
    ///
    /// # Errors
    /// A server had ended by itself, or the files stay.
    pub async fn stop(mut self) -> Result<()> {
        for server in [&mut self.gateway_process, &mut self.indexer].into_iter().flatten() {
            server.check()?;
            server.stop().await;
        }
        fs::remove_dir_all(self.dir())?;
        Ok(())
    }
}

impl Agent {
    /// Starts it with what it has on disk, and waits until it works.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(&mut self) -> Result<()> {
        let process = self.process.insert(Process::spawn(&self.layout, self.spec.clone())?);
        process.ready(START_LIMIT).await?;
        Ok(())
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the agent does not run")?;
        process.kill().await
    }

    /// Asks it to stop.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }

    /// The record of a seat in its state directory.
    ///
    /// # Errors
    /// There is none.
    pub fn record(&self, name: &str) -> Result<Value> {
        let path = self.state_dir.join("slots").join(name);
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }
}
