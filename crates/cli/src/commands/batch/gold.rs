//! Opened gold, checked: the root is the creation line's, each opening leads to it, and each copy is one that the journal has.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use anyhow::{Context as _, bail};
use piecework_api::{
    GoldDocument, LotState, LotWithSlots,
    client::Client,
    gold::{GoldItem, GoldRoot, NodeGold, Said, VERSION, against, contradicted, copies, per_node},
};
use piecework_chain::Coordinator;
use piecework_console::{Problem, table};
use piecework_interface::{
    answers::{Answers, Items},
    call::ResultClaim,
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, BatchId, Digest, LotId},
    journal::next_head,
    lots::{all_items, lot_items},
    view::Root,
};
use serde::Serialize;

use super::results;
use crate::{context::Context, gold::NONE};

/// Lots named in a sentence.
const LOTS_SHOWN: usize = 8;
/// Missed items that get a line.
const MISSED_SHOWN: usize = 20;
/// Journal lines in one answer of a gateway.
const LINES: u32 = 1_000;

/// What opened gold says of a batch.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    #[serde(with = "hex::serde")]
    gold_root: Digest,
    /// Leaves under the root; `None` while none is open.
    leaves: Option<u32>,
    opened: usize,
    /// Items with two answers under the root.
    contradicted: BTreeSet<u32>,
    /// Items whose accepted answer, which the contract takes, is not gold's.
    against: BTreeSet<u32>,
    /// Lots whose accepted answers were looked at.
    lots: BTreeSet<LotId>,
    /// Which items of them each node missed.
    missed: Vec<Missed>,
    nodes: Vec<NodeGold>,
}

/// An item to which nodes gave another answer than gold's.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Missed {
    item: u32,
    lot: LotId,
    node_ids: Vec<String>,
}

/// What the journal has of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Journal {
    root: Option<GoldRoot>,
    lot_size: u8,
    /// Digests of answers that were shown.
    reveals: BTreeMap<(LotId, AccountNo), Digest>,
    /// Items of extensions.
    extended: BTreeMap<LotId, u64>,
    names: BTreeMap<AccountNo, String>,
}

/// Checks what is open of a batch's gold, in these lots or in all: `document`, or else all that the gateway has. The claims are those that the contract took;
/// `None` if the batch has no gold.
pub(super) async fn verify(
    context: &Context,
    coordinator: &Coordinator,
    batch: BatchId,
    (claims, lots): (&[ResultClaim], &[u32]),
    document: Option<GoldDocument>,
) -> anyhow::Result<Option<Verified>> {
    let gateway = context.gateway()?;
    if results::known(&gateway, batch).await?.gold_root == NONE && document.is_none() {
        context.output.note("the gateway has no gold root of the batch, which is its word: nothing of gold is checked");
        return Ok(None);
    }
    let journal = read(context, &gateway, coordinator, batch).await?;
    let Some(root) = journal.root else {
        bail!(Problem::new(
            format!("the line that created batch {batch} names no gold root"),
            "ask another gateway: --gateway-url URL, or leave --gold out",
        ));
    };
    let document = match document {
        Some(document) => Some(document),
        None => published(&gateway, batch).await?,
    };
    let Some(document) = document else {
        let (contradicted, against) = (BTreeSet::new(), BTreeSet::new());
        return Ok(Some(Verified {
            gold_root: root.root,
            leaves: None,
            opened: 0,
            contradicted,
            against,
            lots: BTreeSet::new(),
            missed: Vec::new(),
            nodes: Vec::new(),
        }));
    };
    root.check(&document).map_err(|error| {
        Problem::new(format!("this is not gold of batch {batch}: {error}"), "do not believe it, nor who gave it to you")
    })?;
    let mut items = items(&gateway, batch, &journal, &root, &document, claims).await?;
    // The openings of other lots stand beside no claim.
    items.retain(|item| lots.is_empty() || lots.contains(&item.lot.0));
    Ok(Some(Verified {
        gold_root: root.root,
        leaves: Some(document.leaves),
        opened: document.openings.len(),
        contradicted: contradicted(&document.openings),
        against: against(&items),
        lots: claims.iter().map(|claim| claim.lot).collect(),
        missed: missed(&items),
        nodes: per_node(&items),
    }))
}

