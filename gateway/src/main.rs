//! The gateway's process.

use anyhow::Context as _;
use clap::Parser as _;
use piecework_daemon::{announce, bind, log, stop_signal};
use piecework_gateway::{App, Config, observe, serve};
use piecework_store::DatabaseUrl;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    log(config.log_format);
    let database_url = DatabaseUrl::from_env()?;
    let metrics = observe::install()?;
    let blob_dir = config.blob_dir.display().to_string();
    let listener = bind(config.listen, "--listen").await?;
    let app = App::open(config, &database_url, Some(metrics)).await;
    let app = app.with_context(|| format!("cannot use {blob_dir} for blobs: choose another --blob-dir"))?;

    announce(&listener)?;
    tracing::info!(address = %listener.local_addr()?, database = %database_url, "gateway started");
    serve(listener, app, stop_signal()?).await.context("the server failed")
}
