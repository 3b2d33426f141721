//! The coordinator's own rules over a map in memory, with blocks, final blocks, and transactions that run once.

use std::collections::{BTreeMap, VecDeque};

use piecework_agent::core::{
    Call, Called,
    facts::{BatchFacts, Facts},
};
use piecework_coordinator::engine::{Engine, Error, Host};
use piecework_interface::{
    Sha256,
    amount::Amount,
    call::{BatchSpec, ChallengeArgs, DepositMessage, NodeRegisterArgs, TokenListArgs},
    config::{Bounds, Config},
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId},
    op::Target,
    terms::{Terms, Verification},
    view::{Account, Batch, BatchStatus, Callback},
};

pub const CONTRACT: &str = "market.near";
pub const CLASS: ClassId = ClassId(7);
const OWNER: &str = "owner.near";
const TOKEN: &str = "token.near";
const REQUESTER: &str = "requester.near";
const NEAR: u128 = 10_u128.pow(24);
/// Short enough that epochs end while the agents work.
const EPOCH_S: u32 = 60;
/// A block is final when so many have followed it.
const FINAL_AFTER: usize = 2;
/// A node may lag so many final blocks behind at most.
const LAG_MAX: usize = 8;

type Storage = BTreeMap<Vec<u8>, Vec<u8>>;

/// A transaction's number stands for its signed bytes: sent twice, it runs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TxId(pub u64);

#[derive(Clone, Debug)]
struct Block {
    height: u64,
    now_s: u32,
    storage: Storage,
}

/// The chain.
#[derive(Clone, Debug)]
pub struct Chain {
    latest: Block,
    /// The last blocks, the newest last.
    recent: VecDeque<Block>,
    waiting: Vec<(TxId, String, Call)>,
    outcomes: BTreeMap<TxId, (u64, Called)>,
    receipts: u64,
}

struct Memory<'a> {
    block: &'a Block,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    predecessor: &'a str,
    deposit: u128,
    seed: u64,
    logs: Vec<String>,
}

impl Host for Memory<'_> {
    const SHA256: Sha256 = sha256;
    /// Agents sign no intents.
    fn ed25519_verify(&self, _signature: &[u8; 64], _message: &[u8], _public_key: &[u8; 32]) -> bool {
        false
    }
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.writes.get(key).cloned().unwrap_or_else(|| self.block.storage.get(key).cloned())
    }
    fn write(&mut self, key: &[u8], value: &[u8]) {
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
    }
    fn remove(&mut self, key: &[u8]) {
        self.writes.insert(key.to_vec(), None);
    }
    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.read(key);
        self.remove(key);
        value
    }
    fn now_ns(&self) -> u64 {
        u64::from(self.block.now_s) * 1_000_000_000
    }
    fn height(&self) -> u64 {
        self.block.height
    }
    fn predecessor(&self) -> String {
        self.predecessor.to_owned()
    }
    fn current_account(&self) -> String {
        CONTRACT.to_owned()
    }
    fn deposit(&self) -> u128 {
        self.deposit
    }
    fn random_seed(&self) -> Vec<u8> {
        sha256(&self.seed.to_le_bytes()).to_vec()
    }
    fn gas_left(&self) -> u64 {
        u64::MAX
    }
    fn log(&mut self, line: &str) {
        self.logs.push(line.to_owned());
    }
}

impl Chain {
    /// A chain with these nodes of one ticket each, and a batch.
    pub fn new(nodes: &[&str], items: u32, quorum_pct: u8) -> Self {
        let mut chain = Self::bare(nodes);
        chain.post(terms(chain.latest.now_s, quorum_pct), items, None);
        chain
    }

