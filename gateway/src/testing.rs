//! A market for tests: rows that the indexer commits, and a gateway that serves them on a free port.

use std::{net::SocketAddr, time::Duration};

use clap::Parser as _;
use piecework_chain::{ContractReceipt, FinalBlock};
use piecework_coordinator::testing::{self as chain, Call, Chain, NEAR};
use piecework_daemon::PrometheusHandle;
use piecework_indexer::{
    commit::Writer,
    plan::Planner,
    testing::{push, receipt},
};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchArgs, BatchRaiseArgs, BatchSkipLotsArgs, BatchSpec, ChallengeArgs, ClassRegisterArgs, DepositMessage,
        NodeRegisterArgs, OperatorConfirmArgs, StakeRemoveArgs,
    },
    commitment::{Place, commitment},
    config::{Bounds, Config as ContractConfig},
    dispute::challenge_deposit,
    draw::{At, Draw},
    event::Entry,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, Digest, LotId},
    money,
    op::{Op, Target},
    terms::{Terms, Verification},
};
use piecework_store::{DatabaseUrl, PgPool};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use tokio::{net::TcpListener, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use crate::{App, Config, serve};

/// The requester of every batch.
pub const REQUESTER: &str = "requester.test.near";
/// The reward token, number 1.
const REWARD: &str = "reward.test.near";
/// Time of the first block, Unix nanoseconds: ahead of any clock, so that a mirror is never late unless it is rewound.
const BEGAN_AT_NS: u64 = 4_000_000_000_000_000_000;
const SALT: [u8; 32] = [1; 32];
/// The class of every node and batch.
const CLASS: ClassId = ClassId(0);

/// A market: the contract's own engine writes the journal, the indexer's planner the rows. Each call is a block of its own.
pub struct Market {
    chain: Chain,
    blocks: Vec<FinalBlock>,
    writer: Writer,
    planner: Planner,
}

impl Market {
    /// A market with a requester, two tokens, a class and `nodes` nodes of it, committed.
    pub async fn open(pool: &PgPool, nodes: u32) -> Self {
        let url = DatabaseUrl::from((*pool.connect_options()).clone());
        let (writer, loaded) = Writer::open(&url, chain::CONTRACT, "test", Duration::from_secs(30)).await.unwrap();
        let chain = Chain::new(ContractConfig {
            reputation_interval_s: 0,
            jury_nodes: 3,
            bounds: bounds(),
            ..ContractConfig::default()
        });
        let mut market = Self { chain, blocks: Vec::new(), writer, planner: Planner::new(loaded) };
        market.take();
        market.chain.now_ns = BEGAN_AT_NS;
        market.chain.list_token(REWARD);
        market.take();
        market.chain.storage_deposit(REQUESTER, 100 * NEAR).unwrap();
        market.take();
        market.register_class("digits", false);
        for number in 1..=nodes {
            let node = node_id(number);
            market.chain.storage_deposit(&node, NEAR / 10).unwrap();
            market.take();
            let args = NodeRegisterArgs { classes: vec![CLASS] };
            market.chain.call(Call::by(&node).with(20 * NEAR), |engine| engine.node_register(args)).unwrap();
            market.take();
        }
        market.commit().await;
        market
    }

    /// The requester registers a class.
    pub fn register_class(&mut self, name: &str, gated: bool) {
        let args = ClassRegisterArgs { name: name.to_owned(), schema: [0; 32], gated };
        self.chain.call(Call::by(REQUESTER).with(NEAR), |engine| engine.class_register(args)).unwrap();
        self.take();
    }

    /// Node `number` pauses.
    pub fn pause(&mut self, number: u32) {
        self.chain.call(Call::by(&node_id(number)), |engine| engine.node_pause()).unwrap();
        self.take();
    }

    /// Node `number` takes whole NEAR out of its stake.
    pub fn unstake(&mut self, number: u32, near: u128) {
        let (node, amount) = (node_id(number), Some(Amount(near * NEAR)));
        self.chain.call(Call::by(&node).with(1), |engine| engine.stake_remove(StakeRemoveArgs { amount })).unwrap();
        self.take();
    }

    /// Node `number` and node `operator` name each other.
    pub fn name_operator(&mut self, number: u32, operator: u32) {
        let (node, operator) = (node_id(number), node_id(operator));
        let named = operator.clone();
        self.chain.call(Call::by(&node).with(1), |engine| engine.node_operator(Some(named))).unwrap();
        self.take();
        let args = OperatorConfirmArgs { account_id: node, accept: true };
        self.chain.call(Call::by(&operator).with(1), |engine| engine.operator_confirm(&args)).unwrap();
        self.take();
    }

    /// Height of the last block.
    pub fn height(&self) -> u64 {
        self.planner.planned().height
    }

    /// Number of the next line.
    pub const fn seq(&self) -> u64 {
        self.chain.mirror.root.seq
    }

    /// Adds a block that is long past.
    pub fn rewind(&mut self) {
        self.block(self.height() + 1, 1_000_000_000, Vec::new());
    }

    /// Writes what is pending in one transaction, as the indexer does.
    pub async fn commit(&mut self) {
        self.writer.commit(&mut self.planner).await.unwrap();
    }

    /// The last call becomes a block, with a second until the next.
    fn take(&mut self) {
        let chain::Receipt { now_s, height, predecessor, method, ops, text } = self.chain.receipts.pop().unwrap();
        let receipt = receipt(&predecessor, &method, &ops, text);
        self.block(height, now_s, vec![receipt]);
        self.chain.pass(1);
    }

    fn block(&mut self, height: u64, now_s: u32, receipts: Vec<ContractReceipt>) {
        let block = push(&mut self.blocks, (height, now_s), receipts, &self.chain.mirror);
        self.planner.apply(block).unwrap();
    }

    fn work(&mut self, node: AccountNo, op: Op) {
        let entries = self.chain.work(&node_id(node.0), vec![op]).unwrap();
        let skipped = entries.iter().find(|entry| matches!(entry, Entry::Skipped { .. }));
        assert!(skipped.is_none(), "{skipped:?}");
        self.take();
    }

    /// Posts a batch with lots of four items and answers of one byte.
    pub fn post(&mut self, items: u32) -> BatchId {
        self.post_with(terms(), items)
    }

    /// Posts a batch with the gold root that is made of its manifest root.
    pub fn post_golden(&mut self, items: u32, root: impl FnOnce(Digest) -> Digest) -> BatchId {
        self.post_spec(terms(), items, root)
    }

    fn post_with(&mut self, terms: Terms, items: u32) -> BatchId {
        self.post_spec(terms, items, |_| [0; 32])
    }

    /// Posts a batch that takes more lots.
    pub fn post_appendable(&mut self, items: u32) -> BatchId {
        self.post_changed(terms(), items, |spec| BatchSpec { appendable: true, ..spec })
    }

    fn post_spec(&mut self, terms: Terms, items: u32, gold_root: impl FnOnce(Digest) -> Digest) -> BatchId {
        self.post_changed(terms, items, |spec| BatchSpec { gold_root: gold_root(spec.manifest), ..spec })
    }

    fn post_changed(&mut self, terms: Terms, items: u32, change: impl FnOnce(BatchSpec) -> BatchSpec) -> BatchId {
        let terms = Terms { expires_at: self.chain.now() + 86_400, ..terms };
        let batch = BatchId(self.chain.mirror.root.next_batch);
        let manifest = sha256(&batch.0.to_be_bytes());
        let uri = format!("blob:{}", hex::encode(manifest));
        let escrow = money::escrow(&terms, self.chain.mirror.settings.config.fee_bps, items);
        let spec = change(BatchSpec { terms, items, manifest, uri, ..BatchSpec::default() });
        self.chain.transfer_call(REWARD, REQUESTER, escrow, DepositMessage::CreateBatch(spec)).unwrap();
        self.take();
        batch
    }

    /// `node` claims a lot and keeps it reserved. The batch's first claim waits for its draw, which is a line more.
    pub fn claim(&mut self, batch: BatchId, lot: LotId, node: AccountNo) {
        let open = self.chain.mirror.batches[&batch].open.as_ref().unwrap();
        if !matches!(open.progress.window.draws[0], Draw::Seeded(_)) {
            self.chain.pass(2);
            self.work(node, Op::Draw { batch, at: At::Group(0) });
            self.chain.pass(20);
        }
        self.work(node, Op::Claim { batch, lot });
    }

    /// The nodes of a lot's slots commit and reveal threes. With `unresolved` the last one gives another answer to the last
    /// item, and no node joins the extension that should settle it.
    pub fn answer(&mut self, batch: BatchId, lot: LotId, unresolved: bool) {
        let nodes: Vec<_> = self.chain.mirror.lots[&(batch, lot)].slots.iter().map(|slot| slot.node).collect();
        let items = self.chain.mirror.batches[&batch].open.as_ref().unwrap().lot_items(lot);
        let mut answers = vec![vec![3; usize::from(items)]; nodes.len()];
        if unresolved {
            *answers.last_mut().unwrap().last_mut().unwrap() = 4;
        }
        for (node, answers) in nodes.iter().zip(&answers) {
            let place = Place { contract: chain::CONTRACT, batch, lot, round: 0, node: *node };
            self.work(*node, Op::Commit { batch, lot, commitment: commitment(sha256, place, answers, &SALT) });
        }
        for (node, answers) in nodes.into_iter().zip(answers) {
            self.work(node, Op::Reveal { batch, lot, answers, salt: SALT });
        }
        if unresolved {
            self.chain.pass(180);
            self.chain.poke(&[Target::Lot(batch, lot)]).unwrap();
            self.take();
        }
    }

    /// The requester closes lots without a result.
    pub fn skip(&mut self, batch: BatchId, lots: &[u32]) {
        let args = BatchSkipLotsArgs { batch, lots: lots.iter().copied().map(LotId).collect() };
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_skip_lots(args)).unwrap();
        self.take();
    }

    /// The requester cancels a batch.
    pub fn cancel(&mut self, batch: BatchId) {
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_cancel(BatchArgs { batch })).unwrap();
        self.take();
    }

    /// The requester raises the reward of a batch of whose lots none waits.
    pub fn raise(&mut self, batch: BatchId, reward: u128) {
        let args = BatchRaiseArgs { batch, reward: Amount(reward) };
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_raise(&args)).unwrap();
        self.take();
    }

    /// Posts a batch of one lot, which nodes 1 and 2 answer: its result may be challenged.
    pub fn provisional(&mut self) -> BatchId {
        let batch = self.post_with(Terms { challenge_window_s: 60, ..terms() }, 4);
        for node in [AccountNo(1), AccountNo(2)] {
            self.claim(batch, LotId(0), node);
        }
        self.answer(batch, LotId(0), false);
        batch
    }

    /// Posts a batch of one lot, whose first item the requester challenges: it goes to a jury, which node 3 draws.
    pub fn dispute(&mut self) -> BatchId {
        let (batch, lot) = (self.provisional(), LotId(0));
        let deposit = challenge_deposit(&terms(), 4, 1);
        self.chain.transfer_call(REWARD, REQUESTER, deposit, DepositMessage::Deposit {}).unwrap();
        self.take();
        let args = ChallengeArgs { batch, lot, items: vec![0], evidence: [2; 32] };
        self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.challenge(&args)).unwrap();
        self.take();
        self.chain.pass(60);
        self.chain.poke(&[Target::Lot(batch, lot)]).unwrap();
        self.take();
        self.chain.pass(60);
        self.work(AccountNo(3), Op::Draw { batch, at: At::Lot(lot) });
        batch
    }

    /// A market with one batch of 18 items in five lots: lots 0 and 1 settled by nodes 1 and 2 (lot 1 with an item
    /// unresolved), lot 2 claimed by node 3, the rest open.
    pub async fn with_work(pool: &PgPool) -> Self {
        let mut market = Self::open(pool, 3).await;
        let batch = market.post(18);
        market.work_on(batch).await;
        market
    }

    /// As [`Market::with_work`], in a batch with a gold root.
    pub async fn with_gold(pool: &PgPool, root: impl FnOnce(Digest) -> Digest) -> Self {
        let mut market = Self::open(pool, 3).await;
        let batch = market.post_golden(18, root);
        market.work_on(batch).await;
        market
    }

    async fn work_on(&mut self, batch: BatchId) {
        for lot in [LotId(0), LotId(1)] {
            self.claim(batch, lot, AccountNo(1));
            self.claim(batch, lot, AccountNo(2));
            self.answer(batch, lot, lot == LotId(1));
        }
        self.claim(batch, LotId(2), AccountNo(3));
        self.commit().await;
    }
}

