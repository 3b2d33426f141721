//! Entries of a lot's rounds: claims to reveals.

use super::{Context, EndedSlot, Fault, Reveal, SlotEnd, step::Step};
use piecework_interface::{
    admit::{Seat, Table},
    amount::Amount,
    commitment::{Place, commitment_to},
    draw::Seed,
    due::{LotStep, Setting},
    event::Abandoned,
    governance::Feature,
    host::sha256,
    ids::{AccountNo, BatchId, Digest, LotId},
    lots,
    op::Op,
    settlement::{Next, slot_bond},
    skip::Skip,
    storage,
    view::{GROUP_LOTS, LotPhase, LotState, Slot, SlotPhase},
};

impl Step<'_> {
    pub fn claimed(
        &mut self,
        batch: BatchId,
        lot: LotId,
        reward: Option<Amount>,
        replaced: Option<&Abandoned>,
    ) -> Result<(), Fault> {
        let (caller, now_s) = (self.caller()?, self.context.now_s);
        let (seat, seed) = self.seat(batch, lot, caller)?;
        if seat.replaces != replaced.map(|abandoned| abandoned.node) {
            return Err(Fault::Differs("the reservation that a claim replaces"));
        }
        let begins = !self.mirror.lots.contains_key(&(batch, lot));
        if reward != begins.then_some(self.terms_of(batch)?.terms.reward) {
            return Err(Fault::Differs("the reward of a lot"));
        }
        if begins {
            self.lot_begun(batch, lot)?;
        }
        if let Some(abandoned) = replaced {
            self.abandoned(batch, lot, abandoned)?;
        }
        let terms = self.terms_of(batch)?.terms.clone();
        let operator = self.operator_of(caller)?;
        self.lot(batch, lot)?.claim(&terms, (caller, operator), &seed, now_s);
        self.node(caller, |node| {
            super::step::add(&mut node.bonded, seat.bond, "the node's bonds")?;
            node.reservations = node.reservations.checked_add(1).ok_or(Fault::Range("the node's reservations"))?;
            Ok(())
        })
    }

    /// The seat that the rules give the node for a claim in this line, and the seed that drew it.
    fn seat(&self, batch: BatchId, lot: LotId, number: AccountNo) -> Result<(Seat, Seed), Fault> {
        let Context { now_s, height, .. } = *self.context;
        let (mirror, open) = (&*self.mirror, self.terms_of(batch)?);
        let lot_state = mirror.lots.get(&(batch, lot));
        let window = &open.progress.window;
        let draw = match lot_state {
            Some(state) => Some(&state.draw),
            None => window.draw(lot.0 / GROUP_LOTS),
        };
        if lot_state.is_none() && window.is_marked(lot) {
            return Err(Fault::Refused(Skip::NoLot));
        }
        if lot_state.is_none() && !open.is_backed() {
            return Err(Fault::Refused(Skip::Adjudicator));
        }
        let pauses = Feature::Claims.is_in(mirror.settings.paused);
        if pauses && lot_state.is_none_or(|state| state.round == 0) {
            return Err(Fault::Refused(Skip::Paused));
        }
        let table = Table {
            batch,
            lot,
            items: open.lot_items(lot),
            requester: (open.requester, open.requester_operator),
            adjudicator_operator: open.progress.adjudicator_operator,
            terms: &open.terms,
            fixed: &open.fixed,
            cancelled: self.is_cancelled(batch),
            lot_state,
            seed: draw.and_then(|draw| draw.seed_below(height)),
        };
        let account = mirror.accounts.get(&number).ok_or(Fault::NoAccount(number))?;
        let node = account.row.node.as_ref().ok_or(Fault::NoNode(number))?;
        let seat = table.admit(sha256, (number, node), now_s, now_s).map_err(Fault::Refused)?;
        Ok((seat, table.seed.cloned().ok_or(Fault::Refused(Skip::NoSeed))?))
    }

    /// The step that is due of a lot in this line's block must be this one.
    pub fn must_be_due(&self, batch: BatchId, lot: LotId, step: LotStep) -> Result<(), Fault> {
        let open = self.terms_of(batch)?;
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        let setting = Setting {
            terms: &open.terms,
            fixed: &open.fixed,
            cancelled: self.is_cancelled(batch),
            held_up: open.is_held_up_by(lot),
            bond: open.progress.bond.0,
            now_s: self.context.now_s,
            height: self.context.height,
        };
        if state.due(&setting) == Some(step) { Ok(()) } else { Err(Fault::Differs("the step that is due")) }
    }

    /// The batch's window passes a lot that nobody committed to in time.
    pub fn passed(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        self.must_be_due(batch, lot, LotStep::Pass)?;
        self.mark(batch, lot)
    }

    pub fn released(&mut self, batch: BatchId, lot: LotId, slash: u128) -> Result<(), Fault> {
        let (caller, now_s) = (self.caller()?, self.context.now_s);
        let open = self.terms_of(batch)?;
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        let slot = state.slot_of(caller).map(|index| &state.slots[index]);
        let items = open.lot_items(lot);
        let due = slot.and_then(|slot| state.release_slash(slot, &open.terms, &open.fixed, items, now_s));
        if due.ok_or(Fault::NoSlot(batch, lot, caller))? != slash {
            return Err(Fault::Differs("the slash of a release"));
        }
        let operator = self.end_slot(batch, lot, caller, SlotEnd::Released, slash)?;
        self.lot(batch, lot)?.note_leaver(caller, operator);
        self.burn(slash)
    }

    pub fn committed(&mut self, batch: BatchId, lot: LotId, commitment: &Digest) -> Result<(), Fault> {
        let caller = self.caller()?;
        let working = self.lot(batch, lot)?.phase == LotPhase::Working;
        let slot = self.current_slot(batch, lot, caller)?;
        if !working || !matches!(slot.phase, SlotPhase::Reserved(_)) {
            return Err(Fault::NoSlot(batch, lot, caller));
        }
        slot.phase = SlotPhase::Committed(*commitment);
        self.end_reservation(caller)
    }

    /// A round turns to reveals when all of its seats have committed, or when that is due.
    pub fn revealing(&mut self, batch: BatchId, lot: LotId, abandoned: &[Abandoned]) -> Result<(), Fault> {
        let round = self.lot(batch, lot)?.round;
        let seats = self.terms_of(batch)?.terms.seats(round);
        if self.lot(batch, lot)?.commits() < usize::from(seats) {
            self.must_be_due(batch, lot, LotStep::Reveal)?;
        }
        self.abandon_reserved(batch, lot, abandoned)?;
        self.turn(batch, lot, LotPhase::Revealing)?;
        let first = self.lot(batch, lot)?.round == 0;
        if first && self.terms_of(batch)?.is_held_up_by(lot) { self.mark(batch, lot) } else { Ok(()) }
    }

    pub fn revealed(&mut self, batch: BatchId, lot: LotId, digest: &Digest) -> Result<(), Fault> {
        let (caller, Context { contract, ops, .. }) = (self.caller()?, *self.context);
        let LotState { phase, round, .. } = *self.lot(batch, lot)?;
        let committed = match self.current_slot(batch, lot, caller)?.phase {
            SlotPhase::Committed(commitment) if phase == LotPhase::Revealing => commitment,
            _ => return Err(Fault::NoSlot(batch, lot, caller)),
        };
        let place = Place { contract, batch, lot, round, node: caller };
        let reveal = ops.iter().find_map(|op| match op {
            Op::Reveal { batch: of, lot: at, answers, salt } if (*of, *at) == (batch, lot) => {
                let opens = sha256(answers) == *digest && commitment_to(sha256, place, digest, salt) == committed;
                opens.then(|| Reveal { batch, lot, answers: answers.clone(), salt: *salt })
            }
            _ => None,
        });
        let reveal = reveal.ok_or(Fault::NoAnswers)?;
        let open = self.terms_of(batch)?;
        let (items, terms) = (open.lot_items(lot), open.terms.clone());
        let state = self.lot(batch, lot)?;
        if u32::try_from(reveal.answers.len()) != Ok(state.answer_bytes(&terms, state.round, items)) {
            return Err(Fault::Differs("the length of the answers"));
        }
        let slot = self.current_slot(batch, lot, caller)?;
        slot.phase = SlotPhase::Revealed(reveal.answers.clone());
        self.changes.reveals.push(reveal);
        Ok(())
    }

    pub fn extended(&mut self, batch: BatchId, lot: LotId, items: u64) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.must_follow(batch, lot, Next::Extend(items))?;
        let state = self.lot(batch, lot)?;
        state.begin_round(1, now_s);
        state.open_items = items;
        Ok(())
    }

    /// The reveals of a lot must be over, or its round must have ended without any, and this must follow its tally.
    pub fn must_follow(&mut self, batch: BatchId, lot: LotId, next: Next) -> Result<(), Fault> {
        let LotState { phase, round, .. } = *self.lot(batch, lot)?;
        match phase {
            LotPhase::Revealing => self.must_be_due(batch, lot, LotStep::Tally)?,
            LotPhase::Working if self.freed.contains(&(batch, lot)) => {}
            _ => return Err(Fault::Differs("the phase of the lot")),
        }
        let follows = self.judged(batch, lot, |judgement| judgement.next(round))?;
        if follows == next { Ok(()) } else { Err(Fault::Differs("what follows the tally")) }
    }

    pub fn freed(&mut self, batch: BatchId, lot: LotId, abandoned: &[Abandoned]) -> Result<(), Fault> {
        self.must_be_due(batch, lot, LotStep::Free)?;
        self.abandon_reserved(batch, lot, abandoned)?;
        let rest: Vec<_> = self.lot(batch, lot)?.current().map(|slot| slot.node).collect();
        self.freed.push((batch, lot));
        rest.into_iter().try_for_each(|node| self.end_slot(batch, lot, node, SlotEnd::Freed, 0).map(drop))
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
        open.progress.window.mark(lot, lots, open.appendable);
        Ok(())
    }

    /// The first claim of a lot makes its record and reserves its bytes from the requester.
    fn lot_begun(&mut self, batch: BatchId, lot: LotId) -> Result<(), Fault> {
        let open = self.open_batch(batch)?;
        let items = open.lot_items(lot);
        if items == 0 {
            return Err(Fault::NoLot(batch, lot));
        }
        let progress = &mut open.progress;
        progress.live = progress.live.checked_add(1).ok_or(Fault::Range("the count of live lots"))?;
        let bytes = if progress.live > progress.reserved { storage::lot_bytes(&open.terms) } else { 0 };
        progress.reserved = progress.reserved.max(progress.live);
        let requester = open.requester;
        self.mirror.lots.insert((batch, lot), LotState::default());
        if bytes > 0 { self.charge(requester, bytes) } else { Ok(()) }
    }

    /// The round ends: exactly its reservations are abandoned.
    fn abandon_reserved(&mut self, batch: BatchId, lot: LotId, abandoned: &[Abandoned]) -> Result<(), Fault> {
        abandoned.iter().try_for_each(|abandoned| self.abandoned(batch, lot, abandoned))?;
        if self.lot(batch, lot)?.current().any(|slot| matches!(slot.phase, SlotPhase::Reserved(_))) {
            return Err(Fault::Differs("the list of reservations that ran out"));
        }
        Ok(())
    }

    /// A reservation of the current round ran out: the slot goes and its node pays.
    fn abandoned(&mut self, batch: BatchId, lot: LotId, abandoned: &Abandoned) -> Result<(), Fault> {
        let Abandoned { node, slash } = abandoned;
        let now_s = self.context.now_s;
        if !self.current_slot(batch, lot, *node)?.is_expired(now_s) {
            return Err(Fault::NoSlot(batch, lot, *node));
        }
        let open = self.terms_of(batch)?;
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        if state.abandon_slash(&open.terms, &open.fixed, open.lot_items(lot)) != slash.0 {
            return Err(Fault::Differs("the slash of an abandoned reservation"));
        }
        let operator = self.end_slot(batch, lot, *node, SlotEnd::Abandoned, slash.0)?;
        self.lot(batch, lot)?.note_leaver(*node, operator);
        self.burn(slash.0)
    }

    /// Takes a slot of the current round from its lot and gives its node the bond back, less the slash. Returns its operator.
    fn end_slot(
        &mut self,
        batch: BatchId,
        lot: LotId,
        node: AccountNo,
        end: SlotEnd,
        slash: u128,
    ) -> Result<AccountNo, Fault> {
        let open = self.terms_of(batch)?;
        let items = open.lot_items(lot);
        let state = self.mirror.lots.get(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))?;
        let bond = slot_bond(&open.terms, &open.fixed, items, state, state.round);
        let state = self.lot(batch, lot)?;
        let index = state.slot_of(node).ok_or(Fault::NoSlot(batch, lot, node))?;
        let slot = state.slots.remove(index);
        self.free_bond(node, bond, slash)?;
        if matches!(slot.phase, SlotPhase::Reserved(_)) {
            self.end_reservation(node)?;
        }
        let operator = slot.operator;
        let ended = EndedSlot { batch, lot, slot, end, pay: 0, slash, reputation: None, agreed: 0 };
        self.changes.ended.push(ended);
        Ok(operator)
    }

    /// A seat of the node is reserved no longer.
    fn end_reservation(&mut self, node: AccountNo) -> Result<(), Fault> {
        self.node(node, |node| {
            node.reservations = node.reservations.checked_sub(1).ok_or(Fault::Range("the node's reservations"))?;
            Ok(())
        })
    }

    /// A slot of the node ended: checks that the slash is within the bond and the bond within the stake.
    pub fn free_bond(&mut self, node: AccountNo, bond: u128, slash: u128) -> Result<(), Fault> {
        self.node(node, |node| {
            if slash > bond || bond > node.bonded.0 || slash > node.stake.0 {
                return Err(Fault::Range("the node's bonds"));
            }
            node.end_slot(bond, slash);
            Ok(())
        })
    }

    fn current_slot(&mut self, batch: BatchId, lot: LotId, node: AccountNo) -> Result<&mut Slot, Fault> {
        let state = self.lot(batch, lot)?;
        let index = state.slot_of(node).ok_or(Fault::NoSlot(batch, lot, node))?;
        Ok(&mut state.slots[index])
    }
}
