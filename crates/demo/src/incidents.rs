//! The two accidents: one node is killed between its commit and its reveal and comes back, one never comes back.

use std::{future::Future, time::Duration};

use piecework_chain::{BlockRef, Coordinator};
use piecework_console::{Output, Problem};
use piecework_interface::{
    call::PAGE_MAX,
    ids::{AccountNo, BatchId, LotId},
    view::{Lot, LotPhase, SlotPhase},
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    agents::{Agent, Agents},
    ledger::{Ledger, until},
};

/// Between two looks at the newest block.
const POLL: Duration = Duration::from_millis(50);
/// Blocks after which nothing that a killed agent sent can still be on its way.
const IN_FLIGHT_BLOCKS: u64 = 4;
/// Blocks between the last final and the newest one.
const FINAL_BLOCKS: u64 = 2;
/// Units that a leaver must have earned before it goes, less than a juror of the first batches did: it leaves as a node that
/// did honest work. A whole lot's worth comes too late, for all lots of the last batch are begun before one is settled.
const LEAVER_EARNS: u128 = 30_000;

/// A node in a lot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) node: AccountNo,
    pub(super) lot: LotId,
}

/// Where the accidents happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incidents {
    /// Who was killed after its commit, and restarted.
    pub(super) restarted: Place,
    /// Who was stopped for good and let its reservation run out.
    pub(super) left: Place,
}

/// Arranges both, side by side. Which node it hits is left open: the first of its half that comes into the situation.
pub(super) async fn happen(
    coordinator: &Coordinator,
    batch: BatchId,
    agents: &mut Agents,
    ledger: watch::Receiver<Ledger>,
    output: Output,
) -> anyhow::Result<Incidents> {
    let (restarts, leaves) = agents.halves();
    let scene = Scene { coordinator: coordinator.at(BlockRef::Latest), batch, ledger };
    let (restarted, left) = tokio::try_join!(
        scene.before_close("a node was killed between commit and reveal", scene.kill_and_restart(restarts, output)),
        scene.before_close("a node left while it held a seat", scene.kill_for_good(leaves, output))
    )?;
    Ok(Incidents { restarted, left })
}

struct Scene {
    coordinator: Coordinator,
    batch: BatchId,
    ledger: watch::Receiver<Ledger>,
}

impl Scene {
    async fn kill_and_restart(&self, agents: &mut [Agent], output: Output) -> anyhow::Result<Place> {
        let committed = |lots: &[Lot], node| {
            let mut working = lots.iter().filter(|lot| lot.state.phase == LotPhase::Working);
            working.find(|lot| is_committed(lot, node)).map(|lot| lot.lot)
        };
        loop {
            let (agent, lot) = self.catch(agents, committed).await?;
            agent.process.kill().await?;
            self.blocks_pass().await?;
            let in_time = self.lots(lot, 1).await?.first().is_some_and(|lot| is_committed(lot, agent.account));
            agent.process.respawn()?;
            agent.process.ready().await?;
            if in_time {
                output.note(format!("{} was killed between commit and reveal of lot {lot}, and restarted", agent.name));
                return Ok(Place { node: agent.account, lot });
            }
            // Its reveal was on the way already: another lot, another try.
        }
    }

    async fn kill_for_good(&self, agents: &mut [Agent], output: Output) -> anyhow::Result<Place> {
        let is_proven = |ledger: &Ledger, node| ledger.earned(node) >= LEAVER_EARNS;
        until(self.ledger.clone(), "a node's first rewards", |ledger| {
            agents.iter().any(|agent| is_proven(ledger, agent.account)).then_some(())
        })
        .await?;
        let reserved = |lots: &[Lot], node| {
            // Answers that it committed elsewhere would go down with it, and their lots would wait for its reveals.
            if !is_proven(&self.ledger.borrow(), node) || lots.iter().any(|lot| is_committed(lot, node)) {
                return None;
            }
            lots.iter().find(|lot| lot.state.round == 0 && is_reserved(lot, node)).map(|lot| lot.lot)
        };
        loop {
            let (agent, lot) = self.catch(agents, reserved).await?;
            agent.process.kill().await?;
            self.blocks_pass().await?;
            if self.lots(lot, 1).await?.first().is_some_and(|lot| is_reserved(lot, agent.account)) {
                output.note(format!("{} was stopped for good while it held a seat of lot {lot}", agent.name));
                return Ok(Place { node: agent.account, lot });
            }
            // Its commit was on the way already: it is no leaver yet.
            agent.process.respawn()?;
            agent.process.ready().await?;
        }
    }

    /// The first agent that is in the situation, and the lot.
    async fn catch<'a>(
        &self,
        agents: &'a mut [Agent],
        situation: impl Fn(&[Lot], AccountNo) -> Option<LotId>,
    ) -> anyhow::Result<(&'a mut Agent, LotId)> {
        let mut tick = interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let lots = self.lots(LotId(0), PAGE_MAX).await?;
            let found =
                agents.iter().enumerate().find_map(|(index, agent)| Some((index, situation(&lots, agent.account)?)));
            if let Some((index, lot)) = found {
                return Ok((&mut agents[index], lot));
            }
        }
    }

    /// An accident, for which it is too late once the batch is closed.
    async fn before_close(
        &self,
        what: &str,
        accident: impl Future<Output = anyhow::Result<Place>>,
    ) -> anyhow::Result<Place> {
        let closed = until(self.ledger.clone(), what, |ledger| ledger.is_closed(self.batch).then_some(()));
        tokio::select! {
            place = accident => place,
            closed = closed => {
                closed?;
                Err(Problem::new(format!("the batch was closed before {what}"), "run it again; read the agents' logs").into())
            }
        }
    }

    /// Waits until whatever was sent before is on chain or lost.
    async fn blocks_pass(&self) -> anyhow::Result<()> {
        // The endpoint that answers may lag; the newest block follows on the final one by two.
        let newest = self.followed().saturating_add(FINAL_BLOCKS);
        let height = self.coordinator.root().await?.block_height.max(newest) + IN_FLIGHT_BLOCKS;
        until(self.ledger.clone(), "new blocks", |ledger| {
            ledger.cursor.as_ref().filter(|cursor| cursor.height >= height).map(|_| ())
        })
        .await
    }

    async fn lots(&self, from: LotId, limit: u32) -> anyhow::Result<Vec<Lot>> {
        // An endpoint that lags behind what was followed is passed over.
        Ok(self.coordinator.since(self.followed()).lots(self.batch, from, limit).await?)
    }

    /// The last final block that the ledger took in.
    fn followed(&self) -> u64 {
        self.ledger.borrow().cursor.as_ref().map_or(0, |cursor| cursor.height)
    }
}

fn phase_of(lot: &Lot, node: AccountNo) -> Option<&SlotPhase> {
    lot.state.slots.iter().find(|slot| slot.node == node).map(|slot| &slot.phase)
}

fn is_committed(lot: &Lot, node: AccountNo) -> bool {
    matches!(phase_of(lot, node), Some(SlotPhase::Committed(_)))
}

fn is_reserved(lot: &Lot, node: AccountNo) -> bool {
    matches!(phase_of(lot, node), Some(SlotPhase::Reserved(_)))
}
