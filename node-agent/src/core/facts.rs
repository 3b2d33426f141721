//! What the chain says at one final block.

use std::collections::{BTreeMap, BTreeSet};

use piecework_interface::{
    admit::Table,
    draw::Seed,
    due::{LotStep, Setting},
    ids::{AccountNo, BatchId, ClassId, LotId},
    lots::lot_count,
    round::closed_to_claims,
    settlement::slot_bond,
    terms::JURY,
    view::{Account, BatchStatus, Class, GROUP_LOTS, LotState, Node, OpenBatch, Slot},
};

use super::policy::{Cost, Offer, Purse};
use crate::record::Place;

/// The contract's state at a final block, as far as an agent needs it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Height of the block.
    pub height: u64,
    /// Its time, Unix seconds.
    pub now_s: u32,
    /// The rows of the classes that the agent works in, as far as they are registered.
    pub classes: BTreeMap<ClassId, Class>,
    /// Operators of the active nodes of each class, admitted where it is gated, as of the last look at all accounts.
    pub operators: BTreeMap<ClassId, BTreeSet<AccountNo>>,
    /// Adjudicators that the operator trusts.
    pub adjudicators: BTreeSet<AccountNo>,
    /// A node silent for longer than this may be made inactive, seconds.
    pub liveness_window_s: u32,
    /// The agent's account; `None` if it is not registered.
    pub account: Option<Account>,
    /// The account that pays challenges; `None` if it is not registered, or none is made.
    pub challenger: Option<Account>,
    /// Batches that are not closed.
    pub batches: BTreeMap<BatchId, BatchFacts>,
    /// Active nodes that have been silent for too long, as far as they were looked for.
    pub silent: Vec<AccountNo>,
    /// Closed batches whose callback was not sent, with its TGas.
    pub untold: BTreeMap<BatchId, u8>,
}

/// A batch that is not closed, with its lots that have a record.
#[derive(Clone, Debug)]
pub struct BatchFacts {
    /// Status.
    pub status: BatchStatus,
    /// The batch.
    pub open: OpenBatch,
    /// Lots with a record.
    pub lots: BTreeMap<LotId, LotState>,
}

/// A slot of the agent's node in a lot.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Where.
    pub place: Place,
    /// The slot.
    pub slot: &'a Slot,
    /// Its lot.
    pub lot: &'a LotState,
    /// Its batch.
    pub batch: &'a BatchFacts,
}

impl Facts {
    /// Counts the operators of all classes anew.
    pub fn count_operators(&mut self, accounts: &[Account]) {
        self.operators.clear();
        for (account, node) in accounts.iter().filter_map(|account| Some((account.account, account.node.as_ref()?))) {
            for (class, _) in node.counted() {
                self.operators.entry(class).or_default().insert(node.operator_or(account));
            }
        }
    }

    /// The agent's node.
    #[must_use]
    pub fn node(&self) -> Option<(AccountNo, &Node)> {
        let account = self.account.as_ref()?;
        Some((account.account, account.node.as_ref()?))
    }

    /// Operators with an active node of the batch's class who may sit beside the agent's: neither its own nor the
    /// requester's, and with a challenge window none who left the lot. At most as many as the class has other nodes now.
    #[must_use]
    pub fn others_in(&self, batch: &BatchFacts, lot: Option<&LotState>) -> u32 {
        let (open, class) = (&batch.open, batch.open.terms.class);
        let own = self.node().map(|(number, node)| node.operator_or(number));
        let leavers = lot.filter(|_| open.terms.challenge_window_s > 0).map_or(&[][..], |lot| &lot.leavers);
        let may_sit = |operator: &&AccountNo| {
            Some(**operator) != own && **operator != open.requester_operator && !leavers.contains(operator)
        };
        let operators = self.operators.get(&class).map_or(0, |operators| operators.iter().filter(may_sit).count());
        let counted = self.node().is_some_and(|(_, node)| node.counted().any(|(of, _)| of == class));
        let nodes = self.classes.get(&class).map_or(0, |row| row.nodes.saturating_sub(counted.into()));
        nodes.min(u32::try_from(operators).unwrap_or(u32::MAX))
    }

    /// A round of a batch as the policy weighs it, without the requester's record; `lot` as far as it has begun.
    #[must_use]
    pub fn offer<'a>(&'a self, batch: &'a BatchFacts, round: u8, lot: Option<&LotState>) -> Offer<'a> {
        let class = batch.open.terms.class;
        Offer {
            batch: &batch.open,
            round,
            reward: lot.map_or(batch.open.terms.reward, |lot| lot.terms(&batch.open.terms).reward),
            class: self.classes.get(&class),
            others: self.others_in(batch, lot),
            adjudicators: &self.adjudicators,
            record: None,
        }
    }

