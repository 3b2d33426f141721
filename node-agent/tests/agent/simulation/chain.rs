//! The coordinator's own rules, with blocks, final blocks, and transactions that run once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piecework_agent::core::{
    Call, Called,
    facts::{BatchFacts, Facts},
};
use piecework_coordinator::testing::{self as engine, Call as By, NEAR};
use piecework_interface::{
    amount::Amount,
    answers::Items,
    call::{BatchSpec, ChallengeArgs, ClassRegisterArgs, DepositMessage, IntentKeyAddArgs, NodeRegisterArgs},
    config::{Bounds, Config},
    event::{Entry, Line},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    op::Target,
    settlement::judge,
    terms::{Terms, Verification},
    view::{Account, Batch, BatchStatus, Callback},
};

pub use piecework_coordinator::testing::CONTRACT;
pub const CLASS: ClassId = ClassId(0);
const TOKEN: &str = "token.near";
const REQUESTER: &str = "requester.near";
/// Whose balance pays challenges.
pub const OPERATOR: &str = "operator.near";
pub const CHAIN_ID: &str = "simulated";
/// What the operator has.
pub const PURSE: u128 = 1_000_000;
/// A block is final when so many have followed it.
const FINAL_AFTER: usize = 2;
/// A node may lag so many final blocks behind at most.
const LAG_MAX: usize = 8;

/// A transaction's number stands for its signed bytes: sent twice, it runs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TxId(pub u64);

/// The chain: the contract's own engine with a mirror that replays each line, and blocks that become final.
#[derive(Clone, Debug)]
pub struct Chain {
    latest: engine::Chain,
    /// The last blocks, the newest last.
    recent: VecDeque<engine::Chain>,
    waiting: Vec<(TxId, String, Call)>,
    outcomes: BTreeMap<TxId, (u64, Called)>,
    /// Challenges that the contract ever took: lot, items, deposit.
    pub challenged: Vec<(LotId, u64, u128)>,
}

impl Chain {
    /// A chain with these nodes of one ticket each, and a batch.
    pub fn new(nodes: &[&str], items: u32, quorum_pct: u8) -> Self {
        let mut chain = Self::bare(nodes);
        chain.post(terms(chain.now_s(), quorum_pct), items, None);
        chain
    }

    fn bare(nodes: &[&str]) -> Self {
        let bounds = Bounds {
            claim_ttl_s: (10, 100_000),
            reveal_window_s: (10, 86_400),
            challenge_window_s: (10, 100_000),
            slice_s: (1, 3_600),
            ..Bounds::default()
        };
        let config = Config {
            grace_s: 5,
            liveness_window_s: 600,
            jury_nodes: 1,
            bounds,
            chain_id: CHAIN_ID.to_owned(),
            ..Config::default()
        };
        let latest = engine::Chain::new(config);
        let mut chain = Self {
            latest,
            recent: VecDeque::new(),
            waiting: Vec::new(),
            outcomes: BTreeMap::new(),
            challenged: Vec::new(),
        };
        chain.latest.list_token(TOKEN);
        for who in nodes.iter().copied().chain([REQUESTER, OPERATOR]) {
            chain.latest.storage_deposit(who, 100 * NEAR).expect("storage");
        }
        let class = ClassRegisterArgs { name: "digits".to_owned(), schema: [0; 32], gated: false };
        chain.latest.call(By::by(REQUESTER).with(NEAR), |engine| engine.class_register(class)).expect("class");
        for node in nodes {
            let args = NodeRegisterArgs { classes: vec![CLASS] };
            chain.latest.call(By::by(node).with(10 * NEAR), |engine| engine.node_register(args)).expect("node");
        }
        chain.block();
        chain
    }

