//! The agent's decisions: `(state, event) → (state, actions)`. No clock, no randomness, no I/O: time and salts come
//! with the events, and what must happen goes out as actions.
//!
//! The chain is the truth about slots, the disk about answers and salts. After a restart the state is made of the
//! records on disk and the call in flight, and the next facts bring the rest.

mod called;
mod calls;
pub mod challenge;
mod claims;
mod duties;
pub mod facts;
#[cfg(test)]
mod fixture;
mod pauses;
mod payout;
pub mod policy;
pub mod scores;
mod tend;
mod why;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use piecework_interface::{
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::SignedIntent,
    op::{Op, Target},
    skip::Skip,
};
use serde::{Deserialize, Serialize};

use crate::record::{Binding, Challenge, Done, Fate, Place, Record};
use challenge::{Challenging, Disputed, Doubt, Draft};
use duties::Duty;
use facts::Facts;
use pauses::Pauses;
use policy::{Policy, Record as RequesterRecord, Refusal};

/// Errors kept for `status`.
const ERRORS_MAX: usize = 20;

/// What the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Seats reserved and not committed at once at most, in all rounds.
    pub max_reservations: u16,
    /// Whether to poke what is due.
    pub keeper: bool,
    /// Average wait until the first of all nodes sends a draw that stands alone, milliseconds.
    pub draw_jitter_ms: u64,
    /// The same for pokes.
    pub keeper_jitter_ms: u64,
    /// Differs between agents, and their waits with it.
    pub jitter_seed: u64,
    /// Time to finish after a request to stop, milliseconds.
    pub stop_grace_ms: u64,
    /// Classes that this agent works on.
    pub classes: BTreeMap<ClassId, ClassLimits>,
    /// Which terms it takes.
    pub policy: Policy,
    /// What it may challenge; nothing without.
    pub challenge: Option<Challenging>,
    /// Balances above which all of a token is paid out to the account's payout account, in its units.
    pub payout_above: BTreeMap<TokenId, u128>,
}

/// Limits of one class.
#[derive(Clone, Copy, Debug)]
pub struct ClassLimits {
    /// Lots worked on at once.
    pub parallel: u16,
    /// Longest wall time of the work on one lot, seconds.
    pub time_limit_s: u32,
    /// Whether it can sit on juries about an adjudicator's scores.
    pub judges_scores: bool,
    /// Whether it has a program that proves results wrong.
    pub verifies: bool,
}

/// One call to the contract.
#[derive(Clone, PartialEq, Eq)]
pub enum Call {
    /// Ops of the node.
    Work(Vec<Op>),
    /// Steps that are due on anyone's lots, batches and nodes.
    Poke(Vec<Target>),
    /// Sends a closed batch's callback, with its TGas.
    Tell(BatchId, u8),
    /// A sign of life.
    Heartbeat,
    /// A signed challenge.
    Challenge(SignedIntent),
    /// All of a balance, to the account's payout account.
    Payout(TokenId),
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A final block was read.
    Facts(Box<Facts>),
    /// Payloads of a lot are on disk and match the manifest, or why not.
    Fetched(BatchId, LotId, Result<(), Trouble>),
    /// How a requester's lots ended; `None` if the gateway does not say.
    Requester(AccountNo, Option<RequesterRecord>),
    /// Work on a slot ended.
    Worked {
        /// Slot.
        place: Place,
        /// Judged items, bit i for item i of the lot.
        items: u64,
        /// Answers, or why there are none.
        result: Result<Vec<u8>, String>,
        /// Fresh randomness for the commitment.
        salt: [u8; 32],
    },
    /// The record of a slot reached the disk, or why not.
    Stored(Place, Result<(), String>),
    /// The items of a lot that are proven wrong, each with its evidence, or why none could be verified.
    Verified(BatchId, LotId, Result<BTreeMap<u8, String>, String>),
    /// A challenge is signed and on disk, or why not.
    Signed(Box<Result<Challenge, Trouble>>),
    /// The disk took a test write, or why not.
    Probed(Result<(), String>),
    /// The call in flight has an outcome.
    Called(Called),
    /// The operator asks to stop.
    Stop,
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The state directory cannot be written.
    Disk(String),
    /// Anything else: a gateway, a payload.
    Other(String),
}

/// Outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// Executed: facts from this height on show it.
    Done {
        /// Highest block it touched.
        height: u64,
        /// Ops that were skipped, by index.
        skips: BTreeMap<usize, Skip>,
    },
    /// It failed and changed nothing: why, for people.
    Failed(String),
    /// It never reached the chain and never will.
    NotSent(Trouble),
}

/// Something must happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Bring a lot's payloads to disk and verify them against the manifest.
    Fetch(BatchId, LotId),
    /// Delete a lot's payloads.
    Drop(BatchId, LotId),
    /// Ask the gateway how the lots of a batch's requester ended, and answer [`Event::Requester`].
    LookUp(BatchId, AccountNo),
    /// Work on a slot.
    Work {
        /// Slot.
        place: Place,
        /// Class of the batch.
        class: ClassId,
        /// Judged items, bit i for item i of the lot; of a jury about scores, item 0 stands for them.
        items: u64,
        /// Bytes per answer.
        width: u8,
        /// Wall time, seconds.
        limit_s: u32,
    },
    /// Stop working on a slot.
    Cancel(Place),
    /// Write a record, and answer [`Event::Stored`].
    Store(Record),
    /// Delete a record.
    Forget(Place),
    /// Write these records and the signed call, send it, and answer [`Event::Called`].
    Send {
        /// The call.
        call: Call,
        /// Seats it claims.
        claims: Vec<Place>,
    },
    /// Ask the class's program which of these items are wrong, and answer [`Event::Verified`].
    Verify {
        /// Slot that answered otherwise.
        place: Place,
        /// Class of the batch.
        class: ClassId,
        /// Bytes per answer.
        width: u8,
        /// The items.
        disputed: Vec<Disputed>,
    },
    /// Sign a challenge, write its record, and answer [`Event::Signed`].
    Sign(Draft),
    /// Write the record of a challenge anew.
    StoreChallenge(Challenge),
    /// Delete the record of a lot's challenge.
    ForgetChallenge(BatchId, LotId),
    /// Try a write and answer [`Event::Probed`].
    Probe,
    /// Nothing is left to do: end the process.
    Exit,
}

/// A failure worth showing to the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Chain time, Unix seconds.
    pub at: u32,
    /// What happened and what to do.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Payloads {
    Fetching,
    Ready,
    Bad { retry_at_ms: u64, text: String },
}

/// What the gateway was asked about a requester.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LookUp {
    /// When it is asked again, milliseconds; never while it is being asked.
    next_ms: u64,
    /// The last answer, once there is one: a gateway may not know.
    answer: Option<Option<RequesterRecord>>,
}

/// Everything the agent knows.
#[derive(Debug, Default)]
pub struct State {
    limits: Limits,
    binding: Binding,
    facts: Option<Facts>,
    records: BTreeMap<Place, Record>,
    unsaved: BTreeMap<Place, Done>,
    running: BTreeSet<Place>,
    failed: BTreeMap<Place, String>,
    gone_since: BTreeMap<Place, u32>,
    /// Seats of a former run that the chain has not shown yet.
    unseen: BTreeSet<Place>,
    payloads: BTreeMap<(BatchId, LotId), Payloads>,
    requesters: BTreeMap<AccountNo, LookUp>,
    challenges: BTreeMap<(BatchId, LotId), Challenge>,
    doubts: BTreeMap<(BatchId, LotId), Doubt>,
    declined: BTreeMap<(BatchId, LotId), Refusal>,
    /// What the juries of challenged lots come to, as far as they were seen.
    rulings: BTreeMap<(BatchId, LotId), Fate>,
    pauses: Pauses,
    duties: BTreeMap<Duty, u64>,
    call: Option<Call>,
    facts_needed: u64,
    disk: Option<String>,
    stop_at_ms: Option<u64>,
    problems: VecDeque<Problem>,
}

