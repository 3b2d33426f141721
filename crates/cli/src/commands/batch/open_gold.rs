//! `piecework batch open-gold`: answers that a requester fixed before work are published once work has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use piecework_api::{
    Batch, Lot, LotState,
    client::Client,
    gold::{GoldAnswer, GoldItem, GoldRoot, GoldSecret, Said, takes_answers},
};
use piecework_console::{Problem, table};
use piecework_interface::{
    amount::Amount,
    host::sha256,
    ids::{BatchId, Digest, LotId},
    round::batch_closed_to_claims,
    view::{self, LotPhase, OpenBatch},
};
use serde::Serialize;

use super::{
    challenge::{self, ChallengeArgs},
    dispute, lot, results,
};
use crate::{
    commands::{date, word},
    context::Context,
    gold,
};

/// Requests under way at once.
const IN_FLIGHT: usize = 16;

/// `batch open-gold`.
#[derive(Debug, Args)]
pub struct OpenGoldArgs {
    /// Number of the batch
    batch: u32,
    /// What `batch create --gold` kept: gold-….json
    #[arg(long, value_name = "FILE")]
    gold: PathBuf,
    /// Items to open, by their index in the batch, such as 4,7 [default: all whose lot takes no answers any more]
    #[arg(long = "item", value_delimiter = ',', value_name = "ITEMS")]
    items: Vec<u32>,
    /// Challenge provisional results that are not gold's, with what is published as evidence, for deposits out of the balance
    #[arg(long)]
    challenge: bool,
}

