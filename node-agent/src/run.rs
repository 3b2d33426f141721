//! The daemon: carries events to the core and does what it says.

mod challenge;
mod start;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use piecework_daemon::stop_signal;
use piecework_interface::{
    ids::{BatchId, ClassId},
    view::{OpenBatch, SlotPhase},
};
use rand::Rng;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    challenger::Challenger,
    config::Config,
    core::{Action, Call, Called, Event, Problem, State, Trouble, facts::Facts},
    executor::{CommandExecutor, Task},
    gateway::Gateway,
    metrics,
    payloads::Payloads,
    preflight,
    record::{Place, Record},
    status_file::StatusFile,
    store::{Store, StoreError, StoredCall},
};

/// The status file is written at most so often.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// What the tasks tell the loop.
enum Message {
    Event(Box<Event>),
    ChainSilent(String),
}

/// Runs the agent until it is asked to stop.
///
/// # Errors
/// If it cannot start.
pub async fn run(config: Config) -> Result<()> {
    let stop = stop_signal()?;
    let store = Arc::new(Store::open(&config.state_dir)?);
    let key = preflight::key(&config)?;
    let challenge_key = preflight::challenge_key(&config, &key)?;
    let rpc = preflight::rpc(&config)?;
    let ready = Arc::new(AtomicBool::new(false));
    if let Some(listen) = config.metrics_listen {
        metrics::serve(listen, Arc::clone(&ready)).await?;
    }
    let agent = tokio::select! {
        agent = Agent::start(config, store, (key, challenge_key), rpc, ready) => agent?,
        () = stop.cancelled() => return Ok(()),
    };
    Box::pin(agent.serve(stop)).await
}

struct Agent {
    config: Config,
    store: Arc<Store>,
    payloads: Arc<Payloads>,
    gateway: Gateway,
    caller: Caller,
    executors: BTreeMap<ClassId, CommandExecutor>,
    /// For juries about an adjudicator's scores.
    jury_executors: BTreeMap<ClassId, CommandExecutor>,
    /// Programs that prove results wrong, with their time.
    verifiers: BTreeMap<ClassId, (CommandExecutor, Duration)>,
    /// Signs challenges, if they are on.
    challenger: Option<Challenger>,
    state: State,
    resumed: Option<StoredCall>,
    works: BTreeMap<Place, JoinHandle<()>>,
    /// The call in flight, for the figures.
    calling: Option<Call>,
    floor: Arc<AtomicU64>,
    look: Arc<Notify>,
    ready: Arc<AtomicBool>,
    sender: mpsc::UnboundedSender<Message>,
    receiver: mpsc::UnboundedReceiver<Message>,
    chain_error: Option<String>,
    began: Instant,
    status_at: Option<Instant>,
}

impl Agent {
    async fn serve(mut self, mut stop: CancellationToken) -> Result<()> {
        if let Some(stored) = self.resumed.take() {
            let (caller, sender) = (self.caller.clone(), self.sender.clone());
            tokio::spawn(async move {
                let called = caller.resume(&stored).await;
                send(&sender, Event::Called(called));
            });
        }
        let mut hard_stop: Option<tokio::time::Instant> = None;
        loop {
            let message = tokio::select! {
                Some(message) = self.receiver.recv() => message,
                () = stop.cancelled() => {
                    if hard_stop.is_some() {
                        tracing::warn!("agent.stop_at_once");
                        break;
                    }
                    tracing::info!("agent.stopping");
                    stop = stop_signal()?;
                    // If the chain does not answer, there is nothing to wait for.
                    let grace = Duration::from_millis(self.config.work.stop_grace_ms) + Duration::from_secs(2);
                    hard_stop = Some(tokio::time::Instant::now() + grace);
                    self.look.notify_one();
                    Message::Event(Box::new(Event::Stop))
                }
                () = until(hard_stop) => break,
            };
            match message {
                Message::Event(event) => {
                    if self.take(*event) {
                        break;
                    }
                }
                Message::ChainSilent(error) => self.chain_error = Some(error),
            }
            self.write_status();
        }
        self.end();
        Ok(())
    }

