//! The invariants of the protocol, checked over the whole state.

use std::collections::BTreeMap;

use borsh::BorshDeserialize;
use piecework_coordinator::engine::{
    key::ROOT,
    record::{self, Record},
};
use piecework_interface::{
    dispute::challenge_deposit,
    event::Entry,
    ids::{AccountNo, BatchId, ClassId, NEAR, TokenId},
    lots, money,
    settlement::slot_bond,
    storage,
    terms::Terms,
    view::{Account, Batch, BatchStatus, Class, Lot, OpenBatch, Slot, SlotPhase, Token},
};

use super::chain::{CONTRACT, Chain};

/// All rows, as the contract's views answer them.
pub struct Rows {
    pub tokens: Vec<Token>,
    pub accounts: Vec<Account>,
    pub batches: Vec<Batch>,
    pub lots: Vec<Lot>,
}

impl Rows {
    pub fn read(chain: &Chain) -> Self {
        chain.view(|mut engine| {
            let batches = engine.view_batches(0, 128).expect("batches");
            let lots = batches
                .iter()
                .flat_map(|batch| {
                    (0..8)
                        .flat_map(|page| engine.view_lots(batch.batch, page * 128, 128).expect("lots"))
                        .collect::<Vec<_>>()
                })
                .collect();
            Self {
                tokens: engine.view_tokens().expect("tokens"),
                accounts: engine.view_accounts(0, 128).expect("accounts"),
                batches,
                lots,
            }
        })
    }
}

/// Panics naming the first invariant that does not hold.
pub fn check(chain: &Chain) {
    let rows = Rows::read(chain);
    check_mirror(chain, &rows);
    check_money(chain, &rows);
    check_nodes(chain, &rows);
    check_storage(chain, &rows);
    check_records(chain);
}

/// Every record is its version and its Borsh form, and is written as it was read.
fn check_records(chain: &Chain) {
    for (key, value) in chain.storage.iter().filter(|(key, _)| key.as_slice() != ROOT) {
        match (key[0], value[0]) {
            (0, _) => same::<record::Settings>(value),
            (2, _) => same::<record::Account>(value),
            (3, _) => same::<record::Balance>(value),
            (5, _) => same::<record::Token>(value),
            (7, _) => same::<record::Lot>(value),
            (8, _) => same::<Class>(value),
            (6, 0) => same_as(value, &borsh::from_slice(&value[1..]).map(record::Batch::Open).expect("open")),
            (6, _) => same_as(value, &borsh::from_slice(&value[1..]).map(record::Batch::Closed).expect("closed")),
            _ => {}
        }
    }
}

fn same<R: Record + BorshDeserialize + PartialEq + std::fmt::Debug>(value: &[u8]) {
    let (version, record): (u8, R) = borsh::from_slice(value).expect("borsh");
    assert_eq!(version, record.store()[0]);
    same_as(value, &record);
}

fn same_as<R: Record + PartialEq + std::fmt::Debug>(value: &[u8], record: &R) {
    assert_eq!(R::load(value).as_ref(), Some(record));
    assert_eq!(record.store(), value);
}

/// Replaying the journal gives the contract's state, and `head` matches.
fn check_mirror(chain: &Chain, rows: &Rows) {
    let mirror = &chain.mirror;
    assert_eq!(mirror.root, chain.view(|engine| engine.view_root()), "root");
    assert_eq!(mirror.settings, chain.view(|mut engine| engine.view_settings()).expect("settings"), "settings");
    let classes = chain.view(|mut engine| engine.view_classes(0, 128)).expect("classes");
    assert_eq!(mirror.classes.values().cloned().collect::<Vec<_>>(), classes, "classes");
    assert_eq!(mirror.tokens.values().cloned().collect::<Vec<_>>(), rows.tokens, "tokens");
    let accounts: Vec<_> = mirror.accounts.values().map(|account| account.row.clone()).collect();
    assert_eq!(accounts, rows.accounts, "accounts");
    assert_eq!(mirror.batches.values().cloned().collect::<Vec<_>>(), rows.batches, "batches");
    let lots: Vec<_> = mirror
        .lots
        .iter()
        .map(|((batch, lot), state)| Lot { batch: *batch, lot: *lot, state: state.clone() })
        .collect();
    assert_eq!(lots, rows.lots, "lots");
}

