//! The contract's state, read through its views at one block.

use std::collections::BTreeMap;

use piecework_chain::{AccountId, BlockRef, RpcClient, ViewError};
use piecework_interface::{
    call::PAGE_MAX,
    governance::Settings,
    ids::{AccountNo, BatchId, LotId, TokenId},
    lots::lot_count,
    revenue::Revenue,
    view::{Account, Batch, Lot, LotState, Root, Token},
};
use piecework_replay::Mirror;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// What the views answered.
#[derive(Debug)]
pub(super) struct Views {
    pub root: Root,
    pub settings: Settings,
    /// The running epoch, and what the one before pays.
    pub revenue: Revenue,
    pub tokens: BTreeMap<TokenId, Token>,
    pub accounts: BTreeMap<AccountNo, Account>,
    pub batches: BTreeMap<BatchId, Batch>,
    pub lots: BTreeMap<(BatchId, LotId), LotState>,
}

struct Reader<'a> {
    rpc: &'a RpcClient,
    contract: &'a AccountId,
    block: BlockRef,
}

impl Reader<'_> {
    async fn view<R: DeserializeOwned>(&self, method: &str, args: impl Serialize) -> Result<R, ViewError> {
        Ok(self.rpc.view_function(self.contract, method, &args, self.block).await?.value)
    }

    /// Rows `0..end` of a paged view.
    async fn pages<R: DeserializeOwned>(&self, method: &str, end: u32) -> Result<Vec<R>, ViewError> {
        let mut rows = Vec::new();
        for from in pages(end) {
            rows.extend(self.view::<Vec<R>>(method, json!({ "from": from, "limit": PAGE_MAX })).await?);
        }
        Ok(rows)
    }

    async fn lots(&self, batch: BatchId, from: u32) -> Result<Vec<Lot>, ViewError> {
        self.view("lots", json!({ "batch": batch, "from": from, "limit": PAGE_MAX })).await
    }

    /// All lots with a record. The batch tells how many there are, so the pages where the mirror expects them are read
    /// first, and the rest only if lots are still missing: a batch may have millions.
    async fn lots_of(&self, batch: &Batch, mirror: &Mirror) -> Result<Vec<Lot>, ViewError> {
        let Some(open) = &batch.open else { return Ok(Vec::new()) };
        let end = lot_count(open.items, open.terms.lot_size);
        let live = usize::try_from(open.progress.live).unwrap_or(usize::MAX);
        let number = batch.batch;
        let expected = mirror.lots.range((number, LotId(0))..=(number, LotId(u32::MAX)));
        let mut likely: Vec<u32> = expected.map(|((_, lot), _)| lot.0 / PAGE_MAX * PAGE_MAX).collect();
        likely.dedup();
        let mut found = Vec::new();
        for from in &likely {
            found.extend(self.lots(number, *from).await?);
        }
        for from in pages(end).filter(|from| likely.binary_search(from).is_err()) {
            if found.len() >= live {
                break;
            }
            found.extend(self.lots(number, from).await?);
        }
        Ok(found)
    }
}

pub(super) async fn read(
    rpc: &RpcClient,
    contract: &AccountId,
    block: BlockRef,
    mirror: &Mirror,
) -> Result<Views, ViewError> {
    let reader = Reader { rpc, contract, block };
    let root: Root = reader.view("root", json!({})).await?;
    let batches: Vec<Batch> = reader.pages("batches", root.next_batch).await?;
    let mut lots = BTreeMap::new();
    for batch in &batches {
        let rows = reader.lots_of(batch, mirror).await?;
        lots.extend(rows.into_iter().map(|row| ((row.batch, row.lot), row.state)));
    }
    let tokens: Vec<Token> = reader.view("tokens", json!({})).await?;
    let accounts: Vec<Account> = reader.pages("accounts", root.next_account).await?;
    Ok(Views {
        settings: reader.view("settings", json!({})).await?,
        revenue: reader.view("revenue", json!({})).await?,
        tokens: tokens.into_iter().map(|row| (row.token, row)).collect(),
        accounts: accounts.into_iter().map(|row| (row.account, row)).collect(),
        batches: batches.into_iter().map(|row| (row.batch, row)).collect(),
        lots,
        root,
    })
}

/// First rows of the pages of `0..end`.
fn pages(end: u32) -> impl Iterator<Item = u32> {
    (0..end).step_by(usize::try_from(PAGE_MAX).unwrap_or(1))
}
