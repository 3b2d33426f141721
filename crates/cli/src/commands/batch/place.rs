//! Where in its batch an append landed: by its own transaction, since others append meanwhile.

use std::time::{Duration, Instant};

use piecework_chain::{BlockRef, Coordinator, CryptoHash, Outcome};
use piecework_interface::{
    amount::Amount,
    event::{Entry, Line},
    ids::{BatchId, LotId},
};
use serde::Serialize;

use crate::context::Context;

/// How long the gateway is waited for, which alone knows an order inside a block.
const CATCH_UP: Duration = Duration::from_secs(20);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(500);

/// An append that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Place {
    pub(in crate::commands) batch: BatchId,
    /// Items that were appended.
    pub(in crate::commands) items: u32,
    /// Locked for them at most, fee included, in units of the token.
    pub(in crate::commands) escrow: Amount,
    /// The first of them in the batch; `None` if other appends share its block and no gateway shows their order.
    pub(in crate::commands) first_item: Option<u32>,
    /// The lot that begins with it.
    pub(in crate::commands) first_lot: Option<LotId>,
}

/// An append as its journal line has it.
#[derive(Clone, Copy, Debug)]
struct Logged {
    block: CryptoHash,
    seq: u64,
    place: Place,
}

/// Where the appends of an outcome landed, in the order of its journal lines.
///
/// # Errors
/// If a journal line cannot be read.
pub(in crate::commands) async fn places(context: &Context, outcome: &Outcome) -> anyhow::Result<Vec<Place>> {
    let mut found = logged(outcome)?;
    for batch in batches(&found) {
        let ours: Vec<&mut Logged> = found.iter_mut().filter(|append| append.place.batch == batch).collect();
        place(context, batch, ours).await?;
    }
    Ok(found.into_iter().map(|append| append.place).collect())
}

fn logged(outcome: &Outcome) -> anyhow::Result<Vec<Logged>> {
    let mut found = Vec::new();
    for receipt in &outcome.receipts {
        for text in &receipt.logs {
            let Some(line) = Line::parse(text)? else { continue };
            found.extend(line.log.into_iter().filter_map(|entry| match entry {
                Entry::BatchAppended { batch, items, escrow, .. } => Some(Logged {
                    block: receipt.block_hash,
                    seq: line.seq,
                    place: Place { batch, items, escrow, first_item: None, first_lot: None },
                }),
                _ => None,
            }));
        }
    }
    Ok(found)
}

fn batches(found: &[Logged]) -> Vec<BatchId> {
    let mut batches: Vec<BatchId> = found.iter().map(|append| append.place.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

/// Places the appends of one batch, which share a block, since they share a transaction's receipt.
async fn place(context: &Context, batch: BatchId, mut ours: Vec<&mut Logged>) -> anyhow::Result<()> {
    let Some(block) = ours.first().map(|append| append.block) else { return Ok(()) };
    let coordinator = context.coordinator()?;
    // What was done is done: an endpoint that keeps few blocks must not make an error of it.
    let view = context.rpc.block(BlockRef::Hash(block)).await.ok().flatten();
    let before = match &view {
        Some(view) => size(&coordinator, CryptoHash(view.header.prev_hash.0), batch).await,
        None => None,
    };
    let after = size(&coordinator, block, batch).await;
    let items: Vec<u32> = ours.iter().map(|append| append.place.items).collect();
    let firsts = match before.zip(after).and_then(|((before, _), (after, _))| alone(before, after, &items)) {
        Some(firsts) => firsts,
        None => by_gateway(context, batch, view.map(|view| view.header.height), &ours).await,
    };
    // A lot size never changes, so any block has it.
    let lot_size = match before.or(after) {
        Some((_, lot_size)) => Some(lot_size),
        None => {
            coordinator.batch(batch).await.ok().flatten().and_then(|batch| batch.open).map(|open| open.terms.lot_size)
        }
    };
    for (append, first) in ours.iter_mut().zip(firsts) {
        append.place.first_item = first;
        append.place.first_lot = first.zip(lot_size).map(|(first, size)| LotId(first / u32::from(size.max(1))));
    }
    Ok(())
}

/// Items and lot size of a batch at a block; `None` if it is not open there, or the endpoint no longer has the block.
async fn size(coordinator: &Coordinator, block: CryptoHash, batch: BatchId) -> Option<(u32, u8)> {
    let found = coordinator.at(BlockRef::Hash(block)).batch(batch).await.ok().flatten();
    found.and_then(|batch| batch.open).map(|open| (open.items, open.terms.lot_size))
}

/// First items of appends that follow each other, if a block grew the batch by them and by no others.
fn alone(before: u32, after: u32, items: &[u32]) -> Option<Vec<Option<u32>>> {
    let mut next = before;
    let mut firsts = Vec::with_capacity(items.len());
    for items in items {
        firsts.push(Some(next));
        next = next.checked_add(*items)?;
    }
    (next == after).then_some(firsts)
}

/// First items by the gateway's segments, which name the journal line of each.
async fn by_gateway(context: &Context, batch: BatchId, height: Option<u64>, ours: &[&mut Logged]) -> Vec<Option<u32>> {
    let none = || vec![None; ours.len()];
    let Ok(gateway) = context.gateway() else { return none() };
    let began = Instant::now();
    loop {
        let segments = match gateway.batch(batch, height).await {
            Ok(Some(_)) => gateway.segments(batch, 0).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let seq = ours.first().map(|append| append.seq);
        let firsts: Vec<Option<u32>> = segments
            .into_iter()
            .filter(|segment| Some(segment.seq) == seq)
            .map(|segment| Some(segment.first_item))
            .collect();
        if firsts.len() == ours.len() {
            return firsts;
        }
        if began.elapsed() >= CATCH_UP {
            return none();
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone__should_place_appends_that_share_no_block() {
        assert_eq!(alone(4, 9, &[2, 3]), Some(vec![Some(4), Some(6)]));
        // Two items of another append came in the same block, before or after.
        assert_eq!(alone(4, 11, &[2, 3]), None);
    }
}
