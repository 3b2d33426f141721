//! An agent whose shell is this simulation: one step of it at a time, so that it can crash between any two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piecework_agent::{
    challenger::Challenger,
    core::{
        Action, Call, Called, ClassLimits, Event, Limits, State, Trouble,
        challenge::{Challenging, Disputed, value::Odds},
        policy::Policy,
    },
    record::{Binding, Challenge, Place, Record},
};
use piecework_chain::KeyFile;
use piecework_interface::{
    host::sha256,
    ids::{BatchId, LotId},
    op::{ANSWER_BYTES_MAX, OPS_MAX, Op},
    terms::JURY,
    view::{LotPhase, SlotPhase},
};

use super::chain::{CHAIN_ID, CLASS, CONTRACT, Chain, TxId};

/// What survives a crash.
#[derive(Clone, Debug, Default)]
struct Disk {
    records: BTreeMap<Place, Record>,
    call: Option<(TxId, Call)>,
    payloads: BTreeSet<(BatchId, LotId)>,
    challenges: BTreeMap<(BatchId, LotId), Challenge>,
    /// No write succeeds while set.
    full: bool,
}

/// One step of the shell.
#[derive(Debug)]
enum Step {
    Act(Action),
    WriteCall(TxId, Call),
    Submit(TxId, Call),
    ClearCall,
    Event(Event),
}

/// How an agent challenges.
#[derive(Clone, Debug)]
pub struct Challenges {
    /// The operator's intent key.
    pub key: KeyFile,
    /// What the core may do.
    pub limits: Challenging,
    /// What its program finds of items with another result than 1.
    pub program: Program,
}

/// What a program that verifies does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// It proves them wrong.
    Proves,
    /// It cannot tell.
    Unsure,
    /// It gets payloads that are not those of the batch.
    Deceived,
}

impl Challenges {
    /// With a key of the operator, and so much a day.
    pub fn new(key: KeyFile, daily_cap: u128) -> Self {
        let public_key = piecework_agent::challenger::public_key(&key).expect("ed25519");
        let odds = Odds { confidence_pct: 84, near_pct: 100 };
        let limits = Challenging { public_key, daily_cap, min_expected: 0, odds, margin_s: 5 };
        Self { key, limits, program: Program::Proves }
    }
}

/// An agent and its machine.
#[derive(Debug)]
pub struct Agent {
    pub account_id: String,
    /// Number among the machines of its node.
    machine: u64,
    binding: Binding,
    disk: Disk,
    /// `None` while it is down.
    state: Option<State>,
    steps: VecDeque<Step>,
    tasks: Vec<(u64, Event)>,
    flying: Option<TxId>,
    sent: u64,
    salts: u64,
    /// Steps taken in its life.
    pub taken: u64,
    /// Whether its answers differ from everybody's.
    pub dissents: bool,
    /// Whether it gives a wrong answer to all items, but on juries.
    pub errs: bool,
    /// Whether and how it challenges.
    pub challenges: Option<Challenges>,
    challenger: Option<Challenger>,
    /// The step in which it signed first.
    pub signed_at: Option<u64>,
    /// Whether another machine works for the same node.
    pub shares_node: bool,
    /// A lot on which its worker fails.
    pub fails_on: Option<LotId>,
    /// Commitments it ever sent, by place.
    commitments: BTreeMap<Place, [u8; 32]>,
    /// Claims that it tried to send while its disk was full.
    pub refused: u32,
    stopping: bool,
    /// Most seats that it may hold reserved.
    max_reservations: u16,
    pub exited: bool,
}

impl Agent {
    pub fn new(account_id: &str, machine: u64, chain: &Chain, max_reservations: u16) -> Self {
        let binding = Binding { contract: CONTRACT.to_owned(), node: chain.number(account_id) };
        let mut agent = Self {
            account_id: account_id.to_owned(),
            machine,
            binding,
            disk: Disk::default(),
            state: None,
            steps: VecDeque::new(),
            tasks: Vec::new(),
            flying: None,
            sent: 0,
            salts: 0,
            taken: 0,
            dissents: false,
            errs: false,
            challenges: None,
            challenger: None,
            signed_at: None,
            shares_node: false,
            fails_on: None,
            commitments: BTreeMap::new(),
            refused: 0,
            stopping: false,
            max_reservations,
            exited: false,
        };
        agent.start(chain);
        agent
    }

