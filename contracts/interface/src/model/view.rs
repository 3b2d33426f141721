//! What the contract's views answer, and what a mirror keeps: the same types, so that they can be compared.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    codec::Element, fields, json::Text, json::Write, json::push_hex, json::write_all, json_row, variants, words,
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::model::schema::{self, Hex32};
use crate::model::{
    amount::Amount,
    case::Case,
    config::Fixed,
    draw::Draw,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::IntentKey,
    terms::Terms,
};

/// The root record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Root {
    /// Journal lines written so far; the next line carries this number.
    pub seq: u64,
    /// `sha256(head ‖ log line)` over all lines.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub head: [u8; 32],
    /// Number of the next class.
    pub next_class: u16,
    /// Number of the next account.
    pub next_account: u32,
    /// Number of the next batch.
    pub next_batch: u32,
    /// Slashed NEAR and deposits of classes, which stay in the contract for ever, yoctoNEAR.
    pub burnt: Amount,
}

fields!(Root as [write] { seq, head(hex), next_class, next_account, next_batch, burnt });

/// A listed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = TokenRecord))]
pub struct Token {
    /// Number.
    pub token: TokenId,
    /// NEP-141 account; empty for NEAR.
    pub account_id: String,
    /// Least reward per item.
    pub min_reward: Amount,
    /// Fee of one lot that earns a full step of reputation.
    pub rep_unit: Amount,
    /// yoctoNEAR of bond per 2^32 units.
    pub bond_rate: Amount,
    /// Fees and withheld pay that wait for the treasury.
    pub pool: Amount,
    /// Withdrawals whose transfer has not answered yet.
    pub in_flight: Amount,
}

fields!(Token as [write] { token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight });

/// An internal balance that is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Balance {
    /// Token.
    pub token: TokenId,
    /// Amount.
    pub amount: Amount,
}

fields!(Balance as [write] { token, amount });

/// A registered account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    /// Number.
    pub account: AccountNo,
    /// Storage deposit, yoctoNEAR.
    pub storage_paid: Amount,
    /// Bytes charged to the account, reservations for its live lots included.
    pub storage_used: u32,
    /// Withdrawals whose transfer has not answered yet.
    pub in_flight: u8,
    /// Balances that are not zero, by token.
    pub balances: Vec<Balance>,
    /// The account's node, if it ever registered one.
    pub node: Option<Node>,
    /// Its keys for signed intents, in order of their coming. An implicit account's own key is among them once it was
    /// used, limited or removed.
    #[serde(default)]
    pub keys: Vec<IntentKey>,
    /// Where `withdraw_payout` sends its balances: the only account that its machines' keys can pay.
    #[serde(default)]
    pub payout: Option<String>,
}

fields!(Account as [write] { account, storage_paid, storage_used, in_flight, balances, node, keys, payout });

/// Whether a node takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum NodeStatus {
    /// Heard from lately.
    #[default]
    Active,
    /// Paused by its owner; returns by `node_resume`.
    Paused,
    /// Silent for too long; returns by its next heartbeat.
    Silent,
}

json_row!(NodeStatus);

variants!(NodeStatus { 0 = Active, 1 = Paused, 2 = Silent } else Self::Active);
words!(NodeStatus { Active = "active", Paused = "paused", Silent = "silent" });

/// A class: a kind of work that nodes declare.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Class))]
pub struct Class {
    /// Number.
    pub class: ClassId,
    /// Who registered it, and admits nodes to it if it is gated.
    pub owner: AccountNo,
    /// Its name, 1 to 32 bytes.
    pub name: String,
    /// SHA-256 of the schema that briefs of such work follow; zeros without one.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub schema: [u8; 32],
    /// Whether only nodes that its owner admitted may work in it, for ever.
    pub gated: bool,
    /// Active nodes with a ticket that declared it and are admitted.
    pub nodes: u32,
    /// Their tickets.
    pub tickets: u32,
}

fields!(Class as [borsh write] { class, owner, name, schema(hex), gated, nodes, tickets });

