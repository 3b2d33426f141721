//! The daemon: carries events to the core and does what it says.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use piecework_chain::{KeyFile, KeyPool, RpcClient, Sender, ViewError};
use piecework_interface::{
    host::sha256,
    ids::{AccountNo, BatchId, ClassId},
    view::{OpenBatch, SlotPhase},
};
use rand::Rng;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::{
    caller::{self, Caller},
    config::{ClassConfig, Config},
    core::{Action, Call, Called, Event, Problem, State, Trouble, facts::Facts},
    executor::{CommandExecutor, Execute, Task},
    gateway::Gateway,
    metrics,
    payloads::Payloads,
    preflight,
    record::{Binding, Place, Record},
    status_file::StatusFile,
    store::{Identity, Store, StoredCall},
    watch::Watch,
};

/// Wait before something that the start needs is tried again.
const START_AGAIN: Duration = Duration::from_secs(2);
/// The status file is written at most so often.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// What the tasks tell the loop.
enum Message {
    Event(Event),
    ChainSilent(String),
}

/// Runs the agent until it is asked to stop.
///
/// # Errors
/// If it cannot start.
pub async fn run(config: Config) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let store = Arc::new(Store::open(&config.state_dir)?);
    let key = preflight::key(&config)?;
    let rpc = preflight::rpc(&config)?;
    let ready = Arc::new(AtomicBool::new(false));
    if let Some(listen) = config.metrics_listen {
        metrics::serve(listen, Arc::clone(&ready)).await?;
    }
    let agent = tokio::select! {
        agent = Agent::start(config, store, key, rpc, ready) => agent?,
        () = asked(&mut terminate, &mut interrupt) => return Ok(()),
    };
    Box::pin(agent.serve(&mut terminate, &mut interrupt)).await
}

struct Agent {
    config: Config,
    store: Arc<Store>,
    payloads: Arc<Payloads>,
    caller: Caller,
    executors: BTreeMap<ClassId, CommandExecutor>,
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
    async fn start(
        config: Config,
        store: Arc<Store>,
        key: KeyFile,
        rpc: RpcClient,
        ready: Arc<AtomicBool>,
    ) -> Result<Self> {
        let chain_id = patiently("chain.status", || async { Ok(rpc.status().await?.chain_id) }).await;
        preflight::require_key(&rpc, &config, &key).await?;
        let open = || Watch::open(rpc.clone(), config.contract.clone(), config.account_id.clone(), config.keeper);
        let mut watch = patiently("chain.contract", open).await;
        let node = registered(&mut watch, &config).await;
        let binding = Binding { contract: config.contract.to_string(), node };
        let identity = Identity { chain_id, account_id: config.account_id.to_string(), binding: binding.clone() };
        store.bind(&identity)?;
        let records = load(&store, &binding)?;
        let resumed = store.call().unwrap_or_else(|error| {
            // Its ops are planned anew from what the chain says, and it cannot take effect twice.
            tracing::warn!(%error, "state.call_damaged");
            None
        });
        let pool = KeyPool::open(&rpc, config.account_id.clone(), vec![key.secret_key().clone()]).await?;
        if let Some(stored) = &resumed {
            pool.observe_nonce(&stored.signed.public_key, stored.signed.nonce);
        }
        let call = resumed.as_ref().and_then(caller::decode);
        let resumed = resumed.filter(|_| call.is_some());
        let seed = sha256(format!("{}/{}", config.account_id, key.public_key).as_bytes());
        let seed = u64::from_le_bytes(core::array::from_fn(|index| seed[index]));
        tracing::info!(%node, records = records.len(), resumed = call.is_some(), "agent.start");
        let gateway = Gateway::new(&config.gateway_url, config.max_lot_bytes).context("the gateway client")?;
        let executor = |class: &ClassConfig| CommandExecutor::new(class.command.clone(), store.scratch());
        let executors = config.classes.iter().map(|(&id, class)| (id, executor(class))).collect();
        let (sender, receiver) = mpsc::unbounded_channel();
        let agent = Self {
            payloads: Arc::new(Payloads::new(Arc::clone(&store), gateway)),
            caller: Caller::new(Sender::new(rpc, pool), config.contract.clone(), Arc::clone(&store)),
            executors,
            state: State::new(binding, config.limits(seed), records, call.clone()),
            resumed,
            works: BTreeMap::new(),
            calling: call,
            floor: watch.floor(),
            look: Arc::new(Notify::new()),
            ready,
            sender,
            receiver,
            chain_error: None,
            began: Instant::now(),
            status_at: None,
            config,
            store,
        };
        println!("running as {}", agent.config.account_id);
        agent.watch(watch);
        Ok(agent)
    }

