//! `piecework verify`, `piecework batch verify`: the contract itself says whether a lot's answers are the ones that settled; gold that is
//! open says who missed it.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::GoldDocument;
use piecework_chain::{BlockRef, Coordinator};
use piecework_console::Problem;
use piecework_interface::{
    call::ResultClaim,
    host::sha256,
    ids::{BatchId, LotId},
    merkle,
};
use serde_json::json;

use super::{find, gold, results, scored};
use crate::{context::Context, files};

/// `batch verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Number of the batch
    batch: u32,
    /// Lot; again for more [default: every settled one]
    #[arg(long = "lot", value_name = "LOT")]
    lots: Vec<u32>,
    /// Check these claims instead of the gateway's: JSON as --out writes it
    #[arg(long, value_name = "FILE", conflicts_with = "lots")]
    claims: Option<PathBuf>,
    /// Check this document of opened gold instead of all that the gateway has: a blob, as `batch open-gold` published it
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    gold: Option<PathBuf>,
    /// Write the claims with their proofs, one a line: arguments of the view `verify_result`, for whoever asks later
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, args: VerifyArgs) -> anyhow::Result<()> {
    let batch = BatchId(args.batch);
    // Proofs are for one block: a lot that settles meanwhile makes other ones.
    let block = BlockRef::Height(context.rpc.head().await?.height);
    let coordinator = context.coordinator()?.at(block);
    let claims = match &args.claims {
        Some(path) => read(path, batch)?,
        None => prove(context, &coordinator, batch, &args.lots, args.gold.is_some()).await?,
    };
    let bar = context.output.bar(u64::try_from(claims.len())?, "asking the contract");
    let mut lots = Vec::with_capacity(claims.len());
    for claim in &claims {
        lots.push((claim.lot, claim.n, coordinator.verify_result(claim).await?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        let mut out = BufWriter::new(file);
        for claim in &claims {
            writeln!(out, "{}", serde_json::to_string(claim)?).context("the claims cannot be written")?;
        }
        out.flush().context("the claims cannot be written")?;
    }
    let untrue: Vec<String> = lots.iter().filter(|(.., holds)| !holds).map(|(lot, ..)| lot.to_string()).collect();
    if !untrue.is_empty() {
        bail!(Problem::new(
            format!("the contract does not take the answers of lot {}", untrue.join(", ")),
            "do not use them; claims are void when a lot settled after their proofs were made: build them again",
        ));
    }
    let gold = match &args.claims {
        // Claims from a file need no gateway.
        Some(_) => None,
        None => {
            let document = args.gold.as_deref().map(document).transpose()?;
            gold::verify(context, &coordinator, batch, (&claims, &args.lots), document).await?
        }
    };
    let told = lots.iter().map(|(lot, n, holds)| json!({ "lot": lot, "n": n, "holds": holds })).collect::<Vec<_>>();
    context.output.result(&json!({ "batch": batch, "lots": told, "gold": gold }), || {
        let text = match lots.len() {
            0 => format!("no lot of batch {batch} has settled yet"),
            _ if !args.lots.is_empty() => {
                let names: Vec<String> = lots.iter().map(|(lot, ..)| lot.to_string()).collect();
                format!("the contract takes the answers of lot {} of batch {batch}", names.join(", "))
            }
            settled => format!("the contract takes the answers of all {settled} settled lots of batch {batch}"),
        };
        gold.iter().fold(text, |text, gold| format!("{text}\n{}", gold.describe()))
    })
}

/// Claims with their proofs, from the results that the gateway tells.
async fn prove(
    context: &Context,
    coordinator: &Coordinator,
    batch: BatchId,
    lots: &[u32],
    with_gold: bool,
) -> anyhow::Result<Vec<ResultClaim>> {
    let gateway = context.gateway()?;
    let on_chain = find(coordinator, batch).await?;
    let known = results::known(&gateway, batch).await?;
    let terms = &known.record.terms;
    let results = results::settled(&gateway, &on_chain, terms.answer_width).await?;
    let mut leaves = Vec::with_capacity(results.len());
    let mut claims = Vec::with_capacity(results.len());
    for lot in &results {
        let mut claim = results::claim(lot, batch, terms.answer_width)?;
        if terms.adjudicator().is_some() && sha256(&claim.answers) != lot.digest {
            claim.answers = scored::report(&gateway, lot.lot, &lot.digest).await?;
        }
        leaves.push(merkle::result_leaf(sha256, lot.n, lot.lot, lot.accepted, &lot.digest));
        claims.push(claim);
    }
    if let Some(lot) = lots.iter().find(|lot| claims.iter().all(|claim| claim.lot != LotId(**lot))) {
        bail!(Problem::new(
            format!("lot {lot} of batch {batch} has not settled"),
            format!("{} of its {} lots have; see `piecework batch watch {batch}`", claims.len(), known.lots),
        ));
    }
    if claims.is_empty() && !with_gold {
        let fix =
            format!("wait for one: `piecework batch watch {batch}`; openings of gold are checked before: --gold FILE");
        bail!(Problem::new(format!("no lot of batch {batch} has settled"), fix));
    }
    claims.retain(|claim| lots.is_empty() || lots.contains(&claim.lot.0));
    for claim in &mut claims {
        claim.proof = merkle::prove(sha256, &leaves, claim.n).context("a settled lot without a leaf")?.concat();
    }
    Ok(claims)
}

/// A document of opened gold.
fn document(path: &Path) -> anyhow::Result<GoldDocument> {
    let fix = "pass a document that `piecework batch open-gold` published: GET /v1/blobs/ its digest";
    let text = files::read_text(path, fix)?;
    Ok(serde_json::from_str(&text)
        .map_err(|error| Problem::new(format!("{} is no document of gold: {error}", path.display()), fix))?)
}

fn read(path: &Path, batch: BatchId) -> anyhow::Result<Vec<ResultClaim>> {
    let text = files::read_text(path, "check the path; `piecework batch verify --out FILE` writes one")?;
    let claims: Result<Vec<ResultClaim>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    let claims = claims.map_err(|error| {
        Problem::new(
            format!("{} holds no claims: {error}", path.display()),
            "each has batch, lot, n, accepted, answers and proof, as `piecework batch verify --out` writes them",
        )
    })?;
    if claims.is_empty() {
        bail!(Problem::new(format!("{} holds no claims", path.display()), "write some with --out"));
    }
    match claims.iter().find(|claim| claim.batch != batch) {
        None => Ok(claims),
        Some(claim) => {
            let what = format!("{} holds a claim about batch {}", path.display(), claim.batch);
            bail!(Problem::new(what, format!("verify it as `piecework batch verify {}`", claim.batch)))
        }
    }
}
