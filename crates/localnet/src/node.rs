//! A running chain: the block producer's thread, and the handle through which everything else talks to it.

mod cadence;
mod lagging;

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use near_crypto::KeyFile;
use near_primitives::{
    errors::InvalidTxError,
    hash::CryptoHash,
    state_record::StateRecord,
    transaction::SignedTransaction,
    types::{BlockHeight, BlockHeightDelta},
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::{Semaphore, oneshot, watch};

pub use cadence::{Cadence, CadenceChange, Mode};
pub use lagging::LaggingEndpoint;

use crate::{
    block::Block,
    chain::{Chain, ChainError, ChainView},
    faults::FaultPlan,
    rate_limit::RateLimiter,
    store::SnapshotInfo,
};

/// Blocks to make after the last one that did something, so that it becomes final without a wait.
const FINALITY_BLOCKS: u64 = 2;

/// View calls that may run at a time, for each hardware thread.
const VIEWS_PER_THREAD: usize = 4;

/// The producer is gone or could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The producer stopped; its log says why.
    #[error("the block producer has stopped; see the log for the reason")]
    Stopped,
    /// The request was refused.
    #[error("{0}")]
    Refused(String),
}

/// What the RPC does beyond the chain's rules, as `rpc` of neard's `config.json` sets it.
#[derive(Clone, Copy, Debug)]
pub struct RpcRules {
    /// How long a request waits for its transaction.
    pub wait_limit: Duration,
    /// Whether `EXPERIMENTAL_indexer_block` is answered.
    pub indexer_blocks: bool,
}

impl Default for RpcRules {
    fn default() -> Self {
        Self { wait_limit: Duration::from_secs(10), indexer_blocks: false }
    }
}

type Act = Box<dyn FnOnce(&mut Producer) + Send>;

enum Command {
    Wake,
    Act(Act),
    Stop,
}

/// The handle to a running chain.
pub struct Node {
    /// The readable chain.
    pub chain: Arc<ChainView>,
    /// The newest height; changes with every block.
    pub head: watch::Receiver<BlockHeight>,
    /// Where the RPC listens.
    pub rpc_addr: SocketAddr,
    /// The only validator, with its key.
    pub validator: KeyFile,
    /// Limits how many view calls run at a time.
    pub views: Semaphore,
    /// When this process started the chain.
    pub started: Instant,
    /// What goes wrong on purpose.
    pub faults: FaultPlan,
    /// What the RPC does beyond the chain's rules.
    pub rules: RpcRules,
    /// What each client may send.
    pub limits: RateLimiter,
    /// The endpoint beside this one that is some blocks behind, if there is one.
    pub lagging: Option<LaggingEndpoint>,
    commands: mpsc::Sender<Command>,
}

