//! Pays the node's balances out, to the account that its owner named and no other: the contract sees to that.

use super::{Call, State, facts::Facts};

impl State {
    /// The payout of a token whose balance is above what the operator lets stand here. None is sent while a withdrawal of
    /// the account is in flight, so that none is sent twice.
    pub(super) fn payout_call(&mut self, now_ms: u64, facts: &Facts, fresh: bool) -> Option<Call> {
        if !fresh || self.stop_at_ms.is_some() {
            return None;
        }
        let account = facts.account.as_ref().filter(|account| account.in_flight == 0)?;
        let payout = account.payout.as_ref()?;
        let held = |token| account.balances.iter().find(|held| held.token == token).map_or(0, |held| held.amount.0);
        let (full, low): (Vec<_>, Vec<_>) =
            self.limits.payout_above.iter().map(|(&token, &above)| (token, held(token) > above)).partition(|it| it.1);
        for (token, _) in low {
            self.pauses.payout_works(token);
        }
        let mut ready = full.into_iter().map(|(token, _)| token).filter(|token| !self.pauses.payout(*token, now_ms).0);
        let token = ready.next()?;
        if self.pauses.payout(token, now_ms).1 > 0 {
            self.problem(format!(
                "token {token} came back from {payout}: see that the account exists and is registered with the token"
            ));
        }
        self.pauses.payout_sent(token, now_ms);
        Some(Call::Payout(token))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use piecework_interface::{
        amount::Amount,
        ids::{AccountNo, NEAR, TokenId},
        view::Balance,
    };

    use super::super::{Action, Called, Event, State, fixture};
    use super::*;

    const NODE: AccountNo = AccountNo(3);
    const TOKEN: TokenId = TokenId(1);

    fn agent(above: &[(TokenId, u128)]) -> State {
        let mut state = fixture::state(NODE, 4, BTreeMap::new());
        state.limits.keeper = false;
        state.limits.payout_above = above.iter().copied().collect();
        state
    }

    /// A node that was heard from now, with this much of two tokens.
    fn facts(height: u64, (token, near): (u128, u128), in_flight: u8) -> Facts {
        let mut account = fixture::account(NODE, fixture::node(1_000));
        let balance = |token, amount| Balance { token, amount: Amount(amount) };
        account.balances = vec![balance(NEAR, near), balance(TOKEN, token)];
        account.balances.retain(|balance| balance.amount.0 > 0);
        account.payout = Some("cold.near".to_owned());
        account.in_flight = in_flight;
        Facts { height, now_s: 1_000, liveness_window_s: 3_600, account: Some(account), ..Facts::default() }
    }

    fn look(state: &mut State, now_ms: u64, facts: Facts) -> Vec<Call> {
        let actions = state.step(now_ms, Event::Facts(Box::new(facts)));
        let call = |action| if let Action::Send { call, .. } = action { Some(call) } else { None };
        actions.into_iter().filter_map(call).collect()
    }

    fn done(state: &mut State, now_ms: u64, height: u64) {
        state.step(now_ms, Event::Called(Called::Done { height, skips: BTreeMap::new() }));
    }

    #[test]
    fn payout__should_be_sent_once_above_the_threshold_and_not_while_one_is_in_flight() {
        let mut state = agent(&[(TOKEN, 100), (NEAR, 5)]);
        // Given balances that are not above it, then nothing is sent.
        assert_eq!(look(&mut state, 0, facts(1, (100, 5), 0)), []);
        // When both are, then one is sent, and none beside it: not before it is done, nor while the contract has one in flight.
        assert_eq!(look(&mut state, 10, facts(2, (101, 6), 0)), [Call::Payout(NEAR)]);
        assert_eq!(look(&mut state, 20, facts(3, (101, 6), 0)), []);
        done(&mut state, 30, 5);
        assert_eq!(look(&mut state, 40, facts(4, (101, 6), 0)), [], "facts from before the call");
        assert_eq!(look(&mut state, 50, facts(5, (101, 0), 1)), []);
        // When it has arrived, then the other follows.
        assert_eq!(look(&mut state, 60, facts(6, (101, 0), 0)), [Call::Payout(TOKEN)]);
    }

    #[test]
    fn payout__should_be_off_without_a_threshold_or_a_payout_account() {
        assert_eq!(look(&mut agent(&[]), 0, facts(1, (u128::MAX, u128::MAX), 0)), []);
        let mut unnamed = facts(1, (u128::MAX, 0), 0);
        unnamed.account.as_mut().unwrap().payout = None;
        assert_eq!(look(&mut agent(&[(TOKEN, 0)]), 0, unnamed), []);
    }

    #[test]
    fn payout__should_wait_longer_each_time_that_it_comes_back() {
        // Given a payout that the token gave back.
        let mut state = agent(&[(TOKEN, 100)]);
        assert_eq!(look(&mut state, 0, facts(1, (500, 0), 0)), [Call::Payout(TOKEN)]);
        done(&mut state, 1, 2);
        // When its balance is there again, then it is tried after a minute, then after two, and the operator sees why.
        assert_eq!(look(&mut state, 59_999, facts(2, (500, 0), 0)), []);
        assert_eq!(look(&mut state, 60_000, facts(3, (500, 0), 0)), [Call::Payout(TOKEN)]);
        assert!(state.problems().any(|problem| problem.text.contains("cold.near")));
        done(&mut state, 60_001, 4);
        assert_eq!(look(&mut state, 179_999, facts(5, (500, 0), 0)), []);
        assert_eq!(look(&mut state, 180_000, facts(6, (500, 0), 0)), [Call::Payout(TOKEN)]);
        done(&mut state, 180_001, 7);
        // When one arrives, then the next is sent at once again.
        assert_eq!(look(&mut state, 180_002, facts(7, (0, 0), 0)), []);
        assert_eq!(look(&mut state, 180_003, facts(8, (101, 0), 0)), [Call::Payout(TOKEN)]);
    }
}
