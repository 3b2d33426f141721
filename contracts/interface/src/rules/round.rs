//! The clock of a round: when it takes claims, when it ends, and who left it.

use crate::{
    model::{
        config::Fixed,
        draw::{Draw, Seed},
        ids::AccountNo,
        terms::{JURY, REWARD_LIMIT, Terms},
        view::{LotPhase, LotState, Slot, SlotPhase},
    },
    rules::{
        dispute::{JURORS_AGREEING, juror_loss},
        money,
        settlement::slot_bond,
        storage::LEAVERS_MAX,
    },
};

/// Seats that a node may hold reserved at once, in all rounds.
pub const RESERVATIONS_MAX: u16 = 64;
/// A round takes claims for so many reservations' time at least.
const CLAIM_PERIODS: u32 = 3;
/// And for so many slices at least, so that its draw always has time to let everybody in.
const CLAIM_SLICES: u32 = 20;
/// A jury's reservation lasts a day at most, whatever the terms say.
const JURY_CLAIM_TTL_MAX_S: u32 = 86_400;
/// A jury's slice lasts a minute at least.
const JURY_SLICE_MIN_S: u32 = 60;
/// Giving a seat back costs at least this part of what an abandoned reservation costs.
const RELEASE_PARTS: u32 = 10;

impl Terms {
    /// Seconds from a claim in this round to the end of its reservation.
    #[must_use]
    pub const fn reservation_s(&self, round: u8) -> u32 {
        if round == JURY && self.claim_ttl_s > JURY_CLAIM_TTL_MAX_S { JURY_CLAIM_TTL_MAX_S } else { self.claim_ttl_s }
    }

    /// Seconds of a slice of this round's sortition.
    #[must_use]
    pub const fn round_slice_s(&self, round: u8) -> u32 {
        if round == JURY && self.slice_s < JURY_SLICE_MIN_S { JURY_SLICE_MIN_S } else { self.slice_s }
    }

    /// Seconds for which this round takes claims: `max(3 × claim_ttl, 20 × slice)`.
    #[must_use]
    pub const fn clock_s(&self, round: u8) -> u32 {
        let (claims, slices) = (
            self.reservation_s(round).saturating_mul(CLAIM_PERIODS),
            self.round_slice_s(round).saturating_mul(CLAIM_SLICES),
        );
        if claims > slices { claims } else { slices }
    }
}

/// Whether a batch takes no more claims: it is cancelled, or a new reservation would outlive it.
#[must_use]
pub const fn batch_closed_to_claims(terms: &Terms, cancelled: bool, now_s: u32) -> bool {
    cancelled || now_s.saturating_add(terms.claim_ttl_s) > terms.expires_at
}

impl Terms {
    /// Whether the batch may expire at this later time: it takes claims, so that what was to come back still does; it has lived
    /// no longer than `lifetime_s` by then, so that what it copied does not hold for ever; and no adjudicator's bond waits for its end.
    #[must_use]
    pub fn may_expire_at(
        &self,
        expires_at: u32,
        cancelled: bool,
        (created_at, lifetime_s): (u32, u32),
        now_s: u32,
    ) -> bool {
        let is_later = expires_at > self.expires_at && expires_at <= created_at.saturating_add(lifetime_s);
        is_later && self.adjudicator().is_none() && !batch_closed_to_claims(self, cancelled, now_s)
    }
}

impl Terms {
    /// Whether the batch's reward may rise to this: it is an even number above what it is and below 2^80, and the batch takes
    /// claims.
    #[must_use]
    pub const fn may_be_raised_to(&self, reward: u128, cancelled: bool, now_s: u32) -> bool {
        let fits = reward > self.reward.0 && reward < REWARD_LIMIT && reward.is_multiple_of(2);
        fits && !batch_closed_to_claims(self, cancelled, now_s)
    }
}

