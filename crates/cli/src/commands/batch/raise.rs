//! `piecework batch raise`: a higher reward for lots that wait.

use anyhow::bail;
use clap::Args;
use piecework_client::calls;
use piecework_console::{Problem, amount::Decimal};
use piecework_interface::{
    amount::Amount,
    call::BatchRaiseArgs,
    ids::{BatchId, LotId},
    lots, money,
    round::batch_closed_to_claims,
    terms::Terms,
    view::{BatchStatus, OpenBatch},
};
use serde::Serialize;

use super::{append::over, dispute, find};
use crate::{
    commands::{account, word},
    context::Context,
    tokens::{self, TokenInfo},
};

/// What is raised.
#[derive(Debug, Args)]
pub struct RaiseArgs {
    /// Number of the batch
    batch: u32,
    /// Reward for each copy of an item, in the token's decimals, above what it is
    #[arg(allow_negative_numbers = true)]
    reward: Decimal,
}

/// `batch raise`.
#[derive(Debug, Args)]
pub struct SendArgs {
    #[command(flatten)]
    raise: RaiseArgs,
    /// Show what it would lock, and stop
    #[arg(long)]
    dry_run: bool,
}

/// A raise that the batch allows, and what it locks now.
#[derive(Debug)]
pub struct Prepared {
    /// Token of the batch.
    pub token: TokenInfo,
    /// The call.
    pub call: BatchRaiseArgs,
    open: OpenBatch,
    estimate: Estimate,
}

/// What a raise comes to, if nothing else happens before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    /// Lots that wait for their first claim, and get the new reward.
    lots: u32,
    /// Added to the escrow, in units of the token.
    escrow: u128,
}

/// What was raised.
#[derive(Debug, Serialize)]
struct Raised {
    batch: BatchId,
    /// Reward of a copy of an item, in units of the token: before, and from now on.
    before: Amount,
    reward: Amount,
    /// Lots that waited for their first claim when the raise was prepared.
    lots: u32,
    /// Locked for them at most, fee included, in units of the token.
    escrow: Amount,
    /// Hash of the transaction; `None` unless one was sent.
    tx_hash: Option<String>,
}

/// Checks a raise and counts what it locks. Nothing is sent.
///
/// # Errors
/// The batch takes no raise to this.
pub async fn prepare(context: &Context, args: &RaiseArgs) -> anyhow::Result<Prepared> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let state = find(&coordinator, batch).await?;
    let Some(open) = state.open.filter(|_| state.status == BatchStatus::Open) else {
        bail!(Problem::new(format!("batch {batch} is {}", word(state.status)), "raise one that takes claims"));
    };
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    let reward = token.units(&args.reward)?;
    let now_s = context.now_s().await?;
    if !open.terms.may_be_raised_to(reward, false, now_s) {
        bail!(match batch_closed_to_claims(&open.terms, false, now_s) {
            true => over(batch, &open.terms),
            false => refused(&open.terms, reward, &token, batch),
        });
    }
    let last = LotId(lots::lot_count(open.items, open.terms.lot_size).saturating_sub(1));
    let last_lives = coordinator.lot(batch, last).await?.is_some();
    let estimate = estimate(&open, reward, state.settled, last_lives);
    Ok(Prepared { token, call: BatchRaiseArgs { batch, reward: Amount(reward) }, open, estimate })
}

/// Why a reward is no raise.
fn refused(terms: &Terms, reward: u128, token: &TokenInfo, batch: BatchId) -> Problem {
    let now = terms.reward.0;
    if reward <= now {
        let what = format!("the reward of batch {batch} is {} already", token.show(now));
        return Problem::new(what, "give more: a reward only rises");
    }
    if !reward.is_multiple_of(2) {
        let what = format!("{} are an odd number of units, and a copy may be paid half of it", token.show(reward));
        return Problem::new(what, format!("give {} or {}", token.show(reward - 1), token.show(reward + 1)));
    }
    Problem::new(format!("{} are 2^80 units or more", token.show(reward)), "give less")
}

fn estimate(open: &OpenBatch, reward: u128, settled: u32, last_lives: bool) -> Estimate {
    let waiting = open.waiting_lots(settled, last_lives);
    let escrow = money::raise(&open.terms, open.fixed.fee_bps, Amount(reward), waiting);
    Estimate { lots: waiting.0 + u32::from(waiting.1 > 0), escrow }
}

/// Checks, and raises.
///
/// # Errors
/// A check fails (then nothing was sent), or the chain refuses.
pub(super) async fn run(context: &Context, args: SendArgs) -> anyhow::Result<()> {
    let Prepared { token, call, open, estimate } = prepare(context, &args.raise).await?;
    let Estimate { lots, escrow } = estimate;
    let signer = dispute::requester(context, call.batch, &open).await?;
    account::cover(context, signer.account_id(), &token, escrow, "the raise").await?;
    context.output.note(format!(
        "{lots} lots wait for their first claim: the raise locks {} more for them at most, and comes back with what they do not use",
        token.show(escrow)
    ));
    if open.terms.adjudicator().is_some() {
        context
            .output
            .note("no lot begins before the adjudicator has topped its bond up to four parts of the new reward");
    }
    let (batch, before, reward) = (call.batch, open.terms.reward, call.reward);
    let mut raised = Raised { batch, before, reward, lots, escrow: Amount(escrow), tx_hash: None };
    if !args.dry_run {
        let outcome = context.call(&signer, calls::batch_raise(&call)).await?;
        raised.tx_hash = Some(outcome.tx_hash.to_string());
    }
    let (before, reward) = (token.show(before.0), token.show(reward.0));
    context.output.result(&raised, || match raised.tx_hash {
        Some(_) => {
            format!("raised the reward of batch {batch} from {before} to {reward}; lots that have begun keep theirs")
        }
        None => format!("{} would be locked; nothing was sent", token.show(escrow)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::batch::dispute::tests::batch;

    #[test]
    fn estimate__should_count_lots_that_wait_alone() {
        // Given ten items in lots of three at R = 100, of which a lot is settled and one at work
        let mut open = batch(Terms { lot_size: 3, start: 1, reward: Amount(100), ..Terms::default() }, 10);
        open.fixed.fee_bps = 1_000;
        (open.progress.live, open.progress.window.marks[0]) = (1, 1);
        // When it is raised to 200, then the other whole lot and the short one are priced anew, with their fee
        assert_eq!(estimate(&open, 200, 1, false), Estimate { lots: 2, escrow: 110 * (3 + 1) });
        // And if the short one is at work, the two whole ones
        assert_eq!(estimate(&open, 200, 1, true), Estimate { lots: 2, escrow: 110 * (3 + 3) });
    }
}
