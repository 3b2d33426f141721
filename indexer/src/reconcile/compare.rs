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
    let mut compared = Compared {
        rows: 0,
        mismatches: Vec::new(),
    };
    let mirror = &loaded.mirror;
    compared.row("root", Some(&mirror.root), Some(&views.root));
    compared.row("config", Some(&mirror.config), Some(&views.config));
    compared.rows("token", &mirror.tokens, &views.tokens);
    let accounts = mirror
        .accounts
        .iter()
        .map(|(number, named)| (*number, named.row.clone()))
        .collect();
    compared.rows("account", &accounts, &views.accounts);
    compared.rows("batch", &mirror.batches, &views.batches);
    let name = |lots: &BTreeMap<_, _>| -> BTreeMap<_, _> {
        lots.iter()
            .map(|((batch, lot), state)| (format!("{batch}/{lot}"), Clone::clone(state)))
            .collect()
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
            if path.is_empty() {
                key.to_string()
            } else {
                format!("{path}/{key}")
            }
        };
        match (stored, contract) {
            (Value::Object(left), Value::Object(right)) => {
                let mut keys: Vec<_> = left.keys().chain(right.keys()).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    let (left, right) = (
                        left.get(key).unwrap_or(&Value::Null),
                        right.get(key).unwrap_or(&Value::Null),
                    );
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
