//! The chain on disk: what was seen before a stop is there after it, whatever the stop tore.

use std::{fs, path::PathBuf};

use near_primitives::types::{Balance, BlockHeight};
use piecework_localnet::{Config, store::Layout};
use tempfile::TempDir;

use crate::runtime::harness::*;

struct Disk {
    dir: TempDir,
    config: Config,
}

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Harness::config();
        config.data = Some(Layout::new(dir.path()));
        Self { dir, config }
    }

    fn open(&self) -> Harness {
        Harness::open(&self.config)
    }

    /// The log that is written to.
    fn log(&self) -> PathBuf {
        self.files("log").max().unwrap()
    }

    fn files(&self, extension: &str) -> impl Iterator<Item = PathBuf> {
        let files = fs::read_dir(self.dir.path().join("data")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(move |path| path.extension().is_some_and(|own| own == extension))
    }
}

fn head(harness: &Harness) -> BlockHeight {
    harness.chain.view().history().head().height()
}

fn balance(harness: &Harness, actor: &Actor) -> Balance {
    let view = harness.chain.view();
    view.snapshot(head(harness)).account(&actor.id).unwrap().unwrap().amount()
}

#[test]
fn chain__should_go_on_where_it_was_left() {
    // Given a chain with an account, receipts under way and a clock ahead of its start
    let disk = Disk::new();
    let mut before = disk.open();
    let bob = before.account("bob", 5);
    before.chain.fast_forward(1_000);
    let root = before.root.clone();
    let tx = before.sign(&root, &bob.id, vec![transfer(Balance::from_near(2))]);
    let hash = before.chain.submit(tx).unwrap();
    let last = before.chain.produce_block().unwrap();
    drop(before);

    // When it is opened again and works on
    let mut after = disk.open();
    after.settle();

    // Then nothing is missing, and the receipt that was under way has run
    assert_eq!(after.chain.view().history().block_by_hash(&last.hash).unwrap().height(), last.height());
    assert_eq!(balance(&after, &bob), Balance::from_near(7));
    after.ran(hash).assert_success();
    let next = after.chain.view().history().next_block(last.height()).unwrap();
    assert!(next.lite.timestamp > last.lite.timestamp);
    assert_eq!(next.prev_hash, last.hash);
}

#[test]
fn chain__should_lose_only_the_torn_block() {
    // Given a log cut somewhere in its last block
    let disk = Disk::new();
    let mut before = disk.open();
    before.account("bob", 5);
    let height = head(&before);
    let whole = fs::metadata(disk.log()).unwrap().len();
    before.chain.produce_block().unwrap();
    drop(before);
    let bytes = fs::read(disk.log()).unwrap();

    for cut in [whole + 1, whole + 7, whole + 100, u64::try_from(bytes.len()).unwrap() - 1] {
        fs::write(disk.log(), &bytes[..usize::try_from(cut).unwrap()]).unwrap();

        // When the chain is opened (which makes one more block)
        let after = disk.open();

        // Then it goes on after the block before
        assert_eq!(head(&after), height + 1, "cut at {cut}");
    }
}

#[test]
fn chain__should_refuse_a_log_that_is_damaged_before_its_end() {
    // Given a chain of two logs, the first with a wrong byte
    let disk = Disk::new();
    let mut before = disk.open();
    let first = disk.log();
    before.chain.snapshot(Some("two".to_owned())).unwrap();
    before.chain.produce_block().unwrap();
    drop(before);
    let mut bytes = fs::read(&first).unwrap();
    bytes[60] ^= 1;
    fs::write(&first, bytes).unwrap();

    // Then opening it names the file
    let error = disk.config.chain().err().unwrap().to_string();
    assert!(error.contains(first.to_str().unwrap()) && error.contains("damaged"), "{error}");
}

#[test]
fn chain__should_refuse_files_of_another_genesis_and_a_second_process() {
    // Given a chain that is open
    let disk = Disk::new();
    let before = disk.open();

    // Then it cannot be opened twice
    let error = disk.config.chain().err().unwrap().to_string();
    assert!(error.contains("in use"), "{error}");

    // And not with another genesis
    drop(before);
    let mut other = Harness::config();
    other.data = Some(Layout::new(disk.dir.path()));
    let error = other.chain().err().unwrap().to_string();
    assert!(error.contains("another genesis"), "{error}");
}

