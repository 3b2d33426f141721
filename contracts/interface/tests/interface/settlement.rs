//! Settlement: the batch worked by hand, each row of the table of half-units, and the properties of money.
use super::common::{fixed, lot, slot, terms};
use piecework_interface::{
    amount::Amount,
    money,
    settlement::{Settlement, judge},
    terms::Terms,
    view::{LotState, Slot},
};
use proptest::prelude::*;

fn pays(settlement: &Settlement) -> Vec<u128> {
    settlement.slots.iter().map(|slot| slot.pay).collect()
}

fn slashes(settlement: &Settlement) -> Vec<u128> {
    settlement.slots.iter().map(|slot| slot.slash).collect()
}

#[test]
fn settlement__should_pay_everybody_in_full_when_all_agree() {
    // Given lot 1 of the worked batch: three slots, three items, all equal.
    let state = lot(0, vec![slot(0, 0, Some(b"xyz")), slot(4, 0, Some(b"xyz")), slot(1, 0, Some(b"xyz"))]);
    // When it settles.
    let terms = terms();
    let judgement = judge(&terms, 3, &state);
    let settlement = judgement.settle(&fixed());
    // Then each slot has 300, the fee is 45 and 945 of 1890 return.
    assert_eq!((judgement.accepted(), judgement.unresolved()), (0b111, 0));
    assert_eq!(judgement.answers().bytes, b"xyz");
    assert_eq!(pays(&settlement), [300, 300, 300]);
    assert_eq!(slashes(&settlement), [0, 0, 0]);
    assert_eq!((settlement.fee, settlement.refund), (45, 945));
    assert!(settlement.slots.iter().all(|slot| (slot.bond, slot.agreed, slot.decided) == (300, 3, 3)));
}

#[test]
fn settlement__should_extend_the_items_without_a_winner() {
    // Given lot 0 of the worked batch after round 0: item 2 is x, x, y and 70 % of three is three.
    let state = lot(0, vec![slot(0, 0, Some(b"abx")), slot(1, 0, Some(b"abx")), slot(2, 0, Some(b"aby"))]);
    // When it is tallied, then item 2 alone is open.
    let terms = terms();
    let judgement = judge(&terms, 3, &state);
    assert_eq!((judgement.accepted(), judgement.unresolved()), (0b011, 0b100));
    assert_eq!(judgement.answers().bytes, b"ab\0");
}

#[test]
fn settlement__should_pay_half_for_confirming_and_slash_the_dissenter_of_round_0() {
    // Given the same lot after D and E confirmed x.
    let state = lot(
        0b100,
        vec![
            slot(0, 0, Some(b"abx")),
            slot(1, 0, Some(b"abx")),
            slot(2, 0, Some(b"aby")),
            slot(3, 1, Some(b"x")),
            slot(4, 1, Some(b"x")),
        ],
    );
    // When it settles.
    let terms = terms();
    let judgement = judge(&terms, 3, &state);
    let settlement = judgement.settle(&fixed());
    // Then it pays 900, takes 45 and returns 945, and C loses 300 × 20 % × 1/3.
    assert_eq!(judgement.answers().bytes, b"abx");
    assert_eq!(pays(&settlement), [300, 300, 200, 50, 50]);
    assert_eq!(slashes(&settlement), [0, 0, 20, 0, 0]);
    assert_eq!((settlement.fee, settlement.refund), (45, 945));
    assert_eq!(settlement.slots.iter().map(|slot| slot.bond).collect::<Vec<_>>(), [300, 300, 300, 100, 100]);
    // And every item with a winner moves reputation, of round 0's slots only.
    let counts: Vec<_> = settlement.slots.iter().map(|slot| (slot.agreed, slot.decided)).collect();
    assert_eq!(counts, [(3, 3), (3, 3), (2, 3), (0, 0), (0, 0)]);
}