/// What was opened.
#[derive(Debug, Serialize)]
struct Opened {
    batch: BatchId,
    /// SHA-256 of the document: a blob, and the evidence of challenges.
    document: String,
    /// Leaves that were not open before.
    added: u32,
    /// Leaves that are open now, and all of them.
    opened: u32,
    leaves: u32,
    items: Vec<OpenedItem>,
    /// Items with gold whose lots still take answers.
    closed: Vec<u32>,
    challenges: Vec<Disputed>,
    /// Why results against gold were not challenged, if that was asked for.
    unchallenged: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct OpenedItem {
    item: u32,
    lot: LotId,
    state: LotState,
    /// Gold's answer, hex.
    answer: String,
    /// The result, provisional or settled, hex.
    result: Option<String>,
    /// Whether there is a result, and it is not gold's.
    against: bool,
    /// Copies that gave gold's answer.
    right: usize,
    /// Nodes that gave another.
    missed: Vec<String>,
    /// Nodes that committed and did not reveal.
    silent: Vec<String>,
}

/// Results of a lot that can be challenged, or were.
#[derive(Debug, Serialize)]
struct Disputed {
    lot: LotId,
    items: Vec<u32>,
    /// In units of the batch's token.
    deposit: Amount,
    /// Unix time at which the window ends, seconds.
    until: u32,
    command: String,
    /// Hash of the transaction; `None` unless it was sent.
    tx_hash: Option<String>,
}

pub(super) async fn run(context: &Context, args: OpenGoldArgs) -> anyhow::Result<()> {
    let batch = BatchId(args.batch);
    let gateway = context.gateway()?;
    let secret = gold::open(&args.gold)?;
    let known = results::known(&gateway, batch).await?;
    let root = root_of(&known, &secret)?;
    let lots = lots(&gateway, &known, &secret).await?;
    let opens = chosen(&known, &secret, &lots, &args.items)?;
    let standing = Standing::read(context, &known, lots.keys().copied()).await?;
    standing.refuse_early(&known, &opens, context.now_s().await?)?;
    let document = secret.open(|item| opens.contains(&item));
    root.check(&document)?;
    let bytes = serde_json::to_vec(&document)?;
    let stored = gateway.post_gold(batch, &bytes).await?;
    let digest = sha256(&bytes);
    if stored.added == 0 {
        // The gateway keeps nothing twice, and a challenge names these bytes.
        gateway.put_blob(&digest, &bytes).await?;
    }
    let (_, items) = gateway.gold(batch).await?;
    let items: Vec<OpenedItem> = secret
        .answers()
        .iter()
        .filter(|gold| opens.contains(&gold.item))
        .map(|gold| {
            let published = items.iter().find(|item| item.opening.item == gold.item);
            standing.item(lot_of(&known, gold.item), gold, published)
        })
        .collect();
    let challenges = disputes(context, &standing, &items, (&digest, batch), args.challenge).await?;
    let unchallenged = if args.challenge { unchallenged(&standing, &items, &challenges) } else { Vec::new() };
    let opened = Opened {
        batch,
        document: hex::encode(digest),
        added: stored.added,
        opened: stored.opened,
        leaves: document.leaves,
        closed: secret.answers().iter().map(|known| known.item).filter(|item| !opens.contains(item)).collect(),
        items,
        challenges,
        unchallenged,
    };
    context.output.result(&opened, || describe(&opened))
}

/// The batch's root, if it is the one that the file was made for.
fn root_of(known: &Batch, secret: &GoldSecret) -> Result<GoldRoot, Problem> {
    let fix = "pass the gold-….json that `piecework batch create --gold` wrote for this batch";
    let root = GoldRoot::of(known)
        .ok_or_else(|| Problem::new(format!("batch {} was created without gold", known.batch), fix))?;
    if root.root == secret.root() {
        return Ok(root);
    }
    let what = format!("the file is of the gold root {}, not of batch {}'s", hex::encode(secret.root()), known.batch);
    Err(Problem::new(what, fix))
}

fn lot_of(known: &Batch, item: u32) -> LotId {
    LotId(item / u32::from(known.record.terms.lot_size.max(1)))
}

/// The lots that have gold, by number.
async fn lots(gateway: &Client, known: &Batch, secret: &GoldSecret) -> anyhow::Result<BTreeMap<LotId, Lot>> {
    let wanted: BTreeSet<LotId> = secret.answers().iter().map(|answer| lot_of(known, answer.item)).collect();
    let lot = |number: LotId| async move { anyhow::Ok((number, gateway.lot(known.batch, number).await?.lot)) };
    stream::iter(wanted).map(lot).buffer_unordered(IN_FLIGHT).try_collect().await
}

/// The items to open: those that are named, or all whose lot takes no answers any more.
fn chosen(
    known: &Batch,
    secret: &GoldSecret,
    lots: &BTreeMap<LotId, Lot>,
    items: &[u32],
) -> Result<BTreeSet<u32>, Problem> {
    let lot = |item: u32| lots.get(&lot_of(known, item));
    let early = |item: u32| lot(item).filter(|lot| takes_answers(known.status, lot.state));
    let golden: BTreeSet<u32> = secret.answers().iter().map(|answer| answer.item).collect();
    if let Some(item) = items.iter().find(|item| !golden.contains(item)) {
        return Err(Problem::new(format!("item {item} has no gold"), "name items of the file, or none for all"));
    }
    if let Some((item, lot)) = items.iter().find_map(|item| Some((item, early(*item)?))) {
        let what = format!("lot {} still takes answers, and opening item {item} would feed copiers", lot.lot);
        return Err(Problem::new(what, when(known, lot)));
    }
    let chosen: BTreeSet<u32> = if items.is_empty() {
        golden.into_iter().filter(|item| early(*item).is_none()).collect()
    } else {
        items.iter().copied().collect()
    };
    if chosen.is_empty() {
        let fix = format!("try again when one is provisional or settled: `piecework batch watch {}`", known.batch);
        return Err(Problem::new(format!("every lot with gold of batch {} still takes answers", known.batch), fix));
    }
    Ok(chosen)
}

/// When a lot that takes answers can be opened.
fn when(known: &Batch, lot: &Lot) -> String {
    let record = &known.record;
    match lot.state {
        LotState::Revealing => {
            let record_of = view::LotState { phase_at: lot.phase_at, ..view::LotState::default() };
            let end = date(record_of.reveal_end(&record.terms));
            format!("its reveals end {end}: try again when its answers are tallied")
        }
        LotState::Open => {
            let end = date(record.terms.expires_at);
            format!(
                "nobody claimed it yet: try again when it is provisional or settled, or the batch is closed; claims end {end}"
            )
        }
        state => format!(
            "it is {}: try again when it is provisional or settled; see `piecework batch watch {}`",
            word(state),
            known.batch
        ),
    }
}

/// Lots with a record on the chain, and results of those that are provisional: the contract's word decides, never a
/// gateway's, which could have gold shown while nodes still answer, or have right results challenged.
struct Standing {
    open: Option<OpenBatch>,
    cancelled: bool,
    lots: BTreeMap<LotId, view::Lot>,
    results: BTreeMap<u32, Option<String>>,
}

impl Standing {
    async fn read(context: &Context, known: &Batch, lots: impl Iterator<Item = LotId>) -> anyhow::Result<Self> {
        let (coordinator, batch) = (context.coordinator()?, known.batch);
        let found = super::find(&coordinator, batch).await?;
        let cancelled = found.status == view::BatchStatus::Cancelled;
        let mut standing = Self { open: None, cancelled, lots: BTreeMap::new(), results: BTreeMap::new() };
        let Some(open) = found.open else { return Ok(standing) };
        for number in lots {
            let Some(found) = coordinator.lot(batch, number).await? else { continue };
            if found.state.phase == LotPhase::Provisional {
                standing.results.extend(lot::items(&open, &found).into_iter().map(|item| (item.index, item.result)));
            }
            standing.lots.insert(number, found);
        }
        standing.open = Some(open);
        Ok(standing)
    }