/// The items that nodes missed, with those nodes.
fn missed(items: &[GoldItem]) -> Vec<Missed> {
    let missed = |item: &GoldItem| {
        let copies = item.copies.iter().filter(|copy| copy.said == Said::Missed);
        let node_ids: Vec<String> = copies.map(|copy| copy.node_id.clone()).collect();
        (!item.contradicted && !node_ids.is_empty()).then_some(Missed {
            item: item.opening.item,
            lot: item.lot,
            node_ids,
        })
    };
    items.iter().filter_map(missed).collect()
}

/// Everything that a gateway has open.
async fn published(gateway: &Client, batch: BatchId) -> anyhow::Result<Option<GoldDocument>> {
    let (gold, items) = gateway.gold(batch).await?;
    let document = |(leaves, tree)| {
        let openings = items.into_iter().map(|item| item.opening).collect();
        GoldDocument { version: VERSION, leaves, tree, openings }
    };
    Ok(gold.leaves.zip(gold.tree).map(document))
}

/// Reads the journal from its beginning to the contract's head, which proves every line of it.
async fn read(
    context: &Context,
    gateway: &Client,
    coordinator: &Coordinator,
    batch: BatchId,
) -> anyhow::Result<Journal> {
    let at = coordinator.root().await?;
    let Root { seq, head, .. } = at.value;
    let bar = context.output.bar(seq, "reading the journal");
    let (mut next, mut found, mut journal) = (0, [0; 32], Journal::default());
    while next < seq {
        let page = gateway.events(next, LINES, Some(at.block_height)).await?;
        let lines = page.items.into_iter().filter(|event| event.seq < seq);
        let before = next;
        for event in lines {
            let line =
                event.line.filter(|_| event.seq == next).context("the gateway leaves lines of the journal out")?;
            found = next_head(sha256, &found, &line);
            next += 1;
            journal.add(&line, batch)?;
        }
        bar.set_position(next);
        if next == before {
            bail!(Problem::new(
                format!("the gateway knows {next} of {seq} journal lines"),
                "try again in a moment; if it stays behind, see the gateway's /status page",
            ));
        }
    }
    bar.finish_and_clear();
    if found != head {
        bail!(Problem::new(
            "the gateway's journal does not lead to the contract's head",
            "do not use it; ask another gateway: --gateway-url URL",
        ));
    }
    Ok(journal)
}

