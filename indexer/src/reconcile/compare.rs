//! Row by row, both ways.

use std::{collections::BTreeMap, fmt::Display};

use piecework_store::{audit::LedgerDifference, load::Loaded};
use serde::Serialize;
use serde_json::Value;

use super::views::Views;

/// A row, or a field of it, that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// The row, such as `account 3`.
    pub row: String,
    /// The field, such as `balances/0/amount`; empty if the row exists on one side only.
    pub field: String,
    /// What the database holds; null if nothing.
    pub stored: Value,
    /// What the contract answers; null if nothing.
    pub contract: Value,
}

/// What was compared.
pub(super) struct Compared {
    pub rows: u64,
    pub mismatches: Vec<Mismatch>,
}

pub(super) fn compare(loaded: &Loaded, views: &Views, ledger: &[LedgerDifference]) -> Compared {
    let mut compared = Compared { rows: 0, mismatches: Vec::new() };
    let mirror = &loaded.mirror;
    compared.row("root", Some(&mirror.root), Some(&views.root));
    compared.row("settings", Some(&mirror.settings), Some(&views.settings));
    compared.rows("class", &mirror.classes, &views.classes);
    compared.rows("token", &mirror.tokens, &views.tokens);
    let accounts = mirror.accounts.iter().map(|(number, named)| (*number, named.row.clone())).collect();
    compared.rows("account", &accounts, &views.accounts);
    compared.rows("batch", &mirror.batches, &views.batches);
    let name = |lots: &BTreeMap<_, _>| -> BTreeMap<_, _> {
        lots.iter().map(|((batch, lot), state)| (format!("{batch}/{lot}"), Clone::clone(state))).collect()
    };
    compared.rows("lot", &name(&mirror.lots), &name(&views.lots));

    // Parts of rows are rows of their own in the database.
    let nodes = || views.accounts.values().filter_map(|account| account.node.as_ref());
    let slots: usize = views.lots.values().map(|lot| lot.slots.len()).sum();
    compared.count(views.accounts.values().map(|account| account.balances.len()).sum());
    compared.count(nodes().count());
    compared.count(nodes().map(|node| node.classes.len()).sum());
    compared.count(slots);
    if loaded.slots.len() != slots {
        // A live slot whose lot has no record is in no lot above.
        let stored = Some(loaded.slots.len());
        compared.differ("slots", "count", stored, Some(slots));
    }
    for difference in ledger {
        let row = format!("ledger of account {} in token {}", difference.account, difference.token);
        compared.differ(&row, "sum", Some(&difference.ledger), Some(&difference.balance));
    }
    compared
}

impl Compared {
    fn rows<K: Ord + Display, T: PartialEq + Serialize>(
        &mut self,
        kind: &str,
        stored: &BTreeMap<K, T>,
        contract: &BTreeMap<K, T>,
    ) {
        for (key, row) in stored {
            self.row(&format!("{kind} {key}"), Some(row), contract.get(key));
        }
        for (key, row) in contract.iter().filter(|(key, _)| !stored.contains_key(key)) {
            self.row(&format!("{kind} {key}"), None, Some(row));
        }
    }

    fn row<T: PartialEq + Serialize>(&mut self, row: &str, stored: Option<&T>, contract: Option<&T>) {
        self.count(1);
        if stored == contract {
            return;
        }
        let before = self.mismatches.len();
        if let (Some(stored), Some(contract)) = (stored, contract) {
            self.fields(row, String::new(), &value(stored), &value(contract));
        }
        if self.mismatches.len() == before {
            self.differ(row, "", stored, contract);
        }
    }

    /// The deepest fields that differ.
    fn fields(&mut self, row: &str, path: String, stored: &Value, contract: &Value) {
        let below = |key: &dyn Display| {
            if path.is_empty() { key.to_string() } else { format!("{path}/{key}") }
        };
        match (stored, contract) {
            (Value::Object(left), Value::Object(right)) => {
                let mut keys: Vec<_> = left.keys().chain(right.keys()).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    let (left, right) = (left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null));
                    self.fields(row, below(key), left, right);
                }
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                for (index, (left, right)) in left.iter().zip(right).enumerate() {
                    self.fields(row, below(&index), left, right);
                }
            }
            (left, right) if left == right => {}
            (left, right) => self.differ(row, &path, Some(left), Some(right)),
        }
    }

    fn differ<S: Serialize, C: Serialize>(&mut self, row: &str, field: &str, stored: Option<S>, contract: Option<C>) {
        self.mismatches.push(Mismatch {
            row: row.to_owned(),
            field: field.to_owned(),
            stored: value(&stored),
            contract: value(&contract),
        });
    }

    fn count(&mut self, rows: usize) {
        self.rows += u64::try_from(rows).unwrap_or_default();
    }
}