/// Reputation of a node in a class it declared.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClassRecord {
    /// Class.
    pub class: ClassId,
    /// 0..=10000; starts at 5000.
    pub reputation: u16,
    /// Unix time of the last step, seconds; 0 before the first.
    pub stepped_at: u32,
    /// Whether the node declares the class now; the record stays when it no longer does.
    pub declared: bool,
    /// Whether it may work in the class: the class is open, or its owner admitted the node.
    pub admitted: bool,
    /// Unix time from which it has declared the class and been admitted, seconds.
    pub since: u32,
    /// Unix time at which the class's owner removed it, seconds; 0 if it did not, or admitted it again.
    pub removed_at: u32,
}

fields!(ClassRecord as [borsh write] { class, reputation, stepped_at, declared, admitted, since, removed_at });
impl Element for ClassRecord {}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NodeRecord))]
pub struct Node {
    /// Stake in yoctoNEAR, the bonded part included.
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
    /// Unix time of the last rise of tickets, seconds.
    pub risen_at: u32,
    /// Unix time of the last heartbeat or work call, seconds; behind it by less than ten.
    pub last_seen: u32,
    /// Seats reserved in all rounds and not committed yet, at most 64.
    pub reservations: u16,
    /// Unix time of the first registration, seconds.
    pub registered_at: u32,
    /// Lots settled in which it revealed.
    pub settled: u32,
    /// `active`, `paused` by its owner, or `silent` for too long.
    pub status: NodeStatus,
    /// Classes, by number.
    pub classes: Vec<ClassRecord>,
    /// The account that it named as its operator, and which may not have accepted yet.
    pub asked: Option<AccountNo>,
    /// Its operator, who named it too: nodes of one operator take one seat of a lot. `None`: its own account.
    pub operator: Option<AccountNo>,
}

fields!(Node as [borsh write] {
    stake, bonded, unbonding, unbonding_until, tickets, active_since, risen_at, last_seen, reservations, registered_at,
    settled, status, classes, asked, operator,
});

/// Life of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BatchStatus {
    /// Takes claims until it expires.
    #[default]
    Open,
    /// Cancelled by the requester; live lots run to their end.
    Cancelled,
    /// Everything is settled; only the result root is kept.
    Closed,
}

words!(BatchStatus { Open = "open", Cancelled = "cancelled", Closed = "closed" });

/// A batch. A closed batch keeps number, status, `settled` and `results_root`; the contract answers the rest empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Batch {
    /// Number.
    pub batch: BatchId,
    /// Status.
    pub status: BatchStatus,
    /// Lots settled, closed lots included: leaves of the results' Merkle mountain range.
    pub settled: u32,
    /// Bagged root over the leaves, [`crate::rules::merkle::bag`].
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub results_root: [u8; 32],
    /// Whom a poke tells that the batch is closed; `None` once it was told, or if nobody is.
    #[serde(default)]
    pub callback: Option<Callback>,
    /// What a batch has while it is not closed.
    pub open: Option<OpenBatch>,
}

fields!(Batch as [write] { batch, status, settled, results_root(hex), callback, open });

/// A contract that wants to know when a batch is closed: a poke on the batch sends it one call of
/// `on_piecework_results {"batch", "requester", "settled", "results_root"}`. How that ends changes nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Callback {
    /// The contract.
    pub account_id: String,
    /// Gas of the call in TGas, 5..=100; whoever pokes attaches it.
    pub tgas: u8,
}

fields!(Callback as [borsh write read row] { account_id, tgas });

/// Who brought a batch: a part of the fee on its slots' pay is theirs, as far as the account has room for the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Referrer {
    /// A registered account.
    pub account: AccountNo,
    /// Its part of the fee, in percent, at most 50.
    pub part_pct: u8,
}

fields!(Referrer as [borsh write read row] { account, part_pct });

