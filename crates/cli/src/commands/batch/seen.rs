//! Payloads that everybody has seen as gold, as far as the gateway knows.

use std::collections::BTreeMap;

use anyhow::Context as _;
use piecework_chain::AccountId;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{gateway::Gateway, upload::Manifest};

/// Rows of a page.
const PAGE: u32 = 200;

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct BatchRow {
    batch: u32,
    items: u32,
    manifest: String,
    uri: String,
    progress: Progress,
}

#[derive(Deserialize)]
struct Progress {
    gold_opened: u32,
}

#[derive(Deserialize)]
struct LotRow {
    first_item: u32,
    case: Option<CaseRow>,
}

#[derive(Deserialize)]
struct CaseRow {
    gold: String,
    against: String,
    void: String,
    decided: Vec<Decided>,
}

#[derive(Deserialize)]
struct Decided {
    item: u8,
}

/// SHA-256 of the payloads, hex, that were opened as gold in a batch of this account's, with the batch.
///
/// # Errors
/// The gateway cannot be asked.
pub(super) async fn opened(gateway: &Gateway, requester: &AccountId) -> anyhow::Result<BTreeMap<String, Option<u32>>> {
    let mut opened = BTreeMap::new();
    let batches: Vec<BatchRow> = pages(gateway, &format!("/v1/batches?requester_id={requester}&limit={PAGE}")).await?;
    for batch in batches.iter().filter(|batch| batch.progress.gold_opened > 0) {
        let Some(digests) = manifest(gateway, batch).await? else { continue };
        let lots: Vec<LotRow> = pages(gateway, &format!("/v1/batches/{}/lots?limit={PAGE}", batch.batch)).await?;
        for (first, case) in lots.iter().filter_map(|lot| Some((lot.first_item, lot.case.as_ref()?))) {
            let items = (0_u32..64).filter(|item| items_of(case) & (1 << item) != 0);
            let digest = |item: u32| digests.get(usize::try_from(first.checked_add(item)?).ok()?);
            opened.extend(items.filter_map(digest).map(|digest| (hex::encode(digest), Some(batch.batch))));
        }
    }
    Ok(opened)
}

/// All opened gold items of a lot.
fn items_of(case: &CaseRow) -> u64 {
    let set = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
    let decided = case.decided.iter().fold(0, |items, decided| items | 1_u64 << (decided.item % 64));
    set(&case.gold) | set(&case.against) | set(&case.void) | decided
}

/// The payload digests of a batch; `None` if its manifest is not here.
async fn manifest(gateway: &Gateway, batch: &BatchRow) -> anyhow::Result<Option<Vec<[u8; 32]>>> {
    let (mut root, mut name) = ([0; 32], [0; 32]);
    hex::decode_to_slice(&batch.manifest, &mut root)?;
    let Some(text) = batch.uri.strip_prefix("blob:") else { return Ok(None) };
    if hex::decode_to_slice(text, &mut name).is_err() {
        return Ok(None);
    }
    let Some(bytes) = gateway.blob(&name).await? else { return Ok(None) };
    Manifest::check(&bytes, batch.items, &root).map(Some)
}

async fn pages<T: DeserializeOwned>(gateway: &Gateway, path: &str) -> anyhow::Result<Vec<T>> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Page<T> =
            gateway.get(&format!("{path}{cursor}")).await?.context("the gateway lost what it listed")?;
        rows.extend(page.items);
        match page.next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(rows),
        }
    }
}
