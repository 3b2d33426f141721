//! What is due: the steps that anyone may take, by a draw or a poke.

use crate::{
    model::{
        config::Fixed,
        draw::{Draw, Seed},
        skip::Skip,
        terms::Terms,
        view::{Class, GROUP_LOTS, LotPhase, LotState, Node, NodeStatus, OpenBatch, Window},
    },
    rules::{
        dispute::adjudicator_part,
        lots::{lot_count, open_groups},
        round::{batch_closed_to_claims, commits_needed},
        sortition::later_slice,
    },
};

/// The step of a lot that a poke takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LotStep {
    /// The batch's window passes a lot that nobody committed to in time, so that it holds up nobody; claims go on.
    Pass,
    /// The working round turns to reveals; reservations without a commitment are abandoned.
    Reveal,
    /// The working round ends without a result.
    Free,
    /// The reveals are counted.
    Tally,
    /// The challenges go to a jury.
    OpenJury,
    /// The lot is paid out.
    Settle,
}

/// The step of a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawStep {
    /// The draw opens.
    Open,
    /// The seed is captured, once and for all.
    Capture,
}

/// What the steps of a lot depend on beside its record.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Terms of the batch.
    pub terms: &'a Terms,
    /// What the batch copied at its creation.
    pub fixed: &'a Fixed,
    /// Whether the batch is cancelled.
    pub cancelled: bool,
    /// Whether groups wait for the lot: the batch's window has not passed it.
    pub held_up: bool,
    /// What is left of the adjudicator's bond, in units of the token.
    pub bond: u128,
    /// Unix time, seconds.
    pub now_s: u32,
    /// Height of the block.
    pub height: u32,
}

impl LotState {
    /// The step that is due; `None` while the lot waits for a node, a clock or an adjudicator.
    #[must_use]
    pub fn due(&self, setting: &Setting<'_>) -> Option<LotStep> {
        let (terms, now_s) = (setting.terms, setting.now_s);
        match self.phase {
            LotPhase::Working => self.working_step(setting),
            LotPhase::Revealing => (self.all_revealed() || self.reveals_over(setting)).then_some(LotStep::Tally),
            LotPhase::Provisional if self.challengeable(terms, now_s) => None,
            LotPhase::Provisional if self.is_challenged() && self.is_backed_by(setting.bond, terms) => {
                Some(LotStep::OpenJury)
            }
            LotPhase::Provisional => Some(LotStep::Settle),
            LotPhase::Judging => (!self.awaits_verdict(terms, setting.bond, now_s)).then_some(LotStep::Settle),
        }
    }

    /// Whether the lot's adjudicator may still score it: its time runs, and what is left of its bond covers a part.
    #[must_use]
    pub fn awaits_verdict(&self, terms: &Terms, bond: u128, now_s: u32) -> bool {
        let runs = now_s < self.phase_at.saturating_add(terms.verdict_ttl_s());
        self.phase == LotPhase::Judging && runs && self.is_backed_by(bond, terms)
    }

    /// Whether what is left of an adjudicator's bond covers a full lot at this lot's reward.
    fn is_backed_by(&self, bond: u128, terms: &Terms) -> bool {
        self.terms(terms).is_backed_by(bond)
    }

    fn working_step(&self, setting: &Setting<'_>) -> Option<LotStep> {
        let (terms, now_s, commits) = (setting.terms, setting.now_s, self.commits());
        let over = self.clock_over(terms, now_s);
        let closed = self.round == 0 && batch_closed_to_claims(terms, setting.cancelled, now_s);
        if !self.current().any(|slot| slot.is_live_reservation(now_s)) {
            if commits >= commits_needed(self.round) && (over || closed) {
                return Some(LotStep::Reveal);
            }
            // A round 0 without commits goes on for as long as its batch takes claims.
            if closed || (over && self.round > 0) {
                return Some(LotStep::Free);
            }
        }
        (self.round == 0 && commits == 0 && over && setting.held_up).then_some(LotStep::Pass)
    }

    /// Whether items of the lot were challenged.
    #[must_use]
    pub fn is_challenged(&self) -> bool {
        self.case.as_ref().is_some_and(|case| !case.challenges.is_empty())
    }

    /// Whether the challenge window of the provisional lot is open.
    #[must_use]
    pub fn challengeable(&self, terms: &Terms, now_s: u32) -> bool {
        self.phase == LotPhase::Provisional && self.appeal && now_s < self.challenge_end(terms)
    }

    /// Unix time at which the challenge window of a provisional lot ends, seconds.
    #[must_use]
    pub fn challenge_end(&self, terms: &Terms) -> u32 {
        let end = self.phase_at.saturating_add(terms.challenge_window_s);
        end.max(self.case.as_ref().map_or(0, |case| case.open_until))
    }

