//! Which terms the operator takes: a pure decision, with a sentence and a setting for each refusal.
//!
//! Work of rounds 0 and 1 is weighed by all that a requester names. New lots also need enough other operators in the class, so
//! that disputed items find an extension and appeals a jury; an extension that stands already is not left alone for want of
//! them. A jury seat pays the same for every verdict, so it asks for nothing but a class that the operator trusts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, ClassId, TokenId},
    money::mul_div,
    terms::JURY,
    view::{Class, OpenBatch},
};

use crate::words::near;

/// What the operator asks of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least reward per item of a token, in its units; none for tokens that are not here.
    pub min_reward: BTreeMap<TokenId, u128>,
    /// Greatest `bond_pct`.
    pub max_bond_pct: u16,
    /// Greatest `dissent_slash_pct`.
    pub max_dissent_slash_pct: u8,
    /// Least `quorum_pct`.
    pub min_quorum_pct: u8,
    /// Longest challenge window, seconds.
    pub max_challenge_window_s: u32,
    /// Gated classes whose owners the operator trusts.
    pub gated_classes: BTreeSet<ClassId>,
    /// Other operators with active nodes that a class must have beyond a batch's `start`; 0 asks for none at all.
    pub spare_nodes: u32,
    /// The same where the batch has a challenge window.
    pub spare_nodes_with_window: u32,
    /// Part of the stake that may stand behind unsettled lots with a challenge window of one class, in percent.
    pub max_windowed_pct: u8,
    /// Part of the stake that is kept free for juries, in percent.
    pub jury_reserve_pct: u8,
    /// Part of a requester's lots that may have ended without results, in percent.
    pub max_lost_pct: u8,
    /// Part of a requester's lots that may have been challenged without being upheld by a jury, in percent.
    pub max_contested_pct: u8,
    /// Ended lots of a requester before these parts count.
    pub judged_after_lots: u64,
    /// Whether it sits on juries.
    pub juries: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_reward: BTreeMap::new(),
            max_bond_pct: 200,
            max_dissent_slash_pct: 50,
            min_quorum_pct: 51,
            max_challenge_window_s: 604_800,
            gated_classes: BTreeSet::new(),
            spare_nodes: 3,
            spare_nodes_with_window: 8,
            max_windowed_pct: 25,
            jury_reserve_pct: 10,
            max_lost_pct: 50,
            max_contested_pct: 25,
            judged_after_lots: 20,
            juries: true,
        }
    }
}

/// How the lots of a requester's last batches ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Lots that ended.
    pub ended: u64,
    /// Lots' worth of items among them that were answered and have no result.
    pub unresolved: u64,
    /// Lots among them that no node answered: skipped, cancelled or expired.
    pub withdrawn: u64,
    /// Lots among them, and lots that are not settled yet, whose result was challenged.
    pub contested: u64,
    /// Lots that were challenged and in which no jury changed a result: their copies shared the challengers' deposits.
    pub upheld: u64,
}

/// A round of a batch, as the policy weighs it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Batch.
    pub batch: &'a OpenBatch,
    /// Round.
    pub round: u8,
    /// Reward of the lot: its batch's, or its own once it has begun.
    pub reward: Amount,
    /// Its class's row; `None` while it is not known.
    pub class: Option<&'a Class>,
    /// Operators with active nodes of the class beside the agent's own.
    pub others: u32,
    /// Adjudicators that the operator trusts.
    pub adjudicators: &'a BTreeSet<AccountNo>,
    /// How the requester's lots ended, if that is known.
    pub record: Option<Record>,
}

/// Stake of a node, and what of it stands behind lots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// All of it, yoctoNEAR.
    pub stake: u128,
    /// Part that backs nothing, yoctoNEAR.
    pub free: u128,
    /// Per class, part that backs work in unsettled lots with a challenge window, yoctoNEAR.
    pub windowed: BTreeMap<ClassId, u128>,
}

/// A seat as a purse sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Round.
    pub round: u8,
    /// Class.
    pub class: ClassId,
    /// Whether the batch has a challenge window.
    pub windowed: bool,
    /// Bond, yoctoNEAR.
    pub bond: u128,
}

