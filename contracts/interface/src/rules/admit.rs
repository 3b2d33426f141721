//! Who may take a seat: the checks of a claim, in the order of their skip codes.
//!
//! The contract decides by them, a replay holds the contract to them, and an agent asks them before it pays for a call. What
//! they say of a line that is written already must never change: other rules come with another journal version.

use crate::{
    Sha256,
    model::{
        config::Fixed,
        draw::Seed,
        ids::{AccountNo, BatchId, LotId},
        skip::Skip,
        terms::{JURY, Terms},
        view::{LotPhase, LotState, Node},
    },
    rules::{
        round::{RESERVATIONS_MAX, closed_to_claims},
        settlement::slot_bond,
        sortition::{self, Candidate, Seats},
    },
};

/// A lot's current round, as a claim meets it.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Items of the lot.
    pub items: u8,
    /// Who pays for the batch, and its operator then.
    pub requester: (AccountNo, AccountNo),
    /// The operator of the batch's adjudicator when it accepted.
    pub adjudicator_operator: Option<AccountNo>,
    /// Terms of the batch.
    pub terms: &'a Terms,
    /// What the batch copied at its creation.
    pub fixed: &'a Fixed,
    /// Whether the batch is cancelled.
    pub cancelled: bool,
    /// The lot's record; `None` before its first claim.
    pub lot_state: Option<&'a LotState>,
    /// The seed of the round, if it has one that may be used.
    pub seed: Option<&'a Seed>,
}

/// What a claim takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The node whose reservation ran out and goes, where every seat is taken.
    pub replaces: Option<AccountNo>,
    /// yoctoNEAR that the seat bonds.
    pub bond: u128,
}

impl Table<'_> {
    /// The seat that the node `number` takes by a claim at `now_s`. The sortition is asked for the moment `drawn_s`, which
    /// is `now_s` for a claim; who looks ahead asks for a later one.
    ///
    /// # Errors
    /// The code with which the claim is skipped.
    pub fn admit(
        &self,
        sha256: Sha256,
        (number, node): (AccountNo, &Node),
        now_s: u32,
        drawn_s: u32,
    ) -> Result<Seat, Skip> {
        let (terms, untouched) = (self.terms, LotState::default());
        let state = self.lot_state.unwrap_or(&untouched);
        if node.active_tickets() == 0 {
            return Err(Skip::Inactive);
        }
        let reputation = if state.round == JURY { 0 } else { terms.min_reputation };
        let class = node.class(terms.class).filter(|class| class.reputation >= reputation);
        if !class.is_some_and(|class| class.declared && class.lets_in(state)) {
            return Err(Skip::Class);
        }
        if state.round == JURY && !state.may_be_judged_by(node, terms) {
            return Err(Skip::NoJuror);
        }
        let operator = node.operator_or(number);
        if self.is_party(state, (number, operator)) {
            return Err(Skip::Party);
        }
        let seed = self.seed.ok_or(Skip::NoSeed)?;
        if !sortition::eligible(sha256, seed, self.seats(), self.candidate(number, node), drawn_s) {
            return Err(Skip::NotEligible);
        }
        let replaces = state.vacancy(terms, self.cancelled, now_s)?;
        let own = |account: &AccountNo| *account == number || *account == operator;
        if state.slots.iter().any(|slot| own(&slot.node) || own(&slot.operator)) || state.leavers.iter().any(own) {
            return Err(Skip::Again);
        }
        if node.reservations >= RESERVATIONS_MAX {
            return Err(Skip::Reservations);
        }
        let bond = slot_bond(terms, self.fixed, self.items, state, state.round);
        if node.free_stake() < bond {
            return Err(Skip::Bond);
        }
        Ok(Seat { replaces, bond })
    }

    /// Whether the node's account or operator pays for the lot or scores it, or, before a jury, challenges it.
    fn is_party(&self, state: &LotState, (number, operator): (AccountNo, AccountNo)) -> bool {
        let own = |account| account == number || account == operator;
        let is = |account, of| own(account) || own(of);
        let (requester, of) = self.requester;
        let challenges = state.case.iter().flat_map(|case| &case.challenges);
        let judged = || challenges.into_iter().any(|challenge| is(challenge.account, challenge.operator));
        let scores = || {
            let adjudicator = self.terms.adjudicator();
            adjudicator.is_some_and(|account| is(account, self.adjudicator_operator.unwrap_or(account)))
        };
        is(requester, of) || scores() || (state.round == JURY && judged())
    }

    /// Unix time, in whole slices after the capture, from which the sortition lets the node in; `None` without a seed.
    #[must_use]
    pub fn eligible_at(&self, sha256: Sha256, (number, node): (AccountNo, &Node)) -> Option<u32> {
        let seed = self.seed?;
        let slices = sortition::eligible_after(sha256, seed, self.seats(), self.candidate(number, node));
        Some(seed.at.saturating_add(slices.saturating_mul(self.seats().slice_s)))
    }

    /// A juror's tickets are older than its lot, which is more than a seed asks: a pause in between does not count.
    fn candidate(&self, number: AccountNo, node: &Node) -> Candidate {
        let since = match self.seats().round {
            JURY => 0,
            _ => node.active_since.max(node.class(self.terms.class).map_or(0, |class| class.since)),
        };
        Candidate { node: number, tickets: node.tickets, since }
    }

    fn seats(&self) -> Seats {
        let Self { batch, lot, terms, .. } = *self;
        let round = self.lot_state.map_or(0, |state| state.round);
        Seats { batch, lot, round, seats: terms.seats(round), slice_s: terms.round_slice_s(round) }
    }
}

impl LotState {
    /// Whether the current round has a seat for one more node; if all are taken, the node whose reservation ran out and
    /// would go.
    ///
    /// # Errors
    /// The code with which a claim is skipped.
    pub fn vacancy(&self, terms: &Terms, cancelled: bool, now_s: u32) -> Result<Option<AccountNo>, Skip> {
        if self.phase != LotPhase::Working {
            return Err(Skip::ClosedToClaims);
        }
        let full = self.current().count() >= usize::from(terms.seats(self.round));
        let expired = self.current().find(|slot| slot.is_expired(now_s)).map(|slot| slot.node);
        if full && expired.is_none() {
            return Err(Skip::Full);
        }
        let over = self.clock_over(terms, now_s) && !self.restarts(terms, now_s);
        if closed_to_claims(terms, cancelled, self.round, now_s) || over {
            return Err(Skip::ClosedToClaims);
        }
        Ok(expired.filter(|_| full))
    }

    /// Seats of the current round that nobody holds, or only a reservation that ran out.
    #[must_use]
    pub fn free_seats(&self, terms: &Terms, now_s: u32) -> usize {
        let taken = self.current().filter(|slot| !slot.is_expired(now_s)).count();
        usize::from(terms.seats(self.round)).saturating_sub(taken)
    }
}
