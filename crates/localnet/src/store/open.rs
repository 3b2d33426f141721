//! Opening a chain on disk: the newest usable state, then the logs after it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fs::{self, File, OpenOptions},
    path::Path,
    sync::Arc,
    time::Duration,
};

use borsh::BorshDeserialize;
use near_primitives::{hash::CryptoHash, receipt::Receipt, types::BlockHeight};

use super::{
    Archive, Carry, Checkpoint, Layout, Segment, Store, StoreError, failed, file, frame, heights,
    index::Tables,
    writer::{LOG_HEADER, log_header, new_log},
};
use crate::{
    block::{Block, MerkleTree},
    state::VersionedState,
};

/// Blocks whose state is readable at least after a start, so that finality is where it was.
const MIN_REPLAYED: usize = 16;

/// A chain to go on with.
pub struct Recovered {
    /// The blocks whose state can be read, oldest first, at least one.
    pub blocks: Vec<Arc<Block>>,
    /// The state with the versions of these blocks.
    pub state: VersionedState,
    /// Receipts the next block executes.
    pub incoming: Vec<Arc<Receipt>>,
    /// Receipts that did not fit, oldest first.
    pub delayed: VecDeque<Receipt>,
    /// The transactions of receipts that have not run yet.
    pub origins: HashMap<CryptoHash, CryptoHash>,
    /// How far the clock is ahead of real time.
    pub clock_offset: Duration,
    /// The tree over all block hashes.
    pub tree: MerkleTree,
    /// The finished logs.
    pub archive: Archive,
}

impl Recovered {
    /// A chain that has only its genesis.
    pub fn at_genesis(genesis: Arc<Block>, state: VersionedState) -> Self {
        let mut tree = MerkleTree::default();
        tree.push(genesis.hash);
        Self {
            blocks: vec![genesis],
            state,
            incoming: Vec::new(),
            delayed: VecDeque::new(),
            origins: HashMap::new(),
            clock_offset: Duration::ZERO,
            tree,
            archive: Archive::default(),
        }
    }

    fn at(checkpoint: Checkpoint, state: VersionedState) -> Self {
        Self {
            blocks: vec![checkpoint.head],
            state,
            incoming: checkpoint.incoming,
            delayed: checkpoint.delayed.into(),
            origins: checkpoint.origins.into_iter().collect(),
            clock_offset: Duration::from_nanos(checkpoint.clock_offset_ns),
            tree: checkpoint.tree,
            archive: Archive::default(),
        }
    }

    /// Takes over what a logged block did; `None` if it does not follow the one before.
    fn replay(&mut self, block: Block, carry: &Carry) -> Option<()> {
        if self.blocks.last()?.hash != block.prev_hash {
            return None;
        }
        self.state.put_all(block.height(), &block.changes);
        let delayed = self.delayed.drain(..).map(Arc::new);
        let waiting = self.incoming.drain(..).chain(delayed).chain(block.created.iter().cloned());
        let mut known: HashMap<_, _> = waiting.map(|receipt| (*receipt.receipt_id(), receipt)).collect();
        self.incoming = carry.outgoing.iter().map(|id| known.remove(id)).collect::<Option<_>>()?;
        self.delayed =
            carry.delayed.iter().map(|id| known.remove(id).map(Arc::unwrap_or_clone)).collect::<Option<_>>()?;
        trace_origins(&mut self.origins, &block);
        self.clock_offset = Duration::from_nanos(carry.clock_offset_ns);
        self.tree.push(block.hash);
        self.blocks.push(Arc::new(block));
        Some(())
    }
}

/// Brings the transactions of waiting receipts up to date with a block.
fn trace_origins(origins: &mut HashMap<CryptoHash, CryptoHash>, block: &Block) {
    for (outcome, origin) in block.outcomes.iter().zip(&block.origins) {
        origins.remove(&outcome.id);
        origins.extend(outcome.outcome.receipt_ids.iter().map(|receipt_id| (*receipt_id, *origin)));
    }
}

/// Takes the chain's lock, which is held as long as the file is open.
///
/// # Errors
/// If another process has it.
pub fn lock(layout: &Layout) -> Result<File, StoreError> {
    fs::create_dir_all(&layout.home).map_err(failed(&layout.home))?;
    let path = layout.home.join("lock");
    let file = File::create(&path).map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse(layout.home.clone())),
        Err(fs::TryLockError::Error(source)) => Err(StoreError::File { path, source }),
    }
}