    fn bare(nodes: &[&str]) -> Self {
        let latest = Block { height: 1_000, now_s: 1_700_000_000, storage: Storage::new() };
        let mut chain =
            Self { latest, recent: VecDeque::new(), waiting: Vec::new(), outcomes: BTreeMap::new(), receipts: 0 };
        let bounds = Bounds {
            claim_ttl_s: (10, 100_000),
            reveal_window_s: (10, 100_000),
            challenge_window_s: (10, 100_000),
            slice_s: (1, 3_600),
            ..Bounds::default()
        };
        let config = Config {
            grace_s: 5,
            liveness_window_s: 600,
            epoch_s: EPOCH_S,
            juror_age_s: 0,
            juror_reputation: 0,
            bounds,
            ..Config::default()
        };
        chain.run(CONTRACT, 0, |host| Engine::init(host, OWNER.to_owned(), config)).expect("init");
        let token = TokenListArgs {
            account_id: TOKEN.to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1 << 40),
        };
        chain.call(OWNER, 1, |engine| engine.token_list(token)).expect("token");
        for who in nodes.iter().copied().chain([REQUESTER]) {
            chain.call(who, 100 * NEAR, |engine| engine.storage_deposit(None, false)).expect("storage");
        }
        for node in nodes {
            let args = NodeRegisterArgs { classes: vec![CLASS] };
            chain.call(node, 10 * NEAR, |engine| engine.node_register(args)).expect("node");
        }
        chain.block();
        chain
    }

    /// A chain whose batch has a challenge window, and a contract that wants to know of its end.
    pub fn with_window(nodes: &[&str], items: u32, window_s: u32) -> Self {
        let mut chain = Self::bare(nodes);
        let terms = Terms { challenge_window_s: window_s, ..terms(chain.latest.now_s, 60) };
        let callback = Callback { account_id: "listener.near".to_owned(), tgas: 10 };
        chain.post(terms, items, Some(callback));
        chain
    }

    fn post(&mut self, terms: Terms, items: u32, callback: Option<Callback>) {
        let message = DepositMessage::CreateBatch(BatchSpec {
            terms,
            items,
            manifest: [7; 32],
            uri: "blob:00".to_owned(),
            gold_root: [0; 32],
            callback,
        });
        let pay = 10_u128.pow(12);
        self.call(TOKEN, 0, |engine| engine.ft_on_transfer(REQUESTER.to_owned(), pay, message)).expect("batch");
        for _ in 0..=FINAL_AFTER {
            self.block();
        }
    }

    /// The requester challenges the first item of a lot.
    pub fn challenge(&mut self, lot: LotId) {
        let args = ChallengeArgs { batch: BatchId(0), lot, items: vec![0] };
        self.call(REQUESTER, NEAR, |engine| engine.challenge(&args)).expect("challenge");
    }

    /// Takes signed bytes; the second time does nothing.
    pub fn submit(&mut self, tx: TxId, who: &str, call: &Call) {
        let known = self.outcomes.contains_key(&tx) || self.waiting.iter().any(|(waiting, ..)| *waiting == tx);
        if !known {
            self.waiting.push((tx, who.to_owned(), call.clone()));
        }
    }

    /// Makes a block, a second after the last.
    pub fn block(&mut self) {
        self.recent.push_back(self.latest.clone());
        if self.recent.len() > FINAL_AFTER + LAG_MAX {
            self.recent.pop_front();
        }
        self.latest.height += 1;
        self.latest.now_s += 1;
        for (tx, who, call) in std::mem::take(&mut self.waiting) {
            let logs = match call {
                Call::Work(ops) => self.call(&who, 0, |engine| engine.work(ops)),
                Call::Poke(targets) => self.call(&who, 0, |engine| engine.poke(&targets)),
                Call::Tell(batch, _) => self.call(&who, 0, |engine| engine.poke(&[Target::Batch(batch)])),
                Call::Heartbeat => self.call(&who, 0, |engine| engine.heartbeat()),
                Call::EpochSettle => self.call(&who, 0, |engine| engine.epoch_settle()),
                Call::Collect(_) => unreachable!("no key of these agents signs intents"),
            };
            let called = match logs {
                Ok(logs) => Called::Done { height: self.latest.height, skips: skips(&logs) },
                Err(error) => Called::Failed { text: error.to_string() },
            };
            self.outcomes.insert(tx, (self.latest.height, called));
        }
    }

    /// The outcome of a transaction, once its block is final.
    pub fn outcome(&self, tx: TxId) -> Option<Called> {
        let (height, called) = self.outcomes.get(&tx)?;
        (*height <= self.last_final().height).then(|| called.clone())
    }

    /// What an agent sees at the last final block.
    pub fn facts(&self, who: &str) -> Facts {
        self.facts_behind(who, 0)
    }

    /// What an agent sees through a node that lags so many blocks behind the last final one.
    pub fn facts_behind(&self, who: &str, lag: usize) -> Facts {
        let block = self.final_block(lag);
        let (account, root, revenue, batches, untold) = view(block, |mut engine| {
            let batches: Vec<Batch> = engine.view_batches(0, 128).expect("batches");
            let closed = batches.iter().filter(|batch| batch.status == BatchStatus::Closed);
            let untold = closed.filter_map(|batch| Some((batch.batch, batch.callback.as_ref()?.tgas))).collect();
            let batches = batches.into_iter().filter_map(|batch| {
                let open = batch.open.filter(|_| batch.status != BatchStatus::Closed)?;
                let lots = engine.view_lots(batch.batch, 0, 128).expect("lots");
                let lots = lots.into_iter().map(|lot| (lot.lot, lot.state)).collect();
                Some((batch.batch, BatchFacts { status: batch.status, open, lots }))
            });
            let batches: BTreeMap<BatchId, BatchFacts> = batches.collect();
            (
                engine.view_account(who).expect("account"),
                engine.view_root(),
                engine.view_revenue().expect("revenue"),
                batches,
                untold,
            )
        });
        Facts {
            height: block.height,
            now_s: block.now_s,
            active_tickets: root.active_tickets,
            liveness_window_s: 600,
            account,
            batches,
            silent: Vec::new(),
            revenue,
            epoch_s: EPOCH_S,
            untold,
        }
    }

    /// An account at the tip.
    pub fn account(&self, who: &str) -> Account {
        view(&self.latest, |mut engine| engine.view_account(who)).expect("view").expect("account")
    }

    /// The batch at the tip.
    pub fn batch(&self) -> Batch {
        view(&self.latest, |mut engine| engine.view_batch(BatchId(0))).expect("view").expect("batch")
    }

    /// A node's number.
    pub fn number(&self, who: &str) -> AccountNo {
        self.account(who).account
    }

    /// Time of the tip.
    pub const fn now_s(&self) -> u32 {
        self.latest.now_s
    }

    fn last_final(&self) -> &Block {
        self.final_block(0)
    }

    fn final_block(&self, lag: usize) -> &Block {
        self.recent.get(self.recent.len().saturating_sub(FINAL_AFTER + lag)).unwrap_or(&self.latest)
    }

    fn call<T>(
        &mut self,
        who: &str,
        deposit: u128,
        run: impl FnOnce(Engine<'_, Memory<'_>>) -> Result<T, Error>,
    ) -> Result<Vec<String>, Error> {
        self.run(who, deposit, |host| Engine::start(host).and_then(run))
    }

    fn run<T>(
        &mut self,
        who: &str,
        deposit: u128,
        run: impl FnOnce(&mut Memory<'_>) -> Result<T, Error>,
    ) -> Result<Vec<String>, Error> {
        self.receipts += 1;
        let mut host = Memory {
            block: &self.latest,
            writes: BTreeMap::new(),
            predecessor: who,
            deposit,
            seed: self.receipts,
            logs: Vec::new(),
        };
        run(&mut host)?;
        let Memory { writes, logs, .. } = host;
        for (key, value) in writes {
            match value {
                Some(value) => self.latest.storage.insert(key, value),
                None => self.latest.storage.remove(&key),
            };
        }
        Ok(logs)
    }
}

