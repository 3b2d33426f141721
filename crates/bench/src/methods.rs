//! What each method burns.

use std::path::Path;

use anyhow::Context;
use near_primitives::views::ExecutionOutcomeView;
use piecework_client::{Call, calls};
use piecework_interface::{
    amount::Amount,
    call::{BatchAppendArgs, BatchRaiseArgs, ChallengeArgs, TALLY_GAS, VerdictArgs, WithdrawArgs, poke_gas},
    draw::At,
    ids::{BatchId, LotId},
    intent::{Action, INTENTS_MAX, Payment},
    op::{Op, Target},
    terms::{JURY, LOT_SIZE_MAX},
};
use serde_json::json;

use crate::{
    chain::Burnt,
    market::{Market, Shape, Step, TOKEN, Then, WINDOW_S},
    report::{Figure, Gas},
};

/// Three for first rounds, five for extensions and juries, and one that challenges and judges.
const NODES: usize = 9;
/// What challenger and adjudicator have on their balance, units.
const FUNDS: u128 = 10_u128.pow(12);
/// Lots in one call of the agent's normal mode.
const LOTS: u32 = 8;
const ITEMS: u8 = LOT_SIZE_MAX;
const GIGA: u64 = 1_000_000_000;

/// Runs everything and returns the figures, and the receipts of the last call behind the figure that is to be profiled.
///
/// # Errors
/// A contract is missing, a call fails, or an op is skipped.
pub fn measure(contracts: &Path, profile: Option<&str>) -> anyhow::Result<(Gas, Vec<ExecutionOutcomeView>)> {
    let wasm = contracts.join("piecework_coordinator.wasm");
    let wasm_bytes =
        std::fs::metadata(&wasm).with_context(|| format!("{}: run scripts/build-contracts", wasm.display()))?.len();
    let profile = profile.unwrap_or_default().to_owned();
    let mut bench = Bench { market: Market::new(contracts, NODES)?, figures: Vec::new(), profile, ran: Vec::new() };
    bench.presence()?;
    bench.creation()?;
    bench.single_lot()?;
    bench.eight_lots()?;
    bench.extension()?;
    bench.lone_job()?;
    bench.widest_tally()?;
    bench.dispute()?;
    bench.adjudication()?;
    bench.payout()?;
    bench.intents()?;
    bench.growth()?;
    let protocol_version = bench.market.chain.protocol_version();
    Ok((Gas { protocol_version, wasm_bytes, methods: bench.figures }, bench.ran))
}

struct Bench {
    market: Market,
    figures: Vec<Figure>,
    /// The figure whose receipts are kept.
    profile: String,
    ran: Vec<ExecutionOutcomeView>,
}

impl Bench {
    /// Registration and heartbeat.
    fn presence(&mut self) -> anyhow::Result<()> {
        for index in 0..NODES {
            let [storage, register] = self.market.register(index)?;
            if index + 1 == NODES {
                self.figure("storage_deposit", storage, 0);
                self.figure("node_register", register, 2_300);
            }
        }
        self.market.chain.pass(10)?;
        let node = self.market.nodes[0].clone();
        let heartbeat = self.market.call(&node, calls::heartbeat(Market::number(0)))?;
        self.figure("heartbeat", heartbeat, 2_000);
        Ok(())
    }

    /// Both ways to create a batch.
    fn creation(&mut self) -> anyhow::Result<()> {
        let shape = Shape { start: 1, ..Shape::usual(1, 1) };
        let create = self.market.create_by_transfer(shape)?;
        self.figure("create_batch_ft", create, 6_100);
        let create = self.market.create(shape)?;
        self.figure("create_batch", create, 2_600);
        Ok(())
    }

