//! Documents of which the contract keeps the SHA-256, and the gateway the bytes: reports and evidence.

use std::path::Path;

use piecework_interface::{host::sha256, ids::Digest};

use crate::{context::Context, files};

/// Uploads a document, if a gateway is known: its digest.
pub(super) async fn publish(context: &Context, bytes: &[u8]) -> anyhow::Result<Digest> {
    let digest = sha256(bytes);
    if context.network.gateway_url.is_some() {
        context.gateway()?.put_blob(&digest, bytes).await?;
    } else {
        context.output.note("no gateway is known, so nothing was uploaded: publish the file yourself");
    }
    Ok(digest)
}

/// What `--evidence` names: a digest in hex as it is, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// SHA-256 of what is published elsewhere.
    Digest(Digest),
    /// The bytes of a file.
    File(Vec<u8>),
}

impl Evidence {
    /// Reads what is named. Nothing is sent.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let mut digest = [0; 32];
        if hex::decode_to_slice(text, &mut digest).is_ok() {
            return Ok(Self::Digest(digest));
        }
        let fix = "pass a file, or the 64 hex digits of a SHA-256";
        Ok(Self::File(files::read(Path::new(text), fix)?))
    }

    /// Its digest; a file is uploaded.
    pub(super) async fn publish(&self, context: &Context) -> anyhow::Result<Digest> {
        match self {
            Self::Digest(digest) => Ok(*digest),
            Self::File(bytes) => publish(context, bytes).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;

    #[test]
    fn evidence__should_be_a_digest_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evidence.md");
        std::fs::write(&path, "see").unwrap();
        let of = |text: &str| Evidence::read(text);
        assert_eq!(of(&"ab".repeat(32)).unwrap(), Evidence::Digest([0xab; 32]));
        assert_eq!(of(path.to_str().unwrap()).unwrap(), Evidence::File(b"see".to_vec()));
        let error = of(&"ab".repeat(31)).unwrap_err();
        assert!(fix_of(&error).unwrap().contains("64 hex digits"), "{error}");
    }
}
