//! Beginning and end of a process.

use std::{
    io::{Write as _, stdout},
    net::SocketAddr,
};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Listens at an address; port 0 takes a free one. `setting` is what an operator changes if it cannot be had.
///
/// # Errors
/// The address is taken, or not this machine's.
pub async fn bind(listen: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(listen).await;
    listener.with_context(|| format!("cannot listen on {listen}: choose another {setting}"))
}

/// Prints where a listener is to stdout. Scripts read the port from this line; the log goes to stderr.
///
/// # Errors
/// The listener has no address, or stdout is closed.
pub fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    Ok(())
}

/// A token that SIGTERM or SIGINT cancels.
///
/// # Errors
/// The signals cannot be caught.
pub fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        cancelled.cancel();
    });
    Ok(stop)
}
