//! The whole system as its operators run it: contracts on a node, indexer, gateway and agents as processes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use piecework_chain::KeyFile;
use piecework_interface::{
    ids::{AccountNo, BatchId, LotId},
    view::{BatchStatus, LotPhase, SlotPhase},
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup, Stack,
    market::{CLASS, ONE},
    programs, until,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::{Child, Command};

/// The lot in whose midst an agent is killed: the first, which all nodes begin with.
const LOT: LotId = LotId(0);
const ITEMS: u8 = 12;
/// How long a step of the agents may take on a slow node and a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

#[sqlx::test(migrations = false)]
async fn full_stack__should_pay_an_agent_that_is_killed_between_commit_and_reveal(pool: PgPool) -> Result<()> {
    // Given indexer, gateway and three agents, of which the worker of the last waits at a gate
    let market = Market::start(Setup { nodes: 3 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let run = Box::pin(kill_and_restart(&market, &stack)).await;
    run.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

/// `check` and `run` of the agent where account, key or contract are not what the configuration says.
#[tokio::test]
async fn agent__should_name_what_the_chain_does_not_know() -> Result<()> {
    // Given a registered node with a machine's key
    let market = Market::start(Setup { nodes: 1 }).await?;
    let dir = tempfile::tempdir()?;
    let (setting, key) = AgentSetting::with_key(&market, dir.path())?;
    let node = &market.nodes[0];
    market.add_machine_key(node, key.public_key.to_string().parse()?).await?;
    KeyFile::generate(node.id().clone()).write(dir.path().join("other.json"))?;
    for (name, account_id) in [("nobody.json", "nobody.test.near"), ("requester.json", market.requester.id().as_str())]
    {
        KeyFile::generate(account_id.parse()?).write(dir.path().join(name))?;
    }
    let (node, coordinator) = (node.id().as_str(), market.coordinator.id().as_str());
    let (requester, token) = (market.requester.id().as_str(), market.token.id().as_str());

    // When it is checked with each of them wrong, then that is an error that names it, with a fix
    for (account_id, key_file, contract, finding, part) in [
        ("nobody.test.near", "nobody.json", coordinator, "account", "nobody.test.near does not exist"),
        (node, "other.json", coordinator, "key", "is not on"),
        (node, "node.json", token, "key", "it calls"),
        (requester, "requester.json", coordinator, "node", "is not registered as a node"),
        (node, "node.json", "nothing.test.near", "contract", "nothing.test.near does not exist"),
        (node, "node.json", requester, "contract", "holds no contract"),
        (node, "node.json", token, "contract", token),
    ] {
        let output = setting.agent(account_id, key_file, contract, &["--json", "check"]).await?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let findings = report["findings"].as_array().context("findings")?;
        let found = findings.iter().find(|found| found["name"] == finding && found["severity"] == "error");
        let found = found.with_context(|| format!("{finding} is not found wrong: {report}"))?;
        ensure!(found["text"].as_str().is_some_and(|text| text.contains(part)), "{part}: {found}");
        ensure!(found["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{found}");
        ensure!(output.status.code() == Some(1), "{:?}", output.status);
    }

    // And it does not run: it ends and says why
    for (account_id, key_file, contract, part) in [
        ("nobody.test.near", "nobody.json", coordinator, "is not an access key of nobody.test.near"),
        (node, "other.json", coordinator, "add it as a function-call key"),
        (node, "node.json", "nothing.test.near", "add one for nothing.test.near"),
    ] {
        let output = setting.agent(account_id, key_file, contract, &["run"]).await?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1) && text.contains(part), "{part}: {text}");
    }

    // And with everything right only the gateway is missing
    let output = setting.agent(node, "node.json", coordinator, &["--json", "check"]).await?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let findings = report["findings"].as_array().context("findings")?;
    let wrong: Vec<&Value> = findings.iter().filter(|found| found["severity"] == "error").collect();
    ensure!(wrong.iter().all(|found| found["name"] == "gateway") && wrong.len() == 1, "{report}");
    Ok(())
}

#[tokio::test]
async fn agent__should_wait_for_a_key_that_was_added_just_now() -> Result<()> {
    // Given an agent that is started before its key is on the account
    let market = Market::start(Setup { nodes: 1 }).await?;
    let dir = tempfile::tempdir()?;
    let (setting, key) = AgentSetting::with_key(&market, dir.path())?;
    let node = &market.nodes[0];
    let _agent = setting.start(node.id().as_str(), "node.json", market.coordinator.id().as_str())?;
    until(LIMIT, "the agent looks for its key", async || setting.has_said("no final block has the key yet")).await?;

    // When the key is added, then it runs
    market.add_machine_key(node, key.public_key.to_string().parse()?).await?;
    until(LIMIT, "the agent runs", async || setting.has_said("running as")).await
}

/// Asks the command line whether the contract takes what the gateway tells of a batch, and what somebody changed of it.
async fn verify_results(market: &Market, stack: &Stack, batch: BatchId) -> Result<()> {
    let piecework = Piecework::on(market, &stack.site.network)?;
    let key_file = piecework.key_file(&market.requester)?;
    let claims = stack.dir().join("claims.jsonl");
    let batch = batch.to_string();
    let verify =
        async |args: &[&str]| piecework.run(&key_file, &[["batch", "verify", &batch].as_slice(), args].concat()).await;
    let path = claims.to_str().context("a path")?;
    let all = verify(&["--out", path]).await?;
    let told: Value = serde_json::from_slice(&all.stdout).with_context(|| format!("{all:?}"))?;
    ensure!(all.status.success() && told["lots"].as_array().is_some_and(|lots| lots.len() == 3), "{all:?}");
    ensure!(verify(&["--lot", "1"]).await?.status.success() && verify(&["--claims", path]).await?.status.success());
    let unsettled = verify(&["--lot", "9"]).await?;
    ensure!(String::from_utf8_lossy(&unsettled.stderr).contains("lot 9 of batch 0 has not settled"), "{unsettled:?}");
    let text = fs::read_to_string(&claims)?;
    let (first, last) = (hex::encode([label(0)]), hex::encode([label(0) + 1]));
    let changed = text.replacen(&format!("\"answers\":\"{first}"), &format!("\"answers\":\"{last}"), 1);
    ensure!(changed != text, "no lot begins with {first}: {text}");
    fs::write(&claims, changed)?;
    let wrong = verify(&["--claims", path]).await?;
    let said = String::from_utf8_lossy(&wrong.stderr);
    ensure!(wrong.status.code() == Some(1) && said.contains("does not take the answers of lot 0"), "{wrong:?}");
    Ok(())
}

/// Where an agent runs that has no gateway.
struct AgentSetting<'a> {
    program: PathBuf,
    dir: &'a Path,
    rpc_url: String,
}

impl<'a> AgentSetting<'a> {
    /// With a machine's key of the first node in node.json.
    fn with_key(market: &Market, dir: &'a Path) -> Result<(Self, KeyFile)> {
        let key = KeyFile::generate(market.nodes[0].id().clone());
        key.write(dir.join("node.json"))?;
        let class = format!("[work.classes.{CLASS}]\ncommand = [\"true\"]\n");
        fs::write(dir.join("agent.toml"), class)?;
        Ok((Self { program: programs()?.agent, dir, rpc_url: market.worker.rpc_addr() }, key))
    }

    async fn agent(&self, account_id: &str, key_file: &str, contract: &str, args: &[&str]) -> Result<Output> {
        let run = self.command(account_id, key_file, contract).args(args).output();
        Ok(tokio::time::timeout(LIMIT, run).await.context("the agent does not end")??)
    }

    /// An agent that runs until it is dropped.
    fn start(&self, account_id: &str, key_file: &str, contract: &str) -> Result<Child> {
        let log = fs::File::create(self.dir.join("agent.log"))?;
        let mut command = self.command(account_id, key_file, contract);
        Ok(command.arg("run").stdout(log.try_clone()?).stderr(log).spawn()?)
    }

    /// What a started agent said so far.
    fn said(&self) -> String {
        fs::read_to_string(self.dir.join("agent.log")).unwrap_or_default()
    }

    /// Something, once a started agent said this.
    fn has_said(&self, part: &str) -> Result<Option<()>> {
        Ok(self.said().contains(part).then_some(()))
    }

    fn command(&self, account_id: &str, key_file: &str, contract: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(self.dir.join("agent.toml"))
            .args(["--account-id", account_id, "--contract", contract, "--rpc-url", &self.rpc_url])
            .args(["--gateway-url", "http://127.0.0.1:1", "--state-dir"])
            .arg(self.dir.join("state"))
            .arg("--key-file")
            .arg(self.dir.join(key_file))
            .kill_on_drop(true);
        command
    }
}

async fn kill_and_restart(market: &Market, stack: &Stack) -> Result<()> {
    let [a, b, c] = market.nodes.as_slice() else { unreachable!("three nodes") };
    let gate = stack.dir().join("gate");
    let mut killed = stack.agent(market, a, None).await?;
    let mut second = stack.agent(market, b, None).await?;
    let mut gated = stack.agent(market, c, Some(&gate)).await?;
    let batch = post(market, stack).await?;

    // When one is killed after its commit, while its round cannot be complete
    let committed = until(LIMIT, "the agent commits", async || {
        Ok(match slot(market, batch, killed.node).await? {
            Some(SlotPhase::Committed(commitment)) => Some(commitment),
            _ => None,
        })
    });
    let commitment = committed.await?;
    killed.kill().await?;
    ensure!(phase(market, batch).await? == Some(LotPhase::Working), "the gate holds the round open");
    // Then its answers and its salt are on disk, under the commitment that is on chain
    let record = killed.record(&format!("{batch}-{LOT}-0.json"))?;
    ensure!(record["done"]["commitment"] == hex::encode(commitment), "another commitment is on disk");
    ensure!(record["done"]["salt"].as_str().is_some_and(|salt| salt.len() == 64), "no salt is on disk");

    // When the others commit and reveal without it, and it is started again
    fs::write(&gate, b"")?;
    until(LIMIT, "the others reveal", async || {
        let lot = market.lot(batch, LOT).await?.context("the lot settled without the killed agent's answers")?;
        let revealed = lot.state.slots.iter().filter(|slot| matches!(slot.phase, SlotPhase::Revealed(_))).count();
        Ok((revealed == 2).then_some(()))
    })
    .await?;
    ensure!(
        slot(market, batch, killed.node).await? == Some(SlotPhase::Committed(commitment)),
        "the killed agent cannot have revealed"
    );
    killed.start().await?;
    until(LIMIT, "the batch is closed", async || {
        Ok((market.batch(batch).await?.status == BatchStatus::Closed).then_some(()))
    })
    .await?;
    for agent in [&mut killed, &mut second, &mut gated] {
        agent.stop().await;
    }

    // Then every node is paid for every item, nobody lost stake, and the rest of the escrow is back
    let items_count = u128::from(ITEMS);
    for node in &market.nodes {
        ensure!(market.balance(node).await? == items_count * ONE, "{} is not paid in full", node.id());
        let node = market.node(node).await?;
        ensure!((node.stake.0, node.bonded.0, node.settled) == (Market::config().min_stake.0, 0, 3), "{node:?}");
    }
    let (escrow, paid) = (items_count * 6 * ONE * 102 / 100, 3 * items_count * ONE * 102 / 100);
    ensure!(market.balance(&market.requester).await? == escrow - paid, "the requester does not have the rest");

    // And the gateway serves the contract's whole journal, live too, and the answers; and the mirror is the contract
    let root = stack.verify_journal().await?;
    stack.follow_stream(root.seq - 1).await?;
    let results: Value = stack.get(&format!("/v1/batches/{batch}/results")).await?;
    let mut lots: Vec<&Value> = results["items"].as_array().context("results")?.iter().collect();
    lots.sort_by_key(|lot| lot["lot"].as_u64());
    let answers: Vec<&Value> = lots.iter().filter_map(|lot| lot["answers"].as_array()).flatten().collect();
    let truth: Vec<String> = (0..ITEMS).map(|item| hex::encode([label(item)])).collect();
    ensure!(answers == truth.iter().collect::<Vec<_>>(), "the gateway's answers: {answers:?}");
    verify_results(market, stack, batch).await?;
    for node in &market.nodes {
        let account: Value = stack.get(&format!("/v1/accounts/{}", node.id())).await?;
        let amount = (items_count * ONE).to_string();
        ensure!(account["balances"][0]["amount"] == amount, "the gateway's account: {account}");
    }
    let found = stack.reconcile().await?;
    ensure!(found.holds() && found.rows > 0, "{found:?}");
    Ok(())
}

/// Uploads items, whose payload is their answer in words that the worker understands, and posts them in three lots.
async fn post(market: &Market, stack: &Stack) -> Result<BatchId> {
    let piecework = Piecework::on(market, &stack.site.network)?;
    let items: String = (0..ITEMS).map(|item| format!("{{\"payload\":\"{}\"}}\n", label(item))).collect();
    piecework.write("items.jsonl", &items)?;
    let class = CLASS.to_string();
    let terms = ["--class", &class, "--reward", "1", "--lot-size", "4", "--replicas", "3"];
    // Times that a restart fits into on a busy machine.
    let times = ["--claim-ttl", "300s", "--reveal-window", "300s", "--slice", "1s"];
    let create = [["batch", "create", "--from", "items.jsonl"].as_slice(), &terms, &times, &["--bond", "100"]].concat();
    let created = piecework.value(&market.requester, &create).await?;
    ensure!((&created["items"], &created["lots"]) == (&json!(ITEMS), &json!(3)), "{created}");
    Ok(serde_json::from_value(created["batch"].clone())?)
}

const fn label(item: u8) -> u8 {
    item * 17 + 3
}

async fn slot(market: &Market, batch: BatchId, node: AccountNo) -> Result<Option<SlotPhase>> {
    let slots = market.lot(batch, LOT).await?.map(|lot| lot.state.slots).unwrap_or_default();
    Ok(slots.into_iter().find(|slot| slot.node == node).map(|slot| slot.phase))
}

async fn phase(market: &Market, batch: BatchId) -> Result<Option<LotPhase>> {
    Ok(market.lot(batch, LOT).await?.map(|lot| lot.state.phase))
}
