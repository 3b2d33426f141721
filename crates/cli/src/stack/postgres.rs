//! The mirror's database: one that is given, or a private one that `scripts/postgres` makes.

use std::path::PathBuf;

use anyhow::Context as _;
use tokio::process::Command;

use super::Layout;
use crate::problem::Problem;

/// The script that makes, starts and stops a private Postgres; carried along, so that this program needs no checkout.
const SCRIPT: &str = include_str!("../../../../scripts/postgres");

/// A private Postgres that runs.
#[derive(Debug)]
pub(super) struct Postgres {
    dir: PathBuf,
    running: bool,
}

impl Postgres {
    /// The database at `database_url`, else a private one, which must be stopped.
    pub(super) async fn open(layout: &Layout, database_url: Option<String>) -> anyhow::Result<(Option<Self>, String)> {
        if let Some(url) = database_url {
            return Ok((None, url));
        }
        let dir = layout.postgres();
        let url = script("start", &dir, &["--fast"]).await?;
        Ok((Some(Self { dir, running: true }), url))
    }

    /// Stops it; the data stays.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        script("stop", &self.dir, &[]).await?;
        self.running = false;
        Ok(())
    }
}

impl Drop for Postgres {
    /// An early return must not leave a server behind.
    fn drop(&mut self) {
        if self.running {
            let stopped =
                std::process::Command::new("bash").args(["-c", SCRIPT, "postgres", "stop"]).arg(&self.dir).status();
            if let Err(error) = stopped {
                tracing::error!(%error, dir = %self.dir.display(), "Postgres may still run");
            }
        }
    }
}

async fn script(command: &str, dir: &PathBuf, options: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("bash")
        .args(["-c", SCRIPT, "postgres", command])
        .arg(dir)
        .args(options)
        .output()
        .await
        .context("bash cannot be run")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Problem::new(
            format!("the private Postgres does not {command}: {why}"),
            "install postgresql (./scripts/setup does), or set DATABASE_URL to a database of yours",
        )
        .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
