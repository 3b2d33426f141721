//! Content-addressed blobs on the gateway's disk: `<dir>/<first two hex digits>/<sha256>`.
//!
//! A blob appears under its name only when all its bytes are on disk and match the name, so whatever can be read is
//! whole, also after a crash.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};

/// The SHA-256 of a blob, 64 hex digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl From<piecework_interface::ids::Digest> for Digest {
    fn from(bytes: piecework_interface::ids::Digest) -> Self {
        Self(bytes)
    }
}

impl core::str::FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => Ok(Self(bytes)),
            _ => Err("a digest is 64 hex digits in lower case"),
        }
    }
}

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The blob is new.
    Created,
    /// It was there already.
    Present,
}

/// Why a put failed. Nothing of the blob is left.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The body is longer than the limit.
    #[error("the blob is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The bytes have another digest.
    #[error("the bytes have the digest {actual}, not {expected}")]
    Mismatch {
        /// Digest of what came.
        actual: Digest,
        /// Digest in the path.
        expected: Digest,
    },
    /// The disk, or the account's quota on it, is full.
    #[error("no space is left under {dir}")]
    DiskFull {
        /// The blob directory.
        dir: PathBuf,
    },
    /// The body broke off.
    #[error("the body broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another failure of the disk.
    #[error("the blob cannot be written under {dir}")]
    Io {
        /// The blob directory.
        dir: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// The blobs of one directory.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: PathBuf,
    max_bytes: u64,
}

impl Blobs {
    /// Opens a directory, creating it if needed, and removes what a crash left of unfinished puts.
    ///
    /// # Errors
    /// The directory cannot be created or read.
    pub async fn open(dir: PathBuf, max_bytes: u64) -> io::Result<Self> {
        let staging = dir.join(STAGING);
        match fs::remove_dir_all(&staging).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&staging).await?,
        }
        Ok(Self { dir, max_bytes })
    }

    /// Bytes of a blob at most.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The path of a blob if it is there.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub async fn get(&self, digest: Digest) -> io::Result<Option<PathBuf>> {
        let path = self.path(digest);
        Ok(fs::try_exists(&path).await?.then_some(path))
    }

    /// Stores the bytes of a body under their digest.
    ///
    /// # Errors
    /// See [`PutError`].
    pub async fn put<S, E>(&self, digest: Digest, body: S) -> Result<Put, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let staged = Staged::new(self.dir.join(STAGING).join(format!("{digest}.{}", unique())));
        let actual = self.receive(&staged.0, body).await?;
        if actual != digest {
            return Err(PutError::Mismatch { actual, expected: digest });
        }
        let path = self.path(digest);
        // Checked only now, so that a put answers "present" only for bytes that were really sent.
        if fs::try_exists(&path).await.map_err(|error| self.failed(error))? {
            return Ok(Put::Present);
        }
        let shard = self.shard(digest);
        let publish = async {
            fs::create_dir_all(&shard).await?;
            fs::rename(&staged.0, &path).await?;
            sync_dir(&shard).await?;
            sync_dir(&self.dir).await
        };
        publish.await.map_err(|error| self.failed(error))?;
        Ok(Put::Created)
    }

    /// The path of a file beside the blobs, which [`Blobs::write_beside`] writes.
    #[must_use]
    pub fn beside(&self, folder: &str, name: &str) -> PathBuf {
        self.dir.join(folder).join(name)
    }

    /// Writes a file beside the blobs, whole or not at all, over the one that was there.
    ///
    /// # Errors
    /// [`PutError::DiskFull`] or [`PutError::Io`].
    pub async fn write_beside(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), PutError> {
        let staged = Staged::new(self.dir.join(STAGING).join(format!("{name}.{}", unique())));
        let publish = async {
            let mut file = File::create_new(&staged.0).await?;
            file.write_all(bytes).await?;
            file.flush().await?;
            file.sync_all().await?;
            let folder = self.dir.join(folder);
            fs::create_dir_all(&folder).await?;
            fs::rename(&staged.0, folder.join(name)).await?;
            sync_dir(&folder).await?;
            sync_dir(&self.dir).await
        };
        publish.await.map_err(|error| self.failed(error))
    }

    /// A failure to read or write under the directory.
    pub(crate) fn failed(&self, source: io::Error) -> PutError {
        let dir = self.dir.clone();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PutError::DiskFull { dir },
            _ => PutError::Io { dir, source },
        }
    }

    async fn receive<S, E>(&self, staged: &Path, mut body: S) -> Result<Digest, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut file = File::create_new(staged).await.map_err(|error| self.failed(error))?;
        let mut hasher = Sha256::new();
        let mut left = self.max_bytes;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| PutError::Body(error.into()))?;
            left = u64::try_from(chunk.len())
                .ok()
                .and_then(|length| left.checked_sub(length))
                .ok_or(PutError::TooLarge { max_bytes: self.max_bytes })?;
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(|error| self.failed(error))?;
        }
        file.flush().await.map_err(|error| self.failed(error))?;
        file.sync_all().await.map_err(|error| self.failed(error))?;
        Ok(Digest(hasher.finalize().into()))
    }

    fn shard(&self, digest: Digest) -> PathBuf {
        self.dir.join(hex::encode(&digest.0[..1]))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.shard(digest).join(digest.to_string())
    }
}