/// View types have no part that could fail to serialize.
fn value(row: &impl Serialize) -> Value {
    serde_json::to_value(row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        amount::Amount,
        ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
        view::{Account, Balance, Batch, BatchStatus, Class, LotState, Node, Root, Slot, SlotPhase, Token},
    };
    use piecework_replay::{Mirror, NamedAccount};
    use piecework_store::cursor::Cursor;

    use super::*;

    fn account() -> Account {
        let node = Node { stake: Amount(10), bonded: Amount(1), tickets: 1, reservations: 1, ..Node::new(5) };
        Account {
            account: AccountNo(0),
            storage_paid: Amount(3),
            storage_used: 2,
            in_flight: 0,
            balances: vec![Balance { token: TokenId(1), amount: Amount(7) }],
            node: Some(node),
            keys: Vec::new(),
            payout: None,
        }
    }

    fn mirror() -> Mirror {
        let mut mirror = Mirror::default();
        let slot = Slot { node: AccountNo(0), operator: AccountNo(0), round: 0, phase: SlotPhase::Reserved(9) };
        let token = Token {
            token: TokenId(1),
            account_id: "t.near".to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1),
            pool: Amount(0),
            in_flight: Amount(0),
        };
        let batch = Batch {
            batch: BatchId(0),
            status: BatchStatus::Closed,
            settled: 1,
            results_root: [1; 32],
            callback: None,
            open: None,
        };
        mirror.root.seq = 4;
        mirror.classes.insert(ClassId(0), Class { name: "digits".to_owned(), nodes: 1, ..Class::default() });
        mirror.tokens.insert(token.token, token);
        mirror.accounts.insert(AccountNo(0), NamedAccount { account_id: "a.near".to_owned(), row: account() });
        mirror.batches.insert(BatchId(0), batch);
        mirror.lots.insert((BatchId(0), LotId(2)), LotState { slots: vec![slot], ..LotState::default() });
        mirror
    }

    fn views(mirror: &Mirror) -> Views {
        Views {
            root: mirror.root.clone(),
            settings: mirror.settings.clone(),
            classes: mirror.classes.clone(),
            tokens: mirror.tokens.clone(),
            accounts: mirror.accounts.iter().map(|(number, named)| (*number, named.row.clone())).collect(),
            batches: mirror.batches.clone(),
            lots: mirror.lots.clone(),
        }
    }

    fn cursor() -> Cursor {
        Cursor {
            stream: String::new(),
            chain_id: String::new(),
            height: 1,
            hash: None,
            timestamp_ns: 0,
            root: Root::default(),
            chain_height: 1,
            fence: 0,
        }
    }

    fn compared(mirror: Mirror, views: &Views) -> Compared {
        let slot = piecework_store::change::SlotRow {
            node: AccountNo(0),
            operator: AccountNo(0),
            round: 0,
            position: Some(0),
            reserved_until: 9,
            claimed_at: 8,
            committed: None,
            revealed: None,
            end: None,
        };
        let slots = [((BatchId(0), LotId(2), 3), slot)].into();
        compare(&Loaded { cursor: cursor(), mirror, slots }, views, &[])
    }

    #[test]
    fn compare__should_find_nothing_when_both_sides_are_equal() {
        let found = compared(mirror(), &views(&mirror()));
        assert_eq!(found.mismatches, []);
        // root, settings, class, token, account, balance, node, batch, lot, slot
        assert_eq!(found.rows, 10);
    }

    #[test]
    fn compare__should_name_the_field_that_differs() {
        let mut changed = mirror();
        changed.accounts.get_mut(&AccountNo(0)).unwrap().row.balances[0].amount = Amount(8);
        changed.classes.get_mut(&ClassId(0)).unwrap().nodes = 2;
        let found = compared(changed, &views(&mirror()));
        let nodes =
            Mismatch { row: "class 0".to_owned(), field: "nodes".to_owned(), stored: 2.into(), contract: 1.into() };
        let balance = Mismatch {
            row: "account 0".to_owned(),
            field: "balances/0/amount".to_owned(),
            stored: "8".into(),
            contract: "7".into(),
        };
        assert_eq!(found.mismatches, [nodes, balance]);
    }

    #[test]
    fn compare__should_find_rows_that_only_one_side_has() {
        let mut less = mirror();
        less.batches.clear();
        less.lots.clear();
        let rows = |found: Compared| found.mismatches.into_iter().map(|found| found.row).collect::<Vec<_>>();
        assert_eq!(rows(compared(less.clone(), &views(&mirror()))), ["batch 0", "lot 0/2"]);
        assert_eq!(rows(compared(mirror(), &views(&less))), ["batch 0", "lot 0/2", "slots"]);
    }

    #[test]
    fn compare__should_report_a_balance_its_movements_do_not_give() {
        let difference = LedgerDifference { account: 0, token: 1, ledger: "9 - 1".to_owned(), balance: "7".to_owned() };
        let loaded = Loaded { cursor: cursor(), mirror: Mirror::default(), slots: BTreeMap::new() };
        let found = compare(&loaded, &views(&Mirror::default()), &[difference]);
        assert_eq!(found.mismatches[0].row, "ledger of account 0 in token 1");
    }
}
