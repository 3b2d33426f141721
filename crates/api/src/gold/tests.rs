use piecework_interface::{
    amount::Amount,
    case::{Case, Challenge},
    draw::Draw,
    history::SlotEnd,
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    merkle,
};
use proptest::prelude::*;

use super::*;
use crate::{Lot, LotWithSlots, Slot, SlotPhase};

const MANIFEST: Digest = [9; 32];

fn known(answers: &[(u32, u8)]) -> Vec<GoldAnswer> {
    answers.iter().map(|(item, answer)| GoldAnswer { item: *item, answer: vec![*answer] }).collect()
}

fn sealed(answers: &[(u32, u8)]) -> (GoldSecret, GoldRoot) {
    let secret = GoldSecret::new(MANIFEST, [1; 32], known(answers)).unwrap();
    let root = GoldRoot { root: secret.root(), manifest: MANIFEST, items: 100, width: 1 };
    (secret, root)
}

#[test]
fn gold__should_be_ordered_by_item_and_open_what_is_chosen() {
    // Given three answers in any order
    let (secret, root) = sealed(&[(40, 7), (3, 1), (99, 2)]);

    // When two are opened
    let document = secret.open(|item| item != 40);

    // Then they lead to the root, which shows how many there are
    assert_eq!(root.check(&document), Ok(()));
    assert_eq!(document.openings.iter().map(|it| (it.place, it.item)).collect::<Vec<_>>(), [(0, 3), (2, 99)]);
    assert_eq!(document.leaves, 3);
    assert_eq!(secret, sealed(&[(3, 1), (40, 7), (99, 2)]).0);
}

#[test]
fn leaf__should_be_the_hash_that_the_page_says() {
    let (secret, root) = sealed(&[(258, 7)]);
    let document = GoldSecret::open(&secret, |_| true);
    let opening = &document.openings[0];
    let leaf =
        sha256(&[b"\0piecework gold 1".as_slice(), &MANIFEST, &[2, 1, 0, 0], &opening.salt, &opening.answer].concat());
    assert_eq!(document.tree, leaf);
    assert_eq!(root.root, sha256(&[b"\x02piecework gold 1".as_slice(), &[1, 0, 0, 0], &leaf].concat()));
}

#[test]
fn salts__should_differ_by_secret_manifest_and_item() {
    let salts = |manifest, secret| {
        let sealed = GoldSecret::new(manifest, secret, known(&[(0, 1), (1, 1)])).unwrap();
        sealed.open(|_| true).openings.into_iter().map(|opening| opening.salt).collect::<Vec<_>>()
    };
    let all = [salts([0; 32], [1; 32]), salts([0; 32], [2; 32]), salts([1; 32], [1; 32])].concat();
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
}

#[test]
fn proof__should_be_of_one_item_batch_answer_count_and_salt() {
    // Given gold of three items, opened
    let (secret, root) = sealed(&[(3, 1), (40, 7), (99, 2)]);
    let document = secret.open(|_| true);
    assert_eq!(root.check(&document), Ok(()));

    // When one thing is another
    let with = |change: fn(&mut GoldDocument)| {
        let mut changed = document.clone();
        change(&mut changed);
        root.check(&changed)
    };
    let fault = |why| Err(GoldError::Openings(vec![Fault { item: 40, why }]));
    let unproven = fault("its proof does not lead to the root");
    assert_eq!(with(|it| it.openings[1].answer = vec![6]), unproven);
    assert_eq!(with(|it| it.openings[1].salt[0] ^= 1), unproven);
    assert_eq!(with(|it| it.openings[1].proof.truncate(32)), unproven);
    assert_eq!(with(|it| it.openings[1].proof.push(0)), unproven);
    assert_eq!(with(|it| it.openings[1].answer.push(0)), fault("the answer does not have the batch's width"));
    let of = |item, why| Err(GoldError::Openings(vec![Fault { item, why }]));
    assert_eq!(with(|it| it.openings[1].item = 41), of(41, "its proof does not lead to the root"));
    assert_eq!(with(|it| it.openings[1].item = 100), of(100, "the batch has no such item"));
    assert_eq!(with(|it| it.leaves = 4), Err(GoldError::Root));
    assert_eq!(with(|it| it.tree[0] ^= 1), Err(GoldError::Root));
    assert_eq!(with(|it| it.leaves = LEAVES_MAX + 1), Err(GoldError::Leaves(LEAVES_MAX + 1)));
    assert_eq!(with(|it| it.version = 2), Err(GoldError::Version(2)));
    assert_eq!(with(|it| it.openings.clear()), Err(GoldError::Empty));
    assert_eq!(with(|it| it.openings.swap(0, 1)), Err(GoldError::Order));
    assert_eq!(with(|it| it.openings[1].place = 0), Err(GoldError::Order));

    // Then nothing holds, nor for another batch
    let elsewhere = GoldRoot { manifest: [8; 32], ..root };
    let Err(GoldError::Openings(faults)) = elsewhere.check(&document) else { panic!("proofs of another batch") };
    assert_eq!(faults.len(), 3);
}

