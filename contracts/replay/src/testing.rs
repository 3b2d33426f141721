//! Journals for tests: entries in, log lines out, with the mirror that they must give.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what goes wrong here fails the test")]

use piecework_interface::{
    amount::Amount,
    answers::Items,
    commitment::{Place, commitment},
    config::{Config, Fixed},
    draw::At,
    event::{Entry, Line, SettledSlot},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, NEAR, TokenId},
    op::Op,
    storage,
    terms::{Terms, Verification},
};

use crate::{Changes, Context, Mirror, ReplayError};

/// The contract.
pub const CONTRACT: &str = "market.near";
/// The reward token.
pub const TOKEN: TokenId = TokenId(1);
/// The class of nodes and batch.
pub const CLASS: ClassId = ClassId(0);
/// The batch of [`begun`].
pub const BATCH: BatchId = BatchId(0);
/// The account that pays for it.
pub const REQUESTER: AccountNo = AccountNo(5);
/// Nodes, of one ticket each.
pub const A: AccountNo = AccountNo(0);
/// See [`A`].
pub const B: AccountNo = AccountNo(1);
/// See [`A`].
pub const C: AccountNo = AccountNo(2);
/// See [`A`].
pub const D: AccountNo = AccountNo(3);
/// See [`A`].
pub const E: AccountNo = AccountNo(4);
/// Stake of a node, yoctoNEAR: enough for its ticket also after a slash.
pub const STAKE: u128 = 1_500;

/// A journal being written, with its mirror.
pub struct JournalBuilder {
    /// What the lines so far give.
    pub mirror: Mirror,
    /// Time of the next line, Unix seconds.
    pub now_s: u32,
    /// Height of the next line's block.
    pub height: u32,
}

impl JournalBuilder {
    /// Writes a line and applies it.
    ///
    /// # Errors
    /// An entry does not follow from the mirror.
    pub fn write(&mut self, event: &str, node: Option<AccountNo>, log: Vec<Entry>) -> Result<Changes, ReplayError> {
        self.write_with(event, node, log, &[])
    }

    /// The same for a `work` call with these ops.
    ///
    /// # Errors
    /// An entry does not follow from the mirror.
    pub fn write_with(
        &mut self,
        event: &str,
        node: Option<AccountNo>,
        log: Vec<Entry>,
        ops: &[Op],
    ) -> Result<Changes, ReplayError> {
        let text = self.line(event, node, log).render();
        let parsed = Line::parse(&text).unwrap().unwrap();
        self.mirror
            .apply(&parsed, &Context { contract: CONTRACT, now_s: self.now_s, height: self.height, text: &text, ops })
    }

    /// The next line, if it is this one. A claim of a lot that has no record yet says its batch's reward.
    pub fn line(&self, event: &str, node: Option<AccountNo>, mut log: Vec<Entry>) -> Line {
        for entry in &mut log {
            if let Entry::Claimed { batch, lot, reward, .. } = entry
                && !self.mirror.lots.contains_key(&(*batch, *lot))
            {
                let open = self.mirror.batches.get(batch).and_then(|batch| batch.open.as_ref());
                *reward = open.map(|open| open.terms.reward);
            }
        }
        Line { seq: self.mirror.root.seq, event: event.to_owned(), node, log }
    }

    /// Three claims and three commits on a lot, to these answers, the last of which turns it to reveals.
    pub fn committed(&mut self, lot: LotId, answers: [&[u8]; 3]) {
        let [a, b, c] = answers;
        for node in [A, B, C] {
            self.work(node, vec![claim(lot)]);
        }
        self.work(A, vec![commit(A, (lot, 0), a)]);
        self.work(B, vec![commit(B, (lot, 0), b)]);
        self.work(C, vec![commit(C, (lot, 0), c), revealing(lot)]);
    }

    /// A line of a node's `work` call that reveals nothing.
    pub fn work(&mut self, node: AccountNo, log: Vec<Entry>) -> Changes {
        self.write("work", Some(node), log).unwrap()
    }

    /// A line that reveals a node's answers, with entries after that. The call holds a reveal that was skipped as well.
    ///
    /// # Errors
    /// An entry does not follow from the mirror.
    pub fn reveal(
        &mut self,
        node: AccountNo,
        lot: LotId,
        answers: &[u8],
        then: Vec<Entry>,
    ) -> Result<Changes, ReplayError> {
        let mut log = vec![Entry::Revealed { batch: BATCH, lot, digest: sha256(answers) }];
        log.extend(then);
        let wrong = Op::Reveal { batch: BATCH, lot, answers: b"wrong".to_vec(), salt: [0; 32] };
        let right = Op::Reveal { batch: BATCH, lot, answers: answers.to_vec(), salt: SALT };
        self.write_with("work", Some(node), log, &[wrong, right])
    }

    /// Lets time pass, a block a second.
    pub fn later(&mut self, seconds: u32) {
        self.now_s += seconds;
        self.height += seconds;
    }

