//! An agent's configuration file on a local network, with the digits worker as its executor.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::{Node, Spec, Stack};

/// What an agent prints to stdout when it works.
const WORKS: &str = "running as ";

/// How eagerly an agent looks at the chain.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Milliseconds between two looks.
    pub poll_interval_ms: u64,
    /// Milliseconds that a draw waits at most, so that not all nodes send it.
    pub draw_jitter_ms: u64,
    /// Likewise a keeper's poke.
    pub keeper_jitter_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll_interval_ms: 500, draw_jitter_ms: 500, keeper_jitter_ms: 1_000 }
    }
}

/// Writes the node's configuration and returns its path.
///
/// # Errors
/// If it cannot be written.
pub fn write_agent_config(stack: &Stack, node: &Node, classifier: &str, pace: Pace) -> anyhow::Result<PathBuf> {
    let path = stack.layout.nodes().join(format!("{}.toml", node.name));
    let config = json!({
        "node": { "account_id": node.owner.account_id, "key_file": node.machine_key_file },
        "chain": {
            "rpc_urls": stack.network.rpc_urls,
            "contract": stack.deployment.contract,
            "poll_interval_ms": pace.poll_interval_ms,
        },
        "gateway": { "url": stack.gateway_url() },
        "work": {
            "draw_jitter_ms": pace.draw_jitter_ms,
            "keeper_jitter_ms": pace.keeper_jitter_ms,
            "classes": { "1": { "command": [stack.programs().worker, "--classifier", classifier], "time_limit_s": 20 } },
        },
        "state": { "dir": stack.layout.nodes().join(&node.name) },
    });
    let text = toml::to_string(&config).context("the agent's configuration cannot be written as TOML")?;
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// How the node's agent is run.
#[must_use]
pub fn agent_spec(stack: &Stack, node: &Node, config: &std::path::Path) -> Spec {
    Spec::new(&node.name, &stack.programs().agent).arg("--config").arg(config).arg("run").ready_at(WORKS)
}