    async fn serve(mut self, terminate: &mut Signal, interrupt: &mut Signal) -> Result<()> {
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
                () = asked(terminate, interrupt) => {
                    if hard_stop.is_some() {
                        tracing::warn!("agent.stop_at_once");
                        break;
                    }
                    tracing::info!("agent.stopping");
                    // If the chain does not answer, there is nothing to wait for.
                    hard_stop = Some(tokio::time::Instant::now() + self.config.stop_grace + Duration::from_secs(2));
                    self.look.notify_one();
                    Message::Event(Event::Stop)
                }
                () = until(hard_stop) => break,
            };
            match message {
                Message::Event(event) => {
                    if self.take(event).await {
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
    async fn take(&mut self, event: Event) -> bool {
        let mut events = VecDeque::from([event]);
        let mut exit = false;
        while let Some(event) = events.pop_front() {
            let called = self.note(&event).await;
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

    /// Figures, logs and housekeeping of the shell; true if the event is a call's outcome.
    async fn note(&mut self, event: &Event) -> bool {
        match event {
            Event::Facts(facts) => {
                self.chain_error = None;
                self.ready.store(true, Ordering::Relaxed);
                self.payloads.keep(|batch| facts.batches.contains_key(&batch)).await;
            }
            Event::Worked { place, result, .. } => {
                self.works.remove(place);
                match result {
                    Ok(_) => tracing::info!(%place, "work.done"),
                    Err(error) => tracing::warn!(%place, error, "work.failed"),
                }
            }
            Event::Fetched { batch, lot, result: Err(Trouble::Disk(error) | Trouble::Other(error)) } => {
                tracing::warn!(%batch, %lot, error, "payloads.failed");
            }
            Event::Called(called) => {
                if let Some(call) = self.calling.take() {
                    metrics::called(&call, called);
                    match called {
                        Called::Done { height, skips } => tracing::info!(?call, height, ?skips, "call.done"),
                        Called::Failed { text } => tracing::warn!(?call, error = text, "call.failed"),
                        Called::NotSent(trouble) => tracing::warn!(?call, ?trouble, "call.not_sent"),
                    }
                }
                if let Called::Done { height, .. } = called {
                    self.floor.fetch_max(*height, Ordering::Relaxed);
                    self.look.notify_one();
                }
                return true;
            }
            _ => {}
        }
        false
    }

    /// Does what the core says; true when the process shall end.
    fn act(&mut self, action: Action, events: &mut VecDeque<Event>) -> bool {
        match action {
            Action::Fetch { batch, lot } => {
                let Some((open, height)) = self.batch(batch) else {
                    return false;
                };
                let (payloads, sender) = (Arc::clone(&self.payloads), self.sender.clone());
                tokio::spawn(async move {
                    let result = payloads.lot(batch, lot, &open, height).await.map(drop);
                    send(&sender, Event::Fetched { batch, lot, result });
                });
            }
            Action::Drop { batch, lot } => report("state.drop", self.store.payloads_remove(batch, lot)),
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
                events.push_back(Event::Stored { place: record.place, result });
            }
            Action::Forget(place) => report("state.forget", self.store.record_remove(place)),
            Action::Send { call, claims } => self.send(call, &claims, events),
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
        let (caller, sender) = (self.caller.clone(), self.sender.clone());
        tokio::spawn(async move {
            let called = Box::pin(caller.call(&call)).await;
            send(&sender, Event::Called(called));
        });
    }

    fn work(&mut self, place: Place, class: ClassId, items: u64, width: u8, limit_s: u32) {
        let (Some((open, height)), Some(executor)) = (self.batch(place.batch), self.executors.get(&class)) else {
            return;
        };
        tracing::info!(%place, items = items.count_ones(), "work.start");
        let (executor, payloads, sender) = (executor.clone(), Arc::clone(&self.payloads), self.sender.clone());
        let salt: [u8; 32] = rand::rng().random();
        let work = tokio::spawn(async move {
            let begun = Instant::now();
            let result = match payloads.lot(place.batch, place.lot, &open, height).await {
                Ok(lot) => {
                    let judged = (0_u8..).zip(lot).filter(|(bit, _)| items & (1 << (bit % 64)) != 0);
                    let items = judged.map(|(_, item)| item).collect();
                    let task = Task { place, width, items, limit: Duration::from_secs(limit_s.into()) };
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

    /// Looks at the chain now and then, and at once after an own call.
    fn watch(&self, mut watch: Watch) {
        let (sender, look, interval) = (self.sender.clone(), Arc::clone(&self.look), self.config.poll_interval);
        let ready = Arc::clone(&self.ready);
        tokio::spawn(async move {
            // Agents that start together look at different times.
            let phase = interval.mul_f64(rand::rng().random::<f64>());
            tokio::time::sleep(phase).await;
            loop {
                match Box::pin(watch.facts()).await {
                    Ok(facts) => send(&sender, Event::Facts(facts)),
                    Err(error) => {
                        tracing::warn!(%error, "chain.failed");
                        metrics::chain_failed();
                        ready.store(false, Ordering::Relaxed);
                        if sender.send(Message::ChainSilent(error.to_string())).is_err() {
                            return;
                        }
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = look.notified() => {}
                }
            }
        });
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

/// Reads the records and checks each against its commitment.
fn load(store: &Store, binding: &Binding) -> Result<Vec<Record>> {
    let found = store.records()?;
    let mut damaged = found.damaged;
    let (records, bad): (Vec<Record>, Vec<Record>) = found
        .records
        .into_iter()
        .partition(|record| record.done.as_ref().is_none_or(|done| done.verify(binding, record.place)));
    damaged.extend(bad.iter().map(|record| PathBuf::from(record.place.to_string())));
    for path in damaged {
        let text = "this record is damaged: restore it from a backup, or a commitment it belongs to cannot be revealed";
        tracing::error!(path = %path.display(), text, "state.damaged");
    }
    let unworked: Vec<_> = records.iter().filter(|record| record.done.is_none()).collect();
    let lots: Vec<_> = unworked.iter().map(|record| (record.place.batch, record.place.lot)).collect();
    store.payloads_keep(&lots)?;
    Ok(records)
}

/// The node's number, once it is registered.
async fn registered(watch: &mut Watch, config: &Config) -> AccountNo {
    loop {
        match Box::pin(watch.facts()).await {
            Ok(facts) => match facts.node() {
                Some((number, _)) => return number,
                None => tracing::warn!(
                    account_id = %config.account_id,
                    text = "not registered as a node yet: run `piecework node register`",
                    "agent.unregistered"
                ),
            },
            Err(error) => tracing::warn!(%error, "chain.failed"),
        }
        tokio::time::sleep(START_AGAIN).await;
    }
}

/// Asks the chain until it answers.
async fn patiently<T, F: Future<Output = Result<T, ViewError>>>(what: &str, ask: impl Fn() -> F) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => tracing::warn!(%error, what, "chain.failed"),
        }
        tokio::time::sleep(START_AGAIN).await;
    }
}

async fn asked(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The loop ends before its tasks only at exit, and then nobody listens.
fn send(sender: &mpsc::UnboundedSender<Message>, event: Event) {
    if sender.send(Message::Event(event)).is_err() {
        tracing::debug!("agent.gone");
    }
}

fn report(what: &str, result: Result<(), crate::store::StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "state.failed");
    }
}