    pub fn start(&mut self, _chain: &Chain) {
        let seed = u64::from(self.binding.node.0) << 8 | self.machine;
        let limits = Limits {
            max_reservations: self.max_reservations,
            keeper: true,
            draw_jitter_ms: 500,
            keeper_jitter_ms: 500,
            jitter_seed: seed,
            stop_grace_ms: 10_000,
            classes: [(CLASS, ClassLimits { parallel: 1, time_limit_s: 5, judges_scores: false, verifies: true })]
                .into(),
            // So few nodes have none to spare.
            policy: Policy { spare_nodes: 0, spare_nodes_with_window: 0, ..Policy::default() },
            challenge: self.challenges.as_ref().map(|challenges| challenges.limits.clone()),
            payout_above: BTreeMap::new(),
        };
        // As the real shell: payloads of seats without answers are kept, the call in flight is taken up again.
        let unworked: BTreeSet<_> = self
            .disk
            .records
            .values()
            .filter(|record| record.done.is_none())
            .map(|record| (record.place.batch, record.place.lot))
            .collect();
        self.disk.payloads.retain(|lot| unworked.contains(lot));
        let records = self.disk.records.values().cloned().collect();
        let call = self.disk.call.clone();
        let challenges: Vec<Challenge> = self.disk.challenges.values().cloned().collect();
        self.challenger = self.challenges.as_ref().map(|it| {
            let contract = CONTRACT.parse().expect("account");
            Challenger::new(it.key.clone(), contract, CHAIN_ID.to_owned(), &challenges).expect("challenger")
        });
        let state = State::new(self.binding.clone(), limits, records, call.as_ref().map(|(_, call)| call.clone()));
        self.state = Some(state.with_challenges(challenges));
        if let Some((tx, call)) = call {
            self.steps.push_back(Step::Submit(tx, call));
        }
    }

    /// Power off: everything but the disk is gone.
    pub fn crash(&mut self) {
        self.state = None;
        self.steps.clear();
        self.tasks.clear();
        self.flying = None;
    }

    pub const fn is_up(&self) -> bool {
        self.state.is_some()
    }

    pub fn set_full(&mut self, full: bool) {
        self.disk.full = full;
    }

    pub fn stop(&mut self) {
        self.stopping = true;
        self.steps.push_back(Step::Event(Event::Stop));
    }

    /// Looks at the chain through a node that lags so many blocks behind.
    pub fn look(&mut self, chain: &Chain, lag: usize) {
        let facts = Box::new(chain.facts_behind(&self.account_id, lag));
        self.steps.push_back(Step::Event(Event::Facts(facts)));
    }

    /// Brings what is done by now.
    pub fn wake(&mut self, now_ms: u64, chain: &Chain) {
        let (done, waiting) = std::mem::take(&mut self.tasks).into_iter().partition(|(at, _)| *at <= now_ms);
        self.tasks = waiting;
        let done: Vec<(u64, Event)> = done;
        self.steps.extend(done.into_iter().map(|(_, event)| Step::Event(event)));
        if let Some(called) = self.flying.and_then(|tx| chain.outcome(tx)) {
            self.flying = None;
            self.steps.push_back(Step::Event(Event::Called(called)));
        }
    }

    /// Takes one step; false if there is none.
    pub fn step(&mut self, now_ms: u64, chain: &mut Chain) -> bool {
        let Some(step) = self.steps.pop_front() else {
            return false;
        };
        self.taken += 1;
        match step {
            Step::Event(event) => self.event(now_ms, event),
            Step::Act(action) => self.act(now_ms, action, chain),
            Step::WriteCall(tx, call) => {
                let claims = matches!(&call, Call::Work(ops) if ops.iter().any(|op| matches!(op, Op::Claim { .. })));
                if !self.disk.full {
                    self.disk.call = Some((tx, call.clone()));
                } else if claims {
                    let called = Called::NotSent(Trouble::Disk("full".to_owned()));
                    self.steps.push_front(Step::Event(Event::Called(called)));
                    return true;
                }
                self.steps.push_front(Step::Submit(tx, call));
            }
            Step::Submit(tx, call) => {
                chain.submit(tx, &self.account_id, &call);
                self.flying = Some(tx);
            }
            Step::ClearCall => self.disk.call = None,
        }
        true
    }

