//! The nine agents: separate processes with real executors that honestly differ, and one that guesses.

use std::{path::PathBuf, time::Duration};

use piecework_interface::ids::AccountNo;

use crate::stack::{Layout, Pace, Process, Spec, Stack, agent_spec, write_agent_config};

/// How each node decides, by its number.
const CLASSIFIERS: [&str; 9] =
    ["nearest", "five-nearest", "softmax", "nearest", "five-nearest", "centroid", "five-nearest", "nearest", "random"];
/// Index of the node that is stopped for good while it holds a reservation.
pub(super) const LEAVER: usize = 6;
/// Index of the node that is killed between its commit and its reveal, and restarted.
pub(super) const RESTARTED: usize = 7;
/// Index of the node that answers at random.
pub(super) const RANDOM: usize = 8;

const START_LIMIT: Duration = Duration::from_secs(30);
const PACE: Pace = Pace { poll_interval_ms: 250, draw_jitter_ms: 250, keeper_jitter_ms: 500 };

/// One node's agent.
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) account: AccountNo,
    pub(super) classifier: &'static str,
    layout: Layout,
    spec: Spec,
    process: Option<Process>,
}

/// All agents, in order of their nodes.
pub(super) struct Agents(Vec<Agent>);

impl Agents {
    /// Starts one agent per node and waits until all work.
    pub(super) async fn start(stack: &Stack) -> anyhow::Result<Self> {
        let coordinator = stack.coordinator();
        let mut agents = Vec::with_capacity(stack.nodes.len());
        for (node, classifier) in stack.nodes.iter().zip(CLASSIFIERS) {
            let config: PathBuf = write_agent_config(stack, node, classifier, PACE)?;
            let account_id = &node.owner.account_id;
            let account = coordinator.account_no(account_id).await?;
            let account = account.ok_or_else(|| anyhow::anyhow!("{account_id} is registered and has no number"))?;
            let mut agent = Agent {
                name: node.name.clone(),
                account,
                classifier,
                layout: stack.layout.clone(),
                spec: agent_spec(stack, node, &config),
                process: None,
            };
            agent.spawn()?;
            agents.push(agent);
        }
        for agent in &mut agents {
            agent.ready().await?;
        }
        Ok(Self(agents))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter()
    }

    pub(super) fn get(&self, index: usize) -> &Agent {
        &self.0[index]
    }

    /// Two different agents at once.
    pub(super) fn pair(&mut self, first: usize, second: usize) -> anyhow::Result<[&mut Agent; 2]> {
        Ok(self.0.get_disjoint_mut([first, second])?)
    }

    /// Names by account number.
    pub(super) fn names(&self) -> Vec<(AccountNo, String)> {
        self.0.iter().map(|agent| (agent.account, agent.name.clone())).collect()
    }

    /// Stops those that still run.
    pub(super) async fn stop(mut self) {
        futures_util::future::join_all(self.0.iter_mut().map(Agent::stop)).await;
    }
}

impl Agent {
    /// Starts it with the state it has on disk.
    pub(super) fn spawn(&mut self) -> anyhow::Result<()> {
        self.process = Some(Process::spawn(&self.layout, self.spec.clone())?);
        Ok(())
    }

    /// Waits until it works.
    pub(super) async fn ready(&mut self) -> anyhow::Result<()> {
        if let Some(process) = &mut self.process {
            process.ready(START_LIMIT).await?;
        }
        Ok(())
    }

    /// Kills it with -9.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }
}