#[test]
fn settlement__should_pay_one_and_a_half_for_overturning() {
    // Given an extension that agrees with the minority of round 0.
    let slots = vec![
        slot(0, 0, Some(b"x")),
        slot(1, 0, Some(b"x")),
        slot(2, 0, Some(b"y")),
        slot(3, 1, Some(b"y")),
        slot(4, 1, Some(b"y")),
        slot(5, 1, Some(b"y")),
    ];
    // When it settles, then the majority of round 0 is wrong: slashed, unpaid.
    let settlement = judge(&terms(), 1, &lot(1, slots)).settle(&fixed());
    assert_eq!(pays(&settlement), [0, 0, 100, 150, 150, 150]);
    assert_eq!(slashes(&settlement), [20, 20, 0, 0, 0, 0]);
}

#[test]
fn settlement__should_pay_in_full_when_round_0_showed_nothing() {
    // Given a round 0 in which all differ: there was nothing to copy.
    let slots = vec![
        slot(0, 0, Some(b"x")),
        slot(1, 0, Some(b"y")),
        slot(2, 0, Some(b"z")),
        slot(3, 1, Some(b"y")),
        slot(4, 1, Some(b"y")),
        slot(5, 1, Some(b"y")),
    ];
    let settlement = judge(&terms(), 1, &lot(1, slots)).settle(&fixed());
    assert_eq!(pays(&settlement), [0, 100, 0, 100, 100, 100]);
    assert_eq!(slashes(&settlement), [20, 0, 20, 0, 0, 0]);
}

#[test]
fn settlement__should_slash_a_dissenter_of_the_extension() {
    // Given five of six say x, and 60 % of the three new slots are two.
    let terms = Terms { quorum_pct: 60, start: 5, max: 8, ..terms() };
    let slots = vec![
        slot(0, 0, Some(b"x")),
        slot(1, 0, Some(b"x")),
        slot(2, 0, Some(b"y")),
        slot(3, 0, Some(b"y")),
        slot(4, 0, Some(b"z")),
        slot(5, 1, Some(b"x")),
        slot(6, 1, Some(b"y")),
        slot(7, 1, Some(b"x")),
    ];
    let settlement = judge(&terms, 1, &lot(1, slots)).settle(&fixed());
    assert_eq!(pays(&settlement), [100, 100, 0, 0, 0, 100, 0, 100]);
    assert_eq!(slashes(&settlement), [0, 0, 20, 20, 20, 0, 20, 0]);
}

#[test]
fn settlement__should_share_half_pay_when_unresolved_and_slash_nobody() {
    // Given an extension that splits: over both rounds x has three nodes.
    let slots = vec![
        slot(0, 0, Some(b"x")),
        slot(1, 0, Some(b"x")),
        slot(2, 0, Some(b"y")),
        slot(3, 1, Some(b"x")),
        slot(4, 1, Some(b"z")),
    ];
    let terms = terms();
    let state = lot(1, slots);
    let judgement = judge(&terms, 1, &state);
    let settlement = judgement.settle(&fixed());
    assert_eq!((judgement.accepted(), judgement.answers().bytes), (0, vec![0]));
    assert_eq!(pays(&settlement), [50, 50, 0, 50, 0]);
    assert_eq!(slashes(&settlement), [0; 5]);
}

#[test]
fn settlement__should_pay_nobody_when_the_largest_groups_tie_or_are_single() {
    let tie = vec![
        slot(0, 0, Some(b"x")),
        slot(1, 0, Some(b"x")),
        slot(2, 0, Some(b"y")),
        slot(3, 1, Some(b"y")),
        slot(4, 1, Some(b"z")),
    ];
    assert_eq!(pays(&judge(&terms(), 1, &lot(1, tie)).settle(&fixed())), [0; 5]);
    let single = vec![slot(0, 0, Some(b"x")), slot(1, 0, None)];
    let terms = Terms { start: 2, max: 2, ..terms() };
    let settlement = judge(&terms, 1, &lot(0, single)).settle(&fixed());
    assert_eq!((pays(&settlement), slashes(&settlement)), (vec![0, 0], vec![0, 100]));
}

