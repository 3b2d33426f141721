//! Payloads that everybody has seen as gold, as far as the gateway knows.

use std::collections::BTreeMap;

use piecework_api::{
    Batch,
    client::{Client, ClientError},
    manifest::Place,
};
use piecework_chain::AccountId;
use piecework_interface::ids::BatchId;

/// SHA-256 of the payloads, hex, that were opened as gold in a batch of this account's, with the batch.
///
/// # Errors
/// The gateway cannot be asked.
pub(super) async fn opened(
    gateway: &Client,
    requester: &AccountId,
) -> Result<BTreeMap<String, Option<BatchId>>, ClientError> {
    let mut opened = BTreeMap::new();
    let batches = gateway.batches_of(requester.as_str()).await?;
    for batch in batches.iter().filter(|batch| batch.record.progress.gold_opened > 0) {
        let Some(digests) = manifest(gateway, batch).await? else { continue };
        let lots = gateway.lots(batch.batch).await?;
        for (first, case) in lots.iter().filter_map(|lot| Some((lot.first_item, lot.case.as_ref()?))) {
            let items = (0_u32..64).filter(|item| case.opened() & (1 << item) != 0);
            let digest = |item: u32| digests.get(usize::try_from(first.checked_add(item)?).ok()?);
            opened.extend(items.filter_map(digest).map(|digest| (hex::encode(digest), Some(batch.batch))));
        }
    }
    Ok(opened)
}

/// The payload digests of a batch; `None` if its manifest is not here.
async fn manifest(gateway: &Client, batch: &Batch) -> Result<Option<Vec<[u8; 32]>>, ClientError> {
    match Place::of(&batch.uri) {
        Some(place @ Place::Blob(_)) => gateway.manifest(&place, batch.record.items, &batch.record.manifest).await,
        _ => Ok(None),
    }
}
