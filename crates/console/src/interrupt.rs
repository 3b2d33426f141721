//! Being asked to stop: Ctrl-C or SIGTERM.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, caught from the moment this is made: none is missed between two waits.
#[derive(Debug)]
pub struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Catches the signals, which then no longer end this process.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn catch() -> anyhow::Result<Self> {
        let caught = |kind| signal(kind).context("signals cannot be caught");
        Ok(Self { ctrl_c: caught(SignalKind::interrupt())?, terminate: caught(SignalKind::terminate())? })
    }

    /// Returns when this process is asked to stop.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
