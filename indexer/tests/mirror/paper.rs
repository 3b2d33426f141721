//! A chain on paper: a journal that goes out block by block, with the mirror it must give.

use piecework_chain::{ContractReceipt, FinalBlock};
use piecework_indexer::{
    commit::Writer,
    plan::Planner,
    testing::{push, receipt},
};
use piecework_interface::{
    amount::Amount,
    answers::Items,
    call,
    config::{Config, Fixed},
    dispute::challenge_deposit,
    draw::At,
    event::{Abandoned, Entry},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId},
    key::{Kind, Kinds, PublicKey},
    op::Op,
    reputation,
    skip::Skip,
    terms::Terms,
    view::{Callback, Referrer},
};
use piecework_replay::{
    Mirror,
    testing::{
        self, A, B, C, CLASS, D, E, JournalBuilder, SALT, claim, commit, fixed, founded, founding, pay, revealing,
        seeded, settle,
    },
};
use piecework_store::{DatabaseUrl, load::Loaded};
use sqlx::PgPool;
use std::time::Duration;

pub use piecework_replay::testing::{BATCH, CONTRACT, REQUESTER, TOKEN, opened};

pub const CHAIN: &str = "paper";
pub const NODES: [AccountNo; 5] = [A, B, C, D, E];
/// The digest of what a challenger names as its evidence.
pub const EVIDENCE: [u8; 32] = [7; 32];

const GENESIS_S: u32 = 1_700_000_000;

/// Writes blocks; keeps what the contract would have.
pub struct Paper {
    journal: JournalBuilder,
    pub blocks: Vec<FinalBlock>,
    height: u64,
}

impl Paper {
    pub fn new() -> Self {
        Self::at(Mirror::default(), Vec::new(), 100)
    }

    /// Goes on after blocks that a planner has applied.
    pub fn after(planner: &Planner, blocks: Vec<FinalBlock>) -> Self {
        Self::at(planner.mirror().clone(), blocks, planner.planned().height + 1)
    }

    fn at(mirror: Mirror, blocks: Vec<FinalBlock>, height: u64) -> Self {
        let journal = JournalBuilder { mirror, now_s: GENESIS_S, height: 0 };
        Self { journal, blocks, height }
    }

    /// What the contract has.
    pub fn mirror(&self) -> &Mirror {
        &self.journal.mirror
    }

    /// A block with one receipt that wrote one line.
    pub fn call(&mut self, event: &str, node: Option<AccountNo>, log: Vec<Entry>) {
        self.call_with(event, node, log, &[]);
    }

    pub fn call_with(&mut self, event: &str, node: Option<AccountNo>, log: Vec<Entry>, ops: &[Op]) {
        self.journal.height = u32::try_from(self.height).unwrap();
        let text = self.journal.line(event, node, log.clone()).render();
        self.journal.write_with(event, node, log, ops).unwrap();
        self.block(vec![receipt("caller.near", event, ops, text)]);
    }

    /// A block of these receipts; heights skip now and then.
    pub fn block(&mut self, receipts: Vec<ContractReceipt>) {
        push(&mut self.blocks, (self.height, self.journal.now_s), receipts, &self.journal.mirror);
        self.height += if self.height.is_multiple_of(7) { 2 } else { 1 };
    }

    pub fn later(&mut self, seconds: u32) {
        self.journal.now_s += seconds;
    }

    /// A reveal behind one that the contract skipped: the journal's rows hold only the one that was taken.
    fn reveal(&mut self, node: AccountNo, lot: LotId, answers: &[u8], then: Vec<Entry>) {
        let skipped = Entry::Skipped { op: 0, code: Skip::WrongReveal };
        let mut log = vec![skipped, Entry::Revealed { batch: BATCH, lot, digest: sha256(answers) }];
        log.extend(then);
        let reveal = |salt| Op::Reveal { batch: BATCH, lot, answers: answers.to_vec(), salt };
        self.call_with(call::WORK, Some(node), log, &[reveal([9; 32]), reveal(SALT)]);
    }

    fn work(&mut self, node: AccountNo, log: Vec<Entry>) {
        self.call(call::WORK, Some(node), log);
    }
}

