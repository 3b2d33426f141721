//! Runs a program for each lot: items as JSON lines on its standard input, answers as JSON lines on its standard output.

mod process;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{ExecuteError, Proven, Task, TaskItem, Verification, lines};
use crate::record::Place;

/// A larger payload is handed over as a file.
const INLINE_BYTES: usize = 256 << 10;
/// File of what a jury about scores judges.
const SCORES: &str = "scores.json";
/// Bytes of standard output at most, beside those per item.
const OUTPUT_BYTES: usize = 64 << 10;
const OUTPUT_BYTES_PER_ITEM: usize = 512;
/// The same of a verification, whose lines have evidence.
const EVIDENCE_BYTES_PER_ITEM: usize = 16 << 10;
/// Bytes of standard error that are kept: the last ones.
const STDERR_BYTES: usize = 2 << 10;

/// A worker program and its limits.
#[derive(Clone, Debug)]
pub struct CommandConfig {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables beside PATH, HOME, LANG, LC_ALL, TZ and TMPDIR.
    pub env: BTreeMap<String, String>,
    /// Address space of each of its processes, MiB.
    pub memory_mib: u64,
}

/// Runs a program for each lot.
#[derive(Clone, Debug)]
pub struct CommandExecutor {
    config: CommandConfig,
    scratch: PathBuf,
}

impl CommandExecutor {
    /// An executor whose workers run in directories under `scratch`.
    #[must_use]
    pub const fn new(config: CommandConfig, scratch: PathBuf) -> Self {
        Self { config, scratch }
    }

    /// Checks that the program is there and may be run.
    ///
    /// # Errors
    /// If not.
    pub fn preflight(&self) -> Result<(), ExecuteError> {
        for program in ["setpriv", "prlimit"].into_iter().chain(self.config.command.first().map(String::as_str)) {
            find(program).map_err(|source| ExecuteError::Start { program: program.to_owned(), source })?;
        }
        Ok(())
    }

    /// Does the work of a lot: the answers, `items × width` bytes in index order. Dropping the future ends the work.
    ///
    /// # Errors
    /// If there are no answers.
    pub async fn execute(&self, task: Task) -> Result<Vec<u8>, ExecuteError> {
        let dir = self.prepare()?;
        let limit = task.limit;
        timeout(limit, self.answer(&task, dir.path())).await.unwrap_or(Err(ExecuteError::Timeout { limit }))
    }

    /// Asks which of these items are wrong. Dropping the future ends the work.
    ///
    /// # Errors
    /// If the program does not say.
    pub async fn verify(&self, task: Verification) -> Result<Proven, ExecuteError> {
        let dir = self.prepare()?;
        let limit = task.limit;
        timeout(limit, self.prove(&task, dir.path())).await.unwrap_or(Err(ExecuteError::Timeout { limit }))
    }

    fn prepare(&self) -> Result<tempfile::TempDir, ExecuteError> {
        self.preflight()?;
        tempfile::tempdir_in(&self.scratch)
            .map_err(|source| ExecuteError::Scratch { dir: self.scratch.clone(), source })
    }

    async fn answer(&self, task: &Task, dir: &Path) -> Result<Vec<u8>, ExecuteError> {
        let mut input = String::new();
        for item in &task.items {
            input += &lines::item(item, spill(item, dir)?.as_ref());
        }
        let mut environment = environment(task.place, task.width);
        if let Some(scores) = &task.scores {
            let path = dir.join(SCORES);
            fs::write(&path, scores).map_err(|source| ExecuteError::Scratch { dir: dir.to_owned(), source })?;
            environment.push(("PIECEWORK_SCORES", path.to_string_lossy().into_owned()));
        }
        let most = OUTPUT_BYTES + OUTPUT_BYTES_PER_ITEM * task.items.len();
        let output = self.run((task.place, task.limit), dir, (input, environment), most).await?;
        let asked = if task.scores.is_some() { 1 } else { task.items.len() };
        let indexes: Vec<u32> = task.items.iter().take(asked).map(|item| item.index).collect();
        Ok(lines::answers(&output, &indexes, task.width)?)
    }