#[test]
fn secret__should_refuse_what_is_no_gold() {
    let of = |answers| GoldSecret::new(MANIFEST, [1; 32], answers).unwrap_err();
    assert_eq!(of(Vec::new()), SecretError::Count(0));
    assert_eq!(of(known(&[(1, 1), (0, 1), (1, 2)])), SecretError::Twice(1));
    let many = (0..=LEAVES_MAX).map(|item| GoldAnswer { item, answer: vec![1] }).collect();
    assert_eq!(of(many), SecretError::Count(1025));
}

#[test]
fn secret__should_be_read_as_it_was_written_and_not_be_shown() {
    let (secret, _) = sealed(&[(3, 1), (40, 7)]);
    let text = serde_json::to_string(&secret).unwrap();
    let read: GoldSecret = serde_json::from_str(&text).unwrap();
    assert_eq!((read.check(), &read), (Ok(()), &secret));
    let damaged: GoldSecret = serde_json::from_str(&text.replace("\"answer\":\"07\"", "\"answer\":\"08\"")).unwrap();
    assert_eq!(damaged.check(), Err(SecretError::Root));
    let newer: GoldSecret = serde_json::from_str(&text.replace("\"version\":1", "\"version\":2")).unwrap();
    assert_eq!(newer.check(), Err(SecretError::Version(2)));
    assert_eq!(format!("{secret:?}"), "GoldSecret { answers: 2, .. }");
}

#[test]
fn document__should_be_within_its_limit_at_its_largest() {
    let answers = (0..LEAVES_MAX).map(|item| GoldAnswer { item: u32::MAX - item, answer: vec![255; 32] }).collect();
    let document = GoldSecret::new(MANIFEST, [1; 32], answers).unwrap().open(|_| true);
    let bytes = serde_json::to_vec(&document).unwrap().len();
    assert!(u64::try_from(bytes).unwrap() <= DOCUMENT_MAX, "{bytes}");
}

/// A document over leaves that no [`GoldSecret`] makes.
fn forged(answers: &[(u32, u8)]) -> (GoldDocument, GoldRoot) {
    let salt = [5; 32];
    let of = |(item, answer): (u32, u8)| Opening { place: 0, item, answer: vec![answer], salt, proof: Vec::new() };
    let mut openings: Vec<Opening> = answers.iter().copied().map(of).collect();
    let leaves: Vec<Digest> = openings.iter().map(|opening| opening.leaf(&MANIFEST)).collect();
    let mut peaks = merkle::Peaks::default();
    leaves.iter().for_each(|leaf| peaks.append(sha256, *leaf));
    for (place, opening) in (0..).zip(&mut openings) {
        (opening.place, opening.proof) = (place, merkle::prove(sha256, &leaves, place).unwrap().concat());
    }
    let (count, tree) = (u32::try_from(leaves.len()).unwrap(), merkle::bag(sha256, &peaks));
    let root = GoldRoot { root: document::root_over(count, &tree), manifest: MANIFEST, items: 100, width: 1 };
    (GoldDocument { version: VERSION, leaves: count, tree, openings }, root)
}

#[test]
fn contradicted__should_be_items_with_two_answers_under_one_root() {
    let (document, root) = forged(&[(3, 1), (3, 2), (4, 1), (5, 1), (5, 1)]);
    assert_eq!(root.check(&document), Ok(()));
    assert_eq!(contradicted(&document.openings).into_iter().collect::<Vec<_>>(), [3]);
    assert!(contradicted(&document.openings[1..3]).is_empty(), "the other face is not open");
}