/// Everything the contract holds is somebody's: to the last unit.
fn check_money(chain: &Chain, rows: &Rows) {
    let mut owed: BTreeMap<TokenId, u128> = BTreeMap::new();
    for token in &rows.tokens {
        *owed.entry(token.token).or_default() += token.pool.0 + token.in_flight.0;
    }
    for account in &rows.accounts {
        for balance in &account.balances {
            *owed.entry(balance.token).or_default() += balance.amount.0;
        }
        let near = owed.entry(NEAR).or_default();
        *near += account.storage_paid.0;
        if let Some(node) = &account.node {
            *near += node.stake.0 + node.unbonding.0;
        }
    }
    for open in rows.batches.iter().filter_map(|batch| batch.open.as_ref()) {
        *owed.entry(open.token).or_default() += open.escrow.0;
    }
    *owed.entry(NEAR).or_default() += chain.view(|engine| engine.view_root()).burnt.0;
    for token in &rows.tokens {
        let held = if token.token == NEAR {
            chain.near - chain.donated
        } else {
            chain.ledger.get(&(token.account_id.clone(), CONTRACT.to_owned())).copied().unwrap_or_default()
        };
        assert_eq!(owed[&token.token], held, "conservation of token {}", token.token);
    }
}

/// Bonds, slots and tickets are the sums of what they stand for.
fn check_nodes(chain: &Chain, rows: &Rows) {
    let mut held: BTreeMap<AccountNo, (u128, u16)> = BTreeMap::new();
    for lot in &rows.lots {
        let batch = batch_of(rows, lot.batch);
        let open = batch.open.as_ref().expect("a lot belongs to an open batch");
        let items = lots::lot_items(open.items, open.terms.lot_size, lot.lot);
        let unique = |mut of: Vec<AccountNo>| {
            let seats = of.len();
            of.sort_unstable();
            of.dedup();
            assert_eq!(of.len(), seats, "one slot per node, per operator and lot");
        };
        unique(lot.state.slots.iter().map(|slot| slot.node).collect());
        unique(lot.state.slots.iter().map(|slot| slot.operator).chain(lot.state.leavers.iter().copied()).collect());
        let party = |slot: &&Slot| slot.operator == open.requester_operator || slot.node == open.requester;
        assert_eq!(lot.state.slots.iter().find(party), None, "a requester works for itself");
        for slot in &lot.state.slots {
            let entry = held.entry(slot.node).or_default();
            entry.0 += slot_bond(&open.terms, &open.fixed, items, &lot.state, slot.round);
            entry.1 += u16::from(matches!(slot.phase, SlotPhase::Reserved(_)));
        }
    }
    let mut counted: BTreeMap<ClassId, (u32, u32)> = BTreeMap::new();
    let config = chain.view(|mut engine| engine.view_config()).expect("config");
    for account in &rows.accounts {
        let Some(node) = &account.node else { continue };
        let (bonded, reservations) = held.get(&account.account).copied().unwrap_or_default();
        let held = (node.bonded.0, node.reservations);
        assert_eq!(held, (bonded, reservations), "bonds and reservations of {}", account.account);
        assert!(node.bonded <= node.stake, "bonds are within the stake");
        // A slash and another least stake reach a node's tickets when its owner changes its stake next, or by a poke.
        if !chain.lines.iter().any(|line| line.log.iter().any(|entry| matches!(entry, Entry::Applied { .. }))) {
            let due = money::tickets(node.stake.0, config.min_stake.0);
            assert!(node.tickets >= due, "tickets follow the stake");
        }
        for (class, tickets) in node.counted() {
            let count = counted.entry(class).or_default();
            *count = (count.0 + 1, count.1 + tickets);
        }
    }
    for class in chain.view(|mut engine| engine.view_classes(0, 128)).expect("classes") {
        let count = counted.get(&class.class).copied().unwrap_or_default();
        assert_eq!((class.nodes, class.tickets), count, "what class {} counts", class.class);
    }
}

