//! Why the agent takes no work, in sentences for the operator.

use std::collections::BTreeSet;

use piecework_interface::{
    ids::{AccountNo, BatchId, ClassId, LotId},
    skip::Skip,
    terms::JURY,
    view::{LotPhase, Node, NodeStatus},
};

use super::{
    Payloads, State,
    facts::{BatchFacts, Facts},
};
use crate::record::Place;

/// Sentences at most: one per batch could be thousands.
const REASONS_MAX: usize = 8;

impl State {
    /// Everything that keeps the agent from claiming more, the general before the particular. Empty if nothing does.
    #[must_use]
    pub fn why_no_work(&self, now_ms: u64) -> Vec<String> {
        let Some(facts) = &self.facts else {
            return vec!["the chain has not answered yet".to_owned()];
        };
        let Some((number, node)) = facts.node() else {
            return vec!["the account is not registered as a node: run `piecework node register`".to_owned()];
        };
        let mut reasons = self.general(now_ms, node);
        if reasons.is_empty() {
            reasons = self.by_batch(now_ms, facts, (number, node));
        }
        let more = reasons.len().saturating_sub(REASONS_MAX);
        reasons.truncate(REASONS_MAX);
        reasons.extend((more > 0).then(|| format!("and {more} more")));
        reasons
    }

    fn general(&self, now_ms: u64, node: &Node) -> Vec<String> {
        let mut reasons: Vec<String> = self.no_claims(now_ms).into_iter().collect();
        match node.status {
            NodeStatus::Active => {}
            NodeStatus::Paused => reasons.push("the node is paused: run `piecework node resume`".to_owned()),
            NodeStatus::Silent => reasons.push("the node was silent: it returns with its next heartbeat".to_owned()),
        }
        if node.tickets == 0 {
            reasons.push("the stake is below the least stake: run `piecework node stake`".to_owned());
        }
        if !self.limits.classes.keys().any(|class| declares(node, *class)) {
            reasons.push("no class that the node declared has a worker under [work.classes]".to_owned());
        }
        if self.pauses.call(now_ms) {
            reasons.push("waiting: the last call failed, the next one is tried soon".to_owned());
        }
        let limit = self.reservation_limit();
        if node.reservations >= limit {
            reasons.push(format!("the node holds {} of {limit} reservations it may hold", node.reservations));
        }
        reasons
    }

    fn by_batch(&self, now_ms: u64, facts: &Facts, node: (AccountNo, &Node)) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut any = false;
        let candidates = self.candidates(now_ms, facts, false);
        for (&batch, open) in facts.batches.iter().filter(|(_, open)| open.takes_claims(0, facts.now_s)) {
            any = true;
            let first = candidates.iter().map(|chance| chance.place).find(|place| place.batch == batch);
            if let Some(text) = self.why_not(now_ms, facts, node, (batch, open, first)) {
                reasons.push(format!("batch {batch}: {text}"));
            }
        }
        if !any {
            reasons.push("no batch takes claims".to_owned());
        }
        reasons.extend(self.later_rounds(facts));
        reasons
    }

    /// What keeps the agent from extensions and juries that the contract would give it, once a batch and round.
    fn later_rounds(&self, facts: &Facts) -> Vec<String> {
        let mut reasons = Vec::new();
        for (&batch, open) in &facts.batches {
            let mut named = BTreeSet::new();
            for (&lot, state) in
                open.lots.iter().filter(|(_, state)| state.round > 0 && state.phase == LotPhase::Working)
            {
                let place = Place { batch, lot, round: state.round };
                if named.contains(&place.round) || self.barred(facts, open, place, Some(state)).is_some() {
                    continue;
                }
                let Some(class) = self.limits.classes.get(&open.open.terms.class) else { continue };
                let mut why: Vec<_> =
                    self.refusals(facts, open, place.round, Some(state)).iter().map(ToString::to_string).collect();
                if open.is_about_scores(place.round) && !class.judges_scores {
                    why.push("its jury looks at scores: set jury_command of the class".to_owned());
                }
                if !why.is_empty() {
                    named.insert(place.round);
                    let what = if place.round == JURY { "jury" } else { "extension" };
                    reasons.push(format!("{what} of batch {batch} lot {lot}: {}", why.join("; ")));
                }
            }
        }
        reasons
    }

    /// Why the agent claims nothing in a batch that takes claims, with its first candidate; `None` if it is about to.
    fn why_not(
        &self,
        now_ms: u64,
        facts: &Facts,
        (number, node): (AccountNo, &Node),
        (batch, open, first): (BatchId, &BatchFacts, Option<Place>),
    ) -> Option<String> {
        let terms = &open.open.terms;
        if !declares(node, terms.class) || !self.limits.classes.contains_key(&terms.class) {
            return Some(format!("class {} is not declared or has no worker", terms.class));
        }
        if let Some(first) = first {
            let purse = facts.purse();
            let poor = self.limits.policy.cannot_afford(&purse, open.cost(first.lot, first.round));
            let busy = || {
                let text = "waiting: the worker has as much as it can finish in time; to take more, raise parallel of the class";
                (!self.can_finish(facts, open, first.round, &[])).then(|| text.to_owned())
            };
            return poor.map(|refusal| refusal.to_string()).or_else(|| self.not_in_hand(open, first)).or_else(busy);
        }
        let refusals = self.refusals(facts, open, 0, None);
        if !refusals.is_empty() {
            return Some(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        }
        match self.barred(facts, open, Place { batch, lot: LotId(0), round: 0 }, None) {
            Some(Skip::Class) if node.class(terms.class).is_some_and(|class| !class.admitted) => {
                return Some(format!("the owner of class {} has not admitted the node", terms.class));
            }
            Some(Skip::Class) => {
                return Some(format!("it asks for reputation {} in class {}", terms.min_reputation, terms.class));
            }
            Some(Skip::Party) => return Some("the node's operator pays for it itself".to_owned()),
            Some(skip) => return Some(skip.text().to_owned()),
            None => {}
        }
        if let Some(why) = self.pauses.batch(batch, now_ms) {
            return Some(why.to_owned());
        }
        let class = facts.classes.get(&terms.class);
        if class.is_some_and(|class| !terms.may_be_drawn(&open.open.fixed, class)) {
            return Some(Skip::FewNodes.text().to_owned());
        }
        Some(self.no_chance(facts, (number, node), batch, open))
    }

    fn not_in_hand(&self, open: &BatchFacts, place: Place) -> Option<String> {
        match self.payloads.get(&(place.batch, place.lot)) {
            Some(Payloads::Ready) if place.round > 0 || self.has_asked(open.open.requester) => None,
            Some(Payloads::Ready) => Some("the gateway is being asked about its requester".to_owned()),
            Some(Payloads::Bad { text, .. }) => Some(text.clone()),
            Some(Payloads::Fetching) | None => Some(format!("payloads of lot {} are being fetched", place.lot)),
        }
    }
}

fn declares(node: &Node, class: ClassId) -> bool {
    node.class(class).is_some_and(|record| record.declared)
}
