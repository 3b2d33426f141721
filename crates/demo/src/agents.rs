//! The nine agents: separate processes with real executors that honestly differ, and one that guesses.

use std::ops::Range;

use anyhow::Context as _;
use piecework_interface::ids::AccountNo;
use piecework_stack::{self as stack, Node, Pace, Stack};

/// How each node decides, by its number.
const CLASSIFIERS: [&str; 9] =
    ["nearest", "five-nearest", "softmax", "nearest", "five-nearest", "centroid", "five-nearest", "nearest", "random"];
/// Index of the node that answers at random.
const RANDOM: usize = 8;
/// Indices of the nodes of one hand, which cheat before their agents start and are honest then.
pub(super) const COALITION: [usize; 2] = [6, 7];
/// Those that work from the beginning.
pub(super) const FIRST: Range<usize> = 0..6;
/// The others: the coalition, and the one that answers at random.
pub(super) const OTHERS: Range<usize> = 6..9;

/// One node's agent.
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) account: AccountNo,
    pub(super) classifier: &'static str,
    pub(super) process: stack::Agent,
}

/// The number of a node's account.
pub(super) async fn number(stack: &Stack, node: &Node) -> anyhow::Result<AccountNo> {
    let account_id = &node.owner.account_id;
    let number = stack.coordinator().account_no(account_id).await?;
    number.with_context(|| format!("{account_id} is registered and has no number"))
}

/// All agents, in order of their nodes.
#[derive(Default)]
pub(super) struct Agents(Vec<Agent>);

impl Agents {
    /// Starts the agents of the nodes that come next, and waits until all work.
    pub(super) async fn start(&mut self, stack: &Stack, which: Range<usize>) -> anyhow::Result<()> {
        for (node, classifier) in stack.nodes.iter().zip(CLASSIFIERS).take(which.end).skip(which.start) {
            let account = number(stack, node).await?;
            let process = stack::Agent::spawn(&stack.site, &stack.agent_setup(node, classifier, Pace::QUICK))?;
            self.0.push(Agent { name: node.name.clone(), account, classifier, process });
        }
        for agent in self.0.iter_mut().skip(which.start) {
            agent.process.ready().await?;
        }
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter()
    }

    pub(super) fn random(&self) -> &Agent {
        &self.0[RANDOM]
    }

    /// The honest agents in two halves: one has the accident that ends well, one the accident that does not.
    pub(super) fn halves(&mut self) -> (&mut [Agent], &mut [Agent]) {
        self.0[..RANDOM].split_at_mut(RANDOM / 2)
    }

    /// A node's short name.
    pub(super) fn name(&self, node: AccountNo) -> &str {
        self.0.iter().find(|agent| agent.account == node).map_or("?", |agent| &agent.name)
    }

    /// Names by account number.
    pub(super) fn names(&self) -> Vec<(AccountNo, String)> {
        self.0.iter().map(|agent| (agent.account, agent.name.clone())).collect()
    }

    /// Kills those that still run, which lose nothing that anybody will miss.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        for agent in &mut self.0 {
            agent.process.kill().await?;
        }
        Ok(())
    }

    /// Stops those that still run.
    pub(super) async fn stop(&mut self) {
        futures_util::future::join_all(self.0.iter_mut().map(|agent| agent.process.stop())).await;
    }
}
