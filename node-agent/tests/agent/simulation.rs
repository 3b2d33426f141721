//! Agents over the coordinator's own rules, crashed between any two of their steps.

mod agent;
mod chain;
mod challenges;

use self::agent::Agent;
use self::chain::Chain;
use piecework_interface::{
    ids::LotId,
    view::{BatchStatus, LotPhase, SlotPhase},
};
use proptest::prelude::*;

const NODES: [&str; 5] = ["a.near", "b.near", "c.near", "d.near", "e.near"];
const MORE_NODES: [&str; 9] =
    ["a.near", "b.near", "c.near", "d.near", "e.near", "f.near", "g.near", "h.near", "i.near"];
const STEP_MS: u64 = 100;
const LIMIT_MS: u64 = 400_000;
/// Blocks that some nodes are behind.
const LAG: usize = 8;

/// A market with its agents.
struct World {
    chain: Chain,
    agents: Vec<Agent>,
    now_ms: u64,
}

/// A power cut: agent, its step, and how long it lasts.
#[derive(Clone, Copy, Debug)]
struct Cut {
    agent: usize,
    step: u64,
    down_ms: u64,
}

impl World {
    fn new(items: u32, quorum_pct: u8) -> Self {
        Self::with(&NODES, items, quorum_pct)
    }

    fn with(nodes: &[&str], items: u32, quorum_pct: u8) -> Self {
        Self::on(Chain::new(nodes, items, quorum_pct), nodes)
    }

    fn on(chain: Chain, nodes: &[&str]) -> Self {
        let agents = nodes.iter().map(|node| Agent::new(node, 0, &chain, 2)).collect();
        Self { chain, agents, now_ms: 0 }
    }

    /// Runs until the batch is closed, with these power cuts.
    fn run(&mut self, cuts: &[Cut]) {
        let mut cuts = cuts.to_vec();
        let mut down: Vec<(u64, usize)> = Vec::new();
        while self.chain.batch().status != BatchStatus::Closed {
            assert!(self.now_ms < LIMIT_MS, "the batch does not end: {:?}", self.chain.batch());
            self.tick(&mut cuts, &mut down);
        }
    }

    fn tick(&mut self, cuts: &mut Vec<Cut>, down: &mut Vec<(u64, usize)>) {
        self.now_ms += STEP_MS;
        if self.now_ms.is_multiple_of(1_000) {
            self.chain.block();
        }
        for &(until, index) in down.iter() {
            if until <= self.now_ms && !self.agents[index].is_up() {
                self.agents[index].start(&self.chain);
                // The first thing it sees is older than what it knows.
                self.agents[index].look(&self.chain, LAG);
            }
        }
        down.retain(|(until, _)| *until > self.now_ms);
        for index in 0..self.agents.len() {
            let agent = &mut self.agents[index];
            if !agent.is_up() {
                continue;
            }
            agent.wake(self.now_ms, &self.chain);
            // Agents look at different times.
            if (self.now_ms / STEP_MS + 3 * u64::try_from(index).unwrap()).is_multiple_of(10) {
                // Now and then it asks a node that lags.
                let lags = (self.now_ms / 1_000 + u64::try_from(index).unwrap()).is_multiple_of(4);
                agent.look(&self.chain, if lags { LAG } else { 0 });
            }
            while agent.is_up() {
                if let Some(cut) = cuts.iter().position(|cut| cut.agent == index && cut.step == agent.taken) {
                    let cut = cuts.remove(cut);
                    agent.crash();
                    down.push((self.now_ms + cut.down_ms, index));
                    break;
                }
                if !agent.step(self.now_ms, &mut self.chain) {
                    break;
                }
            }
        }
    }

    fn stake(&self, index: usize) -> u128 {
        self.chain.account(NODES[index]).node.unwrap().stake.0
    }

    fn earned(&self, index: usize) -> u128 {
        self.chain.account(NODES[index]).balances.iter().map(|balance| balance.amount.0).sum()
    }

    /// Nobody was slashed, and everybody has the pay of every lot it worked on.
    fn assert_nothing_lost(&self, lots: u32) {
        assert_eq!(self.chain.batch().settled, lots);
        let full = self.stake(0);
        for (index, node) in NODES.iter().enumerate() {
            assert_eq!(self.stake(index), full, "{node} was slashed");
            let settled = self.chain.account(node).node.unwrap().settled;
            assert_eq!(self.earned(index), u128::from(settled) * 3 * 1_000, "{node}");
        }
        let slots: u32 = NODES.iter().map(|node| self.chain.account(node).node.unwrap().settled).sum();
        assert_eq!(slots, 3 * lots);
    }
}