/// Every byte that is charged is explained, covered, and enough for what is stored.
fn check_storage(chain: &Chain, rows: &Rows) {
    let mut used: BTreeMap<AccountNo, u32> = BTreeMap::new();
    for batch in &rows.batches {
        let live = rows.lots.iter().filter(|lot| lot.batch == batch.batch);
        match &batch.open {
            Some(open) => {
                assert_eq!(live.clone().count(), open.progress.live as usize, "count of live lots");
                assert!(open.progress.live <= open.progress.reserved, "every live lot's bytes are charged");
                let bytes = open.progress.reserved * storage::lot_bytes(&open.terms);
                *used.entry(open.requester).or_default() += bytes + storage::BATCH_BYTES;
                let kept =
                    open.progress.fees.0 + open.progress.referral.0 + open.progress.freed.0 + open.progress.bond.0;
                let owed = kept + owed_by_lots(batch, open, &live.clone().collect::<Vec<_>>());
                assert!(owed <= open.escrow.0, "each lot's escrow, its deposits and what settled lots left are held");
            }
            None => {
                assert_eq!(batch.status, BatchStatus::Closed);
                assert_eq!(live.count(), 0, "a closed batch has no lots");
            }
        }
    }
    for lot in &rows.lots {
        let terms = &batch_of(rows, lot.batch).open.as_ref().expect("open").terms;
        for challenge in lot.state.case.iter().flat_map(|case| &case.challenges) {
            *used.entry(challenge.account).or_default() += storage::challenge_bytes(terms, challenge.items);
        }
    }
    let mut stored: BTreeMap<u8, u64> = BTreeMap::new();
    for (key, value) in &chain.storage {
        *stored.entry(key[0]).or_default() += 40 + key.len() as u64 + value.len() as u64;
    }
    let charged: u64 = rows.accounts.iter().map(|account| u64::from(account.storage_used)).sum();
    // Root, settings, tokens and classes are the contract's own; everything else is paid for.
    let paid_for: u64 = [1, 2, 3, 6, 7].iter().filter_map(|prefix| stored.get(prefix)).sum();
    assert!(paid_for <= charged, "{paid_for} bytes are stored, {charged} are charged: {stored:?}");
    for account in &rows.accounts {
        let name = &chain.mirror.accounts[&account.account].account_id;
        let keys = u32::try_from(account.keys.len()).expect("keys") * storage::INTENT_KEY_BYTES;
        let payout = storage::payout_bytes(account.payout.as_deref());
        let own = storage::account_bytes(name.len())
            + if account.node.is_some() { storage::NODE_BYTES } else { 0 }
            + keys
            + payout;
        let batches = used.get(&account.account).copied().unwrap_or_default();
        let rest = account.storage_used - own - batches;
        // What remains are balance rows and closed batches.
        let possible = (0..=rest / storage::BALANCE_BYTES)
            .any(|rows| (rest - rows * storage::BALANCE_BYTES).is_multiple_of(storage::CLOSED_BATCH_BYTES));
        assert!(possible, "the charge of {name} is explained");
        assert!(storage::cost(account.storage_used) <= account.storage_paid.0, "the charge of {name} is covered");
    }
}

/// What lots that are not settled may take out of their batch: each its escrow at its own reward, and its deposits.
fn owed_by_lots(batch: &Batch, open: &OpenBatch, live: &[&Lot]) -> u128 {
    let last = lots::lot_count(open.items, open.terms.lot_size) - 1;
    let of = |terms: &Terms, items: u8| money::escrow(terms, open.fixed.fee_bps, items.into());
    let (whole, short) = open.waiting_lots(batch.settled, live.iter().any(|lot| lot.lot.0 == last));
    let waiting = u128::from(whole) * of(&open.terms, open.terms.lot_size) + of(&open.terms, short);
    let begun = live.iter().map(|lot| {
        let (terms, items) = (lot.state.terms(&open.terms), open.lot_items(lot.lot));
        let challenges = lot.state.case.iter().flat_map(|case| &case.challenges);
        let deposits = challenges.map(|challenge| challenge_deposit(&terms, items, challenge.items));
        of(&terms, items) + deposits.sum::<u128>()
    });
    waiting + begun.sum::<u128>()
}

fn batch_of(rows: &Rows, batch: BatchId) -> &Batch {
    rows.batches.iter().find(|row| row.batch == batch).expect("the batch of a lot")
}