/// Account id of node `number`; its account number is the same.
pub fn node_id(number: u32) -> String {
    format!("node{number}.test.near")
}

/// They expire a day after the batch is posted.
pub fn terms() -> Terms {
    Terms {
        class: CLASS,
        reward: Amount(100),
        lot_size: 4,
        answer_width: 1,
        start: 2,
        quorum_pct: 60,
        claim_ttl_s: 60,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 3,
        bond_pct: 100,
        dissent_slash_pct: 10,
        abandon_slash_pct: 10,
        min_reputation: 0,
        expires_at: 0,
        verification: Verification::Consensus,
    }
}

fn bounds() -> Bounds {
    let window = (10, 86_400);
    Bounds {
        claim_ttl_s: window,
        reveal_window_s: window,
        challenge_window_s: window,
        slice_s: (1, 3_600),
        ..Bounds::default()
    }
}

/// A gateway on a free port, stopped when dropped.
pub struct Gateway {
    /// Its base URL.
    pub url: String,
    /// Its state.
    pub app: App,
    /// A client that follows no redirects and keeps connections.
    pub http: reqwest::Client,
    shutdown: CancellationToken,
    server: Option<JoinHandle<std::io::Result<()>>>,
    _blobs: tempfile::TempDir,
}

impl Gateway {
    /// Serves the database of a pool and waits until the mirror is read.
    pub async fn start(pool: &PgPool) -> Self {
        Self::start_with(pool, &[]).await
    }

