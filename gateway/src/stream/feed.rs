//! The task that follows the mirror: it reads the head and the new lines once for all clients.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use piecework_store::{
    Reader, StoreError, WakeUps,
    cursor::{Cursor, cursor_find},
    journal::event_list,
};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use super::{
    Frame,
    ring::{Found, Ring},
};
use crate::problem::Chain;

/// The writer's wake-ups may be lost, so the tables are looked at this often anyway.
const POLL: Duration = Duration::from_millis(250);
/// Pause after a failed read.
const RETRY: Duration = Duration::from_secs(1);
/// Lines of one read.
const PAGE: u32 = 1_000;
/// Lines read at the start, so that clients which resume after a restart of the gateway are served from memory.
const WARM: u64 = 4_096;

/// The head of the mirror and the journal's newest lines: cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    head: watch::Sender<Option<Arc<Cursor>>>,
    ring: Arc<RwLock<Ring>>,
    clients: Arc<AtomicUsize>,
    clients_max: usize,
}

/// All places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {clients_max} stream places are taken")]
pub struct NoRoom {
    /// How many there are.
    pub clients_max: usize,
}

/// A client's place, given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// A feed that has seen nothing yet.
    #[must_use]
    pub fn new(lines_max: usize, clients_max: usize) -> Self {
        Self {
            head: watch::Sender::new(None),
            ring: Arc::new(RwLock::new(Ring::new(lines_max.max(1), 0))),
            clients: Arc::default(),
            clients_max,
        }
    }

    /// The head; `None` before the first block or before the database answered.
    #[must_use]
    pub fn head(&self) -> Option<Arc<Cursor>> {
        self.head.borrow().clone()
    }

    /// The head, as it moves.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Cursor>>> {
        self.head.subscribe()
    }

    /// Takes a client's place.
    ///
    /// # Errors
    /// All are taken.
    pub fn take_place(&self) -> Result<Place, NoRoom> {
        let place = Place(Arc::clone(&self.clients));
        // Counted before it is compared, so that two clients never share the last place.
        if self.clients.fetch_add(1, Ordering::Relaxed) < self.clients_max {
            Ok(place)
        } else {
            Err(NoRoom { clients_max: self.clients_max })
        }
    }

    /// Clients now.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// Lines in memory.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.ring.read().len()
    }

    /// Lines from `position` on.
    pub(super) fn read(&self, position: u64, limit: usize) -> Found {
        self.ring.read().read(position, limit)
    }

    /// Follows the mirror until `stopped`. Failures are logged when they begin and when they end.
    pub async fn run(self, reader: Reader, stopped: CancellationToken) {
        let mut wake_ups: Option<WakeUps> = None;
        let mut failing = false;
        loop {
            let pause = match self.advance(&reader).await {
                Ok(()) => {
                    if core::mem::take(&mut failing) {
                        tracing::info!("the mirror can be read again");
                    }
                    if wake_ups.is_none() {
                        wake_ups = listen(&reader).await;
                    }
                    POLL
                }
                Err(error) => {
                    if !core::mem::replace(&mut failing, true) {
                        tracing::error!(error = %Chain(&error), "the mirror cannot be read");
                    }
                    wake_ups = None;
                    RETRY
                }
            };
            tokio::select! {
                () = stopped.cancelled() => return,
                () = time::sleep(pause) => {}
                lost = next(&mut wake_ups) => if lost { wake_ups = None },
            }
        }
    }

    /// Reads what is new. Lines are published before the head, so that whoever sees a head finds its lines.
    async fn advance(&self, reader: &Reader) -> Result<(), StoreError> {
        let mut db = reader.acquire().await?;
        let Some(head) = cursor_find(&mut db).await?.filter(|head| head.hash.is_some()) else { return Ok(()) };
        let mut position = self.ring.read().next();
        if self.head().is_none() || position > head.root.seq {
            // The first head, or the mirror was rebuilt and is behind what was already sent.
            position = head.root.seq.saturating_sub(WARM);
            self.ring.write().restart(position);
        }
        while position < head.root.seq {
            let events = event_list(&mut db, position, PAGE).await?;
            let frames: Vec<_> = events.into_iter().map(|event| Arc::new(Frame::new(event))).collect();
            let mut ring = self.ring.write();
            let pushed = frames.into_iter().all(|frame| ring.push(frame));
            if !pushed || ring.next() == position {
                // The journal has no gaps, so this is a rebuild in progress: look again at the next turn.
                tracing::warn!(seq = ring.next(), "the journal has a gap");
                return Ok(());
            }
            position = ring.next();
        }
        self.head.send_if_modified(|known| {
            let moved = known.as_deref() != Some(&head);
            if moved {
                *known = Some(Arc::new(head));
            }
            moved
        });
        Ok(())
    }

    /// Publishes lines and a head without a database.
    #[cfg(test)]
    pub(super) fn publish(&self, head: Cursor, seqs: core::ops::Range<u64>) {
        let mut ring = self.ring.write();
        if self.head().is_none() {
            ring.restart(seqs.start);
        }
        for seq in seqs {
            assert!(ring.push(Arc::new(Frame::for_test(seq))));
        }
        drop(ring);
        self.head.send_replace(Some(Arc::new(head)));
    }
}

/// Asks for wake-ups; without them there is still the poll.
async fn listen(reader: &Reader) -> Option<WakeUps> {
    match reader.wake_ups().await {
        Ok(wake_ups) => Some(wake_ups),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "no wake-ups: the mirror is only polled");
            None
        }
    }
}

/// Waits for a wake-up; `true` if the connection broke. Without one it waits forever.
async fn next(wake_ups: &mut Option<WakeUps>) -> bool {
    match wake_ups {
        Some(wake_ups) => wake_ups.next().await.is_err(),
        None => core::future::pending().await,
    }
}