    /// One lot of 64 items, one op a call, in the middle of a batch: a lot was settled before, another lives on.
    fn single_lot(&mut self) -> anyhow::Result<()> {
        let draw = self.market.open(Shape::usual(u32::from(ITEMS) * 3, ITEMS))?;
        self.figure("draw", draw, 0);
        let first = self.market.step(Step::Claim, 0, &[1])?;
        self.figure("first_claim_of_batch", first, 0);
        self.market.step(Step::Claim, 1, &[1])?;
        self.market.step(Step::Claim, 2, &[1])?;
        for step in [Step::Commit, Step::Reveal] {
            for node in 0..3 {
                self.market.step(step, node, &[1])?;
            }
        }
        let rounds = [
            (Step::Claim, [("first_claim", 2_450), ("claim", 2_350), ("", 0)]),
            (Step::Commit, [("commit", 2_350), ("", 0), ("last_commit", 0)]),
            (Step::Reveal, [("reveal", 2_400), ("", 0), ("last_reveal", 3_100)]),
        ];
        for (step, names) in rounds {
            for (node, (name, target)) in names.into_iter().enumerate() {
                let burnt = self.market.step(step, node, &[0])?;
                self.figure(name, burnt, target);
            }
        }
        Ok(())
    }

    /// Eight lots of 64 items, eight ops a call: the life of an item, and what one more op in a call adds.
    fn eight_lots(&mut self) -> anyhow::Result<()> {
        // One lot more for the base of the differences, and one that keeps the batch open.
        let mut life = self.market.open(Shape::usual(u32::from(ITEMS) * (LOTS + 2), ITEMS))?;
        let ones = self.three_copies(&[LOTS], &mut Burnt::default())?;
        let lots: Vec<_> = (0..LOTS).collect();
        let eights = self.three_copies(&lots, &mut life)?;
        let names = [("extra_claim", 220), ("extra_commit", 220), ("extra_reveal", 280), ("extra_last_reveal", 650)];
        for ((name, target), (one, eight)) in names.into_iter().zip(ones.into_iter().zip(eights)) {
            self.figure(name, eight.beyond(one).each(u64::from(LOTS - 1)), target);
        }
        let items = u64::from(LOTS) * u64::from(ITEMS);
        let burnt = life.each(items);
        self.figures.push(Figure { method: "item_life", burnt, gas_target: 78 * GIGA, compute_target: 125 * GIGA });
        Ok(())
    }

    /// Three copies of these lots. Returns what the second claim, commit and reveal and the last reveal burnt.
    fn three_copies(&mut self, lots: &[u32], life: &mut Burnt) -> anyhow::Result<[Burnt; 4]> {
        let burnt = self.market.round(0..3, |market, step, node| market.ops(step, node, lots))?;
        burnt.iter().for_each(|call| *life += *call);
        Ok([burnt[1], burnt[4], burnt[7], burnt[8]])
    }

    /// A lot whose first round leaves items open: the draw, claims, commits and reveals of its second round.
    fn extension(&mut self) -> anyhow::Result<()> {
        self.market.open(Shape::usual(u32::from(ITEMS) * 2, ITEMS))?;
        let batch = self.market.batch();
        let burnt = self.market.round(0..3, |market, step, node| {
            // Three different answers to every twentieth item, and one of two nodes cannot be right.
            let own = 50 + u8::try_from(node).unwrap_or_default();
            let answers = (0..ITEMS).map(|item| if item % 20 == 7 { own } else { item % 10 }).collect();
            vec![market.op_with(step, node, (batch, LotId(0), 0), answers)]
        })?;
        self.figure("last_reveal_that_extends", burnt[8], 0);
        self.market.draw_at(3, At::Lot(LotId(0)))?;
        let burnt = self.market.round(3..6, |market, step, node| vec![market.op(step, node, batch, 0, 1)])?;
        self.figure("last_reveal_of_extension", burnt[8], 0);
        Ok(())
    }