impl Node {
    /// Starts the producer of `chain`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        chain: Chain,
        cadence: Cadence,
        rpc_addr: SocketAddr,
        validator: KeyFile,
        faults: FaultPlan,
        limits: RateLimiter,
        rules: RpcRules,
    ) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let (commands, received) = mpsc::channel();
        let view = Arc::clone(chain.view());
        let (head_sender, head) = watch::channel(view.history().head().height());
        let lagging = chain.lagging().map(|view| (Arc::clone(view), watch::channel(view.history().head().height())));
        let lagging_sender = lagging.as_ref().map(|(_, (sender, _))| sender.clone());
        let producer = Producer::new(chain, cadence, received, head_sender, lagging_sender);
        let thread = std::thread::Builder::new().name("block-producer".to_owned()).spawn(move || producer.run())?;
        let started = Instant::now();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let node = |chain, head, validator, faults, limits, lagging, commands| {
            let views = Semaphore::new(threads * VIEWS_PER_THREAD);
            Self { chain, head, rpc_addr, validator, views, started, faults, rules, limits, lagging, commands }
        };
        let lagging = lagging.map(|(view, (_, head))| {
            // Faults and limits are those of the node that leads, which stands before both.
            let (faults, limits) = (FaultPlan::default(), RateLimiter::default());
            let KeyFile { account_id, public_key, secret_key } = &validator;
            let (account_id, public_key, secret_key) = (account_id.clone(), public_key.clone(), secret_key.clone());
            let same = KeyFile { account_id, public_key, secret_key };
            let node = node(view, head, same, faults, limits, None, commands.clone());
            LaggingEndpoint::new(node, cadence.skip_seed)
        });
        let node = node(view, head, validator, faults, limits, lagging, commands);
        Ok((Arc::new(node), thread))
    }

    /// Queues a transaction and tells the producer. Waits while too many are queued.
    ///
    /// # Errors
    /// The error nearcore gives for it.
    pub async fn submit(&self, tx: SignedTransaction) -> Result<CryptoHash, InvalidTxError> {
        let mut head = self.head.clone();
        while self.chain.is_full() && head.changed().await.is_ok() {}
        let hash = self.chain.submit(tx)?;
        // Without a producer the wait for the transaction reports it.
        let _ = self.commands.send(Command::Wake);
        Ok(hash)
    }

    /// Changes the state and returns once a block has taken the change.
    ///
    /// # Errors
    /// If the patch makes no sense or the producer has stopped.
    pub async fn patch_state(&self, records: Vec<StateRecord>) -> Result<BlockHeight, NodeError> {
        self.change_and_produce(|chain| chain.patch_state(records)).await
    }

    /// Skips heights and the time they stand for.
    ///
    /// # Errors
    /// If the producer has stopped.
    pub async fn fast_forward(&self, delta: BlockHeightDelta) -> Result<BlockHeight, NodeError> {
        self.change_and_produce(move |chain| chain.fast_forward(delta)).await
    }

    /// Leaves out heights before the next block, without moving time.
    ///
    /// # Errors
    /// If the producer has stopped.
    pub async fn skip_heights(&self, count: BlockHeightDelta) -> Result<BlockHeight, NodeError> {
        self.change_and_produce(move |chain| chain.skip_heights(count)).await
    }

    /// Moves block time forward.
    ///
    /// # Errors
    /// If the producer has stopped.
    pub async fn advance_time(&self, by: Duration) -> Result<BlockHeight, NodeError> {
        self.change_and_produce(move |chain| chain.advance_time(by)).await
    }

    /// Moves block time to a moment that is still to come, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// If it is not after the newest block's time, or the producer has stopped.
    pub async fn set_time(&self, timestamp_ns: u64) -> Result<BlockHeight, NodeError> {
        self.ask(move |producer| {
            producer.chain.set_time(timestamp_ns).map_err(|error| error.to_string())?;
            producer.produce_answer()
        })
        .await
    }

    /// Makes blocks at once, whatever the cadence.
    ///
    /// # Errors
    /// If the producer has stopped.
    pub async fn produce_blocks(&self, count: u64) -> Result<BlockHeight, NodeError> {
        self.ask(move |producer| {
            let mut height = producer.head_height();
            for _ in 0..count {
                height = producer.produce_answer()?;
            }
            Ok(height)
        })
        .await
    }

    /// Changes when blocks are made, and says how it is now.
    ///
    /// # Errors
    /// If the change makes no sense or the producer has stopped.
    pub async fn set_cadence(&self, change: CadenceChange) -> Result<Cadence, NodeError> {
        self.ask(move |producer| {
            producer.cadence = producer.cadence.changed(&change)?;
            producer.next = Instant::now() + producer.cadence.interval;
            Ok(producer.cadence)
        })
        .await
    }

    /// Keeps the chain as it is under a name.
    ///
    /// # Errors
    /// If the name is taken, the chain is in memory only, or the producer has stopped.
    pub async fn snapshot(&self, name: Option<String>) -> Result<SnapshotInfo, NodeError> {
        self.ask(|producer| producer.chain.snapshot(name).map_err(|error| describe(&error))).await
    }

    /// Goes back to a snapshot and says at which height that is.
    ///
    /// # Errors
    /// If there is none of that name, or the producer has stopped.
    pub async fn restore(&self, name: String) -> Result<BlockHeight, NodeError> {
        self.ask(move |producer| {
            producer.chain.restore(&name).map_err(|error| describe(&error))?;
            Ok(producer.announce())
        })
        .await
    }

    /// Lists the snapshots.
    ///
    /// # Errors
    /// If the chain is in memory only, or the producer has stopped.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, NodeError> {
        self.ask(|producer| producer.chain.snapshots().map_err(|error| describe(&error))).await
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// If there is none of that name, or the producer has stopped.
    pub async fn delete_snapshot(&self, name: String) -> Result<(), NodeError> {
        self.ask(move |producer| producer.chain.delete_snapshot(&name).map_err(|error| describe(&error))).await
    }

    /// Ends the producer after its current block.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    async fn change_and_produce(
        &self,
        change: impl FnOnce(&mut Chain) + Send + 'static,
    ) -> Result<BlockHeight, NodeError> {
        self.ask(|producer| {
            change(&mut producer.chain);
            producer.produce_answer()
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Producer) -> Result<T, String> + Send + 'static,
    ) -> Result<T, NodeError> {
        let (reply, answer) = oneshot::channel();
        let act: Act = Box::new(move |producer| {
            // The asker may have gone away meanwhile.
            let _ = reply.send(act(producer));
        });
        self.commands.send(Command::Act(act)).map_err(|_| NodeError::Stopped)?;
        answer.await.map_err(|_| NodeError::Stopped)?.map_err(NodeError::Refused)
    }
}