fn slot(node: u32, round: u8, answers: Option<&[u8]>) -> Slot {
    Slot {
        batch: BatchId(0),
        lot: LotId(0),
        claimed_seq: 0,
        node: AccountNo(node),
        node_id: format!("n{node}.near"),
        operator: AccountNo(node),
        round,
        phase: if answers.is_some() { SlotPhase::Revealed } else { SlotPhase::Committed },
        reserved_until: 0,
        commitment: None,
        answers: answers.map(<[u8]>::to_vec),
        claimed_at: 0,
        committed_at: None,
        revealed_at: None,
        outcome: Some(SlotEnd::Settled),
        pay: Amount(0),
        juror_fee: Amount(0),
        slash: Amount(0),
        reputation: None,
        agreed: None,
        ended_at: None,
    }
}

fn lot(state: LotState, round: u8, slots: Vec<Slot>) -> LotWithSlots {
    let challenge = Challenge { account: AccountNo(9), operator: AccountNo(9), items: 0b100 };
    let lot = Lot {
        batch: BatchId(0),
        lot: LotId(0),
        state,
        first_item: 0,
        items: 3,
        round,
        begun_at: 0,
        reward: None,
        appeal: true,
        clock_at: 0,
        phase_at: 0,
        leavers: Vec::new(),
        open_items: 0b110,
        draw: Draw::Closed,
        case: Some(Box::new(Case { challenges: vec![challenge], ..Case::default() })),
        reserved: 0,
        committed: 0,
        revealed: 0,
        settlement: None,
        updated_seq: None,
    };
    LotWithSlots { lot, slots, challenges: Vec::new() }
}

fn said(lot: &LotWithSlots, item: u8, answer: u8) -> Vec<(u32, u8, Said)> {
    copies(lot, item, &[answer]).into_iter().map(|copy| (copy.node.0, copy.round, copy.said)).collect()
}

#[test]
fn copies__should_stand_at_the_items_that_their_round_judged() {
    // Given a lot of three items, whose last two had an extension, and whose last went to a jury
    let left = Slot { outcome: Some(SlotEnd::Abandoned), phase: SlotPhase::Reserved, ..slot(7, 0, None) };
    let late = Slot { outcome: Some(SlotEnd::Freed), ..slot(8, 0, None) };
    let slots = vec![
        slot(1, 0, Some(&[1, 2, 3])),
        slot(2, 0, Some(&[9, 2, 4])),
        slot(3, 0, None),
        left,
        late,
        slot(4, 1, Some(&[2, 3])),
        slot(5, 2, Some(&[3])),
    ];
    let lot = lot(LotState::Settled, 2, slots);

    // Then each copy stands where it was asked, silence counts, and seats that were given back do not
    use Said::{Missed, Right, Silent};
    assert_eq!(said(&lot, 0, 1), [(1, 0, Right), (2, 0, Missed), (3, 0, Silent)]);
    assert_eq!(said(&lot, 1, 2), [(1, 0, Right), (2, 0, Right), (3, 0, Silent), (4, 1, Right)]);
    assert_eq!(said(&lot, 2, 4), [(1, 0, Missed), (2, 0, Right), (3, 0, Silent), (4, 1, Missed), (5, 2, Missed)]);
}

#[test]
fn copies__should_wait_for_who_may_still_reveal() {
    // Given a jury that has committed beside a silent copy of round 0
    let live = |slot| Slot { outcome: None, ..slot };
    let slots = vec![live(slot(1, 0, None)), live(slot(2, 2, None))];
    assert_eq!(said(&lot(LotState::Revealing, 2, slots.clone()), 2, 1), [(1, 0, Said::Silent)]);
    assert_eq!(said(&lot(LotState::Provisional, 0, slots), 0, 1), [(1, 0, Said::Silent)]);
}

