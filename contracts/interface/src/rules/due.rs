//! What is due: the steps that anyone may take, by a draw or a poke.

use crate::{
    model::{
        config::Fixed,
        draw::{Draw, Seed},
        skip::Skip,
        terms::Terms,
        view::{GROUP_LOTS, LotPhase, LotState, Node, NodeStatus, Window},
    },
    rules::{
        lots::open_groups,
        round::{closed_to_claims, commits_needed},
        sortition::later_slice,
    },
};

/// The step of a lot that a poke takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LotStep {
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

impl LotState {
    /// The step that is due at this time and height; `None` while the lot waits for a node, a clock or an adjudicator.
    #[must_use]
    pub fn due(&self, terms: &Terms, fixed: &Fixed, cancelled: bool, now_s: u32, height: u32) -> Option<LotStep> {
        match self.phase {
            LotPhase::Working if !self.round_over(terms, cancelled, now_s) => None,
            LotPhase::Working if self.commits() >= commits_needed(terms, self.round) => Some(LotStep::Reveal),
            // The next claim restarts the clock of a first round.
            LotPhase::Working if self.round == 0 && !closed_to_claims(terms, cancelled, 0, now_s) => None,
            LotPhase::Working => Some(LotStep::Free),
            LotPhase::Revealing => {
                (self.all_revealed() || self.reveals_over(terms, fixed, now_s, height)).then_some(LotStep::Tally)
            }
            LotPhase::Provisional if self.challengeable(terms, now_s) => None,
            LotPhase::Provisional if self.case.as_ref().is_some_and(|case| !case.challenges.is_empty()) => {
                Some(LotStep::OpenJury)
            }
            LotPhase::Provisional => Some(LotStep::Settle),
            LotPhase::Judging => {
                (now_s >= self.phase_at.saturating_add(terms.verdict_ttl_s())).then_some(LotStep::Settle)
            }
        }
    }

    /// Whether the challenge window of the provisional lot is open.
    #[must_use]
    pub const fn challengeable(&self, terms: &Terms, now_s: u32) -> bool {
        matches!(self.phase, LotPhase::Provisional) && now_s < self.challenge_end(terms)
    }

    /// Unix time at which the challenge window of a provisional lot ends, seconds.
    #[must_use]
    pub const fn challenge_end(&self, terms: &Terms) -> u32 {
        self.phase_at.saturating_add(terms.challenge_window_s)
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

    /// Whether the missing reveals are out of time: by the clock, and by blocks, so that a congested chain slashes nobody.
    const fn reveals_over(&self, terms: &Terms, fixed: &Fixed, now_s: u32, height: u32) -> bool {
        let blocks = self.phase_height.saturating_add(terms.reveal_window_s / 2);
        now_s >= self.reveal_end(terms).saturating_add(fixed.grace_s) && height >= blocks
    }
}

impl Draw {
    /// The step that is due; `may_open` says whether a closed one may open.
    #[must_use]
    pub const fn due(&self, may_open: bool, terms: &Terms, now_s: u32) -> Option<DrawStep> {
        match self {
            Self::Closed if may_open => Some(DrawStep::Open),
            Self::Opened(then) if later_slice(*then, now_s, terms.slice_s) => Some(DrawStep::Capture),
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
    /// Whether the draw of a group may open, with so many active tickets.
    #[must_use]
    pub fn may_open(&self, group: u32, active_tickets: u32, terms: &Terms) -> bool {
        group < self.frontier.saturating_add(open_groups(active_tickets, terms))
    }

    /// Whether a batch of `lots` lots, `live` of which have a record, closes by a poke: nothing is live, and nothing can
    /// become live.
    #[must_use]
    pub const fn closes(&self, lots: u32, live: u32, terms: &Terms, cancelled: bool, now_s: u32) -> bool {
        let all_marked = self.frontier >= lots.div_ceil(GROUP_LOTS);
        live == 0 && (all_marked || cancelled || now_s > terms.expires_at)
    }
}

impl Node {
    /// Whether anyone may make the node inactive: it is active, and silent for longer than `window_s`.
    #[must_use]
    pub fn is_overdue(&self, window_s: u32, now_s: u32) -> bool {
        self.status == NodeStatus::Active && now_s > self.last_seen.saturating_add(window_s)
    }
}
