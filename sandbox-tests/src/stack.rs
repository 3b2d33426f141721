//! The services around a market, as the processes that operators run: indexer, gateway, agents.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use near_workspaces::Account;
use piecework_api::client::Client;
use piecework_chain::{Coordinator, KeyFile, RpcClient};
use piecework_interface::{host::sha256, ids::AccountNo, journal::next_head, view::Root};
use piecework_stack::{self as stack, AgentSetup, Layout, Pace, Reconciled, Servers, Site, reconcile};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use crate::{
    Finality, Market, Piecework,
    market::{CLASS, ONE},
    programs::{database_url, programs},
};

/// Time between blocks, milliseconds: at a market's own pace a head is final before a program can ask under it, and one that
/// asks under the newest would not be found out.
const BLOCK_INTERVAL_MS: u32 = 200;
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

/// Says of each disputed item whether the result is the number that its payload holds.
const VERIFY: &str = r#"while IFS= read -r line; do
    index=$(printf %s "$line" | sed -E 's/.*"index":([0-9]+).*/\1/')
    result=$(printf %s "$line" | sed -E 's/.*"result":"([^"]*)".*/\1/')
    truth=$(printf '%02x' $(printf %s "$line" | sed -E 's/.*"payload_base64":"([^"]*)".*/\1/' | base64 -d))
    [ "$result" = "$truth" ] || printf '{"index":%s,"wrong":true,"evidence":"the payload says %s"}\n' "$index" "$truth"
done"#;

/// Indexer and gateway over a market's chain.
pub struct Stack {
    /// Files, programs, endpoints and database.
    pub site: Site,
    /// A client of the gateway.
    pub gateway: Client,
    /// The coordinator at final blocks.
    pub coordinator: Coordinator,
    finality: Finality,
    servers: Servers,
}