    fn event(&mut self, now_ms: u64, event: Event) {
        match &event {
            Event::Fetched(batch, lot, _) => {
                self.disk.payloads.insert((*batch, *lot));
            }
            Event::Called(_) => {}
            _ => {}
        }
        let called = matches!(event, Event::Called(_));
        let Some(state) = &mut self.state else { return };
        let mut actions = state.step(now_ms, event);
        let sends = actions.iter().position(|action| matches!(action, Action::Send { .. }));
        let after = actions.split_off(sends.unwrap_or(actions.len()));
        let mut steps: VecDeque<Step> = actions.into_iter().map(Step::Act).collect();
        if called {
            steps.push_back(Step::ClearCall);
        }
        steps.extend(after.into_iter().map(Step::Act));
        steps.append(&mut self.steps);
        self.steps = steps;
    }

    fn act(&mut self, now_ms: u64, action: Action, chain: &Chain) {
        match action {
            Action::Fetch(batch, lot) => {
                self.tasks.push((now_ms + 200, Event::Fetched(batch, lot, Ok(()))));
            }
            Action::LookUp(_, requester) => {
                self.tasks.push((now_ms + 100, Event::Requester(requester, None)));
            }
            Action::Drop(batch, lot) => {
                self.disk.payloads.remove(&(batch, lot));
            }
            Action::Work { place, items, .. } => {
                assert!(self.disk.payloads.contains(&(place.batch, place.lot)), "work needs the payloads: {place}");
                let done = self.disk.records.get(&place).is_some_and(|record| record.done.is_some());
                assert!(!done, "finished work is not done again: {place}");
                let mut answers = vec![1; usize::try_from(items.count_ones()).unwrap()];
                if self.errs && place.round < JURY {
                    answers.fill(2);
                }
                if self.dissents {
                    answers[0] = 2;
                }
                self.salts += 1;
                let salt = sha256(format!("{}/{}", self.account_id, self.salts).as_bytes());
                let failed = self.fails_on == Some(place.lot);
                let result = if failed { Err("the worker fails".to_owned()) } else { Ok(answers) };
                self.tasks.push((now_ms + 1_500, Event::Worked { place, items, result, salt }));
            }
            Action::Cancel(place) => {
                let facts = chain.facts(&self.account_id);
                let mut held = facts.held().filter(|held| held.place == place);
                let reserved = held.any(|held| matches!(held.slot.phase, SlotPhase::Reserved(_)));
                assert!(self.stopping || !reserved, "gave up work on a seat it holds: {place}");
                self.tasks.retain(|(_, event)| !matches!(event, Event::Worked { place: it, .. } if *it == place));
            }
            Action::Store(record) => {
                let place = record.place;
                let result = if self.disk.full {
                    Err("full".to_owned())
                } else {
                    let done = self.disk.records.get(&place).and_then(|known| known.done.clone());
                    assert!(done.is_none() || done == record.done, "finished work is never replaced: {place}");
                    self.disk.records.insert(place, record);
                    Ok(())
                };
                self.steps.push_front(Step::Event(Event::Stored(place, result)));
            }
            Action::Verify { place, disputed, .. } => self.verify(now_ms, place, &disputed, chain),
            Action::Sign(draft) => {
                self.signed_at.get_or_insert(self.taken);
                let (challenger, clock_ms) = (self.challenger.as_mut().expect("challenger"), chain.now_s());
                let signed = challenger.sign(draft, u64::from(clock_ms) * 1_000).expect("signed");
                let lot = (signed.batch, signed.lot);
                assert!(!self.disk.challenges.contains_key(&lot), "signed a second challenge of {lot:?}");
                let result = if self.disk.full { Err(Trouble::Disk("full".to_owned())) } else { Ok(signed.clone()) };
                if result.is_ok() {
                    self.disk.challenges.insert(lot, signed);
                }
                self.steps.push_front(Step::Event(Event::Signed(Box::new(result))));
            }
            Action::StoreChallenge(challenge) => {
                if !self.disk.full {
                    self.disk.challenges.insert((challenge.batch, challenge.lot), challenge);
                }
            }
            Action::ForgetChallenge(batch, lot) => {
                self.disk.challenges.remove(&(batch, lot));
            }
            Action::Forget(place) => {
                self.disk.records.remove(&place);
            }
            Action::Send { call, claims } => self.send(call, &claims, chain),
            Action::Probe => {
                let result = if self.disk.full { Err("full".to_owned()) } else { Ok(()) };
                self.steps.push_front(Step::Event(Event::Probed(result)));
            }
            Action::Exit => {
                (self.exited, self.stopping) = (true, false);
                self.crash();
            }
        }
    }

