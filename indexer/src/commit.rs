//! The only writer of the mirror.
//!
//! A transaction holds whole blocks: rows, cursor and wake-up. It first locks the cursor and checks that the database
//! stands exactly where the planner stood and that nobody took over. So writing a block twice is refused, and a crash
//! between two statements leaves nothing.

use std::time::Duration;

use piecework_store::{
    DatabaseUrl, PgConnection, StoreError, begin, connect_one,
    cursor::{Cursor, cursor_begin, cursor_find, cursor_lock, cursor_take, cursor_update, writer_lock},
    load::{Loaded, mirror_load},
    write::change_write,
};

use crate::plan::Planner;

/// Why a transaction was not written, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database failed. If the connection broke during COMMIT, the rows may be there: read the cursor.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another indexer took over.
    #[error("another indexer took over (writer {found}, this one is {own}): only one may write a mirror")]
    StaleFence {
        /// Number of this writer.
        own: u64,
        /// Number of the writer that took over.
        found: u64,
    },
    /// The database is not where the planner stood.
    #[error(
        "the database stands at height {found}, line {found_seq}, and the rows follow height {planned}, line {planned_seq}"
    )]
    Moved {
        /// Height in the database.
        found: u64,
        /// Next line in the database.
        found_seq: u64,
        /// Height that the rows follow.
        planned: u64,
        /// Line that the rows begin with.
        planned_seq: u64,
    },
    /// The database mirrors something else.
    #[error(
        "the database mirrors {found} on {found_chain}, not {wanted} on {wanted_chain}: use a database of its own per contract"
    )]
    OtherContract {
        /// Contract in the database.
        found: String,
        /// Its chain.
        found_chain: String,
        /// Contract that is configured.
        wanted: String,
        /// Chain of the RPC node.
        wanted_chain: String,
    },
    /// Another indexer is running.
    #[error("another indexer writes this mirror and holds its lock: stop it, or wait until it is gone")]
    Locked,
    /// The cursor is gone.
    #[error("the cursor's row is missing: the database was changed by hand; restore it or begin with an empty one")]
    NoCursor,
}

impl CommitError {
    /// Whether opening the writer again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::StaleFence { .. } | Self::Moved { .. } | Self::Locked => true,
            Self::OtherContract { .. } | Self::NoCursor => false,
        }
    }
}

/// A session that holds the writer's lock. It ends with the connection, so a writer that lost its connection cannot
/// write, and the next one need not wait for a time-out.
#[derive(Debug)]
pub struct Writer {
    conn: PgConnection,
    fence: u64,
}

impl Writer {
    /// Connects, takes the lock, begins the mirror if the database is empty, and loads it.
    ///
    /// # Errors
    /// The database failed, mirrors something else, or another writer holds the lock.
    pub async fn open(
        url: &DatabaseUrl,
        contract: &str,
        chain_id: &str,
        statement_timeout: Duration,
    ) -> Result<(Self, Loaded), CommitError> {
        let mut conn = connect_one(url, "piecework-indexer", statement_timeout).await?;
        if !writer_lock(&mut conn).await? {
            return Err(CommitError::Locked);
        }
        cursor_begin(&mut conn, contract, chain_id).await?;
        let Cursor { stream, chain_id: chain, .. } = cursor_find(&mut conn).await?.ok_or(CommitError::NoCursor)?;
        if stream != contract || chain != chain_id {
            return Err(CommitError::OtherContract {
                found: stream,
                found_chain: chain,
                wanted: contract.to_owned(),
                wanted_chain: chain_id.to_owned(),
            });
        }
        let fence = cursor_take(&mut conn).await?;
        let loaded = mirror_load(&mut conn).await?.ok_or(CommitError::NoCursor)?;
        Ok((Self { conn, fence }, loaded))
    }

    /// Writes the planner's rows and cursor in one transaction.
    ///
    /// # Errors
    /// [`CommitError`]; nothing is written then, unless the connection broke during COMMIT. Either way the planner must
    /// be loaded anew.
    pub async fn commit(&mut self, planner: &mut Planner) -> Result<(), CommitError> {
        let mut tx = begin(&mut self.conn).await?;
        let found = cursor_lock(&mut tx).await?.ok_or(CommitError::NoCursor)?;
        if found.fence != self.fence {
            return Err(CommitError::StaleFence { own: self.fence, found: found.fence });
        }
        let base = planner.committed();
        if (found.height, &found.hash, &found.root) != (base.height, &base.hash, &base.root) {
            return Err(CommitError::Moved {
                found: found.height,
                found_seq: found.root.seq,
                planned: base.height,
                planned_seq: base.root.seq,
            });
        }
        change_write(&mut tx, &base.stream, planner.change()).await?;
        cursor_update(&mut tx, planner.planned()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        planner.confirm();
        Ok(())
    }
}
