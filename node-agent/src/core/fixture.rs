//! A node, its account and its agent's state, for the tests of single rules.

use std::collections::BTreeMap;

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, ClassId},
    view::{Account, Node, NodeStatus, Part},
};

use super::{ClassLimits, Limits, RevenueRights, State};
use crate::record::Binding;

/// An agent without records, that does nothing later than it must.
pub fn state(node: AccountNo, classes: BTreeMap<ClassId, ClassLimits>, revenue: RevenueRights) -> State {
    let limits = Limits {
        max_slots: 8,
        keeper: true,
        draw_jitter_ms: 0,
        keeper_jitter_ms: 0,
        jitter_seed: 0,
        stop_grace_ms: 0,
        classes,
        revenue,
    };
    State::new(Binding { contract: "market.near".to_owned(), node }, limits, Vec::new(), None)
}

/// An active node with one ticket that was seen now.
pub fn node(now_s: u32) -> Node {
    Node {
        stake: Amount(1),
        bonded: Amount(0),
        unbonding: Amount(0),
        unbonding_until: 0,
        tickets: 1,
        active_since: 0,
        last_seen: now_s,
        slots: 0,
        faults: 0,
        registered_at: 0,
        settled: 1,
        status: NodeStatus::Active,
        classes: Vec::new(),
        part: Part::default(),
    }
}

/// Its account, with nothing else in it.
pub fn account(account: AccountNo, node: Node) -> Account {
    Account {
        account,
        storage_paid: Amount(0),
        storage_used: 0,
        in_flight: 0,
        balances: Vec::new(),
        node: Some(node),
        keys: Vec::new(),
    }
}
