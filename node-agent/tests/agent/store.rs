//! The state directory against crashes, damage and a full disk.

use std::{fs, path::Path, process::Command};

use piecework_agent::{
    record::{Binding, Challenge, Done, Fate, Place, Record},
    store::{Identity, Store, StoreError},
};
use piecework_interface::{
    host::sha256,
    ids::{AccountNo, BatchId, LotId, NEAR},
    intent::SignedIntent,
};

fn binding() -> Binding {
    Binding { contract: "market.near".to_owned(), node: AccountNo(3) }
}

fn place(lot: u32) -> Place {
    Place { batch: BatchId(1), lot: LotId(lot), round: 0 }
}

fn record(lot: u32, size: usize) -> Record {
    let done = Done::bind(&binding(), place(lot), u64::MAX, vec![7; size], sha256(&lot.to_le_bytes()));
    Record { place: place(lot), done: Some(done) }
}

#[test]
fn records__should_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.record_put(&Record { place: place(1), done: None }).unwrap();
    store.record_put(&record(2, 10)).unwrap();
    store.record_put(&record(1, 10)).unwrap();
    store.record_put(&record(9, 10)).unwrap();
    store.record_remove(place(9)).unwrap();
    store.record_remove(place(9)).unwrap();
    drop(store);
    let records = Store::open(dir.path()).unwrap().records().unwrap();
    assert_eq!(records.records, [record(1, 10), record(2, 10)]);
    assert!(records.damaged.is_empty());
    assert!(records.records.iter().all(|it| it.done.as_ref().unwrap().verify(&binding(), it.place)));
}

fn challenge(lot: u32, fate: Fate) -> Challenge {
    let message = format!("{{\"lot\":{lot}}}");
    Challenge {
        batch: BatchId(1),
        lot: LotId(lot),
        items: u64::MAX,
        token: NEAR,
        deposit: u128::MAX.into(),
        signed_at: 7,
        deadline: 9,
        evidence: "{}".to_owned(),
        intent: SignedIntent { message, nonce: [1; 32], signature: [2; 64], ..SignedIntent::default() },
        fate,
    }
}

#[test]
fn challenges__should_survive_reopening_with_their_bytes_and_fate() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let ruled = Fate::Ruled { overturned: 1 << 63, tokens: 5.into(), near: 6.into() };
    for (lot, fate) in [(1, Fate::Pending), (2, ruled.clone()), (3, Fate::Standing), (4, Fate::Unseen)] {
        store.challenge_put(&challenge(lot, fate)).unwrap();
    }
    store.challenge_put(&challenge(1, Fate::Void("too late".to_owned()))).unwrap();
    store.challenge_remove(BatchId(1), LotId(3)).unwrap();
    fs::write(dir.path().join("challenges/1-4.json"), b"{").unwrap();
    drop(store);
    let (challenges, damaged) = Store::open(dir.path()).unwrap().challenges().unwrap();
    assert_eq!(challenges, [challenge(1, Fate::Void("too late".to_owned())), challenge(2, ruled)]);
    assert_eq!(damaged, [dir.path().join("challenges/1-4.json")]);
}

#[test]
fn records__should_name_damaged_files_and_keep_the_others() {
    // Given three records, of which one is cut short, one garbled, and one under a wrong name.
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for lot in 0..4 {
        store.record_put(&record(lot, 10)).unwrap();
    }
    let slots = dir.path().join("slots");
    let bytes = fs::read(slots.join("1-0-0.json")).unwrap();
    fs::write(slots.join("1-0-0.json"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(slots.join("1-1-0.json"), b"").unwrap();
    fs::rename(slots.join("1-2-0.json"), slots.join("1-7-0.json")).unwrap();
    // When they are read.
    let records = store.records().unwrap();
    // Then the damaged are named and left where they are.
    assert_eq!(records.records, [record(3, 10)]);
    let names: Vec<_> = records.damaged.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["1-0-0.json", "1-1-0.json", "1-7-0.json"]);
}

#[test]
fn record__should_not_verify_when_a_bit_flips() {
    let Record { place, done } = record(1, 10);
    let done = done.unwrap();
    let mut answers = done.clone();
    answers.answers[3] ^= 1;
    let mut salt = done.clone();
    salt.salt[0] ^= 1;
    assert!(done.verify(&binding(), place));
    assert!(!answers.verify(&binding(), place) && !salt.verify(&binding(), place));
    assert!(!done.verify(&binding(), Place { round: 1, ..place }));
}

#[test]
fn open__should_sweep_what_a_crash_left_half_written() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    fs::write(dir.path().join("slots/.new-abc"), b"half").unwrap();
    fs::create_dir(dir.path().join("scratch/old")).unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(store.records().unwrap().damaged.is_empty());
    assert!(!dir.path().join("slots/.new-abc").exists() && !dir.path().join("scratch/old").exists());
}

#[test]
fn open__should_refuse_a_second_agent() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(Store::peek(dir.path()).unwrap().is_running());
    drop(store);
    assert!(!Store::peek(dir.path()).unwrap().is_running());
    assert!(Store::open(dir.path()).is_ok());
}

#[test]
fn bind__should_refuse_another_node() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let identity = Identity { chain_id: "localnet".to_owned(), account_id: "n.near".to_owned(), binding: binding() };
    store.bind(&identity).unwrap();
    store.bind(&identity).unwrap();
    let other = Identity { account_id: "m.near".to_owned(), ..identity };
    let text = store.bind(&other).unwrap_err().to_string();
    assert!(text.contains("belongs to n.near") && text.contains("not to m.near"), "{text}");
}

#[test]
fn payloads__should_count_only_with_their_digests() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let payloads = vec![b"one".to_vec(), b"two".to_vec()];
    let digests: Vec<_> = payloads.iter().map(|payload| sha256(payload)).collect();
    let (batch, lot) = (BatchId(1), LotId(2));
    assert_eq!(store.payloads(batch, lot, &digests), None);
    store.payloads_put(batch, lot, &payloads).unwrap();
    assert_eq!(store.payloads(batch, lot, &digests), Some(payloads));
    assert_eq!(store.payloads(batch, lot, &digests[..1]), None);
    let path = dir.path().join("payloads/1-2");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(store.payloads(batch, lot, &digests), None);
    store.payloads_keep(&[(batch, LotId(3))]).unwrap();
    assert!(!path.exists());
}

const FULL_DIR: &str = "PIECEWORK_TEST_FULL_DIR";

/// Runs itself in a process whose files may not grow beyond 4 KiB, which is how a full disk looks to a writer.
#[test]
fn record_put__should_keep_the_old_record_when_the_disk_is_full() {
    if let Some(dir) = std::env::var_os(FULL_DIR) {
        return when_full(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.record_put(&record(1, 10)).unwrap();
    drop(store);
    let output = Command::new("env")
        .args(["--ignore-signal=XFSZ", "prlimit", "--fsize=4096"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "store::record_put__should_keep_the_old_record_when_the_disk_is_full"])
        .env(FULL_DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("checked with a full disk"), "{text}");
}

fn when_full(dir: &Path) {
    // Given a record on disk, when a larger one does not fit, then the error names the directory and the fix.
    let store = Store::open(dir).unwrap();
    let error = store.record_put(&record(1, 4_000)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(text.contains(&dir.display().to_string()) && text.contains("free some"), "{text}");
    // And the old one is whole, nothing half-written counts, and small writes go on.
    assert_eq!(store.records().unwrap().records, [record(1, 10)]);
    assert!(store.records().unwrap().damaged.is_empty());
    store.record_put(&record(2, 10)).unwrap();
    println!("checked with a full disk");
}
