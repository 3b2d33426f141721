//! Entries of a lot's rounds: claims to reveals.

use super::{EndedSlot, Fault, SlotEnd, apply::Step};
use crate::{
    draw::Draw,
    event::Abandoned,
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    lots,
    merkle::Digest,
    op::Op,
    settlement::slot_bond,
    storage::{self, LEAVERS_MAX},
    view::{LotPhase, LotState, OpenBatch, Slot, SlotPhase},
};

impl OpenBatch {
    /// Items of one of its lots.
    fn lot_items(&self, lot: LotId) -> u8 {
        lots::lot_items(self.items, self.terms.lot_size, lot)
    }
}

impl Step<'_> {
    pub fn claimed(&mut self, batch: BatchId, lot: LotId, replaced: Option<&Abandoned>) -> Result<(), Fault> {
        let (caller, now_s) = (self.caller()?, self.context.now_s);
        if !self.mirror.lots.contains_key(&(batch, lot)) {
            self.lot_begun(batch, lot)?;
        }
        if let Some(abandoned) = replaced {
            self.abandoned(batch, lot, abandoned)?;
        }
        let open = self.terms_of(batch)?;
        let (items, terms, fixed) = (open.lot_items(lot), open.terms.clone(), open.fixed.clone());
        let state = self.lot(batch, lot)?;
        // A round takes no claims once its time is over, so a claim after that time restarts the clock.
        let over_at = state.clock_at.saturating_add(terms.claim_ttl_s.saturating_mul(3));
        if state.clock_at == 0 || now_s >= over_at {
            state.clock_at = now_s;
        }
        let until = now_s.saturating_add(terms.claim_ttl_s);
        state.slots.push(Slot {
            node: caller,
            round: state.round,
            phase: SlotPhase::Reserved(until),
        });
        let bond = slot_bond(&terms, &fixed, items, state, state.round);
        self.node(caller, |node| {
            super::rows::add(&mut node.bonded, bond, "the node's bonds")?;
            node.slots = node.slots.checked_add(1).ok_or(Fault::Range("the node's slots"))?;
            Ok(())
        })
    }

    pub fn released(&mut self, batch: BatchId, lot: LotId, slash: u128) -> Result<(), Fault> {
        let caller = self.caller()?;
        let round = self.lot(batch, lot)?.round;
        self.end_slot(batch, lot, caller, round, SlotEnd::Released, slash)?;
        remember(&mut self.lot(batch, lot)?.leavers, caller);
        self.insure(slash)
    }

    pub fn committed(&mut self, batch: BatchId, lot: LotId, commitment: &Digest) -> Result<(), Fault> {
        let caller = self.caller()?;
        let slot = self.current_slot(batch, lot, caller)?;
        if !matches!(slot.phase, SlotPhase::Reserved(_)) {
            return Err(Fault::NoSlot(batch, lot, caller));
        }
        slot.phase = SlotPhase::Committed(*commitment);
        Ok(())
    }

    pub fn revealing(&mut self, batch: BatchId, lot: LotId, abandoned: &[Abandoned]) -> Result<(), Fault> {
        for abandoned in abandoned {
            self.abandoned(batch, lot, abandoned)?;
        }
        self.turn(batch, lot, LotPhase::Revealing)?;
        let state = self.lot(batch, lot)?;
        if state
            .slots
            .iter()
            .any(|slot| matches!(slot.phase, SlotPhase::Reserved(_)))
        {
            return Err(Fault::Differs("the list of reservations that ran out"));
        }
        if state.round == 0 {
            self.mark(batch, lot)
        } else {
            Ok(())
        }
    }

    pub fn revealed(&mut self, batch: BatchId, lot: LotId, digest: &Digest) -> Result<(), Fault> {
        let caller = self.caller()?;
        let answers = self.context.ops.iter().find_map(|op| match op {
            Op::Reveal {
                batch: of,
                lot: at,
                answers,
                ..
            } if (*of, *at) == (batch, lot) => (sha256(answers) == *digest).then_some(answers),
            _ => None,
        });
        let answers = answers.ok_or(Fault::NoAnswers)?.clone();
        let open = self.terms_of(batch)?;
        let (items, width) = (open.lot_items(lot), usize::from(open.terms.answer_width));
        let state = self.lot(batch, lot)?;
        let judged = state.judged_items(state.round, items).count_ones();
        if answers.len() != usize::try_from(judged).unwrap_or(usize::MAX).saturating_mul(width) {
            return Err(Fault::Differs("the length of the answers"));
        }
        let slot = self.current_slot(batch, lot, caller)?;
        if !matches!(slot.phase, SlotPhase::Committed(_)) {
            return Err(Fault::NoSlot(batch, lot, caller));
        }
        slot.phase = SlotPhase::Revealed(answers);
        Ok(())
    }

    pub fn extended(&mut self, batch: BatchId, lot: LotId, items: u64) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let (_, unresolved) = self.judged(batch, lot, |judgement| judgement.unresolved())?;
        if unresolved != items {
            return Err(Fault::Differs("the set of open items"));
        }
        let state = self.lot(batch, lot)?;
        state.phase = LotPhase::Working;
        (state.round, state.open_items) = (1, items);
        (state.clock_at, state.phase_at, state.phase_height) = (now_s, 0, 0);
        state.draw = Draw::Opened(now_s);
        Ok(())
    }

    pub fn freed(&mut self, batch: BatchId, lot: LotId, abandoned: &[Abandoned]) -> Result<(), Fault> {
        for abandoned in abandoned {
            self.abandoned(batch, lot, abandoned)?;
        }
        let state = self.lot(batch, lot)?;
        let round = state.round;
        let rest: Vec<_> = state
            .slots
            .iter()
            .filter(|slot| slot.round == round)
            .map(|slot| slot.node)
            .collect();
        rest.into_iter()
            .try_for_each(|node| self.end_slot(batch, lot, node, round, SlotEnd::Freed, 0))
    }

    /// Turns the lot to its next phase, now.
    pub fn turn(&mut self, batch: BatchId, lot: LotId, phase: LotPhase) -> Result<(), Fault> {
        let (now_s, height) = (self.context.now_s, self.context.height);
        let state = self.lot(batch, lot)?;
        state.phase = phase;
        (state.phase_at, state.phase_height) = (now_s, height);
        Ok(())
    }

    /// Marks a lot whose first round closed to claims, or that is closed.
    pub fn mark(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let open = self.open_batch(batch)?;
        let lots = lots::lot_count(open.items, open.terms.lot_size);
        open.progress.mark(lot, lots);
        Ok(())
    }

    /// The first claim of a lot makes its record and reserves its bytes from the requester.
    fn lot_begun(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let open = self.open_batch(batch)?;
        let items = open.lot_items(lot);
        if items == 0 {
            return Err(Fault::NoLot(batch, lot));
        }
        open.progress.live = open
            .progress
            .live
            .checked_add(1)
            .ok_or(Fault::Range("the count of live lots"))?;
        let (requester, bytes) = (open.requester, storage::lot_bytes(&open.terms, items));
        self.mirror.lots.insert((batch, lot), LotState::default());
        self.charge(requester, bytes)
    }

    /// A reservation of the current round ran out: the slot goes and its node pays.
    fn abandoned(&mut self, batch: BatchId, lot: LotId, abandoned: &Abandoned) -> Result<(), Fault> {
        let Abandoned { node, slash } = abandoned;
        let slot = self.current_slot(batch, lot, *node)?;
        let round = slot.round;
        if !matches!(slot.phase, SlotPhase::Reserved(_)) {
            return Err(Fault::NoSlot(batch, lot, *node));
        }
        self.end_slot(batch, lot, *node, round, SlotEnd::Abandoned, slash.0)?;
        remember(&mut self.lot(batch, lot)?.leavers, *node);
        self.node(*node, |node| {
            node.abandon();
            Ok(())
        })?;
        self.insure(slash.0)
    }

    /// Takes a slot from its lot and gives its node the bond back, less the slash.
    fn end_slot(
        &mut self,
        batch: BatchId,
        lot: LotId,
        node: AccountNo,
        round: u8,
        end: SlotEnd,
        slash: u128,
    ) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let (items, terms, fixed) = (open.lot_items(lot), open.terms.clone(), open.fixed.clone());
        let state = self.lot(batch, lot)?;
        let index = state
            .slots
            .iter()
            .position(|slot| slot.node == node && slot.round == round);
        let slot = state.slots.remove(index.ok_or(Fault::NoSlot(batch, lot, node))?);
        let bond = slot_bond(&terms, &fixed, items, state, round);
        self.free_bond(node, bond, slash)?;
        let ended = EndedSlot {
            batch,
            lot,
            slot,
            end,
            pay: 0,
            slash,
            reputation: None,
            agreed: 0,
        };
        self.touched.ended.push(ended);
        Ok(())
    }

    /// A slot of the node ended: checks that the slash is within the bond and the bond within the stake.
    pub fn free_bond(&mut self, node: AccountNo, bond: u128, slash: u128) -> Result<(), Fault> {
        let (now_s, min_stake) = (self.context.now_s, self.mirror.config.min_stake.0);
        self.node(node, |node| {
            if slash > bond || bond > node.bonded.0 || slash > node.stake.0 || node.slots == 0 {
                return Err(Fault::Range("the node's bonds"));
            }
            node.end_slot(bond, slash, min_stake, now_s);
            Ok(())
        })
    }

    fn current_slot(&mut self, batch: BatchId, lot: LotId, node: AccountNo) -> Result<&mut Slot, Fault> {
        let state = self.lot(batch, lot)?;
        let round = state.round;
        let slot = state
            .slots
            .iter_mut()
            .find(|slot| slot.node == node && slot.round == round);
        slot.ok_or(Fault::NoSlot(batch, lot, node))
    }
}

/// A lot remembers the last nodes that left it.
fn remember(leavers: &mut Vec<AccountNo>, node: AccountNo) {
    if leavers.len() >= LEAVERS_MAX {
        leavers.remove(0);
    }
    leavers.push(node);
}
