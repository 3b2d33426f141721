//! The page for a public launch: each of its commands does what the page says, in its order.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use near_workspaces::types::NearToken;
use piecework_chain::{KeyFile, Network};
use piecework_interface::host::sha256;
use piecework_sandbox_tests::{Market, Piecework, Setup, market::wasm};
use serde_json::Value;

const PAGE: &str = include_str!("../../../../deploy/TESTNET.md");
const PLAN: &str = include_str!("../../../../deploy/plan.example.toml");
/// The notice and the unbonding time of the plan.
const WAIT_S: u32 = 8 * 86_400;
/// A comment in the page before the commands that have to wait.
const LATER: &str = "# eight days later";

/// The lines of all shell blocks of a page.
fn commands(page: &str) -> Vec<&str> {
    let mut is_shell = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            _ if is_shell => lines.push(line),
            _ => {}
        }
    }
    lines
}

#[tokio::test]
async fn page__should_launch_a_market_by_the_commands_that_it_has() -> Result<()> {
    // Given a funded account, the release, the next one, and the plan filled in for this chain
    let market = Market::start(Setup { nodes: 0 }).await?;
    let root = market.worker.root_account()?;
    let launch = root.create_subaccount("launch").initial_balance(NearToken::from_near(25)).transact().await?;
    let launch = launch.into_result()?;
    let here = |text: &str| text.replace("launch.testnet", launch.id().as_str());
    let contract = Some(format!("market.{}", launch.id()).parse()?);
    let piecework = Piecework::on(&market, &Network { contract, ..market.network() })?;
    for dir in ["keys", "target/contracts"] {
        fs::create_dir_all(piecework.dir().join(dir))?;
    }
    let key = KeyFile::from_secret(launch.id().clone(), launch.secret_key().to_string().parse()?);
    key.write(piecework.dir().join("keys/launch.json"))?;
    let code = wasm("piecework_coordinator")?;
    fs::write(piecework.dir().join("target/contracts/piecework_coordinator.wasm"), &code)?;
    let token = wasm("piecework_reward_token")?;
    fs::write(piecework.dir().join("target/contracts/piecework_reward_token.wasm"), token)?;
    fs::write(piecework.dir().join("next.wasm"), [&code[..], b"\x00\x05\x04next"].concat())?;
    let digest = hex::encode(sha256(&code));
    piecework.write("plan.toml", &here(&PLAN.replace(&"0".repeat(64), &digest)))?;

    // When its commands run one after another
    let (mut ran, mut last) = (0, Value::Null);
    for line in commands(PAGE) {
        if line == LATER {
            market.advance_s(WAIT_S + 1).await?;
        }
        let Some(line) = line.strip_prefix("piecework ") else { continue };
        let line = here(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let (key_file, args) = match words.as_slice() {
            ["--key-file", key_file, args @ ..] => (*key_file, args),
            args => ("keys/launch.json", args),
        };
        last = piecework
            .value_by(key_file, args)
            .await
            .with_context(|| format!("the page's command: piecework {line}"))?;
        ran += 1;
        check(&line, &last)?;
    }

    // Then all of them did, and the market runs the next release
    ensure!(ran == commands(PAGE).iter().filter(|line| line.starts_with("piecework ")).count(), "{ran} ran");
    ensure!(last["next"] == "runs", "{last}");
    Ok(())
}

/// What the page says should be seen.
fn check(line: &str, value: &Value) -> Result<()> {
    let steps = || value["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |step: &Value| step["state"] == "done" || step["step"] == "owner-accepts";
    match line {
        "deploy plan.toml --dry-run" => ensure!(steps().iter().any(|step| step["state"] == "missing"), "{value}"),
        "deploy plan.toml" => ensure!(!steps().is_empty() && steps().iter().all(named), "{value}"),
        "govern show" => ensure!(value["proposals"] == serde_json::json!([]), "{value}"),
        _ if line.contains("--rehearse") && value["differences"] != serde_json::json!([]) => bail!("{value}"),
        _ => {}
    }
    Ok(())
}