impl State {
    /// The state after a start: what is on disk, and the call that was in flight.
    #[must_use]
    pub fn new(binding: Binding, limits: Limits, records: Vec<Record>, call: Option<Call>) -> Self {
        let records: BTreeMap<_, _> = records.into_iter().map(|record| (record.place, record)).collect();
        let unseen = records.keys().copied().collect();
        Self { limits, binding, records, unseen, call, ..Self::default() }
    }

    /// Takes an event in and says what must happen. `now_ms` is a clock that only moves forward.
    pub fn step(&mut self, now_ms: u64, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        let fresh = self.take(now_ms, event, &mut actions);
        // The facts leave the state while it is changed by them, so that nothing is copied.
        if let Some(facts) = self.facts.take() {
            self.tend(now_ms, &facts, fresh, &mut actions);
            if self.call.is_none() && facts.height >= self.facts_needed {
                self.plan(now_ms, &facts, fresh, &mut actions);
            }
            self.leave(now_ms, &facts, &mut actions);
            self.facts = Some(facts);
        }
        actions
    }

    /// The last facts.
    #[must_use]
    pub const fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    /// Records on disk.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The last failures, oldest first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// Takes an event in; true if it brought fresh facts.
    fn take(&mut self, now_ms: u64, event: Event, actions: &mut Vec<Action>) -> bool {
        match event {
            Event::Facts(facts) => {
                // A node that lags must not undo what another showed.
                if self.facts.as_ref().is_none_or(|known| facts.height >= known.height) {
                    self.facts = Some(*facts);
                    return true;
                }
            }
            Event::Fetched(batch, lot, result) => self.fetched(now_ms, batch, lot, result),
            Event::Requester(requester, record) => self.looked_up(now_ms, requester, record),
            Event::Worked { place, items, result, salt } => self.worked(now_ms, place, items, result, salt, actions),
            Event::Stored(place, result) => self.stored(place, result),
            Event::Verified(batch, lot, result) => self.verified(now_ms, (batch, lot), result, actions),
            Event::Signed(result) => self.signed(*result),
            Event::Probed(result) => self.disk = result.err(),
            Event::Called(called) => self.called(now_ms, called, actions),
            Event::Stop => {
                self.stop_at_ms.get_or_insert(now_ms.saturating_add(self.limits.stop_grace_ms));
            }
        }
        false
    }

    fn problem(&mut self, text: String) {
        let at = self.facts.as_ref().map_or(0, |facts| facts.now_s);
        if self.problems.back().is_some_and(|last| last.text == text) {
            self.problems.pop_back();
        }
        if self.problems.len() == ERRORS_MAX {
            self.problems.pop_front();
        }
        self.problems.push_back(Problem { at, text });
    }

    /// Whether the seat was taken by this agent, and not by another machine of the same node.
    fn is_mine(&self, place: Place) -> bool {
        self.records.contains_key(&place)
    }

    fn done(&self, place: Place) -> Option<&Done> {
        self.records.get(&place)?.done.as_ref()
    }
}

/// Names of ops, without answers and salts.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Work(ops) => f.debug_list().entries(ops.iter().map(op_name)).finish(),
            Self::Poke(targets) => f.debug_tuple("Poke").field(targets).finish(),
            Self::Tell(batch, tgas) => f.debug_tuple("Tell").field(batch).field(tgas).finish(),
            Self::Heartbeat => f.write_str("Heartbeat"),
            Self::Payout(token) => f.debug_tuple("Payout").field(token).finish(),
            Self::Challenge(intent) => f.debug_tuple("Challenge").field(&intent.number()).finish(),
        }
    }
}

/// An op for logs: what and where.
fn op_name(op: &Op) -> String {
    match op {
        Op::Draw { batch, at } => format!("draw {batch}/{at:?}"),
        Op::Claim { batch, lot } => format!("claim {batch}/{lot}"),
        Op::Release { batch, lot } => format!("release {batch}/{lot}"),
        Op::Commit { batch, lot, .. } => format!("commit {batch}/{lot}"),
        Op::Reveal { batch, lot, .. } => format!("reveal {batch}/{lot}"),
    }
}
