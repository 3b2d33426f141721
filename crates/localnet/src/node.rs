//! A running chain: the block producer's thread, and the handle through which everything else talks to it.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use near_crypto::PublicKey;
use near_primitives::{
    errors::InvalidTxError,
    hash::CryptoHash,
    state_record::StateRecord,
    transaction::SignedTransaction,
    types::{AccountId, BlockHeight, BlockHeightDelta},
};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::chain::{Chain, ChainView};

/// Blocks to make after the last one that did something, so that it becomes final without a wait.
const FINALITY_BLOCKS: u64 = 2;

/// View calls that may run at a time, for each hardware thread.
const VIEWS_PER_THREAD: usize = 4;

/// When blocks are made.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    /// Time between blocks.
    pub interval: Duration,
    /// Whether work makes a block at once instead of at the next interval.
    pub instant: bool,
}

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

enum Command {
    Wake,
    Patch(Vec<StateRecord>, oneshot::Sender<Result<(), String>>),
    FastForward(BlockHeightDelta, oneshot::Sender<Result<(), String>>),
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
    /// The only validator.
    pub validator_id: AccountId,
    /// Its key.
    pub validator_key: PublicKey,
    /// Limits how many view calls run at a time.
    pub views: Semaphore,
    /// When this process started the chain.
    pub started: Instant,
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
        validator_id: AccountId,
        validator_key: PublicKey,
    ) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let (commands, received) = mpsc::channel();
        let view = Arc::clone(chain.view());
        let (head_sender, head) = watch::channel(view.history().head().height());
        let producer = Producer { chain, cadence, commands: received, head: head_sender };
        let thread = std::thread::Builder::new().name("block-producer".to_owned()).spawn(move || producer.run())?;
        let started = Instant::now();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let views = Semaphore::new(threads * VIEWS_PER_THREAD);
        let node = Self { chain: view, head, rpc_addr, validator_id, validator_key, views, started, commands };
        Ok((Arc::new(node), thread))
    }

    /// Queues a transaction and tells the producer.
    ///
    /// # Errors
    /// The error nearcore gives for it.
    pub fn submit(&self, tx: SignedTransaction) -> Result<CryptoHash, InvalidTxError> {
        let hash = self.chain.submit(tx)?;
        // Without a producer the wait for the transaction reports it.
        let _ = self.commands.send(Command::Wake);
        Ok(hash)
    }

    /// Changes the state and returns once a block has taken the change.
    ///
    /// # Errors
    /// If the patch makes no sense or the producer has stopped.
    pub async fn patch_state(&self, records: Vec<StateRecord>) -> Result<(), NodeError> {
        self.ask(|reply| Command::Patch(records, reply)).await
    }

    /// Skips heights and the time they stand for.
    ///
    /// # Errors
    /// If the producer has stopped.
    pub async fn fast_forward(&self, delta: BlockHeightDelta) -> Result<(), NodeError> {
        self.ask(|reply| Command::FastForward(delta, reply)).await
    }

    /// Ends the producer after its current block.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Command) -> Result<(), NodeError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| NodeError::Stopped)?;
        answer.await.map_err(|_| NodeError::Stopped)?.map_err(NodeError::Refused)
    }
}

struct Producer {
    chain: Chain,
    cadence: Cadence,
    commands: mpsc::Receiver<Command>,
    head: watch::Sender<BlockHeight>,
}

impl Producer {
    fn run(mut self) {
        let mut next = Instant::now() + self.cadence.interval;
        let mut to_finalise = 0;
        loop {
            let rushes = self.cadence.instant && (self.chain.has_work() || to_finalise > 0);
            let pause = if rushes { Duration::ZERO } else { next.saturating_duration_since(Instant::now()) };
            let forced = match self.commands.recv_timeout(pause) {
                Ok(Command::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Ok(Command::Wake) => None,
                Ok(Command::Patch(records, reply)) => {
                    self.chain.patch_state(records);
                    Some(reply)
                }
                Ok(Command::FastForward(delta, reply)) => {
                    self.chain.fast_forward(delta);
                    Some(reply)
                }
                Err(mpsc::RecvTimeoutError::Timeout) => None,
            };
            let works = self.chain.has_work();
            let rushes = self.cadence.instant && (works || to_finalise > 0);
            if forced.is_none() && !rushes && Instant::now() < next {
                continue;
            }
            match self.chain.produce_block() {
                Ok(block) => {
                    to_finalise = if works { FINALITY_BLOCKS } else { u64::saturating_sub(to_finalise, 1) };
                    self.head.send_replace(block.height());
                    answer(forced, Ok(()));
                }
                Err(error) if forced.is_some() => answer(forced, Err(error.to_string())),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "block production stopped");
                    return;
                }
            }
            next = Instant::now() + self.cadence.interval;
        }
    }
}

fn answer(reply: Option<oneshot::Sender<Result<(), String>>>, result: Result<(), String>) {
    if let Some(reply) = reply {
        // The asker may have gone away meanwhile.
        let _ = reply.send(result);
    }
}
