//! `piecework batch challenge`: a jury looks at results again.

use clap::Args;
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    amount::Amount,
    call,
    dispute::{ChallengeRefusal, challenge_deposit},
    ids::{AccountNo, BatchId, Digest, LotId},
    view::{Lot, OpenBatch},
};
use serde::Serialize;

use super::{dispute, evidence::Evidence};
use crate::{
    commands::account,
    context::Context,
    tokens::{self, TokenInfo},
};

/// `batch challenge`, `intent sign challenge`.
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
    /// What shows that they are wrong: a file, which is uploaded, or the SHA-256 of what is published elsewhere
    #[arg(long, value_name = "FILE|HEX")]
    evidence: Option<String>,
}

/// What `batch challenge` takes.
#[derive(Debug, Args)]
pub struct SendArgs {
    #[command(flatten)]
    challenge: ChallengeArgs,
    /// Show the deposit, and stop
    #[arg(long)]
    dry_run: bool,
}

/// A challenge that the contract would take now.
pub struct Prepared {
    /// Token of the deposit.
    pub token: TokenInfo,
    /// Taken from the challenger's balance, in units of the token.
    pub deposit: u128,
    /// The call, without its evidence.
    call: call::ChallengeArgs,
    evidence: Option<Evidence>,
    /// Items, counted in the batch; none for scores.
    items: Vec<u32>,
}

/// A challenge.
#[derive(Debug, Serialize)]
pub(super) struct Challenged {
    batch: BatchId,
    lot: LotId,
    /// Items, counted in the batch; none for scores.
    items: Vec<u32>,
    /// Taken from the challenger's balance, in units of the batch's token.
    deposit: Amount,
    /// SHA-256 of the evidence, hex; zeros without.
    #[serde(with = "hex::serde")]
    evidence: Digest,
    /// Hash of the transaction; `None` after a dry run.
    pub(super) tx_hash: Option<String>,
}

impl ChallengeArgs {
    /// A challenge of items, counted in the batch, with a document that is published.
    pub(super) fn with_evidence(batch: BatchId, lot: LotId, items: Vec<u32>, evidence: &Digest) -> Self {
        Self { batch: batch.0, lot: lot.0, items, evidence: Some(hex::encode(evidence)) }
    }
}

impl Prepared {
    /// The call, once the evidence is uploaded.
    ///
    /// # Errors
    /// The gateway does not take it.
    pub async fn call(&self, context: &Context) -> anyhow::Result<call::ChallengeArgs> {
        let mut call = self.call.clone();
        if let Some(evidence) = &self.evidence {
            call.evidence = evidence.publish(context).await?;
        }
        Ok(call)
    }
}

/// Checks a challenge and counts its deposit. Nothing is sent.
///
/// # Errors
/// The lot's window is not open, or its items cannot be challenged.
pub async fn prepare(context: &Context, args: &ChallengeArgs) -> anyhow::Result<Prepared> {
    let (batch, coordinator) = (BatchId(args.batch), context.coordinator()?);
    let open = dispute::open(&coordinator, batch, "results are final once their lot is settled").await?;
    let lot = dispute::lot(&coordinator, batch, &open, LotId(args.lot)).await?;
    if dispute::disputable_s(&lot, &open, context.now_s().await?).is_none() {
        return Err(dispute::not_disputable(&lot, &open).into());
    }
    let items = chosen(&open, &lot, &args.items)?;
    let evidence = args.evidence.as_deref().map(Evidence::read).transpose()?;
    let deposit = challenge_deposit(&lot.state.terms(&open.terms), open.lot_items(lot.lot), set_of(&items));
    let token = tokens::resolve(context, Some(&open.token.to_string())).await?;
    context.output.note(format!(
        "the challenge takes a deposit of {} from the balance: it comes back, and slashes pay for it, if the jury agrees; \
         else it pays the jury",
        token.show(deposit)
    ));
    let call = call::ChallengeArgs { batch, lot: lot.lot, items, ..call::ChallengeArgs::default() };
    Ok(Prepared { token, deposit, call, evidence, items: args.items.clone() })
}

pub(super) async fn run(context: &Context, args: SendArgs) -> anyhow::Result<()> {
    let prepared = prepare(context, &args.challenge).await?;
    let token = prepared.token.clone();
    let challenged = send(context, prepared, !args.dry_run).await?;
    context.output.result(&challenged, || match challenged.tx_hash {
        None => format!("the deposit is {}; nothing was sent", token.show(challenged.deposit.0)),
        Some(_) => format!("challenged lot {}: a jury is drawn when its window is over", challenged.lot),
    })
}

/// Pays and sends a challenge, or only says what it would be.
pub(super) async fn send(context: &Context, prepared: Prepared, pays: bool) -> anyhow::Result<Challenged> {
    let (mut call, mut tx_hash) = (prepared.call.clone(), None);
    if pays {
        let signer = context.signer().await?;
        account::cover(context, signer.account_id(), &prepared.token, prepared.deposit, "the deposit").await?;
        call = prepared.call(context).await?;
        tx_hash = Some(context.call(&signer, calls::challenge(&call)).await?.tx_hash.to_string());
    }
    let (batch, lot, deposit) = (call.batch, call.lot, Amount(prepared.deposit));
    Ok(Challenged { batch, lot, items: prepared.items, deposit, evidence: call.evidence, tx_hash })
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
    let mut case = lot.state.case.as_deref().cloned().unwrap_or_default();
    let (set, count) = (set_of(&chosen), open.lot_items(lot.lot));
    // Neither who challenges nor when matters to whether these items can be.
    let challenge = case.challenge(&open.terms, count, (AccountNo(0), AccountNo(0), set), 0);
    challenge.map(|_| chosen).map_err(|refusal| match refusal {
        ChallengeRefusal::NoItem => Problem::new(refusal.text(), "name items of the lot"),
        ChallengeRefusal::Taken => {
            Problem::new("one of these items is challenged already", "leave it out: the jury looks at it anyway")
        }
        ChallengeRefusal::Full => Problem::new(
            refusal.text(),
            "the smallest is replaced by one of more items; see them with `piecework batch lot --json`",
        ),
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
        terms::{Terms, Verification},
        view::{LotPhase, LotState},
    };

    use super::*;

    fn open(verification: Verification) -> OpenBatch {
        dispute::tests::batch(Terms { lot_size: 4, verification, ..Terms::default() }, 7)
    }

    fn lot() -> Lot {
        let challenge = Challenge { account: AccountNo(9), operator: AccountNo(9), items: 0b100 };
        let case = Case { challenges: vec![challenge], ..Case::default() };
        let state = LotState { phase: LotPhase::Provisional, case: Some(Box::new(case)), ..LotState::default() };
        Lot { batch: BatchId(0), lot: LotId(1), state }
    }

    #[test]
    fn chosen__should_count_items_in_the_lot_and_refuse_others() {
        let open = open(Verification::Consensus);
        assert_eq!(chosen(&open, &lot(), &[4, 5]).unwrap(), [0, 1]);
        for (items, part) in
            [(&[3][..], "item 3 is not"), (&[7], "item 7 is not"), (&[6], "is challenged already"), (&[], "--items")]
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
