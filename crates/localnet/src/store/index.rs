//! Where things are in a finished log: a table of its blocks, and a sorted one of transaction and receipt ids.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::{hash::CryptoHash, types::BlockHeight};

use super::{StoreError, failed, frame};
use crate::block::{Block, OutcomePlace};

/// Bytes of an id in the sorted table: hash, kind, height, index.
const ENTRY: usize = 32 + 1 + 8 + 4;
/// The same as an offset in a file.
const ENTRY_BYTES: u64 = 32 + 1 + 8 + 4;

/// Where a block is in its log.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct BlockPlace {
    /// Its height.
    pub height: BlockHeight,
    /// Its hash.
    pub hash: CryptoHash,
    /// Its number since genesis.
    pub ordinal: u64,
    /// First byte of its frame.
    pub offset: u64,
    /// Bytes of its frame.
    pub length: u32,
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdKind {
    /// A receipt that the block created.
    Created,
    /// An outcome of a transaction or a receipt.
    Outcome,
}

/// The tables of a log that is still written.
#[derive(Default)]
pub struct Tables {
    /// Blocks in order.
    pub blocks: Vec<BlockPlace>,
    ids: Vec<[u8; ENTRY]>,
}

/// A finished log.
pub struct Segment {
    /// Its blocks.
    pub blocks: Vec<BlockPlace>,
    /// Size of its log.
    pub bytes: u64,
    // Opened when needed: a busy chain has hundreds of logs.
    log: PathBuf,
    index: PathBuf,
    ids_at: u64,
    ids: u64,
    filter: Filter,
}

/// Says of most ids that are not in a log that they are not. Hashes are random, so their first bytes pick a bit.
struct Filter {
    bits: Vec<u64>,
}

impl Tables {
    /// Adds a block.
    pub fn add(&mut self, block: &Block, offset: u64, length: u32) {
        let (height, hash, ordinal) = (block.height(), block.hash, block.ordinal);
        self.blocks.push(BlockPlace { height, hash, ordinal, offset, length });
        self.ids.extend(block.created.iter().map(|receipt| entry(receipt.receipt_id(), IdKind::Created, height, 0)));
        let outcomes = (0_u32..).zip(&block.outcomes);
        self.ids.extend(outcomes.map(|(index, outcome)| entry(&outcome.id, IdKind::Outcome, height, index)));
    }

    /// Writes the tables beside the finished log, whole or not at all.
    pub fn write(mut self, path: &Path) -> Result<(), StoreError> {
        self.ids.sort_unstable();
        let mut bytes = Vec::new();
        frame::append(&mut bytes, |out| self.blocks.serialize(out)).map_err(failed(path))?;
        frame::append(&mut bytes, |out| {
            out.extend(self.ids.iter().flatten());
            Ok(())
        })
        .map_err(failed(path))?;
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, bytes).map_err(failed(&unfinished))?;
        std::fs::rename(&unfinished, path).map_err(failed(path))
    }
}

impl Segment {
    /// Opens a finished log with its tables; `None` if these are missing or damaged.
    pub fn open(log: &Path, index: &Path) -> Result<Option<Self>, StoreError> {
        let Ok(bytes) = std::fs::read(index) else { return Ok(None) };
        let Some(table) = frame::read(&bytes) else { return Ok(None) };
        let Ok(blocks) = Vec::try_from_slice(table) else { return Ok(None) };
        let start = frame::HEADER + table.len();
        let Some(ids) = frame::read(&bytes[start..]) else { return Ok(None) };
        let count = ids.len() / ENTRY;
        let filter = Filter::new(ids);
        let (Ok(ids_at), Ok(ids)) = (u64::try_from(start + frame::HEADER), u64::try_from(count)) else {
            return Ok(None);
        };
        let bytes = std::fs::metadata(log).map_err(failed(log))?.len();
        let (log, index) = (log.to_owned(), index.to_owned());
        Ok(Some(Self { blocks, bytes, log, index, ids_at, ids, filter }))
    }

    /// Reads one of its blocks.
    pub fn block(&self, place: &BlockPlace) -> std::io::Result<Block> {
        let mut bytes = vec![0; usize::try_from(place.length).map_err(std::io::Error::other)?];
        File::open(&self.log)?.read_exact_at(&mut bytes, place.offset)?;
        let mut body = frame::read(&bytes).ok_or_else(|| std::io::Error::other("a block's checksum is wrong"))?;
        Block::from_bytes(&mut body)
    }

    /// Finds an id.
    pub fn find(&self, id: &CryptoHash, kind: IdKind) -> std::io::Result<Option<OutcomePlace>> {
        if !self.filter.may_have(id.as_bytes()) {
            return Ok(None);
        }
        let file = File::open(&self.index)?;
        let wanted = entry(id, kind, 0, 0);
        let (mut low, mut high) = (0, self.ids);
        let mut found = [0; ENTRY];
        while low < high {
            let middle = low + (high - low) / 2;
            file.read_exact_at(&mut found, self.ids_at + middle * ENTRY_BYTES)?;
            match found[..33].cmp(&wanted[..33]) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(place(&found)),
            }
        }
        Ok(None)
    }
}

impl Filter {
    /// One bit in sixteen is set.
    fn new(ids: &[u8]) -> Self {
        let words = (ids.len() / ENTRY / 4).next_power_of_two();
        let mut filter = Self { bits: vec![0; words] };
        for id in ids.chunks_exact(ENTRY) {
            let (word, bit) = filter.place(id);
            filter.bits[word] |= bit;
        }
        filter
    }

    fn may_have(&self, id: &[u8]) -> bool {
        let (word, bit) = self.place(id);
        self.bits[word] & bit != 0
    }

    fn place(&self, id: &[u8]) -> (usize, u64) {
        let word = id[..4].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) & (self.bits.len() - 1);
        (word, 1 << (id[4] & 63))
    }
}

fn entry(id: &CryptoHash, kind: IdKind, height: BlockHeight, index: u32) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..32].copy_from_slice(id.as_bytes());
    bytes[32] = u8::from(kind == IdKind::Outcome);
    bytes[33..41].copy_from_slice(&height.to_be_bytes());
    bytes[41..].copy_from_slice(&index.to_be_bytes());
    bytes
}

fn place(bytes: &[u8; ENTRY]) -> Option<OutcomePlace> {
    let height = u64::from_be_bytes(bytes[33..41].try_into().ok()?);
    let index = u32::from_be_bytes(bytes[41..].try_into().ok()?);
    Some(OutcomePlace { height, index: usize::try_from(index).ok()? })
}