/// The life of a batch of two lots: an abandoned reservation, an extension, settlements, a withdrawal that fails, an
/// account that leaves, a key with a signed intent, a gated class with a node whose operator is another account, a batch
/// that is forgotten.
pub fn market() -> Paper {
    let mut paper = Paper::new();
    let [a, b, c, d, e] = NODES;
    begin(&mut paper);

    // Lot 1: D lets its reservation run out, B replaces it.
    let lot = LotId(1);
    for node in [a, d, e] {
        paper.work(node, vec![claim(lot)]);
    }
    for node in [a, e] {
        paper.work(node, vec![commit(node, (lot, 0), b"xyz")]);
    }
    paper.later(601);
    let replaced = Some(Abandoned { node: d, slash: Amount(60) });
    paper.work(
        b,
        vec![Entry::Claimed { batch: BATCH, lot, reward: None, replaced }, commit(b, (lot, 0), b"xyz"), revealing(lot)],
    );
    paper.later(1);
    for node in [a, e] {
        paper.reveal(node, lot, b"xyz", vec![]);
    }
    let paid = [a, e, b].map(|node| pay(node, 300, 0, risen())).to_vec();
    paper.reveal(b, lot, b"xyz", vec![settle(lot, 0, b"xyz", paid)]);

    // Lot 0: item 2 needs an extension.
    let lot = LotId(0);
    for node in [a, b, c] {
        paper.work(node, vec![claim(lot)]);
    }
    paper.work(a, vec![commit(a, (lot, 0), b"abx")]);
    paper.work(b, vec![commit(b, (lot, 0), b"abx")]);
    paper.work(c, vec![commit(c, (lot, 0), b"aby"), revealing(lot)]);
    paper.later(1);
    paper.reveal(a, lot, b"abx", vec![]);
    paper.reveal(b, lot, b"abx", vec![]);
    paper.reveal(c, lot, b"aby", vec![Entry::Extended { batch: BATCH, lot, items: Items(0b100) }]);
    paper.later(3);
    paper.work(d, vec![seeded(At::Lot(lot))]);
    paper.block(vec![]);
    paper.later(12);
    paper.work(d, vec![claim(lot), commit(d, (lot, 1), b"x")]);
    paper.work(e, vec![claim(lot), commit(e, (lot, 1), b"x")]);
    paper.later(1_800);
    paper.call(call::POKE, None, vec![revealing(lot)]);
    paper.reveal(d, lot, b"x", vec![]);
    // Two of three seats are no quorum: x is the largest group, so it is paid, and y costs nothing.
    let paid = vec![
        pay(a, 300, 0, risen()),
        pay(b, 300, 0, risen()),
        pay(c, 200, 0, risen()),
        pay(d, 50, 0, reputation::START),
        pay(e, 50, 0, risen()),
    ];
    let mut settled = settle(lot, 1, b"ab\0", paid);
    if let Entry::Settled { accepted, .. } = &mut settled {
        *accepted = Items(0b011);
    }
    let close = Entry::BatchClosed { batch: BATCH, fees: Amount(90), referral: Amount(0), refund: Amount(1_890) };
    paper.reveal(e, lot, b"x", vec![settled, close]);

    // Everything has an end.
    let amount = Amount(600);
    paper.call("withdraw", None, vec![Entry::Withdrawing { account: a, token: TOKEN, amount }]);
    paper.call("on_withdrawn", None, vec![Entry::Withdrawn { account: a, token: TOKEN, amount, ok: false }]);
    paper.call("withdraw", None, vec![Entry::Withdrawing { account: a, token: TOKEN, amount }]);
    paper.call("on_withdrawn", None, vec![Entry::Withdrawn { account: a, token: TOKEN, amount, ok: true }]);
    let (public_key, kinds) = (PublicKey([9; 32]), Kinds::of(&[Kind::Transfer]));
    let key = Entry::KeySet { account: e, public_key, kinds, token: TOKEN, daily_cap: Amount(u128::MAX) };
    paper.call("intent_key_add", None, vec![key]);
    let spent = Amount(12);
    let transfer = |op: u8, memo: Option<&str>| {
        let (nonce, memo) = (u64::from(op) + 7, memo.map(str::to_owned));
        let moved = Entry::Transferred { account: e, receiver: d, token: TOKEN, amount: spent, memo };
        [moved, Entry::Intent { op, account: e, public_key, kind: Kind::Transfer, nonce, spent, failed: None }]
    };
    paper.call("intents_execute", None, [transfer(0, Some("first")), transfer(1, None)].concat());
    let gated = ClassId(1);
    let (name, schema, burnt) = ("notes\0".to_owned(), [4; 32], Config::default().class_deposit);
    let class = Entry::ClassRegistered { class: gated, owner: REQUESTER, name, schema, gated: true, burnt };
    paper.call("class_register", None, vec![class]);
    paper.call("node_classes", Some(e), vec![Entry::NodeClasses { account: e, classes: vec![CLASS, gated] }]);
    paper.call("class_admit", None, vec![Entry::ClassAdmitted { class: gated, account: e }]);
    for (account, accepted) in [(d, false), (e, false), (e, true)] {
        paper.call("node_operator", None, vec![Entry::OperatorSet { account, operator: Some(REQUESTER), accepted }]);
    }
    paper.call("batch_forget", None, vec![Entry::BatchForgotten { batch: BATCH }]);
    let guest = AccountNo(6);
    paper.call("storage_deposit", None, vec![opened(guest)]);
    paper.call("storage_unregister", None, vec![Entry::AccountClosed { account: guest }]);
    paper.block(vec![]);
    paper
}