#[test]
fn settlement__should_take_the_whole_bond_of_a_slot_that_did_not_reveal() {
    // Given three committed, two revealed, 60 % of three are two.
    let terms = Terms { quorum_pct: 60, ..terms() };
    let state = lot(0, vec![slot(0, 0, Some(b"abc")), slot(1, 0, None), slot(2, 0, Some(b"abc"))]);
    let settlement = judge(&terms, 3, &state).settle(&fixed());
    assert_eq!(pays(&settlement), [300, 0, 300]);
    assert_eq!(slashes(&settlement), [0, 300, 0]);
    // And its silence counts against its reputation.
    assert_eq!((settlement.slots[1].agreed, settlement.slots[1].decided), (0, 3));
}

#[test]
fn settlement__should_count_quorum_over_commits_not_reveals() {
    // Given 70 % of three commits and one silent slot: the two who showed do not decide.
    let terms = terms();
    let state = lot(0, vec![slot(0, 0, Some(b"a")), slot(1, 0, None), slot(2, 0, Some(b"a"))]);
    assert_eq!(judge(&terms, 1, &state).unresolved(), 1);
}

#[test]
fn settlement__should_accept_a_single_copy_when_the_terms_start_with_one() {
    let terms = Terms { start: 1, max: 1, ..terms() };
    let state = lot(0, vec![slot(0, 0, Some(b"abc"))]);
    let judgement = judge(&terms, 3, &state);
    let settlement = judgement.settle(&fixed());
    assert_eq!(judgement.accepted(), 0b111);
    assert_eq!((pays(&settlement), settlement.fee, settlement.refund), (vec![300], 15, 0));
    // And one node alone moves no reputation.
    assert_eq!((settlement.slots[0].agreed, settlement.slots[0].decided), (0, 0));
}

#[test]
fn settlement__should_return_everything_when_a_lot_closes_without_slots() {
    let terms = terms();
    let state = lot(0, Vec::new());
    let judgement = judge(&terms, 3, &state);
    let settlement = judgement.settle(&fixed());
    assert_eq!((judgement.accepted(), judgement.answers().bytes), (0, vec![0; 3]));
    assert_eq!((settlement.fee, settlement.refund), (0, 1_890));
}

#[test]
fn settlement__should_stay_inside_the_escrow_in_the_dearest_extension() {
    // Given every allowed (start, max) with an extension, and the largest minority that may be overturned.
    for start in [2_u8, 3, 5] {
        for minority in 0..start {
            let terms = Terms { start, max: start + 3, lot_size: 1, quorum_pct: 100, ..terms() };
            let round_0 = (0..start).map(|node| {
                let answer = if node < minority { b"y" } else { b"x" };
                slot(u32::from(node), 0, Some(answer))
            });
            let late = (0..3).map(|node| slot(100 + node, 1, Some(b"y")));
            let slots: Vec<_> = round_0.chain(late).collect();
            let settlement = judge(&terms, 1, &lot(1, slots)).settle(&fixed());
            let paid: u128 = pays(&settlement).iter().sum();
            assert!(paid <= money::reward_escrow(&terms, 1), "start {start}, minority {minority}: {paid}");
        }
    }
}

/// A lot with its terms: every allowed number of copies, widths and silences.
#[derive(Clone, Debug)]
struct Judged {
    terms: Terms,
    items: u8,
    state: LotState,
}

fn answers(items: usize, width: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    let item = prop_oneof![4 => Just(b'x'), 2 => Just(b'y'), 1 => Just(b'z')];
    // Answers differ in their last byte only, so that the comparison of wide ones is exercised.
    let revealed = prop::collection::vec(item, items).prop_map(move |letters| {
        letters.iter().flat_map(|letter| (1..width).map(|_| b'.').chain([*letter])).collect::<Vec<u8>>()
    });
    prop_oneof![6 => revealed.prop_map(Some), 1 => Just(None)]
}

