//! Snapshots: the finished files of a moment under a name, as hard links where the file system has them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use near_primitives::types::BlockHeight;
use serde::Serialize;

use super::{Layout, StoreError, failed, if_there};

/// One snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: String,
    /// The newest block in it.
    pub block_height: BlockHeight,
    /// When it was made, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Size of its files. Those that the running chain still has take no further space.
    pub bytes: u64,
}

/// The snapshots of one chain.
pub struct Snapshots<'a> {
    layout: &'a Layout,
}

impl<'a> Snapshots<'a> {
    /// The snapshots below the chain's directory.
    pub fn new(layout: &'a Layout) -> Self {
        Self { layout }
    }

    /// All of them by name.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        let dir = self.layout.snapshots();
        let Ok(entries) = fs::read_dir(&dir) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed(&dir))?;
            if let Some(name) = entry.file_name().to_str().filter(|name| check_name(name).is_ok()) {
                found.push(self.info(name)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Whether a snapshot of this name could be made.
    ///
    /// # Errors
    /// If the name is taken or unusable.
    pub fn check_free(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        if self.layout.snapshots().join(name).exists() {
            return Err(StoreError::SnapshotExists(name.to_owned()));
        }
        Ok(())
    }

    /// Keeps all files of the chain but the log that is being written.
    pub(super) fn save(&self, name: &str, current_log: &Path) -> Result<SnapshotInfo, StoreError> {
        self.check_free(name)?;
        let (dir, unfinished) = (self.layout.snapshots().join(name), self.layout.snapshots().join(format!("~{name}")));
        remove_dir(&unfinished)?;
        link_files(&self.layout.data(), &unfinished, Some(current_log))?;
        fs::rename(&unfinished, &dir).map_err(failed(&dir))?;
        self.info(name)
    }

    /// Puts the snapshot's files in the chain's place. Nobody may be writing these.
    pub(super) fn restore(&self, name: &str) -> Result<(), StoreError> {
        let restoring = self.layout.restoring();
        remove_dir(&restoring)?;
        link_files(&self.existing(name)?, &restoring, None)?;
        // A process that ends in between leaves either the old directory or the new one to be found.
        let (data, replaced) = (self.layout.data(), self.layout.replaced());
        remove_dir(&replaced)?;
        fs::rename(&data, &replaced).map_err(failed(&data))?;
        fs::rename(&restoring, &data).map_err(failed(&data))?;
        remove_dir(&replaced)
    }

    /// The directory of a snapshot that exists.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn existing(&self, name: &str) -> Result<PathBuf, StoreError> {
        check_name(name)?;
        let dir = self.layout.snapshots().join(name);
        if dir.is_dir() { Ok(dir) } else { Err(StoreError::UnknownSnapshot(name.to_owned())) }
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// If there is none of that name, or it cannot be removed.
    pub fn delete(&self, name: &str) -> Result<(), StoreError> {
        remove_dir(&self.existing(name)?)
    }

    fn info(&self, name: &str) -> Result<SnapshotInfo, StoreError> {
        let dir = self.layout.snapshots().join(name);
        let mut info = SnapshotInfo { name: name.to_owned(), block_height: 0, created_ms: 0, bytes: 0 };
        for entry in fs::read_dir(&dir).map_err(failed(&dir))? {
            let entry = entry.map_err(failed(&dir))?;
            let (path, metadata) = (entry.path(), entry.metadata().map_err(failed(&dir))?);
            info.bytes += metadata.len();
            let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            if path.extension().is_some_and(|extension| extension == "state")
                && let Some(height) = first.and_then(|first| first.checked_sub(1))
            {
                info.block_height = info.block_height.max(height);
            }
        }
        let created = fs::metadata(&dir).and_then(|metadata| metadata.modified()).map_err(failed(&dir))?;
        let since_epoch = created.duration_since(UNIX_EPOCH).unwrap_or_default();
        info.created_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Ok(info)
    }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(usable) {
        return Err(StoreError::SnapshotName(name.to_owned()));
    }
    Ok(())
}

fn link_files(from: &Path, to: &Path, but: Option<&Path>) -> Result<(), StoreError> {
    fs::create_dir_all(to).map_err(failed(to))?;
    for entry in fs::read_dir(from).map_err(failed(from))? {
        let path = entry.map_err(failed(from))?.path();
        let kept = path.extension().is_some_and(|extension| extension != "unfinished");
        let Some(name) = path.file_name().filter(|_| kept && but != Some(path.as_path())) else { continue };
        let target = to.join(name);
        fs::hard_link(&path, &target).or_else(|_| fs::copy(&path, &target).map(|_| ())).map_err(failed(&target))?;
    }
    Ok(())
}

fn remove_dir(dir: &Path) -> Result<(), StoreError> {
    if_there(fs::remove_dir_all(dir)).map_err(failed(dir))
}