    /// A chain whose batch has a challenge window, and a contract that wants to know of its end.
    pub fn with_window(nodes: &[&str], items: u32, window_s: u32) -> Self {
        let mut chain = Self::bare(nodes);
        let terms = Terms { challenge_window_s: window_s, ..terms(chain.now_s(), 60) };
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
            callback,
            ..BatchSpec::default()
        });
        self.latest.transfer_call(TOKEN, REQUESTER, 10_u128.pow(12), message).expect("batch");
        for _ in 0..=FINAL_AFTER {
            self.block();
        }
    }

    /// The operator has tokens, and a key that may challenge for so much a day.
    pub fn fund_challenges(&mut self, public_key: PublicKey, daily_cap: u128) {
        self.latest.transfer_call(TOKEN, OPERATOR, PURSE, DepositMessage::Deposit {}).expect("deposit");
        let token = TokenId(1);
        let add =
            IntentKeyAddArgs { public_key, kinds: Kinds::of(&[Kind::Challenge]), token, daily_cap: Amount(daily_cap) };
        self.latest.call(By::by(OPERATOR).with(1), |engine| engine.intent_key_set(add)).expect("key");
    }

    /// The results that stand in a lot at the last final block, by item.
    pub fn results(&self, batch: BatchId, lot: LotId) -> Vec<(u8, Vec<u8>)> {
        let facts = self.facts(OPERATOR);
        let open = &facts.batches[&batch];
        let judgement = judge(&open.open.terms, open.open.lot_items(lot), &open.lots[&lot]);
        let answers = judgement.answers();
        Items(judgement.accepted()).iter().map(|item| (item, answers.get(item).expect("answer").to_vec())).collect()
    }

    /// The requester challenges the first item of a lot.
    pub fn challenge(&mut self, lot: LotId) {
        let args = ChallengeArgs { batch: BatchId(0), lot, items: vec![0], evidence: [0; 32] };
        self.latest.call(By::by(REQUESTER).with(1), |engine| engine.challenge(&args)).expect("challenge");
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
        // What a block logged is read at once: blocks keep none of it.
        self.latest.lines.clear();
        self.latest.receipts.clear();
        self.recent.push_back(self.latest.clone());
        if self.recent.len() > FINAL_AFTER + LAG_MAX {
            self.recent.pop_front();
        }
        self.latest.pass(1);
        for (tx, who, call) in std::mem::take(&mut self.waiting) {
            let (chain, by) = (&mut self.latest, By::by(&who));
            let ran = match call {
                Call::Work(ops) => chain.work(&who, ops).map(drop),
                Call::Poke(targets) => chain.call(by, |engine| engine.poke(&targets)).map(drop),
                Call::Tell(batch, _) => chain.call(by, |engine| engine.poke(&[Target::Batch(batch)])).map(drop),
                Call::Heartbeat => chain.call(by, |engine| engine.heartbeat()),
                Call::Payout(token) => chain.withdraw_payout(&who, token, None),
                Call::Challenge(intent) => chain.call(by, |engine| engine.intents_execute(&[intent])).map(drop),
            };
            if ran.is_ok() {
                let entries = self.latest.lines.last().into_iter().flat_map(|line| &line.log);
                self.challenged.extend(entries.filter_map(|entry| match entry {
                    Entry::Challenged { lot, items, deposit, .. } => Some((*lot, items.0, deposit.0)),
                    _ => None,
                }));
            }
            let called = match ran {
                Ok(()) => Called::Done { height: self.latest.height, skips: skips(self.latest.lines.last()) },
                Err(error) => Called::Failed(error.to_string()),
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
        let (account, challenger, classes, batches, untold) = block.view(|mut engine| {
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
            let classes = engine.view_classes(0, 128).expect("classes");
            let challenger = engine.view_account(OPERATOR).expect("account");
            (engine.view_account(who).expect("account"), challenger, classes, batches, untold)
        });
        Facts {
            height: block.height,
            now_s: block.now(),
            classes: classes.into_iter().map(|class| (class.class, class)).collect(),
            operators: BTreeMap::new(),
            adjudicators: BTreeSet::new(),
            liveness_window_s: 600,
            account,
            challenger,
            batches,
            silent: Vec::new(),
            untold,
        }
    }

    /// An account at the tip.
    pub fn account(&self, who: &str) -> Account {
        self.latest.view(|mut engine| engine.view_account(who)).expect("view").expect("account")
    }

    /// The batch at the tip.
    pub fn batch(&self) -> Batch {
        self.latest.view(|mut engine| engine.view_batch(BatchId(0))).expect("view").expect("batch")
    }

    /// A node's number.
    pub fn number(&self, who: &str) -> AccountNo {
        self.latest.number(who)
    }

    /// Time of the tip.
    pub fn now_s(&self) -> u32 {
        self.latest.now()
    }

    fn last_final(&self) -> &engine::Chain {
        self.final_block(0)
    }

    fn final_block(&self, lag: usize) -> &engine::Chain {
        self.recent.get(self.recent.len().saturating_sub(FINAL_AFTER + lag)).unwrap_or(&self.latest)
    }
}

fn skips(line: Option<&Line>) -> BTreeMap<usize, piecework_interface::skip::Skip> {
    let entries = line.into_iter().flat_map(|line| &line.log);
    entries
        .filter_map(|entry| match entry {
            Entry::Skipped { op, code } | Entry::Intent { op, failed: Some(code), .. } => {
                Some((usize::from(*op), *code))
            }
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
    }
}
