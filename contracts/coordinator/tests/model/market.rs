//! A small market on the chain: a token, a requester, nodes, and the moves they make.

use piecework_coordinator::engine::{Engine, Error};
use piecework_interface::{
    amount::Amount,
    call::{BatchArgs, BatchCreateArgs, BatchSpec, DepositMessage, NodeRegisterArgs},
    commitment::{Place, commitment},
    config::{Bounds, Config},
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, ClassId, LotId, TokenId},
    op::{Op, Target},
    skip::Skip,
    terms::{Terms, Verification},
    view::{self, LotState, Node},
};

use super::{
    chain::{CONTRACT, Call, Chain, Memory, NEAR},
    check::check,
};

pub const TOKEN: &str = "token.near";
pub const REQUESTER: &str = "requester.near";
/// Classes that are registered, open to all.
pub const CLASSES: u16 = 20;
pub const NODES: [&str; 9] = ["a.near", "b.near", "c.near", "d.near", "e.near", "f.near", "g.near", "h.near", "i.near"];

/// The market.
#[derive(Clone, Debug)]
pub struct Market {
    pub chain: Chain,
    pub token: TokenId,
}

pub fn config() -> Config {
    Config {
        unbonding_s: 1_000,
        liveness_window_s: 3_600,
        grace_s: 10,
        reputation_interval_s: 0,
        fee_bps: 500,
        jury_nodes: 5,
        chain_id: super::sign::CHAIN_ID.to_owned(),
        bounds: Bounds {
            claim_ttl_s: (10, 100_000),
            reveal_window_s: (10, 86_400),
            challenge_window_s: (10, 100_000),
            slice_s: (1, 3_600),
            verdict_ttl_s: (10, 100_000),
            ..Bounds::default()
        },
        ..Config::default()
    }
}

pub fn terms(now: u32) -> Terms {
    Terms {
        class: ClassId(7),
        reward: Amount(1_000),
        lot_size: 3,
        answer_width: 1,
        start: 3,
        quorum_pct: 60,
        claim_ttl_s: 100,
        reveal_window_s: 50,
        challenge_window_s: 0,
        slice_s: 2,
        bond_pct: 100,
        dissent_slash_pct: 20,
        abandon_slash_pct: 20,
        min_reputation: 0,
        expires_at: now + 100_000,
        verification: Verification::Consensus,
    }
}

pub fn salt(node: &str) -> [u8; 32] {
    sha256(node.as_bytes())
}

impl Market {
    /// A market with so many nodes of one ticket each.
    pub fn new(nodes: usize) -> Self {
        Self::with(config(), nodes)
    }

    /// The same with another configuration.
    pub fn with(config: Config, nodes: usize) -> Self {
        let mut chain = Chain::new(config);
        let token = chain.list_token(TOKEN);
        chain.storage_deposit(REQUESTER, 100 * NEAR).expect("requester");
        for number in 0..CLASSES {
            chain.register_class(REQUESTER, &format!("class {number}"), false).expect("class");
        }
        let mut market = Self { chain, token };
        for node in &NODES[..nodes] {
            market.chain.storage_deposit(node, NEAR / 10).expect("storage");
            market.register(node, 10 * NEAR).expect("node");
        }
        market.chain.pass(10);
        market
    }

    pub fn register(&mut self, node: &str, stake: u128) -> Result<(), Error> {
        let args = NodeRegisterArgs { classes: vec![ClassId(7)] };
        self.chain.call(Call::by(node).with(stake), |engine| engine.node_register(args))
    }

    pub fn spec(terms: Terms, items: u32) -> BatchSpec {
        BatchSpec { terms, items, manifest: [7; 32], uri: "blob:00".to_owned(), ..BatchSpec::default() }
    }

    /// A batch, funded by `ft_transfer_call`.
    pub fn batch(&mut self, terms: Terms, items: u32) -> BatchId {
        let batch = BatchId(self.chain.mirror.root.next_batch);
        let message = DepositMessage::CreateBatch(Self::spec(terms, items));
        self.chain.transfer_call(TOKEN, REQUESTER, 10_u128.pow(24), message).expect("batch");
        check(&self.chain);
        batch
    }

    /// Credits an account with tokens.
    pub fn fund(&mut self, who: &str, amount: u128) {
        let deposit = DepositMessage::Deposit {};
        let token = self.chain.mirror.tokens[&self.token].account_id.clone();
        self.chain.transfer_call(&token, who, amount, deposit).expect("deposit");
    }

