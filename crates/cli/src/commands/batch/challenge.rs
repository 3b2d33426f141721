//! `piecework batch challenge`: a jury looks at results again.

use clap::Args;
use piecework_client::calls;
use piecework_console::{Problem, amount::format_near};
use piecework_interface::{
    amount::Amount,
    call,
    dispute::{ChallengeRefusal, challenge_bond},
    ids::{BatchId, LotId},
    view::{Lot, OpenBatch},
};
use serde::Serialize;

use super::dispute;
use crate::{commands::registered, context::Context};

/// `batch challenge`.
#[derive(Debug, Args)]
pub struct ChallengeArgs {
    /// Number of the batch
    batch: u32,
    /// Number of a lot that is provisional
    lot: u32,
    /// Items whose result is wrong, by their index in the batch, such as 4,7; not in an adjudicated batch, where the scores
    /// are challenged
    #[arg(long, value_delimiter = ',', value_name = "ITEMS")]
    items: Vec<u32>,
    /// Show the bond, and stop
    #[arg(long)]
    dry_run: bool,
}

/// A challenge.
#[derive(Debug, Serialize)]
struct Challenged {
    batch: BatchId,
    lot: LotId,
    /// Items, counted in the batch; none for scores.
    items: Vec<u32>,
    /// What it puts up, yoctoNEAR.
    bond: Amount,
    /// Hash of the transaction; `None` after a dry run.
    tx_hash: Option<String>,
}

pub(super) async fn run(context: &Context, args: ChallengeArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = dispute::open(&coordinator, batch, "results are final once their lot is settled").await?;
    let lot = dispute::lot(&coordinator, batch, &open, LotId(args.lot)).await?;
    if dispute::disputable_s(&lot, &open, context.now_s().await?).is_none() {
        return Err(dispute::not_disputable(&lot, &open).into());
    }
    let items = chosen(&open, &lot, &args.items)?;
    let bond = challenge_bond(&open.terms, &open.fixed, open.lot_items(lot.lot), set_of(&items));
    context.output.note(format!(
        "the challenge puts up {} NEAR: it comes back with what the jury costs if the jury agrees with you, else it pays the jury",
        format_near(bond)
    ));
    let mut challenged = Challenged { batch, lot: lot.lot, items: args.items, bond: Amount(bond), tx_hash: None };
    if !args.dry_run {
        let signer = context.signer().await?;
        registered(&coordinator, signer.account_id()).await?;
        let call = call::ChallengeArgs { batch, lot: lot.lot, items };
        let outcome = context.call(&signer, calls::challenge(&call, bond)).await?;
        challenged.tx_hash = Some(outcome.tx_hash.to_string());
    }
    context.output.result(&challenged, || match challenged.tx_hash {
        None => format!("the bond is {} NEAR; nothing was sent", format_near(bond)),
        Some(_) => format!("challenged lot {}: a jury is drawn when its window is over", lot.lot),
    })
}

/// The items as the contract counts them: in the lot; 0 for scores.
fn chosen(open: &OpenBatch, lot: &Lot, items: &[u32]) -> Result<Vec<u8>, Problem> {
    let chosen = if open.terms.adjudicator().is_some() {
        if !items.is_empty() {
            return Err(Problem::new(
                "an adjudicated batch has no results by item",
                "leave --items out: the scores are challenged",
            ));
        }
        vec![0]
    } else {
        let first = lot.lot.0.saturating_mul(u32::from(open.terms.lot_size));
        let count = open.lot_items(lot.lot);
        let range = format!("give items of lot {}: {first} to {}", lot.lot, first + u32::from(count).saturating_sub(1));
        if items.is_empty() {
            return Err(Problem::new("--items is missing", range));
        }
        let of_lot = |item: &u32| u8::try_from(item.checked_sub(first)?).ok().filter(|item| *item < count);
        let outside = |item: &u32| Problem::new(format!("item {item} is not in lot {}", lot.lot), &range);
        items.iter().map(|item| of_lot(item).ok_or_else(|| outside(item))).collect::<Result<Vec<_>, _>>()?
    };
    let case = lot.state.case.as_deref().cloned().unwrap_or_default();
    let (set, count) = (set_of(&chosen), open.lot_items(lot.lot));
    case.may_challenge(&open.terms, count, set).map(|()| chosen).map_err(|refusal| match refusal {
        ChallengeRefusal::NoItem => Problem::new(refusal.text(), "name items of the lot"),
        ChallengeRefusal::Taken => {
            Problem::new("somebody challenged that already", "leave it out: the jury looks at it anyway")
        }
        ChallengeRefusal::Full => Problem::new(refusal.text(), "wait for its jury: `piecework batch watch`"),
    })
}

/// Items of a lot as a set.
fn set_of(items: &[u8]) -> u64 {
    items.iter().fold(0, |set, item| set | 1 << (item % 64))
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        case::{Case, Challenge},
        ids::AccountNo,
        terms::{Terms, Verification},
        view::{LotPhase, LotState},
    };

    use super::*;

    fn open(verification: Verification) -> OpenBatch {
        dispute::tests::batch(Terms { lot_size: 4, verification, ..Terms::default() }, 7)
    }

    fn lot() -> Lot {
        let challenge = Challenge { account: AccountNo(9), items: 0b100, bond: Amount(1) };
        let case = Case { challenges: vec![challenge], ..Case::default() };
        let state = LotState { phase: LotPhase::Provisional, case: Some(Box::new(case)), ..LotState::default() };
        Lot { batch: BatchId(0), lot: LotId(1), state }
    }

    #[test]
    fn chosen__should_count_items_in_the_lot_and_refuse_others() {
        let open = open(Verification::Consensus);
        assert_eq!(chosen(&open, &lot(), &[4, 5]).unwrap(), [0, 1]);
        for (items, part) in
            [(&[3][..], "item 3 is not"), (&[7], "item 7 is not"), (&[6], "challenged that already"), (&[], "--items")]
        {
            let error = chosen(&open, &lot(), items).unwrap_err().to_string();
            assert!(error.contains(part), "{items:?}: {error}");
        }
    }

    #[test]
    fn chosen__should_be_the_scores_of_an_adjudicated_batch() {
        let open = open(Verification::Adjudicated { adjudicator: AccountNo(1), verdict_ttl_s: 600 });
        assert_eq!(chosen(&open, &lot(), &[]).unwrap(), [0]);
        assert!(chosen(&open, &lot(), &[4]).is_err());
    }
}
