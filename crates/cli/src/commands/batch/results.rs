//! `piecework batch results`: answers from the gateway, believed only as far as the chain proves them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_api::{LotResult, LotWithSlots, client::Client, manifest::Place};
use piecework_console::Problem;
use piecework_interface::{
    call::ResultClaim,
    host::sha256,
    ids::{BatchId, LotId},
    merkle::{self, Peaks},
    view::{Batch, BatchStatus, OpenBatch},
};
use serde::Serialize;

use super::{
    lookup,
    scored::{self, Copy},
};
use crate::context::Context;

/// Ranges of items named in the summary.
const RANGES: usize = 8;

/// `batch results`.
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// Number of the batch
    batch: u32,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What the gateway says of a lot, for the contract to judge, without its proof.
pub(super) fn claim(lot: &LotResult, batch: BatchId, width: u8) -> anyhow::Result<ResultClaim> {
    let mut answers = answers(lot, width)?;
    if lot.accepted == 0 && sha256(&answers) != lot.digest {
        // A lot that was closed without work settled without answers.
        answers.clear();
    }
    let accepted = lot.accepted.to_be_bytes();
    Ok(ResultClaim { batch, lot: lot.lot, n: lot.n, accepted, answers, proof: Vec::new() })
}

/// The batch, if the gateway has it already.
pub(super) async fn known(gateway: &Client, batch: BatchId) -> anyhow::Result<piecework_api::Batch> {
    gateway.batch(batch, None).await?.with_context(|| {
        Problem::new(
            format!("the gateway at {} does not know batch {batch} yet", gateway.host()),
            "try again in a moment; if it stays away, see the gateway's /status page",
        )
    })
}

/// One line of the result.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ItemResult {
    /// Place in the batch.
    index: u32,
    /// SHA-256 of the payload.
    item: String,
    /// The accepted answer, hex; null if none was accepted.
    answer: Option<String>,
    /// The answer as a number, if it has at most eight bytes: little-endian.
    label: Option<u64>,
    /// Whether an answer was accepted.
    accepted: bool,
    /// What became of the item.
    status: ItemStatus,
    /// All copies with their scores, in an adjudicated batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<Copy>,
    /// SHA-256 of the adjudicator's report, if its scores hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    /// Whether this is the gateway's word alone, since the contract has forgotten the batch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unproven: bool,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ItemStatus {
    /// An answer was accepted.
    Accepted,
    /// Its lot settled, and its copies did not agree.
    Unresolved,
    /// The adjudicator scored its copies.
    Scored,
    /// The adjudicator was silent or overturned, so all copies are paid in full.
    Unscored,
    /// Its lot was withdrawn: closed without a result, or without a claim when the batch was cancelled or closed.
    NotWorkedOn,
}

pub(super) async fn run(context: &Context, args: ResultsArgs) -> anyhow::Result<()> {
    let batch = BatchId(args.batch);
    let gateway = context.gateway()?;
    let on_chain = lookup(&context.coordinator()?, batch).await?;
    let known = known(&gateway, batch).await?;
    let terms = &known.record.terms;
    let digests = manifest(&gateway, &known, on_chain.as_ref().and_then(|batch| batch.open.as_ref())).await?;
    let results = match &on_chain {
        Some(on_chain) => settled(&gateway, on_chain, terms.answer_width).await?,
        None => {
            context.output.note(format!(
                "warning: batch {batch} was forgotten, so the contract has nothing that proves its results: what follows is the word of the gateway at {}",
                gateway.host()
            ));
            gateway.results(batch).await?
        }
    };
    if let Some(lot) = results.iter().find(|lot| lot.first_item != lot.lot.0.saturating_mul(terms.lot_size.into())) {
        bail!(untrue(lot.lot));
    }
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let mut settled = Vec::with_capacity(results.len());
    for lot in &results {
        if is_withdrawn(lot) {
            settled.extend(unworked(lot, &digests));
        } else if terms.adjudicator().is_some() {
            let scored = gateway.lot(batch, lot.lot).await?;
            settled.extend(scored_items(lot, &scored, terms.answer_width, &digests));
        } else {
            settled.extend(item_results(lot, &digests));
        }
    }
    let is_closed = on_chain.as_ref().is_none_or(|batch| batch.status == BatchStatus::Closed);
    let mut lines = lines(settled, &digests, is_closed);
    for line in &mut lines {
        line.unproven = on_chain.is_none();
        writeln!(out, "{}", serde_json::to_string(line)?).context("the results cannot be written")?;
    }
    out.flush().context("the results cannot be written")?;
    let proof = match on_chain {
        Some(_) => "proven against the contract's result root",
        None => "unproven: the contract has forgotten the batch",
    };
    context.output.note(format!("{}; {proof}", summary(&lines, digests.len())));
    Ok(())
}

