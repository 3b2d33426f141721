//! What can go wrong between the product and Postgres.

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres or the connection to it failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error(
        "a migration failed, and nothing of it was kept: the database may belong to a newer or a different version"
    )]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema is not the one of this binary.
    #[error(
        "the database has schema version {found} and this binary needs {needed}: run piecework-indexer of this version first"
    )]
    Schema {
        /// Version in the database, 0 if it is empty.
        found: i64,
        /// Version of this binary.
        needed: i64,
    },
    /// The schema is older than this binary, and an indexer that may be as old writes to it.
    #[error(
        "another indexer writes this mirror, whose schema is that of an earlier release: stop it, and the schema is brought up to date"
    )]
    InUse,
    /// No database is named.
    #[error("DATABASE_URL is not set: export DATABASE_URL=postgres://user:password@host:port/database")]
    NoUrl,
    /// The text is not a Postgres URL.
    #[error("DATABASE_URL is not a Postgres URL (postgres://user:password@host:port/database)")]
    Url(#[source] sqlx::Error),
    /// A stored number does not fit the type of the wire format.
    #[error("column {column} holds {value}, which is out of range")]
    OutOfRange {
        /// Column.
        column: &'static str,
        /// Stored value.
        value: String,
    },
    /// A write changed another number of rows than it must.
    #[error("{statement} changed {found} rows instead of {expected}")]
    Rows {
        /// The store function.
        statement: &'static str,
        /// Rows it must change.
        expected: u64,
        /// Rows it changed.
        found: u64,
    },
}

impl StoreError {
    /// Whether trying again may help: the connection or the server failed, not the statement or the data.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Protocol(_) => {
                    true
                }
                // Class 08: connection; 40: transaction rollback; 53: resources; 57: operator intervention (shutdown).
                sqlx::Error::Database(error) => error
                    .code()
                    .is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))),
                _ => false,
            },
            Self::InUse => true,
            _ => false,
        }
    }
}
