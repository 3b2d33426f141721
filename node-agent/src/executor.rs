//! Doing the work of a lot, by a program.

pub mod command;
mod lines;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use crate::record::Place;
pub use command::{CommandConfig, CommandExecutor};

/// The judged items of a lot, with their payloads.
#[derive(Clone, Debug)]
pub struct Task {
    /// The slot it is done for.
    pub place: Place,
    /// Bytes per answer.
    pub width: u8,
    /// Judged items, in index order; of a jury about scores, those that it reads.
    pub items: Vec<TaskItem>,
    /// What a jury about an adjudicator's scores judges, as JSON: one answer is asked for, to the first item.
    pub scores: Option<String>,
    /// Wall time.
    pub limit: Duration,
}

/// An item and its payload.
#[derive(Clone, Debug)]
pub struct TaskItem {
    /// Number of the item in its batch.
    pub index: u32,
    /// SHA-256 of the payload.
    pub sha256: [u8; 32],
    /// The payload.
    pub payload: Vec<u8>,
}

/// Items whose results are doubted, with their payloads.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The slot that answered otherwise.
    pub place: Place,
    /// Bytes per answer.
    pub width: u8,
    /// The items, in index order.
    pub items: Vec<Doubted>,
    /// Wall time.
    pub limit: Duration,
}

/// An item whose result is doubted.
#[derive(Clone, Debug)]
pub struct Doubted {
    /// The item and its payload.
    pub item: TaskItem,
    /// The result; `None` without one.
    pub result: Option<Vec<u8>>,
    /// The node's own answer.
    pub own: Vec<u8>,
}

/// The items that are proven wrong, by their index in the batch, each with its evidence.
pub type Proven = BTreeMap<u32, String>;

/// Why there are no answers.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The program cannot be started.
    #[error("worker {program} cannot be started ({source}): check `command` under [work.classes]")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// Scratch files cannot be written.
    #[error("scratch directory {} cannot be written: {source}", dir.display())]
    Scratch {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("worker was stopped after {} s: raise time_limit_s, or make it faster", limit.as_secs())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// It failed.
    #[error("worker ended with {status}{}", said(stderr))]
    Failed {
        /// Exit status.
        status: std::process::ExitStatus,
        /// The end of what it said.
        stderr: String,
    },
    /// It wrote far more than answers.
    #[error("worker wrote more than {limit} bytes to standard output: only answers belong there")]
    TooMuchOutput {
        /// The limit.
        limit: usize,
    },
    /// Its answers are not what they must be.
    #[error("worker's answers are unusable: {0}")]
    Answers(#[from] lines::AnswerError),
    /// Its streams broke.
    #[error("worker's streams broke: {0}")]
    Io(#[from] std::io::Error),
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it said: {stderr}") }
}