impl Journal {
    /// Takes from a line what concerns the batch.
    fn add(&mut self, line: &str, of: BatchId) -> anyhow::Result<()> {
        let Some(line) = Line::parse(line)? else { return Ok(()) };
        for entry in line.log {
            match entry {
                Entry::AccountOpened { account, account_id, .. } => {
                    self.names.insert(account, account_id);
                }
                Entry::BatchCreated { batch, items, manifest, gold_root, terms, .. } if batch == of => {
                    let root = GoldRoot { root: gold_root, manifest, items, width: terms.answer_width };
                    self.root = Some(root).filter(|root| root.root != NONE);
                    self.lot_size = terms.lot_size;
                }
                Entry::Revealed { batch, lot, digest } if batch == of => {
                    self.reveals.insert((lot, line.node.context("a reveal of no node")?), digest);
                }
                Entry::Extended { batch, lot, items } if batch == of => {
                    self.extended.insert(lot, items.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A lot as a gateway has it, if its answers are those that the journal has: all of them and no others. Names and extended items
    /// are the journal's.
    fn check(&self, mut lot: LotWithSlots) -> Result<LotWithSlots, Problem> {
        let number = lot.lot.lot;
        let untrue = || {
            let what = format!("the gateway's copies of lot {number} are not those that the journal has");
            Problem::new(what, "do not use them; ask another gateway: --gateway-url URL")
        };
        let shown = lot.slots.iter().filter_map(|slot| Some(((number, slot.node), sha256(slot.answers.as_ref()?))));
        let shown: BTreeMap<_, _> = shown.collect();
        // A node shows one copy of a lot, over all rounds: none counts twice.
        if shown.len() != lot.slots.iter().filter(|slot| slot.answers.is_some()).count() {
            return Err(untrue());
        }
        let ours = (number, AccountNo(0))..=(number, AccountNo(u32::MAX));
        if !self.reveals.range(ours).eq(shown.iter()) {
            return Err(untrue());
        }
        lot.lot.open_items = self.extended.get(&number).copied().unwrap_or_default();
        for slot in &mut lot.slots {
            slot.node_id = self.names.get(&slot.node).cloned().ok_or_else(untrue)?;
        }
        Ok(lot)
    }
}

/// What the copies of the opened items say.
async fn items(
    gateway: &Client,
    batch: BatchId,
    journal: &Journal,
    root: &GoldRoot,
    document: &GoldDocument,
    claims: &[ResultClaim],
) -> anyhow::Result<Vec<GoldItem>> {
    let size = u32::from(journal.lot_size.max(1));
    let wrong = contradicted(&document.openings);
    let mut lots: BTreeMap<LotId, LotWithSlots> = BTreeMap::new();
    let mut items = Vec::with_capacity(document.openings.len());
    for opening in &document.openings {
        let number = LotId(opening.item / size);
        let lot = match lots.entry(number) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(place) => place.insert(journal.check(gateway.lot(batch, number).await?)?),
        };
        let item = u8::try_from(opening.item % size)?;
        let claim = claims.iter().find(|claim| claim.lot == number);
        let accepted = claim.and_then(|claim| accepted(claim, root, journal.lot_size, item));
        items.push(GoldItem {
            opening: opening.clone(),
            document: String::new(),
            lot: number,
            state: if claim.is_some() { LotState::Settled } else { lot.lot.state },
            contradicted: wrong.contains(&opening.item),
            accepted,
            copies: copies(lot, item, &opening.answer),
        });
    }
    Ok(items)
}

/// The accepted answer to an item, hex, of a claim that the contract took.
fn accepted(claim: &ResultClaim, root: &GoldRoot, lot_size: u8, item: u8) -> Option<String> {
    let set = Items(all_items(lot_items(root.items, lot_size, claim.lot)));
    let answers = Answers { items: set, width: root.width, bytes: claim.answers.clone() };
    let is_accepted = u64::from_be_bytes(claim.accepted).checked_shr(item.into()).is_some_and(|bits| bits & 1 == 1);
    answers.get(item).filter(|_| is_accepted).map(hex::encode)
}

impl Verified {
    /// What people read.
    pub(super) fn describe(&self) -> String {
        let Some(leaves) = self.leaves else {
            return "its gold is committed, and none is open".to_owned();
        };
        let list = |items: &BTreeSet<u32>| items.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!("gold: {} of {leaves} answers are open, and all lead to the root", self.opened)];
        if usize::try_from(leaves).is_ok_and(|leaves| self.opened < leaves) {
            lines.push("the rest is not: what is open may be what suits the requester".to_owned());
        }
        if !self.contradicted.is_empty() {
            lines.push(format!("two answers to items {}, which count for nothing", list(&self.contradicted)));
        }
        lines.push(if self.against.is_empty() {
            let lots: Vec<String> = self.lots.iter().take(LOTS_SHOWN).map(LotId::to_string).collect();
            let more = if self.lots.len() > LOTS_SHOWN { " and more" } else { "" };
            match lots.is_empty() {
                true => "no lot has settled, so no result stands against gold".to_owned(),
                false => format!("no settled result of lot {}{more} stands against gold", lots.join(", ")),
            }
        } else {
            format!("results of items {} stand against gold", list(&self.against))
        });
        for Missed { item, lot, node_ids } in self.missed.iter().take(MISSED_SHOWN) {
            lines.push(format!("item {item} of lot {lot} was missed by {}", node_ids.join(", ")));
        }
        if let Some(rest) = self.missed.len().checked_sub(MISSED_SHOWN).filter(|rest| *rest > 0) {
            lines.push(format!("and {rest} more items; --json has them all"));
        }
        let round = |round| ["first", "extension", "jury"].get(usize::from(round)).copied().unwrap_or("-").to_owned();
        let row = |node: &NodeGold| {
            let counts = [node.right, node.missed, node.silent].map(|count| count.to_string());
            [node.node_id.clone(), round(node.round)].into_iter().chain(counts).collect()
        };
        let rows: Vec<Vec<String>> = self.nodes.iter().map(row).collect();
        lines.push(table(&["node", "round", "right", "missed", "silent"], &rows));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use piecework_api::{Slot, SlotPhase};
    use piecework_interface::{amount::Amount, draw::Draw};

    use super::*;

    fn slot(node: u32, answers: Option<&[u8]>) -> Slot {
        Slot {
            batch: BatchId(0),
            lot: LotId(1),
            claimed_seq: 0,
            node: AccountNo(node),
            node_id: "told.near".to_owned(),
            operator: AccountNo(node),
            round: 0,
            phase: SlotPhase::Committed,
            reserved_until: 0,
            commitment: None,
            answers: answers.map(<[u8]>::to_vec),
            claimed_at: 0,
            committed_at: None,
            revealed_at: None,
            outcome: None,
            pay: Amount(0),
            juror_fee: Amount(0),
            slash: Amount(0),
            reputation: None,
            agreed: None,
            ended_at: None,
        }
    }

    fn lot(slots: Vec<Slot>) -> LotWithSlots {
        let lot = piecework_api::Lot {
            batch: BatchId(0),
            lot: LotId(1),
            state: LotState::Settled,
            first_item: 4,
            items: 4,
            round: 0,
            begun_at: 0,
            reward: None,
            appeal: true,
            clock_at: 0,
            phase_at: 0,
            leavers: Vec::new(),
            open_items: 0b1000,
            draw: Draw::Closed,
            case: None,
            reserved: 0,
            committed: 0,
            revealed: 0,
            settlement: None,
            updated_seq: None,
        };
        LotWithSlots { lot, slots, challenges: Vec::new() }
    }

    #[test]
    fn check__should_refuse_copies_that_were_changed_hidden_or_added() {
        // Given a journal in which nodes 1 and 2 reveal and lot 1 has an extension
        let batch = BatchId(0);
        let line = |node: Option<u32>, entry| {
            let line = Line { seq: 0, event: "work".to_owned(), node: node.map(AccountNo), log: vec![entry] };
            line.render()
        };
        let reveal = |node: u32, lot: u32, answers: &[u8]| {
            line(Some(node), Entry::Revealed { batch, lot: LotId(lot), digest: sha256(answers) })
        };
        let open = |number: u32, name: &str| {
            let (account, account_id) = (AccountNo(number), name.to_owned());
            line(None, Entry::AccountOpened { account, account_id, paid: Amount(0), used: 0 })
        };
        let extend = line(Some(1), Entry::Extended { batch, lot: LotId(1), items: Items(1) });
        let mut journal = Journal::default();
        let lines =
            [open(1, "one.near"), open(2, "two.near"), reveal(1, 1, &[7]), reveal(2, 1, &[8]), reveal(1, 2, &[9])];
        lines.iter().chain([&extend]).for_each(|line| journal.add(line, batch).unwrap());

        // Then its copies are taken, with the journal's names and items
        let checked = journal.check(lot(vec![slot(1, Some(&[7])), slot(2, Some(&[8])), slot(2, None)])).unwrap();
        assert_eq!((checked.lot.open_items, checked.slots[1].node_id.as_str()), (1, "two.near"));

        // And no others
        for slots in [
            vec![slot(1, Some(&[7])), slot(2, Some(&[9]))],
            vec![slot(1, Some(&[7]))],
            vec![slot(1, Some(&[7])), slot(2, None)],
            vec![slot(1, Some(&[7])), slot(1, Some(&[7])), slot(2, Some(&[8]))],
            vec![slot(1, Some(&[7])), slot(2, Some(&[8])), slot(3, Some(&[8]))],
        ] {
            assert!(journal.check(lot(slots)).is_err());
        }
    }

    #[test]
    fn accepted__should_be_the_claims_answer_where_there_is_one() {
        let root = GoldRoot { root: [1; 32], manifest: [0; 32], items: 6, width: 1 };
        let claim = ResultClaim {
            batch: BatchId(0),
            lot: LotId(1),
            n: 0,
            accepted: 0b01_u64.to_be_bytes(),
            answers: vec![7, 0],
            proof: Vec::new(),
        };
        let of = |item| accepted(&claim, &root, 4, item);
        assert_eq!((of(0), of(1), of(2)), (Some("07".to_owned()), None, None));
    }
}
