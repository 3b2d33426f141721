//! The contract's state, read through its views at one block.

use std::collections::BTreeMap;

use piecework_chain::{AccountId, BlockRef, Coordinator, RpcClient, ViewError};
use piecework_client::pages;
use piecework_interface::{
    call::PAGE_MAX,
    governance::Settings,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    lots::lot_count,
    view::{Account, Batch, Class, Lot, LotState, Root, Token},
};
use piecework_replay::Mirror;

/// What the views answered.
#[derive(Debug)]
pub(super) struct Views {
    pub root: Root,
    pub settings: Settings,
    pub classes: BTreeMap<ClassId, Class>,
    pub tokens: BTreeMap<TokenId, Token>,
    pub accounts: BTreeMap<AccountNo, Account>,
    pub batches: BTreeMap<BatchId, Batch>,
    pub lots: BTreeMap<(BatchId, LotId), LotState>,
}

pub(super) async fn read(
    rpc: &RpcClient,
    contract: &AccountId,
    block: BlockRef,
    mirror: &Mirror,
) -> Result<Views, ViewError> {
    let contract = Coordinator::new(rpc, contract.clone()).at(block);
    let root = contract.root().await?.value;
    let classes = classes_below(&contract, root.next_class).await?;
    let batches = contract.all_batches().await?;
    let mut lots = BTreeMap::new();
    for batch in &batches {
        let rows = lots_of(&contract, batch, mirror).await?;
        lots.extend(rows.into_iter().map(|row| ((row.batch, row.lot), row.state)));
    }
    let tokens = contract.tokens().await?;
    let accounts = contract.all_accounts().await?;
    Ok(Views {
        settings: contract.settings().await?,
        classes: classes.into_iter().map(|row| (row.class, row)).collect(),
        tokens: tokens.into_iter().map(|row| (row.token, row)).collect(),
        accounts: accounts.into_iter().map(|row| (row.account, row)).collect(),
        batches: batches.into_iter().map(|row| (row.batch, row)).collect(),
        lots,
        root,
    })
}

/// The classes of numbers below `end`.
async fn classes_below(contract: &Coordinator, end: u16) -> Result<Vec<Class>, ViewError> {
    let mut classes = Vec::new();
    for from in pages(u32::from(end)) {
        // A page begins below `end`, which has 16 bits.
        let from = ClassId(u16::try_from(from).unwrap_or(u16::MAX));
        classes.extend(contract.classes(from, PAGE_MAX).await?);
    }
    Ok(classes)
}

/// All lots of a batch that have a record. The batch says how many those are: the pages in which the mirror has them are read
/// first, and the other pages only if lots are missing then, because a batch may have millions.
async fn lots_of(contract: &Coordinator, batch: &Batch, mirror: &Mirror) -> Result<Vec<Lot>, ViewError> {
    let Some(open) = &batch.open else { return Ok(Vec::new()) };
    let end = lot_count(open.items, open.terms.lot_size);
    let live = usize::try_from(open.progress.live).unwrap_or(usize::MAX);
    let number = batch.batch;
    let expected = mirror.lots.range((number, LotId(0))..=(number, LotId(u32::MAX)));
    let mut likely: Vec<u32> = expected.map(|((_, lot), _)| lot.0 / PAGE_MAX * PAGE_MAX).collect();
    likely.dedup();
    let mut found = Vec::new();
    for from in &likely {
        found.extend(contract.lots(number, LotId(*from), PAGE_MAX).await?);
    }
    for from in pages(end).filter(|from| likely.binary_search(from).is_err()) {
        if found.len() >= live {
            break;
        }
        found.extend(contract.lots(number, LotId(from), PAGE_MAX).await?);
    }
    Ok(found)
}
