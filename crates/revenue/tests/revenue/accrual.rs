use piecework_interface::{amount::Amount, ids::BatchId};
use piecework_revenue::{Accrual, AccrualError, Kind, Why};
use proptest::prelude::*;

use super::market::{Journal, NEAR, POLICY, TOKEN, policy};

/// The worked example of the README.
#[test]
fn accrual__should_be_the_worked_example() {
    // Given an app that a referrer brought, whose lot pays 6,000 to node 1, 3,000 to node 2 and 1,000 to node 3; another requester's
    // lot that pays node 1 4,000 and withholds 70; and node 3, which took its stake away within the epoch
    let journal = Journal::default()
        .named(9, "app.near")
        .node(1, 10, &[])
        .node(2, 1, &[])
        .node(3, 0, &[])
        .lot(9, &[(1, 6_000), (2, 3_000), (3, 1_000)])
        .lot_with(8, &[(1, 4_000)], 70);

    // When the fees 200 and 80 + 70 are shared
    let accrual = journal.accrual();

    // Then node 1 gets half of 120 + 80, node 2 half of its 60, node 3 nothing of its 20, the referrer a tenth of 200, the reserve the rest
    let shares: Vec<(Kind, &str, u128)> =
        accrual.shares.iter().map(|((_, kind, name), share)| (*kind, name.as_str(), share.amount)).collect();
    assert_eq!(
        shares,
        [
            (Kind::Node, "1.near", 100),
            (Kind::Node, "2.near", 30),
            (Kind::Referrer, "referrer.near", 20),
            (Kind::Reserve, "reserve.near", 200),
        ]
    );
    assert_eq!(accrual.fees[&TOKEN], 350);
    let why = |kind, name: &str| &accrual.shares[&(TOKEN, kind, name.to_owned())].why;
    let work = Why::Work { fees: Amount(200), least_stake: Amount(10 * NEAR), bound: Amount(1_000) };
    assert_eq!(*why(Kind::Node, "1.near"), work);
    assert_eq!(*why(Kind::Reserve, "reserve.near"), Why::Rest { own: Amount(0), unbacked: Amount(20) });
}

#[test]
fn accrual__should_bound_work_by_the_stake_held_throughout() {
    // Given work on which 400 fees were paid, and stake that stands behind 300
    let journal = Journal::default().node(1, 3, &[]).lot(8, &[(1, 20_000)]);

    // Then half of 300 is the node's, and the rest the reserve's
    assert_eq!(journal.share(Kind::Node, "1.near"), 150);
    assert_eq!(journal.share(Kind::Reserve, "reserve.near"), 250);
}

#[test]
fn accrual__should_hold_a_share_to_its_maximum() {
    // Given a policy that gives one account 40 at most
    let policy = piecework_revenue::Policy::parse(&POLICY.replace("1000000", "40")).unwrap();
    let journal = Journal::default().node(1, 10, &[]).lot(8, &[(1, 20_000)]);

    // Then the node gets them, and the reserve the other 360
    let accrual = Accrual::of(&policy, &journal.inputs).unwrap();
    let amounts: Vec<u128> = accrual.shares.values().map(|share| share.amount).collect();
    assert_eq!(amounts, [40, 360]);
}

#[test]
fn accrual__should_leave_tokens_alone_that_the_policy_does_not_have() {
    let mut journal = Journal::default().node(1, 10, &[]).lot(8, &[(1, 20_000)]);
    journal.inputs.batches.get_mut(&BatchId(0)).unwrap().token.0 = 7;
    let accrual = journal.accrual();
    assert_eq!(accrual.other.into_iter().map(|(token, fees)| (token.0, fees)).collect::<Vec<_>>(), [(7, 400)]);
    assert_eq!(accrual.fees[&TOKEN], 0);
}

#[test]
fn accrual__should_refuse_what_the_rows_do_not_explain() {
    let mut journal = Journal::default().lot(8, &[(1, 20_000)]);
    let error = Accrual::of(&policy(), &journal.inputs).unwrap_err();
    assert!(matches!(error, AccrualError::Node(node) if node.0 == 1), "{error}");
    journal.inputs.batches.clear();
    assert_eq!(Accrual::of(&policy(), &journal.inputs).unwrap_err(), AccrualError::Batch(BatchId(0)));
}

#[test]
fn accrual__should_share_what_a_batch_s_own_referrer_leaves_of_the_fees() {
    // Given a batch of app.near that names another referrer, to which the contract pays a fifth of 200
    let journal = Journal::default().named(9, "app.near").node(1, 10, &[]).lot_with(9, &[(1, 10_000)], 5);
    let journal = journal.referred("chain.near", 20);

    // Then the treasury has 165, of which half of 160 is the node's and a tenth that referrer's, and not the file's
    assert_eq!(journal.accrual().fees[&TOKEN], 165);
    assert_eq!(journal.share(Kind::Node, "1.near"), 80);
    assert_eq!(journal.share(Kind::Referrer, "chain.near"), 16);
    assert_eq!(journal.share(Kind::Referrer, "referrer.near"), 0);
    assert_eq!(journal.share(Kind::Reserve, "reserve.near"), 69);
}

/// Twelve accounts: 0 to 5 work with stakes of 0 to 5 NEAR, 2 and 3 have operator 1, 9 is referred.
pub fn journals() -> impl Strategy<Value = Journal> {
    let pay = prop::collection::vec((0_u32..6, 0_u128..1 << 60), 0..6);
    let lot = (0_u32..12, pay, 0_u128..1_000, prop::option::of(0_u8..=50));
    prop::collection::vec(lot, 0..30).prop_map(|lots| {
        let mut journal = Journal::default().named(9, "app.near");
        for node in 0..6 {
            journal = journal.node(node, node.into(), if matches!(node, 2 | 3) { &[1] } else { &[] });
        }
        lots.into_iter().fold(journal, |journal, (requester, pay, extra, part)| {
            let journal = journal.lot_with(requester, &pay, extra);
            part.map_or(journal.clone(), |part| journal.referred("chain.near", part))
        })
    })
}

proptest! {
    #[test]
    fn accrual__should_add_up_to_the_fees_in_any_order_of_lots(journal in journals(), seed in any::<prop::sample::Index>()) {
        let accrual = journal.accrual();
        let shared: u128 = accrual.shares.values().map(|share| share.amount).sum();
        prop_assert_eq!(shared, journal.fees());
        prop_assert_eq!(accrual.days.values().sum::<u128>(), shared);

        let mut turned = journal.inputs.clone();
        let lots = turned.settled.len();
        if lots > 0 {
            turned.settled.rotate_left(seed.index(lots));
        }
        prop_assert_eq!(Accrual::of(&policy(), &turned).unwrap(), accrual);
    }
}
