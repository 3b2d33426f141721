//! `piecework batch adjudicator-accept`, `resign` and `verdict`: what the one who scores copies does.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use piecework_chain::{Coordinator, Sender};
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    call,
    dispute::{SCORE_FULL, adjudicator_bond},
    ids::{BatchId, LotId},
    view::{Lot, LotPhase, OpenBatch},
};
use serde_json::json;

use super::{dispute, evidence};
use crate::{commands::account, context::Context, files, tokens};

/// `batch verdict`.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// Number of the batch
    batch: u32,
    /// Number of a lot whose answers are shown
    lot: u32,
    /// A score of 0 to 10000 for each copy, in the lot's order, such as 10000,9000,0
    #[arg(long, value_delimiter = ',', required = true, value_name = "SCORES")]
    scores: Vec<u16>,
    /// Report from which anybody can recompute the scores; it is uploaded, and the contract keeps its SHA-256
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
}

pub(super) async fn accept(context: &Context, batch: BatchId) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let signer = context.signer().await?;
    let open = adjudicated(&coordinator, &signer, batch).await?;
    let bond = adjudicator_bond(&open.terms);
    let held = open.progress.bond.0;
    let amount = bond.saturating_sub(held);
    if open.progress.accepted && amount == 0 {
        bail!(Problem::new(
            format!("batch {batch} is accepted already"),
            "score its lots with `piecework batch verdict`",
        ));
    }
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    account::cover(context, signer.account_id(), &token, amount, "the bond").await?;
    context.output.note(format!(
        "the bond is {}, of which {} are taken from the balance: a part of it is lost with each lot whose scores a jury \
         overturns or that is left unscored",
        token.show(bond),
        token.show(amount)
    ));
    let outcome = context.call(&signer, calls::adjudicator_accept(batch)).await?;
    let accepted = json!({
        "batch": batch, "bond": bond.to_string(), "amount": amount.to_string(), "tx_hash": outcome.tx_hash.to_string(),
    });
    context.output.result(&accepted, || match held {
        0 => format!("accepted batch {batch}: its lots can be claimed now"),
        _ => format!("topped up the bond of batch {batch} to {}", token.show(bond)),
    })
}

pub(super) async fn resign(context: &Context, batch: BatchId) -> anyhow::Result<()> {
    let coordinator = context.coordinator()?;
    let signer = context.signer().await?;
    let open = adjudicated(&coordinator, &signer, batch).await?;
    if !open.progress.accepted {
        bail!(Problem::new(
            format!("{} does not stand behind batch {batch}", signer.account_id()),
            format!("accept it with `piecework batch adjudicator-accept {batch}`"),
        ));
    }
    let outcome = context.call(&signer, calls::adjudicator_resign(batch)).await?;
    let (bond, live) = (open.progress.bond, open.progress.live);
    let resigned = json!({ "batch": batch, "bond": bond, "live": live, "tx_hash": outcome.tx_hash.to_string() });
    context.output.result(&resigned, || {
        format!("resigned from batch {batch}: no lot begins any more; {live} at work still wait for scores, and the bond returns when the batch closes")
    })
}

pub(super) async fn run(context: &Context, args: VerdictArgs) -> anyhow::Result<()> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let signer = context.signer().await?;
    let open = adjudicated(&coordinator, &signer, batch).await?;
    let lot = dispute::lot(&coordinator, batch, &open, LotId(args.lot)).await?;
    check(&lot, &args.scores)?;
    let report = files::read(&args.report, "write the report first, and check the path")?;
    let digest = evidence::publish(context, &report).await?;
    let call = call::VerdictArgs { batch, lot: lot.lot, scores: args.scores, report: digest };
    let outcome = context.call(&signer, calls::verdict(&call)).await?;
    let given = json!({
        "batch": batch, "lot": lot.lot, "scores": call.scores, "report": hex::encode(digest),
        "tx_hash": outcome.tx_hash.to_string(),
    });
    context.output.result(&given, || match lot.state.appeal {
        true => format!("scored lot {}: it settles when its challenge window is over", lot.lot),
        false => format!("scored lot {}, which settled: its class had too few nodes for appeals", lot.lot),
    })
}

/// An open batch that the signer scores.
async fn adjudicated(coordinator: &Coordinator, signer: &Sender, batch: BatchId) -> anyhow::Result<OpenBatch> {
    let open = dispute::open(coordinator, batch, "there is nothing to score any more").await?;
    let Some(adjudicator) = open.terms.adjudicator() else {
        let fix = "equal answers are counted there; name one with `piecework batch create --adjudicator`";
        bail!(Problem::new(format!("batch {batch} has no adjudicator"), fix));
    };
    if coordinator.account_no(signer.account_id()).await? != Some(adjudicator) {
        let what = format!("{} is not the adjudicator of batch {batch}", signer.account_id());
        bail!(Problem::new(what, "sign with the adjudicator's key: --key-file FILE"));
    }
    Ok(open)
}

fn check(lot: &Lot, scores: &[u16]) -> Result<(), Problem> {
    if lot.state.phase != LotPhase::Judging {
        return Err(Problem::new(
            format!("lot {} does not wait for a verdict", lot.lot),
            format!(
                "its answers are not shown yet, or it is scored: see `piecework batch lot {} {}`",
                lot.batch, lot.lot
            ),
        ));
    }
    let copies = lot.state.slots.len();
    if scores.len() != copies {
        return Err(Problem::new(
            format!("lot {} has {copies} copies, and --scores has {}", lot.lot, scores.len()),
            format!("give one score for each copy, in the order of `piecework batch lot {} {}`", lot.batch, lot.lot),
        ));
    }
    match scores.iter().find(|score| **score > SCORE_FULL) {
        Some(score) => Err(Problem::new(format!("{score} is no score"), "scores are 0 to 10000")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        ids::AccountNo,
        view::{LotState, Slot, SlotPhase},
    };

    use super::*;

    #[test]
    fn check__should_want_a_score_for_each_copy() {
        let slot = |node| Slot {
            node: AccountNo(node),
            operator: AccountNo(node),
            round: 0,
            phase: SlotPhase::Revealed(vec![1]),
        };
        let state = LotState { phase: LotPhase::Judging, slots: vec![slot(1), slot(2)], ..LotState::default() };
        let mut lot = Lot { batch: BatchId(0), lot: LotId(3), state };
        let said = |lot: &Lot, scores: &[u16]| check(lot, scores).map_err(|error| error.to_string());
        assert_eq!(said(&lot, &[10_000, 0]), Ok(()));
        assert_eq!(said(&lot, &[1]).unwrap_err(), "lot 3 has 2 copies, and --scores has 1");
        assert_eq!(said(&lot, &[1, 10_001]).unwrap_err(), "10001 is no score");
        lot.state.phase = LotPhase::Provisional;
        assert_eq!(said(&lot, &[1, 2]).unwrap_err(), "lot 3 does not wait for a verdict");
    }
}