/// One line for each item whose fate is known, by its place: in a closed batch all of them.
fn lines(settled: Vec<ItemResult>, digests: &[[u8; 32]], is_closed: bool) -> Vec<ItemResult> {
    let mut lines: BTreeMap<u32, ItemResult> = settled.into_iter().map(|line| (line.index, line)).collect();
    if is_closed {
        for (index, item) in (0..).zip(digests) {
            lines.entry(index).or_insert_with(|| ItemResult::new(index, item, ItemStatus::NotWorkedOn));
        }
    }
    lines.into_values().collect()
}

/// What became of all items, in a sentence.
fn summary(lines: &[ItemResult], items: usize) -> String {
    let of = |status| lines.iter().filter(move |line| line.status == status);
    let [scored, unscored] = [ItemStatus::Scored, ItemStatus::Unscored].map(|status| of(status).count());
    let mut text = match (scored, unscored) {
        (0, 0) => format!(
            "{} of {items} items accepted, {} without agreement",
            of(ItemStatus::Accepted).count(),
            of(ItemStatus::Unresolved).count()
        ),
        (scored, 0) => format!("{scored} of {items} items scored"),
        (scored, unscored) => {
            format!("{scored} of {items} items scored, {unscored} paid in full without scores that hold")
        }
    };
    let unworked: Vec<u32> = of(ItemStatus::NotWorkedOn).map(|line| line.index).collect();
    if !unworked.is_empty() {
        text.push_str(&format!(
            ", {} not worked on because their lots were skipped, cancelled or expired ({})",
            unworked.len(),
            ranges(&unworked)
        ));
    }
    let pending = items.saturating_sub(lines.len());
    if pending > 0 {
        text.push_str(&format!(", {pending} not settled yet"));
    }
    text
}

/// Ascending numbers as people read them, such as `items 0-59, 120-179`.
fn ranges(numbers: &[u32]) -> String {
    let runs: Vec<String> = numbers
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect();
    match runs.get(RANGES..) {
        Some(rest) if !rest.is_empty() => format!("items {} and more", runs[..RANGES].join(", ")),
        _ => format!("items {}", runs.join(", ")),
    }
}

/// The payload digests of all items, segment by segment.
async fn manifest(
    gateway: &Client,
    batch: &piecework_api::Batch,
    on_chain: Option<&OpenBatch>,
) -> anyhow::Result<Vec<[u8; 32]>> {
    let record = &batch.record;
    // A closed batch's manifests are the journal's word, which the gateway gives.
    if on_chain.is_some_and(|open| (open.manifest, open.appended) != (record.manifest, record.appended)) {
        let what = format!("the gateway at {} has other items of the batch than the chain", gateway.host());
        bail!(Problem::new(what, "try again in a moment; if it stays so, ask another gateway: --gateway-url URL"));
    }
    let mut digests = Vec::new();
    let mut appended = merkle::EMPTY;
    for segment in gateway.segments(batch.batch, 0).await? {
        let Some(place @ Place::Blob(_)) = Place::of(&segment.uri) else {
            bail!(Problem::new(
                format!("a manifest of the batch is at {}", segment.uri),
                "fetch it from there; gateways hold blob: manifests only",
            ));
        };
        let more = gateway.manifest(&place, segment.items, &segment.manifest).await?.with_context(|| {
            Problem::new(
                format!("the gateway at {} does not hold the manifest {}", gateway.host(), segment.uri),
                "ask the gateway that the batch was created with: --gateway-url URL",
            )
        })?;
        appended = segment.after(&appended);
        let is_first = segment.first_item > 0 || segment.manifest == record.manifest;
        if !is_first || usize::try_from(segment.first_item) != Ok(digests.len()) {
            bail!(untrue_segments(gateway));
        }
        digests.extend(more);
        if appended == record.appended && u32::try_from(digests.len()) == Ok(record.items) {
            return Ok(digests);
        }
    }
    bail!(untrue_segments(gateway))
}

