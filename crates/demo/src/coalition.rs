//! Two nodes of one hand, and a requester who is with them: what they try before honest nodes work beside them.
//!
//! They lie together in a batch of two copies, which a jury sees. And one of them dissents from a batch that its requester
//! cancels at once, so that round 0 has no result and, as they hope, no extension looks for one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use piecework_chain::BlockRef;
use piecework_console::Output;
use piecework_interface::{
    commitment::{Place, commitment},
    draw::{At, Draw},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    op::Op,
    terms::JURY,
    view::{Lot, LotPhase},
};
use piecework_stack::{CLASS, Node, Stack};
use tokio::sync::watch;

use crate::{
    agents::{COALITION, number},
    digits::Digits,
    ledger::{Ledger, until},
    requester,
};

/// Images of its batches: each is read rightly by every honest classifier of the demo.
pub(super) const IMAGES: [usize; 4] = [0, 3, 4, 5];
/// The only lot of each of its batches.
pub(super) const LOT: LotId = LotId(0);
/// Between two tries.
const POLL: Duration = Duration::from_millis(300);
/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Seconds of a jury's sortition until every juror of a small class is let in: four slices of a minute.
const JURY_DRAW_S: u32 = 240;
/// The salt of its commitments; secrecy is not what the demo is about.
const SALT: [u8; 32] = [7; 32];

/// What the coalition did, for the checks.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) members: [AccountNo; 2],
    /// The batch that was cancelled after a dissent.
    pub(super) cancelled: BatchId,
    /// The batch that it lied in, or why none can be appealed here.
    pub(super) lied: Result<BatchId, String>,
}