/// A contract with a token, five nodes of one ticket, and a requester whose batch of two lots is open.
pub fn begin(paper: &mut Paper) {
    prepare(paper);
    let deposit = Entry::Deposited { account: REQUESTER, token: TOKEN, amount: Amount(3_780), sender: None };
    let batch = batch_created(paper, "blob:00");
    paper.call("ft_on_transfer", None, vec![deposit, batch]);
    paper.later(3);
    paper.work(NODES[0], vec![seeded(At::Group(0))]);
    // The bar is at one for every node.
    paper.later(12);
}

/// The same without the batch.
fn prepare(paper: &mut Paper) {
    for (event, node, log) in founding() {
        paper.call(event, node, log);
        if event == "token_list" {
            paper.block(vec![]);
        }
    }
}

/// A batch that one call creates and closes, and one that is appended to, expires later, and is forgotten as it closes.
pub fn living() -> Paper {
    let mut paper = Paper::new();
    prepare(&mut paper);
    let (terms, escrow) = (Terms { start: 2, ..terms(&paper) }, Amount(1_575));
    let create = |batch, forget_on_close, referrer| Entry::BatchCreated {
        batch,
        requester: REQUESTER,
        token: TOKEN,
        items: 3,
        manifest: [1; 32],
        gold_root: [0; 32],
        callback: None,
        uri: "blob:00".to_owned(),
        escrow,
        terms: terms.clone(),
        fixed: fixed(),
        appendable: true,
        forget_on_close,
        referrer,
    };
    let closed =
        |batch, refund| Entry::BatchClosed { batch, fees: Amount(0), referral: Amount(0), refund: Amount(refund) };
    let deposited = Entry::Deposited { account: REQUESTER, token: TOKEN, amount: Amount(4_000), sender: None };
    paper.call("ft_on_transfer", None, vec![deposited]);
    let cancelled = |batch| Entry::BatchCancelled { batch };
    let (account, public_key, kinds) = (REQUESTER, PublicKey([9; 32]), Kinds::of(&[Kind::CreateBatch, Kind::Cancel]));
    let key = Entry::KeySet { account, public_key, kinds, token: TOKEN, daily_cap: escrow };
    paper.call("intent_key_add", None, vec![key]);
    let intent = |op, kind, nonce, spent| Entry::Intent { op, account, public_key, kind, nonce, spent, failed: None };
    let created = [create(BATCH, false, None), intent(0, Kind::CreateBatch, 1, escrow)];
    let ended = [cancelled(BATCH), closed(BATCH, 1_575), intent(1, Kind::Cancel, 2, Amount(0))];
    paper.call("intents_execute", None, [&created[..], &ended[..]].concat());
    let next = BatchId(BATCH.0 + 1);
    paper.call("batch_create", None, vec![create(next, true, None)]);
    paper.later(1);
    let (manifest, uri) = ([2; 32], "blob:\0".to_owned());
    paper.call(
        "batch_append",
        None,
        vec![Entry::BatchAppended { batch: next, items: 3, manifest, uri, escrow, opened: false }],
    );
    let expires_at = terms.expires_at + 9;
    paper.call("batch_extend_expiry", None, vec![Entry::ExpiryExtended { batch: next, expires_at }]);
    paper.call("batch_cancel", None, vec![cancelled(next), closed(next, 3_150)]);
    // One that a node brought, raised before any claim, stays open.
    let brought = BatchId(next.0 + 1);
    let referrer = Some(Referrer { account: NODES[0], part_pct: 20 });
    paper.call("batch_create", None, vec![create(brought, false, referrer)]);
    paper.call("batch_raise", None, vec![Entry::Raised { batch: brought, reward: Amount(200), escrow }]);
    paper
}