/// Directory of unfinished puts, beside the shards so that a rename never crosses file systems.
const STAGING: &str = "staging";

/// A file that is removed unless it was renamed away: a put that fails or whose client goes away leaves nothing.
struct Staged(PathBuf);

impl Staged {
    const fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "unfinished blob left behind");
        }
    }
}

/// A name no other put of this process has; other processes have other directories.
fn unique() -> u64 {
    static NEXT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, core::sync::atomic::Ordering::Relaxed)
}

/// Makes a rename durable.
async fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir).await?.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: &[&'static [u8]]) -> impl Stream<Item = io::Result<Bytes>> + Unpin + use<> {
        futures_util::stream::iter(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect::<Vec<_>>())
    }

    fn digest(bytes: &[u8]) -> Digest {
        Digest::of(bytes)
    }

    fn staged(blobs: &Blobs) -> usize {
        std::fs::read_dir(blobs.dir.join(STAGING)).unwrap().count()
    }

    #[tokio::test]
    async fn put__should_store_what_matches_and_answer_present_the_second_time() {
        // Given an empty directory
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs"), 100).await.unwrap();

        // When the same bytes are put twice, in different chunks
        let first = blobs.put(digest(b"hello"), body(&[b"hel", b"lo"])).await.unwrap();
        let second = blobs.put(digest(b"hello"), body(&[b"hello"])).await.unwrap();

        // Then they are there once and nothing is left unfinished
        assert_eq!((first, second), (Put::Created, Put::Present));
        let path = blobs.get(digest(b"hello")).await.unwrap().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"hello");
        assert_eq!(staged(&blobs), 0);
    }

    #[tokio::test]
    async fn put__should_leave_nothing_of_a_blob_that_is_too_large_wrong_or_broken() {
        // Given a directory with a limit of four bytes
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().to_owned(), 4).await.unwrap();

        // When puts fail in three ways
        let large = blobs.put(digest(b"hello"), body(&[b"hel", b"lo"])).await.unwrap_err();
        let wrong = blobs.put(digest(b"abc"), body(&[b"abd"])).await.unwrap_err();
        let breaks = futures_util::stream::iter([Ok(Bytes::from_static(b"ab")), Err(io::Error::other("gone"))]);
        let broken = blobs.put(digest(b"abc"), breaks).await.unwrap_err();

        // Then each says why, and neither blob nor temporary file exists
        assert!(matches!(large, PutError::TooLarge { max_bytes: 4 }), "{large}");
        assert!(matches!(wrong, PutError::Mismatch { .. }), "{wrong}");
        assert!(matches!(broken, PutError::Body(_)), "{broken}");
        assert_eq!(blobs.get(digest(b"abc")).await.unwrap(), None);
        assert_eq!(staged(&blobs), 0);
    }

    #[tokio::test]
    async fn open__should_remove_what_a_crash_left_unfinished() {
        // Given a temporary file of a put that never ended
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(STAGING)).unwrap();
        std::fs::write(dir.path().join(STAGING).join("half"), b"ha").unwrap();

        // When the directory is opened again
        let blobs = Blobs::open(dir.path().to_owned(), 4).await.unwrap();

        // Then the file is gone
        assert_eq!(staged(&blobs), 0);
    }

    #[tokio::test]
    async fn write_beside__should_replace_the_file_whole() {
        // Given a file beside the blobs
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().to_owned(), 4).await.unwrap();
        blobs.write_beside("gold", "0", b"old and long").await.unwrap();

        // When it is written again, then it is the new one, and no blob
        blobs.write_beside("gold", "0", b"new").await.unwrap();
        assert_eq!(std::fs::read(blobs.beside("gold", "0")).unwrap(), b"new");
        assert_eq!(blobs.get(digest(b"new")).await.unwrap(), None);
        assert_eq!(staged(&blobs), 0);
    }

    #[test]
    fn failed__should_tell_a_full_disk_from_other_failures() {
        // Given the two errors that mean no space
        let blobs = Blobs { dir: PathBuf::from("/blobs"), max_bytes: 4 };

        // When they and another are turned into put errors
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].map(|kind| blobs.failed(kind.into()));
        let other = blobs.failed(io::ErrorKind::PermissionDenied.into());

        // Then only those two are a full disk
        assert!(full.iter().all(|error| matches!(error, PutError::DiskFull { .. })));
        assert!(matches!(other, PutError::Io { .. }));
    }

    #[test]
    fn digest__should_refuse_what_is_not_64_lower_case_hex_digits() {
        let valid = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert!(valid.parse::<Digest>().is_ok());
        for invalid in [&valid[1..], &valid.to_uppercase(), "../../etc/passwd", ""] {
            assert!(invalid.parse::<Digest>().is_err(), "{invalid}");
        }
    }
}
