//! Who tries to gain: none gets back more than his own fees.

use piecework_revenue::{Kind, Policy, SettledLot};
use proptest::prelude::*;

use super::{
    accrual::journals,
    market::{Journal, POLICY},
};

/// Honest work: node 1 earns 10,000 of requester 8.
fn honest() -> Journal {
    Journal::default().node(1, 10, &[]).lot(8, &[(1, 10_000)])
}

#[test]
fn own_batches__should_give_their_nodes_nothing() {
    // Given a node that works on its own batch, and one whose operator is the requester, as the chain allows once it is named later
    for journal in [honest().node(2, 10, &[]).lot(2, &[(2, 5_000)]), honest().node(2, 10, &[7]).lot(7, &[(2, 5_000)])] {
        assert_eq!(journal.share(Kind::Node, "2.near"), 0);
        assert_eq!(journal.share(Kind::Node, "1.near"), 100);
        assert_eq!(journal.share(Kind::Reserve, "reserve.near"), 200);
    }
    // And one that had the requester's operator at some time of the epoch
    let kin = honest().node(2, 10, &[5, 7]).node(3, 10, &[7]).lot(3, &[(2, 5_000)]);
    assert_eq!(kin.share(Kind::Node, "2.near"), 0);
}

#[test]
fn wash_work_under_another_name__should_take_nothing_from_others() {
    // Given a stranger's batch whose fees are a hundred times those of honest work
    let washed = honest().node(2, 1_000, &[]).lot(7, &[(2, 1_000_000)]);

    // Then who did it gets half of the fees that it paid itself, and honest work gets what it got before
    assert_eq!(washed.share(Kind::Node, "2.near"), 10_000);
    assert_eq!(washed.share(Kind::Node, "1.near"), honest().share(Kind::Node, "1.near"));
}

#[test]
fn stake_of_the_last_minute__should_give_nothing() {
    // Given a node that staked 160 NEAR within the epoch: throughout it, it held none
    let late = honest().node(2, 0, &[]).lot(8, &[(2, 10_000)]);
    assert_eq!(late.share(Kind::Node, "2.near"), 0);
    assert_eq!(late.share(Kind::Node, "1.near"), 100);
}

#[test]
fn many_nodes_of_one_operator__should_get_what_one_would() {
    // Given work on which 400 fees were paid and 3 NEAR, by one node, and by three of one operator
    let one = Journal::default().node(1, 3, &[]).lot(8, &[(1, 20_000)]);
    let many = (1..=3).fold(Journal::default(), |journal, node| journal.node(node, 1, &[4]));
    let many = many.lot(8, &[(1, 10_000), (2, 5_000), (3, 5_000)]);

    // Then three get no more than one
    let sum: u128 = ["1.near", "2.near", "3.near"].map(|name| many.share(Kind::Node, name)).iter().sum();
    assert_eq!((sum, one.share(Kind::Node, "1.near")), (150, 150));
}

#[test]
fn referrer_of_oneself__should_get_back_its_part_of_its_own_fees() {
    let policy = Policy::parse(&POLICY.replace("referrer.near", "app.near")).unwrap();
    let journal = Journal::default().named(9, "app.near").node(1, 10, &[]).lot(9, &[(1, 10_000)]);
    let accrual = piecework_revenue::Accrual::of(&policy, &journal.inputs).unwrap();
    let gets: Vec<u128> =
        accrual.shares.iter().filter(|((.., name), _)| name == "app.near").map(|(_, it)| it.amount).collect();
    assert_eq!(gets, [20]);
}

#[test]
fn treasury_and_reserve__should_earn_nothing_but_the_rest() {
    // Given a treasury that works for others, has others work, and refers
    let journal =
        Journal::default().named(2, "treasury.near").named(3, "reserve.near").node(1, 10, &[]).node(2, 10, &[]);
    let journal = journal.lot(8, &[(2, 10_000)]).lot(2, &[(1, 10_000)]).lot(3, &[(1, 10_000)]);
    let policy = Policy::parse(&POLICY.replace("referrer.near", "treasury.near")).unwrap();
    let accrual = piecework_revenue::Accrual::of(&policy, &journal.inputs).unwrap();
    let gets: Vec<_> = accrual.shares.iter().map(|((_, kind, name), it)| (*kind, name.as_str(), it.amount)).collect();
    assert_eq!(gets, [(Kind::Reserve, "reserve.near", 600)]);
}

proptest! {
    #[test]
    fn coalition__should_never_get_back_more_than_its_own_fees(journal in journals(), own in prop::collection::btree_set(0_u32..12, 0..12)) {
        // Given any coalition that holds nodes, requesters and the referrer among them
        let names: Vec<String> = own.iter().map(|account| journal.name(*account)).collect();
        let gets = |journal: &Journal| -> u128 {
            let shares = journal.accrual().shares;
            let mine = shares.iter().filter(|((_, kind, name), _)| match kind {
                Kind::Node => names.contains(name),
                // Whatever referrer there is, by file or by batch, may be theirs.
                Kind::Referrer => own.contains(&9) || name == "chain.near",
                Kind::Reserve => false,
            });
            mine.map(|(_, share)| share.amount).sum()
        };

        // When its own batches are taken out of the journal
        let mut without = journal.clone();
        let is_own = |lot: &SettledLot| own.contains(&journal.inputs.batches[&lot.batch].requester.0);
        without.inputs.settled.retain(|lot| !is_own(lot));
        let paid: u128 = journal.inputs.settled.iter().filter(|lot| is_own(lot)).map(|lot| lot.fee).sum();

        // Then they gave it no more than the fees that it paid for them
        prop_assert!(gets(&journal) <= gets(&without) + paid);

        // And others no less than without it
        for ((token, kind, name), share) in without.accrual().shares {
            if kind != Kind::Reserve {
                let with = journal.accrual().shares.get(&(token, kind, name)).map_or(0, |share| share.amount);
                prop_assert!(with >= share.amount);
            }
        }
    }
}
