//! What tests run, and on which database.

use std::env;

use anyhow::{Context, Result};
use piecework_stack::Programs;
use sqlx::{ConnectOptions, PgPool, postgres::PgConnectOptions};

/// The programs of this build.
///
/// # Errors
/// One is missing.
pub fn programs() -> Result<Programs> {
    // target/release/deps/TEST → target/release
    let test = env::current_exe()?;
    let bin = test.ancestors().nth(2).context("this test is in no target directory")?;
    Programs::find_in(bin)
        .context("build the programs first: scripts/setup, or cargo build --release --workspace --bins")
}

/// How programs reach a test's database.
#[must_use]
pub fn database_url(pool: &PgPool) -> String {
    let options: &PgConnectOptions = &pool.connect_options();
    options.to_url_lossy().to_string()
}