/// The coalition and what it acts on.
struct Scene<'a> {
    stack: &'a Stack,
    members: [(AccountNo, &'a Node); 2],
}

/// Takes its seats in both batches while no agent runs, lies in one and commits in the other.
///
/// # Errors
/// If a step fails.
pub(super) async fn begin(stack: &Stack, digits: &Digits, output: Output) -> anyhow::Result<Plot> {
    let [first, second] = COALITION.map(|index| &stack.nodes[index]);
    let members = [(number(stack, first).await?, first), (number(stack, second).await?, second)];
    let scene = Scene { stack, members };
    let truth = digits.truth_of(&IMAGES);
    let lie: Vec<u8> = truth.iter().map(|digit| (digit + 1) % 10).collect();
    let lied = match scene.why_no_jury().await? {
        Some(why) => {
            output.note(format!("no jury runs in this demo: {why}"));
            Err(why)
        }
        None => Ok(scene.lie_together(digits, &lie, output).await?),
    };
    let cancelled = scene.post(digits, &[("replicas", "3")]).await?;
    scene.sit(cancelled).await?;
    scene.commit(cancelled, [&truth, &lie]).await?;
    Ok(Plot { members: members.map(|(account, _)| account), cancelled, lied })
}

/// Plays both to their ends beside honest agents: the cancel, and the jury.
///
/// # Errors
/// If a step fails.
pub(super) async fn end(
    stack: &Stack,
    digits: &Digits,
    plot: &Plot,
    ledger: watch::Receiver<Ledger>,
    output: Output,
) -> anyhow::Result<()> {
    let [first, second] = COALITION.map(|index| &stack.nodes[index]);
    let scene = Scene { stack, members: [(plot.members[0], first), (plot.members[1], second)] };
    let truth = digits.truth_of(&IMAGES);
    let lie: Vec<u8> = truth.iter().map(|digit| (digit + 1) % 10).collect();
    let batch = plot.cancelled;
    scene.wait(batch, "an honest node commits", |lot| lot.state.phase == LotPhase::Revealing).await?;
    requester::cancel(&stack.site, &stack.requester.key_file, batch).await?;
    scene.reveal(batch, [&truth, &lie]).await?;
    output.note("a coalition of two dissents from itself, and its requester cancels: the extension runs all the same");
    closed(&ledger, batch, "the extension of a cancelled batch").await?;

    let Ok(batch) = &plot.lied else { return Ok(()) };
    scene.judge(*batch, ledger, output).await
}

impl Scene<'_> {
    /// Why results cannot be appealed here, if they cannot.
    async fn why_no_jury(&self) -> anyhow::Result<Option<String>> {
        let coordinator = self.stack.coordinator();
        let needed = coordinator.config().await?.jury_nodes;
        let class = coordinator.classes(CLASS, 1).await?.into_iter().next().context("the class is not registered")?;
        let why = format!("appeals need {needed} active nodes in class {CLASS}, which has {}", class.nodes);
        Ok((class.nodes < u32::from(needed)).then_some(why))
    }

    /// Takes both seats of a batch of two copies and gives the same wrong answers, which the requester challenges.
    async fn lie_together(&self, digits: &Digits, lie: &[u8], output: Output) -> anyhow::Result<BatchId> {
        let window = format!("{}s", 20_u64.saturating_add(self.stack.start_time.as_secs()));
        let batch = self.post(digits, &[("replicas", "2"), ("challenge-window", &window)]).await?;
        self.sit(batch).await?;
        self.commit(batch, [lie, lie]).await?;
        self.reveal(batch, [lie, lie]).await?;
        self.wait(batch, "the lie is provisional", |lot| lot.state.phase == LotPhase::Provisional).await?;
        let (site, key_file) = (&self.stack.site, &self.stack.requester.key_file);
        requester::deposit(site, key_file, "1").await?;
        let items: Vec<usize> = (0..IMAGES.len()).collect();
        requester::challenge(site, key_file, batch, &items).await?;
        output.note("a coalition of two gave the same wrong answers, and the requester challenged them");
        Ok(batch)
    }

    /// Posts a batch of one lot. Its reservations and reveals have the time that a slow machine needs.
    async fn post(&self, digits: &Digits, more: &[(&str, &str)]) -> anyhow::Result<BatchId> {
        let from = self.stack.site.layout.dir().join("coalition.jsonl");
        digits.write_items(&from, IMAGES)?;
        let time = format!("{}s", 20_u64.saturating_add(self.stack.start_time.as_secs()));
        let options = [
            ("reward", "0.01"),
            ("lot-size", "4"),
            ("quorum", "70"),
            ("claim-ttl", time.as_str()),
            ("reveal-window", time.as_str()),
            ("slice", "1s"),
        ];
        let (site, key_file) = (&self.stack.site, &self.stack.requester.key_file);
        Ok(requester::create(site, key_file, &from, &[&options[..], more].concat()).await?.batch)
    }

    /// Draws the batch's lot and claims until both sit.
    async fn sit(&self, batch: BatchId) -> anyhow::Result<()> {
        let end = Instant::now() + LIMIT;
        for (account, node) in self.members {
            loop {
                let sits = self.lot(batch).await?.is_some_and(|lot| lot.state.slot_of(account).is_some());
                if sits {
                    break;
                }
                if Instant::now() >= end {
                    bail!("{} got no seat in batch {batch}", node.name);
                }
                self.stack.work(node, vec![Op::Draw { batch, at: At::Group(0) }]).await?;
                self.stack.work(node, vec![Op::Claim { batch, lot: LOT }]).await?;
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    async fn commit(&self, batch: BatchId, answers: [&[u8]; 2]) -> anyhow::Result<()> {
        for ((node, owner), answers) in self.members.into_iter().zip(answers) {
            let place = Place { contract: self.stack.deployment.contract.as_str(), batch, lot: LOT, round: 0, node };
            let commitment = commitment(sha256, place, answers, &SALT);
            self.stack.work(owner, vec![Op::Commit { batch, lot: LOT, commitment }]).await?;
        }
        Ok(())
    }

    async fn reveal(&self, batch: BatchId, answers: [&[u8]; 2]) -> anyhow::Result<()> {
        for ((_, owner), answers) in self.members.into_iter().zip(answers) {
            let reveal = Op::Reveal { batch, lot: LOT, answers: answers.to_vec(), salt: SALT };
            self.stack.work(owner, vec![reveal]).await?;
        }
        Ok(())
    }

    /// Lets the window pass and a jury of honest agents sit. What a jury waits for takes minutes: the chain leaps over it.
    async fn judge(&self, batch: BatchId, ledger: watch::Receiver<Ledger>, output: Output) -> anyhow::Result<()> {
        let lot = self.lot(batch).await?.context("the lot of a challenged batch")?;
        let open = self.stack.coordinator().batch(batch).await?.and_then(|batch| batch.open);
        let terms = open.context("a challenged batch is open")?.terms;
        self.leap(&ledger, lot.state.challenge_end(&terms)).await?;
        let is_jury = |ledger: &Ledger| ledger.mirror.lots.get(&(batch, LOT)).is_some_and(|lot| lot.round == JURY);
        until(ledger.clone(), "a jury to be opened", |ledger| is_jury(ledger).then_some(())).await?;
        let opened = ledger.borrow().now_s;
        self.leap(&ledger, opened + terms.round_slice_s(JURY)).await?;
        let is_seeded = |ledger: &Ledger| {
            let lot = ledger.mirror.lots.get(&(batch, LOT));
            lot.is_some_and(|lot| matches!(lot.draw, Draw::Seeded(_)))
        };
        until(ledger.clone(), "a jury to be drawn", |ledger| is_seeded(ledger).then_some(())).await?;
        let seeded = ledger.borrow().now_s;
        self.leap(&ledger, seeded + JURY_DRAW_S).await?;
        closed(&ledger, batch, "a jury to rule").await?;
        output.note("a jury of five looked at the challenged answers");
        Ok(())
    }

    /// Lets time pass on the chain until a Unix time.
    async fn leap(&self, ledger: &watch::Receiver<Ledger>, to_s: u32) -> anyhow::Result<()> {
        loop {
            let now_s = ledger.borrow().now_s;
            if now_s >= to_s {
                return Ok(());
            }
            self.stack.fast_forward((to_s - now_s).max(2)).await?;
            until(ledger.clone(), "time to pass", |ledger| (ledger.now_s > now_s).then_some(())).await?;
        }
    }

    /// Waits until the lot of a batch is so.
    async fn wait(&self, batch: BatchId, what: &str, is_so: impl Fn(&Lot) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + LIMIT;
        while !self.lot(batch).await?.is_some_and(|lot| is_so(&lot)) {
            if Instant::now() >= end {
                bail!("waited {} s in vain until {what}", LIMIT.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn lot(&self, batch: BatchId) -> anyhow::Result<Option<Lot>> {
        Ok(self.stack.coordinator().at(BlockRef::Latest).lot(batch, LOT).await?)
    }
}

async fn closed(ledger: &watch::Receiver<Ledger>, batch: BatchId, what: &str) -> anyhow::Result<()> {
    until(ledger.clone(), what, |ledger| ledger.is_closed(batch).then_some(())).await
}
