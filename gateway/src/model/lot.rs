//! Lots and their slots.

use piecework_interface::draw;
use piecework_store::read::{
    lot::{self, LotState},
    slot::{self, SlotOutcome, SlotPhase},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Amount, Case, item_set};

/// A lot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Lot {
    /// Batch.
    pub batch: u32,
    /// Number in the batch.
    pub lot: u32,
    /// `open` (nobody claimed it yet), `working`, `revealing`, `judging` (the adjudicator's time runs),
    /// `provisional` or `settled`.
    #[schema(value_type = String, example = "working")]
    pub state: LotState,
    /// First item of the lot in the batch.
    pub first_item: u32,
    /// Items of the lot.
    pub items: u8,
    /// 0, 1 for the extension, 2 for a jury; of a settled lot the last one.
    pub round: u8,
    /// Unix time at which the round's clock started, seconds; 0 while it waits for a claim.
    pub clock_at: u32,
    /// Unix time at which the phase after working began, seconds; 0 before.
    pub phase_at: u32,
    /// Account numbers of nodes that left the lot, the last eight.
    pub leavers: Vec<u32>,
    /// Item set: the extension's open items; empty in round 0.
    pub open_items: String,
    /// The draw of the extension or the jury.
    pub draw: Draw,
    /// What gold, challenges, a jury or an adjudicator added.
    pub case: Option<Case>,
    /// Live slots that are reserved.
    pub reserved: u32,
    /// Live slots that are committed.
    pub committed: u32,
    /// Live slots that are revealed.
    pub revealed: u32,
    /// Settlement, once settled.
    pub settlement: Option<Settlement>,
    /// Last journal line that changed it; absent while it is open.
    pub updated_seq: Option<u64>,
}

/// A lot with its slots, past ones included.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LotWithSlots {
    /// The lot.
    #[serde(flatten)]
    pub lot: Lot,
    /// Live slots first, each in order of their claims; at most 200.
    pub slots: Vec<Slot>,
}

/// What a lot settled to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settlement {
    /// Settlement number in the batch.
    pub n: u32,
    /// Item set: accepted items.
    pub accepted: String,
    /// How many these are.
    pub accepted_items: u32,
    /// Unix time, seconds.
    pub settled_at: u32,
}

/// A slot: one copy of a lot's round, held by one node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Slot {
    /// Batch.
    pub batch: u32,
    /// Lot.
    pub lot: u32,
    /// Journal line of the claim.
    pub claimed_seq: u64,
    /// Account number of the node.
    pub node: u32,
    /// Its account id.
    pub node_id: String,
    /// Round.
    pub round: u8,
    /// `reserved`, `committed` or `revealed`; of a past slot its last.
    #[schema(value_type = String, example = "committed")]
    pub phase: SlotPhase,
    /// Unix time until which the reservation holds or held, seconds.
    pub reserved_until: u32,
    /// Commitment, hex.
    pub commitment: Option<String>,
    /// Answers shown, hex: judged items × width bytes.
    pub answers: Option<String>,
    /// Unix time of the claim, seconds.
    pub claimed_at: u32,
    /// Unix time of the commit, seconds.
    pub committed_at: Option<u32>,
    /// Unix time of the reveal, seconds.
    pub revealed_at: Option<u32>,
    /// Absent while it is live; then `settled`, `released`, `abandoned` or `freed`.
    #[schema(value_type = Option<String>, example = "settled")]
    pub outcome: Option<SlotOutcome>,
    /// Reward credited, in units of the batch's token.
    pub pay: Amount,
    /// Taken from the stake, yoctoNEAR.
    pub slash: Amount,
    /// Reputation in the class after the settlement, 0..=10000.
    pub reputation: Option<u16>,
    /// Item set: items whose accepted answer is the slot's.
    pub agreed: Option<String>,
    /// Unix time of its end, seconds.
    pub ended_at: Option<u32>,
}

/// A draw: `"closed"`, `{"opened": at}` or `{"seeded": {…}}`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Not opened.
    Closed,
    /// Opened at this Unix time, seconds.
    Opened(u32),
    /// The seed is captured.
    Seeded(Seed),
}

/// A captured seed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Seed {
    /// 16 bytes, hex.
    pub value: String,
    /// Unix time of the capture, seconds.
    pub at: u32,
    /// Height of the capture.
    pub height: u32,
    /// Active tickets at the capture.
    pub tickets: u32,
}

impl Lot {
    /// Makes a lot of `batch` whose items begin at `first_item`.
    #[must_use]
    pub fn new(batch: u32, first_item: u32, items: u8, lot: lot::Lot) -> Self {
        let [reserved, committed, revealed] = lot.slots;
        Self {
            batch,
            lot: lot.lot.0,
            state: lot.state,
            first_item,
            items,
            round: lot.round,
            clock_at: lot.clock_at,
            phase_at: lot.phase_at,
            leavers: lot.leavers.into_iter().map(|node| node.0).collect(),
            open_items: item_set(lot.open_items),
            draw: lot.draw.into(),
            case: lot.case.map(|case| (*case).into()),
            reserved,
            committed,
            revealed,
            settlement: lot.settlement.map(|settlement| Settlement {
                n: settlement.n,
                accepted: item_set(settlement.accepted),
                accepted_items: settlement.accepted.count_ones(),
                settled_at: settlement.settled_at,
            }),
            updated_seq: lot.updated_seq,
        }
    }
}

impl From<slot::Slot> for Slot {
    fn from(slot: slot::Slot) -> Self {
        Self {
            batch: slot.batch.0,
            lot: slot.lot.0,
            claimed_seq: slot.claimed_seq,
            node: slot.node.0,
            node_id: slot.node_id,
            round: slot.round,
            phase: slot.phase,
            reserved_until: slot.reserved_until,
            commitment: slot.commitment.map(hex::encode),
            answers: slot.answers.map(hex::encode),
            claimed_at: slot.claimed_at,
            committed_at: slot.committed_at,
            revealed_at: slot.revealed_at,
            outcome: slot.outcome,
            pay: slot.pay.into(),
            slash: slot.slash.into(),
            reputation: slot.reputation,
            agreed: slot.agreed.map(item_set),
            ended_at: slot.ended_at,
        }
    }
}

impl From<draw::Draw> for Draw {
    fn from(draw: draw::Draw) -> Self {
        match draw {
            draw::Draw::Closed => Self::Closed,
            draw::Draw::Opened(at) => Self::Opened(at),
            draw::Draw::Seeded(seed) => Self::Seeded(Seed {
                value: hex::encode(seed.value),
                at: seed.at,
                height: seed.height,
                tickets: seed.tickets,
            }),
        }
    }
}
