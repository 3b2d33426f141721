//! The state directory: what survives a crash at any point.
//!
//! Every file is written beside its place, synced, renamed over it, and the directory synced, so a file is there in
//! full or not at all. Records and the call in flight are written before anything that depends on them is sent.

mod atomic;
mod error;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use piecework_chain::SignedTx;
use piecework_interface::{
    host::sha256,
    ids::{BatchId, LotId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::record::{Binding, Challenge, Place, Record};
pub use error::StoreError;

/// The state directory, held by this process alone.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    _lock: Option<File>,
}

/// What the directory belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Chain id of the network.
    pub chain_id: String,
    /// Account of the node.
    pub account_id: String,
    /// Contract and node number, which every commitment binds.
    #[serde(flatten)]
    pub binding: Binding,
}

/// A signed call that may be under way.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredCall {
    /// Method of the contract.
    pub method: String,
    /// Its arguments.
    #[serde(with = "hex::serde")]
    pub args: Vec<u8>,
    /// The signed bytes, with hash and nonce.
    pub signed: SignedTx,
}

/// All records, and the files that cannot be read.
#[derive(Debug, Default)]
pub struct Records {
    /// Records.
    pub records: Vec<Record>,
    /// Files that are no records.
    pub damaged: Vec<PathBuf>,
}

const SLOTS: &str = "slots";
const CHALLENGES: &str = "challenges";
const PAYLOADS: &str = "payloads";
const MANIFESTS: &str = "manifests";
const SCRATCH: &str = "scratch";
const CALL: &str = "call.json";
const IDENTITY: &str = "identity.json";
const STATUS: &str = "status.json";
const LOCK: &str = "lock";
const LOCK_TRIES: u32 = 5;
const LOCK_AGAIN: Duration = Duration::from_millis(50);

