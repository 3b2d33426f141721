//! A stream of single requests: a batch each, against one batch to which each is appended.

use std::{fmt, path::Path};

use anyhow::ensure;
use piecework_client::calls;
use piecework_interface::{
    call::BatchAppendArgs,
    draw::At,
    ids::{BatchId, LotId},
    op::Op,
    view::GROUP_LOTS,
};
use serde::Serialize;

use crate::{
    chain::Burnt,
    market::{Market, Shape},
    report::tera,
};

/// Requests that come between two looks of the nodes at the chain, and so lots of one call.
const BURST: u32 = 8;
/// What appending may cost of what a batch each costs.
const GAS_LIMIT: f64 = 0.35;
const STORAGE_LIMIT: f64 = 0.05;

/// What a stream of requests costs.
#[derive(Clone, Debug, Serialize)]
pub struct Stream {
    /// Requests of one item, three copies each.
    pub requests: u32,
    /// TGas a request, creation to closed batch, where each is a batch that is worked on alone.
    pub batch_tgas: f64,
    /// The same where eight batches share the nodes' calls.
    pub shared_batches_tgas: f64,
    /// TGas a request that is appended by a call of its own, eight of which share the nodes' calls.
    pub appended_tgas: f64,
    /// Bytes of state that a batch holds while it waits for nodes.
    pub batch_bytes: f64,
    /// Bytes of state a request while all wait in one batch.
    pub appended_bytes: f64,
}

impl Stream {
    fn gas_ratio(&self) -> f64 {
        self.appended_tgas / self.batch_tgas
    }

    fn storage_ratio(&self) -> f64 {
        self.appended_bytes / self.batch_bytes
    }

    /// # Errors
    /// A ratio is above its limit.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.gas_ratio() <= GAS_LIMIT, "a request costs {:.2} of a batch in gas", self.gas_ratio());
        ensure!(
            self.storage_ratio() <= STORAGE_LIMIT,
            "a request holds {:.3} of a batch's bytes",
            self.storage_ratio()
        );
        Ok(())
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, batch_tgas, shared_batches_tgas, appended_tgas, batch_bytes, appended_bytes } = self;
        writeln!(f, "{requests} requests of one item, three copies")?;
        writeln!(f, "a batch each             {batch_tgas:.2} TGas, {batch_bytes:.0} bytes while it waits")?;
        writeln!(f, "a batch each, by eights  {shared_batches_tgas:.2} TGas")?;
        writeln!(f, "appended, by eights      {appended_tgas:.2} TGas, {appended_bytes:.1} bytes")?;
        writeln!(
            f,
            "gas      {:.3} of a batch each (limit {GAS_LIMIT}), {:.2} by eights",
            self.gas_ratio(),
            appended_tgas / shared_batches_tgas
        )?;
        write!(f, "storage  {:.4} of a batch each (limit {STORAGE_LIMIT})", self.storage_ratio())
    }
}

/// Plays so many requests, both ways.
///
/// # Errors
/// A contract is missing, a call fails, or an op is skipped.
pub fn measure(contracts: &Path, requests: u32) -> anyhow::Result<Stream> {
    let requests = requests.next_multiple_of(BURST);
    let mut market = Market::new(contracts, 3)?;
    for node in 0..market.nodes.len() {
        market.register(node)?;
    }
    market.create_by_transfer(Shape { start: 1, ..Shape::usual(1, 1) })?;
    let (batch_bytes, appended_bytes) = waiting(&mut market, requests)?;
    let alone = batches(&mut market, requests, 1)?;
    let shared = batches(&mut market, requests, BURST)?;
    let appended = appended(&mut market, requests)?;
    Ok(Stream {
        requests,
        batch_tgas: tera(alone.gas / u64::from(requests)),
        shared_batches_tgas: tera(shared.gas / u64::from(requests)),
        appended_tgas: tera(appended.gas / u64::from(requests)),
        batch_bytes,
        appended_bytes,
    })
}

/// Bytes of state a request, while all of them wait for nodes: as batches, and appended to one.
fn waiting(market: &mut Market, requests: u32) -> anyhow::Result<(f64, f64)> {
    let before = market.chain.storage_bytes()?;
    for _ in 0..requests {
        market.create(Shape::usual(1, 1))?;
    }
    let batches = market.chain.storage_bytes()?;
    market.create_appendable(Shape::usual(1, 1))?;
    for _ in 1..requests {
        append(market)?;
    }
    let appended = market.chain.storage_bytes()?;
    let each = |bytes: i64| Ok::<_, anyhow::Error>(f64::from(u32::try_from(bytes)?) / f64::from(requests));
    Ok((each(batches - before)?, each(appended - batches)?))
}

/// Requests as batches, so many of which share the nodes' calls.
fn batches(market: &mut Market, requests: u32, together: u32) -> anyhow::Result<Burnt> {
    let mut sum = Burnt::default();
    for _ in 0..requests / together {
        for _ in 0..together {
            sum += market.create(Shape::usual(1, 1))?;
        }
        let last = market.batch().0;
        let places: Vec<_> = (last + 1 - together..=last).map(|batch| (BatchId(batch), 0)).collect();
        let draws = places.iter().map(|(batch, _)| Op::Draw { batch: *batch, at: At::Group(0) }).collect();
        sum += work(market, draws, &places)?;
        ensure!(market.is_closed(BatchId(last))?, "batch {last} did not close");
    }
    Ok(sum)
}

/// Requests that are appended to one batch, each by a call of its own.
fn appended(market: &mut Market, requests: u32) -> anyhow::Result<Burnt> {
    let mut sum = market.create_appendable(Shape::usual(1, 1))?;
    let batch = market.batch();
    for burst in 0..requests / BURST {
        let first = burst * BURST;
        for _ in first.max(1)..first + BURST {
            sum += append(market)?;
        }
        let places: Vec<_> = (first..first + BURST).map(|lot| (batch, lot)).collect();
        let draw = Op::Draw { batch, at: At::Group(first / GROUP_LOTS) };
        sum += work(market, vec![draw], &places)?;
    }
    ensure!(market.view_batch(batch)?.settled == requests, "not every request is settled");
    Ok(sum)
}

fn append(market: &mut Market) -> anyhow::Result<Burnt> {
    let uri = format!("blob:{}", "0".repeat(64));
    let args = BatchAppendArgs { batch: market.batch(), items: 1, manifest: [7; 32], uri };
    let requester = market.requester.clone();
    market.call(&requester, calls::batch_append(&args))
}

/// Draws, and all steps of three nodes on these lots.
fn work(market: &mut Market, draws: Vec<Op>, places: &[(BatchId, u32)]) -> anyhow::Result<Burnt> {
    market.chain.pass(5)?;
    let mut sum = market.work(0, draws)?;
    market.chain.pass(60)?;
    let burnt = market.round(0..3, |market, step, node| {
        let answers = |(batch, lot): &(BatchId, u32)| market.op_with(step, node, (*batch, LotId(*lot), 0), vec![3]);
        places.iter().map(answers).collect()
    })?;
    burnt.into_iter().for_each(|call| sum += call);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream__should_cost_a_third_of_a_batch_each_and_a_twentieth_of_its_storage() {
        let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/contracts");
        let stream = measure(&contracts, 48).expect("figures");
        stream.check().unwrap_or_else(|error| panic!("{error}: {stream}"));
    }
}
