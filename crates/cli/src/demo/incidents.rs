//! The two accidents: one node is killed between its commit and its reveal and comes back, one never comes back.

use std::time::Duration;

use piecework_interface::{
    call::PAGE_MAX,
    ids::{AccountNo, BatchId, LotId},
    view::{Lot, LotPhase, SlotPhase},
};
use tokio::{
    sync::watch,
    time::{Instant, interval, timeout_at},
};

use super::{
    agents::{Agent, Agents, LEAVER, RESTARTED},
    ledger::{Ledger, until},
};
use crate::{coordinator::Coordinator, output::Output, problem::Problem};
use piecework_chain::BlockRef;

/// Between two looks at the newest block.
const POLL: Duration = Duration::from_millis(30);
/// How long an accident may take to arrange.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the chain may take for a few blocks.
const BLOCKS_LIMIT: Duration = Duration::from_secs(20);
/// Blocks after which nothing that a killed agent sent can still be on its way.
const IN_FLIGHT_BLOCKS: u64 = 4;
/// Units that the leaver must have earned before it goes, two lots' worth: it leaves as a node that did honest work.
const LEAVER_EARNS: u128 = 1_000_000;

/// Where the accidents happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incidents {
    /// Lot in which a node was killed after its commit.
    pub(super) restarted_in: LotId,
    /// Lot whose reservation the leaver let run out.
    pub(super) left_in: LotId,
}

/// Arranges both, side by side.
pub(super) async fn happen(
    coordinator: &Coordinator,
    batch: BatchId,
    agents: &mut Agents,
    ledger: watch::Receiver<Ledger>,
    output: Output,
) -> anyhow::Result<Incidents> {
    let [leaver, restarted] = agents.pair(LEAVER, RESTARTED)?;
    let scene = Scene { coordinator: coordinator.at(BlockRef::Latest), batch, ledger };
    let (restarted_in, left_in) =
        tokio::try_join!(scene.kill_and_restart(restarted, output), scene.kill_for_good(leaver, output))?;
    Ok(Incidents { restarted_in, left_in })
}

struct Scene {
    coordinator: Coordinator,
    batch: BatchId,
    ledger: watch::Receiver<Ledger>,
}

impl Scene {
    async fn kill_and_restart(&self, agent: &mut Agent, output: Output) -> anyhow::Result<LotId> {
        let committed = |lot: &Lot| {
            let working = lot.state.phase == LotPhase::Working;
            working
                .then(|| phase_of(lot, agent.account))
                .flatten()
                .filter(|phase| matches!(phase, SlotPhase::Committed(_)))
        };
        let node = agent.account;
        let lot = self.catch(node, "commits", |lot| committed(lot).is_some()).await?;
        agent.kill().await?;
        self.blocks_pass().await?;
        let revealed = self.slot(lot, node).await?.is_none_or(|phase| !matches!(phase, SlotPhase::Committed(_)));
        agent.spawn()?;
        agent.ready().await?;
        if revealed {
            return Box::pin(self.kill_and_restart(agent, output)).await;
        }
        output.note(format!("{} was killed between commit and reveal of lot {lot}, and restarted", agent.name));
        Ok(lot)
    }

    async fn kill_for_good(&self, agent: &mut Agent, output: Output) -> anyhow::Result<LotId> {
        let node = agent.account;
        until(self.ledger.clone(), LIMIT, "the leaver's first rewards", |ledger| {
            (ledger.earned(node) >= LEAVER_EARNS).then_some(())
        })
        .await?;
        loop {
            let first = |lot: &Lot| lot.state.round == 0;
            let reserved = |lot: &Lot| first(lot) && matches!(phase_of(lot, node), Some(SlotPhase::Reserved(_)));
            let lot = self.catch(node, "claims", reserved).await?;
            agent.kill().await?;
            self.blocks_pass().await?;
            if matches!(self.slot(lot, node).await?, Some(SlotPhase::Reserved(_))) {
                output.note(format!("{} was stopped for good while it held a seat of lot {lot}", agent.name));
                return Ok(lot);
            }
            // Its commit was on the way already: it is no leaver yet.
            agent.spawn()?;
            agent.ready().await?;
        }
    }

    /// The first lot in which the node's slot is as wanted.
    async fn catch(&self, node: AccountNo, what: &str, wanted: impl Fn(&Lot) -> bool) -> anyhow::Result<LotId> {
        let end = Instant::now() + LIMIT;
        let mut tick = interval(POLL);
        let looks = async {
            loop {
                tick.tick().await;
                let lots = self.coordinator.lots(self.batch, LotId(0), PAGE_MAX).await?;
                if let Some(lot) = lots.iter().find(|lot| wanted(lot)) {
                    return anyhow::Ok(lot.lot);
                }
            }
        };
        timeout_at(end, looks).await.unwrap_or_else(|_| {
            let text = format!("waited {} s in vain until node {node} {what}", LIMIT.as_secs());
            Err(Problem::new(text, "read the agents' logs").into())
        })
    }

    /// Waits until whatever was sent before is on chain or lost.
    async fn blocks_pass(&self) -> anyhow::Result<()> {
        let height = self.coordinator.root().await?.block_height + IN_FLIGHT_BLOCKS;
        until(self.ledger.clone(), BLOCKS_LIMIT, "new blocks", |ledger| {
            ledger.cursor.as_ref().filter(|cursor| cursor.height >= height).map(|_| ())
        })
        .await
    }

    async fn slot(&self, lot: LotId, node: AccountNo) -> anyhow::Result<Option<SlotPhase>> {
        let lots = self.coordinator.lots(self.batch, lot, 1).await?;
        Ok(lots.first().and_then(|lot| phase_of(lot, node)))
    }
}

fn phase_of(lot: &Lot, node: AccountNo) -> Option<SlotPhase> {
    lot.state.slots.iter().find(|slot| slot.node == node).map(|slot| slot.phase.clone())
}