/// A batch with a gold root and a callback, in whose only lot an item is challenged: a jury is to come.
pub fn dispute() -> Paper {
    let mut paper = Paper::new();
    let ([a, b, ..], lot) = (NODES, LotId(0));
    prepare(&mut paper);
    let config = Config { jury_nodes: 5, ..founded() };
    paper.call("apply", None, vec![Entry::Configured { config }]);
    let terms = Terms { start: 2, challenge_window_s: 600, ..terms(&paper) };
    let deposit = Amount(challenge_deposit(&terms, 3, 0b10));
    let created = Entry::BatchCreated {
        batch: BATCH,
        requester: REQUESTER,
        token: TOKEN,
        items: 3,
        manifest: [1; 32],
        gold_root: [5; 32],
        callback: Some(Callback { account_id: "listener.near".to_owned(), tgas: 20 }),
        uri: String::new(),
        escrow: Amount(1_575),
        terms,
        fixed: Fixed { jury_nodes: 5, ..fixed() },
        appendable: false,
        forget_on_close: false,
        referrer: None,
    };
    let deposited = |amount| Entry::Deposited { account: REQUESTER, token: TOKEN, amount, sender: None };
    paper.call("ft_on_transfer", None, vec![deposited(Amount(1_575)), created]);
    paper.later(3);
    let mut seed = seeded(At::Group(0));
    if let Entry::Seeded { appeal, .. } = &mut seed {
        *appeal = true;
    }
    paper.work(a, vec![seed]);
    paper.later(18);
    paper.work(a, vec![claim(lot), commit(a, (lot, 0), b"xyz")]);
    paper.work(b, vec![claim(lot), commit(b, (lot, 0), b"xyz"), revealing(lot)]);
    paper.later(1);
    paper.reveal(a, lot, b"xyz", vec![]);
    let (accepted, digest) = (Items(0b111), sha256(b"xyz"));
    paper.reveal(b, lot, b"xyz", vec![Entry::Provisional { batch: BATCH, lot, accepted, digest }]);
    paper.call("ft_on_transfer", None, vec![deposited(deposit)]);
    let (account, items, evidence) = (REQUESTER, Items(0b10), EVIDENCE);
    let challenged = Entry::Challenged { batch: BATCH, lot, account, items, deposit, evidence, replaced: None };
    paper.call("challenge", None, vec![challenged]);
    paper.later(601);
    paper.call(call::POKE, None, vec![Entry::JuryOpened { batch: BATCH, lot }]);
    paper
}

pub fn batch_created(paper: &Paper, uri: &str) -> Entry {
    testing::batch_created(terms(paper), uri)
}

fn terms(paper: &Paper) -> Terms {
    Terms { expires_at: paper.journal.now_s + 86_400, ..testing::terms() }
}

/// Reputation after a first lot in which every decided item agreed with the result; its fee of 45 earns a full step.
fn risen() -> u16 {
    reputation::step(reputation::START, 3, 3, 45, 10)
}

pub fn url(pool: &PgPool) -> DatabaseUrl {
    DatabaseUrl::from((*pool.connect_options()).clone())
}

pub async fn open(pool: &PgPool) -> (Writer, Loaded) {
    Writer::open(&url(pool), CONTRACT, CHAIN, Duration::from_secs(30)).await.unwrap()
}

pub async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(pool).await.unwrap()
}
