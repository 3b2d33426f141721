//! The manifest of a batch: all payload digests in order, concatenated. Its Merkle root stands on chain.

use piecework_interface::{host::sha256, ids::Digest, merkle};

/// What identifies a batch's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// All payload digests, in order, concatenated.
    pub bytes: Vec<u8>,
    /// Merkle root over the payload digests.
    pub root: Digest,
    /// SHA-256 of `bytes`: its blob's name.
    pub digest: Digest,
}

impl Manifest {
    /// The manifest of payloads with these digests.
    #[must_use]
    pub fn new(digests: impl IntoIterator<Item = Digest>) -> Self {
        let digests: Vec<Digest> = digests.into_iter().collect();
        let bytes = digests.concat();
        Self { root: merkle::root(sha256, &digests), digest: sha256(&bytes), bytes }
    }

    /// What the batch names as its manifest's place.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("blob:{}", hex::encode(self.digest))
    }
}

/// The digests in a manifest of `items` payloads, if it is the one with this root.
#[must_use]
pub fn check(manifest: &[u8], items: u32, root: &Digest) -> Option<Vec<Digest>> {
    let (digests, rest) = manifest.as_chunks::<32>();
    let whole = rest.is_empty() && u32::try_from(digests.len()) == Ok(items);
    (whole && merkle::root(sha256, digests) == *root).then(|| digests.to_vec())
}

/// Where a batch says that its manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A blob of the gateway's.
    Blob(Digest),
    /// An http or https URL.
    Web(String),
}

impl Place {
    /// Reads a batch's `uri`; `None` if it is of no known kind.
    #[must_use]
    pub fn of(uri: &str) -> Option<Self> {
        match uri.split_once(':')? {
            ("blob", name) => {
                let mut digest = [0; 32];
                hex::decode_to_slice(name, &mut digest).ok().map(|()| Self::Blob(digest))
            }
            ("http" | "https", _) => Some(Self::Web(uri.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests() -> [Digest; 3] {
        [b"one".as_slice(), b"two", b"three"].map(sha256)
    }

    #[test]
    fn manifest__should_give_back_the_digests_of_its_items() {
        let manifest = Manifest::new(digests());
        assert_eq!(check(&manifest.bytes, 3, &manifest.root), Some(digests().to_vec()));
        assert_eq!(manifest.uri(), format!("blob:{}", hex::encode(sha256(&manifest.bytes))));
        assert_eq!(Place::of(&manifest.uri()), Some(Place::Blob(manifest.digest)));
    }

    #[test]
    fn check__should_refuse_a_manifest_that_is_cut_swapped_or_changed() {
        // Given a manifest, and what a broken or lying gateway may make of it
        let Manifest { bytes, root, .. } = Manifest::new(digests());
        let mut changed = bytes.clone();
        changed[40] ^= 1;
        let swapped = [&bytes[32..64], &bytes[..32], &bytes[64..]].concat();

        for (bad, count) in [(&bytes[..95], 3), (&bytes[..64], 3), (&bytes[..], 2), (&changed, 3), (&swapped, 3)] {
            // When it is checked against the batch, then it is refused
            assert_eq!(check(bad, count, &root), None);
        }
    }

    #[test]
    fn place__should_be_a_blob_or_a_web_address() {
        assert_eq!(Place::of("https://a.b/c"), Some(Place::Web("https://a.b/c".to_owned())));
        for strange in ["", "blob", "blob:", "blob:../../etc/passwd", "blob:0", "file:///etc/passwd", "HTTP://a.b/c"] {
            assert_eq!(Place::of(strange), None, "{strange}");
        }
    }
}
