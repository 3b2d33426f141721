//! `GET /v1/batches/{batch}/gold`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use piecework_api::gold::{BatchGold, GoldPage, against, per_node};
use piecework_store::cursor::Cursor;

use super::Golden;
use crate::{
    app::App,
    extract::{All, Listed, MinHeight, Paging, Segments},
    indexed::tag,
    problem::{EntityProblems, Problem},
};

const SORT: &str = "gold:place";

/// Gold of a batch that its requester opened: counts over all of it, and a page of openings with what each copy says. An opening proves
/// itself against the root on the batch's creation line; a batch without a root has none (404).
#[utoipa::path(
    get, path = "/v1/batches/{batch}/gold", tag = "gold",
    params(("batch" = u32, Path, description = "Number of the batch"), Paging, MinHeight),
    responses((status = 200, description = "Counts, and a page of openings", body = GoldPage), EntityProblems)
)]
pub async fn gold_get(
    State(app): State<App>,
    Extension(head): Extension<Arc<Cursor>>,
    Segments(batch): Segments<u32>,
    Listed(All {}, paging): Listed<All>,
) -> Result<Response, Problem> {
    let list = paging.of(SORT, batch)?;
    let from: u32 = list.after()?.unwrap_or_default();
    let mut counted = app.golds.counted().await;
    let mut db = app.reader.snapshot().await?;
    let golden = Golden::find(&mut db, batch).await?;
    let open = app.golds.get(golden.batch.batch, &golden.root.root).await.map_err(|error| Problem::internal(&error))?;
    let (leaves, tree) = (open.as_ref().map(|open| open.leaves), open.as_ref().map(|open| open.tree));
    let version = (golden.batch.batch, golden.batch.updated_seq, open.as_ref().map_or(0, |open| open.openings.len()));
    let items = match (counted.get(version), open) {
        (Some(items), _) => items,
        (None, Some(open)) => golden.items(&mut db, open).await?.into(),
        (None, None) => Arc::default(),
    };
    counted.keep(version, &items);
    drop((db, counted));
    let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let contradicted = items.iter().filter(|item| item.contradicted).map(|item| item.opening.item);
    let gold = BatchGold {
        batch: golden.batch.batch,
        gold_root: golden.root.root,
        leaves,
        tree,
        opened: count(items.len()),
        contradicted: count(contradicted.collect::<std::collections::BTreeSet<_>>().len()),
        against: count(against(&items).len()),
        nodes: per_node(&items),
    };
    // The journal does not tell of openings, which only grow in number.
    let version = tag(&format!("g{}-", gold.opened), head.root.seq);
    let rows = usize::try_from(list.rows()).unwrap_or(usize::MAX);
    let rows = items.iter().filter(|item| item.opening.place >= from).take(rows).cloned().collect();
    let page = list.cut(rows, |last| last.opening.place + 1);
    Ok(([(header::ETAG, version)], Json(GoldPage { gold, page })).into_response())
}
