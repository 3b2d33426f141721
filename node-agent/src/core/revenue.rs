//! What an epoch pays reaches the node: the agent's key signs an intent for it, as its access key carries no deposit. The
//! intent's kind moves nothing out of the account, so the key still cannot.

use piecework_interface::key::Kind;

use super::{Call, Collect, State, facts::Facts};

/// A try that came to nothing is made again after so long: the owner has to do something first.
const AGAIN_MS: u64 = 600_000;
/// Seconds that the signed intent holds; the agent waits for its outcome.
const DEADLINE_S: u32 = 3_600;

impl State {
    /// An intent to collect, once the node has revenue and lets this key ask for it. It goes before everything else: it
    /// comes once in an epoch, and a node that is always busy would never get to it.
    pub(super) fn collect(&self, now_ms: u64, facts: &Facts) -> Option<Call> {
        if self.stop_at_ms.is_some() || now_ms < self.collect_at_ms || !facts.has_revenue() {
            return None;
        }
        let own = self.limits.revenue.signs?;
        let keys = &facts.account.as_ref()?.keys;
        let key = keys.iter().find(|key| key.public_key == own && key.kinds.has(Kind::CollectRevenue))?;
        let number = u64::from(facts.now_s).saturating_mul(1_000).max(key.nonce.saturating_add(1));
        Some(Call::Collect(Collect { deadline: facts.now_s.saturating_add(DEADLINE_S), number }))
    }

    pub(super) fn not_collected(&mut self, now_ms: u64) {
        self.collect_at_ms = now_ms.saturating_add(AGAIN_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use piecework_interface::{
        amount::Amount,
        ids::{AccountNo, TokenId},
        key::{IntentKey, Kinds, PublicKey},
        revenue::{Revenue, Share},
        skip::Skip,
        view::{Account, Node, Part},
    };

    use super::*;
    use crate::core::{Action, Called, Event, RevenueRights, fixture};

    const KEY: PublicKey = PublicKey([7; 32]);
    const NOW_S: u32 = 1_700_000_000;

    fn state(revenue: RevenueRights) -> State {
        fixture::state(AccountNo(3), BTreeMap::new(), revenue)
    }

    /// A node that worked in epoch 4, while epoch 5 has lasted for so long.
    fn facts(height: u64, lasted_s: u32, kinds: Kinds) -> Facts {
        let share = Share { token: TokenId(1), per_ticket: Amount(9), left: Amount(90) };
        let node = Node { part: Part { counted: 5, tickets: 1, before: 0 }, ..fixture::node(NOW_S) };
        let key = IntentKey { kinds, nonce: 41, ..IntentKey::own(KEY) };
        Facts {
            height,
            now_s: NOW_S,
            active_tickets: 1,
            liveness_window_s: 600,
            account: Some(Account { keys: vec![key], ..fixture::account(AccountNo(3), node) }),
            revenue: Revenue { epoch: 5, started_at: NOW_S - lasted_s, tickets: 1, shares: vec![share] },
            epoch_s: 100,
            ..Facts::default()
        }
    }

    fn sent(actions: &[Action]) -> Option<&Call> {
        actions.iter().find_map(|action| match action {
            Action::Send { call, .. } => Some(call),
            _ => None,
        })
    }

    const SIGNS: RevenueRights = RevenueRights { settles: true, signs: Some(KEY) };

    #[test]
    fn revenue__should_be_collected_once() {
        // Given a key that may collect, whose last number is far below the time.
        let mut state = state(SIGNS);
        let collect = Kinds::of(&[Kind::CollectRevenue]);

        // When the facts show revenue, it asks for it.
        let actions = state.step(0, Event::Facts(Box::new(facts(1, 10, collect))));
        let expected = Collect { deadline: NOW_S + 3_600, number: u64::from(NOW_S) * 1_000 };
        assert_eq!(sent(&actions), Some(&Call::Collect(expected)));

        // Then not again, once the chain shows that it came.
        state.step(1, Event::Called(Called::Done { height: 2, skips: BTreeMap::new() }));
        let mut after = facts(2, 10, collect);
        let node = after.account.as_mut().and_then(|account| account.node.as_mut()).expect("node");
        assert_eq!(node.take_tickets(5), 1);
        assert_eq!(sent(&state.step(2, Event::Facts(Box::new(after)))), None);
    }

    #[test]
    fn revenue__should_wait_after_it_was_refused() {
        let mut state = state(SIGNS);
        let collect = Kinds::of(&[Kind::CollectRevenue]);
        state.step(0, Event::Facts(Box::new(facts(1, 10, collect))));
        let skips = [(0, Skip::Storage)].into();
        state.step(1, Event::Called(Called::Done { height: 2, skips }));
        assert!(state.problems().last().expect("a problem").text.contains("storage"));
        assert_eq!(sent(&state.step(AGAIN_MS, Event::Facts(Box::new(facts(3, 10, collect))))), None);
        assert!(sent(&state.step(AGAIN_MS + 1, Event::Facts(Box::new(facts(4, 10, collect))))).is_some());
    }

    #[test]
    fn revenue__should_be_left_alone_without_the_right() {
        let collect = Kinds::of(&[Kind::CollectRevenue]);
        for (rights, kinds) in [
            (RevenueRights { signs: None, ..SIGNS }, collect),
            (RevenueRights { signs: Some(PublicKey([8; 32])), ..SIGNS }, collect),
            (SIGNS, Kinds::of(&[Kind::Tip])),
        ] {
            assert_eq!(sent(&state(rights).step(0, Event::Facts(Box::new(facts(1, 10, kinds))))), None);
        }
    }

    #[test]
    fn epoch__should_be_ended_when_it_is_over() {
        // Given keys that may not collect, so that nothing else is due.
        let end = |rights, lasted_s| {
            let actions = state(rights).step(0, Event::Facts(Box::new(facts(1, lasted_s, Kinds::NONE))));
            sent(&actions).cloned()
        };
        assert_eq!(end(SIGNS, 99), None);
        assert_eq!(end(SIGNS, 100), Some(Call::EpochSettle));
        assert_eq!(end(RevenueRights { settles: false, ..SIGNS }, 100), None);

        // When nobody worked in it, it has nothing to bring.
        let mut empty = facts(1, 100, Kinds::NONE);
        empty.revenue.tickets = 0;
        assert_eq!(sent(&state(SIGNS).step(0, Event::Facts(Box::new(empty)))), None);
    }
}
