//! A market on a chain of its own, and the moves in it.

use std::{ops::Range, path::Path};

use anyhow::Context as _;
use near_primitives::types::AccountId;
use piecework_client::{
    Call, View, calls,
    token::{self, TokenSpec},
    views,
};
use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, BatchSpec, ClassRegisterArgs, DepositMessage, IntentKeyAddArgs, TokenListArgs},
    commitment::{Place, commitment},
    config::{Bounds, Config},
    draw::At,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::{Action, Intent, SignedIntent},
    key::{Kinds, PublicKey},
    op::Op,
    terms::{Terms, Verification},
    view::{Batch, BatchStatus},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::chain::{Actor, Burnt, COORDINATOR, Chain};

/// One NEAR.
pub const NEAR: u128 = 10_u128.pow(24);
/// What intents name.
const CHAIN_ID: &str = "localnet";
/// One TGas.
#[cfg(test)]
pub const TERA: u64 = 1_000_000_000_000;
/// The reward token.
pub const TOKEN: TokenId = TokenId(1);
/// Seconds of a challenge window.
pub const WINDOW_S: u32 = 600;
/// The requester's number: it registers first.
const REQUESTER: AccountNo = AccountNo(0);
const CLASS: ClassId = ClassId(0);
/// Active nodes that appeals need here: a jury.
const JURY_NODES: u16 = 5;
/// Time for any bar to reach one, seconds.
const OPEN_TO_ALL_S: u64 = 60;

/// What a batch is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Items.
    pub items: u32,
    /// Items per lot.
    pub lot_size: u8,
    /// Copies of the first round.
    pub start: u8,
    /// Bytes per answer.
    pub width: u8,
    /// What comes between reveals and settlement.
    pub then: Then,
}

/// What comes between a lot's reveals and its settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Settled,
    /// A challenge window.
    Window,
    /// The verdict of the last node.
    Verdict,
}

impl Shape {
    /// Three copies of answers of one byte.
    pub const fn usual(items: u32, lot_size: u8) -> Self {
        Self { items, lot_size, start: 3, width: 1, then: Then::Settled }
    }
}

/// A step of a node's work on a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes a seat.
    Claim,
    /// Binds itself.
    Commit,
    /// Shows its answers.
    Reveal,
}

/// Token, coordinator, a requester and nodes, each with a funded account.
pub struct Market {
    /// The chain.
    pub chain: Chain,
    /// Who pays.
    pub requester: Actor,
    /// Nodes of ten tickets each, once they are registered, with tokens of their own.
    pub nodes: Vec<Actor>,
    /// Contract.
    pub coordinator: AccountId,
    /// Reward token.
    pub token: AccountId,
    /// Reward per item of batches to come, units.
    pub reward: u128,
    batches: u32,
    intents: u64,
    shape: Shape,
}

impl Market {
    /// Starts a chain, deploys, funds.
    ///
    /// # Errors
    /// A contract is missing or a call fails.
    pub fn new(contracts: &Path, nodes: usize) -> anyhow::Result<Self> {
        Self::with_bond_rate(contracts, nodes, 1 << 70)
    }

    /// The same with so many yoctoNEAR of bond per 2^32 units of reward.
    ///
    /// # Errors
    /// A contract is missing or a call fails.
    pub fn with_bond_rate(contracts: &Path, nodes: usize, bond_rate: u128) -> anyhow::Result<Self> {
        let mut chain = Chain::new()?;
        let coordinator = chain.account(COORDINATOR, 1_000, Some(&contracts.join("piecework_coordinator.wasm")))?;
        let token = chain.account("token", 100, Some(&contracts.join("piecework_reward_token.wasm")))?;
        // 27 characters each, as in the targets.
        let requester = chain.account("requester-0123456", 10_000, None)?;
        let nodes = (0..nodes)
            .map(|index| chain.account(&format!("node-{index:02}-012345678"), 1_000, None))
            .collect::<anyhow::Result<_>>()?;
        let mut market = Self {
            chain,
            coordinator: coordinator.id.clone(),
            token: token.id.clone(),
            reward: 50_000,
            requester,
            nodes,
            batches: 0,
            intents: 0,
            shape: Shape::usual(1, 1),
        };
        let bounds = Bounds { claim_ttl_s: (10, 604_800), reveal_window_s: (10, 86_400), ..Bounds::default() };
        let config = Config { bounds, chain_id: CHAIN_ID.to_owned(), jury_nodes: JURY_NODES, ..Config::default() };
        let class_deposit = config.class_deposit.0;
        market.call(&coordinator, calls::new(coordinator.id.as_str(), &config))?;
        let reward = TokenSpec { name: "Reward".to_owned(), symbol: "RWD".to_owned(), decimals: 6 };
        market.call_token(&token, token::new(token.id.as_str(), u128::MAX, &reward))?;
        let listed = TokenListArgs {
            account_id: market.token.to_string(),
            min_reward: Amount(1),
            rep_unit: Amount(1_000),
            bond_rate: Amount(bond_rate),
        };
        market.call(&coordinator, calls::token_list(&listed))?;
        for account in [vec![coordinator.clone(), market.requester.clone()], market.nodes.clone()].concat() {
            market.call_token(&account, calls::storage_deposit(account.id.as_str(), NEAR / 100))?;
        }
        let requester = market.requester.clone();
        market.call_token(&token, token::mint(requester.id.as_str(), 10_u128.pow(30)))?;
        market.call(&requester, calls::storage_deposit(requester.id.as_str(), 100 * NEAR))?;
        let class = ClassRegisterArgs { name: "bench".to_owned(), ..ClassRegisterArgs::default() };
        market.call(&requester, calls::class_register(&class, class_deposit))?;
        // Challengers and adjudicators pay deposits and bonds.
        for node in market.nodes.clone() {
            market.call_token(&token, token::mint(node.id.as_str(), 10_u128.pow(30)))?;
        }
        Ok(market)
    }

