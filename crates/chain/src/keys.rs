//! Key files in the form near-cli writes: `{"account_id", "public_key", "private_key"}`.

use crate::{AccountId, PublicKey, SecretKey};
use near_crypto::{KeyType, Signature};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// An account's access key with its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyFile {
    /// The account the key belongs to.
    pub account_id: AccountId,
    /// The public half.
    pub public_key: PublicKey,
    /// The secret half. neard calls it `secret_key`.
    #[serde(rename = "private_key", alias = "secret_key")]
    secret_key: SecretKey,
}

/// Who may be able to read a key file that we accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileAccess {
    /// The owner only.
    #[default]
    OwnerOnly,
    /// Anyone; for mounts that cannot carry permissions.
    Any,
}

/// What is wrong with a key or its file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("key file {} cannot be {verb}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// "read" or "written".
        verb: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Others can read the secret.
    #[error("key file {} is readable by others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key file. The text of the file is never quoted.
    #[error("{} is not a key file (line {line}, column {column}); it must be JSON with account_id, public_key, private_key", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// The halves do not belong together.
    #[error("key file {} is damaged: its public key is not that of its private key; export the key again", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
    },
    /// No key was given.
    #[error("no access key is given for {0}; pass at least one key file")]
    NoKey(AccountId),
    /// The key is not on the account.
    #[error(
        "key {public_key} is not an access key of {account_id} on this network; add it, or check the account and the network"
    )]
    NotOnAccount {
        /// The account.
        account_id: AccountId,
        /// The key.
        public_key: PublicKey,
    },
    /// The chain could not be asked.
    #[error(transparent)]
    View(#[from] crate::ViewError),
}

impl KeyFile {
    /// Reads a key file that only its owner can read.
    ///
    /// # Errors
    /// If it cannot be read, is exposed, malformed or inconsistent.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        Self::read_with(path, FileAccess::OwnerOnly)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// As [`KeyFile::read`].
    pub fn read_with(path: impl AsRef<Path>, access: FileAccess) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let io = |source| KeyError::Io { path: path.to_owned(), verb: "read", source };
        let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if access == FileAccess::OwnerOnly && mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let text = fs::read(path).map_err(io)?;
        let file: Self = serde_json::from_slice(&text).map_err(|error| KeyError::Malformed {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })?;
        if file.secret_key.public_key() != file.public_key {
            return Err(KeyError::Mismatch { path: path.to_owned() });
        }
        Ok(file)
    }

    /// A new random ed25519 key for an account.
    pub fn generate(account_id: AccountId) -> Self {
        Self::from_secret(account_id, SecretKey::from_random(KeyType::ED25519))
    }

    /// A key file for a secret already held.
    pub fn from_secret(account_id: AccountId, secret_key: SecretKey) -> Self {
        Self { account_id, public_key: secret_key.public_key(), secret_key }
    }

    /// The secret half.
    pub fn secret_key(&self) -> &SecretKey {
        &self.secret_key
    }

    /// The public half and a signature over bytes, of an ed25519 key.
    pub fn sign_ed25519(&self, bytes: &[u8]) -> Option<([u8; 32], [u8; 64])> {
        match (&self.public_key, self.secret_key.sign(bytes)) {
            (PublicKey::ED25519(key), Signature::ED25519(signature)) => Some((key.0, signature.to_bytes())),
            _ => None,
        }
    }

    /// Writes the file, readable by its owner only. An existing file is never overwritten, since it may hold the only
    /// copy of a key.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), KeyError> {
        let path = path.as_ref();
        let io = |source| KeyError::Io { path: path.to_owned(), verb: "written", source };
        let text = serde_json::to_string_pretty(self).map_err(|error| io(error.into()))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("account_id", &self.account_id)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, PathBuf, KeyFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.json");
        let key = KeyFile::generate("node.test".parse().unwrap());
        key.write(&path).unwrap();
        (dir, path, key)
    }

    #[test]
    fn key_file__should_read_what_it_wrote() {
        let (_dir, path, key) = written();
        let read = KeyFile::read(&path).unwrap();
        assert_eq!((read.account_id, read.public_key), (key.account_id, key.public_key));
        assert!(fs::read_to_string(&path).unwrap().contains("\"private_key\""));
    }

    #[test]
    fn key_file__should_read_neards_field_name() {
        let (_dir, path, _) = written();
        let text = fs::read_to_string(&path).unwrap().replace("private_key", "secret_key");
        fs::write(&path, text).unwrap();
        KeyFile::read(&path).unwrap();
    }

    #[test]
    fn key_file__should_refuse_a_file_others_can_read_unless_told() {
        let (_dir, path, _) = written();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = KeyFile::read(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        KeyFile::read_with(&path, FileAccess::Any).unwrap();
    }

    #[test]
    fn key_file__should_not_overwrite_a_key() {
        let (_dir, path, key) = written();
        assert!(matches!(key.write(&path), Err(KeyError::Io { verb: "written", .. })));
    }

    #[test]
    fn key_file__should_refuse_halves_of_two_keys() {
        let (_dir, path, key) = written();
        let other = KeyFile::generate(key.account_id.clone());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(&key.public_key.to_string(), &other.public_key.to_string())).unwrap();
        assert!(matches!(KeyFile::read(&path), Err(KeyError::Mismatch { .. })));
    }

    #[test]
    fn key_file__should_not_quote_a_malformed_file() {
        let (_dir, path, key) = written();
        let secret = key.secret_key().to_string();
        fs::write(&path, format!("{{\"private_key\": \"{secret}x\"}}")).unwrap();
        let error = KeyFile::read(&path).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&secret), "{error:?}");
    }
}
