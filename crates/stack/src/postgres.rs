//! The mirror's database: one that is given, or a private one that `postgres.sh` makes.

use std::{fs, path::Path};

use anyhow::Context as _;
use piecework_console::Problem;

use crate::{
    layout::Layout,
    process::{Process, Spec},
};

/// The script that makes and runs a private Postgres; carried along, so that no program needs a checkout.
const SCRIPT: &str = include_str!("postgres.sh");

/// Starts a private Postgres as a child of this process and returns its connection string.
pub(crate) async fn start(slot: &mut Option<Process>, layout: &Layout) -> anyhow::Result<String> {
    let dir = layout.postgres();
    let spec = Spec::new("postgres", Path::new("bash")).args(["-c", SCRIPT, "postgres", "run"]).arg(&dir).arg("--fast");
    let fix = "install postgresql (./scripts/setup does), or set DATABASE_URL to a database of yours";
    Process::start(slot, layout, spec).await.context(Problem::new("the private Postgres does not start", fix))?;
    let file = dir.join("url");
    let url = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(url.trim().to_owned())
}
