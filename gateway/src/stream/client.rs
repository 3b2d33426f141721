//! One client's way through the journal: history from the database, then the ring, then each line as it comes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use piecework_interface::ids::{AccountNo, BatchId};
use piecework_store::{Reader, cursor::Cursor, journal::event_list};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Feed, Frame, NoRoom, feed::Place, ring::Found};
use crate::problem::Chain;

/// Lines taken at once.
const PAGE: usize = 200;

/// Which lines a client wants; all if nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only lines that change this batch or one of its lots.
    pub batch: Option<u32>,
    /// Only lines that change this account, its balances or its node.
    pub account: Option<u32>,
}

impl Filter {
    fn wants(self, frame: &Frame) -> bool {
        self.batch.is_none_or(|batch| frame.batches.contains(&BatchId(batch)))
            && self.account.is_none_or(|account| frame.accounts.contains(&AccountNo(account)))
    }
}

/// A client.
#[derive(Debug)]
pub struct Client {
    feed: Feed,
    reader: Reader,
    filter: Filter,
    /// Number of the next line to look at.
    position: u64,
    /// Whether the ring was reached; a client that then falls out of it is too slow.
    live: bool,
    /// Whether lines were passed over since the last `id`.
    passed: bool,
    heartbeat: Duration,
    /// When something must be sent, so that the client knows that the stream lives.
    beat_at: Instant,
    head: watch::Receiver<Option<Arc<Cursor>>>,
    stopping: CancellationToken,
    ready: VecDeque<Bytes>,
    closed: bool,
    _place: Place,
}

impl Client {
    /// A client that wants the lines from `position` on.
    ///
    /// # Errors
    /// All places are taken.
    pub fn new(
        feed: &Feed,
        reader: Reader,
        position: u64,
        filter: Filter,
        heartbeat: Duration,
        stopping: CancellationToken,
    ) -> Result<Self, NoRoom> {
        Ok(Self {
            _place: feed.take_place()?,
            head: feed.watch(),
            feed: feed.clone(),
            reader,
            filter,
            position,
            live: false,
            passed: false,
            heartbeat,
            beat_at: Instant::now() + heartbeat,
            stopping,
            // Told at once, so that the client knows that it is connected, and that it comes back after two seconds.
            ready: VecDeque::from([Bytes::from_static(b"retry: 2000\n\n")]),
            closed: false,
        })
    }

