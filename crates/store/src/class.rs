//! Classes of work.

use std::collections::BTreeMap;

use piecework_api::Class;
use piecework_interface::{
    ids::{AccountNo, ClassId},
    view,
};
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError,
    columns::{column, digest, narrow, write},
};

pub(crate) async fn class_upsert(
    tx: &mut PgTransaction<'_>,
    rows: &BTreeMap<ClassId, (view::Class, u64)>,
) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "INSERT INTO classes (class, owner, name, schema, gated, nodes, tickets, updated_seq)
         SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $4::bytea[], $5::boolean[], $6::bigint[],
                              $7::bigint[], $8::bigint[])
         ON CONFLICT (class) DO UPDATE
         SET nodes = excluded.nodes, tickets = excluded.tickets, updated_seq = excluded.updated_seq",
        &column(rows, |(class, _)| *class)?,
        &column(rows, |(_, (row, _))| row.owner)?,
        &column(rows, |(_, (row, _))| row.name.as_bytes())?,
        &column(rows, |(_, (row, _))| row.schema)?,
        &column(rows, |(_, (row, _))| row.gated)?,
        &column(rows, |(_, (row, _))| row.nodes)?,
        &column(rows, |(_, (row, _))| row.tickets)?,
        &column(rows, |(_, (_, seq))| *seq)?,
    );
    write(tx, "class_upsert", rows.len(), query).await
}

/// Registered classes, as the contract has them.
pub(crate) async fn class_load(db: &mut PgConnection) -> Result<BTreeMap<ClassId, view::Class>, StoreError> {
    let registered = class_list(db, None, u32::MAX).await?;
    Ok(registered.into_iter().map(|class| (class.record.class, class.record)).collect())
}

/// The class of this number.
///
/// # Errors
/// The read failed.
pub async fn class_get(db: &mut PgConnection, class: ClassId) -> Result<Option<Class>, StoreError> {
    let found = class_list(db, class.0.checked_sub(1).map(ClassId), 1).await?;
    Ok(found.into_iter().find(|found| found.record.class == class))
}

/// Classes behind `after`, by number.
///
/// # Errors
/// The read failed.
pub async fn class_list(db: &mut PgConnection, after: Option<ClassId>, limit: u32) -> Result<Vec<Class>, StoreError> {
    sqlx::query!(
        "SELECT c.class, c.owner, a.account_id AS owner_id, c.name, c.schema, c.gated, c.nodes, c.tickets, c.updated_seq
         FROM classes c JOIN accounts a ON a.account = c.owner
         WHERE c.class > $1
         ORDER BY c.class
         LIMIT $2",
        after.map_or(-1, |class| i32::from(class.0)),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let name = String::from_utf8(row.name);
        let record = view::Class {
            class: ClassId(narrow(row.class, "classes.class")?),
            owner: AccountNo(narrow(row.owner, "classes.owner")?),
            name: name.map_err(|error| StoreError::OutOfRange { column: "classes.name", value: error.to_string() })?,
            schema: digest(row.schema, "classes.schema")?,
            gated: row.gated,
            nodes: narrow(row.nodes, "classes.nodes")?,
            tickets: narrow(row.tickets, "classes.tickets")?,
        };
        Ok(Class { record, owner_id: row.owner_id, updated_seq: narrow(row.updated_seq, "classes.updated_seq")? })
    })
    .collect()
}
