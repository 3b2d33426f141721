//! Replays the stored journal into empty tables and compares them with the live ones, history included.
//!
//! All of it happens in one transaction that is rolled back, so nothing is left behind, whatever happens.

use piecework_store::{
    PgConnection, StoreError, audit, begin_snapshot_for_rebuild,
    cursor::{cursor_begin, cursor_find, cursor_update},
    journal::line_list,
    load::mirror_load,
    write::change_write,
};
use serde::Serialize;

use crate::plan::{PlanError, Planner};

/// Lines per write.
const PAGE: u16 = 1_000;

/// Why the journal could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The database failed.
    #[error("the database failed during the rebuild")]
    Store(#[from] StoreError),
    /// A stored line does not follow from those before it.
    #[error("the stored journal cannot be replayed")]
    Plan(#[from] PlanError),
    /// Nothing to replay.
    #[error("the mirror holds no block yet: let piecework-indexer run first")]
    Empty,
}

/// What a rebuild found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Lines replayed.
    pub lines: u64,
    /// Whether the rebuilt root record, journal head included, is the cursor's.
    pub root_equal: bool,
    /// Tables that differ, with the count of rows that only one side has.
    pub differences: Vec<TableDifference>,
}

/// A table whose rows differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableDifference {
    /// Table.
    pub table: &'static str,
    /// Rows on one side only.
    pub rows: u64,
}

impl Rebuilt {
    /// Whether nothing differs.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.root_equal && self.differences.is_empty()
    }
}

/// Replays and compares.
///
/// # Errors
/// The journal cannot be read or replayed.
pub async fn rebuild(conn: &mut PgConnection) -> Result<Rebuilt, RebuildError> {
    let mut tx = begin_snapshot_for_rebuild(conn).await?;
    let cursor = cursor_find(&mut tx).await?.ok_or(RebuildError::Empty)?;
    let live = audit::rebuild_begin(&mut tx).await?;
    cursor_begin(&mut tx, &cursor.stream, &cursor.chain_id).await?;
    let mut planner = Planner::new(mirror_load(&mut tx).await?.ok_or(RebuildError::Empty)?);
    loop {
        let lines = line_list(&mut tx, planner.mirror().root.seq, PAGE).await?;
        if lines.is_empty() {
            break;
        }
        for line in &lines {
            planner.replay(line)?;
        }
        change_write(&mut tx, &cursor.stream, planner.change()).await?;
        cursor_update(&mut tx, planner.planned()).await?;
        planner.confirm();
    }
    let differences = audit::rebuild_difference_list(&mut tx, &live).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    Ok(Rebuilt {
        lines: planner.mirror().root.seq,
        root_equal: planner.mirror().root == cursor.root,
        differences: differences.into_iter().map(|(table, rows)| TableDifference { table, rows }).collect(),
    })
}
