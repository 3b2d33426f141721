//! A journal written by hand, and its mirror.

use piecework_interface::{
    amount::Amount,
    config::Config,
    event::{Abandoned, Entry, Items, Line, SettledSlot, Version},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, NEAR, TokenId},
    op::{At, Op},
    replay::{Context, Mirror, ReplayError, SlotEnd, Touched},
    storage,
};

use super::common::{fixed, terms};

pub const TOKEN: TokenId = TokenId(1);
pub const BATCH: BatchId = BatchId(0);
pub const REQUESTER: AccountNo = AccountNo(5);
pub const A: AccountNo = AccountNo(0);
pub const B: AccountNo = AccountNo(1);
pub const C: AccountNo = AccountNo(2);
pub const D: AccountNo = AccountNo(3);
pub const E: AccountNo = AccountNo(4);
pub const STAKE: u128 = 1_000;

/// A journal being written, with its mirror.
pub struct Journal {
    pub mirror: Mirror,
    pub version: Version,
    pub now_s: u32,
    pub height: u32,
}

impl Journal {
    pub fn write(&mut self, event: &str, node: Option<AccountNo>, log: Vec<Entry>) -> Result<Touched, ReplayError> {
        self.write_with(event, node, log, &[])
    }

    pub fn write_with(
        &mut self,
        event: &str,
        node: Option<AccountNo>,
        log: Vec<Entry>,
        ops: &[Op],
    ) -> Result<Touched, ReplayError> {
        let line = Line { version: self.version, seq: self.mirror.root.seq, event: event.to_owned(), node, log };
        let text = line.render();
        let parsed = Line::parse(&text).unwrap().unwrap();
        self.mirror.apply(&parsed, &Context { now_s: self.now_s, height: self.height, text: &text, ops })
    }

    /// Three claims and three commits on a lot, the last of which turns it to reveals.
    pub fn committed(&mut self, lot: LotId) {
        for node in [A, B, C] {
            self.work(node, vec![claim(lot)]);
        }
        self.work(A, vec![commit(lot)]);
        self.work(B, vec![commit(lot)]);
        self.work(C, vec![commit(lot), revealing(lot)]);
    }

    pub fn work(&mut self, node: AccountNo, log: Vec<Entry>) -> Touched {
        self.write("work", Some(node), log).unwrap()
    }

    pub fn reveal(
        &mut self,
        node: AccountNo,
        lot: LotId,
        answers: &[u8],
        then: Vec<Entry>,
    ) -> Result<Touched, ReplayError> {
        let mut log = vec![Entry::Revealed { batch: BATCH, lot, digest: sha256(answers) }];
        log.extend(then);
        let wrong = Op::Reveal { batch: BATCH, lot, answers: b"wrong".to_vec(), salt: [0; 32] };
        let right = Op::Reveal { batch: BATCH, lot, answers: answers.to_vec(), salt: [1; 32] };
        self.write_with("work", Some(node), log, &[wrong, right])
    }

    pub fn later(&mut self, seconds: u32) {
        self.now_s += seconds;
        self.height += seconds;
    }

    pub fn balance(&self, account: AccountNo, token: TokenId) -> u128 {
        let balances = &self.mirror.accounts[&account].row.balances;
        balances.iter().find(|balance| balance.token == token).map_or(0, |balance| balance.amount.0)
    }

    /// Σ balances + escrows + pools + in flight of the token.
    pub fn total(&self) -> u128 {
        let balances: u128 = self.mirror.accounts.keys().map(|account| self.balance(*account, TOKEN)).sum();
        let escrows = self.mirror.batches.values().filter_map(|batch| batch.open.as_ref());
        let row = &self.mirror.tokens[&TOKEN];
        balances + escrows.map(|open| open.escrow.0).sum::<u128>() + row.pool.0 + row.in_flight.0
    }
}

