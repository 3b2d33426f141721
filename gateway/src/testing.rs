//! A market for tests: rows that the store's own writer commits, and a gateway that serves them on a free port.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use clap::Parser as _;
use piecework_daemon::PrometheusHandle;
use piecework_interface::{
    amount::Amount,
    answers::Items,
    case::{Case, Challenge},
    config::Fixed,
    event::{Entry, Line, SettledSlot, Version},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    journal::next_head,
    lots::{all_items, lot_items},
    terms::{JURY, Terms, Verification},
    view::{Account, BatchStatus, ClassRecord, LotPhase, LotState, Node, NodeStatus, Progress, Root, Token},
};
use piecework_replay::{Movement, MovementKind, SlotEnd};
use piecework_store::{
    DatabaseUrl, PgPool,
    change::{
        AccountRow, BatchRow, BlockRow, Change, EventRow, LedgerRow, LotRow, NewBatch, ReceiptRow, ResultRow,
        RowStatus, SlotEnded, SlotRow,
    },
    cursor::{Cursor, cursor_begin, cursor_update},
    write::change_write,
};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use tokio::{net::TcpListener, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use crate::{App, Config, serve};

/// The requester of every batch.
pub const REQUESTER: &str = "requester.test.near";
/// The reward token.
pub const REWARD: TokenId = TokenId(1);
/// Time of the first block, Unix seconds: ahead of any clock, so that a mirror is never late unless it is rewound.
const BEGAN_AT: u32 = 4_000_000_000;
const STREAM: &str = "piecework.test.near";

/// A market under construction. Each line is a block of its own, a second after the one before.
pub struct Market {
    pool: PgPool,
    change: Change,
    accounts: BTreeMap<AccountNo, AccountRow>,
    batches: BTreeMap<BatchId, (NewBatch, BatchRow)>,
    claims: BTreeMap<(BatchId, LotId), Vec<(u64, AccountNo)>>,
    root: Root,
    height: u64,
    began_at: u32,
}

impl Market {
    /// A market with a requester, two tokens and `nodes` nodes, committed.
    pub async fn open(pool: &PgPool, nodes: u32) -> Self {
        cursor_begin(&mut pool.acquire().await.unwrap(), STREAM, "test").await.unwrap();
        let mut market = Self {
            pool: pool.clone(),
            change: Change::default(),
            accounts: BTreeMap::new(),
            batches: BTreeMap::new(),
            claims: BTreeMap::new(),
            root: Root::default(),
            height: 100,
            began_at: BEGAN_AT,
        };
        for (token, account_id) in [(TokenId(0), ""), (REWARD, "reward.test.near")] {
            market.list_token(token, account_id);
        }
        market.register(REQUESTER, None);
        for number in 1..=nodes {
            let class = ClassRecord { class: ClassId(1), reputation: 5_000, stepped_at: 0, declared: true };
            let node = Node {
                stake: Amount(20 * 10_u128.pow(24)),
                bonded: Amount(0),
                unbonding: Amount(0),
                unbonding_until: 0,
                tickets: 2,
                active_since: BEGAN_AT,
                last_seen: BEGAN_AT,
                slots: 0,
                faults: 0,
                registered_at: BEGAN_AT,
                settled: 0,
                status: NodeStatus::Active,
                classes: vec![class],
                part: piecework_interface::view::Part::default(),
            };
            market.register(&node_id(number), Some(node));
            market.root.active_tickets += 2;
        }
        market.commit().await;
        market
    }

    /// Height of the last block.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Number of the next line.
    pub const fn seq(&self) -> u64 {
        self.root.seq
    }

    fn now(&self) -> u32 {
        self.began_at + u32::try_from(self.height).unwrap()
    }

    /// Moves the blocks that follow into the past.
    pub const fn rewind(&mut self) {
        self.began_at = 1_000_000_000;
        self.height += 1;
    }

    /// Writes what is pending in one transaction, as the indexer does.
    pub async fn commit(&mut self) {
        for (number, row) in &self.accounts {
            self.change.accounts.insert(*number, row.clone());
        }
        for (number, (_, row)) in &self.batches {
            self.change.batches.insert(*number, row.clone());
        }
        let cursor = Cursor {
            stream: STREAM.to_owned(),
            chain_id: "test".to_owned(),
            height: self.height,
            hash: Some(block_hash(self.height)),
            timestamp_ns: u64::from(self.now()) * 1_000_000_000,
            root: self.root.clone(),
            chain_height: self.height + 1,
            fence: 0,
        };
        let mut tx = self.pool.begin().await.unwrap();
        change_write(&mut tx, STREAM, &core::mem::take(&mut self.change)).await.unwrap();
        cursor_update(&mut tx, &cursor).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A line of the journal in a block of its own.
    pub fn line(&mut self, event: &str, node: Option<AccountNo>, log: Vec<Entry>) -> u64 {
        self.height += 1;
        let (seq, height) = (self.root.seq, self.height);
        let text = Line { version: Version::default(), seq, event: event.to_owned(), node, log }.render();
        let parsed: Value = serde_json::from_str(text.trim_start_matches("EVENT_JSON:")).unwrap();
        self.root.head = next_head(sha256, &self.root.head, &text);
        self.root.seq += 1;
        self.change.blocks.push(BlockRow {
            height,
            hash: block_hash(height),
            prev_hash: block_hash(height - 1),
            timestamp_ns: u64::from(self.now()) * 1_000_000_000,
            first_seq: seq,
            events: 1,
        });
        let receipt_id = format!("receipt{height}");
        let caller = node.map_or_else(|| REQUESTER.to_owned(), |node| self.accounts[&node].account_id.clone());
        self.change.receipts.push(ReceiptRow {
            receipt_id: receipt_id.clone(),
            height,
            position: 0,
            predecessor_id: caller.clone(),
            signer_id: caller,
            tx_hash: None,
            methods: vec![event.to_owned()],
            gas_burnt: 1,
        });
        self.change.events.push(EventRow {
            seq,
            height,
            receipt_id,
            block_at: self.now(),
            event: event.to_owned(),
            node,
            entries: parsed["data"]["log"].to_string(),
            line: text,
        });
        seq
    }

    fn list_token(&mut self, token: TokenId, account_id: &str) {
        let zero = Amount(0);
        let entry = Entry::TokenListed {
            token,
            account_id: account_id.to_owned(),
            min_reward: zero,
            rep_unit: zero,
            bond_rate: zero,
        };
        let seq = self.line("token_add", None, vec![entry]);
        let account_id = account_id.to_owned();
        let row =
            Token { token, account_id, min_reward: zero, rep_unit: zero, bond_rate: zero, pool: zero, in_flight: zero };
        self.change.tokens.insert(token, (row, seq));
    }

    fn register(&mut self, account_id: &str, node: Option<Node>) {
        let account = AccountNo(self.root.next_account);
        self.root.next_account += 1;
        let entry = Entry::AccountOpened { account, account_id: account_id.to_owned(), paid: Amount(10), used: 300 };
        let created_seq = self.line("storage_deposit", None, vec![entry]);
        let row = Account {
            account,
            storage_paid: Amount(10),
            storage_used: 300,
            in_flight: 0,
            balances: Vec::new(),
            node,
            keys: Vec::new(),
        };
        let account_id = account_id.to_owned();
        let row = AccountRow { account_id, row, closed_seq: None, created_seq, updated_seq: created_seq };
        self.accounts.insert(account, row);
    }

    /// Credits the requester and moves the balance with it.
    pub fn deposit(&mut self, amount: u128, balance_after: u128) {
        let account = AccountNo(0);
        let entry = Entry::Deposited { account, token: REWARD, amount: Amount(amount) };
        let seq = self.line("ft_on_transfer", None, vec![entry]);
        self.movement(seq, 0, MovementKind::Deposit, account, amount, balance_after);
    }

    fn movement(
        &mut self,
        seq: u64,
        leg: u32,
        kind: MovementKind,
        account: AccountNo,
        amount: u128,
        balance_after: u128,
    ) {
        let credit = !matches!(kind, MovementKind::Withdraw | MovementKind::Escrow);
        let movement = Movement { account, token: REWARD, kind, credit, amount, balance_after, batch: None, lot: None };
        self.change.ledger.push(LedgerRow { seq, leg, movement });
        self.change.balances.insert((account, REWARD), balance_after);
        self.accounts.get_mut(&account).unwrap().updated_seq = seq;
    }

    /// Posts a batch with lots of four items and answers of one byte.
    pub fn post(&mut self, items: u32) -> BatchId {
        let batch = BatchId(self.root.next_batch);
        self.root.next_batch += 1;
        let (terms, fixed, manifest) = (terms(), fixed(), sha256(&batch.0.to_be_bytes()));
        let uri = format!("blob:{}", hex::encode(manifest));
        let entry = Entry::BatchCreated {
            batch,
            requester: AccountNo(0),
            token: REWARD,
            items,
            manifest,
            gold_root: [0; 32],
            callback: None,
            uri: uri.clone(),
            escrow: Amount(9_000),
            terms: terms.clone(),
            fixed: fixed.clone(),
        };
        let created_seq = self.line("create_batch", None, vec![entry]);
        let new = NewBatch {
            batch,
            requester: AccountNo(0),
            token: REWARD,
            items,
            manifest,
            gold_root: [0; 32],
            uri,
            terms,
            fixed,
            created_at: self.now(),
            created_seq,
        };
        let row = BatchRow {
            status: RowStatus::Kept(BatchStatus::Open),
            progress: Some(Progress::default()),
            escrow: 9_000,
            settled: 0,
            results_root: [0; 32],
            callback: None,
            ended_at: None,
            updated_seq: created_seq,
        };
        self.change.new_batches.push(new.clone());
        self.batches.insert(batch, (new, row));
        batch
    }

    /// `node` claims a lot and keeps it reserved.
    pub fn claim(&mut self, batch: BatchId, lot: LotId, node: AccountNo) {
        let seq = self.line("work", Some(node), vec![Entry::Claimed { batch, lot, replaced: None }]);
        let position = u8::try_from(self.claims.entry((batch, lot)).or_default().len()).unwrap();
        self.claims.entry((batch, lot)).or_default().push((seq, node));
        let clock_at = self.now();
        let state = LotState { clock_at, ..LotState::default() };
        self.change.lots.insert((batch, lot), LotRow { state, settled: false, updated_seq: seq });
        let slot = self.slot(node, Some(position), None);
        self.change.slots.insert((batch, lot, seq), slot);
        self.batches.get_mut(&batch).unwrap().1.updated_seq = seq;
    }

    fn slot(&self, node: AccountNo, position: Option<u8>, end: Option<SlotEnded>) -> SlotRow {
        SlotRow {
            node,
            round: 0,
            position,
            reserved_until: self.now() + 60,
            claimed_at: self.now(),
            committed: end.as_ref().map(|_| ([7; 32], self.now())),
            revealed: end.as_ref().map(|_| (vec![3; 4], self.now())),
            end,
        }
    }

    /// Settles a lot: every slot revealed threes and is paid 10, the lot's last item is left unresolved if so asked.
    pub fn settle(&mut self, batch: BatchId, lot: LotId, unresolved: bool) {
        let claims = self.claims.remove(&(batch, lot)).unwrap();
        let items = lot_items(self.batches[&batch].0.items, 4, lot);
        let accepted = if unresolved { all_items(items) >> 1 } else { all_items(items) };
        let n = self.batches[&batch].1.settled;
        let answers: Vec<u8> = (0..items).map(|item| if accepted >> item & 1 == 1 { 3 } else { 0 }).collect();
        let digest = sha256(&answers);
        let judged = |node| SettledSlot { node, pay: Amount(10), slash: Amount(1), reputation: 5_100 };
        let slots = claims.iter().map(|(_, node)| judged(*node)).collect();
        let (fee, refund) = (Amount(1), Amount(5));
        let entry = Entry::Settled { batch, lot, n, accepted: Items(accepted), digest, fee, refund, slots };
        let seq = self.line("work", claims.last().map(|(_, node)| *node), vec![entry]);
        for (leg, (claimed_seq, node)) in (0..).zip(claims) {
            let end = SlotEnded {
                end: SlotEnd::Settled,
                pay: 10,
                slash: 1,
                reputation: Some(5_100),
                agreed: accepted,
                ended_at: self.now(),
            };
            let slot = self.slot(node, None, Some(end));
            self.change.slots.insert((batch, lot, claimed_seq), slot);
            let balance = self.change.balances.get(&(node, REWARD)).copied().unwrap_or_default() + 10;
            self.movement(seq, leg, MovementKind::Pay, node, 10, balance);
            let node = self.accounts.get_mut(&node).unwrap().row.node.as_mut().unwrap();
            node.settled += 1;
            node.classes[0].reputation = 5_100;
        }
        let state = LotState { phase: LotPhase::Provisional, ..LotState::default() };
        self.change.lots.insert((batch, lot), LotRow { state, settled: true, updated_seq: seq });
        let settled_at = self.now();
        let (fee, refund) = (fee.0, refund.0);
        self.change.results.push(ResultRow { batch, lot, n, accepted, digest, answers, fee, refund, settled_at, seq });
        let row = &mut self.batches.get_mut(&batch).unwrap().1;
        row.settled += 1;
        row.updated_seq = seq;
    }

    /// Sends a lot to a jury: the requester challenged its first item.
    pub fn dispute(&mut self, batch: BatchId, lot: LotId) {
        let (account, items, bond) = (AccountNo(0), Items(1), Amount(7));
        let challenged = Entry::Challenged { batch, lot, account, items, bond };
        let seq = self.line("challenge", None, vec![challenged]);
        let challenges = vec![Challenge { account, items: items.0, bond }];
        let case = Case { challenges, jury_items: 0b11, ..Case::default() };
        let state = LotState { round: JURY, case: Some(Box::new(case)), ..LotState::default() };
        self.change.lots.insert((batch, lot), LotRow { state, settled: false, updated_seq: seq });
        self.batches.get_mut(&batch).unwrap().1.updated_seq = seq;
    }

    /// A market with one batch of 18 items in five lots: lots 0 and 1 settled by nodes 1 and 2 (lot 1 with an item
    /// unresolved), lot 2 claimed by node 3, the rest open.
    pub async fn with_work(pool: &PgPool) -> Self {
        let mut market = Self::open(pool, 3).await;
        market.deposit(9_000, 9_000);
        let batch = market.post(18);
        for lot in [LotId(0), LotId(1)] {
            market.claim(batch, lot, AccountNo(1));
            market.claim(batch, lot, AccountNo(2));
            market.settle(batch, lot, lot == LotId(1));
        }
        market.claim(batch, LotId(2), AccountNo(3));
        market.commit().await;
        market
    }
}

/// Account id of node `number`; its account number is the same.
pub fn node_id(number: u32) -> String {
    format!("node{number}.test.near")
}

fn block_hash(height: u64) -> String {
    format!("block{height}")
}

fn terms() -> Terms {
    Terms {
        class: ClassId(1),
        reward: Amount(100),
        lot_size: 4,
        answer_width: 1,
        start: 2,
        max: 5,
        quorum_pct: 60,
        claim_ttl_s: 60,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 3,
        bond_pct: 100,
        dissent_slash_pct: 10,
        abandon_slash_pct: 10,
        min_reputation: 0,
        expires_at: BEGAN_AT + 86_400,
        verification: Verification::Consensus,
        gold_slash_pct: 0,
    }
}

fn fixed() -> Fixed {
    Fixed {
        fee_bps: 500,
        bond_rate: Amount(1),
        rep_unit: Amount(1),
        reputation_interval_s: 3_600,
        grace_s: 60,
        ..Fixed::default()
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
