//! A worker's processes: started with limits, ended together.

use std::{io, path::Path, process::Stdio};

use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use super::CommandConfig;

/// Variables that a worker inherits; nothing else of the agent's environment, which may hold secrets.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A worker's process group. Dropping it kills every process in it.
pub(super) struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(pid) = self.0 else { return };
        if let Err(error) = killpg(pid, Signal::SIGKILL)
            && error != Errno::ESRCH
        {
            tracing::warn!(%error, "executor.kill_failed");
        }
    }
}

/// Starts a worker in a process group of its own. `setpriv` ends it when the agent dies, `prlimit` bounds its memory and
/// processor time: both are part of util-linux.
pub(super) fn start(
    config: &CommandConfig,
    cpu_s: u64,
    dir: &Path,
    environment: &[(&str, String)],
) -> io::Result<(Child, Group)> {
    let memory = config.memory_mib.saturating_mul(1 << 20);
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "prlimit", "--core=0"])
        .arg(format!("--as={memory}"))
        .arg(format!("--cpu={cpu_s}"))
        .args(&config.command)
        .current_dir(dir)
        .env_clear()
        .envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .envs(&config.env)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    Ok((child, group))
}
