//! Uploading a batch's payloads and its manifest, with resume: what the gateway has is not sent again.

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use piecework_console::Problem;
use piecework_interface::{host::sha256, merkle};

use crate::{gateway::Gateway, items::Item};

/// Requests under way at once.
const IN_FLIGHT: usize = 16;
/// Payloads from this size on are asked for before they are sent; for smaller ones the question costs as much.
const ASK_FROM: usize = 8 << 10;

/// What identifies a batch's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// All payload digests, in order, concatenated.
    pub bytes: Vec<u8>,
    /// Merkle root over the payload digests.
    pub root: [u8; 32],
    /// SHA-256 of `bytes`: its blob's name.
    pub digest: [u8; 32],
}

impl Manifest {
    /// The manifest of these items.
    #[must_use]
    pub fn new(items: &[Item]) -> Self {
        let digests: Vec<[u8; 32]> = items.iter().map(|item| item.digest).collect();
        let bytes = digests.concat();
        Self { root: merkle::root(sha256, &digests), digest: sha256(&bytes), bytes }
    }

    /// What the batch names as its manifest's place.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("blob:{}", hex::encode(self.digest))
    }

    /// Reads a manifest blob back and checks it against a batch.
    ///
    /// # Errors
    /// If it is not the manifest of that batch.
    pub fn check(bytes: &[u8], items: u32, root: &[u8; 32]) -> anyhow::Result<Vec<[u8; 32]>> {
        let (digests, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && u32::try_from(digests.len()) == Ok(items);
        if !fits || merkle::root(sha256, digests) != *root {
            return Err(Problem::new(
                "the manifest on the gateway is not the batch's",
                "ask another gateway, or the requester, for the manifest",
            )
            .into());
        }
        Ok(digests.to_vec())
    }
}

/// Sends every payload and the manifest, then reads the manifest back.
///
/// # Errors
/// If the gateway cannot be reached, refuses, or does not hold what was sent. Calling it again resumes.
pub async fn upload(gateway: &Gateway, items: &[Item], manifest: &Manifest, bar: &ProgressBar) -> anyhow::Result<()> {
    stream::iter(items.iter().map(Ok::<_, anyhow::Error>))
        .try_for_each_concurrent(IN_FLIGHT, |item| async move {
            send(gateway, &item.digest, &item.payload).await?;
            bar.inc(1);
            Ok(())
        })
        .await
        .context("the upload is not complete; nothing is paid yet, and the same command resumes it")?;
    send(gateway, &manifest.digest, &manifest.bytes).await?;
    let held = gateway.blob(&manifest.digest).await?.unwrap_or_default();
    if held != manifest.bytes {
        return Err(Problem::new(
            "the gateway does not hold the manifest it was sent",
            "check the gateway's disk and log",
        )
        .into());
    }
    verify(gateway, items).await
}

/// Every payload is asked for once more, so that no batch is paid for that nobody can work on.
async fn verify(gateway: &Gateway, items: &[Item]) -> anyhow::Result<()> {
    let missing: Vec<bool> = stream::iter(items)
        .map(|item| async move { gateway.has_blob(&item.digest).await.map(|held| !held) })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    match missing.iter().filter(|missing| **missing).count() {
        0 => Ok(()),
        count => Err(Problem::new(
            format!("the gateway lost {count} of {} payloads", items.len()),
            "check the gateway's disk and log, then run the same command again",
        )
        .into()),
    }
}

async fn send(gateway: &Gateway, digest: &[u8; 32], bytes: &[u8]) -> anyhow::Result<()> {
    if bytes.len() >= ASK_FROM && gateway.has_blob(digest).await? {
        return Ok(());
    }
    gateway.put_blob(digest, bytes).await
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use piecework_console::fix_of;

    use super::*;
    fn items() -> Vec<Item> {
        let payloads = [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
        payloads.into_iter().map(|payload| Item { digest: sha256(&payload), payload }).collect()
    }

    #[test]
    fn manifest__should_give_back_the_digests_of_its_items() {
        let manifest = Manifest::new(&items());
        let digests = Manifest::check(&manifest.bytes, 3, &manifest.root).unwrap();
        assert_eq!(digests, items().iter().map(|item| item.digest).collect::<Vec<_>>());
        assert_eq!(manifest.uri(), format!("blob:{}", hex::encode(sha256(&manifest.bytes))));
    }

    #[test]
    fn manifest__should_be_refused_when_cut_swapped_or_changed() {
        // Given a manifest, and what a broken or lying gateway may make of it
        let Manifest { bytes, root, .. } = Manifest::new(&items());
        let mut changed = bytes.clone();
        changed[40] ^= 1;
        let swapped = [&bytes[32..64], &bytes[..32], &bytes[64..]].concat();

        for (bad, count) in [(&bytes[..95], 3), (&bytes[..64], 3), (&bytes[..], 2), (&changed, 3), (&swapped, 3)] {
            // When it is checked against the batch
            let error = Manifest::check(bad, count, &root).unwrap_err();

            // Then it is refused, with what to do
            assert!(error.to_string().contains("is not the batch's"), "{error}");
            assert!(fix_of(&error).unwrap().contains("another gateway"));
        }
    }
}
