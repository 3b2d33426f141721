use piecework_interface::amount::Amount;
use piecework_revenue::{Accrual, EpochNo, Kind, Report, Span};
use proptest::prelude::*;

use super::{
    accrual::journals,
    market::{EPOCH, Journal, policy},
};

fn report(epochs: &[Accrual]) -> Report {
    let policy = policy();
    let epoch = EpochNo(EPOCH.0 + u32::try_from(epochs.len()).expect("epochs") - 1);
    let span = Span { first_seq: 5, next_seq: 9, digest: [1; 32] };
    Report::of((&policy, policy.digest().expect("digest")), epoch, (epoch.ends_at(7), span), epochs).expect("report")
}

/// Payout and what is carried on, of a node's line.
fn of(report: &Report, account_id: &str) -> Option<(u128, u128)> {
    let line = report.lines.iter().find(|line| line.kind == Kind::Node && line.account_id == account_id)?;
    Some((line.payout.0, line.carried_out.0))
}

#[test]
fn report__should_carry_what_is_too_little_and_pay_it_with_the_next() {
    // Given a node that earns 30 an epoch, of which 50 are paid at least
    let epoch = Journal::default().node(1, 10, &[]).lot(8, &[(1, 3_000)]).accrual();

    // Then it is carried once, paid with the next, and begins anew
    let epochs = vec![epoch; 4];
    assert_eq!(of(&report(&epochs[..1]), "1.near"), Some((0, 30)));
    assert_eq!(of(&report(&epochs[..2]), "1.near"), Some((60, 0)));
    assert_eq!(of(&report(&epochs[..3]), "1.near"), Some((0, 30)));
    assert_eq!(of(&report(&epochs), "1.near"), Some((60, 0)));
}

#[test]
fn report__should_give_the_reserve_what_was_too_little_to_its_period_s_end() {
    // Given a node that earned 30 once
    let (once, never) =
        (Journal::default().node(1, 10, &[]).lot(8, &[(1, 3_000)]).accrual(), Journal::default().accrual());
    let epochs = [once, never.clone(), never.clone(), never];

    // Then it waits for three epochs and lapses with the fourth
    assert_eq!(of(&report(&epochs[..3]), "1.near"), Some((0, 30)));
    let last = report(&epochs);
    assert_eq!(of(&last, "1.near"), Some((0, 0)));
    let reserve = last.lines.iter().find(|line| line.kind == Kind::Reserve).unwrap();
    assert_eq!((reserve.amount, reserve.payout), (Amount(0), Amount(30)));
}

#[test]
fn report__should_be_final_with_its_epoch_and_the_same_whenever_it_is_asked_for() {
    let (policy, epochs) = (policy(), [Journal::default().node(1, 10, &[]).lot(8, &[(1, 3_000)]).accrual()]);
    let at = |until| {
        let span = Span { first_seq: 5, next_seq: 9, digest: [1; 32] };
        Report::of((&policy, policy.digest().expect("digest")), EPOCH, (until, span), &epochs).unwrap()
    };
    let ends_at = EPOCH.ends_at(7);
    assert!(!at(ends_at - 1).is_final && at(ends_at).is_final);
    assert_eq!(at(ends_at).bytes().unwrap(), at(ends_at + 1_000_000).bytes().unwrap());
    assert_ne!(at(ends_at - 1).bytes().unwrap(), at(ends_at).bytes().unwrap());
}

proptest! {
    #[test]
    fn totals__should_conserve_every_unit(journals in prop::collection::vec(journals(), 1..9)) {
        // Given epochs of several carrying periods
        let accruals: Vec<Accrual> = journals.iter().map(Journal::accrual).collect();
        let (mut fees, mut paid, mut last) = (0, 0, 0);
        for end in 1..=accruals.len() {
            let first = (end - 1) / 4 * 4;
            let policy = policy();
            let epoch = EpochNo(EPOCH.0 + u32::try_from(end).unwrap() - 1);
            prop_assert_eq!(policy.carrying(epoch).count(), end - first);
            let span = Span { first_seq: 0, next_seq: 0, digest: [0; 32] };
            let report = Report::of((&policy, [0; 32]), epoch, (epoch.ends_at(7), span), &accruals[first..end]).unwrap();
            for total in &report.totals {
                prop_assert_eq!(total.fees.0, total.nodes.0 + total.referrers.0 + total.reserve.0);
                prop_assert_eq!(total.fees.0 + total.carried_in.0, total.payout.0 + total.carried_out.0);
                fees += total.fees.0;
                paid += total.payout.0;
                last = total.carried_out.0;
            }
        }
        prop_assert_eq!(fees, paid + last);
    }
}
