//! Lines as the contract did not write them: the replay must refuse each.

use piecework_coordinator::testing::{CONTRACT, Receipt};
use piecework_interface::{
    amount::Amount,
    answers::Items,
    event::{Abandoned, Entry, Line},
};
use piecework_replay::{Context, Mirror};

/// Applies lines one after the other, and before each what is forged of it. Panics at the first that is taken.
pub fn check(mut mirror: Mirror, written: &[(Receipt, Line)]) -> usize {
    let mut refused = 0;
    for (receipt, line) in written {
        let height = u32::try_from(receipt.height).expect("height");
        let apply = |mirror: &mut Mirror, line: &Line| {
            let text = line.render();
            let context = Context { contract: CONTRACT, now_s: receipt.now_s, height, text: &text, ops: &receipt.ops };
            mirror.apply(line, &context).map(drop)
        };
        for forged in forge(line) {
            assert!(apply(&mut mirror.clone(), &forged).is_err(), "forged, and taken: {}", forged.render());
            refused += 1;
        }
        apply(&mut mirror, line).expect("the line as it was written");
    }
    refused
}

/// Copies of a line, each with one amount, item or node of one entry changed; only changes that a replay can notice.
fn forge(line: &Line) -> Vec<Line> {
    let mut all = Vec::new();
    for (index, entry) in line.log.iter().enumerate() {
        for change in [more, other] {
            let mut forged = line.clone();
            if change(&mut forged.log[index]) {
                assert_ne!(forged.log[index], *entry);
                all.push(forged);
            }
        }
    }
    all
}

fn add(amount: &mut Amount) -> bool {
    amount.0 = amount.0.wrapping_add(1);
    true
}

fn slash(abandoned: &mut [Abandoned]) -> bool {
    abandoned.first_mut().is_some_and(|first| add(&mut first.slash))
}

/// An amount is one more.
fn more(entry: &mut Entry) -> bool {
    match entry {
        Entry::BatchCreated { escrow: amount, .. }
        | Entry::BatchAppended { escrow: amount, .. }
        | Entry::Raised { escrow: amount, .. }
        | Entry::AdjudicatorAccepted { amount, .. }
        | Entry::TreasuryPaid { amount, .. }
        | Entry::Released { slash: amount, .. }
        | Entry::Challenged { deposit: amount, .. }
        | Entry::Ruled { pot: amount, .. }
        | Entry::Settled { fee: amount, .. }
        | Entry::BatchPaid { fees: amount, .. }
        | Entry::BatchClosed { fees: amount, .. } => add(amount),
        Entry::Claimed { replaced: Some(replaced), .. } => add(&mut replaced.slash),
        Entry::Revealing { abandoned, .. } | Entry::Freed { abandoned, .. } => slash(abandoned),
        Entry::Seeded { tickets, .. } => {
            *tickets += 1;
            true
        }
        Entry::ExpiryExtended { expires_at, .. } => {
            *expires_at = 0;
            true
        }
        _ => false,
    }
}

/// Something else of it is other than the rules give.
fn other(entry: &mut Entry) -> bool {
    match entry {
        Entry::BatchCreated { fixed, .. } => fixed.fee_bps ^= 1,
        Entry::BatchAppended { opened, .. } => *opened = !*opened,
        Entry::Raised { reward, .. } => reward.0 ^= 1,
        Entry::Claimed { reward: Some(reward), .. } => reward.0 ^= 2,
        Entry::Claimed { reward, .. } => *reward = Some(Amount(2)),
        Entry::Extended { items, .. } => *items = Items(items.0 ^ 1),
        Entry::Provisional { digest, .. } => digest[0] ^= 1,
        Entry::Ruled { overturned, .. } => *overturned = Items(overturned.0 ^ 1),
        Entry::Settled { slots, .. } if !slots.is_empty() => slots[0].pay.0 = slots[0].pay.0.wrapping_add(1),
        Entry::Settled { refund, .. } => refund.0 = refund.0.wrapping_add(1),
        Entry::BatchPaid { fees, referral, .. } | Entry::BatchClosed { fees, referral, .. } if referral.0 > 1 => {
            (fees.0, referral.0) = (fees.0 + 1, referral.0 - 1);
        }
        Entry::BatchPaid { refund, .. } | Entry::BatchClosed { refund, .. } => refund.0 = refund.0.wrapping_add(1),
        _ => return false,
    }
    true
}
