//! A node's agent: its configuration file, and the process that can be killed and started again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use piecework_chain::AccountId;
use piecework_interface::ids::ClassId;
use serde_json::{Value, json};

use crate::{
    layout::Layout,
    process::{Process, START_LIMIT, Spec},
    site::Site,
};

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

impl Pace {
    /// For a batch that is waited for.
    pub const QUICK: Self = Self { poll_interval_ms: 250, draw_jitter_ms: 250, keeper_jitter_ms: 500 };
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll_interval_ms: 500, draw_jitter_ms: 500, keeper_jitter_ms: 1_000 }
    }
}

/// What the configuration of an agent says beside its network.
#[derive(Clone, Debug)]
pub struct AgentSetup<'a> {
    /// Short name of the node, which its files and its log have.
    pub name: &'a str,
    /// The node's account.
    pub account_id: &'a AccountId,
    /// Key file of its machine.
    pub key_file: &'a Path,
    /// The class of work that it does.
    pub class: ClassId,
    /// Its worker: `command`, `env`, `time_limit_s`.
    pub worker: Value,
    /// Pace.
    pub pace: Pace,
    /// Its table of challenges: `account_id`, `key_file`, `daily_cap`; `None` where it makes none.
    pub challenge: Option<Value>,
    /// Balances above which all of a token is paid out, each as `TOKEN=AMOUNT`.
    pub payout_above: Vec<String>,
}

impl AgentSetup<'_> {
    /// Writes the configuration and returns its path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, site: &Site) -> anyhow::Result<PathBuf> {
        let Site { layout, network, .. } = site;
        let mut config = json!({
            "node": { "account_id": self.account_id, "key_file": self.key_file, "payout_above": self.payout_above },
            "chain": {
                "rpc_urls": network.rpc_urls,
                "contract": network.contract,
                "poll_interval_ms": self.pace.poll_interval_ms,
            },
            "gateway": { "url": network.gateway_url },
            // A local class has few nodes, all of one hand.
            "policy": { "spare_nodes": 0, "spare_nodes_with_window": 0 },
            "work": {
                "draw_jitter_ms": self.pace.draw_jitter_ms,
                "keeper_jitter_ms": self.pace.keeper_jitter_ms,
                "classes": { self.class.to_string(): self.worker },
            },
            "state": { "dir": layout.agent_state(self.name) },
        });
        if let Some(challenge) = &self.challenge {
            config["challenge"] = challenge.clone();
        }
        let path = layout.agent_config(self.name);
        let text = toml::to_string(&config).context("the agent's configuration cannot be written as TOML")?;
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

/// An agent, running or not.
#[derive(Debug)]
pub struct Agent {
    layout: Layout,
    spec: Spec,
    process: Option<Process>,
}

impl Agent {
    /// Writes its configuration and starts it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(site: &Site, setup: &AgentSetup<'_>) -> anyhow::Result<Self> {
        let config = setup.write(site)?;
        let spec = Spec::new(setup.name, &site.programs.agent).arg("--config").arg(config).arg("run").ready_at(WORKS);
        let mut agent = Self { layout: site.layout.clone(), spec, process: None };
        agent.respawn()?;
        Ok(agent)
    }

    /// Starts it again with the state it has on disk.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn respawn(&mut self) -> anyhow::Result<()> {
        self.process = Some(Process::spawn(&self.layout, self.spec.clone())?);
        Ok(())
    }

    /// Waits until it works.
    ///
    /// # Errors
    /// If it ends or takes too long.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        if let Some(process) = &mut self.process {
            process.ready(START_LIMIT).await?;
        }
        Ok(())
    }

    /// Kills it as a power cut would, if it runs.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it, if it runs.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }
}