    /// Unix time at which the reveal window of a lot ends, seconds; what is missing has the batch's grace beyond it.
    #[must_use]
    pub const fn reveal_end(&self, terms: &Terms) -> u32 {
        self.phase_at.saturating_add(terms.reveal_window_s)
    }

    /// Whether the lot's current round has a draw of its own that still runs.
    ///
    /// # Errors
    /// The code with which a draw is skipped.
    pub fn may_draw(&self, terms: &Terms, now_s: u32) -> Result<(), Skip> {
        if self.round == 0 || self.phase != LotPhase::Working {
            return Err(Skip::DrawNotDue);
        }
        if self.clock_over(terms, now_s) { Err(Skip::ClosedToClaims) } else { Ok(()) }
    }

    /// Whether the missing reveals are out of time: by the clock, and by half as many blocks, so that a congested chain
    /// slashes nobody.
    const fn reveals_over(&self, setting: &Setting<'_>) -> bool {
        let last_s = setting.terms.reveal_window_s.saturating_add(setting.fixed.grace_s);
        setting.now_s >= self.phase_at.saturating_add(last_s)
            && setting.height >= self.phase_height.saturating_add(last_s / 2)
    }
}

impl Draw {
    /// The step that is due in slices of `slice_s` seconds; `may_open` says whether a closed one may open.
    #[must_use]
    pub const fn due(&self, may_open: bool, slice_s: u32, now_s: u32) -> Option<DrawStep> {
        match self {
            Self::Closed if may_open => Some(DrawStep::Open),
            Self::Opened(then) if later_slice(*then, now_s, slice_s) => Some(DrawStep::Capture),
            Self::Closed | Self::Opened(_) | Self::Seeded(_) => None,
        }
    }

    /// The seed, if it was captured below this height: it cannot be used in the block of its capture.
    #[must_use]
    pub const fn seed_below(&self, height: u32) -> Option<&Seed> {
        match self {
            Self::Seeded(seed) if seed.height < height => Some(seed),
            Self::Seeded(_) | Self::Opened(_) | Self::Closed => None,
        }
    }
}

impl Window {
    /// Whether the draw of a group may open, with so many tickets in the class.
    #[must_use]
    pub fn may_open(&self, group: u32, class_tickets: u32, terms: &Terms) -> bool {
        group < self.frontier.saturating_add(open_groups(class_tickets, terms))
    }

    /// Whether a batch of `lots` lots, `live` of which have a record, closes by a poke: nothing is live, and nothing can
    /// become live. One that is `appendable` waits until it is cancelled or expired.
    #[must_use]
    pub const fn closes(
        &self,
        (lots, live): (u32, u32),
        terms: &Terms,
        (appendable, cancelled): (bool, bool),
        now_s: u32,
    ) -> bool {
        let all_marked = !appendable && self.frontier >= lots.div_ceil(GROUP_LOTS);
        live == 0 && (all_marked || cancelled || now_s > terms.expires_at)
    }
}

impl Terms {
    /// Whether what is left of an adjudicator's bond covers a full lot; true where there is no adjudicator.
    #[must_use]
    pub fn is_backed_by(&self, bond: u128) -> bool {
        self.adjudicator().is_none() || bond >= adjudicator_part(self, self.lot_size)
    }

    /// Whether results of a group that is drawn now may be appealed: there is a challenge window, and the class has
    /// `jury_nodes` active nodes.
    #[must_use]
    pub fn has_appeal(&self, fixed: &Fixed, class: &Class) -> bool {
        self.challenge_window_s > 0 && class.nodes >= u32::from(fixed.jury_nodes)
    }

    /// Whether a group may be drawn now: with a challenge window the answers of an unscored batch wait for enough nodes.
    #[must_use]
    pub fn may_be_drawn(&self, fixed: &Fixed, class: &Class) -> bool {
        self.challenge_window_s == 0 || self.adjudicator().is_some() || self.has_appeal(fixed, class)
    }
}

impl OpenBatch {
    /// Whether groups wait behind the window for this lot to be passed.
    #[must_use]
    pub fn is_held_up_by(&self, lot: crate::model::ids::LotId) -> bool {
        let window = &self.progress.window;
        window.marks_early(lot_count(self.items, self.terms.lot_size), self.appendable) && !window.is_marked(lot)
    }

    /// Whether groups may be drawn and lots begun: the batch has no adjudicator, or one that accepted it with a bond that
    /// covers a lot.
    #[must_use]
    pub fn is_backed(&self) -> bool {
        let progress = &self.progress;
        (progress.accepted || self.terms.adjudicator().is_none()) && self.terms.is_backed_by(progress.bond.0)
    }
}

impl Node {
    /// Whether anyone may make the node inactive: it is active, and silent for longer than `window_s`.
    #[must_use]
    pub fn is_overdue(&self, window_s: u32, now_s: u32) -> bool {
        self.status == NodeStatus::Active && now_s > self.last_seen.saturating_add(window_s)
    }
}
