//! How a line is paid once: the memo by which the journal shows that it was, and the number under which it can be.
//!
//! A line's first number is `1000 × the epoch's end + line`, its next ones each 2^20 ms later. Whoever pays it takes the first
//! number that its key may still execute. A key executes a number once, and never again one that it refused for good: so of two
//! runs that know the same, one pays, and a run that takes a later number has seen the key past the earlier ones, and by the
//! journal at that block whether they paid.

use std::{fmt, str::FromStr};

use piecework_interface::{
    key::{DEADLINE_MAX_S, IntentKey},
    keys::NUMBERS_MAX,
};

use crate::calendar::EpochNo;

/// Lines of a report at most, and milliseconds between two numbers of a line.
pub const LINES_MAX: u64 = 1 << 20;
/// What a memo begins with.
const WORD: &str = "piecework-revenue";

/// The memo of a payment: the policy's digest, the epoch and the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memo {
    /// Digest of the policy.
    pub policy: [u8; 32],
    /// Epoch.
    pub epoch: EpochNo,
    /// Line of its report.
    pub line: u32,
}

impl fmt::Display for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{WORD} {} {} {}", hex::encode(self.policy), self.epoch, self.line)
    }
}

/// A text that is no payment's memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the memo of a payment")]
pub struct MemoError;

impl FromStr for Memo {
    type Err = MemoError;

    fn from_str(text: &str) -> Result<Self, MemoError> {
        let parts: Vec<&str> = text.split(' ').collect();
        let &[WORD, digest, epoch, line] = parts.as_slice() else { return Err(MemoError) };
        let mut policy = [0; 32];
        hex::decode_to_slice(digest, &mut policy).map_err(|_| MemoError)?;
        let (epoch, line) = (epoch.parse().map_err(|_| MemoError)?, line.parse().map_err(|_| MemoError)?);
        Ok(Self { policy, epoch: EpochNo(epoch), line })
    }
}

/// The first number of a line that its key still takes at `now_s`; `None` if all up to a day ahead are gone.
#[must_use]
pub fn number(key: &IntentKey, epoch_ends_at: u64, line: u32, now_s: u32) -> Option<u64> {
    let latest = (u64::from(now_s) + u64::from(DEADLINE_MAX_S)) * 1_000;
    let first = epoch_ends_at.checked_mul(1_000)?.checked_add(u64::from(line))?;
    // A key that remembers as many as it can takes none below its lowest.
    let forgets = key.numbers.len() >= NUMBERS_MAX;
    let lowest = key.numbers.first().filter(|_| forgets).copied().unwrap_or_default();
    (lowest.saturating_sub(first) / LINES_MAX..)
        .map_while(|attempt| first.checked_add(attempt.checked_mul(LINES_MAX)?))
        .take_while(|number| *number <= latest)
        .find(|number| key.takes(*number, now_s))
}
