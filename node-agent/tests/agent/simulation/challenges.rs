//! A wrong majority, and one agent that proves it wrong.

use piecework_agent::record::Fate;
use piecework_chain::KeyFile;
use piecework_interface::{ids::TokenId, view::BatchStatus};

use super::{
    Cut, LIMIT_MS, MORE_NODES, World,
    agent::{Challenges, Program},
    chain::{Chain, OPERATOR, PURSE},
};

/// Items of a lot, and a challenge's deposit for all of them, by the simulated terms.
const ITEMS: u32 = 3;
const DEPOSIT: u128 = 3 * 5_500;

/// Nodes all of which but the first give wrong answers to three lots with a challenge window, and right ones on juries.
fn world(window_s: u32, change: impl FnOnce(&mut Challenges)) -> World {
    let mut chain = Chain::with_window(&MORE_NODES, 3 * ITEMS, window_s);
    let mut challenges = Challenges::new(KeyFile::generate(OPERATOR.parse().unwrap()), PURSE);
    chain.fund_challenges(challenges.limits.public_key, PURSE);
    change(&mut challenges);
    let mut world = World::on(chain, &MORE_NODES);
    for agent in &mut world.agents[1..] {
        agent.errs = true;
    }
    let World { chain, agents, .. } = &mut world;
    agents[0].challenges = Some(challenges);
    agents[0].start(chain);
    world
}

/// Runs to the end; the sentences with which the first agent declined to challenge.
fn run(world: &mut World, cuts: &[Cut]) -> Vec<String> {
    let (mut cuts, mut down, mut declined) = (cuts.to_vec(), Vec::new(), Vec::new());
    while world.chain.batch().status != BatchStatus::Closed {
        assert!(world.now_ms < LIMIT_MS, "the batch does not end: {:?}", world.chain.batch());
        world.tick(&mut cuts, &mut down);
        for why in world.agents[0].declined() {
            if !declined.contains(&why) {
                declined.push(why);
            }
        }
    }
    // The facts of the end are final some blocks later.
    for _ in 0..200 {
        world.tick(&mut cuts, &mut down);
    }
    declined
}

/// The operator's tokens.
fn purse(world: &World) -> u128 {
    let balances = world.chain.account(OPERATOR).balances;
    balances.iter().filter(|balance| balance.token == TokenId(1)).map(|balance| balance.amount.0).sum()
}

/// Each lot in which the first agent worked was challenged once, a jury overturned all of it, and the deposit is back.
fn assert_won(world: &World) {
    let worked = world.chain.account(MORE_NODES[0]).node.unwrap().settled;
    let mut lots: Vec<_> = world.chain.challenged.iter().map(|(lot, ..)| *lot).collect();
    lots.sort_unstable();
    lots.dedup();
    assert_eq!(lots.len(), world.chain.challenged.len(), "a lot was challenged twice");
    assert!(!lots.is_empty(), "nothing was challenged");
    assert!(u32::try_from(lots.len()).unwrap() <= worked);
    assert!(world.chain.challenged.iter().all(|(_, items, deposit)| (*items, *deposit) == (0b111, DEPOSIT)));
    assert_eq!(purse(world), PURSE);
    assert!(world.chain.account(OPERATOR).balances.len() > 1, "no slash paid the challenger");
}

#[test]
fn agent__should_challenge_a_wrong_result_once_and_win() {
    let mut world = world(60, |_| {});
    run(&mut world, &[]);
    assert_won(&world);
    for challenge in world.agents[0].recorded() {
        assert!(matches!(challenge.fate, Fate::Ruled { overturned: 0b111, .. }), "{challenge:?}");
    }
    // The first agent is paid for all of its answers, and slashed for none.
    let account = world.chain.account(MORE_NODES[0]);
    assert_eq!(account.node.as_ref().unwrap().stake.0, 10 * piecework_coordinator::testing::NEAR);
    assert!(account.balances.iter().any(|balance| balance.amount.0 >= 3_000));
}

#[test]
fn agent__should_challenge_once_when_it_crashes_around_its_signature() {
    // Given the step in which it signs its first challenge, if nothing disturbs it.
    let mut undisturbed = world(60, |_| {});
    run(&mut undisturbed, &[]);
    let signed_at = undisturbed.agents[0].signed_at.unwrap();
    for step in signed_at - 3..signed_at + 12 {
        // When it crashes before this step and comes back within the window.
        let mut world = world(60, |_| {});
        run(&mut world, &[Cut { agent: 0, step, down_ms: 4_000 }]);
        // Then there is one deposit for a lot, and it is won.
        assert_won(&world);
    }
}

#[test]
fn agent__should_leave_results_alone_that_are_not_worth_it_or_not_proven() {
    type Change = fn(&mut Challenges);
    let table: [(u32, Change, &str); 5] = [
        (60, |it| it.limits.odds.confidence_pct = 50, "is expected to bring -"),
        (60, |it| it.limits.daily_cap = 5_499, "and the cap is 5499"),
        (60, |it| it.program = Program::Unsure, "proves none of 3 items wrong"),
        (60, |it| it.program = Program::Deceived, "the payload does not have its digest"),
        (60, |it| it.limits.margin_s = 61, "and 61 are kept"),
    ];
    for (window_s, change, why) in table {
        let mut world = world(window_s, change);
        let declined = run(&mut world, &[]);
        assert!(declined.iter().any(|text| text.contains(why)), "{why}: {declined:?}");
        assert_eq!((world.chain.challenged.len(), purse(&world)), (0, PURSE), "{why}");
    }
}

#[test]
fn agent__should_stop_at_its_cap() {
    // Given a cap that covers one lot's deposit and no second.
    let mut world = world(60, |it| it.limits.daily_cap = 2 * DEPOSIT - 1);
    run(&mut world, &[]);
    // Then one lot at most is challenged, however many it worked in.
    assert_eq!(world.chain.challenged.len(), 1);
    assert_won(&world);
}