fn view<T>(block: &Block, look: impl FnOnce(Engine<'_, Memory<'_>>) -> T) -> T {
    let mut host = Memory { block, writes: BTreeMap::new(), predecessor: "", deposit: 0, seed: 0, logs: Vec::new() };
    look(Engine::start(&mut host).expect("initialised"))
}

fn skips(logs: &[String]) -> BTreeMap<usize, piecework_interface::skip::Skip> {
    let lines = logs.iter().map(|log| Line::parse(log).expect("readable").expect("ours"));
    let entries = lines.flat_map(|line| line.log);
    entries
        .filter_map(|entry| match entry {
            Entry::Skipped { op, code } => Some((usize::from(op), code)),
            _ => None,
        })
        .collect()
}

fn terms(now_s: u32, quorum_pct: u8) -> Terms {
    Terms {
        class: CLASS,
        reward: Amount(1_000),
        lot_size: 3,
        answer_width: 1,
        start: 3,
        max: 6,
        quorum_pct,
        claim_ttl_s: 20,
        reveal_window_s: 60,
        challenge_window_s: 0,
        slice_s: 2,
        bond_pct: 100,
        dissent_slash_pct: 20,
        abandon_slash_pct: 20,
        min_reputation: 0,
        expires_at: now_s + 3_000,
        verification: Verification::Consensus,
        gold_slash_pct: 0,
    }
}
