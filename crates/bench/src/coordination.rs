//! A large batch worked off as agents do it: every call reveals what is committed, commits what is done, and claims more.

use std::{fmt, path::Path};

use anyhow::ensure;
use piecework_interface::{draw::At, ids::LotId, op::Op, terms::LOT_SIZE_MAX, view::GROUP_LOTS};
use serde::Serialize;

use crate::{
    chain::Burnt,
    market::{Market, Shape, Step},
    report::tera,
};

/// Nodes that work on the same lots.
const REPLICAS: usize = 3;
/// Lots that a node takes in one call.
const LOTS_A_CALL: u32 = 8;
/// Compute of a chunk, and the time of a block on the main network.
const CHUNK_COMPUTE: u64 = 1_000_000_000_000_000;
const BLOCK_MS: u64 = 600;

/// What coordinating costs.
#[derive(Clone, Debug, Serialize)]
pub struct Coordination {
    /// Items, all settled.
    pub items: u32,
    /// Lots.
    pub lots: u32,
    /// Copies of each item.
    pub replicas: usize,
    /// Calls of `work`.
    pub calls: u32,
    /// Gas per item, from the draw to the settlement, TGas.
    pub tgas_per_item: f64,
    /// Compute per item, T; a chunk has 1000.
    pub compute_per_item: f64,
    /// Items a second that a shard could settle if it did nothing else.
    pub items_per_s_one_shard: u64,
    /// Bytes of state per slot that is committed, three to a lot.
    pub bytes_per_live_slot: f64,
}

impl fmt::Display for Coordination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            items,
            lots,
            replicas,
            calls,
            tgas_per_item,
            compute_per_item,
            items_per_s_one_shard,
            bytes_per_live_slot,
        } = self;
        writeln!(f, "{items} items in {lots} lots, {replicas} copies, settled by {calls} calls")?;
        writeln!(f, "gas per item       {tgas_per_item:.4} TGas  ({:.2} of the target 0.078)", tgas_per_item / 0.078)?;
        writeln!(
            f,
            "compute per item   {compute_per_item:.4} T     ({:.2} of the target 0.125)",
            compute_per_item / 0.125
        )?;
        writeln!(f, "one shard          {items_per_s_one_shard} items/s, if it did nothing else")?;
        write!(
            f,
            "bytes a live slot  {bytes_per_live_slot:.1}         ({:.2} of the target 70)",
            bytes_per_live_slot / 70.0
        )
    }
}

/// Works off a batch of at least so many items.
///
/// # Errors
/// A contract is missing, a call fails, an op is skipped, or the batch does not close.
pub fn measure(contracts: &Path, items: u32) -> anyhow::Result<Coordination> {
    let teams = 8;
    let mut market = Market::new(contracts, teams * REPLICAS)?;
    for node in 0..market.nodes.len() {
        market.register(node)?;
    }
    market.create_by_transfer(Shape { start: 1, ..Shape::usual(1, 1) })?;
    let bytes_per_live_slot = live_slot(&mut market)?;

    let lots = items.div_ceil(u32::from(LOT_SIZE_MAX)).next_multiple_of(LOTS_A_CALL);
    let items = lots * u32::from(LOT_SIZE_MAX);
    market.create(Shape::usual(items, LOT_SIZE_MAX))?;
    market.chain.pass(5)?;
    let mut run =
        Run { market, teams: vec![Team::default(); teams], lots, next: 0, seeded: 0, sum: Burnt::default(), calls: 0 };
    while !run.done() {
        run.round()?;
    }
    let batch = run.market.batch();
    ensure!(run.market.is_closed(batch)?, "the batch did not close");
    let Burnt { gas, compute, .. } = run.sum;
    let each = compute / u64::from(items);
    Ok(Coordination {
        items,
        lots,
        replicas: REPLICAS,
        calls: run.calls,
        tgas_per_item: tera(gas / u64::from(items)),
        compute_per_item: tera(each),
        items_per_s_one_shard: CHUNK_COMPUTE * 1_000 / BLOCK_MS / each,
        bytes_per_live_slot,
    })
}

/// Bytes by which a lot with three committed slots grows the state, per slot.
fn live_slot(market: &mut Market) -> anyhow::Result<f64> {
    market.open(Shape::usual(u32::from(LOT_SIZE_MAX) * 2, LOT_SIZE_MAX))?;
    let before = market.chain.storage_bytes()?;
    for step in [Step::Claim, Step::Commit] {
        for node in 0..REPLICAS {
            market.step(step, node, &[0])?;
        }
    }
    let bytes = u32::try_from(market.chain.storage_bytes()? - before)?;
    for node in 0..REPLICAS {
        market.step(Step::Reveal, node, &[0])?;
    }
    Ok(f64::from(bytes) / 3.0)
}

/// Three nodes with the lots that they claimed and those that they committed.
#[derive(Clone, Default)]
struct Team {
    claimed: Vec<u32>,
    committed: Vec<u32>,
}

struct Run {
    market: Market,
    teams: Vec<Team>,
    lots: u32,
    /// The next lot that nobody has.
    next: u32,
    /// Groups whose seed is out.
    seeded: u32,
    sum: Burnt,
    calls: u32,
}

impl Run {
    fn done(&self) -> bool {
        self.next == self.lots && self.teams.iter().all(|team| team.claimed.is_empty() && team.committed.is_empty())
    }

    /// One call of each node that has something to do.
    fn round(&mut self) -> anyhow::Result<()> {
        self.draw()?;
        let batch = self.market.batch();
        for team in 0..self.teams.len() {
            let end = self.next + LOTS_A_CALL;
            let fresh: Vec<_> =
                if end <= self.lots.min(self.seeded * GROUP_LOTS) { (self.next..end).collect() } else { Vec::new() };
            self.next += u32::try_from(fresh.len())?;
            let Team { claimed, committed } = std::mem::take(&mut self.teams[team]);
            let steps = [(Step::Reveal, &committed), (Step::Commit, &claimed), (Step::Claim, &fresh)];
            for replica in 0..REPLICAS {
                let node = team * REPLICAS + replica;
                let ops: Vec<Op> = steps
                    .iter()
                    .flat_map(|(step, lots)| lots.iter().map(|lot| (*step, *lot)))
                    .map(|(step, lot)| self.market.op_as(step, (node, replica), (batch, LotId(lot), 0)))
                    .collect();
                if !ops.is_empty() {
                    self.work(node, ops)?;
                }
            }
            self.teams[team] = Team { claimed: fresh, committed: claimed };
        }
        Ok(())
    }

    /// Draws the next group when the free lots of those that are drawn run out.
    fn draw(&mut self) -> anyhow::Result<()> {
        let groups = self.lots.div_ceil(GROUP_LOTS);
        let wanted = (self.next + LOTS_A_CALL * u32::try_from(self.teams.len())?).div_ceil(GROUP_LOTS).min(groups);
        while self.seeded < wanted && self.market.may_open(self.seeded)? {
            let draw = vec![Op::Draw { batch: self.market.batch(), at: At::Group(self.seeded) }];
            // Creation opened group 0; any other is opened first and captured in a later slice.
            if self.seeded > 0 {
                self.work(0, draw.clone())?;
            }
            self.market.chain.pass(5)?;
            self.work(0, draw)?;
            self.seeded += 1;
            self.market.chain.pass(60)?;
        }
        Ok(())
    }

    fn work(&mut self, node: usize, ops: Vec<Op>) -> anyhow::Result<()> {
        self.sum += self.market.work(node, ops)?;
        self.calls += 1;
        Ok(())
    }
}