/// Why terms are refused, and what would allow them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in a sentence about the batch.
    pub why: String,
    /// What would allow it.
    pub fix: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; to allow it, {}", self.why, self.fix)
    }
}

impl Refusal {
    /// A refusal that another value of a setting would not make.
    fn set(why: String, setting: &str, value: impl fmt::Display) -> Self {
        Self { why, fix: format!("set [policy] {setting} = {value}") }
    }
}

impl Policy {
    /// Everything that keeps the operator from a round of the batch; empty if it takes it.
    #[must_use]
    pub fn refusals(&self, offer: &Offer<'_>) -> Vec<Refusal> {
        let Some(class) = offer.class else {
            let why = format!("class {} is not known yet", offer.batch.terms.class);
            return vec![Refusal { why, fix: "wait until the chain shows it".to_owned() }];
        };
        let mut refusals: Vec<Refusal> = self.gate(class).into_iter().collect();
        if offer.round == JURY {
            let off = || Refusal { why: "juries are off".to_owned(), fix: "leave [policy] no_juries out".to_owned() };
            refusals.extend((!self.juries).then(off));
            return refusals;
        }
        self.terms(offer, &mut refusals);
        if offer.round == 0 {
            refusals.extend(self.crowd(offer));
            refusals.extend(offer.record.iter().flat_map(|record| self.requester(record)));
        }
        refusals
    }

    /// A gated class's owner admits workers and jurors alike, so it is the judge of all disputes.
    fn gate(&self, class: &Class) -> Option<Refusal> {
        let Class { class: number, owner, gated, .. } = class;
        (*gated && !self.gated_classes.contains(number)).then(|| {
            let why = format!("class {number} is gated: its owner, account {owner}, is the judge");
            Refusal { why, fix: format!("add {number} to [policy] gated_classes") }
        })
    }

    fn terms(&self, offer: &Offer<'_>, refusals: &mut Vec<Refusal>) {
        let (token, terms) = (offer.batch.token, &offer.batch.terms);
        let least = self.min_reward.get(&token).copied().unwrap_or_default();
        if offer.reward.0 < least {
            let why = format!("it pays {} of token {token} per item, less than {least}", offer.reward);
            refusals.push(Refusal { why, fix: format!("lower [policy] min_reward of token {token}") });
        }
        let (bond, slash) = (terms.bond_pct, terms.dissent_slash_pct);
        if bond > self.max_bond_pct {
            let why = format!("it bonds {bond} % of the work's worth, more than {}", self.max_bond_pct);
            refusals.push(Refusal::set(why, "max_bond_pct", bond));
        }
        if slash > self.max_dissent_slash_pct {
            let why = format!(
                "an answer that misses the result costs {slash} % of the bond, more than {}",
                self.max_dissent_slash_pct
            );
            refusals.push(Refusal::set(why, "max_dissent_slash_pct", slash));
        }
        match terms.adjudicator() {
            Some(adjudicator) if !offer.adjudicators.contains(&adjudicator) => {
                let why = format!("account {adjudicator} scores it, which is not among the trusted adjudicators");
                refusals.push(Refusal { why, fix: "add the account to [policy] adjudicators".to_owned() });
            }
            // Scores decide there, not equal answers.
            Some(_) => {}
            None if terms.quorum_pct < self.min_quorum_pct => {
                let quorum = terms.quorum_pct;
                let why = format!("{quorum} % equal answers make a result, fewer than {}", self.min_quorum_pct);
                refusals.push(Refusal::set(why, "min_quorum_pct", quorum));
            }
            None => {}
        }
        let window_s = terms.challenge_window_s;
        if window_s > self.max_challenge_window_s {
            let longest_s = self.max_challenge_window_s;
            let why = format!("bonds and pay wait {window_s} s for challenges, longer than {longest_s}");
            refusals.push(Refusal::set(why, "max_challenge_window_s", window_s));
        }
    }