/// A contract with a token, five nodes of one ticket, and a requester whose batch of two lots is open.
pub fn begun() -> Journal {
    let mut journal = Journal { mirror: Mirror::default(), version: Version::default(), now_s: 1_000, height: 50 };
    let config = Config { min_stake: Amount(STAKE), ..Config::default() };
    let zero = Amount(0);
    let near = Entry::TokenListed {
        token: NEAR,
        account_id: String::new(),
        min_reward: zero,
        rep_unit: zero,
        bond_rate: zero,
    };
    journal.write("new", None, vec![Entry::Configured { config }, near]).unwrap();
    let token = Entry::TokenListed {
        token: TOKEN,
        account_id: "reward.near".to_owned(),
        min_reward: Amount(1),
        rep_unit: Amount(10),
        bond_rate: Amount(1 << 32),
    };
    journal.write("token_list", None, vec![token]).unwrap();
    for account in [A, B, C, D, E, REQUESTER] {
        let account_id = format!("account-{account}.near");
        let opened = Entry::AccountOpened { account, account_id, paid: Amount(10_u128.pow(24)), used: 160 };
        journal.write("storage_deposit", None, vec![opened]).unwrap();
        if account != REQUESTER {
            let storage = Entry::Storage { account, paid: Amount(10_u128.pow(24)), used: 160 + storage::NODE_BYTES };
            let node = Entry::NodeRegistered { account, stake: Amount(STAKE), classes: vec![ClassId(7)] };
            journal.write("node_register", Some(account), vec![storage, node]).unwrap();
        }
    }
    let deposit = Entry::Deposited { account: REQUESTER, token: TOKEN, amount: Amount(3_780) };
    let batch = Entry::BatchCreated {
        batch: BATCH,
        requester: REQUESTER,
        token: TOKEN,
        items: 6,
        manifest: [1; 32],
        gold_root: [0; 32],
        callback: None,
        uri: "blob:00".to_owned(),
        escrow: Amount(3_780),
        terms: terms(),
        fixed: fixed(),
    };
    journal.write("ft_on_transfer", None, vec![deposit, batch]).unwrap();
    journal.later(3);
    let seed = Entry::Seeded { batch: BATCH, at: At::Group(0), value: [2; 16], tickets: 5 };
    journal.work(A, vec![seed]);
    journal.later(3);
    journal
}

pub fn claim(lot: LotId) -> Entry {
    Entry::Claimed { batch: BATCH, lot, replaced: None }
}

pub fn commit(lot: LotId) -> Entry {
    Entry::Committed { batch: BATCH, lot, commitment: [3; 32] }
}

pub fn revealing(lot: LotId) -> Entry {
    Entry::Revealing { batch: BATCH, lot, abandoned: vec![] }
}

pub fn pay(node: AccountNo, pay: u128, slash: u128, reputation: u16) -> SettledSlot {
    SettledSlot { node, pay: Amount(pay), slash: Amount(slash), reputation }
}

pub fn settle(lot: LotId, n: u32, answers: &[u8], slots: Vec<SettledSlot>) -> Entry {
    Entry::Settled {
        batch: BATCH,
        lot,
        n,
        accepted: Items(0b111),
        digest: sha256(answers),
        fee: Amount(45),
        refund: Amount(945),
        slots,
    }
}

/// Reputation after agreement on everything in a lot whose fee earns a full step.
pub const RISEN: u16 = 5_000 + 5_000 / 16;

/// A, E and B have revealed and settled lot 1; D's reservation ran out.
pub fn lot_1_settled() -> Journal {
    let mut journal = begun();
    let lot = LotId(1);
    for node in [A, D, E] {
        journal.work(node, vec![claim(lot)]);
    }
    for node in [A, E] {
        journal.work(node, vec![commit(lot)]);
    }
    journal.later(601);
    let replaced = Some(Abandoned { node: D, slash: Amount(60) });
    let touched = journal.work(B, vec![Entry::Claimed { batch: BATCH, lot, replaced }]);
    assert_eq!((touched.ended[0].end, touched.ended[0].slot.node, touched.ended[0].slash), (SlotEnd::Abandoned, D, 60));
    journal.work(B, vec![commit(lot), revealing(lot)]);
    journal.later(1);
    for node in [A, E] {
        journal.reveal(node, lot, b"xyz", vec![]).unwrap();
    }
    let paid = vec![pay(A, 300, 0, RISEN), pay(E, 300, 0, RISEN), pay(B, 300, 0, RISEN)];
    let touched = journal.reveal(B, lot, b"xyz", vec![settle(lot, 0, b"xyz", paid)]).unwrap();
    assert_eq!(touched.results[0].answers, b"xyz");
    assert_eq!(touched.ended.iter().map(|slot| slot.agreed).collect::<Vec<_>>(), [0b111; 3]);
    assert!(touched.lots.contains(&(BATCH, lot)) && !journal.mirror.lots.contains_key(&(BATCH, lot)));
    journal
}