fn untrue_segments(gateway: &Client) -> Problem {
    Problem::new(
        format!("the segments that the gateway at {} gives are not the batch's", gateway.host()),
        "do not use them; ask another gateway: --gateway-url URL",
    )
}

/// All settled lots, each digest recomputed, their range equal to the contract's.
pub(super) async fn settled(gateway: &Client, batch: &Batch, width: u8) -> anyhow::Result<Vec<LotResult>> {
    let mut results = gateway.results(batch.batch).await?;
    verify(&mut results, batch, width)?;
    Ok(results)
}

/// Checks the results against the contract's root. Lots that settled after the contract was read are left out.
fn verify(results: &mut Vec<LotResult>, batch: &Batch, width: u8) -> anyhow::Result<()> {
    results.truncate(usize::try_from(batch.settled)?);
    let mut range = Peaks::default();
    for (n, lot) in (0..).zip(results.iter()) {
        let answers = answers(lot, width)?;
        if lot.n != n || (lot.accepted != 0 && sha256(&answers) != lot.digest) {
            return Err(untrue(lot.lot).into());
        }
        range.append(sha256, merkle::result_leaf(sha256, n, lot.lot, lot.accepted, &lot.digest));
    }
    if range.count != batch.settled {
        bail!(Problem::new(
            format!("the gateway knows {} of {} settled lots", range.count, batch.settled),
            "try again in a moment; if it stays behind, see the gateway's /status page",
        ));
    }
    if merkle::bag(sha256, &range) != batch.results_root {
        bail!(Problem::new(
            "the gateway's results do not lead to the contract's result root",
            "do not use them; ask another gateway: --gateway-url URL",
        ));
    }
    Ok(())
}

/// The lot's answer bytes, zeros where nothing is accepted: exactly the items of the set have an answer.
fn answers(lot: &LotResult, width: u8) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (item, answer) in (0_u32..).zip(&lot.answers) {
        let is_accepted = lot.accepted.checked_shr(item).is_some_and(|bits| bits & 1 == 1);
        match answer {
            Some(answer) if is_accepted => bytes.extend(hex::decode(answer)?),
            None if !is_accepted => bytes.extend(std::iter::repeat_n(0, usize::from(width))),
            _ => return Err(untrue(lot.lot).into()),
        }
    }
    Ok(bytes)
}

impl ItemResult {
    /// An item without an accepted answer.
    fn new(index: u32, item: &[u8; 32], status: ItemStatus) -> Self {
        let item = hex::encode(item);
        let (answer, label, accepted, copies, report, unproven) = (None, None, false, Vec::new(), None, false);
        Self { index, item, answer, label, accepted, status, copies, report, unproven }
    }
}

/// Whether no node answered the lot. A lot with accepted answers has been worked on, whatever the gateway says.
const fn is_withdrawn(lot: &LotResult) -> bool {
    lot.withdrawn && lot.accepted == 0
}

/// The items of a withdrawn lot.
fn unworked<'a>(lot: &LotResult, digests: &'a [[u8; 32]]) -> impl Iterator<Item = ItemResult> + use<'a> {
    let first = usize::try_from(lot.first_item).unwrap_or(usize::MAX);
    let items = digests.iter().skip(first).take(lot.items.into());
    (lot.first_item..).zip(items).map(|(index, item)| ItemResult::new(index, item, ItemStatus::NotWorkedOn))
}

