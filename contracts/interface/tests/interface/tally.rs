//! Counting equal answers.
use piecework_interface::tally::{Largest, RoundAnswers, groups, largest, needed, tally};
use proptest::prelude::*;

fn answers<'a>(given: &[Option<&'a [u8]>]) -> [Option<&'a [u8]>; 8] {
    core::array::from_fn(|slot| given.get(slot).copied().flatten())
}

#[test]
fn needed__should_round_the_quorum_up() {
    // Given the table of the design: 70 % asks for unanimity of three, 60 % does not.
    let table =
        [(70, 3, 3), (70, 2, 2), (60, 3, 2), (60, 5, 3), (60, 2, 2), (66, 3, 2), (67, 3, 3), (100, 5, 5), (51, 1, 1)];
    for (quorum, seats, expected) in table {
        assert_eq!(needed(seats, quorum), expected, "{quorum} % of {seats}");
    }
}

#[test]
fn largest__should_be_all_groups_that_tie() {
    let tied = |slots| Largest { slots, single: false };
    assert_eq!(largest(&answers(&[Some(b"x"), Some(b"y")])), tied(0b11));
    assert_eq!(largest(&answers(&[Some(b"x"), Some(b"y"), Some(b"x"), Some(b"y"), Some(b"z")])), tied(0b1111));
    assert_eq!(largest(&answers(&[None, None])), tied(0));
}

#[test]
fn largest__should_be_the_only_answer_shown() {
    assert_eq!(largest(&answers(&[None, Some(b"y"), None])), Largest { slots: 0b010, single: true });
}

#[test]
fn largest__should_compare_whole_answers() {
    assert_eq!(largest(&answers(&[Some(b"ab"), Some(b"ac"), Some(b"ab")])), Largest { slots: 0b101, single: true });
}

#[test]
fn answer__should_follow_the_order_of_judged_items() {
    // Given an extension on items 1, 4 and 63.
    let round = RoundAnswers { items: 1 << 1 | 1 << 4 | 1 << 63, width: 2, slots: &[Some(b"aabbcc"), None] };
    assert_eq!(round.answer(0, 1), Some(b"aa".as_slice()));
    assert_eq!(round.answer(0, 4), Some(b"bb".as_slice()));
    assert_eq!(round.answer(0, 63), Some(b"cc".as_slice()));
    assert_eq!(
        (round.answer(0, 0), round.answer(1, 1), round.answer(2, 1), round.answer(0, 64)),
        (None, None, None, None)
    );
}

#[test]
fn tally__should_leave_an_item_open_below_the_quorum() {
    let round = RoundAnswers { items: 0b111, width: 1, slots: &[Some(b"abx"), Some(b"aby"), Some(b"acz")] };
    assert_eq!(tally(&round, 3, 60)[..3], [0b111, 0b011, 0]);
    assert_eq!(tally(&round, 3, 70)[..3], [0b111, 0, 0]);
    assert_eq!(groups(&round)[..3], [0b111, 0b011, 0]);
}

proptest! {
    #[test]
    fn largest__should_equal_a_plain_count(given in prop::collection::vec(prop::option::of(0_u8..4), 0..=8)) {
        let bytes: Vec<Option<[u8; 1]>> = given.iter().map(|answer| answer.map(|letter| [letter])).collect();
        let slots: Vec<Option<&[u8]>> = bytes.iter().map(|answer| answer.as_ref().map(|bytes| bytes.as_slice())).collect();
        let sets: Vec<u8> = (0..4)
            .map(|letter| (0..given.len()).filter(|slot| given[*slot] == Some(letter)).map(|slot| 1 << slot).sum())
            .collect();
        let best = sets.iter().map(|set: &u8| set.count_ones()).max().unwrap_or(0);
        let leaders: Vec<u8> = sets.into_iter().filter(|set| best > 0 && set.count_ones() == best).collect();
        let expected = Largest { slots: leaders.iter().fold(0, |all, set| all | set), single: leaders.len() == 1 };
        prop_assert_eq!(largest(&answers(&slots)), expected);
    }
}