struct Producer {
    chain: Chain,
    cadence: Cadence,
    commands: mpsc::Receiver<Command>,
    head: watch::Sender<BlockHeight>,
    lagging_head: Option<watch::Sender<BlockHeight>>,
    next: Instant,
    to_finalise: u64,
    skips: StdRng,
}

impl Producer {
    fn new(
        chain: Chain,
        cadence: Cadence,
        commands: mpsc::Receiver<Command>,
        head: watch::Sender<BlockHeight>,
        lagging_head: Option<watch::Sender<BlockHeight>>,
    ) -> Self {
        let next = Instant::now() + cadence.interval;
        let skips = StdRng::seed_from_u64(cadence.skip_seed);
        Self { chain, cadence, commands, head, lagging_head, next, to_finalise: 0, skips }
    }

    fn run(mut self) {
        loop {
            let pause = self.pause();
            if pause.is_none() {
                self.chain.catch_up();
                self.announce();
            }
            let command = match pause {
                Some(pause) => self.commands.recv_timeout(pause),
                None => self.commands.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            };
            match command {
                Ok(Command::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Ok(Command::Act(act)) => act(&mut self),
                Ok(Command::Wake) | Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if self.chain.is_broken() {
                tracing::error!("block production stopped: the chain on disk could not be replaced");
                return;
            }
            if self.pause() == Some(Duration::ZERO)
                && let Err(error) = self.produce()
            {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "block production stopped");
                return;
            }
        }
    }

    /// How long until the next block is due; `None` if nothing is.
    fn pause(&self) -> Option<Duration> {
        let busy = self.chain.has_work() || self.to_finalise > 0;
        match self.cadence.mode {
            Mode::Instant if busy => Some(Duration::ZERO),
            Mode::OnDemand if !busy => None,
            Mode::Interval | Mode::OnDemand | Mode::Instant => {
                Some(self.next.saturating_duration_since(Instant::now()))
            }
        }
    }

    fn produce(&mut self) -> Result<Arc<Block>, ChainError> {
        let works = self.chain.has_work();
        self.chain.skip_heights(self.cadence.skipped(&mut self.skips));
        let block = self.chain.produce_block()?;
        self.to_finalise = if works { FINALITY_BLOCKS } else { self.to_finalise.saturating_sub(1) };
        // A block that was due keeps the pace, unless making it took longer than the interval.
        let (now, due) = (Instant::now(), self.next + self.cadence.interval);
        self.next = if self.next <= now && now < due { due } else { now + self.cadence.interval };
        self.announce();
        Ok(block)
    }

    /// Wakes whoever waits for the newest height, which it returns.
    fn announce(&self) -> BlockHeight {
        let height = self.head_height();
        self.head.send_replace(height);
        if let (Some(head), Some(view)) = (&self.lagging_head, self.chain.lagging()) {
            head.send_replace(view.history().head().height());
        }
        height
    }

    fn produce_answer(&mut self) -> Result<BlockHeight, String> {
        self.produce().map(|block| block.height()).map_err(|error| describe(&error))
    }

    fn head_height(&self) -> BlockHeight {
        self.chain.view().history().head().height()
    }
}

/// An error with what caused it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
