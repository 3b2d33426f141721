//! Which answers win. A pure function of the answers: no weights, recomputable by anyone.

use core::ops::Range;

use crate::model::{answers::Items, terms::LOT_SIZE_MAX};

/// Slots of both rounds of a lot at most: five of round 0 and three of an extension.
pub const SLOTS_MAX: usize = 8;

/// The slots that committed in one round, with what they revealed.
#[derive(Clone, Copy, Debug)]
pub struct RoundAnswers<'s, 'a> {
    /// Judged items, as bits of the lot's items; answers are in index order of these.
    pub items: u64,
    /// Bytes per answer.
    pub width: usize,
    /// Per slot that committed: its answers, or `None` if it never revealed. At most [`SLOTS_MAX`] count.
    pub slots: &'s [Option<&'a [u8]>],
}

impl<'a> RoundAnswers<'_, 'a> {
    /// The answer of a slot to an item of the lot; `None` if it did not reveal or the item is not judged.
    #[must_use]
    pub fn answer(&self, slot: usize, item: u8) -> Option<&'a [u8]> {
        let place = self.place(item)?;
        (*self.slots.get(slot)?)?.get(place)
    }

    /// The item's answers, slot by slot.
    #[must_use]
    pub fn answers(&self, item: u8) -> [Option<&'a [u8]>; SLOTS_MAX] {
        let mut answers = [None; SLOTS_MAX];
        if let Some(place) = self.place(item) {
            for (answer, slot) in answers.iter_mut().zip(self.slots) {
                *answer = slot.and_then(|bytes| bytes.get(place.clone()));
            }
        }
        answers
    }

    fn place(&self, item: u8) -> Option<Range<usize>> {
        Items(self.items).place(item, self.width)
    }
}

/// A set of slots, bit i for slot i.
pub type SlotSet = u8;

/// Per item of a lot, a set of slots that gave it the same answer.
pub type Groups = [SlotSet; LOT_SIZE_MAX as usize];

/// Equal answers that a result needs: `⌈quorum × seats / 100⌉`. Seats that stay empty count, so that a round that few sat in
/// needs as many equal answers as a full one.
#[must_use]
pub fn needed(seats: u8, quorum_pct: u8) -> u32 {
    (u32::from(seats) * u32::from(quorum_pct)).div_ceil(100)
}

/// The largest groups among one item's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Largest {
    /// Slots of all groups of that size.
    pub slots: SlotSet,
    /// Whether there is a single one.
    pub single: bool,
}

/// The largest groups of equal answers, of any size; empty where nobody answered.
#[must_use]
pub fn largest(answers: &[Option<&[u8]>; SLOTS_MAX]) -> Largest {
    let mut left: SlotSet = 0;
    for (slot, answer) in answers.iter().enumerate() {
        left |= SlotSet::from(answer.is_some()) << slot;
    }
    let (mut size, mut best) = (1, Largest::default());
    // Smaller groups than the best cannot change the outcome any more.
    while left.count_ones() >= size {
        // Equal answers are all still left: a group is taken whole.
        let members = answers[left.trailing_zeros() as usize].map_or(left, |answer| equal_to(answers, answer));
        left &= !members;
        match members.count_ones().cmp(&size) {
            core::cmp::Ordering::Greater => {
                (size, best) = (members.count_ones(), Largest { slots: members, single: true });
            }
            core::cmp::Ordering::Equal => {
                best = Largest { slots: best.slots | members, single: best.slots == 0 };
            }
            core::cmp::Ordering::Less => {}
        }
    }
    best
}

/// Per judged item the strictly largest group of equal answers; empty where two tie.
#[must_use]
pub fn groups(round: &RoundAnswers<'_, '_>) -> Groups {
    let mut groups = [0; LOT_SIZE_MAX as usize];
    let mut revealed: SlotSet = 0;
    let mut answers: [&[u8]; SLOTS_MAX] = [&[]; SLOTS_MAX];
    let mut count = 0;
    for (slot, bytes) in round.slots.iter().take(SLOTS_MAX).enumerate() {
        if let Some(bytes) = bytes {
            revealed |= 1 << slot;
            answers[count] = bytes;
            count += 1;
        }
    }
    // Nearly always everybody agrees, and that is seen eight bytes at a time.
    let mut disputed = disputed(round, &answers[..count]);
    for (item, group) in (0_u8..).zip(groups.iter_mut()) {
        let left = round.items >> item;
        if left == 0 {
            break;
        }
        if left & 1 != 0 {
            let single = |largest: Largest| if largest.single { largest.slots } else { 0 };
            *group = if disputed & 1 == 0 { revealed } else { single(largest(&round.answers(item))) };
            disputed >>= 1;
        }
    }
    groups
}

/// The judged items, counted without those between them, on which not all of these slots gave the same answer.
fn disputed(round: &RoundAnswers<'_, '_>, answers: &[&[u8]]) -> u64 {
    let length = round.items.count_ones() as usize * round.width;
    if answers.iter().any(|bytes| bytes.len() != length) {
        return u64::MAX;
    }
    let mut disputed = 0;
    let Some((first, others)) = answers.split_first() else { return disputed };
    let (first, first_rest) = first.as_chunks::<8>();
    for other in others {
        let (other, other_rest) = other.as_chunks::<8>();
        for (index, (left, right)) in first.iter().zip(other).enumerate() {
            let mut differences = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
            while differences != 0 {
                let byte = differences.trailing_zeros() / 8;
                disputed |= 1 << ((8 * index + byte as usize) / round.width);
                differences &= !(0xFF << (8 * byte));
            }
        }
        let start = length - first_rest.len();
        for (index, (left, right)) in (start..).zip(first_rest.iter().zip(other_rest)) {
            disputed |= u64::from(left != right) << (index / round.width);
        }
    }
    disputed
}

/// Per judged item the slots with the result, of a round of so many seats; empty where nothing reaches the quorum. A quorum
/// is above one half of the seats, so a result is always that of the single largest group.
#[must_use]
pub fn tally(round: &RoundAnswers<'_, '_>, seats: u8, quorum_pct: u8) -> Groups {
    let needed = needed(seats, quorum_pct);
    let mut groups = groups(round);
    for group in &mut groups {
        if group.count_ones() < needed {
            *group = 0;
        }
    }
    groups
}

/// The slots that gave this answer.
#[must_use]
pub fn equal_to(answers: &[Option<&[u8]>; SLOTS_MAX], answer: &[u8]) -> SlotSet {
    let mut members: SlotSet = 0;
    for (slot, other) in answers.iter().enumerate() {
        members |= SlotSet::from(other.is_some_and(|other| equal(answer, other))) << slot;
    }
    members
}

/// Most answers are one byte long or differ in their first byte. Long ones are compared eight bytes at a time, which is
/// several times faster in wasm than comparing memory.
fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.first() != right.first() || left.len() != right.len() {
        return false;
    }
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    left.iter().zip(right).all(|(left, right)| u64::from_le_bytes(*left) == u64::from_le_bytes(*right))
        && (left_rest.len() < 2 || left_rest == right_rest)
}
