//! Child processes that never outlive this one: stopped in order, killed by the kernel if this process is killed.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use piecework_console::Problem;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::layout::Layout;

/// What a server prints to stdout when it serves, before its URL.
const SERVES: &str = "listening on ";
/// How long a process may take until it is ready, also on a busy machine.
pub const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a process may take to stop when asked.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// What names a network and an account to our programs.
const NETWORK_VARIABLES: [&str; 8] = [
    "DATABASE_URL",
    "PIECEWORK_ACCOUNT",
    "PIECEWORK_ACCOUNT_ID",
    "PIECEWORK_CONTRACT",
    "PIECEWORK_GATEWAY_URL",
    "PIECEWORK_KEY_FILE",
    "PIECEWORK_NETWORK",
    "PIECEWORK_RPC_URL",
];
/// Lines of a log quoted in an error.
const TAIL: usize = 5;

/// What to run.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    ready: &'static str,
}

/// A running child. Its output goes to a log of its name.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ready: watch::Receiver<Option<String>>,
}

impl Spec {
    /// A program, under the name its log has.
    pub fn new(name: impl Into<String>, program: &Path) -> Self {
        Self { name: name.into(), program: program.to_owned(), args: Vec::new(), env: Vec::new(), ready: SERVES }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Is ready when it prints a line that begins so, instead of a server's line.
    #[must_use]
    pub const fn ready_at(mut self, line: &'static str) -> Self {
        self.ready = line;
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<V: AsRef<OsStr>>(mut self, variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        self.env.extend(variables.into_iter().map(|(name, value)| (name, value.as_ref().to_owned())));
        self
    }
}

impl Process {
    /// Stores the child in `slot` before waiting, so that it is stopped even if this future is dropped. Returns what follows
    /// in its line of readiness.
    ///
    /// # Errors
    /// If it does not start, or does not get ready.
    pub async fn start(slot: &mut Option<Self>, layout: &Layout, spec: Spec) -> anyhow::Result<String> {
        slot.insert(Self::spawn(layout, spec)?).ready(START_LIMIT).await
    }

    /// Starts it in a process group of its own, so that a terminal's Ctrl-C reaches only us.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(layout: &Layout, spec: Spec) -> anyhow::Result<Self> {
        let log = layout.log(&spec.name);
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("the log {} cannot be written", log.display()))?;
        // setpriv asks the kernel to kill the program when we die, then becomes it.
        let mut child = command("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&spec.program)
            .args(&spec.args)
            .envs(spec.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file.try_clone()?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("{} cannot be started (setpriv of util-linux is needed)", spec.program.display())
            })?;
        let stdout = child.stdout.take().context("a child's stdout was asked for and is missing")?;
        let (announce, ready) = watch::channel(None);
        tokio::spawn(copy_stdout(stdout, tokio::fs::File::from_std(file), spec.ready, announce));
        Ok(Self { name: spec.name, child, log, ready })
    }

    /// What follows in its line of readiness, a server's URL, once it prints it.
    ///
    /// # Errors
    /// If it ends before, or takes longer than `limit`.
    pub async fn ready(&mut self, limit: Duration) -> anyhow::Result<String> {
        let serves = timeout(limit, self.ready.wait_for(Option::is_some)).await;
        match serves.map(|waited| waited.map(|url| url.clone())) {
            Ok(Ok(Some(url))) => Ok(url),
            Ok(_) => {
                let how = self.ended().await;
                Err(self.failure(&format!("ended before it was ready ({how})")))
            }
            Err(_) => Err(self.failure(&format!("is not ready after {} s", limit.as_secs()))),
        }
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// If it has ended, with the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failure(&format!("ended unexpectedly ({status})"))),
        }
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("{} cannot be killed", self.name))
    }

    /// Asks it to stop, and kills it if it does not.
    pub async fn stop(&mut self) {
        let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) else {
            return;
        };
        // It may have ended by itself in between; then there is nothing to ask.
        let asked = kill(Pid::from_raw(pid), Signal::SIGTERM);
        if asked.is_err() || timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            tracing::warn!(process = self.name, "killed, since it did not stop");
            if let Err(error) = self.child.kill().await {
                tracing::error!(process = self.name, %error, "cannot be killed");
            }
        }
    }

    async fn ended(&mut self) -> String {
        match timeout(Duration::from_secs(1), self.child.wait()).await {
            Ok(Ok(status)) => ExitStatus::to_string(&status),
            _ => "its stdout is closed".to_owned(),
        }
    }

    fn failure(&self, what: &str) -> anyhow::Error {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n    ");
        Problem::new(format!("{} {what}:\n    {tail}", self.name), format!("read its log: {}", self.log.display()))
            .into()
    }
}

/// A command that knows of no network but the one it is told of: a shell may have exported another's names and keys.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in NETWORK_VARIABLES {
        command.env_remove(name);
    }
    command
}

async fn copy_stdout(
    stdout: tokio::process::ChildStdout,
    mut log: tokio::fs::File,
    ready: &'static str,
    announce: watch::Sender<Option<String>>,
) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(rest) = line.strip_prefix(ready) {
            announce.send_replace(Some(rest.trim().to_owned()));
        }
        // A full disk must not stop the child, which would block on a pipe nobody reads.
        if let Err(error) = log.write_all(format!("{line}\n").as_bytes()).await {
            tracing::warn!(%error, "a log line is lost");
        }
    }
    if let Err(error) = log.flush().await {
        tracing::warn!(%error, "the end of a log is lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Process) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let spec = Spec::new("shell", Path::new("/bin/sh")).args(["-c", script]);
        (dir, Process::spawn(&layout, spec).unwrap())
    }

    #[tokio::test]
    async fn process__should_tell_its_url_and_stop_when_asked() {
        let (_dir, mut process) = shell("echo listening on http://127.0.0.1:7; exec sleep 100");
        assert_eq!(process.ready(Duration::from_secs(10)).await.unwrap(), "http://127.0.0.1:7");
        process.check().unwrap();
        process.stop().await;
        assert!(process.check().is_err());
    }

    #[tokio::test]
    async fn process__should_name_its_log_when_it_ends_early() {
        let (_dir, mut process) = shell("echo no such database >&2; exit 3");
        let error = process.ready(Duration::from_secs(10)).await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        assert!(error.to_string().contains("no such database"), "{error}");
        assert!(piecework_console::fix_of(&error).unwrap().contains("shell.log"));
    }

    #[tokio::test]
    async fn process__should_be_given_up_when_it_does_not_serve() {
        let (_dir, mut process) = shell("exec sleep 100");
        let error = process.ready(Duration::from_millis(50)).await.unwrap_err();
        assert!(error.to_string().contains("is not ready"), "{error}");
        process.kill().await.unwrap();
    }
}