    /// A job of one item, alone, and eight of them together.
    fn lone_job(&mut self) -> anyhow::Result<()> {
        let mut life = self.market.open(Shape::usual(1, 1))?;
        self.three_copies(&[0], &mut life)?;
        self.figure("lone_job", life, 24_000);

        let first = self.market.batch().0 + 1;
        for _ in 0..LOTS {
            self.market.create(Shape::usual(1, 1))?;
        }
        self.market.chain.pass(5)?;
        let batches: Vec<_> = (first..first + LOTS).map(BatchId).collect();
        let draws = batches.iter().map(|batch| Op::Draw { batch: *batch, at: At::Group(0) }).collect();
        let mut life = self.market.work(0, draws)?;
        self.market.chain.pass(60)?;
        let burnt = self.market.round(0..3, |market, step, node| {
            batches.iter().map(|batch| market.op(step, node, *batch, 0, 0)).collect()
        })?;
        burnt.into_iter().for_each(|call| life += call);
        self.figure("eight_lone_jobs_each", life.each(u64::from(LOTS)), 5_500);
        Ok(())
    }

    /// The dearest tally of a first round: five slots of 64 answers of 32 bytes, all different, so that it finds nothing
    /// and extends; then the dearest of all, over eight slots. Both must fit the gas that a reveal keeps for its tally.
    fn widest_tally(&mut self) -> anyhow::Result<()> {
        let width = 32;
        self.market.open(Shape { start: 5, width, ..Shape::usual(u32::from(ITEMS), ITEMS) })?;
        let (batch, lot) = (self.market.batch(), LotId(0));
        for (round, nodes) in [(0, 0..5), (1, 5..8)] {
            if round == 1 {
                self.market.draw_at(5, At::Lot(lot))?;
            }
            let burnt = self.market.round(nodes, |market, step, node| {
                // Equal but for the last byte: the comparisons are as long as they can be.
                let mut answers = vec![9; usize::from(ITEMS) * usize::from(width)];
                for answer in answers.chunks_exact_mut(usize::from(width)) {
                    answer[usize::from(width) - 1] = u8::try_from(node).unwrap_or_default();
                }
                vec![market.op_with(step, node, (batch, lot, round), answers)]
            })?;
            let (last, before) = (burnt[burnt.len() - 1], burnt[burnt.len() - 2]);
            let name = if round == 0 { "widest_tally" } else { "widest_tally_and_settlement" };
            self.figure(name, last.beyond(before), TALLY_GAS / GIGA);
        }
        Ok(())
    }

    /// A provisional lot: a challenge, a jury and what it comes to.
    fn dispute(&mut self) -> anyhow::Result<()> {
        self.market.open(Shape { then: Then::Window, ..Shape::usual(u32::from(ITEMS) * 2, ITEMS) })?;
        self.three_copies(&[0], &mut Burnt::default())?;
        let batch = self.market.batch();
        let challenger = self.market.nodes[NODES - 1].clone();
        self.market.fund(NODES - 1, FUNDS)?;
        let args = ChallengeArgs { batch, lot: LotId(0), items: (40..48).collect(), evidence: [7; 32] };
        let challenge = self.market.call(&challenger, calls::challenge(&args))?;
        self.figure("challenge", challenge, 0);
        self.market.chain.pass(u64::from(WINDOW_S))?;
        let opens = self.poke()?;
        self.figure("poke_that_opens_a_jury", opens, 0);
        self.market.draw_jury(3, LotId(0))?;
        let judged = self.market.jury_items(LotId(0))?;
        let answers: Vec<u8> = (0..ITEMS).filter(|item| judged & (1 << item) != 0).map(|item| item % 10).collect();
        self.market.round(3..NODES - 1, |market, step, node| {
            vec![market.op_with(step, node, (batch, LotId(0), JURY), answers.clone())]
        })?;
        let rules = self.poke()?;
        self.figure("poke_that_rules", rules, poke_gas(1) / GIGA);
        Ok(())
    }

    /// What a requester adds to a batch that lives on.
    fn growth(&mut self) -> anyhow::Result<()> {
        let shape = Shape::usual(u32::from(ITEMS) * 2, ITEMS);
        self.market.create_appendable(shape)?;
        let (batch, requester) = (self.market.batch(), self.market.requester.clone());
        let uri = format!("blob:{}", "0".repeat(64));
        let more = BatchAppendArgs { batch, items: shape.items, manifest: [7; 32], uri };
        let append = self.market.call(&requester, calls::batch_append(&more))?;
        self.figure("append", append, 0);
        let args = BatchRaiseArgs { batch, reward: Amount(self.market.reward + 2) };
        let raise = self.market.call(&requester, calls::batch_raise(&args))?;
        self.figure("raise", raise, 0);
        Ok(())
    }

