//! The chain on disk: a log of blocks in segments, and now and then the whole state.
//!
//! ```text
//! lock                            held while the chain runs
//! data/<height>.log               blocks from that height on, one frame each, only ever appended to
//! data/<height>.state             what is needed to go on at that height: state, receipts under way, clock
//! data/<height>.index             of a finished log: where its blocks, transactions and receipts are
//! snapshots/<name>/               hard links to the finished files of a moment
//! ```
//!
//! A frame is its length and CRC-32 (four bytes each, little endian) and borsh bytes. A block is written with one
//! call before anyone can see it, so a killed process loses at most the block it was making; a torn frame at the end of
//! the last log is cut off. A start reads the newest state file and replays the logs from there without executing
//! anything. Older blocks stay on disk until they are asked for.

mod archive;
mod checkpoint;
mod frame;
mod index;
mod open;
mod snapshot;
mod writer;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{hash::CryptoHash, types::BlockHeight};

pub use archive::Archive;
pub use checkpoint::Checkpoint;
pub use index::{IdKind, Segment};
pub use open::{Recovered, lock, open};
pub use snapshot::{SnapshotInfo, Snapshots};
pub use writer::Store;

/// The chain on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error("{0} is in use by another process; stop it or choose another --home")]
    InUse(PathBuf),
    /// The files belong to another genesis or another version of this program.
    #[error("{0} was written for another genesis or by another version; remove the directory to start anew")]
    OtherChain(PathBuf),
    /// A file is damaged before its end.
    #[error("{path} is damaged: {message}; restore a snapshot, or remove the directory to start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No snapshot of that name.
    #[error("there is no snapshot {0}; sandbox_snapshots lists them")]
    UnknownSnapshot(String),
    /// The snapshot's name is taken.
    #[error("there already is a snapshot {0}; delete it first with sandbox_delete_snapshot")]
    SnapshotExists(String),
    /// The name would not do as a directory's.
    #[error("{0:?} cannot name a snapshot; use letters, digits, '-', '_' and '.'")]
    SnapshotName(String),
    /// The chain lives in memory only.
    #[error("this chain keeps nothing on disk, so it has no snapshots")]
    InMemory,
}

/// What a block leaves to the next one besides the state, as it is logged: receipts by id.
#[derive(Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Carry {
    /// Receipts the next block executes.
    pub outgoing: Vec<CryptoHash>,
    /// Receipts that did not fit, oldest first.
    pub delayed: Vec<CryptoHash>,
    /// How far the clock is ahead of real time, in nanoseconds.
    pub clock_offset_ns: u64,
}

/// The directories of one chain.
#[derive(Clone, Debug)]
pub struct Layout {
    home: PathBuf,
}

impl Layout {
    /// The directories below `home`.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into() }
    }

    /// Logs and states.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// One directory per snapshot.
    pub fn snapshots(&self) -> PathBuf {
        self.home.join("snapshots")
    }

    /// Where a restore puts the files together.
    fn restoring(&self) -> PathBuf {
        self.home.join("data.restoring")
    }

    /// What a restore takes away.
    fn replaced(&self) -> PathBuf {
        self.home.join("data.replaced")
    }
}

/// `<height>.<extension>` in `dir`.
fn file(dir: &Path, height: BlockHeight, extension: &str) -> PathBuf {
    dir.join(format!("{height:020}.{extension}"))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + use<'_> {
    move |source| StoreError::File { path: path.to_owned(), source }
}

/// What is not there need not be removed.
fn if_there(removed: std::io::Result<()>) -> std::io::Result<()> {
    removed.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The heights in the names of files with this extension.
fn heights(dir: &Path, extension: &str) -> Result<BTreeSet<BlockHeight>, StoreError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|own| own == extension)
            && let Some(height) = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok())
        {
            found.insert(height);
        }
    }
    Ok(found)
}