fn case() -> impl Strategy<Value = Judged> {
    let copies =
        prop_oneof![Just((1, 1)), Just((2, 2)), Just((2, 5)), Just((3, 3)), Just((3, 6)), Just((5, 5)), Just((5, 8))];
    let shape = (copies, prop_oneof![Just(1_usize), Just(2), Just(32)], 1_u8..=64, 51_u8..=100);
    let money = (1_u128..1 << 80, 100_u16..=300, 0_u8..=50);
    (shape, money)
        .prop_flat_map(|(((start, max), width, items, quorum_pct), (reward, bond_pct, rate))| {
            let terms = Terms {
                start,
                max,
                quorum_pct,
                answer_width: u8::try_from(width).unwrap(),
                reward: Amount(reward),
                bond_pct,
                dissent_slash_pct: rate,
                lot_size: 64,
                ..terms()
            };
            let least = if start == 1 { 1 } else { 2 };
            let first = prop::collection::vec(answers(items.into(), width), least..=usize::from(start));
            (Just((terms, items)), first, 0_usize..=3)
        })
        .prop_flat_map(|((terms, items), first, late)| {
            let slots: Vec<_> =
                (0_u32..).zip(&first).map(|(node, answers)| slot(node, 0, answers.as_deref())).collect();
            let state = lot(0, slots);
            let open = if terms.max > terms.start { judge(&terms, items, &state).unresolved() } else { 0 };
            let width = usize::from(terms.answer_width);
            let late = if open != 0 && late >= 2 { late } else { 0 };
            let late = prop::collection::vec(answers(open.count_ones() as usize, width), late);
            (Just((terms, items, open, state)), late)
        })
        .prop_map(|((terms, items, open, mut state), late)| {
            state.open_items = open;
            state.round = u8::from(open != 0);
            state.slots.extend((100_u32..).zip(&late).map(|(node, answers)| slot(node, 1, answers.as_deref())));
            Judged { terms, items, state }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn settlement__should_conserve_the_lots_escrow(case in case()) {
        let settlement = judge(&case.terms, case.items, &case.state).settle(&fixed());
        let paid: u128 = pays(&settlement).iter().sum();
        prop_assert!(paid <= money::reward_escrow(&case.terms, case.items.into()));
        prop_assert_eq!(
            paid + settlement.fee + settlement.refund,
            money::escrow(&case.terms, fixed().fee_bps, case.items.into())
        );
        prop_assert_eq!(settlement.fee, money::fee(paid, fixed().fee_bps));
    }

    #[test]
    fn settlement__should_slash_within_the_bond_and_only_where_an_item_won(case in case()) {
        let judgement = judge(&case.terms, case.items, &case.state);
        let settlement = judgement.settle(&fixed());
        for (slot, outcome) in case.state.slots.iter().zip(&settlement.slots) {
            prop_assert!(outcome.slash <= outcome.bond);
            let silent = matches!(slot.phase, piecework_interface::view::SlotPhase::Committed(_));
            if silent {
                prop_assert_eq!((outcome.slash, outcome.pay), (outcome.bond, 0));
            } else if judgement.accepted() == 0 {
                prop_assert_eq!(outcome.slash, 0);
            }
            prop_assert!(outcome.agreed <= outcome.decided);
        }
    }

    #[test]
    fn settlement__should_not_depend_on_the_order_of_slots(case in case(), order in any::<u64>()) {
        // Given the same slots in another order within their rounds.
        let mut shuffled = case.state.clone();
        let weight = |slot: &Slot| (slot.round, u64::from(slot.node.0).wrapping_mul(order | 1).rotate_left(17));
        shuffled.slots.sort_by_key(weight);
        // When both settle, then every node gets the same and the result is the same.
        let (one, other) = (judge(&case.terms, case.items, &case.state), judge(&case.terms, case.items, &shuffled));
        prop_assert_eq!((one.accepted(), one.answers()), (other.accepted(), other.answers()));
        let by_node = |state: &LotState, settlement: Settlement| {
            let mut rows: Vec<_> = state.slots.iter().map(|slot| slot.node).zip(settlement.slots).collect();
            rows.sort_by_key(|(node, _)| *node);
            rows
        };
        prop_assert_eq!(by_node(&case.state, one.settle(&fixed())), by_node(&shuffled, other.settle(&fixed())));
    }

    #[test]
    fn settlement__should_equal_a_plain_count(case in case()) {
        // Given the rules written as counting with maps, item by item.
        let judgement = judge(&case.terms, case.items, &case.state);
        let width = usize::from(case.terms.answer_width);
        for item in 0..case.items {
            let (expected, half_units) = plain(&case, item, width);
            let result = judgement.answers().bytes[usize::from(item) * width..][..width].to_vec();
            prop_assert_eq!(judgement.accepted() >> item & 1 == 1, expected.is_some());
            prop_assert_eq!(result, expected.unwrap_or(vec![0; width]));
            prop_assert!(half_units.iter().sum::<u32>() <= 2 * u32::from(case.terms.max));
        }
        let half_units = (0..case.items).map(|item| plain(&case, item, width).1).fold(
            vec![0; case.state.slots.len()],
            |sums, units| sums.iter().zip(units).map(|(sum, unit)| sum + unit).collect(),
        );
        let expected: Vec<_> =
            half_units.iter().map(|units| u128::from(*units) * case.terms.reward.0 / 2).collect();
        prop_assert_eq!(pays(&judgement.settle(&fixed())), expected);
    }
}

/// The accepted answer of an item and each slot's half-units, by the sentences of the design.
fn plain(case: &Judged, item: u8, width: usize) -> (Option<Vec<u8>>, Vec<u32>) {
    use piecework_interface::view::SlotPhase;
    use std::collections::BTreeMap;
    let open = case.state.open_items >> item & 1 == 1;
    let answer = |slot: &Slot| -> Option<Vec<u8>> {
        let SlotPhase::Revealed(bytes) = &slot.phase else {
            return None;
        };
        let at = match slot.round {
            0 => usize::from(item),
            _ if open => (case.state.open_items & ((1 << item) - 1)).count_ones() as usize,
            _ => return None,
        };
        Some(bytes[at * width..][..width].to_vec())
    };
    let largest = |rounds: &[u8]| -> Option<(Vec<u8>, usize)> {
        let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for slot in case.state.slots.iter().filter(|slot| rounds.contains(&slot.round)) {
            *answer(slot).map(|answer| counts.entry(answer).or_default()).unwrap_or(&mut 0) += 1;
        }
        let best = counts.values().copied().max()?;
        let mut leaders = counts.into_iter().filter(|(_, count)| *count == best);
        leaders.next().filter(|_| leaders.next().is_none())
    };
    let deciding = u8::from(open);
    let committed = case.state.slots.iter().filter(|slot| slot.round == deciding).count();
    let needed =
        (committed * usize::from(case.terms.quorum_pct)).div_ceil(100).max(if case.terms.start == 1 { 1 } else { 2 });
    let winner = largest(&[deciding]).filter(|(_, count)| *count >= needed).map(|(answer, _)| answer);
    let first = largest(&[0]).map(|(answer, _)| answer);
    let all = largest(&[0, 1]).filter(|(_, count)| *count >= 2).map(|(answer, _)| answer);
    let units = case
        .state
        .slots
        .iter()
        .map(|slot| match (&winner, answer(slot), slot.round) {
            (_, None, _) => 0,
            (None, given, _) => u32::from(given == all),
            (Some(_), given, _) if given != winner => 0,
            (Some(_), _, 0) => 2,
            (Some(_), _, _) if first.is_none() => 2,
            (Some(_), _, _) if first == winner => 1,
            (Some(_), _, _) => 3,
        })
        .collect();
    (winner, units)
}