    /// Challenges on record.
    pub fn recorded(&self) -> impl Iterator<Item = &Challenge> {
        self.disk.challenges.values()
    }

    /// Why lots are not challenged.
    pub fn declined(&self) -> Vec<String> {
        self.state.as_ref().map(|state| state.challenge_report().declined).unwrap_or_default()
    }

    fn verify(&mut self, now_ms: u64, place: Place, disputed: &[Disputed], chain: &Chain) {
        // What is doubted is what the chain says, whatever a gateway may say.
        let results: BTreeMap<u8, Vec<u8>> = chain.results(place.batch, place.lot).into_iter().collect();
        for it in disputed {
            assert_eq!(it.result.as_ref(), results.get(&it.item), "{place} item {}", it.item);
        }
        let wrong = disputed.iter().filter(|it| it.result.as_deref() != Some(&[1]));
        let result = match self.challenges.as_ref().expect("challenges").program {
            Program::Proves => Ok(wrong.map(|it| (it.item, "it is 1".to_owned())).collect()),
            Program::Unsure => Ok(BTreeMap::new()),
            Program::Deceived => Err("the payload does not have its digest".to_owned()),
        };
        self.tasks.push((now_ms + 500, Event::Verified(place.batch, place.lot, result)));
    }

    fn send(&mut self, call: Call, claims: &[Place], chain: &Chain) {
        assert!(self.flying.is_none(), "one call at a time");
        if let Call::Work(ops) = &call {
            self.check(ops, claims, chain);
        }
        if self.disk.full && !claims.is_empty() {
            self.refused += 1;
            let called = Called::NotSent(Trouble::Disk("full".to_owned()));
            self.steps.push_front(Step::Event(Event::Called(called)));
            return;
        }
        for &place in claims {
            self.disk.records.insert(place, Record { place, done: None });
        }
        self.sent += 1;
        let tx = TxId((u64::from(self.binding.node.0) << 8 | self.machine) << 32 | self.sent);
        self.steps.push_front(Step::WriteCall(tx, call));
    }

    /// What must hold for every call.
    fn check(&mut self, ops: &[Op], claims: &[Place], chain: &Chain) {
        assert!(!ops.is_empty() && ops.len() <= OPS_MAX);
        let facts = self.state.as_ref().and_then(State::facts).expect("called on facts");
        let mut bytes = 0;
        for op in ops {
            match op {
                Op::Claim { batch, lot } => {
                    assert!(self.disk.payloads.contains(&(*batch, *lot)), "claimed without payloads");
                    assert!(claims.iter().any(|place| (place.batch, place.lot) == (*batch, *lot)));
                    let held = facts.held().any(|held| (held.place.batch, held.place.lot) == (*batch, *lot));
                    assert!(!held, "claimed a lot that the node holds");
                }
                Op::Commit { batch, lot, commitment } => {
                    let mut saved = self.disk.records.values();
                    let record = saved.find(|record| {
                        (record.place.batch, record.place.lot) == (*batch, *lot)
                            && record.done.as_ref().is_some_and(|done| done.commitment == *commitment)
                    });
                    let record = record.expect("what is committed is on disk");
                    let known = self.commitments.entry(record.place).or_insert(*commitment);
                    assert_eq!(known, commitment, "one commitment per place");
                }
                Op::Reveal { batch, lot, answers, .. } => {
                    bytes += answers.len();
                    // Facts are of final blocks, if not of the last one.
                    let lot = facts.batches.get(batch).and_then(|batch| batch.lots.get(lot));
                    let revealing = lot.is_some_and(|lot| lot.phase == LotPhase::Revealing);
                    assert!(revealing, "revealed before the turn to reveals was final");
                }
                Op::Draw { .. } | Op::Release { .. } => {}
            }
        }
        assert!(bytes <= ANSWER_BYTES_MAX);
        assert!(claims.iter().all(|place| !self.disk.records.contains_key(place)), "claimed a seat twice");
        // Machines of one node do not know what the others claim at the same time; the contract does.
        let reservations = chain.account(&self.account_id).node.expect("node").reservations;
        let fits = usize::from(reservations) + claims.len() <= usize::from(self.max_reservations);
        assert!(fits || self.shares_node, "too many reservations");
    }
}