/// The part of a batch that exists until it closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = BatchRecord))]
pub struct OpenBatch {
    /// Who pays.
    pub requester: AccountNo,
    /// Its operator at the creation, itself without one: nobody of the same takes a seat.
    pub requester_operator: AccountNo,
    /// Reward token.
    pub token: TokenId,
    /// Terms.
    pub terms: Terms,
    /// What was copied from the configuration.
    pub fixed: Fixed,
    /// Items.
    pub items: u32,
    /// Merkle root over the payload digests of the items that it was created with: `merkle::root`.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub manifest: [u8; 32],
    /// Unix time of creation, seconds.
    pub created_at: u32,
    /// Whether its requester may append lots: then it closes only once it is cancelled or expired.
    pub appendable: bool,
    /// Whether its row goes when it closes.
    pub forget_on_close: bool,
    /// Who has a part of its fees, if it named somebody.
    pub referrer: Option<Referrer>,
    /// Digest of what was appended, [`crate::rules::segments::appended`]; zeros before. `manifest` is the first segment's.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub appended: [u8; 32],
    /// Where the batch stands.
    pub progress: Progress,
    /// What the batch still holds, in units of the token: the escrow of unsettled lots, deposits of challenges, the
    /// adjudicator's bond, `progress.fees`, `progress.referral` and `progress.freed`.
    pub escrow: Amount,
}

fields!(OpenBatch as [write] {
    requester, requester_operator, token, terms, fixed, items, manifest(hex), created_at, appendable, forget_on_close,
    referrer, appended(hex), progress, escrow,
});

/// Groups of 32 lots inside the window of a batch.
pub const WINDOW_GROUPS: usize = 8;
/// Lots per group.
pub const GROUP_LOTS: u32 = 32;

/// Where a batch stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Its moving window.
    #[serde(flatten)]
    pub window: Window,
    /// Lots that have a record.
    pub live: u32,
    /// Lots whose bytes are charged to the requester: as many as ever had a record at once. Freed when the batch closes.
    pub reserved: u32,
    /// The treasury's fees and withheld pay of settled lots, not yet with the token: part of the escrow until then.
    pub fees: Amount,
    /// The referrer's part of fees, not yet paid: part of the escrow until then.
    pub referral: Amount,
    /// What settled lots left of their escrow, not yet returned: part of the escrow until then.
    pub freed: Amount,
    /// What is left of the adjudicator's bond, in units of the token: part of the escrow.
    pub bond: Amount,
    /// Whether the adjudicator stands behind the batch: it accepted and has not resigned. False in a consensus batch.
    pub accepted: bool,
    /// The adjudicator's operator when it first accepted, itself without one; `None` before.
    pub adjudicator_operator: Option<AccountNo>,
}

/// The moving window of a batch: its size does not grow with the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Window {
    /// First group with an unmarked lot.
    pub frontier: u32,
    /// Marks of the lots of groups `frontier..frontier + 8`: closed, or, while the frontier is not at the last group,
    /// first round over or passed. Bit i of entry g is lot `32 (frontier + g) + i`.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<u32>))]
    pub marks: [u32; WINDOW_GROUPS],
    /// Draws of those groups.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Draw>))]
    pub draws: [Draw; WINDOW_GROUPS],
}

fields!(Window as [borsh] { frontier, marks, draws });

/// Phase of a lot that has a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LotPhase {
    /// Seats are claimed and committed.
    #[default]
    Working,
    /// Answers are shown.
    Revealing,
    /// Tallied; settles when the challenge window has passed.
    Provisional,
    /// Answers are shown; the adjudicator's time runs.
    Judging,
}

variants!(LotPhase { 0 = Working, 1 = Revealing, 2 = Provisional, 3 = Judging } else Self::Working);
words!(LotPhase { Working = "working", Revealing = "revealing", Provisional = "provisional", Judging = "judging" });

/// A lot that somebody holds or held. Lots nobody claimed yet and settled lots have no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lot {
    /// Batch.
    pub batch: BatchId,
    /// Number in the batch.
    pub lot: LotId,
    /// The record.
    #[serde(flatten)]
    pub state: LotState,
}

/// The record of a lot.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LotState {
    /// Phase.
    pub phase: LotPhase,
    /// Current round: 0, 1 for the extension, 2 for a jury.
    pub round: u8,
    /// Unix time of the first claim, seconds.
    pub begun_at: u32,
    /// Reward R of the lot, its batch's at the first claim: no later raise reaches it.
    pub reward: Amount,
    /// Whether its result may be appealed, as its group's seed said.
    pub appeal: bool,
    /// Unix time at which the round's clock started, seconds.
    pub clock_at: u32,
    /// Unix time at which the phase after Working began, seconds; 0 before.
    pub phase_at: u32,
    /// Height at which it began.
    pub phase_height: u32,
    /// Operators of the last sixteen nodes that left the lot.
    pub leavers: Vec<AccountNo>,
    /// The extension's open items, bit i for item i of the lot; 0 if there is none.
    pub open_items: u64,
    /// The draw of the current round; of round 0 the seed of the first claim, which its group may have left behind.
    pub draw: Draw,
    /// Slots of all rounds, in order of their claims.
    pub slots: Vec<Slot>,
    /// What challenges, a jury or an adjudicator added.
    #[serde(default)]
    pub case: Option<Box<Case>>,
}

