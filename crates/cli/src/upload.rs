//! Uploading a batch's payloads and its manifest, with resume: what the gateway has is not sent again.

use anyhow::{Context as _, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use piecework_api::{Manifest, client::Client};
use piecework_console::Problem;

use crate::items::Item;

/// Requests under way at once.
const IN_FLIGHT: usize = 16;
/// Payloads from this size on are asked for before they are sent; for smaller ones the question costs as much.
const ASK_FROM: usize = 8 << 10;

/// Sends every payload and the manifest, then reads the manifest back.
///
/// # Errors
/// If the gateway cannot be reached, refuses, or does not hold what was sent. Calling it again resumes.
pub async fn upload(gateway: &Client, items: &[Item], manifest: &Manifest, bar: &ProgressBar) -> anyhow::Result<()> {
    stream::iter(items.iter().map(Ok::<_, anyhow::Error>))
        .try_for_each_concurrent(IN_FLIGHT, |item| async move {
            send(gateway, &item.digest, &item.payload).await?;
            bar.inc(1);
            Ok(())
        })
        .await
        .context("the upload is not complete; nothing is paid yet, and the same command resumes it")?;
    send(gateway, &manifest.digest, &manifest.bytes).await?;
    if gateway.blob(&manifest.digest, u64::MAX).await?.is_none() {
        bail!(Problem::new("the gateway does not hold the manifest it was sent", "check the gateway's disk and log"));
    }
    verify(gateway, items).await
}

/// Every payload is asked for once more, so that no batch is paid for that nobody can work on.
async fn verify(gateway: &Client, items: &[Item]) -> anyhow::Result<()> {
    let held = stream::iter(items).map(|item| gateway.has_blob(&item.digest)).buffer_unordered(IN_FLIGHT);
    match held.try_fold(0, async |lost, held| Ok(lost + usize::from(!held))).await? {
        0 => Ok(()),
        count => bail!(Problem::new(
            format!("the gateway lost {count} of {} payloads", items.len()),
            "check the gateway's disk and log, then run the same command again",
        )),
    }
}

async fn send(gateway: &Client, digest: &[u8; 32], bytes: &[u8]) -> anyhow::Result<()> {
    if bytes.len() >= ASK_FROM && gateway.has_blob(digest).await? {
        return Ok(());
    }
    Ok(gateway.put_blob(digest, bytes).await?)
}
