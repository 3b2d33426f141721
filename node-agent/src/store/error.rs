//! What can be wrong with the state directory, with the fix.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::Identity;

/// What is wrong with the state directory.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room.
    #[error(
        "state directory {} has no space left: free some, or point [state] dir to another disk; until then nothing new \
         is claimed, and what is saved is still revealed",
        dir.display()
    )]
    Full {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not writable for another reason.
    #[error("state directory {} cannot be written: make it a directory that this user may write", dir.display())]
    Write {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not readable.
    #[error("state directory {} cannot be read: make it readable for this user", dir.display())]
    Read {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent has it.
    #[error("state directory {} is in use by another agent: stop that one, or set another [state] dir", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// It belongs to another node.
    #[error(
        "state directory {} belongs to {} (node {}) on contract {} of {}, not to {} (node {}) on contract {} of {}: set \
         another [state] dir",
        dir.display(), known.account_id, known.binding.node, known.binding.contract, known.chain_id,
        given.account_id, given.binding.node, given.binding.contract, given.chain_id
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// What it belongs to.
        known: Box<Identity>,
        /// What was asked for.
        given: Box<Identity>,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: restore it from a backup, or move it away if there is none", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(super) fn write(dir: &Path, source: io::Error) -> Self {
        let dir = dir.to_owned();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full { dir, source },
            _ => Self::Write { dir, source },
        }
    }

    pub(super) fn read(dir: &Path, source: io::Error) -> Self {
        Self::Read { dir: dir.to_owned(), source }
    }
}
