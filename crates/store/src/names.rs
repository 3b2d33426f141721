//! Names of the wire format's enums in columns. Those that the views know are their JSON names.

use piecework_interface::view::{BatchStatus, LotPhase, NodeStatus};
use piecework_replay::{MovementKind, SlotEnd};

use crate::change::RowStatus;

/// `nodes.status`.
pub(crate) const fn node_status(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Active => "active",
        NodeStatus::Paused => "paused",
        NodeStatus::Silent => "silent",
    }
}

/// `batches.status`.
pub(crate) const fn batch_status(status: RowStatus) -> &'static str {
    match status {
        RowStatus::Kept(BatchStatus::Open) => "open",
        RowStatus::Kept(BatchStatus::Cancelled) => "cancelled",
        RowStatus::Kept(BatchStatus::Closed) => "closed",
        RowStatus::Forgotten => "forgotten",
    }
}

/// `lots.phase` of a lot that is not settled.
pub(crate) const fn lot_phase(phase: LotPhase) -> &'static str {
    match phase {
        LotPhase::Working => "working",
        LotPhase::Revealing => "revealing",
        LotPhase::Provisional => "provisional",
        LotPhase::Judging => "judging",
    }
}

/// `lots.phase` of a settled lot.
pub(crate) const SETTLED: &str = "settled";

/// `slots.outcome`.
pub(crate) const fn slot_end(end: SlotEnd) -> &'static str {
    match end {
        SlotEnd::Settled => "settled",
        SlotEnd::Released => "released",
        SlotEnd::Abandoned => "abandoned",
        SlotEnd::Freed => "freed",
    }
}

/// `ledger.kind`.
pub(crate) const fn movement_kind(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Deposit => "deposit",
        MovementKind::Withdraw => "withdraw",
        MovementKind::Restore => "restore",
        MovementKind::Escrow => "escrow",
        MovementKind::Pay => "pay",
        MovementKind::Refund => "refund",
        MovementKind::Revenue => "revenue",
        MovementKind::Transfer => "transfer",
        MovementKind::Bond => "bond",
        MovementKind::JurorFee => "juror_fee",
    }
}
