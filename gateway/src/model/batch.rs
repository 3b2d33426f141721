//! Batches.

use piecework_interface::{config, terms, view};
use piecework_store::read::batch::{self, BatchState};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Amount, Draw};

/// A batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Batch {
    /// Number.
    #[schema(example = 0)]
    pub batch: u32,
    /// `open`, `cancelled`, `closed` or `forgotten` (closed, and the contract dropped its result root).
    #[schema(value_type = String, example = "open")]
    pub status: BatchState,
    /// Account number of who pays.
    pub requester: u32,
    /// Their account id.
    pub requester_id: String,
    /// Number of the reward token; 0 is NEAR.
    pub token: u16,
    /// Items.
    pub items: u32,
    /// Lots.
    pub lots: u32,
    /// Merkle root over the items' payload digests, hex.
    pub manifest: String,
    /// Root of the tree of known answers, hex; zeros without gold.
    pub gold_root: String,
    /// The contract that a poke tells of the batch's end; absent once it was told.
    pub callback: Option<Callback>,
    /// Where the manifest is: `blob:<sha256>` or a URL.
    pub uri: String,
    /// Terms, fixed at creation.
    pub terms: Terms,
    /// What was copied from the configuration at creation.
    pub fixed: Fixed,
    /// The moving window over the batch.
    pub progress: Progress,
    /// Escrow left, fee included, in units of the token.
    pub escrow: Amount,
    /// Lots settled, closed lots included.
    pub settled: u32,
    /// Root over the results, hex.
    pub results_root: String,
    /// Lots by phase and items by result.
    pub counts: Counts,
    /// Unix time of creation, seconds.
    pub created_at: u32,
    /// Unix time at which it closed, seconds.
    pub ended_at: Option<u32>,
    /// Journal line that created it.
    pub created_seq: u64,
    /// Last journal line that changed it or one of its lots.
    pub updated_seq: u64,
}

/// Lots by phase and items by result.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Counts {
    /// Lots nobody claimed yet; in a closed batch, lots that never will be.
    pub open_lots: u32,
    /// Lots in which seats are claimed and committed.
    pub working_lots: u32,
    /// Lots whose answers are being shown.
    pub revealing_lots: u32,
    /// Lots tallied and not yet settled.
    pub provisional_lots: u32,
    /// Lots that wait for the adjudicator.
    pub judging_lots: u32,
    /// Lots settled, or closed without a result.
    pub settled_lots: u32,
    /// Lots that went, or go, through an extension round.
    pub extended_lots: u32,
    /// Items of settled lots.
    pub settled_items: u32,
    /// Items with an accepted answer.
    pub accepted_items: u32,
    /// Items of settled lots without one.
    pub unresolved_items: u32,
}

/// Terms of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Terms {
    /// Class of the work.
    pub class: u16,
    /// Reward per item and agreeing copy, in units of the token.
    pub reward: Amount,
    /// Items per lot, 1..=64.
    pub lot_size: u8,
    /// Bytes per answer.
    pub answer_width: u8,
    /// Copies of the first round.
    pub start: u8,
    /// Copies at most.
    pub max: u8,
    /// Equal answers needed, percent of the slots that committed in the deciding round.
    pub quorum_pct: u8,
    /// Seconds from a claim to the end of its reservation.
    pub claim_ttl_s: u32,
    /// Seconds for reveals.
    pub reveal_window_s: u32,
    /// Seconds a result stays provisional.
    pub challenge_window_s: u32,
    /// Seconds per slice of the sortition.
    pub slice_s: u32,
    /// Bond in percent of bond_rate × items × reward.
    pub bond_pct: u16,
    /// Part of the bond lost when every judged item is missed, percent.
    pub dissent_slash_pct: u8,
    /// Part of the bond lost by a first abandoned reservation, percent.
    pub abandon_slash_pct: u8,
    /// Reputation that a claim needs, 0..=10000.
    pub min_reputation: u16,
    /// Unix time after which nothing new is claimed, seconds.
    pub expires_at: u32,
    /// How answers are judged.
    pub verification: Verification,
    /// Part of the bond lost when every judged item was gold and missed, percent; 0 without gold.
    pub gold_slash_pct: u8,
}

/// How answers are judged.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Equal answers are counted.
    Consensus,
    /// Somebody named by the requester scores each copy.
    Adjudicated {
        /// Account number of the adjudicator.
        adjudicator: u32,
        /// Seconds from the end of the reveals to its verdict.
        verdict_ttl_s: u32,
    },
}

/// A contract to tell that a batch is closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Callback {
    /// The contract.
    pub account_id: String,
    /// Gas of the call, TGas.
    pub tgas: u8,
}

/// What a batch copied from the configuration and its token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fixed {
    /// Fee on rewards paid, basis points.
    pub fee_bps: u16,
    /// yoctoNEAR of bond per 2^32 units of reward.
    pub bond_rate: Amount,
    /// Fee of one lot that earns a full step of reputation, in units of the token.
    pub rep_unit: Amount,
    /// Least seconds between two steps of reputation.
    pub reputation_interval_s: u32,
    /// Seconds of grace after a reveal window.
    pub grace_s: u32,
    /// Least seconds from a node's first registration to its first jury.
    pub juror_age_s: u32,
    /// Reputation in the class that a jury asks for, 0..=10000.
    pub juror_reputation: u16,
}