    /// As [`Gateway::start`], with flags.
    pub async fn start_with(pool: &PgPool, flags: &[&str]) -> Self {
        let url = pool.connect_options().to_url_lossy().to_string();
        let gateway = Self::start_at(&url, flags).await;
        let mut heads = gateway.app.feed.watch();
        let head = heads.wait_for(Option::is_some);
        time::timeout(Duration::from_secs(10), head).await.expect("the mirror is read in time").unwrap();
        gateway
    }

    /// Serves a database that need not answer.
    pub async fn start_at(database_url: &str, flags: &[&str]) -> Self {
        Self::launch(database_url, flags, None).await
    }

    /// As [`Gateway::start_at`], with a recorder of metrics.
    pub async fn start_with_metrics(database_url: &str, metrics: PrometheusHandle) -> Self {
        Self::launch(database_url, &[], Some(metrics)).await
    }

    async fn launch(database_url: &str, flags: &[&str], metrics: Option<PrometheusHandle>) -> Self {
        let blobs = tempfile::tempdir().unwrap();
        let dir = blobs.path().to_str().unwrap();
        let fixed = ["piecework-gateway", "--blob-dir", dir, "--db-connections", "4"];
        let config = Config::try_parse_from(fixed.iter().chain(flags)).unwrap();
        let url: DatabaseUrl = database_url.parse().unwrap();
        let app = App::open(config, &url, metrics).await.unwrap();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, app.clone(), shutdown.clone()));
        Self { url, app, http: reqwest::Client::new(), shutdown, server: Some(server), _blobs: blobs }
    }

    /// An answer.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// The JSON of a 200.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let body = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Status and code of a problem, whose form is checked.
    pub async fn problem(&self, path: &str) -> (u16, String) {
        problem(self.get(path).await).await
    }

    /// Waits until the gateway has read what a market committed.
    pub async fn catch_up(&self, market: &Market) {
        let mut heads = self.app.feed.watch();
        let head = heads.wait_for(|head| head.as_ref().is_some_and(|head| head.height >= market.height()));
        time::timeout(Duration::from_secs(10), head).await.expect("the mirror is read in time").unwrap();
    }

    /// Stops it and tells how the server ended.
    pub async fn stop(mut self) -> std::io::Result<()> {
        self.shutdown.cancel();
        let server = self.server.take().unwrap();
        time::timeout(Duration::from_secs(15), server).await.expect("the server ends in time").unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Status and code of a problem, whose form is checked.
pub async fn problem(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    let code = body["code"].as_str().unwrap().to_owned();
    assert_eq!(body["type"], format!("/problems/{code}"));
    for text in ["title", "detail", "fix"] {
        assert!(!body[text].as_str().unwrap().is_empty(), "{text} is empty");
    }
    (status, code)
}