    /// The bytes to send, until the client is closed.
    pub fn into_stream(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut client| async move { client.next().await.map(|bytes| (bytes, client)) })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.closed || self.stopping.is_cancelled() {
                return None;
            }
            if Instant::now() >= self.beat_at {
                self.beat();
                continue;
            }
            // Seen before the ring is read: a line that comes in between changes the head again.
            self.head.borrow_and_update();
            match self.feed.read(self.position, PAGE) {
                Found::Lines(frames) => {
                    self.live = true;
                    self.send(&frames);
                }
                Found::End => {
                    self.live = true;
                    self.wait().await;
                }
                Found::Gone if self.live => self.close("lagged"),
                Found::Gone => self.catch_up().await,
            }
        }
    }

    /// Sends the lines that the filter wants and moves behind all of them.
    fn send(&mut self, frames: &[Arc<Frame>]) {
        let mut bytes = BytesMut::new();
        for frame in frames {
            let wanted = self.filter.wants(frame);
            if wanted {
                bytes.extend_from_slice(&frame.bytes);
            }
            self.passed = !wanted;
            self.position = frame.seq + 1;
        }
        if !bytes.is_empty() {
            self.beat_at = Instant::now() + self.heartbeat;
            self.ready.push_back(bytes.freeze());
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.stopping.cancelled() => {}
            changed = self.head.changed() => self.closed = changed.is_err(),
            () = sleep_until(self.beat_at) => {}
        }
    }

    /// Shows that the stream lives. An id without data moves the client's resume point past lines that its filter left out.
    fn beat(&mut self) {
        self.beat_at = Instant::now() + self.heartbeat;
        let id = if core::mem::take(&mut self.passed) { format!("id: {}\n", self.position - 1) } else { String::new() };
        self.ready.push_back(Bytes::from(format!(": heartbeat\n{id}\n")));
    }

    async fn catch_up(&mut self) {
        let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let events = match self.reader.acquire().await {
            Ok(mut db) => event_list(&mut db, self.position, limit).await,
            Err(error) => Err(error),
        };
        match events {
            Ok(events) if events.is_empty() => self.close("unavailable"),
            Ok(events) => {
                let frames: Vec<_> = events.into_iter().map(|event| Arc::new(Frame::new(event))).collect();
                self.send(&frames);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a stream cannot catch up");
                self.close("unavailable");
            }
        }
    }

    /// Says why and ends the stream. The frame has no id, so the client resumes where it was.
    fn close(&mut self, reason: &'static str) {
        metrics::counter!("piecework_gateway_stream_closed_total", "reason" => reason).increment(1);
        self.ready.push_back(Bytes::from(format!("event: {reason}\ndata: {{\"resume_seq\":{}}}\n\n", self.position)));
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use piecework_interface::view::Root;
    use piecework_store::{DatabaseUrl, ReaderOptions};

    use super::*;

    fn head(seq: u64) -> Cursor {
        Cursor {
            stream: "piecework.test.near".to_owned(),
            chain_id: "test".to_owned(),
            height: seq,
            hash: Some(String::new()),
            timestamp_ns: 0,
            root: Root { seq, ..Root::default() },
            chain_height: seq,
            fence: 0,
        }
    }

    /// A client whose database never answers: these tests live in the ring.
    fn client(feed: &Feed, position: u64, filter: Filter, stopping: &CancellationToken) -> Client {
        const HEARTBEAT: Duration = Duration::from_millis(50);
        let options = ReaderOptions {
            connections: 1,
            acquire_timeout: Duration::from_millis(50),
            statement_timeout: Duration::from_secs(1),
        };
        let url: DatabaseUrl = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
        let reader = Reader::new(&url, options);
        Client::new(feed, reader, position, filter, HEARTBEAT, stopping.clone()).unwrap()
    }

    fn text(bytes: Option<Bytes>) -> String {
        String::from_utf8(bytes.expect("the stream goes on").to_vec()).unwrap()
    }

    #[tokio::test]
    async fn stream__should_send_each_line_once_across_the_seam_from_history_to_live() {
        // Given a client that resumes at line 3 of five
        let (feed, stopping) = (Feed::new(100, 10), CancellationToken::new());
        feed.publish(head(5), 0..5);
        let mut stream = Box::pin(client(&feed, 3, Filter::default(), &stopping).into_stream());
        assert!(text(stream.next().await).starts_with("retry:"));

        // When it reads, and two more lines come
        let history = text(stream.next().await);
        feed.publish(head(7), 5..7);
        let live = text(stream.next().await);

        // Then every line from 3 on is there once
        assert_eq!(ids(&(history + &live)), [3, 4, 5, 6]);
    }

    #[tokio::test]
    async fn stream__should_tell_a_client_that_fell_behind_the_ring_and_close_it() {
        // Given a live client
        let (feed, stopping) = (Feed::new(4, 10), CancellationToken::new());
        feed.publish(head(1), 0..1);
        let mut stream = Box::pin(client(&feed, 0, Filter::default(), &stopping).into_stream());
        stream.next().await;
        assert_eq!(ids(&text(stream.next().await)), [0]);

        // When more lines come than the ring holds before it reads again
        feed.publish(head(11), 1..11);
        let last = text(stream.next().await);

        // Then it is told where to resume, without an id, and the stream ends
        assert_eq!(last, "event: lagged\ndata: {\"resume_seq\":1}\n\n");
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn stream__should_filter_and_move_the_resume_point_with_heartbeats() {
        // Given a client that wants batch 0, while even lines name batch 0 and odd ones batch 1
        let (feed, stopping) = (Feed::new(100, 10), CancellationToken::new());
        feed.publish(head(4), 0..4);
        let filter = Filter { batch: Some(0), account: None };
        let mut stream = Box::pin(client(&feed, 0, filter, &stopping).into_stream());
        stream.next().await;

        // When it reads until nothing is left
        let lines = text(stream.next().await);
        let heartbeat = text(stream.next().await);

        // Then only its lines came, and the heartbeat's id is the last line looked at
        assert_eq!(ids(&lines), [0, 2]);
        assert_eq!(heartbeat, ": heartbeat\nid: 3\n\n");
    }

    #[tokio::test]
    async fn stream__should_send_heartbeats_while_blocks_without_lines_are_indexed() {
        // Given a client whose filter leaves out the last line, and blocks that come faster than heartbeats
        let (feed, stopping) = (Feed::new(100, 10), CancellationToken::new());
        feed.publish(head(2), 0..2);
        let filter = Filter { batch: Some(0), account: None };
        let mut stream = Box::pin(client(&feed, 0, filter, &stopping).into_stream());
        stream.next().await;
        stream.next().await;
        let blocks = feed.clone();
        tokio::spawn(async move {
            for height in 3.. {
                tokio::time::sleep(Duration::from_millis(10)).await;
                blocks.publish(Cursor { height, ..head(2) }, 2..2);
            }
        });

        // When twenty heartbeats' time passes
        let heartbeat = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;

        // Then there was one
        assert_eq!(text(heartbeat.expect("a heartbeat comes in time")), ": heartbeat\nid: 1\n\n");
    }

    #[tokio::test]
    async fn stream__should_end_when_the_gateway_stops() {
        // Given a client that waits for a line
        let (feed, stopping) = (Feed::new(100, 10), CancellationToken::new());
        feed.publish(head(0), 0..0);
        let mut stream = Box::pin(client(&feed, 0, Filter::default(), &stopping).into_stream());
        stream.next().await;

        // When the gateway stops
        let ended = tokio::spawn(async move { while stream.next().await.is_some() {} });
        stopping.cancel();

        // Then the stream ends and the place is free again
        ended.await.unwrap();
        assert_eq!(feed.clients(), 0);
    }

    #[tokio::test]
    async fn take_place__should_refuse_more_clients_than_there_are_places() {
        // Given one place
        let feed = Feed::new(100, 1);
        let first = feed.take_place().unwrap();

        // When a second client comes, and again after the first left
        let refused = feed.take_place().map(drop);
        drop(first);

        // Then it is refused, then let in
        assert_eq!(refused, Err(NoRoom { clients_max: 1 }));
        assert!(feed.take_place().is_ok());
    }

    fn ids(text: &str) -> Vec<u64> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
    }
}
