//! Manifest tree and results range: one shape, one proof.
use piecework_interface::{
    host::sha256,
    ids::{Digest, LotId},
    merkle::{EMPTY, Peaks, bag, item_leaf, prove, result_leaf, root, verify},
};
use proptest::prelude::*;

fn digests(count: u8) -> Vec<Digest> {
    (0..count).map(|byte| sha256(&[byte])).collect()
}

fn joined(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], left.as_slice(), right.as_slice()].concat())
}

#[test]
fn root__should_be_zeros_when_there_is_nothing() {
    assert_eq!(root(sha256, &[]), EMPTY);
    assert_eq!(bag(sha256, &Peaks::default()), EMPTY);
}

#[test]
fn root__should_promote_the_odd_node() {
    // Given five items, written out by hand.
    let items = digests(5);
    let leaf: Vec<Digest> = items.iter().map(|digest| sha256(&[&[0], digest.as_slice()].concat())).collect();
    let four = joined(&joined(&leaf[0], &leaf[1]), &joined(&leaf[2], &leaf[3]));
    // When and then: the fifth is promoted twice.
    assert_eq!(root(sha256, &items), joined(&four, &leaf[4]));
    assert_eq!(root(sha256, &items[..3]), joined(&joined(&leaf[0], &leaf[1]), &leaf[2]));
    assert_eq!(root(sha256, &items[..1]), leaf[0]);
}

#[test]
fn result_leaf__should_bind_number_lot_items_and_answers() {
    let expected = sha256(
        &[&[0], 3_u32.to_le_bytes().as_slice(), &7_u32.to_le_bytes(), &0b101_u64.to_le_bytes(), &sha256(b"answers")]
            .concat(),
    );
    assert_eq!(result_leaf(sha256, 3, LotId(7), 0b101, &sha256(b"answers")), expected);
}

#[test]
fn range__should_keep_one_peak_per_set_bit() {
    let mut peaks = Peaks::default();
    for count in 1..=100_u8 {
        peaks.append(sha256, sha256(&[count]));
        assert_eq!(peaks.count, u32::from(count));
        assert_eq!(peaks.peaks.len(), peaks.count.count_ones() as usize);
    }
}

#[test]
fn prove__should_refuse_a_leaf_that_is_not_there() {
    assert_eq!(prove(sha256, &digests(3), 3), None);
    assert_eq!(prove(sha256, &[], 0), None);
    assert!(!verify(sha256, &EMPTY, 0, 0, EMPTY, &[]));
}

/// The tree by its definition, level by level.
fn by_levels(mut level: Vec<Digest>) -> Digest {
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| pair.get(1).map_or(pair[0], |right| joined(&pair[0], right))).collect();
    }
    level.first().copied().unwrap_or(EMPTY)
}

proptest! {
    #[test]
    fn range__should_equal_the_tree_over_the_same_leaves(count in 0_u8..=200) {
        let leaves = digests(count);
        let mut peaks = Peaks::default();
        leaves.iter().for_each(|leaf| peaks.append(sha256, *leaf));
        prop_assert_eq!(bag(sha256, &peaks), by_levels(leaves));
    }

    #[test]
    fn verify__should_accept_every_proof_and_nothing_else(count in 1_u8..=100, index in any::<u8>(), wrong in any::<u8>()) {
        let items = digests(count);
        let leaves: Vec<_> = items.iter().map(|digest| item_leaf(sha256, digest)).collect();
        let (root, index) = (root(sha256, &items), u32::from(index % count));
        let leaf = leaves[index as usize];
        let proof = prove(sha256, &leaves, index).unwrap();
        let count = u32::from(count);
        prop_assert!(verify(sha256, &root, count, index, leaf, &proof));
        // Then another leaf, another place, a longer, a shorter or a changed proof fails.
        let other = u32::from(wrong) % count;
        if other != index {
            prop_assert!(!verify(sha256, &root, count, other, leaf, &proof));
            prop_assert!(!verify(sha256, &root, count, index, leaves[other as usize], &proof));
        }
        prop_assert!(!verify(sha256, &root, count, index, leaf, &[proof.clone(), vec![leaf]].concat()));
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert!(!verify(sha256, &root, count, index, leaf, shorter));
            let mut changed = proof.clone();
            changed[usize::from(wrong) % proof.len()][0] ^= 1;
            prop_assert!(!verify(sha256, &root, count, index, leaf, &changed));
        }
        prop_assert!(!verify(sha256, &root, index, index, leaf, &proof));
    }
}

#[test]
fn range__should_prove_a_settled_lot() {
    // Given 13 settled lots.
    let leaves: Vec<_> = (0..13).map(|n| result_leaf(sha256, n, LotId(12 - n), 1, &sha256(&[9]))).collect();
    let mut peaks = Peaks::default();
    leaves.iter().for_each(|leaf| peaks.append(sha256, *leaf));
    let results_root = bag(sha256, &peaks);
    // When each is proved, then the results root of the batch accepts it.
    for (n, leaf) in (0..).zip(&leaves) {
        let proof = prove(sha256, &leaves, n).unwrap();
        assert!(verify(sha256, &results_root, 13, n, *leaf, &proof));
    }
}