impl Store {
    /// Makes or opens a state directory and locks it.
    ///
    /// # Errors
    /// If it cannot be written, or another agent runs on it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        for part in ["", SLOTS, CHALLENGES, PAYLOADS, MANIFESTS, SCRATCH] {
            let path = dir.join(part);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|e| StoreError::write(dir, e))?;
        }
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(dir.join(LOCK));
        let lock = lock.map_err(|error| StoreError::write(dir, error))?;
        take_lock(&lock, dir)?;
        let store = Self { dir: dir.to_owned(), _lock: Some(lock) };
        store.sweep()?;
        Ok(store)
    }

    /// Opens a directory for reading only, beside the agent that may run on it. `None` if there is none.
    #[must_use]
    pub fn peek(dir: &Path) -> Option<Self> {
        dir.is_dir().then(|| Self { dir: dir.to_owned(), _lock: None })
    }

    /// Whether an agent runs on the directory now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        File::open(self.dir.join(LOCK))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where workers may put files while they run.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.dir.join(SCRATCH)
    }

    /// Ties the directory to a node of a contract on a chain, or checks that it is tied to this one.
    ///
    /// # Errors
    /// If it belongs to another, or cannot be written.
    pub fn bind(&self, identity: &Identity) -> Result<(), StoreError> {
        match self.read_json::<Identity>(IDENTITY)? {
            Some(known) if known == *identity => Ok(()),
            Some(known) => Err(StoreError::Foreign {
                dir: self.dir.clone(),
                known: Box::new(known),
                given: Box::new(identity.clone()),
            }),
            None => self.write_json("", IDENTITY, identity),
        }
    }

    /// Reads every record. A file that cannot be read is named and left where it is.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn records(&self) -> Result<Records, StoreError> {
        let mut records = Records::default();
        for path in self.list(SLOTS)? {
            let record = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            match record.filter(|record| path.file_name().is_some_and(|name| *name == *slot_name(record.place))) {
                Some(record) => records.records.push(record),
                None => records.damaged.push(path),
            }
        }
        Ok(records)
    }

    /// Writes a record.
    ///
    /// # Errors
    /// If it did not reach the disk; an older one of the same place is still whole.
    pub fn record_put(&self, record: &Record) -> Result<(), StoreError> {
        self.write_json(SLOTS, &slot_name(record.place), record)
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// If it is still there.
    pub fn record_remove(&self, place: Place) -> Result<(), StoreError> {
        self.remove(SLOTS, &slot_name(place))
    }

    /// Reads every challenge. A file that cannot be read is named and left where it is.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn challenges(&self) -> Result<(Vec<Challenge>, Vec<PathBuf>), StoreError> {
        let (mut challenges, mut damaged) = (Vec::new(), Vec::new());
        for path in self.list(CHALLENGES)? {
            match fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                Some(challenge) => challenges.push(challenge),
                None => damaged.push(path),
            }
        }
        Ok((challenges, damaged))
    }

    /// Writes a challenge.
    ///
    /// # Errors
    /// If it did not reach the disk; an older one of the same lot is still whole.
    pub fn challenge_put(&self, challenge: &Challenge) -> Result<(), StoreError> {
        self.write_json(CHALLENGES, &challenge_name(challenge.batch, challenge.lot), challenge)
    }

    /// Deletes a lot's challenge.
    ///
    /// # Errors
    /// If it is still there.
    pub fn challenge_remove(&self, batch: BatchId, lot: LotId) -> Result<(), StoreError> {
        self.remove(CHALLENGES, &challenge_name(batch, lot))
    }

    /// The call that may be under way.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn call(&self) -> Result<Option<StoredCall>, StoreError> {
        self.read_json(CALL)
    }

    /// Writes the call that is about to be sent.
    ///
    /// # Errors
    /// If it did not reach the disk.
    pub fn call_put(&self, call: &StoredCall) -> Result<(), StoreError> {
        self.write_json("", CALL, call)
    }

    /// Deletes the call: its outcome is known.
    ///
    /// # Errors
    /// If it is still there.
    pub fn call_clear(&self) -> Result<(), StoreError> {
        self.remove("", CALL)
    }

    /// The manifest of the segment of a batch that begins with this item, unchecked.
    #[must_use]
    pub fn manifest(&self, batch: BatchId, first_item: u32) -> Option<Vec<u8>> {
        fs::read(self.dir.join(MANIFESTS).join(manifest_name(batch, first_item))).ok()
    }

    /// Writes such a manifest.
    ///
    /// # Errors
    /// If it did not reach the disk.
    pub fn manifest_put(&self, batch: BatchId, first_item: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(MANIFESTS, &manifest_name(batch, first_item), bytes)
    }

    /// Deletes such a manifest.
    ///
    /// # Errors
    /// If it is still there.
    pub fn manifest_remove(&self, batch: BatchId, first_item: u32) -> Result<(), StoreError> {
        self.remove(MANIFESTS, &manifest_name(batch, first_item))
    }

    /// What is known of a batch's segments, which was checked before it was written; `None` if that cannot be read.
    #[must_use]
    pub fn segments<T: DeserializeOwned>(&self, batch: BatchId) -> Option<T> {
        let bytes = fs::read(self.dir.join(MANIFESTS).join(segments_name(batch))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes what is known of a batch's segments.
    ///
    /// # Errors
    /// If it did not reach the disk.
    pub fn segments_put(&self, batch: BatchId, segments: &impl Serialize) -> Result<(), StoreError> {
        self.write_json(MANIFESTS, &segments_name(batch), segments)
    }

    /// A lot's payloads, if all are there and have these digests.
    #[must_use]
    pub fn payloads(&self, batch: BatchId, lot: LotId, digests: &[[u8; 32]]) -> Option<Vec<Vec<u8>>> {
        let bytes = fs::read(self.dir.join(PAYLOADS).join(lot_name(batch, lot))).ok()?;
        let payloads: Vec<Vec<u8>> = borsh::from_slice(&bytes).ok()?;
        let same = payloads.len() == digests.len()
            && payloads.iter().zip(digests).all(|(payload, digest)| sha256(payload) == *digest);
        same.then_some(payloads)
    }

    /// Writes a lot's payloads.
    ///
    /// # Errors
    /// If they did not reach the disk.
    pub fn payloads_put(&self, batch: BatchId, lot: LotId, payloads: &Vec<Vec<u8>>) -> Result<(), StoreError> {
        let bytes = borsh::to_vec(payloads).map_err(|error| StoreError::write(&self.dir, error))?;
        self.write(PAYLOADS, &lot_name(batch, lot), &bytes)
    }

    /// Deletes a lot's payloads.
    ///
    /// # Errors
    /// If they are still there.
    pub fn payloads_remove(&self, batch: BatchId, lot: LotId) -> Result<(), StoreError> {
        self.remove(PAYLOADS, &lot_name(batch, lot))
    }

    /// Deletes payloads and manifests of anything but these lots.
    ///
    /// # Errors
    /// If the directory cannot be listed or a file stays.
    pub fn payloads_keep(&self, lots: &[(BatchId, LotId)]) -> Result<(), StoreError> {
        let keep: Vec<String> = lots.iter().map(|(batch, lot)| lot_name(*batch, *lot)).collect();
        self.remove_others(PAYLOADS, |name| keep.iter().any(|kept| name == kept))?;
        self.manifests_keep(|batch| lots.iter().any(|(of, _)| *of == batch))
    }

    /// Deletes manifests and segments of all batches but these.
    ///
    /// # Errors
    /// If the directory cannot be listed or a file stays.
    pub fn manifests_keep(&self, keep: impl Fn(BatchId) -> bool) -> Result<(), StoreError> {
        let batch = |name: &str| name.split(['-', '.']).next()?.parse().ok().map(BatchId);
        self.remove_others(MANIFESTS, |name| batch(name).is_some_and(&keep))
    }

    /// Tries a write.
    ///
    /// # Errors
    /// If it failed.
    pub fn probe(&self) -> Result<(), StoreError> {
        const PROBE: &str = "probe";
        self.write("", PROBE, &[0; 4096])?;
        self.remove("", PROBE)
    }

    /// Writes what `status` shows. It need not survive a crash.
    ///
    /// # Errors
    /// If the disk refuses it.
    pub fn status_put(&self, status: &impl Serialize) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(status).map_err(|error| StoreError::write(&self.dir, error.into()))?;
        atomic::write(&self.dir, STATUS, &bytes, atomic::Sync::No).map_err(|e| StoreError::write(&self.dir, e))
    }

    /// What the agent wrote for `status` last.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn status<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        self.read_json(STATUS)
    }

    /// Deletes what a crash left half written, and what workers left behind.
    fn sweep(&self) -> Result<(), StoreError> {
        for part in ["", SLOTS, CHALLENGES, PAYLOADS, MANIFESTS] {
            for path in self.list_all(part)? {
                if atomic::is_half_written(&path) {
                    fs::remove_file(&path).map_err(|error| StoreError::write(&self.dir, error))?;
                }
            }
        }
        let scratch = self.scratch();
        fs::remove_dir_all(&scratch)
            .and_then(|()| fs::create_dir(&scratch))
            .map_err(|e| StoreError::write(&self.dir, e))
    }

    fn list(&self, part: &str) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = self.list_all(part)?;
        paths.retain(|path| path.is_file() && !atomic::is_half_written(path));
        paths.sort_unstable();
        Ok(paths)
    }

    fn list_all(&self, part: &str) -> Result<Vec<PathBuf>, StoreError> {
        let entries = fs::read_dir(self.dir.join(part)).map_err(|error| StoreError::read(&self.dir, error))?;
        entries.map(|entry| entry.map(|it| it.path()).map_err(|error| StoreError::read(&self.dir, error))).collect()
    }

    fn remove_others(&self, part: &str, keep: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        for path in self.list(part)? {
            if !path.file_name().and_then(|name| name.to_str()).is_some_and(&keep) {
                fs::remove_file(&path).map_err(|error| StoreError::write(&self.dir, error))?;
            }
        }
        Ok(())
    }

    fn remove(&self, part: &str, name: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.dir.join(part).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::write(&self.dir, error)),
            _ => Ok(()),
        }
    }

    fn write(&self, part: &str, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let dir = self.dir.join(part);
        atomic::write(&dir, name, bytes, atomic::Sync::Yes).map_err(|error| StoreError::write(&self.dir, error))
    }

    fn write_json(&self, part: &str, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(value).map_err(|error| StoreError::write(&self.dir, error.into()))?;
        self.write(part, name, &bytes)
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| StoreError::Damaged { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::read(&self.dir, error)),
        }
    }
}

/// A `status` beside us holds the lock for an instant, so one refusal proves nothing.
fn take_lock(lock: &File, dir: &Path) -> Result<(), StoreError> {
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_AGAIN),
            Err(fs::TryLockError::Error(error)) => return Err(StoreError::write(dir, error)),
        }
    }
    Err(StoreError::Locked { dir: dir.to_owned() })
}

fn slot_name(place: Place) -> String {
    format!("{}-{}-{}.json", place.batch, place.lot, place.round)
}

fn challenge_name(batch: BatchId, lot: LotId) -> String {
    format!("{}.json", lot_name(batch, lot))
}

fn manifest_name(batch: BatchId, first_item: u32) -> String {
    if first_item == 0 { batch.to_string() } else { format!("{batch}-{first_item}") }
}

fn segments_name(batch: BatchId) -> String {
    format!("{batch}.segments")
}

fn lot_name(batch: BatchId, lot: LotId) -> String {
    format!("{batch}-{lot}")
}