#[test]
fn chain__should_read_old_blocks_from_disk_after_many_logs() {
    // Given a transaction and thousands of blocks after it
    let mut disk = Disk::new();
    disk.config.keep_blocks = Some(100_000);
    let mut before = disk.open();
    let bob = before.account("bob", 5);
    let root = before.root.clone();
    let tx = before.sign(&root, &bob.id, vec![transfer(Balance::from_near(2))]);
    let hash = before.chain.submit(tx).unwrap();
    before.settle();
    let status = |harness: &Harness| {
        let history = harness.chain.view().history();
        serde_json::to_string(&history.transaction_status(&hash).unwrap().outcome).unwrap()
    };
    let seen = status(&before);
    let place = before.chain.view().history().outcome(&hash).unwrap();
    for _ in 0..9_000 {
        before.chain.produce_block().unwrap();
    }

    // Then it can still be asked for, before and after a restart, though its state is gone
    assert_eq!(status(&before), seen);
    assert!(!before.chain.view().history().has_state(place.height));
    let last = before.chain.view().history().head().hash;
    drop(before);
    let after = disk.open();
    assert_eq!(status(&after), seen);
    assert_eq!(balance(&after, &bob), Balance::from_near(7));
    let history = after.chain.view().history();
    assert!(history.has_state(head(&after) - 10));
    let (old, head) = (history.block_at_height(place.height).unwrap(), history.block_by_hash(&last).unwrap());
    let proof = history.block_proof(&old, &head);
    assert!(near_primitives::merkle::verify_hash(head.lite.block_merkle_root, &proof, old.hash));
}

#[test]
fn chain__should_forget_logs_beyond_keep_blocks() {
    // Given a chain that keeps few blocks
    let mut disk = Disk::new();
    disk.config.keep_blocks = Some(1_000);
    let mut chain = disk.open();

    // When many are made
    for _ in 0..14_000 {
        chain.chain.produce_block().unwrap();
    }

    // Then old ones are gone from the answers and from the disk, the newest thousand are there
    let history = chain.chain.view().history();
    assert!(history.block_at_height(2).is_none());
    assert_eq!(history.earliest().height(), head(&chain) - 999);
    assert!(history.block_at_height(head(&chain) - 999).is_some());
    let first_log = disk.dir.path().join("data").join(format!("{:020}.log", 1));
    assert!(!first_log.exists());
}

#[test]
fn restore__should_bring_back_a_snapshot_after_later_changes_and_restarts() {
    // Given a snapshot, and changes after it
    let disk = Disk::new();
    let mut harness = disk.open();
    let bob = harness.account("bob", 5);
    let snapshot = harness.chain.snapshot(Some("start".to_owned())).unwrap();
    let saved = harness.chain.view().history().head().hash;
    let root = harness.root.clone();
    harness.run(&root, &bob.id, vec![transfer(Balance::from_near(2))]).assert_success();
    assert_eq!(balance(&harness, &bob), Balance::from_near(7));

    for _ in 0..2 {
        // When it is restored, works on, and is opened again
        harness.chain.restore("start").unwrap();
        assert_eq!(harness.chain.view().history().head().hash, saved);
        assert_eq!(head(&harness), snapshot.block_height);
        assert_eq!(balance(&harness, &bob), Balance::from_near(5));
        harness.run(&root, &bob.id, vec![transfer(Balance::from_near(1))]).assert_success();
        drop(harness);
        harness = disk.open();

        // Then it is the restored chain
        assert_eq!(balance(&harness, &bob), Balance::from_near(6));
    }
    harness.chain.delete_snapshot("start").unwrap();
    assert!(harness.chain.restore("start").unwrap_err().to_string().contains("no snapshot start"));
}

#[test]
fn states__should_be_kept_only_as_far_as_a_start_needs_them() {
    // Given a chain that wrote its state after each of forty blocks
    let disk = Disk::new();
    let mut before = disk.open();
    for number in 0..40 {
        before.account(&format!("a{number}"), 1);
        before.chain.snapshot(None).unwrap();
    }
    let height = head(&before);
    drop(before);

    // Then the newest are there, and the chain goes on from them
    assert_eq!(disk.files("state").count(), 18);
    let after = disk.open();
    assert_eq!(head(&after), height + 1);
    assert!(after.chain.view().history().has_state(height - 15));
}