    /// The node's stake, and what of it stands behind lots.
    #[must_use]
    pub fn purse(&self) -> Purse {
        let (stake, free) = self.node().map_or((0, 0), |(_, node)| (node.stake.0, node.free_stake()));
        let mut purse = Purse { stake, free, ..Purse::default() };
        for held in self.held() {
            purse.hold(held.batch.cost(held.place.lot, held.place.round));
        }
        purse
    }

    /// Every slot of the agent's node.
    pub fn held(&self) -> impl Iterator<Item = Held<'_>> {
        let node = self.account.as_ref().map(|account| account.account);
        self.batches.iter().flat_map(move |(&batch, facts)| {
            facts.lots.iter().flat_map(move |(&lot, state)| {
                let mine = state.slots.iter().filter(move |slot| Some(slot.node) == node);
                mine.map(move |slot| Held {
                    place: Place { batch, lot, round: slot.round },
                    slot,
                    lot: state,
                    batch: facts,
                })
            })
        })
    }
}

impl BatchFacts {
    /// Whether a round of the batch takes claims: a jury does, whatever became of its batch.
    #[must_use]
    pub fn takes_claims(&self, round: u8, now_s: u32) -> bool {
        !closed_to_claims(&self.open.terms, self.is_cancelled(), round, now_s)
    }

    /// Whether a lot has neither a record nor a result.
    #[must_use]
    pub fn has_unbegun(&self) -> bool {
        let window = &self.open.progress.window;
        let first = window.frontier.saturating_mul(GROUP_LOTS);
        (first..self.lot_count()).map(LotId).any(|lot| !self.lots.contains_key(&lot) && !window.is_marked(lot))
    }

    /// A lot's current round, as a claim meets it.
    #[must_use]
    pub fn table<'a>(&'a self, place: Place, lot_state: Option<&'a LotState>, seed: Option<&'a Seed>) -> Table<'a> {
        Table {
            batch: place.batch,
            lot: place.lot,
            items: self.open.lot_items(place.lot),
            requester: (self.open.requester, self.open.requester_operator),
            adjudicator_operator: self.open.progress.adjudicator_operator,
            terms: &self.open.terms,
            fixed: &self.open.fixed,
            cancelled: self.is_cancelled(),
            lot_state,
            seed,
        }
    }

    /// The step of a lot that a poke would take now.
    #[must_use]
    pub fn due(&self, lot: LotId, state: &LotState, now_s: u32, height: u64) -> Option<LotStep> {
        state.due(&Setting {
            terms: &self.open.terms,
            fixed: &self.open.fixed,
            cancelled: self.is_cancelled(),
            held_up: self.open.is_held_up_by(lot),
            bond: self.open.progress.bond.0,
            now_s,
            height: u32::try_from(height).unwrap_or(u32::MAX),
        })
    }

    /// Whether the batch was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == BatchStatus::Cancelled
    }

    /// Lots of the batch.
    #[must_use]
    pub const fn lot_count(&self) -> u32 {
        lot_count(self.open.items, self.open.terms.lot_size)
    }

    /// Items that a round of a lot judges, bit i for item i of the lot.
    #[must_use]
    pub fn judged(&self, lot: LotId, round: u8) -> u64 {
        let state = self.lots.get(&lot);
        state.unwrap_or(&LotState::default()).judged_items(round, self.open.lot_items(lot))
    }

    /// Bytes per answer in a round: a jury about an adjudicator's scores answers in one.
    #[must_use]
    pub const fn width(&self, round: u8) -> u8 {
        if self.is_about_scores(round) { 1 } else { self.open.terms.answer_width }
    }

    /// Whether a round is a jury about an adjudicator's scores.
    #[must_use]
    pub const fn is_about_scores(&self, round: u8) -> bool {
        round == JURY && self.open.terms.adjudicator().is_some()
    }

    /// yoctoNEAR that a seat bonds.
    #[must_use]
    pub fn bond(&self, lot: LotId, round: u8) -> u128 {
        let (open, state) = (&self.open, self.lots.get(&lot));
        slot_bond(&open.terms, &open.fixed, open.lot_items(lot), state.unwrap_or(&LotState::default()), round)
    }

    /// A seat as the node's purse sees it.
    #[must_use]
    pub fn cost(&self, lot: LotId, round: u8) -> Cost {
        let terms = &self.open.terms;
        Cost { round, class: terms.class, windowed: terms.challenge_window_s > 0, bond: self.bond(lot, round) }
    }
}

impl Held<'_> {
    /// Whether the slot belongs to the lot's current round.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        self.slot.round == self.lot.round
    }

    /// What giving the seat back costs now, yoctoNEAR; `None` if it cannot be given back.
    #[must_use]
    pub fn release_slash(&self, now_s: u32) -> Option<u128> {
        let open = &self.batch.open;
        let items = open.lot_items(self.place.lot);
        let slash = self.lot.release_slash(self.slot, &open.terms, &open.fixed, items, now_s);
        slash.filter(|_| self.is_current())
    }
}
