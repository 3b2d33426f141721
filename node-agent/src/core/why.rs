//! Why the agent takes no work, in sentences for the operator.

use piecework_interface::{
    ids::{AccountNo, ClassId},
    view::{Node, NodeStatus},
};

use super::{Payloads, State, claims::may_extend, facts::Facts};
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
        reasons.truncate(REASONS_MAX);
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
        let limit = self.slot_limit(node);
        if node.slots >= limit {
            reasons.push(format!("the node holds {} of {limit} slots it may hold", node.slots));
        }
        reasons
    }

    fn by_batch(&self, now_ms: u64, facts: &Facts, (number, node): (AccountNo, &Node)) -> Vec<String> {
        let free_stake = node.free_stake();
        let mut reasons = Vec::new();
        let mut any = false;
        for (&batch, open) in &facts.batches {
            let terms = &open.open.terms;
            if !open.takes_claims(0, facts.now_s) {
                continue;
            }
            any = true;
            let text = if !declares(node, terms.class) || !self.limits.classes.contains_key(&terms.class) {
                format!("class {} is not declared or has no worker", terms.class)
            } else if !self.may_work(facts, batch, open) {
                format!("it asks for reputation {} in class {}", terms.min_reputation, terms.class)
            } else if let Some(why) = self.pauses.batch(batch, now_ms) {
                why.to_owned()
            } else if let Some(first) = self.candidates(now_ms, facts, false).iter().find(|it| it.place.batch == batch)
            {
                let bond = open.bond(first.place.lot, first.place.round);
                if bond > free_stake {
                    format!("no free stake: a lot bonds {bond} yoctoNEAR, {free_stake} are free")
                } else if let Some(text) = self.not_in_hand(first.place) {
                    text
                } else if first.place.round == 0 && may_extend(open) && self.first_round_room(facts) == 0 {
                    "the other slots are kept free for extension rounds".to_owned()
                } else {
                    continue;
                }
            } else {
                self.no_chance(facts, (number, node), batch, open)
            };
            reasons.push(format!("batch {batch}: {text}"));
        }
        if !any {
            reasons.push("no batch takes claims".to_owned());
        }
        reasons
    }

    fn not_in_hand(&self, place: Place) -> Option<String> {
        match self.payloads.get(&(place.batch, place.lot)) {
            Some(Payloads::Ready) => None,
            Some(Payloads::Bad { text, .. }) => Some(text.clone()),
            Some(Payloads::Fetching) | None => Some(format!("payloads of lot {} are being fetched", place.lot)),
        }
    }
}

fn declares(node: &Node, class: ClassId) -> bool {
    node.class(class).is_some_and(|record| record.declared)
}