    /// Gives an event and all that follows from it at once to the core; true when the process shall end.
    fn take(&mut self, event: Event) -> bool {
        let mut events = VecDeque::from([event]);
        let mut exit = false;
        while let Some(event) = events.pop_front() {
            let called = matches!(event, Event::Called(_));
            self.note(&event);
            let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut actions = self.state.step(now_ms, event);
            if called {
                // Only now that the core knows the outcome may the call be forgotten, and before the next one is written.
                let sends = actions.iter().position(|action| matches!(action, Action::Send { .. }));
                let after = sends.map_or_else(Vec::new, |index| actions.split_off(index));
                for action in actions {
                    exit |= self.act(action, &mut events);
                }
                report("state.call_clear", self.store.call_clear());
                actions = after;
            }
            for action in actions {
                exit |= self.act(action, &mut events);
            }
        }
        exit
    }

    /// Figures, logs and housekeeping of the shell.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Facts(facts) => {
                self.chain_error = None;
                self.ready.store(true, Ordering::Relaxed);
                self.payloads.keep(|batch| facts.batches.contains_key(&batch));
            }
            Event::Worked { place, result, .. } => {
                self.works.remove(place);
                match result {
                    Ok(_) => tracing::info!(%place, "work.done"),
                    Err(error) => tracing::warn!(%place, error, "work.failed"),
                }
            }
            Event::Fetched(batch, lot, Err(Trouble::Disk(error) | Trouble::Other(error))) => {
                tracing::warn!(%batch, %lot, error, "payloads.failed");
            }
            Event::Called(called) => {
                if let Some(call) = self.calling.take() {
                    metrics::called(&call, called);
                    match called {
                        Called::Done { height, skips } => tracing::info!(?call, height, ?skips, "call.done"),
                        Called::Failed(text) => tracing::warn!(?call, error = text, "call.failed"),
                        Called::NotSent(trouble) => tracing::warn!(?call, ?trouble, "call.not_sent"),
                    }
                }
                if let Called::Done { height, .. } = called {
                    self.floor.fetch_max(*height, Ordering::Relaxed);
                    self.look.notify_one();
                }
            }
            _ => {}
        }
    }

    /// Does what the core says; true when the process shall end.
    fn act(&mut self, action: Action, events: &mut VecDeque<Event>) -> bool {
        match action {
            Action::Fetch(batch, lot) => {
                let Some((open, height)) = self.batch(batch) else {
                    return false;
                };
                let (payloads, sender) = (Arc::clone(&self.payloads), self.sender.clone());
                tokio::spawn(async move {
                    let result = payloads.lot(batch, lot, &open, height).await.map(drop);
                    send(&sender, Event::Fetched(batch, lot, result));
                });
            }
            Action::LookUp(batch, requester) => {
                let (gateway, sender) = (self.gateway.clone(), self.sender.clone());
                tokio::spawn(async move {
                    let record = gateway.requester(batch).await;
                    let record = record.inspect_err(|error| tracing::warn!(%batch, %error, "requester.unknown")).ok();
                    send(&sender, Event::Requester(requester, record));
                });
            }
            Action::Drop(batch, lot) => report("state.drop", self.payloads.forget(batch, lot)),
            Action::Work { place, class, items, width, limit_s } => self.work(place, class, items, width, limit_s),
            Action::Cancel(place) => {
                if let Some(work) = self.works.remove(&place) {
                    tracing::warn!(%place, "work.cancelled");
                    work.abort();
                }
            }
            Action::Store(record) => {
                let result = self.store.record_put(&record).map_err(|error| error.to_string());
                if let Err(error) = &result {
                    tracing::error!(error, place = %record.place, "state.full");
                }
                events.push_back(Event::Stored(record.place, result));
            }
            Action::Forget(place) => report("state.forget", self.store.record_remove(place)),
            Action::Send { call, claims } => self.send(call, &claims, events),
            Action::Verify { place, class, width, disputed } => self.verify(place, class, width, disputed),
            Action::Sign(draft) => self.sign(draft, events),
            Action::StoreChallenge(challenge) => {
                tracing::info!(?challenge, "challenge.fate");
                report("state.challenge", self.store.challenge_put(&challenge));
            }
            Action::ForgetChallenge(batch, lot) => report("state.forget", self.store.challenge_remove(batch, lot)),
            Action::Probe => {
                events.push_back(Event::Probed(self.store.probe().map_err(|error| error.to_string())));
            }
            Action::Exit => return true,
        }
        false
    }

    fn send(&mut self, call: Call, claims: &[Place], events: &mut VecDeque<Event>) {
        self.calling = Some(call.clone());
        for &place in claims {
            if let Err(error) = self.store.record_put(&Record { place, done: None }) {
                events.push_back(Event::Called(Called::NotSent(Trouble::Disk(error.to_string()))));
                return;
            }
        }
        let (caller, sender, gateway) = (self.caller.clone(), self.sender.clone(), self.gateway.clone());
        let evidence = match &call {
            Call::Challenge(intent) => self.evidence(intent),
            _ => None,
        };
        tokio::spawn(async move {
            if let Some(evidence) = evidence {
                challenge::publish(&gateway, &evidence).await;
            }
            let called = Box::pin(caller.call(&call)).await;
            send(&sender, Event::Called(called));
        });
    }

    fn work(&mut self, place: Place, class: ClassId, items: u64, width: u8, limit_s: u32) {
        let facts = self.state.facts();
        let scores = facts.and_then(|facts| facts.batches.get(&place.batch)?.scores(place));
        let executors = if scores.is_some() { &self.jury_executors } else { &self.executors };
        let (Some((open, height)), Some(executor)) = (self.batch(place.batch), executors.get(&class)) else {
            return;
        };
        tracing::info!(%place, items = items.count_ones(), "work.start");
        let (executor, payloads, sender) = (executor.clone(), Arc::clone(&self.payloads), self.sender.clone());
        let salt: [u8; 32] = rand::rng().random();
        let work = tokio::spawn(async move {
            let begun = Instant::now();
            let result = match payloads.lot(place.batch, place.lot, &open, height).await {
                Ok(lot) => {
                    let read = scores.as_ref().map_or(items, |scores| scores.items);
                    let read = (0_u8..).zip(lot).filter(|(bit, _)| read & (1 << (bit % 64)) != 0);
                    let (items, scores) = (read.map(|(_, item)| item).collect(), scores.map(|scores| scores.text));
                    let task = Task { place, width, items, scores, limit: Duration::from_secs(limit_s.into()) };
                    executor.execute(task).await.map_err(|error| error.to_string())
                }
                Err(Trouble::Disk(error) | Trouble::Other(error)) => Err(error),
            };
            metrics::worked(begun.elapsed().as_secs_f64(), result.is_ok());
            send(&sender, Event::Worked { place, items, result, salt });
        });
        self.works.insert(place, work);
    }

    fn batch(&self, batch: BatchId) -> Option<(OpenBatch, u64)> {
        let facts = self.state.facts()?;
        Some((facts.batches.get(&batch)?.open.clone(), facts.height))
    }

    fn write_status(&mut self) {
        if self.status_at.is_some_and(|at| at.elapsed() < STATUS_EVERY) {
            return;
        }
        self.status_at = Some(Instant::now());
        metrics::state(&self.state);
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (at, height) = self.state.facts().map_or((0, 0), |facts| (facts.now_s, facts.height));
        let chain = self.chain_error.iter().map(|text| Problem { at, text: text.clone() });
        let status = StatusFile {
            at,
            height,
            no_work: self.state.why_no_work(now_ms),
            problems: self.state.problems().cloned().chain(chain).collect(),
            challenges: self.state.challenge_report(),
        };
        if let Err(error) = self.store.status_put(&status) {
            tracing::debug!(%error, "state.status_unwritten");
        }
    }

    fn end(self) {
        for work in self.works.into_values() {
            work.abort();
        }
        let Some(facts) = self.state.facts() else { return };
        let waiting: Vec<String> = unrevealed(&self.state, facts).map(|place| place.to_string()).collect();
        if waiting.is_empty() {
            tracing::info!("agent.stopped");
        } else {
            let text =
                "answers that are committed wait for their reveal: start the agent again soon, or the bonds are lost";
            tracing::warn!(?waiting, text, "agent.stopped");
        }
    }
}

/// Seats whose bond depends on this agent's coming back.
fn unrevealed<'a>(state: &'a State, facts: &'a Facts) -> impl Iterator<Item = Place> + 'a {
    let revealed = |phase: &_| matches!(phase, SlotPhase::Revealed(_));
    let mine = |place: Place| state.records().any(|record| record.place == place);
    facts.held().filter(move |held| mine(held.place) && !revealed(&held.slot.phase)).map(|held| held.place)
}

async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The loop ends before its tasks only at exit, and then events go nowhere.
fn send(sender: &mpsc::UnboundedSender<Message>, event: Event) {
    if sender.send(Message::Event(Box::new(event))).is_err() {
        tracing::debug!("agent.gone");
    }
}

fn report(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "state.failed");
    }
}