    pub fn create(&mut self, terms: Terms, items: u32) -> Result<BatchId, Error> {
        let args = BatchCreateArgs { token: self.token, batch: Self::spec(terms, items) };
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_create(args))
    }

    pub fn cancel(&mut self, batch: BatchId) -> Result<(), Error> {
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_cancel(BatchArgs { batch }))
    }

    /// Does ops and checks every invariant.
    pub fn work(&mut self, node: &str, ops: Vec<Op>) -> Vec<Entry> {
        let entries = self.chain.work(node, ops).expect("work");
        check(&self.chain);
        entries
    }

    /// A batch with more than terms: a callback.
    pub fn batch_of(&mut self, spec: BatchSpec) -> BatchId {
        let batch = BatchId(self.chain.mirror.root.next_batch);
        let message = DepositMessage::CreateBatch(spec);
        self.chain.transfer_call(TOKEN, REQUESTER, 10_u128.pow(12), message).expect("batch");
        check(&self.chain);
        batch
    }

    /// Any other call, with every invariant checked.
    pub fn call<T>(
        &mut self,
        who: &str,
        deposit: u128,
        run: impl FnOnce(Engine<'_, Memory<'_>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let result = self.chain.call(Call::by(who).with(deposit), run);
        check(&self.chain);
        result
    }

    /// One op: its skip code, if it was skipped.
    pub fn op(&mut self, node: &str, op: Op) -> Result<(), Skip> {
        match self.work(node, vec![op]).iter().find_map(|entry| match entry {
            Entry::Skipped { code, .. } => Some(*code),
            _ => None,
        }) {
            Some(code) => Err(code),
            None => Ok(()),
        }
    }

    /// Captures the seed of a group or an extension, and waits until everybody may claim.
    pub fn draw(&mut self, node: &str, batch: BatchId, at: At) {
        self.chain.pass(3);
        self.op(node, Op::Draw { batch, at }).expect("draw");
        self.chain.pass(20);
    }

    pub fn claim(&mut self, node: &str, batch: BatchId, lot: u32) -> Result<(), Skip> {
        self.op(node, Op::Claim { batch, lot: LotId(lot) })
    }

    pub fn release(&mut self, node: &str, batch: BatchId, lot: u32) -> Result<(), Skip> {
        self.op(node, Op::Release { batch, lot: LotId(lot) })
    }

    pub fn commitment(&self, node: &str, batch: BatchId, lot: u32, answers: &[u8]) -> [u8; 32] {
        let round = self.lot(batch, lot).map_or(0, |state| state.round);
        let node_no = self.chain.number(node);
        let place = Place { contract: CONTRACT, batch, lot: LotId(lot), round, node: node_no };
        commitment(sha256, place, answers, &salt(node))
    }

    pub fn commit(&mut self, node: &str, batch: BatchId, lot: u32, answers: &[u8]) -> Result<(), Skip> {
        let commitment = self.commitment(node, batch, lot, answers);
        self.op(node, Op::Commit { batch, lot: LotId(lot), commitment })
    }

    pub fn reveal_op(node: &str, batch: BatchId, lot: u32, answers: &[u8]) -> Op {
        Op::Reveal { batch, lot: LotId(lot), answers: answers.to_vec(), salt: salt(node) }
    }

    pub fn reveal(&mut self, node: &str, batch: BatchId, lot: u32, answers: &[u8]) -> Result<(), Skip> {
        self.op(node, Self::reveal_op(node, batch, lot, answers))
    }

    /// Claims, commits and reveals one round with these answers.
    pub fn round(&mut self, batch: BatchId, lot: u32, answers: &[(&str, &[u8])]) {
        for (node, _) in answers {
            self.claim(node, batch, lot).expect("claim");
        }
        for (node, answers) in answers {
            self.commit(node, batch, lot, answers).expect("commit");
        }
        for (node, answers) in answers {
            self.reveal(node, batch, lot, answers).expect("reveal");
        }
    }

    pub fn poke_lot(&mut self, batch: BatchId, lot: u32) -> Result<Vec<Entry>, Error> {
        let result = self.chain.poke(&[Target::Lot(batch, LotId(lot))]);
        check(&self.chain);
        result
    }

    pub fn lot(&self, batch: BatchId, lot: u32) -> Option<LotState> {
        self.chain.view(|mut engine| engine.view_lot(batch, LotId(lot))).expect("view").map(|lot| lot.state)
    }

    pub fn view_batch(&self, batch: BatchId) -> view::Batch {
        self.chain.view(|mut engine| engine.view_batch(batch)).expect("view").expect("batch")
    }

    pub fn account(&self, account_id: &str) -> view::Account {
        self.chain.view(|mut engine| engine.view_account(account_id)).expect("view").expect("account")
    }

    pub fn node(&self, account_id: &str) -> Node {
        self.account(account_id).node.expect("node")
    }

    /// Balance in the reward token.
    pub fn balance(&self, account_id: &str) -> u128 {
        let account = self.account(account_id);
        account.balances.iter().find(|balance| balance.token == self.token).map_or(0, |balance| balance.amount.0)
    }
}

/// A market with a batch of lots of three items whose group 0 is drawn and open to everybody.
pub fn drawn(nodes: usize, items: u32, change: impl FnOnce(&mut Terms)) -> (Market, BatchId) {
    let (mut market, batch) = seeded(nodes, items, change);
    market.chain.pass(20);
    (market, batch)
}

/// The same right after the draw, with every seat still closed.
pub fn seeded(nodes: usize, items: u32, change: impl FnOnce(&mut Terms)) -> (Market, BatchId) {
    let mut market = Market::new(nodes);
    let mut terms = terms(market.chain.now());
    change(&mut terms);
    let batch = market.batch(terms, items);
    market.chain.pass(3);
    market.op("a.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");
    (market, batch)
}
