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
use near_primitives::{errors::InvalidTxError, hash::CryptoHash, transaction::SignedTransaction, types::BlockHeight};
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::{Semaphore, oneshot, watch};

pub use cadence::{Cadence, CadenceChange, Mode};
pub use lagging::LaggingEndpoint;

use crate::{
    block::Block,
    chain::{Chain, ChainError, ChainView},
    faults::FaultPlan,
    rate_limit::RateLimiter,
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
    pub validator: Arc<KeyFile>,
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
        let head_of = |view: &ChainView| watch::channel(view.history().head().height());
        let (head_sender, head) = head_of(&view);
        let lagging = chain.lagging().map(|view| (Arc::clone(view), head_of(view)));
        let producer = Producer {
            next: Instant::now() + cadence.interval,
            skips: StdRng::seed_from_u64(cadence.skip_seed),
            chain,
            cadence,
            commands: received,
            head: head_sender,
            lagging_head: lagging.as_ref().map(|(_, (sender, _))| sender.clone()),
            to_finalise: 0,
        };
        let thread = std::thread::Builder::new().name("block-producer".to_owned()).spawn(move || producer.run())?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let views = || Semaphore::new(threads * VIEWS_PER_THREAD);
        let node = Self {
            chain: view,
            head,
            rpc_addr,
            validator: Arc::new(validator),
            views: views(),
            started: Instant::now(),
            faults,
            rules,
            limits,
            lagging: None,
            commands,
        };
        let lagging = lagging.map(|(chain, (_, head))| {
            // Faults and limits are those of the node that leads, which stands before both.
            let (faults, limits) = (FaultPlan::default(), RateLimiter::default());
            let (validator, commands) = (Arc::clone(&node.validator), node.commands.clone());
            let node = Self { chain, head, validator, views: views(), faults, limits, lagging: None, commands, ..node };
            LaggingEndpoint::new(node, cadence.skip_seed)
        });
        Ok((Arc::new(Self { lagging, ..node }), thread))
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

    /// Changes the chain, and returns the height of a block that has taken the change.
    ///
    /// # Errors
    /// If the producer has stopped, or stops because the change makes no sense.
    pub async fn change(&self, change: impl FnOnce(&mut Chain) + Send + 'static) -> Result<BlockHeight, NodeError> {
        self.ask(|producer| {
            change(&mut producer.chain);
            producer.produce_answer()
        })
        .await
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

    /// Does something with the chain between two blocks.
    ///
    /// # Errors
    /// If that fails or the producer has stopped.
    pub async fn with_chain<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Chain) -> Result<T, ChainError> + Send + 'static,
    ) -> Result<T, NodeError> {
        self.ask(|producer| {
            let result = act(&mut producer.chain).map_err(|error| describe(&error))?;
            // It may have another past now.
            producer.announce();
            Ok(result)
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

    /// Ends the producer after its current block.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
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
