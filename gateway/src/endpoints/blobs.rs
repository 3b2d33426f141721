//! Content-addressed blobs: payloads and manifests.

pub mod get;
pub mod put;

use crate::{blobs::Digest, problem::Problem};

fn digest(text: &str) -> Result<Digest, Problem> {
    text.parse().map_err(|rule| Problem::bad_request(format!("{rule}, not `{}`", shorten(text))))
}

/// What a caller sent, short enough to be sent back.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