fields!(LotState as [borsh] {
    phase, round, begun_at, reward, appeal, clock_at, phase_at, phase_height, leavers, open_items, draw, slots, case,
});

/// One copy of a round, held by a node.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Slot {
    /// Node.
    pub node: AccountNo,
    /// Its operator at the claim, itself without one.
    pub operator: AccountNo,
    /// Round.
    pub round: u8,
    /// Phase.
    #[cfg_attr(feature = "schema", schema(value_type = schema::SlotPhase))]
    pub phase: SlotPhase,
}

impl Slot {
    /// What it revealed: judged items × width bytes; `None` before.
    #[must_use]
    pub fn revealed(&self) -> Option<&[u8]> {
        if let SlotPhase::Revealed(answers) = &self.phase { Some(answers) } else { None }
    }
}

fields!(Slot as [borsh write] { node, operator, round, phase });
impl Element for Slot {}

/// Phase of a slot.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotPhase {
    /// Claimed; holds until this Unix time, seconds.
    Reserved(u32),
    /// Bound to a commitment.
    Committed(#[serde(with = "hex::serde")] [u8; 32]),
    /// Answers shown: judged items × width bytes.
    Revealed(#[serde(with = "hex::serde")] Vec<u8>),
}

variants!(SlotPhase { 0 = Reserved(until), 1 = Committed(commitment), 2 = Revealed(answers) } else Self::Reserved(0));

impl Write for SlotPhase {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Reserved(until) => {
                out.push_str("{\"reserved\":");
                Write::write(until, out);
            }
            Self::Committed(commitment) => {
                out.push_str("{\"committed\":");
                push_hex(commitment, out);
            }
            Self::Revealed(answers) => {
                out.push_str("{\"revealed\":");
                push_hex(answers, out);
            }
        }
        out.push(b'}');
    }
}

/// The window's fields stand beside the others.
impl Write for Progress {
    fn write(&self, out: &mut Text) {
        let Self {
            window: Window { frontier, marks, draws },
            live,
            reserved,
            fees,
            referral,
            freed,
            bond,
            accepted,
            adjudicator_operator,
        } = self;
        write_all(
            &[
                ("{\"frontier\":", frontier),
                (",\"marks\":", marks),
                (",\"draws\":", draws),
                (",\"live\":", live),
                (",\"reserved\":", reserved),
                (",\"fees\":", fees),
                (",\"referral\":", referral),
                (",\"freed\":", freed),
                (",\"bond\":", bond),
                (",\"accepted\":", accepted),
                (",\"adjudicator_operator\":", adjudicator_operator),
            ],
            out,
        );
    }
}

/// The record's fields stand beside batch and lot.
impl Write for Lot {
    fn write(&self, out: &mut Text) {
        let Self { batch, lot, state } = self;
        let LotState {
            phase,
            round,
            begun_at,
            reward,
            appeal,
            clock_at,
            phase_at,
            phase_height,
            leavers,
            open_items,
            draw,
            slots,
            case,
        } = state;
        write_all(
            &[
                ("{\"batch\":", batch),
                (",\"lot\":", lot),
                (",\"phase\":", phase),
                (",\"round\":", round),
                (",\"begun_at\":", begun_at),
                (",\"reward\":", reward),
                (",\"appeal\":", appeal),
                (",\"clock_at\":", clock_at),
                (",\"phase_at\":", phase_at),
                (",\"phase_height\":", phase_height),
                (",\"leavers\":", leavers),
                (",\"open_items\":", open_items),
                (",\"draw\":", draw),
                (",\"slots\":", slots),
                (",\"case\":", case),
            ],
            out,
        );
    }
}