/// Opens the chain on disk, or begins it at its genesis.
///
/// # Errors
/// If the files cannot be read, belong to another chain, or are damaged before the end of the newest log.
pub fn open(layout: &Layout, lock: File, start: Recovered) -> Result<(Store, Recovered), StoreError> {
    let data = layout.data();
    let unswapped = layout.restoring();
    if unswapped.exists() && !data.exists() {
        fs::rename(&unswapped, &data).map_err(failed(&data))?;
    }
    fs::create_dir_all(&data).map_err(failed(&data))?;
    let genesis = start.blocks[0].hash;
    let next = start.blocks[0].height() + 1;
    let states = heights(&data, "state")?;
    let mut logs = heights(&data, "log")?;
    // A log that was not begun before the process ended, or that a snapshot does not have.
    let newest = states.last().copied().unwrap_or(next).max(logs.last().copied().unwrap_or(next));
    if logs.insert(newest) {
        new_log(layout, newest, &genesis)?;
    }

    let mut replayed: BTreeMap<BlockHeight, Log> = BTreeMap::new();
    let mut from: Option<(BlockHeight, Recovered)> = None;
    for first in logs.iter().rev() {
        replayed.insert(*first, Log::read(&file(&data, *first, "log"), &genesis)?);
        if states.contains(first)
            && let Some((checkpoint, state)) = Checkpoint::read(&file(&data, *first, "state"))?
        {
            if checkpoint.genesis != genesis {
                return Err(StoreError::OtherChain(data));
            }
            from = Some((*first, Recovered::at(checkpoint, state)));
        } else if *first == next {
            from = Some((*first, Recovered::at_genesis(Arc::clone(&start.blocks[0]), VersionedState::default())));
        }
        let enough = replayed.values().map(|log| log.blocks.len()).sum::<usize>() >= MIN_REPLAYED;
        if enough && from.as_ref().is_some_and(|(at, _)| at == first) {
            break;
        }
    }
    let damaged = |first: BlockHeight, message: &str| StoreError::Damaged {
        path: file(&data, first, "log"),
        message: message.to_owned(),
    };
    let (at, mut recovered) = from.ok_or_else(|| damaged(newest, "there is no state to start from"))?;
    if at == next && !states.contains(&next) {
        recovered = start;
    }

    for first in logs.iter().filter(|first| **first != newest) {
        let (log, index) = (file(&data, *first, "log"), file(&data, *first, "index"));
        let segment = match Segment::open(&log, &index)? {
            Some(segment) => segment,
            None => {
                Log::read(&log, &genesis)?.tables().write(&index)?;
                Segment::open(&log, &index)?.ok_or_else(|| damaged(*first, "its index cannot be made"))?
            }
        };
        recovered.archive.add(*first, segment);
    }
    let current = replayed.get(&newest).ok_or_else(|| damaged(newest, "it vanished"))?;
    let (tables, bytes) = (current.tables(), current.valid);
    let mut since_state = 0;
    for (first, log) in replayed.split_off(&at) {
        if !log.whole && first != newest {
            return Err(damaged(first, "a block before its end is torn"));
        }
        since_state += log.valid;
        for (block, carry, ..) in log.blocks {
            recovered.replay(block, &carry).ok_or_else(|| damaged(first, "a block does not follow its parent"))?;
        }
    }
    let path = file(&data, newest, "log");
    let log = OpenOptions::new().append(true).open(&path).map_err(failed(&path))?;
    log.set_len(bytes).map_err(failed(&path))?;
    let state_bytes = fs::metadata(file(&data, at, "state")).map_or(0, |metadata| metadata.len());
    let store = Store {
        layout: layout.clone(),
        genesis,
        log,
        first: newest,
        tables,
        bytes,
        since_state,
        state_bytes,
        state_height: at - 1,
        buffer: Vec::new(),
        lock,
    };
    Ok((store, recovered))
}

/// A log in memory.
struct Log {
    /// Blocks with what they left, and the place of their frames.
    blocks: Vec<(Block, Carry, u64, u32)>,
    /// Bytes up to the first torn frame.
    valid: u64,
    whole: bool,
}

impl Log {
    fn read(path: &Path, genesis: &CryptoHash) -> Result<Self, StoreError> {
        let mut bytes = fs::read(path).map_err(failed(path))?;
        let header = log_header(genesis);
        if bytes.len() < header.len() {
            // The process ended while it began this log.
            fs::write(path, &header).map_err(failed(path))?;
            bytes.clone_from(&header);
        }
        if !bytes.starts_with(&header) {
            return Err(StoreError::OtherChain(path.parent().unwrap_or(path).to_owned()));
        }
        let mut log = Self { blocks: Vec::new(), valid: LOG_HEADER, whole: false };
        let mut rest = &bytes[header.len()..];
        while let Some(mut body) = frame::read(rest) {
            let length = frame::HEADER + body.len();
            let parsed = Block::from_bytes(&mut body).and_then(|block| Ok((block, Carry::deserialize(&mut body)?)));
            let (block, carry) =
                parsed.map_err(|error| StoreError::Damaged { path: path.to_owned(), message: error.to_string() })?;
            let length_u32 = u32::try_from(length).map_err(std::io::Error::other).map_err(failed(path))?;
            log.blocks.push((block, carry, log.valid, length_u32));
            log.valid += u64::from(length_u32);
            rest = &rest[length..];
        }
        log.whole = rest.is_empty();
        Ok(log)
    }

    fn tables(&self) -> Tables {
        let mut tables = Tables::default();
        for (block, _, offset, length) in &self.blocks {
            tables.add(block, *offset, *length);
        }
        tables
    }
}