    /// A node's number.
    pub fn number(node: usize) -> AccountNo {
        AccountNo(REQUESTER.0 + 1 + u32::try_from(node).unwrap_or_default())
    }

    /// Gives a node its storage deposit and registers it; returns what both burnt.
    ///
    /// # Errors
    /// A call fails.
    pub fn register(&mut self, index: usize) -> anyhow::Result<[Burnt; 2]> {
        let node = self.nodes[index].clone();
        let deposit = Call { args: b"{}".to_vec(), ..calls::storage_deposit(node.id.as_str(), NEAR / 10) };
        let storage = self.call(&node, deposit)?;
        Ok([storage, self.call(&node, calls::node_register(vec![CLASS], 100 * NEAR))?])
    }

    /// Credits a node with tokens of its own.
    ///
    /// # Errors
    /// The call fails.
    pub fn fund(&mut self, node: usize, amount: u128) -> anyhow::Result<()> {
        let deposit = token::deposit(self.coordinator.as_str(), amount);
        let node = self.nodes[node].clone();
        self.call_token(&node, deposit).map(drop)
    }

    /// The newest batch.
    pub const fn batch(&self) -> BatchId {
        BatchId(self.batches - 1)
    }

    /// Creates a batch from the internal balance.
    ///
    /// # Errors
    /// The call fails.
    pub fn create(&mut self, shape: Shape) -> anyhow::Result<Burnt> {
        let create = by(REQUESTER, calls::batch_create(TOKEN, self.spec(shape)))?;
        let burnt = self.chain.call(&self.requester, &self.coordinator, create)?;
        (self.batches, self.shape) = (self.batches + 1, shape);
        Ok(burnt)
    }

    /// Creates a batch that takes appends, from the internal balance.
    ///
    /// # Errors
    /// The call fails.
    pub fn create_appendable(&mut self, shape: Shape) -> anyhow::Result<Burnt> {
        let spec = BatchSpec { appendable: true, ..self.spec(shape) };
        let create = by(REQUESTER, calls::batch_create(TOKEN, spec))?;
        let burnt = self.chain.call(&self.requester, &self.coordinator, create)?;
        (self.batches, self.shape) = (self.batches + 1, shape);
        Ok(burnt)
    }

    /// Creates a batch by `ft_transfer_call`, with much left over on the internal balance.
    ///
    /// # Errors
    /// The call fails.
    pub fn create_by_transfer(&mut self, shape: Shape) -> anyhow::Result<Burnt> {
        let message = token::message(&DepositMessage::CreateBatch(self.spec(shape)), Some(REQUESTER));
        let transfer = token::transfer_call(self.coordinator.as_str(), 10_u128.pow(20), &message);
        let burnt = self.chain.call(&self.requester, &self.token, transfer)?;
        (self.batches, self.shape) = (self.batches + 1, shape);
        Ok(burnt)
    }

    /// Creates a batch and captures the seed of its first group; returns what that burnt.
    ///
    /// # Errors
    /// A call fails.
    pub fn open(&mut self, shape: Shape) -> anyhow::Result<Burnt> {
        self.create(shape)?;
        self.chain.pass(5)?;
        self.draw_at(0, At::Group(0))
    }

    /// Captures a seed and waits until everybody may claim.
    ///
    /// # Errors
    /// The call fails.
    pub fn draw_at(&mut self, node: usize, at: At) -> anyhow::Result<Burnt> {
        self.chain.pass(5)?;
        let draw = self.work(node, vec![Op::Draw { batch: self.batch(), at }])?;
        self.chain.pass(OPEN_TO_ALL_S)?;
        Ok(draw)
    }