/// The items of an adjudicated lot with their copies; none if it closed without work.
fn scored_items(lot: &LotResult, scored: &LotWithSlots, width: u8, digests: &[[u8; 32]]) -> Vec<ItemResult> {
    let report = scored::verdict(scored, &lot.digest).map(|verdict| hex::encode(verdict.report));
    let status = if report.is_some() { ItemStatus::Scored } else { ItemStatus::Unscored };
    let item_result = |(item, index): (u8, u32)| {
        let copies = scored::copies(scored, item, width, &lot.digest);
        let line = ItemResult::new(index, digests.get(usize::try_from(index).ok()?)?, status);
        (!copies.is_empty()).then(|| ItemResult { copies, report: report.clone(), ..line })
    };
    (0..lot.items).zip(lot.first_item..).filter_map(item_result).collect()
}

fn item_results<'a>(lot: &'a LotResult, digests: &'a [[u8; 32]]) -> impl Iterator<Item = ItemResult> + 'a {
    (lot.first_item..).zip(&lot.answers).filter_map(|(index, answer)| {
        let item = digests.get(usize::try_from(index).ok()?)?;
        let label = answer.as_ref().and_then(|answer| label(answer));
        let accepted = answer.is_some();
        let status = if accepted { ItemStatus::Accepted } else { ItemStatus::Unresolved };
        Some(ItemResult { answer: answer.clone(), label, accepted, ..ItemResult::new(index, item, status) })
    })
}

fn label(answer: &str) -> Option<u64> {
    let bytes = hex::decode(answer).ok().filter(|bytes| bytes.len() <= 8)?;
    let mut number = [0; 8];
    number[..bytes.len()].copy_from_slice(&bytes);
    Some(u64::from_le_bytes(number))
}

fn untrue(lot: LotId) -> Problem {
    Problem::new(
        format!("the gateway's answers of lot {lot} do not have the digest that settled"),
        "do not use them; ask another gateway: --gateway-url URL",
    )
}

#[cfg(test)]
mod tests {
    use piecework_interface::amount::Amount;

    use super::*;

    fn lot(n: u32, answers: &[Option<u8>]) -> LotResult {
        let bytes: Vec<u8> = answers.iter().map(|answer| answer.unwrap_or(0)).collect();
        let accepted = (0..).zip(answers).fold(0_u64, |set, (item, answer)| set | u64::from(answer.is_some()) << item);
        LotResult {
            n,
            lot: LotId(n),
            first_item: n * 2,
            items: 2,
            withdrawn: false,
            accepted,
            overturned: None,
            answers: answers.iter().map(|answer| answer.map(|answer| hex::encode([answer]))).collect(),
            digest: sha256(&bytes),
            fee: Amount(0),
            refund: Amount(0),
            settled_at: 0,
            seq: 0,
        }
    }

    fn batch(results: &[LotResult]) -> Batch {
        let mut range = Peaks::default();
        for lot in results {
            range.append(sha256, merkle::result_leaf(sha256, lot.n, lot.lot, lot.accepted, &lot.digest));
        }
        Batch {
            batch: BatchId(0),
            status: BatchStatus::Closed,
            settled: range.count,
            results_root: merkle::bag(sha256, &range),
            callback: None,
            open: None,
        }
    }

    fn lots() -> Vec<LotResult> {
        vec![lot(0, &[Some(7), None]), lot(1, &[Some(3), Some(4)])]
    }

    #[test]
    fn results__should_be_believed_when_they_lead_to_the_root() {
        verify(&mut lots(), &batch(&lots()), 1).unwrap();
    }

    #[test]
    fn results__should_be_refused_when_an_answer_was_changed() {
        let mut forged = lots();
        forged[1].answers[0] = Some("05".to_owned());
        assert!(verify(&mut forged, &batch(&lots()), 1).unwrap_err().to_string().contains("lot 1"));
    }

