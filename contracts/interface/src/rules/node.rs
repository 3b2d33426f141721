//! The rules that move a node's record: stake and tickets, presence, bonds and reputation.

use crate::{
    model::{
        config::Fixed,
        ids::{AccountNo, ClassId},
        view::{ClassRecord, LotState, Node, NodeStatus},
    },
    rules::{money, reputation, settlement::SlotOutcome},
};

impl Node {
    /// A node registered at `now_s`, before its stake and classes are set.
    #[must_use]
    pub const fn new(now_s: u32) -> Self {
        use crate::model::amount::Amount;
        Self {
            stake: Amount(0),
            bonded: Amount(0),
            unbonding: Amount(0),
            unbonding_until: 0,
            tickets: 0,
            active_since: now_s,
            risen_at: now_s,
            last_seen: now_s,
            reservations: 0,
            registered_at: now_s,
            settled: 0,
            status: NodeStatus::Active,
            classes: Vec::new(),
            asked: None,
            operator: None,
        }
    }

    /// Tickets that its classes count.
    #[must_use]
    pub fn active_tickets(&self) -> u32 {
        if self.status == NodeStatus::Active { u32::from(self.tickets) } else { 0 }
    }

    /// The classes that count the node, each with its tickets: it is active with a ticket, has declared them, and is
    /// admitted.
    pub fn counted(&self) -> impl Iterator<Item = (ClassId, u32)> {
        let tickets = self.active_tickets();
        let classes = self.classes.iter().filter(move |class| tickets > 0 && class.declared && class.admitted);
        classes.map(move |class| (class.class, tickets))
    }

    /// Who stands behind the node of this account: its operator, or itself.
    #[must_use]
    pub fn operator_or(&self, account: AccountNo) -> AccountNo {
        self.operator.unwrap_or(account)
    }

    /// Stake that backs nothing.
    #[must_use]
    pub const fn free_stake(&self) -> u128 {
        self.stake.0.saturating_sub(self.bonded.0)
    }

    /// Sets the stake and its tickets. A rise of tickets makes the node a latecomer for the seeds that are out.
    pub fn set_stake(&mut self, stake: u128, min_stake: u128, now_s: u32) {
        self.stake.0 = stake;
        let tickets = money::tickets(stake, min_stake);
        if tickets > self.tickets {
            (self.active_since, self.risen_at) = (now_s, now_s);
        }
        self.tickets = tickets;
    }

    /// Sets the status. A return to activity makes the node a latecomer for the seeds that are out.
    pub fn set_status(&mut self, status: NodeStatus, now_s: u32) {
        if status == NodeStatus::Active && self.status != NodeStatus::Active {
            self.active_since = now_s;
        }
        self.status = status;
    }

    /// The node was heard from: a silent one returns, a paused one stays paused.
    pub fn seen(&mut self, now_s: u32) {
        self.last_seen = now_s;
        if self.status == NodeStatus::Silent {
            self.set_status(NodeStatus::Active, now_s);
        }
    }

    /// Declares exactly these classes. Records of other classes stay, undeclared, so that leaving a class does not wash
    /// its reputation away. A declaration that is new makes the node a latecomer for the seeds that are out.
    /// `classes` are numbers with whether anyone may work in the class.
    pub fn declare(&mut self, classes: &[(ClassId, bool)], now_s: u32) {
        for record in &mut self.classes {
            let declared = classes.iter().any(|(class, _)| *class == record.class);
            if declared && !record.declared {
                record.since = now_s;
            }
            record.declared = declared;
        }
        for (class, open) in classes {
            if let Err(index) = self.classes.binary_search_by_key(class, |record| record.class) {
                let (class, reputation) = (*class, reputation::START);
                let (admitted, since) = (*open, now_s);
                let record =
                    ClassRecord { class, reputation, stepped_at: 0, declared: true, admitted, since, removed_at: 0 };
                self.classes.insert(index, record);
            }
        }
    }

    /// The record of a class.
    #[must_use]
    pub fn class(&self, class: ClassId) -> Option<&ClassRecord> {
        self.classes.binary_search_by_key(&class, |record| record.class).ok().map(|index| &self.classes[index])
    }

    /// The record of a class, to be changed.
    pub fn class_mut(&mut self, class: ClassId) -> Option<&mut ClassRecord> {
        let index = self.classes.binary_search_by_key(&class, |record| record.class).ok()?;
        self.classes.get_mut(index)
    }

    /// A slot of the node ended: its bond is free, less what is slashed from the stake. Its tickets follow with the next
    /// change of its stake, or a poke, so that a settlement moves no class.
    pub const fn end_slot(&mut self, bond: u128, slash: u128) {
        self.bonded.0 = self.bonded.0.saturating_sub(bond);
        self.stake.0 = self.stake.0.saturating_sub(slash);
    }

    /// A lot in which the node held a slot settled. If it revealed, that is one settled lot more, and a step of reputation
    /// in the lot's class; a slot that did not reveal earns no trust.
    pub fn settle(&mut self, class: ClassId, outcome: &SlotOutcome, fee: u128, fixed: &Fixed, now_s: u32) {
        if outcome.revealed {
            self.settled = self.settled.saturating_add(1);
        }
        if let Ok(index) = self.classes.binary_search_by_key(&class, |record| record.class) {
            self.classes[index].step(outcome, fee, fixed, now_s);
        }
    }
}

impl ClassRecord {
    /// Whether the class's owner lets the node work on this lot: it is admitted, or it was removed when the lot had begun,
    /// and works on a later round.
    #[must_use]
    pub const fn lets_in(&self, lot: &LotState) -> bool {
        self.admitted || (lot.round > 0 && self.removed_at != 0 && lot.begun_at <= self.removed_at)
    }

    /// Whether the class's owner may admit the node: it declared the class, again if it had been removed. Else an owner
    /// could make any node a latecomer for the lots that it began, by removing and admitting it.
    #[must_use]
    pub const fn may_be_admitted(&self) -> bool {
        self.declared && !self.admitted && (self.removed_at == 0 || self.since > self.removed_at)
    }

    /// Admits the node, now.
    pub const fn admit(&mut self, now_s: u32) {
        (self.admitted, self.since, self.removed_at) = (true, now_s, 0);
    }

    /// Removes the node, now.
    pub const fn remove(&mut self, now_s: u32) {
        (self.admitted, self.removed_at) = (false, now_s);
    }

    /// Moves the reputation by a lot that paid `fee`, at most once per interval. A lot that moves nothing leaves the
    /// interval alone, so that worthless lots cannot hold a node's reputation in place.
    pub fn step(&mut self, outcome: &SlotOutcome, fee: u128, fixed: &Fixed, now_s: u32) {
        if self.stepped_at != 0 && now_s < self.stepped_at.saturating_add(fixed.reputation_interval_s) {
            return;
        }
        let moved = reputation::step(self.reputation, outcome.agreed, outcome.decided, fee, fixed.rep_unit.0);
        if moved != self.reputation {
            self.reputation = moved;
            self.stepped_at = now_s;
        }
    }
}