    fn crowd(&self, offer: &Offer<'_>) -> Option<Refusal> {
        let terms = &offer.batch.terms;
        let (spare, setting) = if terms.challenge_window_s > 0 {
            (self.spare_nodes_with_window, "spare_nodes_with_window")
        } else {
            (self.spare_nodes, "spare_nodes")
        };
        let (start, others) = (u32::from(terms.start), offer.others);
        (spare > 0 && others < start.saturating_add(spare)).then(|| {
            let why = format!(
                "class {} has {others} other operators, too few for {start} copies and {spare} more",
                terms.class
            );
            Refusal::set(why, setting, others.saturating_sub(start))
        })
    }

    fn requester(&self, record: &Record) -> impl Iterator<Item = Refusal> {
        let &Record { ended, unresolved, withdrawn, contested, upheld } = record;
        let part = |lots: u64| mul_div(lots.into(), 100, ended.into());
        let (lost_pct, contested_pct) =
            (part(unresolved.saturating_add(withdrawn)), part(contested.saturating_sub(upheld)));
        let is_judged = ended >= self.judged_after_lots.max(1);
        let lost = (is_judged && lost_pct > u128::from(self.max_lost_pct)).then(|| {
            let why = format!(
                "of the requester's last {ended} lots {unresolved} ended without results and {withdrawn} were withdrawn, \
                 {lost_pct} %, more than {}",
                self.max_lost_pct
            );
            Refusal::set(why, "max_lost_pct", lost_pct.min(100))
        });
        let taken = (is_judged && contested_pct > u128::from(self.max_contested_pct)).then(|| {
            let why = format!(
                "of the requester's last {ended} lots {contested} were challenged and {upheld} of these upheld, which leaves \
                 {contested_pct} %, more than {}",
                self.max_contested_pct
            );
            Refusal::set(why, "max_contested_pct", contested_pct.min(100))
        });
        lost.into_iter().chain(taken)
    }

    /// Whether other operators matter at all.
    #[must_use]
    pub const fn asks_for_operators(&self) -> bool {
        self.spare_nodes > 0 || self.spare_nodes_with_window > 0
    }

    /// Whether how requesters' lots ended matters at all.
    #[must_use]
    pub const fn asks_for_records(&self) -> bool {
        self.max_lost_pct < 100 || self.max_contested_pct < 100
    }

    /// Why the stake does not suffice for a seat; `None` if it does. Seats of work leave the juries' part free.
    #[must_use]
    pub fn cannot_afford(&self, purse: &Purse, cost: Cost) -> Option<Refusal> {
        let bond = cost.bond;
        let stake =
            |why| Some(Refusal { why, fix: "run `piecework node stake`, or wait until lots settle".to_owned() });
        if bond > purse.free {
            return stake(format!("no free stake: a lot bonds {}, {} are free", near(bond), near(purse.free)));
        }
        if cost.round == JURY {
            return None;
        }
        let reserve = mul_div(purse.stake, self.jury_reserve_pct.into(), 100);
        if bond > purse.free.saturating_sub(reserve) {
            let why = format!("{} of stake are free, and {} are kept for juries", near(purse.free), near(reserve));
            return Some(Refusal { why, fix: "lower [policy] jury_reserve_pct, or stake more".to_owned() });
        }
        let most = mul_div(purse.stake, self.max_windowed_pct.into(), 100);
        let bonded = purse.windowed.get(&cost.class).copied().unwrap_or_default();
        if cost.windowed && bonded.saturating_add(bond) > most {
            let why = format!(
                "lots of class {} that may be challenged bond {}, a lot more {}, and {} may be at risk there",
                cost.class,
                near(bonded),
                near(bond),
                near(most)
            );
            return Some(Refusal { why, fix: "raise [policy] max_windowed_pct, or stake more".to_owned() });
        }
        None
    }
}

impl Purse {
    /// Pays for a seat.
    pub fn take(&mut self, cost: Cost) {
        self.free = self.free.saturating_sub(cost.bond);
        self.hold(cost);
    }

    /// Counts what a seat bonds already.
    pub fn hold(&mut self, cost: Cost) {
        if cost.windowed && cost.round != JURY {
            let bonded = self.windowed.entry(cost.class).or_default();
            *bonded = bonded.saturating_add(cost.bond);
        }
    }
}

#[cfg(test)]
mod tests;