    #[test]
    fn results__should_be_refused_when_answer_and_digest_were_changed() {
        let mut forged = lots();
        forged[1] = lot(1, &[Some(5), Some(4)]);
        assert!(verify(&mut forged, &batch(&lots()), 1).unwrap_err().to_string().contains("result root"));
    }

    #[test]
    fn results__should_be_refused_when_an_unaccepted_answer_was_added() {
        let mut forged = lots();
        forged[0].answers[1] = Some("00".to_owned());
        assert!(verify(&mut forged, &batch(&lots()), 1).is_err());
    }

    #[test]
    fn results__should_be_refused_when_an_answer_has_another_width() {
        for answer in ["0700", ""] {
            let mut forged = lots();
            forged[0].answers[0] = Some(answer.to_owned());
            assert!(verify(&mut forged, &batch(&lots()), 1).unwrap_err().to_string().contains("lot 0"), "{answer}");
        }
    }

    #[test]
    fn results__should_wait_for_a_gateway_that_is_behind() {
        let mut behind = lots();
        behind.pop();
        assert!(verify(&mut behind, &batch(&lots()), 1).unwrap_err().to_string().contains("1 of 2"));
    }

    #[test]
    fn results__should_give_items_with_labels() {
        let digests = [[1; 32], [2; 32], [3; 32], [4; 32]];
        let settled = lots().iter().flat_map(|lot| item_results(lot, &digests)).collect();
        let lines = lines(settled, &digests, false);
        assert_eq!((lines[0].label, lines[0].accepted), (Some(7), true));
        assert_eq!((lines[1].label, lines[1].status), (None, ItemStatus::Unresolved));
        assert_eq!((lines[3].index, lines[3].item.as_str()), (3, hex::encode([4; 32]).as_str()));
    }

    #[test]
    fn results__should_tell_what_was_never_worked_on_from_what_is_to_come() {
        // Given six items, of which the second lot settled
        let digests = [[0; 32]; 6];
        let settled = || item_results(&lots()[1], &digests).collect();

        // When the batch is open, and when it is closed
        let open = lines(settled(), &digests, false);
        let closed = lines(settled(), &digests, true);

        // Then the other items are to come, or never will
        assert_eq!(summary(&open, 6), "2 of 6 items accepted, 0 without agreement, 4 not settled yet");
        assert_eq!(closed.len(), 6);
        assert_eq!(
            summary(&closed, 6),
            "2 of 6 items accepted, 0 without agreement, \
             4 not worked on because their lots were skipped, cancelled or expired (items 0-1, 4-5)"
        );
    }

    #[test]
    fn results__should_tell_a_skipped_lot_from_one_without_agreement() {
        // Given an open batch of eight items, with a lot that settled without agreement and one that was skipped
        let digests = [[0; 32]; 8];
        let skipped = LotResult { withdrawn: true, ..lot(2, &[None, None]) };

        // When their items are put together
        let without: Vec<_> = item_results(&lot(1, &[None, None]), &digests).collect();
        let settled = without.into_iter().chain(unworked(&skipped, &digests)).collect();
        let lines = lines(settled, &digests, false);

        // Then the skipped ones are no result of any node
        assert_eq!((lines[2].index, lines[2].status), (4, ItemStatus::NotWorkedOn));
        assert_eq!(
            summary(&lines, 8),
            "0 of 8 items accepted, 2 without agreement, \
             2 not worked on because their lots were skipped, cancelled or expired (items 4-5), 4 not settled yet"
        );
        // And answers that are there are never hidden
        assert!(is_withdrawn(&skipped));
        assert!(!is_withdrawn(&LotResult { withdrawn: true, ..lot(1, &[Some(1), None]) }));
    }

    #[test]
    fn ranges__should_be_short() {
        assert_eq!(ranges(&[0, 1, 2, 7]), "items 0-2, 7");
        let odd: Vec<u32> = (0..20).map(|n| n * 2).collect();
        assert_eq!(ranges(&odd), "items 0, 2, 4, 6, 8, 10, 12, 14 and more");
    }
}