    /// An account's balance.
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

/// The configuration of the contract that is founded.
pub fn founded() -> Config {
    Config { min_stake: Amount(1_000), fee_bps: 500, ..Config::default() }
}

/// The lines that found a contract: a token, five nodes of one ticket each, and a requester.
pub fn founding() -> Vec<(&'static str, Option<AccountNo>, Vec<Entry>)> {
    let config = founded();
    let zero = Amount(0);
    let near = Entry::TokenListed {
        token: NEAR,
        account_id: String::new(),
        min_reward: zero,
        rep_unit: zero,
        bond_rate: zero,
    };
    let owner = Entry::OwnerSet { account_id: "owner.near".to_owned() };
    let token = Entry::TokenListed {
        token: TOKEN,
        account_id: "reward.near".to_owned(),
        min_reward: Amount(1),
        rep_unit: Amount(10),
        bond_rate: Amount(1 << 32),
    };
    let mut lines =
        vec![("new", None, vec![Entry::Configured { config }, near, owner]), ("token_list", None, vec![token])];
    for account in [A, B, C, D, E, REQUESTER] {
        lines.push(("storage_deposit", None, vec![opened(account)]));
        if account == A {
            lines.push(("class_register", None, vec![class_registered()]));
        }
        if account != REQUESTER {
            let storage = Entry::Storage { account, paid: Amount(10_u128.pow(24)), used: 160 + storage::NODE_BYTES };
            let node = Entry::NodeRegistered { account, stake: Amount(STAKE), classes: vec![CLASS] };
            lines.push(("node_register", Some(account), vec![storage, node]));
        }
    }
    lines
}

/// The contract of [`founding`] with a batch of two lots, in the block in which its seed is captured.
pub fn drawn() -> JournalBuilder {
    let mut journal = JournalBuilder { mirror: Mirror::default(), now_s: 1_000, height: 50 };
    for (event, node, log) in founding() {
        journal.write(event, node, log).unwrap();
    }
    let deposit = Entry::Deposited { account: REQUESTER, token: TOKEN, amount: Amount(3_780), sender: None };
    journal.write("ft_on_transfer", None, vec![deposit, batch_created(terms(), "blob:00")]).unwrap();
    journal.later(3);
    journal.work(A, vec![seeded(At::Group(0))]);
    journal
}

/// The same when the bar is at one for every node.
pub fn begun() -> JournalBuilder {
    let mut journal = drawn();
    journal.later(12);
    journal
}

/// The class, open to all.
pub fn class_registered() -> Entry {
    let (name, burnt) = ("digits".to_owned(), Config::default().class_deposit);
    Entry::ClassRegistered { class: CLASS, owner: A, name, schema: [0; 32], gated: false, burnt }
}

/// An account of this number.
pub fn opened(account: AccountNo) -> Entry {
    let account_id = format!("account-{account}.near");
    Entry::AccountOpened { account, account_id, paid: Amount(10_u128.pow(24)), used: 160 }
}

/// The batch, of six items.
pub fn batch_created(terms: Terms, uri: &str) -> Entry {
    Entry::BatchCreated {
        batch: BATCH,
        requester: REQUESTER,
        token: TOKEN,
        items: 6,
        manifest: [1; 32],
        gold_root: [0; 32],
        callback: None,
        uri: uri.to_owned(),
        escrow: Amount(3_780),
        terms,
        fixed: fixed(),
        appendable: false,
        forget_on_close: false,
        referrer: None,
    }
}

/// A seed captured while the five nodes are active.
pub fn seeded(at: At) -> Entry {
    Entry::Seeded { batch: BATCH, at, value: [2; 16], tickets: 5, appeal: false }
}

/// A claim of a seat.
pub fn claim(lot: LotId) -> Entry {
    Entry::Claimed { batch: BATCH, lot, reward: None, replaced: None }
}

/// The salt of every commitment here.
pub const SALT: [u8; 32] = [1; 32];

/// A node's commitment to these answers, in a round of a lot.
pub fn commit(node: AccountNo, (lot, round): (LotId, u8), answers: &[u8]) -> Entry {
    let place = Place { contract: CONTRACT, batch: BATCH, lot, round, node };
    Entry::Committed { batch: BATCH, lot, commitment: commitment(sha256, place, answers, &SALT) }
}

/// The turn to reveals.
pub fn revealing(lot: LotId) -> Entry {
    Entry::Revealing { batch: BATCH, lot, abandoned: vec![] }
}

/// What a slot gets.
pub fn pay(node: AccountNo, pay: u128, slash: u128, reputation: u16) -> SettledSlot {
    SettledSlot { node, pay: Amount(pay), slash: Amount(slash), reputation }
}

/// A settlement of a lot of three items, all of them accepted.
pub fn settle(lot: LotId, n: u32, answers: &[u8], slots: Vec<SettledSlot>) -> Entry {
    Entry::Settled {
        batch: BATCH,
        lot,
        n,
        accepted: Items(0b111),
        digest: sha256(answers),
        fee: Amount(45),
        refund: Amount(945),
        forfeit: Amount(0),
        slots,
    }
}

/// Terms that the default configuration allows at time 0.
pub fn terms() -> Terms {
    Terms {
        class: CLASS,
        reward: Amount(100),
        lot_size: 3,
        answer_width: 1,
        start: 3,
        quorum_pct: 70,
        claim_ttl_s: 600,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 3,
        bond_pct: 100,
        dissent_slash_pct: 20,
        abandon_slash_pct: 20,
        min_reputation: 0,
        expires_at: 86_400,
        verification: Verification::Consensus,
    }
}

/// A bond of one yoctoNEAR per unit of reward, a fee of 5 %.
pub fn fixed() -> Fixed {
    Fixed {
        fee_bps: 500,
        bond_rate: Amount(1 << 32),
        rep_unit: Amount(10),
        reputation_interval_s: 3_600,
        grace_s: 60,
        jury_nodes: 15,
    }
}
