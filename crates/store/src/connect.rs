//! The connection pool, the migrations and the check that both sides have the same schema.

use std::{fmt, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgExecutor, PgPool, PgTransaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    StoreError,
    cursor::{writer_lock, writer_unlock},
};

/// All migrations, oldest first. They only add; removal comes a release later.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// A `DATABASE_URL`. Its text forms leave the password out.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

impl DatabaseUrl {
    /// The driver's options.
    #[must_use]
    pub const fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl From<PgConnectOptions> for DatabaseUrl {
    fn from(options: PgConnectOptions) -> Self {
        Self(options)
    }
}

impl DatabaseUrl {
    /// What `DATABASE_URL` names, from the environment alone: flags are visible to every account of the machine.
    ///
    /// # Errors
    /// It is missing, or not a Postgres URL.
    pub fn from_env() -> Result<Self, StoreError> {
        std::env::var("DATABASE_URL").map_err(|_| StoreError::NoUrl)?.parse()
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        let scheme = || StoreError::Url(sqlx::Error::Configuration("it must begin with postgres://".into()));
        if known { text.parse().map(Self).map_err(StoreError::Url) } else { Err(scheme()) }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        let database = options.get_database().unwrap_or_default();
        write!(f, "postgres://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a process uses the pool.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Name shown in `pg_stat_activity`.
    pub application_name: &'static str,
    /// Connections at most.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// Statements that run longer are cancelled by the server.
    pub statement_timeout: Duration,
}

/// Opens a pool and proves that the server answers.
///
/// # Errors
/// The server cannot be reached or refuses the connection.
pub async fn connect(url: &DatabaseUrl, config: &PoolConfig) -> Result<PgPool, StoreError> {
    let statement_timeout = format!("{}ms", config.statement_timeout.as_millis());
    let options =
        url.0.clone().application_name(config.application_name).options([("statement_timeout", statement_timeout)]);
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Opens one connection outside any pool: for a session that holds a lock.
///
/// # Errors
/// As [`connect`].
pub async fn connect_one(
    url: &DatabaseUrl,
    application_name: &str,
    statement_timeout: Duration,
) -> Result<PgConnection, StoreError> {
    let statement_timeout = format!("{}ms", statement_timeout.as_millis());
    let options = url.0.clone().application_name(application_name).options([("statement_timeout", statement_timeout)]);
    Ok(options.connect().await?)
}

/// Begins a transaction that writes.
///
/// # Errors
/// The connection failed.
pub async fn begin(conn: &mut PgConnection) -> Result<PgTransaction<'_>, StoreError> {
    Ok(conn.begin().await?)
}

/// Begins a transaction in which every read sees the same rows.
///
/// # Errors
/// The connection failed.
pub async fn begin_snapshot(conn: &mut PgConnection) -> Result<PgTransaction<'_>, StoreError> {
    Ok(conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

/// Begins a transaction that sees one version of the live rows and makes tables of its own beside them.
///
/// # Errors
/// The connection failed.
pub async fn begin_snapshot_for_rebuild(conn: &mut PgConnection) -> Result<PgTransaction<'_>, StoreError> {
    Ok(conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?)
}

/// Brings the schema up to date, however long that takes. Only the indexer does this, and only while none writes: one of an
/// earlier release would go on writing rows as its schema had them.
///
/// # Errors
/// A migration failed, the database is newer than this binary, or [`StoreError::InUse`].
pub async fn migrate(conn: &mut PgConnection) -> Result<(), StoreError> {
    if schema_check(&mut *conn).await.is_ok() {
        return Ok(());
    }
    if !writer_lock(conn).await? {
        return Err(StoreError::InUse);
    }
    sqlx::raw_sql("SET statement_timeout = 0").execute(&mut *conn).await?;
    let migrated = MIGRATIONS.run(&mut *conn).await;
    sqlx::raw_sql("RESET statement_timeout").execute(&mut *conn).await?;
    writer_unlock(conn).await?;
    Ok(migrated?)
}

/// Checks that the database has exactly the schema of this binary.
///
/// # Errors
/// [`StoreError::Schema`] if it has not.
pub async fn schema_check(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    // The table belongs to sqlx and does not exist in an empty database, so this one statement is not a checked macro.
    let found: Option<i64> =
        match sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(db).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => None,
            other => other?,
        };
    let found = found.unwrap_or_default();
    if found == needed { Ok(()) } else { Err(StoreError::Schema { found, needed }) }
}