    /// Captures the seed of a jury, whose slices last a minute, and waits until everybody may claim.
    ///
    /// # Errors
    /// The call fails.
    pub fn draw_jury(&mut self, node: usize, lot: LotId) -> anyhow::Result<()> {
        self.chain.pass(OPEN_TO_ALL_S)?;
        self.draw_at(node, At::Lot(lot))?;
        self.chain.pass(8 * OPEN_TO_ALL_S)
    }

    /// One step of a node on lots of the newest batch, in one call.
    ///
    /// # Errors
    /// The call fails, or an op is skipped.
    pub fn step(&mut self, step: Step, node: usize, lots: &[u32]) -> anyhow::Result<Burnt> {
        self.work(node, self.ops(step, node, lots))
    }

    /// All steps of these nodes, in a call each; returns what the calls burnt, in their order.
    ///
    /// # Errors
    /// A call fails, or an op is skipped.
    pub fn round(
        &mut self,
        nodes: Range<usize>,
        ops: impl Fn(&Self, Step, usize) -> Vec<Op>,
    ) -> anyhow::Result<Vec<Burnt>> {
        let mut burnt = Vec::new();
        for step in [Step::Claim, Step::Commit, Step::Reveal] {
            for node in nodes.clone() {
                let ops = ops(self, step, node);
                burnt.push(self.work(node, ops)?);
            }
        }
        Ok(burnt)
    }

    /// The ops of a step of one of the first nodes on lots of the newest batch.
    pub fn ops(&self, step: Step, node: usize, lots: &[u32]) -> Vec<Op> {
        lots.iter().map(|lot| self.op(step, node, self.batch(), *lot, 0)).collect()
    }

    /// The op of a step of one of the first nodes. The third of the first round errs in one of twenty items.
    pub fn op(&self, step: Step, node: usize, batch: BatchId, lot: u32, round: u8) -> Op {
        self.op_as(step, (node, node), (batch, LotId(lot), round))
    }

    /// The op of a step of a node that does a lot's copy of this number.
    pub fn op_as(&self, step: Step, (node, copy): (usize, usize), at: (BatchId, LotId, u8)) -> Op {
        let (_, LotId(lot), round) = at;
        let first = lot * u32::from(self.shape.lot_size);
        let items = (self.shape.items - first).min(u32::from(self.shape.lot_size));
        let answers = (0..items).filter(|item| round == 0 || item % 20 == 7).flat_map(|item| {
            let wrong = round == 0 && copy == 2 && item % 20 == 7;
            let answer = u8::try_from(item % 10).unwrap_or_default() + u8::from(wrong);
            std::iter::repeat_n(answer, usize::from(self.shape.width))
        });
        self.op_with(step, node, at, answers.collect())
    }

    /// The op of a step with these answers.
    pub fn op_with(&self, step: Step, node: usize, at: (BatchId, LotId, u8), answers: Vec<u8>) -> Op {
        let (batch, lot, round) = at;
        let salt = [u8::try_from(node).unwrap_or_default(); 32];
        match step {
            Step::Claim => Op::Claim { batch, lot },
            Step::Commit => {
                let place = Place { contract: self.coordinator.as_str(), batch, lot, round, node: Self::number(node) };
                Op::Commit { batch, lot, commitment: commitment(sha256, place, &answers, &salt) }
            }
            Step::Reveal => Op::Reveal { batch, lot, answers, salt },
        }
    }

    /// Whether every lot of the batch is settled.
    ///
    /// # Errors
    /// The view fails.
    pub fn is_closed(&self, batch: BatchId) -> anyhow::Result<bool> {
        Ok(self.view_batch(batch)?.status == BatchStatus::Closed)
    }

    /// Whether a group of the newest batch may open.
    ///
    /// # Errors
    /// The view fails.
    pub fn may_open(&self, group: u32) -> anyhow::Result<bool> {
        let classes = self.view(&views::classes(CLASS, 1))?;
        let open = self.view_batch(self.batch())?.open.context("the batch is closed")?;
        Ok(open.progress.window.may_open(group, classes.first().context("the class is missing")?.tickets, &open.terms))
    }

    /// The items that the jury of a lot of the newest batch answers.
    ///
    /// # Errors
    /// The view fails.
    pub fn jury_items(&self, lot: LotId) -> anyhow::Result<u64> {
        let found = self.view(&views::lot(self.batch(), lot))?;
        Ok(found.context("there is no such lot")?.state.case.context("the lot has no case")?.challenged())
    }

    /// A batch as the contract has it.
    ///
    /// # Errors
    /// The view fails, or there is no such batch.
    pub fn view_batch(&self, batch: BatchId) -> anyhow::Result<Batch> {
        self.view(&views::batch(batch))?.context("there is no such batch")
    }

