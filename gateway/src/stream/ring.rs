//! The last lines of the journal, in memory. Clients read it at positions of their own, so a slow client costs nothing
//! but its place, and a line is held once for all of them.

use std::{collections::VecDeque, sync::Arc};

use super::Frame;

/// Bytes kept at most, whatever the lines' size.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Consecutive lines that end with the newest.
#[derive(Debug)]
pub struct Ring {
    frames: VecDeque<Arc<Frame>>,
    /// Number of the line after the last.
    next: u64,
    bytes: usize,
    lines_max: usize,
}

/// What a reader finds at its position.
#[derive(Debug)]
pub enum Found {
    /// Lines from the position on.
    Lines(Vec<Arc<Frame>>),
    /// The position is the journal's end, or beyond what this gateway has seen.
    End,
    /// The position is older than the ring.
    Gone,
}

impl Ring {
    /// An empty ring before line `next`.
    pub const fn new(lines_max: usize, next: u64) -> Self {
        Self { frames: VecDeque::new(), next, bytes: 0, lines_max }
    }

    /// Number of the line after the last.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Lines held.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Forgets everything and continues before line `next`.
    pub fn restart(&mut self, next: u64) {
        *self = Self::new(self.lines_max, next);
    }

    /// Adds the next line; a line that is not the next is refused.
    pub fn push(&mut self, frame: Arc<Frame>) -> bool {
        if frame.seq != self.next {
            return false;
        }
        self.next += 1;
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > self.lines_max || self.bytes > BYTES_MAX {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
        true
    }

    /// Up to `limit` lines from `position` on.
    pub fn read(&self, position: u64, limit: usize) -> Found {
        if position >= self.next {
            return Found::End;
        }
        let Some(first) = self.frames.front() else { return Found::Gone };
        let Some(skip) = position.checked_sub(first.seq) else { return Found::Gone };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Found::Lines(self.frames.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(lines_max: usize, next: u64, seqs: core::ops::Range<u64>) -> Ring {
        let mut ring = Ring::new(lines_max, next);
        for seq in seqs {
            assert!(ring.push(Arc::new(Frame::for_test(seq))));
        }
        ring
    }

    #[test]
    fn read__should_give_lines_end_or_gone() {
        // Given a ring of three lines that has seen five
        let ring = ring(3, 10, 10..15);

        // When it is read at every kind of position
        let seqs = |found| match found {
            Found::Lines(lines) => lines.iter().map(|frame| frame.seq).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };

        // Then lines held are given, older ones are gone, newer ones are the end
        assert_eq!(seqs(ring.read(12, 10)), [12, 13, 14]);
        assert_eq!(seqs(ring.read(13, 1)), [13]);
        assert!(matches!(ring.read(11, 10), Found::Gone));
        assert!(matches!(ring.read(15, 10), Found::End));
        assert!(matches!(ring.read(99, 10), Found::End));
    }

    #[test]
    fn push__should_refuse_a_line_that_is_not_the_next() {
        // Given a ring that waits for line 12
        let mut ring = ring(3, 10, 10..12);

        // When lines before and after come
        let (again, jump) = (ring.push(Arc::new(Frame::for_test(11))), ring.push(Arc::new(Frame::for_test(13))));

        // Then both are refused and the ring still waits
        assert!(!again && !jump);
        assert_eq!(ring.next(), 12);
    }
}
