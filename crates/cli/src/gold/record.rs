//! Records of gold on disk: one file per tree, named after its root, which the chain tells of any open batch. Without it
//! the gold of a batch can never be opened, so it is written before anything is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use anyhow::Context as _;
use piecework_console::Problem;
use piecework_interface::ids::{BatchId, Digest};
use serde::{Deserialize, Serialize};

use super::{KnownAnswers, Tree};
use crate::items::Item;

/// Everything that opening a batch's gold needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Root of the tree.
    #[serde(with = "hex::serde")]
    pub gold_root: Digest,
    /// The batch, once it is created.
    pub batch: Option<BatchId>,
    /// Items of the batch: leaves of the tree.
    pub items: u32,
    /// The salt of item i is `sha256(secret ‖ i as u32 LE)`.
    #[serde(with = "hex::serde")]
    pub secret: [u8; 32],
    /// Known answers, hex, by the item's index in the batch.
    pub answers: BTreeMap<u32, String>,
    /// SHA-256 of each of these items' payloads, hex.
    pub payloads: BTreeMap<u32, String>,
    /// Items that were opened.
    pub opened: BTreeSet<u32>,
}

/// The directory of all records.
#[derive(Clone, Debug)]
pub struct Records {
    dir: PathBuf,
}

impl Record {
    /// The record of a batch that is not created yet.
    #[must_use]
    pub fn new(secret: [u8; 32], items: &[Item], answers: &KnownAnswers) -> Self {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let digest = |item: &u32| items.get(usize::try_from(*item).ok()?).map(|item| hex::encode(item.digest));
        Self {
            gold_root: Tree::new(&secret, count, answers).root(),
            batch: None,
            items: count,
            secret,
            answers: answers.iter().map(|(item, answer)| (*item, hex::encode(answer))).collect(),
            payloads: answers.keys().filter_map(|item| Some((*item, digest(item)?))).collect(),
            opened: BTreeSet::new(),
        }
    }

    /// The known answers.
    ///
    /// # Errors
    /// The record was changed by hand.
    pub fn known(&self) -> anyhow::Result<KnownAnswers> {
        let answers = self.answers.iter().map(|(item, answer)| Ok((*item, hex::decode(answer)?)));
        answers.collect::<anyhow::Result<_>>().context("the record of the batch's gold is damaged")
    }

    /// The tree, checked against the root.
    ///
    /// # Errors
    /// The record was changed by hand.
    pub fn tree(&self) -> anyhow::Result<Tree> {
        let tree = Tree::new(&self.secret, self.items, &self.known()?);
        anyhow::ensure!(tree.root() == self.gold_root, "the record of the batch's gold is damaged");
        Ok(tree)
    }
}

impl Records {
    /// The directory that is meant: as given, or `piecework/gold` below the user's data directory.
    ///
    /// # Errors
    /// No directory is given and there is no home directory.
    pub fn open(dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let below = |base: PathBuf| base.join("piecework").join("gold");
        let data = || env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let home = || env::home_dir().map(|home| home.join(".local").join("share"));
        let dir = dir.or_else(|| data().or_else(home).map(below));
        let none =
            || Problem::new("there is no place for the record of the gold", "pass --gold-dir DIR, and keep it safe");
        Ok(Self { dir: dir.ok_or_else(none)? })
    }

    /// Where a record is.
    #[must_use]
    pub fn path(&self, gold_root: &Digest) -> PathBuf {
        self.dir.join(hex::encode(gold_root)).with_extension("json")
    }

    /// Writes a record: beside its place, synced and renamed, readable by its owner alone.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn put(&self, record: &Record) -> anyhow::Result<()> {
        let path = self.path(&record.gold_root);
        let write = || {
            fs::create_dir_all(&self.dir)?;
            let beside = path.with_extension("new");
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.sync_all()?;
            fs::rename(beside, &path)
        };
        write().with_context(|| {
            Problem::new(format!("{} cannot be written", path.display()), "make room there, or pass --gold-dir DIR")
        })
    }

    /// The record of a tree; `None` if there is none here.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn get(&self, gold_root: &Digest) -> anyhow::Result<Option<Record>> {
        let path = self.path(gold_root);
        match fs::read(&path) {
            Ok(bytes) => {
                let record = serde_json::from_slice(&bytes);
                Ok(Some(record.with_context(|| format!("{} is damaged", path.display()))?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// SHA-256 of the payloads of all items that were opened as gold in any batch of these records, hex, with the batch.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn opened(&self) -> anyhow::Result<BTreeMap<String, Option<BatchId>>> {
        let mut opened = BTreeMap::new();
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|file| file.path());
        for path in files.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let record: Record = fs::read(&path)
                .map_err(anyhow::Error::from)
                .and_then(|bytes| Ok(serde_json::from_slice(&bytes)?))
                .with_context(|| format!("{} cannot be read", path.display()))?;
            opened.extend(
                record.opened.iter().filter_map(|item| Some((record.payloads.get(item)?.clone(), record.batch))),
            );
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::host::sha256;

    use super::*;

    fn record() -> Record {
        let items: Vec<Item> =
            [b"one", b"two"].map(|text| Item { payload: text.to_vec(), digest: sha256(text) }).to_vec();
        Record::new([3; 32], &items, &[(1, vec![4])].into())
    }

    #[test]
    fn records__should_give_back_what_an_opening_needs() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(Some(dir.path().join("gold"))).unwrap();
        let record = record();
        records.put(&record).unwrap();
        let found = records.get(&record.tree().unwrap().root()).unwrap().unwrap();
        assert_eq!(found, record);
        assert_eq!(records.get(&[0; 32]).unwrap(), None);
    }

    #[test]
    fn records__should_know_payloads_that_were_opened() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(Some(dir.path().to_owned())).unwrap();
        records.put(&record()).unwrap();
        assert!(records.opened().unwrap().is_empty());
        records.put(&Record { opened: [1].into(), batch: Some(BatchId(5)), ..record() }).unwrap();
        assert_eq!(records.opened().unwrap(), [(hex::encode(sha256(b"two")), Some(BatchId(5)))].into());
    }

    #[test]
    fn tree__should_refuse_a_record_that_was_changed() {
        let mut record = record();
        record.answers.insert(1, "05".to_owned());
        assert!(record.tree().is_err());
    }
}
