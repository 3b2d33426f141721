//! The whole state at one height, and everything else that going on from there takes.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{hash::CryptoHash, receipt::Receipt};

use super::{StoreError, failed};
use crate::{
    block::{Block, MerkleTree},
    state::{Snapshot, Value, VersionedState},
};

/// Entries read from the state at a time, so that readers and the checkpoint take turns.
const PAGE: usize = 4_096;
const MAGIC: &[u8; 8] = b"PWSTATE1";

/// Everything besides the state's entries.
#[derive(BorshSerialize, BorshDeserialize)]
pub struct Checkpoint {
    /// Hash of the genesis file.
    pub genesis: CryptoHash,
    /// The newest block.
    pub head: Arc<Block>,
    /// Receipts the next block executes.
    pub incoming: Vec<Arc<Receipt>>,
    /// Receipts that did not fit, oldest first.
    pub delayed: Vec<Receipt>,
    /// The transactions of receipts that have not run yet.
    pub origins: Vec<(CryptoHash, CryptoHash)>,
    /// How far the clock is ahead of real time, in nanoseconds.
    pub clock_offset_ns: u64,
    /// The tree over all block hashes.
    pub tree: MerkleTree,
}

impl Checkpoint {
    /// Writes the file, whole or not at all, and returns its size.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, path: &Path, state: &Snapshot) -> Result<u64, StoreError> {
        let unfinished = path.with_extension("unfinished");
        let size = self.write_to(&unfinished, state).map_err(failed(&unfinished))?;
        std::fs::rename(&unfinished, path).map_err(failed(path))?;
        Ok(size)
    }

    fn write_to(&self, path: &Path, state: &Snapshot) -> std::io::Result<u64> {
        let mut out = Checked { file: BufWriter::new(File::create(path)?), crc: crc32fast::Hasher::new(), size: 0 };
        out.write_all(MAGIC)?;
        self.serialize(&mut out)?;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = state.range(&[], after.as_deref(), PAGE);
            for (key, value) in &page {
                true.serialize(&mut out)?;
                key.serialize(&mut out)?;
                value.serialize(&mut out)?;
            }
            if page.len() < PAGE {
                break;
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
        false.serialize(&mut out)?;
        let checksum = out.crc.finalize();
        out.file.write_all(&checksum.to_le_bytes())?;
        out.file.flush()?;
        Ok(out.size)
    }

    /// Reads a file and the state in it; `None` if it is damaged or of another version.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(path: &Path) -> Result<Option<(Self, VersionedState)>, StoreError> {
        let bytes = std::fs::read(path).map_err(failed(path))?;
        let Some((body, checksum)) = bytes.split_last_chunk::<4>() else { return Ok(None) };
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return Ok(None);
        }
        Ok(body.strip_prefix(MAGIC).and_then(|rest| Self::parse(rest).ok()))
    }

    fn parse(mut bytes: &[u8]) -> std::io::Result<(Self, VersionedState)> {
        let mut checkpoint = Self::deserialize(&mut bytes)?;
        if let Some(head) = Arc::get_mut(&mut checkpoint.head) {
            head.outcome_tree = MerkleTree::of_outcomes(&head.outcomes);
        }
        let mut state = VersionedState::default();
        while bool::deserialize(&mut bytes)? {
            let key = Vec::<u8>::deserialize(&mut bytes)?;
            state.put(checkpoint.head.height(), key, Some(Value::deserialize(&mut bytes)?));
        }
        Ok((checkpoint, state))
    }
}

struct Checked {
    file: BufWriter<File>,
    crc: crc32fast::Hasher,
    size: u64,
}

impl Write for Checked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.crc.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
