//! What comes between a lot's reveals and its settlement: scores, and challenges by the coalition and by the honest.

use anyhow::Context as _;
use piecework_coordinator::testing::Call;
use piecework_interface::{
    answers::Items,
    call::{ChallengeArgs, VerdictArgs},
    dispute::{ADJUDICATOR_PARTS, SCORE_FULL},
    ids::{BatchId, LotId},
    settlement,
    terms::JURY,
    view::LotPhase,
};
use rand::Rng as _;

use super::{
    ADJUDICATOR, CHALLENGER, Play, WATCHER,
    lot::{Lot, Results, Seat},
    orders::Chance,
};
use crate::attacks::strategy::{CHALLENGES, Challenge, SCORINGS, Scoring, Strategy, pick};

/// What a shaved score is at most.
const SHAVED: u16 = 7_000;

impl Play<'_> {
    /// Scores the lots that wait for it: an honest adjudicator by right answers, the requester's as the strategy says.
    pub(super) fn score(&mut self, batch: BatchId, lots: &mut [Lot], strategy: &Strategy) -> anyhow::Result<()> {
        for lot in lots.iter_mut() {
            // What is left of the bond may cover no lot any more: then all copies are paid in full.
            let open = self.chain.mirror.batches.get(&batch).and_then(|row| row.open.as_ref());
            let (terms, bond) = open.map(|open| (open.terms.clone(), open.progress.bond.0)).unwrap_or_default();
            let now = self.chain.now();
            let Some(state) = self.state(batch, lot.id).filter(|state| state.awaits_verdict(&terms, bond, now)) else {
                continue;
            };
            let point = self.orders.random(Chance::Coalition, (lot.number, JURY + 2, 0)).random();
            let scoring = pick(&strategy.scorings, point).filter(|_| self.setting.requester);
            let scoring = scoring.map_or(Scoring::Fair, |place| SCORINGS[place]);
            if scoring == Scoring::Late {
                continue;
            }
            let score = |slot: &piecework_interface::view::Slot| {
                let seat = lot.seats.iter().find(|seat| seat.round == 0 && self.number(seat.node) == slot.node);
                let seat = seat.context("a seat")?;
                let fair = seat.right().count_ones() * u32::from(SCORE_FULL) / u32::from(self.setting.items);
                let fair = u16::try_from(fair)?;
                anyhow::Ok(match scoring {
                    Scoring::Fair | Scoring::Late => fair,
                    Scoring::Shave | Scoring::Zero if !seat.is_honest() => SCORE_FULL,
                    Scoring::Shave => fair.min(SHAVED),
                    Scoring::Zero => 0,
                })
            };
            let scores = state.slots.iter().map(score).collect::<anyhow::Result<Vec<_>>>()?;
            lot.scoring = scoring;
            let args = VerdictArgs { batch, lot: LotId(lot.id), scores, ..VerdictArgs::default() };
            self.chain.call(Call::by(ADJUDICATOR), |engine| engine.verdict(args))?;
        }
        Ok(())
    }

    /// Challenges provisional results once: the coalition those that its strategy names, the honest those of which one of
    /// them knows better.
    pub(super) fn appeal(&mut self, batch: BatchId, lots: &mut [Lot], strategy: &Strategy) -> anyhow::Result<()> {
        // An adjudicator's bond pays so many juries.
        let paid = lots.iter().filter(|lot| lot.standing.is_some() && lot.is_unfair()).count();
        let mut backed = usize::try_from(ADJUDICATOR_PARTS)?.saturating_sub(paid);
        for lot in lots.iter_mut().filter(|lot| lot.standing.is_none()) {
            let Some(state) = self.state(batch, lot.id).filter(|state| state.phase == LotPhase::Provisional) else {
                continue;
            };
            let open = self.chain.mirror.batches[&batch].open.as_ref().context("an open batch")?;
            let results = if self.setting.scored {
                lot.standing = Some(Default::default());
                let (right, wrong) = if lot.is_unfair() { (0, 1) } else { (1, 0) };
                Results { right, lie: wrong, wrong, open: 0 }
            } else {
                lot.stand(&settlement::judge(&open.terms, self.setting.items, state))
            };
            let point = self.orders.random(Chance::Coalition, (lot.number, JURY + 3, 0)).random();
            let challenge = pick(&strategy.challenges, point).map_or(Challenge::Nothing, |place| CHALLENGES[place]);
            let lies = lot.own_items().1;
            let own = match challenge {
                Challenge::Nothing => 0,
                Challenge::Right if self.setting.scored => results.right & u64::from(lies != 0),
                Challenge::Right => results.right & lies,
                Challenge::Own => results.lie,
                Challenge::Open => results.open,
            };
            // Beyond the bond a right challenger pays the jury, which is less than a slot loses that is scored at nothing.
            let appeals = backed > 0 || lot.scoring == Scoring::Zero;
            let known = if self.setting.scored { u64::from(appeals) } else { lot.known(Seat::is_honest) };
            let watched = results.wrong & known & !own;
            backed = backed.saturating_sub(usize::from(lot.is_unfair()));
            for (account, items) in [(CHALLENGER, own), (WATCHER, watched)] {
                if items != 0 {
                    let items = Items(items).iter().collect();
                    let args = ChallengeArgs { batch, lot: LotId(lot.id), items, ..ChallengeArgs::default() };
                    self.chain.call(Call::by(account).with(1), |engine| engine.challenge(&args))?;
                }
            }
        }
        Ok(())
    }
}