    /// Refuses items of lots that take answers on the chain, whatever the gateway says.
    fn refuse_early(&self, known: &Batch, items: &BTreeSet<u32>, now_s: u32) -> Result<(), Problem> {
        let Some(open) = &self.open else { return Ok(()) };
        let takes_answers = |lot: &LotId| match self.lots.get(lot) {
            Some(found) => matches!(found.state.phase, LotPhase::Working | LotPhase::Revealing),
            None => {
                !open.progress.window.is_marked(*lot) && !batch_closed_to_claims(&open.terms, self.cancelled, now_s)
            }
        };
        match items.iter().map(|item| lot_of(known, *item)).find(takes_answers) {
            None => Ok(()),
            Some(lot) => Err(Problem::new(
                format!("lot {lot} still takes answers on the chain, though the gateway has it as ended"),
                "nothing was sent; the gateway lags or lies: ask another with --gateway-url URL",
            )),
        }
    }

    /// An item with gold: its result is the chain's while its lot has a record, then the gateway's.
    fn item(&self, lot: LotId, gold: &GoldAnswer, published: Option<&GoldItem>) -> OpenedItem {
        let answer = hex::encode(&gold.answer);
        let result = match self.lots.get(&lot) {
            Some(_) => self.results.get(&gold.item).cloned().flatten(),
            None => published.and_then(|item| item.accepted.clone()),
        };
        let nodes = |said| {
            let copies = published.into_iter().flat_map(|item| &item.copies);
            copies.filter(|copy| copy.said == said).map(|copy| copy.node_id.clone()).collect::<Vec<_>>()
        };
        OpenedItem {
            item: gold.item,
            lot,
            state: if self.lots.contains_key(&lot) { LotState::Provisional } else { LotState::Settled },
            against: result.as_ref().is_some_and(|result| *result != answer),
            answer,
            result,
            right: nodes(Said::Right).len(),
            missed: nodes(Said::Missed),
            silent: nodes(Said::Silent),
        }
    }
}

/// Results against gold that can be challenged now: each lot's, and whether that was done.
async fn disputes(
    context: &Context,
    standing: &Standing,
    items: &[OpenedItem],
    (digest, batch): (&Digest, BatchId),
    pays: bool,
) -> anyhow::Result<Vec<Disputed>> {
    let Some(open) = &standing.open else { return Ok(Vec::new()) };
    let now_s = context.now_s().await?;
    let mut disputes = Vec::new();
    for (number, lot) in &standing.lots {
        let challenged = lot.state.case.as_ref().map_or(0, |case| case.challenged());
        let first = number.0.saturating_mul(u32::from(open.terms.lot_size));
        let wrong = items.iter().filter(|item| item.lot == *number && item.against).map(|item| item.item);
        let wrong: Vec<u32> =
            wrong.filter(|item| challenged.checked_shr(item.saturating_sub(first)).unwrap_or(0) & 1 == 0).collect();
        let Some(left_s) = dispute::disputable_s(lot, open, now_s).filter(|_| !wrong.is_empty()) else { continue };
        let list = wrong.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let command =
            format!("piecework batch challenge {batch} {number} --items {list} --evidence {}", hex::encode(digest));
        let args = ChallengeArgs::with_evidence(batch, *number, wrong.clone(), digest);
        let prepared = challenge::prepare(context, &args).await?;
        let deposit = Amount(prepared.deposit);
        let tx_hash = if pays { challenge::send(context, prepared, true).await?.tx_hash } else { None };
        let until = now_s.saturating_add(left_s);
        disputes.push(Disputed { lot: *number, items: wrong, deposit, until, command, tx_hash });
    }
    Ok(disputes)
}

/// Why lots with results against gold were not challenged; one line if there is none.
fn unchallenged(standing: &Standing, items: &[OpenedItem], challenges: &[Disputed]) -> Vec<String> {
    let against: BTreeSet<LotId> = items.iter().filter(|item| item.against).map(|item| item.lot).collect();
    if against.is_empty() {
        return vec!["nothing was challenged: no result stands against gold".to_owned()];
    }
    let rest = against.into_iter().filter(|lot| challenges.iter().all(|dispute| dispute.lot != *lot));
    rest.map(|lot| match standing.lots.get(&lot) {
        None => format!("lot {lot} was not challenged: it is settled, and a settled result stands for ever"),
        Some(found) if found.state.case.as_ref().is_some_and(|case| !case.challenges.is_empty()) => {
            format!("lot {lot} was not challenged: these results are challenged already")
        }
        Some(_) => format!("lot {lot} was not challenged: its window is over, or its results cannot be disputed"),
    })
    .collect()
}

fn describe(opened: &Opened) -> String {
    let names = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(" ") };
    let row = |item: &OpenedItem| {
        let result = item.result.clone().unwrap_or_else(|| "none".to_owned());
        let result = if item.against { format!("{result} against") } else { result };
        let (missed, silent) = (names(&item.missed), names(&item.silent));
        vec![item.item.to_string(), item.answer.clone(), result, item.right.to_string(), missed, silent]
    };
    let mut lines = vec![
        format!(
            "{} of {} gold answers of batch {} are open, {} of them new",
            opened.opened, opened.leaves, opened.batch, opened.added
        ),
        format!("document {}", opened.document),
        table(
            &["item", "gold", "result", "right", "missed by", "silent"],
            &opened.items.iter().map(row).collect::<Vec<_>>(),
        ),
    ];
    if !opened.closed.is_empty() {
        lines.push(format!(
            "{} items stay closed: their lots still take answers, or were not named",
            opened.closed.len()
        ));
    }
    lines.extend(opened.unchallenged.iter().cloned());
    for dispute in &opened.challenges {
        lines.push(match &dispute.tx_hash {
            Some(_) => format!("challenged lot {}: a jury is drawn when its window is over", dispute.lot),
            None => format!("until {}: {}", date(dispute.until), dispute.command),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use piecework_api::gold::Opening;
    use piecework_interface::{draw::Draw, lots::lot_count, terms::Terms};

    use super::*;

    fn batch(gold_root: Digest) -> Batch {
        Batch {
            batch: BatchId(3),
            status: piecework_api::BatchState::Open,
            requester_id: String::new(),
            referrer_id: None,
            lots: lot_count(12, 4),
            callback: None,
            uri: String::new(),
            gold_root,
            record: dispute::tests::batch(Terms { lot_size: 4, answer_width: 1, ..Terms::default() }, 12),
            settled: 0,
            results_root: [0; 32],
            counts: piecework_api::Counts::default(),
            ended_at: None,
            created_seq: 0,
            updated_seq: 0,
        }
    }

    fn secret() -> GoldSecret {
        let answers = [1, 4, 9].map(|item| GoldAnswer { item, answer: vec![7] });
        GoldSecret::new([0; 32], [1; 32], answers.into()).unwrap()
    }

    fn lots(states: [LotState; 3]) -> BTreeMap<LotId, Lot> {
        let lot = |(number, state)| {
            let lot = Lot {
                batch: BatchId(3),
                lot: LotId(number),
                state,
                first_item: number * 4,
                items: 4,
                round: 0,
                begun_at: 0,
                reward: None,
                appeal: true,
                clock_at: 0,
                phase_at: 0,
                leavers: Vec::new(),
                open_items: 0,
                draw: Draw::Closed,
                case: None,
                reserved: 0,
                committed: 0,
                revealed: 0,
                settlement: None,
                updated_seq: None,
            };
            (LotId(number), lot)
        };
        (0..).zip(states).map(lot).collect()
    }

    #[test]
    fn root_of__should_refuse_the_gold_of_another_batch() {
        assert_eq!(root_of(&batch(secret().root()), &secret()).unwrap().root, secret().root());
        for (root, part) in [([0; 32], "batch 3 was created without gold"), ([5; 32], "not of batch 3's")] {
            assert!(root_of(&batch(root), &secret()).unwrap_err().to_string().contains(part));
        }
    }

    #[test]
    fn chosen__should_leave_lots_closed_that_take_answers() {
        let (batch, secret) = (batch(secret().root()), secret());
        let of = |states, items: &[u32]| {
            chosen(&batch, &secret, &lots(states), items).map(|items| items.into_iter().collect::<Vec<_>>())
        };
        use LotState::{Open, Provisional, Revealing, Settled, Working};
        assert_eq!(of([Settled, Working, Provisional], &[]).unwrap(), [1, 9]);
        assert_eq!(of([Settled, Working, Provisional], &[9]).unwrap(), [9]);
        for (states, items, part) in [
            ([Settled, Working, Provisional], &[9, 4][..], "lot 1 still takes answers"),
            ([Settled, Revealing, Provisional], &[4], "lot 1 still takes answers"),
            ([Settled, Working, Provisional], &[2], "item 2 has no gold"),
            ([Open, Working, Revealing], &[], "every lot with gold"),
        ] {
            let error = of(states, items).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    fn record(number: u32, phase: LotPhase) -> view::Lot {
        view::Lot { batch: BatchId(3), lot: LotId(number), state: view::LotState { phase, ..Default::default() } }
    }

    #[test]
    fn item__should_stand_beside_the_chains_result_and_not_the_gateways() {
        let results = BTreeMap::from([(1, Some("08".to_owned())), (4, None)]);
        let lots = [0, 1].map(|number| (LotId(number), record(number, LotPhase::Provisional))).into();
        let standing = Standing { open: None, cancelled: false, lots, results };
        // Given a gateway that says of every item that its gold is 55, and its result what suits it
        let told = |item, accepted: &str| GoldItem {
            opening: Opening { place: 0, item, answer: vec![0x55], salt: [0; 32], proof: Vec::new() },
            document: String::new(),
            lot: LotId(9),
            state: LotState::Provisional,
            contradicted: false,
            accepted: Some(accepted.to_owned()),
            copies: Vec::new(),
        };
        let against = |lot, item, accepted| {
            let gold = GoldAnswer { item, answer: vec![7] };
            let item = standing.item(LotId(lot), &gold, Some(&told(item, accepted)));
            (item.answer, item.result, item.against)
        };
        let seven = || "07".to_owned();
        // Then it neither hides a wrong result nor invents one
        assert_eq!(against(0, 1, "07"), (seven(), Some("08".to_owned()), true));
        assert_eq!(against(1, 4, "08"), (seven(), None, false));
        assert_eq!(against(2, 9, "07"), (seven(), Some(seven()), false));
    }

    #[test]
    fn refuse_early__should_go_by_the_chain() {
        // Given lot 0 with a record, and lot 2 that no node claimed
        let terms = Terms { lot_size: 4, answer_width: 1, expires_at: 1_000, claim_ttl_s: 60, ..Terms::default() };
        let standing = |phase, cancelled| Standing {
            open: Some(dispute::tests::batch(terms.clone(), 12)),
            cancelled,
            lots: [(LotId(0), record(0, phase))].into(),
            results: BTreeMap::new(),
        };
        let early = |standing: &Standing, item, now_s| {
            standing.refuse_early(&batch(secret().root()), &BTreeSet::from([item]), now_s).is_err()
        };
        for (phase, refused) in [(LotPhase::Working, true), (LotPhase::Revealing, true), (LotPhase::Provisional, false)]
        {
            assert_eq!(early(&standing(phase, false), 1, 0), refused, "{phase:?}");
        }
        let provisional = |cancelled| standing(LotPhase::Provisional, cancelled);
        assert!(early(&provisional(false), 9, 940), "a node may claim it yet");
        assert!(!early(&provisional(false), 9, 941), "no claim would be taken");
        assert!(!early(&provisional(true), 9, 0));
    }

    #[test]
    fn unchallenged__should_say_why_there_was_no_challenge() {
        // Given a result against gold in a lot without a record, so a settled one
        let standing = Standing { open: None, cancelled: false, lots: BTreeMap::new(), results: BTreeMap::new() };
        let gold = GoldAnswer { item: 4, answer: vec![7] };
        let mut item = standing.item(LotId(1), &gold, None);
        assert!(unchallenged(&standing, std::slice::from_ref(&item), &[])[0].contains("no result stands against gold"));
        item.against = true;
        let why = unchallenged(&standing, &[item], &[]);
        assert_eq!(why.len(), 1);
        assert!(why[0].contains("lot 1 was not challenged: it is settled"), "{why:?}");
    }
}
