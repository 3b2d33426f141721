//! The clock of a round: when it takes claims, when it ends, and who left it.

use crate::{
    model::{
        draw::Draw,
        ids::AccountNo,
        terms::{JURY, Terms},
        view::{LotPhase, LotState, Slot, SlotPhase},
    },
    rules::{dispute::JURORS_MIN, storage::LEAVERS_MAX},
};

/// Slots that a node may hold at once while it is new.
pub const SLOTS_NEW: u16 = 2;
/// Slots that a node may hold at once later.
pub const SLOTS_HELD_MAX: u16 = 64;
/// Settled lots after which a node is not new any more.
pub const SETTLED_NEW: u32 = 10;
/// A round takes claims for this many times `claim_ttl_s` after its clock started.
const CLAIM_PERIODS: u32 = 3;

/// Slots that a node with so many settled lots may hold at once.
#[must_use]
pub const fn max_slots(settled: u32) -> u16 {
    if settled < SETTLED_NEW { SLOTS_NEW } else { SLOTS_HELD_MAX }
}

/// A release that breaks up a table costs this part of the abandon slash.
const RELEASE_PARTS: u128 = 10;

/// What giving a seat back costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing: nobody else is waiting for the seat, or the round ended without enough commits.
    Free,
    /// A tenth of the abandon slash: the rest of the table has to wait.
    Early,
    /// The whole abandon slash: the reservation has run out, so it is abandoned already.
    Late,
}

impl Release {
    /// Part of the slash for an abandoned reservation that is lost.
    #[must_use]
    pub const fn slash(self, abandon_slash: u128) -> u128 {
        match self {
            Self::Free => 0,
            Self::Early => abandon_slash / RELEASE_PARTS,
            Self::Late => abandon_slash,
        }
    }
}

/// Whether a batch takes no more claims: it is cancelled, or a new reservation would outlive it.
#[must_use]
pub const fn batch_closed_to_claims(terms: &Terms, cancelled: bool, now_s: u32) -> bool {
    cancelled || now_s.saturating_add(terms.claim_ttl_s) > terms.expires_at
}

/// Whether a round takes no more claims because of its batch. A jury does: neither requester nor expiry ends it.
#[must_use]
pub const fn closed_to_claims(terms: &Terms, cancelled: bool, round: u8, now_s: u32) -> bool {
    round != JURY && batch_closed_to_claims(terms, cancelled, now_s)
}

/// Commits that let a round turn to reveals when it ends: two, or one where the terms start with a single copy; three
/// of a jury.
#[must_use]
pub const fn commits_needed(terms: &Terms, round: u8) -> usize {
    match round {
        0 if terms.start == 1 => 1,
        JURY => JURORS_MIN,
        _ => 2,
    }
}

impl Slot {
    /// Whether the slot is a reservation that still has time.
    #[must_use]
    pub const fn is_live_reservation(&self, now_s: u32) -> bool {
        matches!(self.phase, SlotPhase::Reserved(until) if now_s <= until)
    }

    /// Whether the slot is a reservation that ran out.
    #[must_use]
    pub const fn is_expired(&self, now_s: u32) -> bool {
        matches!(self.phase, SlotPhase::Reserved(until) if now_s > until)
    }
}

impl LotState {
    /// Slots of the current round.
    pub fn current(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.round == self.round)
    }

    /// Place of the node's slot of the current round.
    #[must_use]
    pub fn slot_of(&self, node: AccountNo) -> Option<usize> {
        self.slots.iter().position(|slot| slot.node == node && slot.round == self.round)
    }

    /// Slots of the current round that committed, revealed ones included.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.current().filter(|slot| !matches!(slot.phase, SlotPhase::Reserved(_))).count()
    }

    /// Whether every slot of the current round has revealed.
    #[must_use]
    pub fn all_revealed(&self) -> bool {
        self.current().all(|slot| matches!(slot.phase, SlotPhase::Revealed(_)))
    }

    /// Whether the round's time for claims is over. A clock that has not started has all its time.
    #[must_use]
    pub const fn clock_over(&self, terms: &Terms, now_s: u32) -> bool {
        let end = self.clock_at.saturating_add(terms.claim_ttl_s.saturating_mul(CLAIM_PERIODS));
        self.clock_at != 0 && now_s >= end
    }

    /// Whether the working round has ended: it takes no claims and no reservation has time left.
    #[must_use]
    pub fn round_over(&self, terms: &Terms, cancelled: bool, now_s: u32) -> bool {
        let closed = closed_to_claims(terms, cancelled, self.round, now_s) || self.clock_over(terms, now_s);
        closed && !self.current().any(|slot| slot.is_live_reservation(now_s))
    }

    /// Begins a round after the first, now: its draw is open, and its clock runs.
    pub const fn begin_round(&mut self, round: u8, now_s: u32) {
        self.phase = LotPhase::Working;
        self.round = round;
        self.draw = Draw::Opened(now_s);
        self.clock_at = now_s;
        (self.phase_at, self.phase_height) = (0, 0);
    }

    /// Adds a slot; a claim on a lot whose clock has not started or is over starts it.
    pub fn claim(&mut self, terms: &Terms, node: AccountNo, now_s: u32) {
        if self.round == 0 && (self.clock_at == 0 || self.clock_over(terms, now_s)) {
            self.clock_at = now_s;
        }
        self.slots.push(Slot {
            node,
            round: self.round,
            phase: SlotPhase::Reserved(now_s.saturating_add(terms.claim_ttl_s)),
        });
    }

    /// What it costs to give this slot of the current round back now; `None` if it cannot be given back.
    #[must_use]
    pub fn release_of(&self, slot: &Slot, terms: &Terms, cancelled: bool, now_s: u32) -> Option<Release> {
        match slot.phase {
            _ if self.phase != LotPhase::Working => None,
            SlotPhase::Reserved(_) if slot.is_expired(now_s) => Some(Release::Late),
            SlotPhase::Reserved(_) if self.current().count() == 1 => Some(Release::Free),
            SlotPhase::Reserved(_) => Some(Release::Early),
            // A round that ended with too few commits stays open; whoever committed need not wait for others.
            SlotPhase::Committed(_)
                if self.round == 0
                    && self.commits() < commits_needed(terms, 0)
                    && self.round_over(terms, cancelled, now_s) =>
            {
                Some(Release::Free)
            }
            SlotPhase::Committed(_) | SlotPhase::Revealed(_) => None,
        }
    }

    /// Takes the node's slot of the current round out and remembers that it left.
    pub fn leave(&mut self, node: AccountNo) {
        self.slots.retain(|slot| slot.node != node || slot.round != self.round);
        if self.leavers.len() >= LEAVERS_MAX {
            self.leavers.remove(0);
        }
        self.leavers.push(node);
    }
}
