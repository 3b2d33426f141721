//! The commands against a whole local network, as a person types them.
#![allow(non_snake_case)]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PIECEWORK: &str = env!("CARGO_BIN_EXE_piecework");

/// A network that `piecework up` started; stopped as Ctrl-C stops it.
struct Network {
    child: Child,
    dir: tempfile::TempDir,
    about: Value,
}

impl Network {
    fn up() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(PIECEWORK)
            .args(["--json", "up", "--nodes", "1", "--rpc-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"])
            .arg("--keep-data")
            .arg(dir.path().join("network"))
            .env_remove("DATABASE_URL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about = serde_json::from_str(&line).expect("`piecework up` describes the network in its first line");
        Self { child, dir, about }
    }

    fn text(&self, pointer: &str) -> &str {
        self.about.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Runs a command with the key of `signer`, a path in the description.
    fn run(&self, signer: &str, args: &[&str]) -> Output {
        Command::new(PIECEWORK)
            .args(["--json", "--network", self.text("/network")])
            .args(["--key-file", self.text(signer)])
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    fn requester(&self, args: &[&str]) -> Output {
        self.run("/requester/key_file", args)
    }

    fn items(&self, text: &str) -> PathBuf {
        let path = self.dir.path().join("items.jsonl");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn create(&self, items: &Path, more: &[&str]) -> Output {
        let from = items.to_str().unwrap();
        self.requester(&[&["batch", "create", "--from", from, "--reward", "0.01"], more].concat())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        let status = self.child.wait().unwrap();
        if !std::thread::panicking() {
            assert!(status.success(), "Ctrl-C ends `up` well");
        }
    }
}

/// The last line of a command that succeeded.
fn value(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or("null")).unwrap()
}

/// Error and fix of a command that failed.
fn error(output: &Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    let error: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    (error["error"].as_str().unwrap().to_owned(), error["fix"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn batch__should_go_from_a_file_to_the_chain_and_back() {
    // Given a network and a file of three items
    let network = Network::up();
    let items = network.items("{\"payload\":\"one\"}\n{\"payload\":\"two\"}\n{\"n\":3}\n");

    // When the batch is tried, created from the token account, and created from the balance
    let tried = value(&network.create(&items, &["--dry-run"]));
    let created = value(&network.create(&items, &[]));
    value(&network.requester(&["account", "deposit", "5"]));
    let second = value(&network.create(&items, &["--from-balance", "--lot-size", "1"]));

    // Then nothing came of the trial, and the two batches are listed
    assert_eq!((&tried["batch"], &tried["items"]), (&Value::Null, &Value::from(3)));
    assert_eq!(
        (&created["batch"], &second["batch"], &second["lots"]),
        (&Value::from(0), &Value::from(1), &Value::from(3))
    );
    assert_eq!(value(&network.requester(&["batch", "list"])).as_array().unwrap().len(), 2);

    // And a cancelled batch closes with its escrow returned, so that watching it ends
    value(&network.requester(&["batch", "cancel", "0"]));
    let watched = value(&network.requester(&["batch", "watch", "0", "--timeout", "30s"]));
    assert_eq!(watched["status"], "closed");
    let (text, _) = error(&network.requester(&["batch", "cancel", "0"]));
    assert_eq!(text, "batch 0 is closed already");
    let results = network.requester(&["batch", "results", "0"]);
    assert!(results.status.success(), "{results:?}");
    let withdrawn = value(&network.requester(&["account", "withdraw"]));
    assert!(withdrawn["amount"].as_str().unwrap().parse::<u128>().unwrap() > 0);
}

#[test]
fn bad_input__should_be_named_with_its_fix_and_change_nothing() {
    let network = Network::up();
    let items = network.items("{\"payload\":\"one\"}\n");
    let before = value(&network.requester(&["account", "show"]));

    let (text, fix) = error(&network.requester(&["batch", "watch", "7"]));
    assert!(text.contains("there is no batch 7"), "{text}");
    assert!(fix.contains("batch create"), "{fix}");

    let (text, fix) = error(&network.requester(&["account", "show", "nobody.test.near"]));
    assert!(text.contains("nobody.test.near does not exist"), "{text}");
    assert!(fix.contains("--network"), "{fix}");

    let (text, _) = error(&network.create(&items, &["--answer-width", "3"]));
    assert!(text.contains("--answer-width must be 1, 2, 4, 8, 16 or 32"), "{text}");

    let huge = "340282366920938463463374607431768211456";
    let (text, _) = error(&network.requester(&["account", "deposit", huge]));
    assert!(text.contains("more than an amount can hold"), "{text}");

    let (text, fix) = error(&network.requester(&["account", "deposit", "99999999999"]));
    assert!(text.contains("holds 1000000 PWL"), "{text} {fix}");

    let broken = network.items("{\"payload\":\"one\"}\n{\"payload\" 2}\n");
    let (text, _) = error(&network.create(&broken, &[]));
    assert!(text.contains("items.jsonl:2:12"), "{text}");

    let items = network.items("{\"payload\":\"one\"}\n");
    let (text, fix) = error(&network.create(&items, &["--gateway-url", "http://127.0.0.1:1"]));
    assert!(text.contains("the upload is not complete") || text.contains("does not answer"), "{text}");
    assert!(fix.contains("--gateway-url"), "{fix}");

    let (text, fix) = error(&network.requester(&["--rpc-url", "http://127.0.0.1:1", "batch", "list"]));
    assert!(text.contains("127.0.0.1:1"), "{text}");
    assert!(fix.contains("--rpc-url"), "{fix}");

    assert_eq!(value(&network.requester(&["account", "show"]))["account"], before["account"]);
}

#[test]
fn node__should_be_registered_staked_and_given_a_machine_key() {
    // Given a new account of the requester's
    let network = Network::up();
    let account_id = format!("worker.{}", network.text("/requester/account_id"));
    value(&network.requester(&["account", "create", &account_id, "--amount", "30"]));
    let key_file = format!("{account_id}.json");
    let node = |args: &[&str]| {
        Command::new(PIECEWORK)
            .args(["--json", "--network", network.text("/network"), "--key-file", &key_file, "node"])
            .args(args)
            .current_dir(network.dir.path())
            .output()
            .unwrap()
    };

    // When it acts before it is a node, or with too little
    let (text, fix) = error(&node(&["stake", "1"]));
    assert!(text.contains("is not a node"), "{text}");
    assert!(fix.contains("node register"), "{fix}");
    let (text, _) = error(&node(&["register", "--stake", "5"]));
    assert!(text.contains("below the least stake of 10 NEAR"), "{text}");

    // Then it is told so; and registered, staked, paused and resumed when it does it right
    let near = |value: &Value| value["node"]["stake"].as_str().unwrap().parse::<u128>().unwrap() / 10_u128.pow(24);
    assert_eq!(near(&value(&node(&["register", "--stake", "12", "--classes", "1,2"]))), 12);
    assert_eq!(near(&value(&node(&["stake", "3"]))), 15);
    assert_eq!(near(&value(&node(&["unstake", "2"]))), 13);
    assert_eq!(value(&node(&["pause"]))["node"]["status"], "paused");
    assert_eq!(value(&node(&["resume"]))["node"]["status"], "active");

    // And its machine's key can do no more than work
    let added = value(&node(&["add-key", "--out", "machine.json"]));
    assert_eq!(added["methods"].as_array().unwrap().len(), 5);
    let machine = network.dir.path().join("machine.json");
    let denied = Command::new(PIECEWORK)
        .args(["--json", "--network", network.text("/network"), "--key-file"])
        .arg(machine)
        .args(["node", "stake", "1"])
        .output()
        .unwrap();
    assert_eq!(denied.status.code(), Some(1), "{denied:?}");
}