/// Whether a round takes no more claims because of its batch. Only round 0 heeds that: neither requester nor expiry ends a
/// round that a tally opened.
#[must_use]
pub const fn closed_to_claims(terms: &Terms, cancelled: bool, round: u8, now_s: u32) -> bool {
    round == 0 && batch_closed_to_claims(terms, cancelled, now_s)
}

/// Commits that let a round turn to reveals when it ends: one; of a jury as many as must agree.
#[must_use]
pub const fn commits_needed(round: u8) -> usize {
    if round == JURY { JURORS_AGREEING as usize } else { 1 }
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
        self.clock_at != 0 && now_s >= self.clock_at.saturating_add(terms.clock_s(self.round))
    }

    /// Whether a claim starts the clock anew: it finds the clock of round 0 over while nobody has committed.
    #[must_use]
    pub fn restarts(&self, terms: &Terms, now_s: u32) -> bool {
        self.round == 0 && self.clock_over(terms, now_s) && self.commits() == 0
    }

    /// Begins a round after the first, now: its draw is open, and its clock runs.
    pub const fn begin_round(&mut self, round: u8, now_s: u32) {
        self.phase = LotPhase::Working;
        self.round = round;
        self.draw = Draw::Opened(now_s);
        self.clock_at = now_s;
        (self.phase_at, self.phase_height) = (0, 0);
    }

    /// Adds a slot. The first claim of a lot keeps the batch's reward and its seed, and starts its clock.
    pub fn claim(&mut self, terms: &Terms, (node, operator): (AccountNo, AccountNo), seed: &Seed, now_s: u32) {
        if self.begun_at == 0 {
            (self.begun_at, self.reward, self.appeal) = (now_s, terms.reward, seed.appeal);
            self.draw = Draw::Seeded(seed.clone());
        }
        if self.clock_at == 0 || self.restarts(terms, now_s) {
            self.clock_at = now_s;
        }
        let until = now_s.saturating_add(terms.reservation_s(self.round));
        self.slots.push(Slot { node, operator, round: self.round, phase: SlotPhase::Reserved(until) });
    }

    /// What it costs to give this slot of the current round back now, yoctoNEAR; `None` if it cannot be given back. It is
    /// the used part of its time, at least a tenth, of what an abandoned reservation costs.
    #[must_use]
    pub fn release_slash(&self, slot: &Slot, terms: &Terms, fixed: &Fixed, items: u8, now_s: u32) -> Option<u128> {
        let SlotPhase::Reserved(until) = slot.phase else { return None };
        if self.phase != LotPhase::Working {
            return None;
        }
        let all = terms.reservation_s(self.round);
        let used = all.saturating_sub(until.saturating_sub(now_s)).max(all.div_ceil(RELEASE_PARTS));
        Some(money::mul_div(self.abandon_slash(terms, fixed, items), u128::from(used), u128::from(all)))
    }

    /// What an abandoned reservation of the current round costs, yoctoNEAR: `abandon_slash` % of its bond; a juror f an item.
    #[must_use]
    pub fn abandon_slash(&self, terms: &Terms, fixed: &Fixed, items: u8) -> u128 {
        if self.round == JURY {
            return juror_loss(&self.terms(terms), fixed, items, self.judged_items(JURY, items));
        }
        let bond = slot_bond(terms, fixed, items, self, self.round);
        money::mul_div(bond, u128::from(terms.abandon_slash_pct), 100)
    }

    /// Takes the node's slot of the current round out and remembers whose it was.
    pub fn leave(&mut self, node: AccountNo) {
        let Some(index) = self.slot_of(node) else { return };
        let slot = self.slots.remove(index);
        self.note_leaver(node, slot.operator);
    }

    /// Remembers a node that left the lot, and its operator, so that neither comes back under another's name.
    pub fn note_leaver(&mut self, node: AccountNo, operator: AccountNo) {
        let of = Some(operator).filter(|operator| *operator != node);
        for account in core::iter::once(node).chain(of) {
            if self.leavers.len() >= LEAVERS_MAX {
                self.leavers.remove(0);
            }
            self.leavers.push(account);
        }
    }
}