    async fn prove(&self, task: &Verification, dir: &Path) -> Result<Proven, ExecuteError> {
        let mut input = String::new();
        for doubted in &task.items {
            input += &lines::doubted(doubted, spill(&doubted.item, dir)?.as_ref());
        }
        let most = OUTPUT_BYTES + EVIDENCE_BYTES_PER_ITEM * task.items.len();
        let environment = environment(task.place, task.width);
        let output = self.run((task.place, task.limit), dir, (input, environment), most).await?;
        let indexes: Vec<u32> = task.items.iter().map(|doubted| doubted.item.index).collect();
        Ok(lines::verdicts(&output, &indexes)?)
    }

    /// What the program says to these lines, `limit` bytes at most.
    async fn run(
        &self,
        (place, time): (Place, Duration),
        dir: &Path,
        (input, environment): (String, Vec<(&'static str, String)>),
        limit: usize,
    ) -> Result<Vec<u8>, ExecuteError> {
        let cores = thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap_or(1));
        let cpu_s = time.as_secs().saturating_add(1).saturating_mul(cores);
        let start = |source| ExecuteError::Start { program: self.program().to_owned(), source };
        let (mut child, _group) = process::start(&self.config, cpu_s, dir, &environment).map_err(start)?;
        let stdin = child.stdin.take();
        let feed = async {
            let Some(mut stdin) = stdin else { return Ok(()) };
            match stdin.write_all(input.as_bytes()).await {
                // A worker may know its answers before it has read everything.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ExecuteError::Io(error)),
                _ => Ok(()),
            }
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ((), output, stderr) = tokio::try_join!(feed, bounded(stdout, limit), tail(stderr, STDERR_BYTES))?;
        let status = child.wait().await?;
        if !stderr.is_empty() {
            tracing::info!(%place, stderr, "executor.stderr");
        }
        if !status.success() {
            return Err(ExecuteError::Failed { status, stderr });
        }
        Ok(output)
    }

    fn program(&self) -> &str {
        self.config.command.first().map_or("", String::as_str)
    }
}

/// What the program knows of its task beside the items.
fn environment(place: Place, width: u8) -> Vec<(&'static str, String)> {
    vec![
        ("PIECEWORK_BATCH", place.batch.to_string()),
        ("PIECEWORK_LOT", place.lot.to_string()),
        ("PIECEWORK_ANSWER_WIDTH", width.to_string()),
    ]
}

/// The file of a large payload, written.
fn spill(item: &TaskItem, dir: &Path) -> Result<Option<PathBuf>, ExecuteError> {
    let path = (item.payload.len() > INLINE_BYTES).then(|| dir.join(hex::encode(item.sha256)));
    if let Some(path) = &path {
        fs::write(path, &item.payload).map_err(|source| ExecuteError::Scratch { dir: dir.to_owned(), source })?;
    }
    Ok(path)
}

/// A program by path, or by name along PATH.
fn find(program: &str) -> io::Result<()> {
    let runs = |path: &Path| fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = if program.contains('/') {
        runs(Path::new(program))
    } else {
        std::env::split_paths(&path).any(|dir| runs(&dir.join(program)))
    };
    if found { Ok(()) } else { Err(io::Error::new(io::ErrorKind::NotFound, "no such program that may be executed")) }
}

/// Everything a stream says, up to `limit` bytes.
async fn bounded(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<Vec<u8>, ExecuteError> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes).await?;
    }
    if bytes.len() > limit { Err(ExecuteError::TooMuchOutput { limit }) } else { Ok(bytes) }
}

/// The end of what a stream says.
async fn tail(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<String, ExecuteError> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let mut buffer = vec![0; limit];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            kept.extend_from_slice(&buffer[..count]);
            kept.drain(..kept.len().saturating_sub(limit));
        }
    }
    Ok(String::from_utf8_lossy(&kept).trim().to_owned())
}
