//! How often a step is done.

use std::collections::BTreeMap;

use super::*;
use crate::core::{Action, Called, Event, fixture};

const ME: AccountNo = AccountNo(5);
const WINDOW_S: u32 = 600;

/// Facts of a census that found node 9 silent.
fn facts() -> Facts {
    let account = Some(fixture::account(ME, fixture::node(0)));
    Facts { account, silent: vec![AccountNo(9)], liveness_window_s: WINDOW_S, height: 1, ..Facts::default() }
}

#[test]
fn agent__should_poke_a_silent_node_once_a_census() {
    let poke = Call::Poke(vec![Target::Node(AccountNo(9))]);
    let pokes = [Action::Send { call: poke, claims: Vec::new() }];
    let nothing_due = Called::Failed("ERR_NOTHING_DUE: no target has a step that is due now".to_owned());
    for called in [Called::Done { height: 1, skips: BTreeMap::new() }, nothing_due] {
        // Given that the agent poked it, and that facts name it until the next census.
        let mut state = fixture::state(ME, 1, BTreeMap::new());
        assert_eq!(state.step(0, Event::Facts(Box::new(facts()))), pokes);
        state.step(0, Event::Called(called));
        // A race that another node won is no failure.
        assert_eq!(state.problems().count(), 0);
        for second in 1..u64::from(WINDOW_S) {
            assert_eq!(state.step(second * 1_000, Event::Facts(Box::new(facts()))), [], "second {second}");
        }
        // When a census finds it back, and a later one silent, then it pokes again.
        assert_eq!(state.step(700_000, Event::Facts(Box::new(Facts { silent: Vec::new(), ..facts() }))), []);
        assert_eq!(state.step(800_000, Event::Facts(Box::new(facts()))), pokes);
    }
}

#[test]
fn agent__should_poke_again_what_was_not_sent() {
    let mut state = fixture::state(ME, 1, BTreeMap::new());
    state.step(0, Event::Facts(Box::new(facts())));
    state.step(0, Event::Called(Called::NotSent(crate::core::Trouble::Other("no endpoint answers".to_owned()))));
    assert_eq!(state.step(10_000, Event::Facts(Box::new(facts()))).len(), 1);
}
