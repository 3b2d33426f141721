//! The cursor: where the mirror stands, and who may move it.

use piecework_interface::view::Root;
use sqlx::{PgConnection, PgTransaction};

use crate::{
    StoreError, Units,
    columns::{digest, narrow, widen, write},
};

/// Channel on which every commit of the writer is announced. Only a wake-up: the tables are the truth.
pub const NOTIFY_CHANNEL: &str = "piecework";

/// Where the mirror stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Account id of the mirrored contract.
    pub stream: String,
    /// Chain id.
    pub chain_id: String,
    /// Height of the last block applied; 0 before the first.
    pub height: u64,
    /// Its hash, base58; `None` before the first.
    pub hash: Option<String>,
    /// Its time, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// The contract's root record after it.
    pub root: Root,
    /// Final height of the chain when the cursor was written.
    pub chain_height: u64,
    /// Number of the writer that may commit.
    pub fence: u64,
}

/// The cursor; `None` in a database that mirrors nothing yet.
///
/// # Errors
/// The database failed.
pub async fn cursor_find(conn: &mut PgConnection) -> Result<Option<Cursor>, StoreError> {
    let row = sqlx::query!(
        "SELECT stream, chain_id, height, hash, timestamp_ns, next_seq, head, next_class, next_account, next_batch,
                burnt, chain_height, fence
         FROM cursor"
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Cursor {
        stream: row.stream,
        chain_id: row.chain_id,
        height: narrow(row.height, "cursor.height")?,
        hash: row.hash,
        timestamp_ns: narrow(row.timestamp_ns, "cursor.timestamp_ns")?,
        root: Root {
            seq: narrow(row.next_seq, "cursor.next_seq")?,
            head: digest(row.head, "cursor.head")?,
            next_class: narrow(row.next_class, "cursor.next_class")?,
            next_account: narrow(row.next_account, "cursor.next_account")?,
            next_batch: narrow(row.next_batch, "cursor.next_batch")?,
            burnt: row.burnt.into(),
        },
        chain_height: narrow(row.chain_height, "cursor.chain_height")?,
        fence: narrow(row.fence, "cursor.fence")?,
    }))
}

/// The cursor, locked until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn cursor_lock(tx: &mut PgTransaction<'_>) -> Result<Option<Cursor>, StoreError> {
    sqlx::query!("SELECT FROM cursor FOR UPDATE").execute(&mut **tx).await?;
    cursor_find(tx).await
}

/// Begins a mirror: the cursor before the first block. One that has taken no block becomes this contract's, so that a name
/// that was wrong can be corrected; any other stays as it is.
///
/// # Errors
/// The database failed.
pub async fn cursor_begin(conn: &mut PgConnection, stream: &str, chain_id: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO cursor (stream, chain_id, height, timestamp_ns, next_seq, head, next_class, next_account,
                             next_batch, burnt, chain_height)
         VALUES ($1, $2, 0, 0, 0, $3, 0, 0, 0, 0, 0)
         ON CONFLICT ((true)) DO UPDATE SET stream = EXCLUDED.stream, chain_id = EXCLUDED.chain_id
         WHERE cursor.height = 0",
        stream,
        chain_id,
        &[0_u8; 32],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the caller the writer: every earlier writer's number is stale from now on.
///
/// # Errors
/// The database failed, or there is no cursor.
pub async fn cursor_take(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let fence = sqlx::query_scalar!("UPDATE cursor SET fence = fence + 1 RETURNING fence").fetch_one(conn).await?;
    narrow(fence, "cursor.fence")
}

/// Moves the cursor and announces it when the transaction commits. The fence stays.
///
/// # Errors
/// The database failed, or there is no cursor of this stream.
pub async fn cursor_update(conn: &mut PgConnection, cursor: &Cursor) -> Result<(), StoreError> {
    let Root { seq, head, next_class, next_account, next_batch, burnt } = &cursor.root;
    let query = sqlx::query!(
        "UPDATE cursor
         SET height = $2, hash = $3, timestamp_ns = $4, next_seq = $5, head = $6, next_class = $7, next_account = $8,
             next_batch = $9, burnt = $10, chain_height = $11
         WHERE stream = $1",
        cursor.stream,
        widen(cursor.height, "cursor.height")?,
        cursor.hash,
        widen(cursor.timestamp_ns, "cursor.timestamp_ns")?,
        widen(*seq, "cursor.next_seq")?,
        head,
        i32::from(*next_class),
        i64::from(*next_account),
        i64::from(*next_batch),
        Units::from(*burnt),
        widen(cursor.chain_height, "cursor.chain_height")?,
    );
    write(conn, "cursor_update", 1, query).await?;
    sqlx::query!("SELECT pg_notify($1, $2)", NOTIFY_CHANNEL, format!("{}:{seq}", cursor.height)).execute(conn).await?;
    Ok(())
}

/// The advisory lock of the one writer. Any fixed number: a database mirrors one contract, and nothing else takes advisory
/// locks in it.
const WRITER: i64 = 0x7069_6563;

/// Tries to become the only session that writes the mirror. The lock ends with the connection.
///
/// # Errors
/// The database failed.
pub async fn writer_lock(conn: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, WRITER).fetch_one(conn).await?)
}

/// Gives the writer's lock back before the session ends.
///
/// # Errors
/// The database failed.
pub async fn writer_unlock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(WRITER).execute(conn).await?;
    Ok(())
}
