//! The start: everything that must hold before the first event.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use piecework_chain::{KeyError, KeyFile, KeyPool, LAG_POLL, RpcClient, Sender, ViewError};
use piecework_interface::{host::sha256, ids::AccountNo};
use rand::Rng;
use tokio::sync::{Notify, mpsc};

use super::{Agent, Message, send};
use crate::{
    caller::{self, Caller},
    challenger::Challenger,
    config::Config,
    core::{Event, State},
    executor::{CommandConfig, CommandExecutor},
    gateway::Gateway,
    metrics,
    payloads::Payloads,
    preflight,
    record::{Binding, Record},
    store::{Identity, Store},
    watch::Watch,
};

/// A key may be so new that a final block does not have it: it is looked for at least so long.
const KEY_WAIT: Duration = Duration::from_secs(10);
/// Wait before something that the start needs is tried again.
const START_AGAIN: Duration = Duration::from_secs(2);

impl Agent {
    /// Waits until the chain answers and the account is a node, and takes up what is on disk. `challenge_key` signs
    /// challenges, if they are on.
    pub(super) async fn start(
        config: Config,
        store: Arc<Store>,
        (key, challenge_key): (KeyFile, Option<KeyFile>),
        rpc: RpcClient,
        ready: Arc<AtomicBool>,
    ) -> Result<Self> {
        let chain_id = patiently("chain.status", || async { Ok(rpc.status().await?.chain_id) }).await;
        require_key(&rpc, &config, &key).await?;
        let census = config.work.keeper || config.work.policy.asks_for_operators();
        let open = || Watch::open(rpc.clone(), &config, census);
        let mut watch = patiently("chain.contract", open).await;
        let node = registered(&mut watch, &config).await;
        let binding = Binding { contract: config.contract.to_string(), node };
        let identity = Identity { chain_id, account_id: config.account_id.to_string(), binding: binding.clone() };
        store.bind(&identity)?;
        let records = load(&store, &binding)?;
        let (challenges, damaged) = store.challenges()?;
        for path in damaged {
            let text = "this record of a challenge is damaged: it does not count for the daily cap any more";
            tracing::error!(path = %path.display(), text, "state.damaged");
        }
        let chain = watch.config().chain_id.clone();
        let challenger = challenge_key.map(|key| Challenger::new(key, config.contract.clone(), chain, &challenges));
        let challenger = challenger.transpose()?;
        let resumed = store.call().unwrap_or_else(|error| {
            // Its ops are planned anew from what the chain says, and it cannot take effect twice.
            tracing::warn!(%error, "state.call_damaged");
            None
        });
        let pool = open_pool(&rpc, &config, &key).await?;
        if let Some(stored) = &resumed {
            pool.observe_nonce(&stored.signed.public_key, stored.signed.nonce);
        }
        let call = resumed.as_ref().and_then(caller::decode);
        let resumed = resumed.filter(|_| call.is_some());
        let seed = sha256(format!("{}/{}", config.account_id, key.public_key).as_bytes());
        let seed = u64::from_le_bytes(core::array::from_fn(|index| seed[index]));
        tracing::info!(%node, records = records.len(), resumed = call.is_some(), "agent.start");
        let gateway = Gateway::new(&config.gateway_url, config.max_lot_bytes).context("the gateway client")?;
        let executor = |command: &CommandConfig| CommandExecutor::new(command.clone(), store.scratch());
        let classes = || config.classes.iter();
        let executors = classes().map(|(&id, class)| (id, executor(&class.command))).collect();
        let juries = classes().filter_map(|(&id, class)| Some((id, executor(class.jury_command.as_ref()?))));
        let jury_executors = juries.collect();
        let verifiers = classes().filter_map(|(&id, class)| {
            let limit = Duration::from_secs(class.limits.time_limit_s.into());
            Some((id, (executor(class.verify_command.as_ref()?), limit)))
        });
        let verifiers = verifiers.collect();
        let mut limits = config.limits(seed);
        if let (Some(challenge), Some(challenger)) = (&mut limits.challenge, &challenger) {
            challenge.public_key = challenger.public_key();
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        let agent = Self {
            payloads: Arc::new(Payloads::new(Arc::clone(&store), gateway.clone())),
            gateway,
            caller: Caller::new(Sender::new(rpc, pool), config.contract.clone(), node, Arc::clone(&store)),
            executors,
            jury_executors,
            verifiers,
            challenger,
            state: State::new(binding, limits, records, call.clone()).with_challenges(challenges),
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
                    Ok(facts) => send(&sender, Event::Facts(Box::new(facts))),
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
}

/// Refuses a key that is not fit. One that was added a moment ago is in no final block yet, so it is waited for.
async fn require_key(rpc: &RpcClient, config: &Config, key: &KeyFile) -> Result<()> {
    let began = Instant::now();
    loop {
        if preflight::require_key(rpc, config, key).await? {
            return Ok(());
        }
        if began.elapsed() >= KEY_WAIT {
            anyhow::bail!(preflight::no_key(config, key));
        }
        let text = format!("no final block has the key yet: looking for it for up to {} s", KEY_WAIT.as_secs());
        tracing::warn!(public_key = %key.public_key, account_id = %config.account_id, text, "key.missing");
        tokio::time::sleep(START_AGAIN).await;
    }
}

/// The key with its nonce. A final block has the key, so an endpoint that does not know it lags, and is asked again.
async fn open_pool(rpc: &RpcClient, config: &Config, key: &KeyFile) -> Result<KeyPool> {
    let began = Instant::now();
    loop {
        match KeyPool::open(rpc, config.account_id.clone(), vec![key.secret_key().clone()]).await {
            Err(KeyError::NotOnAccount { .. }) if began.elapsed() < KEY_WAIT => tokio::time::sleep(LAG_POLL).await,
            pool => return Ok(pool?),
        }
    }
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
    let unworked = records.iter().filter(|record| record.done.is_none());
    let lots: Vec<_> = unworked.map(|record| (record.place.batch, record.place.lot)).collect();
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