/// A node's agent.
pub struct Agent {
    /// The node's number.
    pub node: AccountNo,
    process: stack::Agent,
    program: PathBuf,
    config: PathBuf,
    state_dir: PathBuf,
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
        // It stays where it is when the test fails, with every process's log.
        let dir = tempfile::Builder::new().prefix("piecework-stack-").tempdir()?.keep();
        let (layout, network) = (Layout::create(&dir)?, market.network());
        let rpc = RpcClient::new(network.rpc_config())?;
        let coordinator = Coordinator::new(&rpc, market.coordinator.id().as_str().parse()?);
        let mut site = Site { layout, programs: programs()?, network, database_url: database_url(pool) };
        let mut servers = Servers::default();
        let logs = || format!("see the logs in {}", dir.display());
        // The deployment is found, as an operator would have it.
        servers.indexer(&site, None).await.with_context(logs)?;
        let url = servers.gateway(&site, "127.0.0.1:0").await.with_context(logs)?;
        let gateway = Client::new(&url, Default::default())?;
        site.network.gateway_url = Some(url);
        Ok(Self { site, gateway, coordinator, finality: market.finality.clone(), servers })
    }

    /// Where the processes' files are: logs, keys, the agents' states.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.site.layout.dir()
    }

    /// Starts the agent of a node with a key that can only work. With a gate its worker begins only once that file exists.
    ///
    /// # Errors
    /// The key cannot be added, or the agent does not start.
    pub async fn agent(&self, market: &Market, node: &Account, gate: Option<&Path>) -> Result<Agent> {
        let number = market.number(node).await?;
        let name = format!("agent{number}");
        let key = KeyFile::generate(node.id().as_str().parse()?);
        let key_file = self.site.layout.key(&name);
        key.write(&key_file)?;
        market.add_machine_key(node, key.public_key.to_string().parse()?).await?;
        let gate = gate.map_or_else(|| json!({}), |gate| json!({ "GATE": gate }));
        let worker = json!({ "command": ["sh", "-c", WORKER], "env": gate, "time_limit_s": 100 });
        self.run(number, (&name, &key.account_id, &key_file), worker, (None, &[])).await
    }

    /// Starts the agent of a node that challenges, at the node's expense, what a program proves wrong. Its keys are those that
    /// the operator's commands make.
    ///
    /// # Errors
    /// A command fails, or the agent does not start.
    pub async fn challenger(&self, market: &Market, piecework: &Piecework, node: &Account) -> Result<Agent> {
        let number = market.number(node).await?;
        let name = format!("agent{number}");
        let key_file = piecework.dir().join("machine.json");
        piecework.value(node, &["node", "add-key", "--out", "machine.json"]).await?;
        let public_key = piecework.new_key(node, "challenges.json")?;
        let allow = ["intent", "key-add", &public_key, "--kinds", "challenge", "--daily-cap", "20"];
        piecework.value(node, &allow).await?;
        market.until_final().await?;
        let challenge = json!({
            "enabled": true,
            "account_id": node.id(),
            "key_file": piecework.dir().join("challenges.json"),
            "daily_cap": (20 * ONE).to_string(),
        });
        let worker = json!({
            "command": ["sh", "-c", WORKER], "verify_command": ["sh", "-c", VERIFY], "env": {}, "time_limit_s": 100,
        });
        self.run(number, (&name, &node.id().as_str().parse()?, &key_file), worker, (Some(challenge), &[])).await
    }

    /// Starts the agent of a node that pays out what is above these balances, with the key that `node add-key` makes.
    ///
    /// # Errors
    /// A command fails, or the agent does not start.
    pub async fn payer(
        &self,
        market: &Market,
        piecework: &Piecework,
        (node, above): (&Account, &[&str]),
    ) -> Result<Agent> {
        let number = market.number(node).await?;
        let (name, key_file) = (format!("agent{number}"), piecework.dir().join("machine.json"));
        piecework.value(node, &["node", "add-key", "--out", "machine.json"]).await?;
        market.until_final().await?;
        let worker = json!({ "command": ["sh", "-c", WORKER], "env": {}, "time_limit_s": 100 });
        self.run(number, (&name, &node.id().as_str().parse()?, &key_file), worker, (None, above)).await
    }

    async fn run(
        &self,
        node: AccountNo,
        (name, account_id, key_file): (&str, &piecework_chain::AccountId, &Path),
        worker: Value,
        (challenge, payout_above): (Option<Value>, &[&str]),
    ) -> Result<Agent> {
        let payout_above = payout_above.iter().map(|&above| above.to_owned()).collect();
        let (class, pace) = (CLASS, Pace::QUICK);
        let setup = AgentSetup { name, account_id, key_file, class, worker, pace, challenge, payout_above };
        let mut process = stack::Agent::spawn(&self.site, &setup)?;
        process.ready().await?;
        let layout = &self.site.layout;
        let (program, config) = (self.site.programs.agent.clone(), layout.agent_config(name));
        Ok(Agent { node, process, program, config, state_dir: layout.agent_state(name) })
    }

    /// A resource of the gateway.
    ///
    /// # Errors
    /// There is none, or the gateway does not answer.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R> {
        let answer = reqwest::get(format!("{}{path}", self.site.gateway_url())).await?;
        Ok(answer.error_for_status()?.json().await?)
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
        let url = format!("{}/v1/stream?since_seq=0", self.site.gateway_url());
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
        reconcile(&self.site).await
    }

    /// Kills the indexer with SIGKILL.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_indexer(&mut self) -> Result<()> {
        self.servers.kill_indexer().await
    }

    /// Starts the indexer again, on the mirror that it left.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_indexer(&mut self) -> Result<()> {
        self.servers.indexer(&self.site, None).await
    }

    /// Stops everything and removes its files.
    ///
    /// # Errors
    /// A server had ended by itself, or the files stay.
    pub async fn stop(mut self) -> Result<()> {
        self.servers.check()?;
        self.servers.stop().await;
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
        self.process.respawn()?;
        self.process.ready().await
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// The kernel refuses.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Asks it to stop.
    pub async fn stop(&mut self) {
        self.process.stop().await;
    }

    /// What its `status` says.
    ///
    /// # Errors
    /// It cannot be run, or prints no JSON.
    pub async fn status(&self) -> Result<Value> {
        let mut status = tokio::process::Command::new(&self.program);
        let output = status.arg("--config").arg(&self.config).args(["--json", "status"]).output().await?;
        serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))
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