#[test]
fn agents__should_finish_a_batch() {
    // Given five agents and a batch of six lots.
    let mut world = World::new(18, 60);
    // When they run undisturbed.
    world.run(&[]);
    // Then all is paid.
    world.assert_nothing_lost(6);
}

#[test]
fn agent__should_lose_nothing_when_it_crashes_between_any_two_steps() {
    // Given the number of steps that the first agent takes in an undisturbed run.
    let mut undisturbed = World::new(9, 60);
    undisturbed.run(&[]);
    let steps = undisturbed.agents[0].taken;
    assert!(steps > 50, "{steps}");
    for step in 0..steps {
        // When it crashes before this one and comes back within its reservations.
        let mut world = World::new(9, 60);
        world.run(&[Cut { agent: 0, step, down_ms: 4_000 }]);
        // Then nobody has lost anything.
        world.assert_nothing_lost(3);
    }
}

#[test]
fn machines_of_one_node__should_not_disturb_each_other() {
    // Given a node with two machines, each with a key and a state directory of its own.
    let mut world = World::new(18, 60);
    world.agents.push(Agent::new(NODES[0], 1, &world.chain, 2));
    for index in [0, NODES.len()] {
        world.agents[index].shares_node = true;
    }
    // When all run.
    world.run(&[]);
    // Then nobody has lost anything.
    world.assert_nothing_lost(6);
}

#[test]
fn agents__should_extend_what_they_disagree_on() {
    // Given a dissenter and a quorum that needs all three.
    let mut world = World::new(9, 70);
    world.agents[0].dissents = true;
    // When they run.
    world.run(&[]);
    // Then everything is settled, and only the dissenter is slashed.
    assert_eq!(world.chain.batch().settled, 3);
    for index in 1..NODES.len() {
        assert!(world.stake(index) >= world.stake(0));
    }
}

#[test]
fn agents__should_sit_on_a_jury_and_tell_of_the_end() {
    // Given nine agents, a batch with a challenge window and a listener, and a challenge of its only lot.
    let mut world = World::on(Chain::with_window(&MORE_NODES, 3, 30), &MORE_NODES);
    let provisional = |world: &World| {
        world
            .chain
            .facts(MORE_NODES[0])
            .batches
            .values()
            .any(|batch| batch.lots.get(&LotId(0)).is_some_and(|lot| lot.phase == LotPhase::Provisional))
    };
    while !provisional(&world) {
        assert!(world.now_ms < LIMIT_MS, "the lot is not tallied");
        world.tick(&mut Vec::new(), &mut Vec::new());
    }
    world.chain.challenge(LotId(0));
    // When they run on.
    while world.chain.batch().status != BatchStatus::Closed || world.chain.batch().callback.is_some() {
        assert!(world.now_ms < LIMIT_MS, "the case does not end: {:?}", world.chain.batch());
        world.tick(&mut Vec::new(), &mut Vec::new());
    }
    // Then three have worked for three items each and share a tenth of the deposit, five others have sat on the jury for
    // one item, each is paid for what it did, and no node was slashed.
    let nodes = MORE_NODES.map(|node| world.chain.account(node));
    let mut paid = nodes.each_ref().map(|node| node.balances.iter().map(|balance| balance.amount.0).sum::<u128>());
    paid.sort_unstable();
    assert_eq!(paid, [0, 1_000, 1_000, 1_000, 1_000, 1_000, 3_166, 3_166, 3_166]);
    assert!(nodes.iter().all(|node| node.node.as_ref().unwrap().stake == nodes[0].node.as_ref().unwrap().stake));
}

#[test]
fn agents__should_not_wait_for_each_other() {
    for dissenters in [&[][..], &[0, 3, 6], &[0, 1, 2, 3, 4]] {
        // Given nodes with two reservations each, lots enough to fill them all several times, and so many dissenters that
        // nearly every lot is extended.
        let mut world = World::with(&MORE_NODES, 45, 70);
        for index in dissenters {
            world.agents[*index].dissents = true;
        }
        // When they run.
        while world.chain.batch().status != BatchStatus::Closed {
            assert!(world.now_ms < LIMIT_MS, "the batch does not end");
            world.tick(&mut Vec::new(), &mut Vec::new());
            // Then no round runs out of its time for claims because everybody waits for everybody.
            for batch in world.chain.facts(MORE_NODES[0]).batches.values() {
                let terms = &batch.open.terms;
                let late = batch
                    .lots
                    .values()
                    .find(|lot| lot.phase == LotPhase::Working && lot.clock_over(terms, world.chain.now_s()));
                assert_eq!(late, None, "at {} ms with {dissenters:?} dissenting", world.now_ms);
            }
        }
        assert_eq!(world.chain.batch().settled, 15);
    }
}