/// The moving window of a batch: groups of 32 lots from the first group with an unmarked lot on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Progress {
    /// First group with an unmarked lot.
    pub frontier: u32,
    /// Marks of the lots of eight groups: closed, or first round fully committed while groups wait behind the first.
    pub marks: Vec<u32>,
    /// Draws of these groups.
    pub draws: Vec<Draw>,
    /// Lots that have a record in the contract.
    pub live: u32,
    /// Lots whose bytes are charged to the requester until the batch closes.
    pub reserved: u32,
    /// Fees of settled lots, not yet in the token's pool, in units of the token: part of the escrow.
    pub fees: Amount,
    /// What settled lots left, not yet returned to the requester, in units of the token: part of the escrow.
    pub freed: Amount,
    /// Gold items opened.
    pub gold_opened: u32,
    /// Those whose answer neither a slot nor a jury shared: above 1 and a twentieth of all, gold slashes no more.
    pub gold_void: u32,
    /// What is left of the adjudicator's bond, yoctoNEAR; absent until it accepted.
    pub adjudicator_bond: Option<Amount>,
}

impl From<batch::Batch> for Batch {
    fn from(batch: batch::Batch) -> Self {
        let counts = batch.counts;
        let touched = counts.working + counts.revealing + counts.provisional + counts.judging;
        Self {
            counts: Counts {
                open_lots: batch.lots.saturating_sub(touched).saturating_sub(batch.settled),
                working_lots: counts.working,
                revealing_lots: counts.revealing,
                provisional_lots: counts.provisional,
                judging_lots: counts.judging,
                settled_lots: batch.settled,
                extended_lots: counts.extended,
                settled_items: counts.settled_items,
                accepted_items: counts.accepted_items,
                unresolved_items: counts.settled_items.saturating_sub(counts.accepted_items),
            },
            batch: batch.batch.0,
            status: batch.state,
            requester: batch.requester.0,
            requester_id: batch.requester_id,
            token: batch.token.0,
            items: batch.items,
            lots: batch.lots,
            manifest: hex::encode(batch.manifest),
            gold_root: hex::encode(batch.gold_root),
            callback: batch.callback.map(Callback::from),
            uri: batch.uri,
            terms: batch.terms.into(),
            fixed: batch.fixed.into(),
            progress: batch.progress.into(),
            escrow: batch.escrow.into(),
            settled: batch.settled,
            results_root: hex::encode(batch.results_root),
            created_at: batch.created_at,
            ended_at: batch.ended_at,
            created_seq: batch.created_seq,
            updated_seq: batch.updated_seq,
        }
    }
}

impl From<terms::Terms> for Terms {
    fn from(terms: terms::Terms) -> Self {
        Self {
            class: terms.class.0,
            reward: terms.reward.into(),
            lot_size: terms.lot_size,
            answer_width: terms.answer_width,
            start: terms.start,
            max: terms.max,
            quorum_pct: terms.quorum_pct,
            claim_ttl_s: terms.claim_ttl_s,
            reveal_window_s: terms.reveal_window_s,
            challenge_window_s: terms.challenge_window_s,
            slice_s: terms.slice_s,
            bond_pct: terms.bond_pct,
            dissent_slash_pct: terms.dissent_slash_pct,
            abandon_slash_pct: terms.abandon_slash_pct,
            min_reputation: terms.min_reputation,
            expires_at: terms.expires_at,
            verification: terms.verification.into(),
            gold_slash_pct: terms.gold_slash_pct,
        }
    }
}

impl From<terms::Verification> for Verification {
    fn from(verification: terms::Verification) -> Self {
        match verification {
            terms::Verification::Consensus => Self::Consensus,
            terms::Verification::Adjudicated { adjudicator, verdict_ttl_s } => {
                Self::Adjudicated { adjudicator: adjudicator.0, verdict_ttl_s }
            }
        }
    }
}

impl From<view::Callback> for Callback {
    fn from(callback: view::Callback) -> Self {
        Self { account_id: callback.account_id, tgas: callback.tgas }
    }
}

impl From<config::Fixed> for Fixed {
    fn from(fixed: config::Fixed) -> Self {
        Self {
            fee_bps: fixed.fee_bps,
            bond_rate: fixed.bond_rate.into(),
            rep_unit: fixed.rep_unit.into(),
            reputation_interval_s: fixed.reputation_interval_s,
            grace_s: fixed.grace_s,
            juror_age_s: fixed.juror_age_s,
            juror_reputation: fixed.juror_reputation,
        }
    }
}

impl From<view::Progress> for Progress {
    fn from(progress: view::Progress) -> Self {
        Self {
            frontier: progress.window.frontier,
            marks: progress.window.marks.to_vec(),
            draws: progress.window.draws.into_iter().map(Draw::from).collect(),
            live: progress.live,
            reserved: progress.reserved,
            fees: progress.fees.into(),
            freed: progress.freed.into(),
            gold_opened: progress.gold_opened,
            gold_void: progress.gold_void,
            adjudicator_bond: progress.adjudicator_bond.map(Amount::from),
        }
    }
}
