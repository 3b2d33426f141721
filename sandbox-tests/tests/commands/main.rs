//! Money, disputes and governance by the `piecework` command, on a chain.
#![allow(non_snake_case)]

mod disputes;
mod governance;
mod money;

use sqlx::{ConnectOptions, PgPool, postgres::PgConnectOptions};

/// The test's own database, for other processes.
fn database_url(pool: &PgPool) -> String {
    let options: &PgConnectOptions = &pool.connect_options();
    options.to_url_lossy().to_string()
}
