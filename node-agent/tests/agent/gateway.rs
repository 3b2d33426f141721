//! Payloads from gateways that lie, lose, lag or are gone.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
};
use piecework_agent::{
    core::{Trouble, policy::Record},
    gateway::{Gateway, GatewayError},
    payloads::Payloads,
    store::Store,
};
use piecework_api::{Batch, BatchSegment, BatchState, Counts, Page, client::ClientError};
use piecework_interface::{
    amount::Amount,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, NEAR},
    merkle,
    terms::{Terms, Verification},
    view::{OpenBatch, Progress},
};
use tokio::net::TcpListener;

const BATCH: BatchId = BatchId(3);
const HEIGHT: u64 = 77;

/// Path → body, and how often it was asked for.
type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

struct World {
    files: Files,
    asked: Arc<Mutex<Vec<String>>>,
    url: String,
    payloads: Vec<Vec<u8>>,
    dir: tempfile::TempDir,
}

impl World {
    /// A gateway that serves a batch of three items as it should.
    async fn new() -> Self {
        let payloads: Vec<Vec<u8>> = ["one", "two", "three"].map(|text| text.as_bytes().to_vec()).into();
        let digests: Vec<[u8; 32]> = payloads.iter().map(|payload| sha256(payload)).collect();
        let manifest = digests.concat();
        let manifest_hex = hex::encode(sha256(&manifest));
        let mut files = BTreeMap::new();
        files.insert(format!("/v1/blobs/{manifest_hex}"), manifest);
        for (payload, digest) in payloads.iter().zip(&digests) {
            files.insert(format!("/v1/blobs/{}", hex::encode(digest)), payload.clone());
        }
        let files: Files = Arc::new(Mutex::new(files));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state((Arc::clone(&files), Arc::clone(&asked)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let world = Self { files, asked, url, payloads, dir: tempfile::tempdir().unwrap() };
        world.point_to(&format!("blob:{manifest_hex}"));
        world
    }

    fn set(&self, path: &str, body: Option<&[u8]>) {
        let mut files = self.files.lock().unwrap();
        match body {
            Some(body) => files.insert(path.to_owned(), body.to_vec()),
            None => files.remove(path),
        };
    }

    /// Says that the batch's manifest is at `uri`.
    fn point_to(&self, uri: &str) {
        self.set(&format!("/v1/batches/{BATCH}"), Some(&serde_json::to_vec(&self.batch(uri)).unwrap()));
    }

    fn batch(&self, uri: &str) -> Batch {
        Batch {
            batch: BATCH,
            status: BatchState::Open,
            requester_id: "requester.test.near".to_owned(),
            referrer_id: None,
            lots: 2,
            callback: None,
            uri: uri.to_owned(),
            gold_root: [0; 32],
            record: self.open(),
            settled: 0,
            results_root: [0; 32],
            counts: Counts::default(),
            ended_at: None,
            created_seq: 0,
            updated_seq: 0,
        }
    }

    fn blob(&self, item: usize) -> String {
        format!("/v1/blobs/{}", hex::encode(sha256(&self.payloads[item])))
    }

    fn source(&self, url: &str, max_lot_bytes: u64) -> Payloads {
        let store = Store::open(self.dir.path()).unwrap();
        Payloads::new(Arc::new(store), Gateway::new(url, max_lot_bytes).unwrap())
    }

    async fn lot(&self, lot: u32) -> Result<Vec<Vec<u8>>, String> {
        self.with(&self.open(), lot).await
    }

    async fn with(&self, open: &OpenBatch, lot: u32) -> Result<Vec<Vec<u8>>, String> {
        fetch(&self.source(&self.url, 1 << 20), open, lot).await
    }

    fn open(&self) -> OpenBatch {
        let digests: Vec<[u8; 32]> = self.payloads.iter().map(|payload| sha256(payload)).collect();
        OpenBatch {
            requester: AccountNo(0),
            requester_operator: AccountNo(0),
            token: NEAR,
            terms: terms(),
            fixed: piecework_interface::config::Fixed {
                fee_bps: 0,
                bond_rate: Amount(1),
                rep_unit: Amount(1),
                reputation_interval_s: 0,
                grace_s: 0,
                ..Default::default()
            },
            items: 3,
            manifest: merkle::root(sha256, &digests),
            created_at: 0,
            appendable: false,
            forget_on_close: false,
            referrer: None,
            appended: [0; 32],
            progress: Progress::default(),
            escrow: Amount(0),
        }
    }
}

async fn fetch(source: &Payloads, open: &OpenBatch, lot: u32) -> Result<Vec<Vec<u8>>, String> {
    match source.lot(BATCH, LotId(lot), open, HEIGHT).await {
        Ok(items) => Ok(items.into_iter().map(|item| item.payload).collect()),
        Err(Trouble::Disk(text) | Trouble::Other(text)) => Err(text),
    }
}

async fn answer(
    State((files, asked)): State<(Files, Arc<Mutex<Vec<String>>>)>,
    uri: Uri,
) -> Result<Vec<u8>, StatusCode> {
    asked.lock().unwrap().push(uri.to_string());
    files.lock().unwrap().get(uri.path()).cloned().ok_or(StatusCode::NOT_FOUND)
}

fn terms() -> Terms {
    Terms {
        class: ClassId(1),
        reward: Amount(1),
        lot_size: 2,
        answer_width: 1,
        start: 1,
        quorum_pct: 60,
        claim_ttl_s: 60,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 2,
        bond_pct: 100,
        dissent_slash_pct: 0,
        abandon_slash_pct: 0,
        min_reputation: 0,
        expires_at: 1,
        verification: Verification::Consensus,
    }
}

#[tokio::test]
async fn lot__should_bring_its_items_to_disk_once() {
    // Given a good gateway.
    let world = World::new().await;
    // When both lots are fetched, the first twice.
    assert_eq!(world.lot(0).await.unwrap(), world.payloads[..2]);
    assert_eq!(world.lot(1).await.unwrap(), world.payloads[2..]);
    let asked = world.asked.lock().unwrap().len();
    assert_eq!(world.lot(0).await.unwrap(), world.payloads[..2]);
    // Then the second time nobody was asked, and the first time the block was named.
    let all = world.asked.lock().unwrap();
    assert_eq!(all.len(), asked);
    assert_eq!(all[0], format!("/v1/batches/{BATCH}?min_height={HEIGHT}"));
}

#[tokio::test]
async fn lot__should_not_need_the_gateway_again_after_a_restart() {
    let world = World::new().await;
    world.lot(0).await.unwrap();
    let dead = world.source("http://127.0.0.1:1", 1 << 20);
    assert_eq!(fetch(&dead, &world.open(), 0).await.unwrap(), world.payloads[..2]);
}

#[tokio::test]
async fn lot__should_refuse_a_payload_with_another_digest() {
    let world = World::new().await;
    world.set(&world.blob(1), Some(b"forged"));
    let text = world.lot(0).await.unwrap_err();
    let digest = hex::encode(sha256(&world.payloads[1]));
    assert!(text.contains(&digest) && text.contains("nothing is claimed"), "{text}");
    // The other lot is not concerned.
    assert!(world.lot(1).await.is_ok());
}

#[tokio::test]
async fn lot__should_name_a_payload_that_is_missing() {
    let world = World::new().await;
    world.set(&world.blob(0), None);
    let text = world.lot(0).await.unwrap_err();
    let digest = hex::encode(sha256(&world.payloads[0]));
    assert!(text.contains(&digest) && text.contains("404") && text.contains("upload"), "{text}");
}

#[tokio::test]
async fn manifest__should_have_the_root_on_chain() {
    let world = World::new().await;
    let digests: Vec<[u8; 32]> = world.payloads.iter().map(|payload| sha256(payload)).collect();
    let path = format!("/v1/blobs/{}", hex::encode(sha256(&digests.concat())));
    let reversed: Vec<[u8; 32]> = digests.iter().rev().copied().collect();
    for forged in [reversed.concat(), digests[..2].concat(), Vec::new(), digests.concat()[1..].to_vec()] {
        world.set(&path, Some(&forged));
        let text = world.lot(0).await.unwrap_err();
        assert!(text.contains("does not have the root") && text.contains("batch 3"), "{text}");
    }
    // More digests than the batch has items are not even read to their end.
    world.set(&path, Some(&[digests.concat(), digests.concat()].concat()));
    assert!(world.lot(0).await.unwrap_err().contains("larger than 96 bytes"));
}

#[tokio::test]
async fn manifest__should_refuse_strange_addresses_and_answers() {
    let world = World::new().await;
    for uri in ["file:///etc/passwd", "blob:../../etc/passwd", ""] {
        world.point_to(uri);
        let text = world.lot(0).await.unwrap_err();
        assert!(text.contains("only blob:<sha256> and http(s)"), "{uri}: {text}");
    }
    world.set(&format!("/v1/batches/{BATCH}"), Some(b"<html>"));
    let text = world.lot(0).await.unwrap_err();
    assert!(text.contains("nonsense"), "{text}");
}

#[tokio::test]
async fn manifest__should_be_taken_from_any_web_address() {
    let world = World::new().await;
    let digests: Vec<[u8; 32]> = world.payloads.iter().map(|payload| sha256(payload)).collect();
    world.set("/elsewhere", Some(&digests.concat()));
    world.point_to(&format!("{}/elsewhere", world.url));
    assert_eq!(world.lot(0).await.unwrap(), world.payloads[..2]);
}

/// The batch after an append: its first two items, and the third, each with a manifest.
fn segments(world: &World) -> (OpenBatch, Vec<BatchSegment>) {
    let digests: Vec<[u8; 32]> = world.payloads.iter().map(|payload| sha256(payload)).collect();
    let segment = |first: usize, digests: &[[u8; 32]]| {
        let name = hex::encode(sha256(&digests.concat()));
        world.set(&format!("/v1/blobs/{name}"), Some(&digests.concat()));
        BatchSegment {
            first_item: u32::try_from(first).unwrap(),
            items: u32::try_from(digests.len()).unwrap(),
            manifest: merkle::root(sha256, digests),
            uri: format!("blob:{name}"),
            seq: 9,
        }
    };
    let all = vec![segment(0, &digests[..2]), segment(2, &digests[2..])];
    let open = OpenBatch {
        appendable: true,
        manifest: all[0].manifest,
        appended: all[1].after(&merkle::EMPTY),
        ..world.open()
    };
    (open, all)
}

fn tell(world: &World, segments: &[BatchSegment]) {
    let page = Page { items: segments.to_vec(), next: None };
    world.set(&format!("/v1/batches/{BATCH}/segments"), Some(&serde_json::to_vec(&page).unwrap()));
}

#[tokio::test]
async fn segments__should_bring_each_lot_its_own_manifest_and_be_there_after_a_restart() {
    // Given a batch that was appended to
    let world = World::new().await;
    let (open, all) = segments(&world);
    tell(&world, &all);
    let source = world.source(&world.url, 1 << 20);
    assert_eq!(fetch(&source, &open, 0).await.unwrap(), world.payloads[..2]);
    assert_eq!(fetch(&source, &open, 1).await.unwrap(), world.payloads[2..]);

    // When the agent is started again and the gateway is gone, then it has them
    drop(source);
    let source = world.source("http://127.0.0.1:1", 1 << 20);
    assert_eq!(fetch(&source, &open, 1).await.unwrap(), world.payloads[2..]);

    // And a lot that is over takes its manifest along, since a batch that lives on may have many
    let manifests = || fs::read_dir(world.dir.path().join("manifests")).unwrap().count();
    let before = manifests();
    source.forget(BATCH, LotId(1)).unwrap();
    assert_eq!(manifests(), before - 1);
}

#[tokio::test]
async fn segments__should_be_asked_for_again_where_their_manifest_is_not_to_be_had() {
    // Given a gateway that gives the chain's segments, and says that the second's manifest is where it is not
    let world = World::new().await;
    let (open, all) = segments(&world);
    let lie = |uri: String| BatchSegment { uri, ..all[1].clone() };
    tell(&world, &[all[0].clone(), lie(format!("blob:{}", hex::encode([7; 32])))]);
    let source = world.source(&world.url, 1 << 20);
    assert!(fetch(&source, &open, 1).await.unwrap_err().contains("404"));
    // When it tells the truth, then the lie is not held against it
    tell(&world, &all);
    assert_eq!(fetch(&source, &open, 1).await.unwrap(), world.payloads[2..]);
    // An address longer than the contract takes is none of the batch's.
    tell(&world, &[all[0].clone(), lie(format!("blob:{}", "0".repeat(800)))]);
    let fresh = World { dir: tempfile::tempdir().unwrap(), ..world };
    assert!(fresh.with(&open, 1).await.unwrap_err().contains("not those on chain"));
}

#[tokio::test]
async fn segments__should_be_those_of_which_the_chain_has_the_digest() {
    let world = World::new().await;
    let (open, all) = segments(&world);
    let other = BatchSegment { manifest: [7; 32], ..all[1].clone() };
    let late = BatchSegment { first_item: 3, ..all[1].clone() };
    let long = BatchSegment { items: 5, ..all[1].clone() };
    let first = BatchSegment { manifest: [7; 32], ..all[0].clone() };
    for forged in [
        vec![all[0].clone(), other],
        vec![all[0].clone(), late],
        vec![all[0].clone(), long],
        vec![first, all[1].clone()],
        vec![all[1].clone()],
    ] {
        // When the gateway tells others, then nothing is fetched by them
        tell(&world, &forged);
        let text = world.with(&open, 1).await.unwrap_err();
        assert!(text.contains("batch 3") && text.contains("segments"), "{text}");
    }
    // One that is behind is waited for.
    tell(&world, &[]);
    assert!(world.with(&open, 1).await.unwrap_err().contains("behind the chain"));
    tell(&world, &all);
    assert_eq!(world.with(&open, 1).await.unwrap(), world.payloads[2..]);
}

#[tokio::test]
async fn lot__should_be_bounded_in_size() {
    // Given two payloads of three bytes, when either bound is passed, then it is named, and nothing is kept.
    let world = World::new().await;
    for (limit, part) in [(5, "the lot is larger than 5 bytes"), (2, "is larger than 2 bytes")] {
        let text = fetch(&world.source(&world.url, limit), &world.open(), 0).await.unwrap_err();
        assert!(text.contains(part) && text.contains("max_lot_mib"), "{text}");
    }
    assert_eq!(fs::read_dir(world.dir.path().join("payloads")).unwrap().count(), 0);
}

#[tokio::test]
async fn lot__should_name_a_disk_that_takes_no_payloads() {
    // Given a state directory that cannot take files, which stops even root.
    let world = World::new().await;
    let source = world.source(&world.url, 1 << 20);
    fs::remove_dir(world.dir.path().join("payloads")).unwrap();
    fs::write(world.dir.path().join("payloads"), b"").unwrap();
    // When a lot is fetched, then that is the disk's trouble, not the gateway's.
    let trouble = source.lot(BATCH, LotId(0), &world.open(), HEIGHT).await.unwrap_err();
    let Trouble::Disk(text) = trouble else { panic!("{trouble:?}") };
    assert!(text.contains(&world.dir.path().display().to_string()), "{text}");
}

#[tokio::test]
async fn lot__should_name_a_gateway_that_is_down() {
    let world = World::new().await;
    let text = fetch(&world.source("http://127.0.0.1:1", 1 << 20), &world.open(), 0).await.unwrap_err();
    assert!(text.contains("127.0.0.1:1 does not answer") && text.contains("[gateway] url"), "{text}");
}

#[tokio::test]
async fn requester__should_be_known_by_how_its_lots_ended() {
    // Given a requester with a running batch, a closed one with items that found no result, and a cancelled one.
    let world = World::new().await;
    let batch = |status, counts| Batch { status, counts, ..world.batch("blob:00") };
    let running = Counts { open_lots: 9, settled_lots: 1, settled_items: 2, ..Counts::default() };
    let closed = Counts {
        settled_lots: 5,
        settled_items: 10,
        unresolved_items: 5,
        contested_lots: 3,
        upheld_lots: 1,
        ..Counts::default()
    };
    let cancelled = Counts { withdrawn_lots: 4, settled_lots: 1, ..Counts::default() };
    let items = vec![
        batch(BatchState::Open, running),
        batch(BatchState::Closed, closed),
        batch(BatchState::Cancelled, cancelled),
    ];
    world.set("/v1/batches", Some(&serde_json::to_vec(&Page { items, next: None }).unwrap()));
    // When the gateway is asked, then open lots of the running batch count for nothing.
    let gateway = Gateway::new(&world.url, 1 << 20).unwrap();
    let record = Record { ended: 11, unresolved: 3, withdrawn: 4, contested: 3, upheld: 1 };
    assert_eq!(gateway.requester(BATCH).await.unwrap(), record);
    let asked = world.asked.lock().unwrap();
    assert!(asked.last().unwrap().ends_with("requester_id=requester.test.near"), "{asked:?}");
}

#[tokio::test]
async fn ping__should_name_a_gateway_that_is_down_without_secrets() {
    let gateway = Gateway::new("http://user:password@127.0.0.1:1", 1).unwrap();
    let error = gateway.ping().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, GatewayError::Client(ClientError::Unreachable { .. })), "{text}");
    assert!(text.contains("127.0.0.1:1") && text.contains("[gateway] url") && !text.contains("password"), "{text}");
}

#[tokio::test]
async fn payloads__should_not_wait_for_the_manifest_of_another_batch() {
    // Given a batch whose requester put its manifest on a server that sends one byte a second
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = format!("http://{}/manifest", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                use tokio::io::AsyncWriteExt as _;
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 96\r\n\r\n").await.unwrap();
                while socket.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            });
        }
    });
    world.point_to(&slow);
    let payloads = Arc::new(world.source(&world.url, 1 << 20));
    let (fetching, open) = (Arc::clone(&payloads), world.open());
    tokio::spawn(async move { fetch(&fetching, &open, 0).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    // When the agent's loop takes the next facts, as it does before every commit and reveal
    let kept = tokio::task::spawn_blocking(move || payloads.keep(|_| true));
    let kept = tokio::time::timeout(std::time::Duration::from_secs(2), kept).await;

    // Then it does not stand still
    assert!(kept.is_ok(), "the agent's loop waits for a stranger's server");
}