    fn spec(&self, shape: Shape) -> BatchSpec {
        let terms = Terms {
            class: CLASS,
            reward: Amount(self.reward),
            lot_size: shape.lot_size,
            answer_width: shape.width,
            start: shape.start,
            quorum_pct: 60,
            claim_ttl_s: 600,
            reveal_window_s: 300,
            challenge_window_s: if shape.then == Then::Settled { 0 } else { WINDOW_S },
            slice_s: 3,
            bond_pct: 100,
            dissent_slash_pct: 20,
            abandon_slash_pct: 20,
            min_reputation: 0,
            expires_at: u32::try_from(self.chain.now_s()).unwrap_or_default() + 10_000_000,
            verification: match shape.then {
                Then::Verdict => {
                    Verification::Adjudicated { adjudicator: Self::number(self.nodes.len() - 1), verdict_ttl_s: 600 }
                }
                Then::Settled | Then::Window => Verification::Consensus,
            },
        };
        let uri = format!("blob:{}", "0".repeat(64));
        BatchSpec { terms, items: shape.items, manifest: [7; 32], uri, ..BatchSpec::default() }
    }

    /// A `work` call.
    ///
    /// # Errors
    /// The call fails, or an op is skipped.
    pub fn work(&mut self, node: usize, ops: Vec<Op>) -> anyhow::Result<Burnt> {
        self.chain.call(&self.nodes[node], &self.coordinator, calls::work(ops, Some(Self::number(node))))
    }

    /// Lets the requester's key sign intents.
    ///
    /// # Errors
    /// The call fails.
    pub fn add_intent_key(&mut self) -> anyhow::Result<Burnt> {
        let (public_key, daily_cap) = (PublicKey(self.requester.public_key()?), Amount(10_u128.pow(30)));
        let args = IntentKeyAddArgs { public_key, kinds: Kinds::EVERY, token: TOKEN, daily_cap };
        self.chain.call(&self.requester, &self.coordinator, calls::intent_key_add(&args))
    }

    /// Intents of the requester in one call, relayed by a node.
    ///
    /// # Errors
    /// The call fails, or an intent is skipped or fails.
    pub fn intents(&mut self, actions: Vec<Action>) -> anyhow::Result<Burnt> {
        let deadline = u32::try_from(self.chain.now_s())? + 600;
        let (account_id, public_key) = (self.requester.id.to_string(), PublicKey(self.requester.public_key()?));
        let withdrawals = actions.iter().filter(|action| matches!(action, Action::Withdraw(_))).count();
        let mut signed = Vec::new();
        for kind in actions {
            self.intents += 1;
            let (chain_id, account_id) = (CHAIN_ID.to_owned(), account_id.clone());
            let message = serde_json::to_string(&Intent { chain_id, account_id, deadline, kind })?;
            let mut nonce = [7; 32];
            nonce[..8].copy_from_slice(&self.intents.to_be_bytes());
            let mut intent = SignedIntent { message, nonce, public_key, ..SignedIntent::default() };
            intent.signature = self.requester.sign(&intent.digest(sha256, self.coordinator.as_str()))?;
            signed.push(intent);
        }
        self.chain.call(&self.nodes[0], &self.coordinator, calls::intents_execute(&signed, withdrawals))
    }

    /// The batch that [`Self::create`] would make, as an intent.
    pub fn creation(&mut self, shape: Shape) -> Action {
        (self.batches, self.shape) = (self.batches + 1, shape);
        Action::CreateBatch(BatchCreateArgs { token: TOKEN, batch: self.spec(shape) })
    }

    /// A call of the coordinator.
    ///
    /// # Errors
    /// The call fails.
    pub fn call(&mut self, who: &Actor, call: Call) -> anyhow::Result<Burnt> {
        self.chain.call(who, &self.coordinator, call)
    }

    /// A call of the token.
    ///
    /// # Errors
    /// The call fails.
    pub fn call_token(&mut self, who: &Actor, call: Call) -> anyhow::Result<Burnt> {
        self.chain.call(who, &self.token, call)
    }

    /// What the coordinator answers.
    ///
    /// # Errors
    /// The view fails.
    pub fn view<R: DeserializeOwned>(&self, view: &View<R>) -> anyhow::Result<R> {
        Ok(view.read(&self.chain.view(&self.coordinator, view.method, &view.args)?)?)
    }
}

/// The call with its caller's number, which spares the contract a look-up by name.
///
/// # Errors
/// The arguments are not JSON.
pub fn by(account: AccountNo, call: Call) -> anyhow::Result<Call> {
    let mut args: Value = serde_json::from_slice(&call.args)?;
    args["account"] = json!(account);
    Ok(Call { args: serde_json::to_vec(&args)?, ..call })
}