fn item(answer: u8, contradicted: bool, accepted: Option<&str>, said: &[(u32, u8, Said)]) -> GoldItem {
    let copy = |(node, round, said): &(u32, u8, Said)| GoldCopy {
        node: AccountNo(*node),
        node_id: format!("n{node}.near"),
        round: *round,
        said: *said,
    };
    GoldItem {
        opening: Opening { place: 0, item: answer.into(), answer: vec![answer], salt: [0; 32], proof: Vec::new() },
        document: String::new(),
        lot: LotId(0),
        state: LotState::Settled,
        contradicted,
        accepted: accepted.map(str::to_owned),
        copies: said.iter().map(copy).collect(),
    }
}

#[test]
fn per_node__should_keep_rounds_apart_and_leave_contradicted_items_out() {
    use Said::{Missed, Right, Silent};
    let items = [
        item(1, false, Some("01"), &[(1, 0, Right), (2, 0, Missed), (2, 1, Right)]),
        item(2, false, Some("09"), &[(1, 0, Missed), (2, 0, Silent)]),
        item(2, false, Some("09"), &[(1, 0, Missed), (2, 0, Silent)]),
        item(3, true, Some("09"), &[(1, 0, Missed)]),
        item(4, false, None, &[(1, 0, Right)]),
    ];
    let counts: Vec<_> =
        per_node(&items).iter().map(|it| (it.node.0, it.round, it.right, it.missed, it.silent)).collect();
    assert_eq!(counts, [(1, 0, 2, 1, 0), (2, 0, 0, 1, 1), (2, 1, 1, 0, 0)]);
    assert_eq!(against(&items).into_iter().collect::<Vec<_>>(), [2]);
}

#[test]
fn takes_answers__should_be_false_only_where_no_node_answers_any_more() {
    use BatchState::{Cancelled, Closed, Open};
    let never = [LotState::Provisional, LotState::Judging, LotState::Settled];
    assert!(never.iter().all(|state| !takes_answers(Open, *state)));
    assert!([LotState::Open, LotState::Working, LotState::Revealing].iter().all(|state| takes_answers(Open, *state)));
    assert!(takes_answers(Cancelled, LotState::Working) && !takes_answers(Cancelled, LotState::Open));
    assert!(!takes_answers(Closed, LotState::Open));
}

proptest! {
    #[test]
    fn openings__should_verify_in_every_subset_and_with_no_bit_flipped(
        answers in prop::collection::btree_map(0_u32..100, any::<u8>(), 1..40),
        chosen in any::<u64>(),
        flipped in any::<prop::sample::Index>(),
    ) {
        // Given any gold, and any part of it
        let answers: Vec<(u32, u8)> = answers.into_iter().collect();
        let (secret, root) = sealed(&answers);
        let document = secret.open(|item| chosen >> (item % 64) & 1 == 1);

        // Then it verifies, unless it is empty
        if document.openings.is_empty() {
            prop_assert_eq!(root.check(&document), Err(GoldError::Empty));
            return Ok(());
        }
        prop_assert_eq!(root.check(&document), Ok(()));

        // And not with one bit of an opening, or of what it hangs from, flipped
        let mut parts: Vec<Vec<u8>> = vec![document.leaves.to_le_bytes().to_vec(), document.tree.to_vec()];
        for it in &document.openings {
            let (place, item) = (it.place.to_le_bytes().to_vec(), it.item.to_le_bytes().to_vec());
            parts.extend([place, item, it.answer.clone(), it.salt.to_vec(), it.proof.clone()]);
        }
        let mut bit = flipped.index(parts.iter().map(Vec::len).sum::<usize>() * 8);
        for part in &mut parts {
            if bit / 8 < part.len() {
                part[bit / 8] ^= 1 << (bit % 8);
                break;
            }
            bit -= part.len() * 8;
        }
        let number = |part: &Vec<u8>| u32::from_le_bytes(part.as_slice().try_into().unwrap());
        let openings = parts[2..].chunks(5).map(|parts| Opening {
            place: number(&parts[0]),
            item: number(&parts[1]),
            answer: parts[2].clone(),
            salt: parts[3].as_slice().try_into().unwrap(),
            proof: parts[4].clone(),
        });
        let tree = parts[1].as_slice().try_into().unwrap();
        let changed = GoldDocument { leaves: number(&parts[0]), tree, openings: openings.collect(), ..document };
        prop_assert!(root.check(&changed).is_err());
    }
}
