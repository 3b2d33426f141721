//! The hash chain over log lines: with one view of the root a mirror proves that it missed and invented nothing.

use crate::Sha256;

/// `sha256(head ‖ line)`.
#[must_use]
pub fn next_head(sha256: Sha256, head: &[u8; 32], line: &str) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(32 + line.len());
    bytes.extend(head);
    bytes.extend(line.as_bytes());
    sha256(&bytes)
}
