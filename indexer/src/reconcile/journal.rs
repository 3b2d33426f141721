//! The journal's head, from the stored lines.

use piecework_interface::{host::sha256, journal::next_head};
use piecework_store::{PgConnection, StoreError, journal::line_list};

/// Lines per read.
const PAGE: u16 = 1_000;

/// A place in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalPoint {
    /// Number of the next line.
    pub seq: u64,
    /// Head over the lines before it.
    pub head: [u8; 32],
}

/// Hashes the stored lines from a place on; a gap ends it, and the head then differs from the contract's.
pub(super) async fn hash_lines(conn: &mut PgConnection, from: JournalPoint) -> Result<(JournalPoint, u64), StoreError> {
    let mut point = from;
    loop {
        let lines = line_list(conn, point.seq, PAGE).await?;
        let full = lines.len() == usize::from(PAGE);
        for line in lines {
            if line.seq != point.seq {
                return Ok((point, point.seq - from.seq));
            }
            point = JournalPoint { seq: point.seq + 1, head: next_head(sha256, &point.head, &line.line) };
        }
        if !full {
            return Ok((point, point.seq - from.seq));
        }
    }
}
