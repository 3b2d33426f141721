//! A node, its account and its agent's state, for the tests of single rules.

use std::collections::BTreeMap;

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, ClassId},
    view::{Account, Node},
};

use super::{ClassLimits, Limits, State, policy::Policy};
use crate::record::Binding;

/// An agent without records, that does nothing later than it must.
pub fn state(node: AccountNo, max_reservations: u16, classes: BTreeMap<ClassId, ClassLimits>) -> State {
    let limits = Limits {
        max_reservations,
        keeper: true,
        draw_jitter_ms: 0,
        keeper_jitter_ms: 0,
        jitter_seed: 0,
        stop_grace_ms: 0,
        classes,
        policy: Policy { spare_nodes: 0, spare_nodes_with_window: 0, ..Policy::default() },
        challenge: None,
        payout_above: BTreeMap::new(),
    };
    State::new(Binding { contract: "market.near".to_owned(), node }, limits, Vec::new(), None)
}

/// An active node with one ticket that was seen now.
pub fn node(now_s: u32) -> Node {
    let since_ever = Node { active_since: 0, risen_at: 0, registered_at: 0, ..Node::new(now_s) };
    Node { stake: Amount(1 << 40), tickets: 1, settled: 1, ..since_ever }
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
        payout: None,
    }
}