#[test]
fn agents__should_go_on_when_a_lot_is_beyond_everybody() {
    // Given a first lot on which every worker fails.
    let mut world = World::new(18, 60);
    for agent in &mut world.agents {
        agent.fails_on = Some(LotId(0));
    }
    // When they run, then the other lots are settled all the same.
    while world.chain.batch().settled < 5 {
        assert!(world.now_ms < LIMIT_MS, "the batch stands still: {:?}", world.chain.batch());
        world.tick(&mut Vec::new(), &mut Vec::new());
    }
}

#[test]
fn agents__should_pass_a_lot_that_holds_up_a_group() {
    // Given a third group that waits behind the first, in which every worker fails on a lot.
    let mut world = World::new(3 * 66, 60);
    for agent in &mut world.agents {
        agent.fails_on = Some(LotId(7));
    }
    // When they run, then the others of the first group open the third one's way, and all are settled.
    while world.chain.batch().settled < 65 {
        assert!(world.now_ms < LIMIT_MS, "the batch stands still: {:?}", world.chain.batch());
        world.tick(&mut Vec::new(), &mut Vec::new());
    }
}

#[test]
fn agents__should_do_the_lots_of_one_that_is_gone() {
    // Given an agent that dies early, for good, while it may hold seats.
    for step in [40, 60, 80] {
        let mut world = World::new(9, 60);
        // When the others run.
        world.run(&[Cut { agent: 0, step, down_ms: u64::MAX / 2 }]);
        // Then every lot is settled all the same.
        assert_eq!(world.chain.batch().settled, 3);
    }
}

#[test]
fn agent__should_lose_nothing_when_its_disk_is_full_for_a_while() {
    for (from, to) in [(0, 20_000), (5_000, 12_000), (8_000, 14_000), (12_000, 30_000)] {
        // Given an agent whose disk takes no write between two times.
        let mut world = World::new(18, 60);
        while world.chain.batch().status != BatchStatus::Closed {
            assert!(world.now_ms < LIMIT_MS);
            world.agents[0].set_full((from..to).contains(&world.now_ms));
            world.tick(&mut Vec::new(), &mut Vec::new());
        }
        // Then nothing was committed that was not on disk (checked with every call), and its stake is whole unless a
        // reservation ran out meanwhile.
        assert_eq!(world.chain.batch().settled, 6);
        // One claim told it that the disk is full; then it tried no other before a test write went well.
        assert!(world.agents[0].refused <= 1, "{} claims", world.agents[0].refused);
        if to - from < 10_000 {
            world.assert_nothing_lost(6);
        }
    }
}

#[test]
fn agent__should_leave_without_loss_when_asked_to_stop() {
    for at in [2_000, 6_000, 8_000, 9_000, 10_000, 12_000, 15_000, 20_000] {
        // Given agents at work.
        let mut world = World::new(18, 60);
        while world.now_ms < at {
            world.tick(&mut Vec::new(), &mut Vec::new());
        }
        // When one is asked to stop.
        world.agents[0].stop();
        while !world.agents[0].exited {
            assert!(world.now_ms < at + 15_000, "it does not stop");
            world.tick(&mut Vec::new(), &mut Vec::new());
        }
        // Then it holds no reservation, it waited for its reveals as long as it may, and once it is back everything ends
        // well.
        let held = world.chain.facts(NODES[0]);
        let reserved = held.held().filter(|held| matches!(held.slot.phase, SlotPhase::Reserved(_)));
        assert_eq!(reserved.count(), 0, "stopped at {at}");
        let committed = held.held().filter(|held| matches!(held.slot.phase, SlotPhase::Committed(_))).count();
        assert!(committed == 0 || world.now_ms >= at + 10_000, "left {committed} commits at {}", world.now_ms);
        world.agents[0].exited = false;
        let World { chain, agents, .. } = &mut world;
        agents[0].start(chain);
        world.run(&[]);
        assert_eq!(world.chain.batch().settled, 6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn agents__should_lose_nothing_whatever_crashes(
        cuts in prop::collection::vec((0_usize..5, 0_u64..250, 200_u64..5_000), 0..8)
    ) {
        let cuts: Vec<Cut> =
            cuts.into_iter().map(|(agent, step, down_ms)| Cut { agent, step, down_ms }).collect();
        // Cuts that follow each other may keep an agent away for longer than a reservation lasts.
        let mut away = [0; 5];
        for cut in &cuts {
            away[cut.agent] += cut.down_ms + 2_000;
        }
        prop_assume!(away.iter().all(|ms| *ms < 10_000));
        let mut world = World::new(12, 60);
        world.run(&cuts);
        world.assert_nothing_lost(4);
    }
}
