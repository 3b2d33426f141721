//! A naive judge: a plain count of answers as letters, beside the real one. It shares no function with it but the terms.
use std::collections::BTreeMap;

use super::vectors::Vector;

impl Vector {
    /// What a slot said of an item: nothing if it was silent, or its round did not ask.
    fn said(&self, slot: usize, item: u8) -> Option<char> {
        let (text, place) = match slot.checked_sub(self.first.len()) {
            None => (self.first[slot].as_ref()?, usize::from(item)),
            Some(late) if self.open >> item & 1 == 1 => {
                (self.late[late].as_ref()?, (0..item).filter(|before| self.open >> before & 1 == 1).count())
            }
            Some(_) => return None,
        };
        text.chars().nth(place)
    }

    /// The answers to an item of some slots, each with how many gave it.
    fn groups(&self, item: u8, slots: std::ops::Range<usize>) -> BTreeMap<char, usize> {
        slots.filter_map(|slot| self.said(slot, item)).fold(BTreeMap::new(), |mut groups, answer| {
            *groups.entry(answer).or_default() += 1;
            groups
        })
    }

    fn slots(&self) -> usize {
        self.first.len() + self.late.len()
    }

    /// The result of an item without a jury, and whether the extension gave it.
    pub fn result(&self, item: u8) -> (Option<char>, bool) {
        let seated = |range, seats: usize| {
            let needed = (seats * usize::from(self.terms.quorum_pct)).div_ceil(100);
            self.groups(item, range).into_iter().find(|(_, count)| *count >= needed).map(|(answer, _)| answer)
        };
        let by_first = seated(0..self.first.len(), usize::from(self.terms.start));
        let late = seated(self.first.len()..self.slots(), 3);
        (by_first.or(late), by_first.is_none() && late.is_some())
    }

    /// Half rewards of each slot, and whether it missed the result.
    fn count(&self, item: u8, ruled: Option<char>) -> Vec<(u128, bool)> {
        let (result, by_late) = self.result(item);
        let result = ruled.or(result);
        let most = |groups: &BTreeMap<char, usize>| -> Vec<char> {
            let size = groups.values().max().copied().unwrap_or_default();
            groups.iter().filter(|(_, count)| **count == size).map(|(answer, _)| *answer).collect()
        };
        let (seen, all) = (most(&self.groups(item, 0..self.first.len())), most(&self.groups(item, 0..self.slots())));
        let overturns = ruled.is_none() && by_late && seen.len() == 1 && result != Some(seen[0]);
        (0..self.slots())
            .map(|slot| match (self.said(slot, item), result, slot < self.first.len()) {
                (None, ..) => (0, false),
                (said, Some(_), _) if said != result => (0, true),
                (Some(_), Some(_), true) => (2, false),
                (Some(_), Some(_), false) => (if overturns { 3 } else { 1 }, false),
                (Some(said), None, early) if all.contains(&said) => {
                    (u128::from(early) + u128::from(all.len() == 1), false)
                }
                (Some(_), None, _) => (0, false),
            })
            .collect()
    }

    /// What a jury says of an item, if four agree.
    fn ruled(&self, item: u8) -> Option<char> {
        let asked = self.challenges.iter().fold(0, |all, (_, items)| all | items);
        let place = (0..item).filter(|before| asked >> before & 1 == 1).count();
        let sat = self.jury.iter().flatten().count() >= 4;
        let said = self.jury.iter().flatten().flatten().filter_map(|text| text.chars().nth(place));
        let groups = said.fold(BTreeMap::<char, usize>::new(), |mut groups, answer| {
            *groups.entry(answer).or_default() += 1;
            groups
        });
        groups.into_iter().find(|(_, count)| *count >= 4 && sat && asked >> item & 1 == 1).map(|(answer, _)| answer)
    }
}

/// Pay and slashes of the slots that did the work, and the answers, must be those of the plain count.
pub fn compare(vector: &Vector) {
    let settlement = vector.settlement();
    let (mut pay, mut missed) = (vec![0; vector.slots()], vec![0_u128; vector.slots()]);
    let mut answers = String::new();
    for item in 0..vector.items {
        let result = vector.result(item).0;
        let ruled = vector.ruled(item).filter(|ruled| Some(*ruled) != result);
        answers.push(ruled.or(result).unwrap_or('.'));
        for (slot, (halves, missed_it)) in vector.count(item, ruled).into_iter().enumerate() {
            pay[slot] += halves * vector.terms.reward.0 / 2;
            missed[slot] += u128::from(missed_it);
        }
    }
    for slot in 0..vector.slots() {
        let early = slot < vector.first.len();
        let judged = if early { u128::from(vector.items) } else { u128::from(vector.open.count_ones()) };
        let bond = (u128::from(vector.terms.bond_pct) * vector.worth * judged).div_ceil(100);
        let silent =
            if early { vector.first[slot].is_none() } else { vector.late[slot - vector.first.len()].is_none() };
        let cut = bond * u128::from(vector.terms.dissent_slash_pct) * missed[slot] / (100 * judged);
        let outcome = &settlement.slots[slot];
        let got = (outcome.pay, outcome.slash, outcome.bond);
        assert_eq!(got, (pay[slot], if silent { bond } else { cut }, bond), "slot {slot} of {vector:?}");
    }
    assert_eq!(vector.answers(), answers, "{vector:?}");
}
