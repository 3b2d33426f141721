//! The pool that reads go through. It connects when first used, so a gateway starts while its database is down.

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgListener, PgPoolOptions},
};

use crate::{DatabaseUrl, StoreError, cursor::NOTIFY_CHANNEL};

/// How long an idle connection is trusted.
const ASSUMED_ALIVE: Duration = Duration::from_secs(1);

/// Limits of a reader.
#[derive(Clone, Copy, Debug)]
pub struct ReaderOptions {
    /// Connections at most.
    pub connections: u32,
    /// How long a read waits for a connection.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement.
    pub statement_timeout: Duration,
}

/// Read-only access to the mirror.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: PgPool,
}

/// A transaction in which every read sees the same block. Dropping it ends it.
pub struct Snapshot(Transaction<'static, Postgres>);

/// Wake-ups of the writer. They may be lost and may come twice: only the tables are the truth.
pub struct WakeUps(PgListener);

impl Reader {
    /// Makes a reader. No connection is opened yet.
    #[must_use]
    pub fn new(url: &DatabaseUrl, options: ReaderOptions) -> Self {
        let connect = url.options().clone().application_name("piecework-gateway").options([
            ("default_transaction_read_only", "on".to_owned()),
            ("statement_timeout", format!("{}ms", options.statement_timeout.as_millis())),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            // A connection that was just used is alive; asking it again would double the cost of a small read.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > ASSUMED_ALIVE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connect);
        Self { pool }
    }

    /// A connection for one statement.
    ///
    /// # Errors
    /// The database is not available, or every connection stayed in use.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction for several statements that must agree.
    ///
    /// # Errors
    /// As [`Reader::acquire`].
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
    }

    /// Checks that the database answers and has exactly the schema of this version.
    ///
    /// # Errors
    /// It does not answer, or [`StoreError::Schema`].
    pub async fn schema_check(&self) -> Result<(), StoreError> {
        crate::schema_check(&self.pool).await
    }

    /// Listens to the writer's wake-ups on a connection of its own.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn wake_ups(&self) -> Result<WakeUps, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(NOTIFY_CHANNEL).await?;
        Ok(WakeUps(listener))
    }

    /// Connections open, and those of them in use.
    #[must_use]
    pub fn connections(&self) -> (u32, u32) {
        let open = self.pool.size();
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(open);
        (open, open.saturating_sub(idle))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl core::ops::Deref for Snapshot {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl core::ops::DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl WakeUps {
    /// Waits for the next wake-up.
    ///
    /// # Errors
    /// The connection broke: wake-ups are missing until [`Reader::wake_ups`] is called again.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.0.recv().await?;
        Ok(())
    }
}
