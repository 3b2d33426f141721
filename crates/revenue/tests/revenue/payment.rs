use std::collections::BTreeSet;

use piecework_interface::key::{IntentKey, PublicKey};
use piecework_revenue::{EpochNo, Memo, payment::number};
use proptest::prelude::*;

use super::market::EPOCH;

const NOW_S: u32 = 1_788_500_000;

fn key() -> IntentKey {
    IntentKey::own(PublicKey::default())
}

#[test]
fn memo__should_be_read_as_it_is_written_and_fit_an_intent() {
    let memo = Memo { policy: [7; 32], epoch: EpochNo(u32::MAX), line: u32::MAX };
    let text = memo.to_string();
    assert_eq!(text.parse(), Ok(memo));
    assert!(text.len() <= piecework_interface::intent::MEMO_MAX, "{text}");
    for wrong in ["thanks", "piecework-revenue", "piecework-revenue 07 1 1", &format!("{text} "), &text.to_uppercase()]
    {
        assert!(wrong.parse::<Memo>().is_err(), "{wrong}");
    }
}

#[test]
fn number__should_be_the_same_until_it_is_used() {
    let (mut key, ends_at) = (key(), EPOCH.ends_at(7));
    let first = number(&key, ends_at, 3, NOW_S).unwrap();
    assert_eq!((first, number(&key, ends_at, 3, NOW_S + 50_000)), (ends_at * 1_000 + 3, Some(first)));
    key.note(first, 0, NOW_S);
    assert!(number(&key, ends_at, 3, NOW_S).unwrap() > first);
    assert_eq!(number(&key, ends_at, 4, NOW_S), Some(first + 1));
}

#[test]
fn number__should_pass_over_what_a_busy_key_takes_no_more() {
    // Given a key whose sixteen numbers are of now
    let mut key = key();
    (0..16).for_each(|n| key.note(u64::from(NOW_S) * 1_000 + n, 0, NOW_S));

    // Then there is one that it takes, until its numbers are a day ahead
    let next = number(&key, EPOCH.ends_at(7), 3, NOW_S).unwrap();
    assert!(key.takes(next, NOW_S));
    (0..16).for_each(|n| key.note((u64::from(NOW_S) + 86_400) * 1_000 - n, 0, NOW_S));
    assert_eq!(number(&key, EPOCH.ends_at(7), 3, NOW_S), None);
}

proptest! {
    /// Two runs that see the key at different times, and whatever else uses it.
    #[test]
    fn line__should_be_paid_once_by_runs_that_race(
        steps in prop::collection::vec((0_u8..4, 0_u32..40, any::<bool>()), 0..300),
    ) {
        let ends_at = EPOCH.ends_at(7);
        // What each run has seen: the key, and which lines the journal shows as paid at that block.
        let (mut key, mut paid) = (key(), BTreeSet::new());
        let mut seen = [(key.clone(), paid.clone()), (key.clone(), paid.clone())];
        for (step, line, fails) in steps {
            match step {
                // A run looks at a final block.
                0 | 1 => seen[usize::from(step)] = (key.clone(), paid.clone()),
                // The key's owner signs something else.
                2 => key.note(u64::from(NOW_S) * 1_000 + u64::from(line), 0, NOW_S),
                // A run pays a line that it takes for unpaid, which may fail on chain and use the number all the same.
                _ => {
                    let (view, shown) = &seen[usize::from(fails)];
                    if shown.contains(&line) {
                        continue;
                    }
                    let Some(number) = number(view, ends_at, line, NOW_S) else { continue };
                    if key.takes(number, NOW_S) {
                        key.note(number, 0, NOW_S);
                        if line % 3 != 0 || fails {
                            prop_assert!(paid.insert(line), "line {line} is paid twice");
                        }
                    }
                }
            }
        }
    }
}
