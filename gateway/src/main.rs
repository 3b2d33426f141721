//! The gateway's process.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Parser as _;
use piecework_gateway::{App, Config, config::database_url, observe, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    observe::log(config.log_format);
    let database_url = database_url()?;
    let metrics = observe::install().context("metrics cannot be recorded")?;
    let blob_dir = config.blob_dir.display().to_string();
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}: choose another --listen", config.listen))?;
    let app = App::open(config, &database_url, Some(metrics)).await;
    let app = app.with_context(|| format!("cannot use {blob_dir} for blobs: choose another --blob-dir"))?;

    // Scripts read the port from this line; logs go to stderr.
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "listening on http://{address}")?;
    tracing::info!(%address, database = %database_url, "gateway started");

    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        stop.cancel();
    });
    serve(listener, app, shutdown).await.context("the server failed")
}
