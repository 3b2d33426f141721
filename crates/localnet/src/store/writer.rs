//! Appending blocks, finishing logs, writing states.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
};

use borsh::BorshSerialize;
use near_primitives::{hash::CryptoHash, types::BlockHeight};

use super::{
    Carry, Checkpoint, Layout, Segment, SnapshotInfo, Snapshots, StoreError, failed, file, frame, heights, if_there,
    index::Tables,
};
use crate::{block::Block, state::Snapshot};

/// A log is finished at this size…
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// …or at this many blocks. Both bound what a start replays and what is kept in memory.
const SEGMENT_BLOCKS: usize = 2_048;
/// A state is written again once the logs since the last one are this many times larger than it.
const LOG_PER_STATE: u64 = 2;

/// States kept. A start wants the states of the last 16 blocks, and a state comes with a log of one block at least.
const KEPT_STATES: usize = 18;

/// The writing side of the chain on disk.
pub struct Store {
    pub(super) layout: Layout,
    pub(super) genesis: CryptoHash,
    pub(super) log: File,
    pub(super) first: BlockHeight,
    pub(super) tables: Tables,
    pub(super) bytes: u64,
    pub(super) since_state: u64,
    pub(super) state_bytes: u64,
    pub(super) state_height: BlockHeight,
    pub(super) buffer: Vec<u8>,
    pub(super) lock: File,
}

impl Store {
    /// Writes a block. When this returns the block survives the process.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn append(&mut self, block: &Block, carry: &Carry) -> Result<(), StoreError> {
        let path = self.log_path();
        self.buffer.clear();
        frame::append(&mut self.buffer, |out| {
            block.serialize(out)?;
            carry.serialize(out)
        })
        .and_then(|()| self.log.write_all(&self.buffer))
        .map_err(failed(&path))?;
        let length = u32::try_from(self.buffer.len()).map_err(std::io::Error::other).map_err(failed(&path))?;
        self.tables.add(block, self.bytes, length);
        self.bytes += u64::from(length);
        self.since_state += u64::from(length);
        Ok(())
    }

    /// Whether the log should be finished.
    pub fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES || self.tables.blocks.len() >= SEGMENT_BLOCKS
    }

    /// Whether the state should be written with the next log.
    pub fn wants_state(&self) -> bool {
        self.since_state >= self.state_bytes.saturating_mul(LOG_PER_STATE)
    }

    /// The height before which a start needs nothing.
    pub fn state_height(&self) -> BlockHeight {
        self.state_height
    }

    /// Writes the state at the newest block, and removes old ones that no start will need.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_state(&mut self, checkpoint: &Checkpoint, state: &Snapshot) -> Result<(), StoreError> {
        let height = checkpoint.head.height();
        self.state_bytes = checkpoint.write(&file(&self.layout.data(), height + 1, "state"), state)?;
        self.state_height = height;
        self.since_state = 0;
        for old in heights(&self.layout.data(), "state")?.into_iter().rev().skip(KEPT_STATES) {
            let path = file(&self.layout.data(), old, "state");
            fs::remove_file(&path).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Finishes the log after the block at `head` and begins the next one.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish_log(&mut self, head: BlockHeight) -> Result<(BlockHeight, Segment), StoreError> {
        let (log, index) = (self.log_path(), file(&self.layout.data(), self.first, "index"));
        std::mem::take(&mut self.tables).write(&index)?;
        let segment = Segment::open(&log, &index)?.ok_or_else(|| StoreError::Damaged {
            path: index,
            message: "it changed while it was written".to_owned(),
        })?;
        let finished = std::mem::replace(&mut self.first, head + 1);
        self.log = new_log(&self.layout, self.first, &self.genesis)?;
        self.bytes = LOG_HEADER;
        Ok((finished, segment))
    }

    /// Removes a log that is no longer kept.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_log(&self, first: BlockHeight) -> Result<(), StoreError> {
        for extension in ["log", "index", "state"] {
            let path = file(&self.layout.data(), first, extension);
            if_there(fs::remove_file(&path)).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Keeps the finished files under a name.
    ///
    /// # Errors
    /// If the name is taken or a file cannot be written.
    pub fn snapshot(&self, name: &str) -> Result<SnapshotInfo, StoreError> {
        Snapshots::new(&self.layout).save(name, &self.log_path())
    }

    /// The chain's directories.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Replaces the chain on disk by a snapshot, to be opened with the lock that is returned.
    ///
    /// # Errors
    /// If a file cannot be replaced.
    pub fn restore(self, name: &str) -> Result<File, StoreError> {
        Snapshots::new(&self.layout).restore(name)?;
        Ok(self.lock)
    }

    fn log_path(&self) -> PathBuf {
        file(&self.layout.data(), self.first, "log")
    }
}

const MAGIC: &[u8; 8] = b"PWBLOCK2";

/// Bytes before the first frame: version and genesis.
pub const LOG_HEADER: u64 = 8 + 32;

/// The bytes before the first frame.
pub fn log_header(genesis: &CryptoHash) -> Vec<u8> {
    [MAGIC.as_slice(), genesis.as_bytes()].concat()
}

/// Begins a log.
pub fn new_log(layout: &Layout, first: BlockHeight, genesis: &CryptoHash) -> Result<File, StoreError> {
    let path = file(&layout.data(), first, "log");
    let mut log = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path))?;
    log.set_len(0).and_then(|()| log.write_all(&log_header(genesis))).map_err(failed(&path))?;
    Ok(log)
}
