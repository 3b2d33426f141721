//! Nodes.

use piecework_interface::view::NodeStatus;
use piecework_store::read::node;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Amount, Balance};

/// A node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Node {
    /// Account number.
    pub account: u32,
    /// Account id.
    #[schema(example = "node1.test.near")]
    pub account_id: String,
    /// `active`, `paused` by its owner, or `silent` for too long.
    #[schema(value_type = String, example = "active")]
    pub status: NodeStatus,
    /// Stake, the bonded part included, yoctoNEAR.
    pub stake: Amount,
    /// Part of the stake that backs slots, yoctoNEAR.
    pub bonded: Amount,
    /// Stake on its way out, yoctoNEAR.
    pub unbonding: Amount,
    /// Unix time from which `unbonding` may be claimed, seconds.
    pub unbonding_until: u32,
    /// Tickets; they count while the node is active.
    pub tickets: u8,
    /// Unix time of the last rise of tickets or return to activity, seconds.
    pub active_since: u32,
    /// Unix time of the last heartbeat or work call, seconds; behind it by less than ten.
    pub last_seen: u32,
    /// Slots held.
    pub slots: u16,
    /// Abandoned reservations less settled lots, at least 0.
    pub faults: u8,
    /// Unix time of the first registration, seconds.
    pub registered_at: u32,
    /// Lots settled.
    pub settled: u32,
    /// Classes, by number.
    pub classes: Vec<ClassRecord>,
    /// What settled slots paid, by token.
    pub earned: Vec<Balance>,
    /// What was taken from the stake so far, yoctoNEAR.
    pub slashed: Amount,
    /// Items for which its answer was the accepted one.
    pub agreed_items: u64,
    /// Last journal line that changed its account, its balances or the node.
    pub updated_seq: u64,
}

/// Reputation of a node in a class.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClassRecord {
    /// Class.
    pub class: u16,
    /// 0..=10000; starts at 5000.
    pub reputation: u16,
    /// Unix time of the last step, seconds; 0 before the first.
    pub stepped_at: u32,
    /// Whether the node declares the class now.
    pub declared: bool,
}

impl From<node::Node> for Node {
    fn from(node: node::Node) -> Self {
        let record = node.record;
        Self {
            account: node.account.0,
            account_id: node.account_id,
            status: record.status,
            stake: record.stake.into(),
            bonded: record.bonded.into(),
            unbonding: record.unbonding.into(),
            unbonding_until: record.unbonding_until,
            tickets: record.tickets,
            active_since: record.active_since,
            last_seen: record.last_seen,
            slots: record.slots,
            faults: record.faults,
            registered_at: record.registered_at,
            settled: record.settled,
            classes: record
                .classes
                .into_iter()
                .map(|class| ClassRecord {
                    class: class.class.0,
                    reputation: class.reputation,
                    stepped_at: class.stepped_at,
                    declared: class.declared,
                })
                .collect(),
            earned: node.earned.into_iter().map(Balance::from).collect(),
            slashed: node.slashed.into(),
            agreed_items: node.agreed_items,
            updated_seq: node.updated_seq,
        }
    }
}
