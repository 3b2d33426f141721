//! Which answers win. A pure function of the answers: no weights, recomputable by anyone.

/// Slots of both rounds of a lot at most: five of round 0 and three of an extension.
pub const SLOTS_MAX: usize = 8;

/// The slots that committed in one round, with what they revealed.
#[derive(Clone, Copy, Debug)]
pub struct RoundAnswers<'a> {
    /// Judged items, as bits of the lot's items; answers are in index order of these.
    pub items: u64,
    /// Bytes per answer.
    pub width: usize,
    /// Per slot that committed: its answers, or `None` if it never revealed.
    pub slots: &'a [Option<&'a [u8]>],
}

impl<'a> RoundAnswers<'a> {
    /// The answer of a slot to an item of the lot; `None` if it did not reveal or the item is not judged.
    #[must_use]
    pub fn answer(&self, slot: usize, item: u8) -> Option<&'a [u8]> {
        let bit = 1_u64.checked_shl(u32::from(item))?;
        if self.items & bit == 0 {
            return None;
        }
        let index = usize::try_from((self.items & (bit - 1)).count_ones()).ok()?;
        let answers = (*self.slots.get(slot)?)?;
        answers.get(index * self.width..(index + 1) * self.width)
    }
}
