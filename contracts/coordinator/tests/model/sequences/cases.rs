//! Random challenges and adjudicators.

use piecework_interface::{
    call::{BatchArgs, ChallengeArgs, VerdictArgs},
    ids::{AccountNo, BatchId, LotId},
    terms::Verification,
    view::{LotPhase, LotState, OpenBatch},
};
use proptest::sample::Index;

use super::{super::chain::Call, ACCOUNTS, plan::CasePlan, run::Run};

impl Run {
    /// A lot in that phase, if there is one.
    fn lot_in(&self, phase: LotPhase, pick: &Index) -> Option<(BatchId, LotId, OpenBatch)> {
        let recent = |state: &LotState| self.chain.now() < state.phase_at + 20 || phase != LotPhase::Provisional;
        let lots = self.chain.mirror.lots.iter().filter(|(_, state)| state.phase == phase && recent(state));
        let lots: Vec<_> = lots.collect();
        let ((batch, lot), _) = lots.get(pick.index(lots.len().max(1)))?;
        let open = self.chain.mirror.batches.get(batch).and_then(|row| row.open.clone())?;
        Some((*batch, *lot, open))
    }

    /// The name of an account, or of nobody if it has left.
    fn name(&self, number: AccountNo) -> String {
        self.chain.mirror.accounts.get(&number).map_or("nobody.near", |account| &account.account_id).to_owned()
    }

    /// A challenge of a provisional lot, or of another if there is none; mostly of items that it has.
    pub fn challenge_args(&self, lot: &Index, items: u8) -> Option<ChallengeArgs> {
        let phases = [LotPhase::Provisional, LotPhase::Working, LotPhase::Revealing, LotPhase::Judging];
        let (batch, lot, open) = phases.into_iter().find_map(|phase| self.lot_in(phase, lot))?;
        let count = piecework_interface::lots::lot_items(open.items, open.terms.lot_size, lot);
        let count = if open.terms.adjudicator().is_some() { 1 } else { count };
        let chosen = |item: &u8| items & (1 << item) != 0 || count == 1;
        let items = (0..count + u8::from(items == 3)).filter(chosen).collect();
        Some(ChallengeArgs { batch, lot, items, evidence: [1; 32] })
    }

    /// An account does something with a lot's case; `flaw` spoils it.
    pub fn case(&mut self, plan: &CasePlan) {
        let CasePlan { who, lot, items, kind, flaw } = plan;
        let pick = ACCOUNTS[who.index(ACCOUNTS.len())];
        match kind % 3 {
            0 => {
                let Some(args) = self.challenge_args(lot, items ^ flaw) else { return };
                let call = Call::by(pick).with(u128::from(*flaw != 1));
                self.chain.call(call, |engine| engine.challenge(&args)).ok();
            }
            1 => {
                let waiting = self.chain.mirror.batches.iter().filter_map(|(batch, row)| {
                    let open = row.open.as_ref()?;
                    Some((*batch, open.terms.adjudicator()?))
                });
                let waiting: Vec<_> = waiting.collect();
                let Some((batch, adjudicator)) = waiting.get(lot.index(waiting.len().max(1))).copied() else { return };
                let who = if *flaw == 4 { pick.to_owned() } else { self.name(adjudicator) };
                let call = Call::by(&who).with(1);
                if *flaw == 5 {
                    self.chain.call(call, |engine| engine.adjudicator_resign(&BatchArgs { batch })).ok();
                } else {
                    self.chain.call(call, |engine| engine.adjudicator_accept(&BatchArgs { batch })).ok();
                }
            }
            _ => {
                let Some((batch, lot, open)) = self.lot_in(LotPhase::Judging, lot) else { return };
                let Verification::Adjudicated { adjudicator, .. } = open.terms.verification else { return };
                let slots = self.chain.mirror.lots[&(batch, lot)].slots.len() + usize::from(*flaw == 2);
                let scores = (0..slots).map(|slot| u16::from(*items) * 80 / (1 + u16::try_from(slot).expect("slot")));
                let args = VerdictArgs { batch, lot, scores: scores.collect(), report: [*items; 32] };
                let who = if *flaw == 4 { pick.to_owned() } else { self.name(adjudicator) };
                self.chain.call(Call::by(&who), |engine| engine.verdict(args)).ok();
            }
        }
    }
}
