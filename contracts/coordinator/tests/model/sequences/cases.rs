//! Random gold, challenges and adjudicators.

use piecework_interface::{
    call::{BatchArgs, ChallengeArgs, GoldOpenArgs, VerdictArgs},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    terms::Verification,
    view::{LotPhase, LotState, OpenBatch},
};
use proptest::sample::Index;

use super::{
    super::{
        chain::{Call, NEAR},
        gold::Gold,
    },
    ACCOUNTS,
    plan::CasePlan,
    run::Run,
};

/// What the requester of a batch knows: mostly the truth.
pub fn gold(items: u32, lot_size: u8, width: u8) -> Gold {
    let answer = |item: u32| {
        let truth = u8::try_from(item % u32::from(lot_size)).expect("an item of a lot");
        let noise = sha256(&item.to_le_bytes())[0];
        let mut answer = vec![truth; usize::from(width)];
        if noise < 60 {
            *answer.last_mut().expect("width") = 100 + noise % 4;
        }
        answer
    };
    Gold::new((0..items).map(answer).collect())
}

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

    /// Somebody does something with a lot's case; `flaw` spoils it.
    pub fn case(&mut self, plan: &CasePlan) {
        let CasePlan { who, lot, items, kind, flaw } = plan;
        let pick = ACCOUNTS[who.index(ACCOUNTS.len())];
        let deposit = if *flaw == 1 { 1 } else { 60 * NEAR };
        match kind % 4 {
            0 => {
                let Some((batch, lot, open)) = self.lot_in(LotPhase::Provisional, lot) else { return };
                let count = piecework_interface::lots::lot_items(open.items, open.terms.lot_size, lot);
                let count = if open.terms.adjudicator().is_some() { 1 } else { count };
                let chosen = |item: &u8| items & (1 << item) != 0 || count == 1 || *flaw == 2;
                let items = (0..count + u8::from(*flaw == 3)).filter(chosen).collect();
                let args = ChallengeArgs { batch, lot, items };
                self.chain.call(Call::by(pick).with(deposit), |engine| engine.challenge(&args)).ok();
            }
            1 => {
                let Some((batch, lot, open)) = self.lot_in(LotPhase::Provisional, lot) else { return };
                let gold = gold(open.items, open.terms.lot_size, open.terms.answer_width);
                let first = lot.0 * u32::from(open.terms.lot_size);
                let count = piecework_interface::lots::lot_items(open.items, open.terms.lot_size, lot);
                let chosen = (0..count).filter(|item| items & (1 << item) != 0 || *flaw == 2);
                let mut openings: Vec<_> = chosen.map(|item| gold.open(first + u32::from(item), item)).collect();
                if let (3, Some(opening)) = (flaw, openings.first_mut()) {
                    opening.answer[0] ^= 1;
                }
                let who = if *flaw == 4 { pick.to_owned() } else { self.name(open.requester) };
                let args = GoldOpenArgs { batch, lot, openings };
                for deposit in [0, deposit] {
                    self.chain.call(Call::by(&who).with(deposit), |engine| engine.gold_open(&args)).ok();
                }
            }
            2 => {
                let waiting = self.chain.mirror.batches.iter().filter_map(|(batch, row)| {
                    let open = row.open.as_ref()?;
                    open.progress.adjudicator_bond.is_none().then_some((*batch, open.terms.adjudicator()?))
                });
                let waiting: Vec<_> = waiting.collect();
                let Some((batch, adjudicator)) = waiting.get(lot.index(waiting.len().max(1))).copied() else { return };
                let who = if *flaw == 4 { pick.to_owned() } else { self.name(adjudicator) };
                let call = Call::by(&who).with(deposit * 2);
                self.chain.call(call, |engine| engine.adjudicator_accept(&BatchArgs { batch })).ok();
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