    /// A lot that somebody scores.
    fn adjudication(&mut self) -> anyhow::Result<()> {
        self.market.create(Shape { then: Then::Verdict, ..Shape::usual(u32::from(ITEMS) * 2, ITEMS) })?;
        let adjudicator = self.market.nodes[NODES - 1].clone();
        let batch = self.market.batch();
        let accept = self.market.call(&adjudicator, calls::adjudicator_accept(batch))?;
        self.figure("adjudicator_accept", accept, 0);
        self.market.chain.pass(5)?;
        self.market.draw_at(0, At::Group(0))?;
        self.three_copies(&[0], &mut Burnt::default())?;
        let args = VerdictArgs { batch, lot: LotId(0), scores: vec![10_000, 9_000, 100], report: [0; 32] };
        let verdict = self.market.call(&adjudicator, calls::verdict(&args))?;
        self.figure("verdict", verdict, 0);
        Ok(())
    }

    /// Pokes the newest batch's first lot.
    fn poke(&mut self) -> anyhow::Result<Burnt> {
        let targets = [Target::Lot(self.market.batch(), LotId(0))];
        let requester = self.market.requester.clone();
        self.market.call(&requester, calls::poke(&targets, 0))
    }

    /// A step by poke, and the way out.
    fn payout(&mut self) -> anyhow::Result<()> {
        self.market.open(Shape::usual(u32::from(ITEMS), ITEMS))?;
        for node in 0..3 {
            self.market.step(Step::Claim, node, &[0])?;
        }
        for node in 0..2 {
            self.market.step(Step::Commit, node, &[0])?;
        }
        self.market.chain.pass(5_000)?;
        let poke = self.poke()?;
        self.figure("poke", poke, 0);
        let node = self.market.nodes[0].clone();
        let args = json!({"token": TOKEN, "account": Market::number(0)}).to_string().into_bytes();
        let withdraw = self.market.call(&node, Call { args, ..calls::withdraw(TOKEN, None) })?;
        self.figure("withdraw", withdraw, 5_800);
        Ok(())
    }

    /// Signed intents: one, sixteen in a call, and the other kinds.
    fn intents(&mut self) -> anyhow::Result<()> {
        let add = self.market.add_intent_key()?;
        self.figure("intent_key_add", add, 0);
        let receiver_id = self.market.nodes[0].id.to_string();
        let payment = Payment { receiver_id, token: TOKEN, amount: Amount(5), memo: None };
        let one = self.market.intents(vec![Action::Transfer(payment.clone())])?;
        self.figure("intent_transfer", one, 0);
        let many = self.market.intents(vec![Action::Transfer(payment); INTENTS_MAX])?;
        self.figure("extra_intent", many.beyond(one).each(u64::try_from(INTENTS_MAX)? - 1), 0);
        let create = self.market.creation(Shape::usual(u32::from(ITEMS), ITEMS));
        let create = self.market.intents(vec![create])?;
        self.figure("intent_create_batch", create, 0);
        let args = WithdrawArgs { token: TOKEN, amount: Some(Amount(5)) };
        let withdraw = self.market.intents(vec![Action::Withdraw(args.clone())])?;
        self.figure("intent_withdraw", withdraw, 0);
        // As many as the gas of one transaction can carry: each must find the gas that it hands on.
        let many = self.market.intents(vec![Action::Withdraw(args); 10])?;
        self.figure("extra_intent_withdraw", many.beyond(withdraw).each(9), 0);
        Ok(())
    }

    /// Notes a figure with its target in GGas; a figure without a name is only a step on the way.
    fn figure(&mut self, method: &'static str, burnt: Burnt, target_giga: u64) {
        if !method.is_empty() {
            if method == self.profile {
                self.ran = self.market.chain.ran().to_vec();
            }
            self.figures.push(Figure { method, burnt, gas_target: target_giga * GIGA, compute_target: 0 });
        }
    }
}
