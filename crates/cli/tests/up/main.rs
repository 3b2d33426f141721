//! The commands against a whole local network, as a person types them.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod neard;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
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
        Self::up_with(|_| {})
    }

    fn up_with(change: impl FnOnce(&mut Command)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(PIECEWORK);
        command
            .args(["--json", "up", "--nodes", "1", "--rpc-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"])
            .arg("--keep-data")
            .arg(dir.path().join("network"))
            .env_remove("DATABASE_URL")
            // Commands wait for final blocks.
            .env("PIECEWORK_LOCALNET_BLOCK_INTERVAL_MS", "20")
            // At that pace the history that a node keeps by default is over in seconds, and an indexer has to start in it.
            .env("PIECEWORK_LOCALNET_KEEP_BLOCKS", "100000")
            // As in a shell that used a network that is gone.
            .env("PIECEWORK_NETWORK", dir.path().join("gone.toml"))
            .env("PIECEWORK_KEY_FILE", dir.path().join("gone.json"))
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("notes")).unwrap());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about = serde_json::from_str(&line).unwrap_or_else(|error| {
            let notes = std::fs::read_to_string(dir.path().join("notes")).unwrap();
            panic!("`piecework up` describes the network in its first line: {error}: {notes}")
        });
        Self { child, dir, about }
    }

    /// What it said beside its results.
    fn notes(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("notes")).unwrap()
    }

    fn text(&self, pointer: &str) -> &str {
        self.about.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Runs a command with a key.
    fn run(&self, network: &str, key_file: &str, args: &[&str]) -> Output {
        Command::new(PIECEWORK)
            .args(["--json", "--network", network, "--key-file", key_file])
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    fn with_key(&self, key_file: &str, args: &[&str]) -> Output {
        self.run(self.text("/network"), key_file, args)
    }

    fn requester(&self, args: &[&str]) -> Output {
        self.with_key(self.text("/requester/key_file"), args)
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
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
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
    last_line(output)
}

/// The last line of a command, whatever came of it.
fn last_line(output: &Output) -> Value {
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
    assert_eq!((&watched["items"], &watched["accepted_items"]), (&Value::from(3), &Value::from(0)));
    let (text, _) = error(&network.requester(&["batch", "cancel", "0"]));
    assert_eq!(text, "batch 0 is closed already");

    // And its results say of every item that nobody worked on it
    let results = network.requester(&["batch", "results", "0"]);
    assert!(results.status.success(), "{results:?}");
    let lines: Vec<Value> =
        String::from_utf8_lossy(&results.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["status"]).collect::<Vec<_>>(), ["not_worked_on"; 3]);
    let note = String::from_utf8_lossy(&results.stderr);
    assert!(
        note.contains("3 not worked on because their lots were skipped, cancelled or expired (items 0-2)"),
        "{note}"
    );
    let (text, fix) = error(&network.requester(&["--gateway-url", "http://127.0.0.1:1", "batch", "results", "0"]));
    assert!(text.contains("does not answer"), "{text}");
    assert!(fix.contains("--gateway-url"), "{fix}");
    let withdrawn = value(&network.requester(&["account", "withdraw"]));
    assert!(withdrawn["amount"].as_str().unwrap().parse::<u128>().unwrap() > 0);
}

#[test]
fn disputes__should_be_prepared_and_refused_with_their_fix() {
    // Given a network, two items, and an adjudicator without a balance
    let network = Network::up();
    let items = network.items("{\"payload\":\"one\"}\n{\"payload\":\"two\"}\n");
    std::fs::write(network.dir.path().join("report.md"), "all fine").unwrap();
    let requester = network.text("/requester/account_id");
    let judged = ["--adjudicator", requester];

    // When batches are created with a listener and an adjudicator
    let (text, fix) = error(&network.create(&items, &judged));
    assert!(text.contains("--adjudicator needs time") && fix.contains("--challenge-window"), "{text}: {fix}");
    let window = ["--challenge-window", "1h", "--lot-size", "1"];
    let (text, fix) = error(&network.create(&items, &[&window[..], &["--callback", "nobody.test.near"]].concat()));
    assert!(text.contains("nobody.test.near") && fix.contains("deploy the contract"), "{text}: {fix}");
    let (text, _) = error(&network.create(&items, &["--dissent-slash", "5"]));
    assert!(text.contains("--dissent-slash must be 10..=100"), "{text}");
    let listener = format!("{}:20", network.text("/contract"));
    let output = network.create(&items, &[&window[..], &["--callback", &listener]].concat());
    assert_eq!(value(&output)["batch"], 0);
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(note.contains("appeals need 8 active nodes in class 0, which has 1: until it has them"), "{note}");
    assert_eq!(value(&network.create(&items, &[&window[..], &judged].concat()))["batch"], 1);

    // Then the adjudicator accepts once, with a bond of four parts out of its balance: 5.5 rewards of 0.01 each
    let accept = ["batch", "adjudicator-accept", "1"];
    let (text, fix) = error(&network.requester(&accept));
    assert!(text.contains("the bond is 0.22 PWL") && fix.contains("account deposit 0.22 --token 1"), "{text}: {fix}");
    value(&network.requester(&["account", "deposit", "0.22"]));
    assert_eq!(value(&network.requester(&accept))["bond"], "220000");
    let (text, _) = error(&network.requester(&accept));
    assert_eq!(text, "batch 1 is accepted already");
    let (text, fix) = error(&network.requester(&["batch", "adjudicator-accept", "0"]));
    assert!(text.contains("no adjudicator") && fix.contains("--adjudicator"), "{text}: {fix}");

    // And resigns once, and may accept again for nothing more
    assert_eq!(value(&network.requester(&["batch", "resign", "1"]))["bond"], "220000");
    let (text, fix) = error(&network.requester(&["batch", "resign", "1"]));
    assert!(text.contains("does not stand behind batch 1") && fix.contains("adjudicator-accept 1"), "{text}: {fix}");
    assert_eq!(value(&network.requester(&accept))["amount"], "0");

    // And what cannot be disputed or scored yet is refused
    let verdict = ["batch", "verdict", "1", "1", "--scores", "10000", "--report", "report.md"];
    for command in [&verdict[..], &["batch", "challenge", "1", "1"]] {
        let (text, fix) = error(&network.requester(command));
        assert!(text.contains("batch 1 has no lot 1 at work") && fix.contains("lots 0 to 1"), "{text}: {fix}");
    }
}

#[test]
fn batch__should_be_skipped_and_forgotten_and_its_storage_taken_back() {
    // Given a batch of three lots
    let network = Network::up();
    let items = network.items("{\"payload\":\"one\"}\n{\"payload\":\"two\"}\n{\"payload\":\"three\"}\n");
    value(&network.create(&items, &["--lot-size", "1"]));

    // When what cannot be is named
    let (text, fix) = error(&network.requester(&["batch", "skip", "0", "1", "9"]));
    assert_eq!((text.as_str(), fix.as_str()), ("batch 0 has no lot 9", "the batch has lots 0 to 2"));
    let (text, fix) = error(&network.requester(&["batch", "forget", "0"]));
    assert!(text.contains("only a closed one can be forgotten") && fix.contains("batch cancel 0"), "{text}: {fix}");
    let node = network.text("/nodes/0/key_file");
    let (text, fix) = error(&network.with_key(node, &["batch", "skip", "0", "1"]));
    assert!(text.contains("was not created by") && fix.contains("--key-file"), "{text}: {fix}");

    // Then lots are skipped, once each; the last one closes the batch, which is forgotten
    let skipped = value(&network.requester(&["batch", "skip", "0", "1"]));
    assert_eq!((&skipped["skipped"], &skipped["kept"]), (&serde_json::json!([1]), &serde_json::json!([])));
    let rest = value(&network.requester(&["batch", "skip", "0", "0,1,2"]));
    assert_eq!((&rest["skipped"], &rest["kept"]), (&serde_json::json!([0, 2]), &serde_json::json!([1])));
    let freed = value(&network.requester(&["batch", "forget", "0"]))["freed"].as_str().unwrap().to_owned();
    assert!(freed.parse::<u128>().unwrap() > 0);
    let (text, _) = error(&network.requester(&["batch", "forget", "0"]));
    assert!(text.contains("batch 0 was forgotten"), "{text}");

    // And storage deposit is taken back that backs nothing
    let (text, fix) = error(&network.requester(&["account", "withdraw-storage", "6"]));
    assert!(text.contains("back no bytes") && fix.contains("batch forget"), "{text}: {fix}");
    let half = value(&network.requester(&["account", "withdraw-storage", "0.5"]));
    assert_eq!(half["yoctonear"], "500000000000000000000000");
    value(&network.requester(&["account", "withdraw-storage"]));
    let (text, _) = error(&network.requester(&["account", "withdraw-storage"]));
    assert!(text.starts_with("0 NEAR of"), "{text}");
}

#[test]
fn class__should_be_registered_declared_and_gated() {
    // Given a network with one class, and a node
    let network = Network::up();
    let node_id = network.text("/nodes/0/account_id");
    let node = |args: &[&str]| network.with_key(network.text("/nodes/0/key_file"), args);
    let listed = value(&network.requester(&["class", "list"]));
    assert_eq!((&listed[0]["name"], &listed[0]["nodes"]), (&Value::from("digits"), &Value::from(1)));
    let schema = network.dir.path().join("schema.json");
    std::fs::write(&schema, "{}").unwrap();

    // When the requester registers a gated one
    let (text, _) = error(&network.requester(&["class", "register", &"x".repeat(33)]));
    assert_eq!(text, "no class can be called \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
    let register = ["class", "register", "labels", "--gated", "--schema", schema.to_str().unwrap()];
    let registered = value(&network.requester(&register));
    assert_eq!(
        (&registered["class"], &registered["burnt"]),
        (&Value::from(1), &Value::from("100000000000000000000000"))
    );
    assert_eq!(registered["schema"].as_str().unwrap().len(), 64);

    // Then a batch and a node have to name their class, and one that exists
    let items = network.items("{\"payload\":\"one\"}\n");
    let (text, fix) = error(&network.create(&items, &[]));
    assert!(text == "several classes are registered" && fix.contains("--class with one of: 0 (digits), 1 (labels)"));
    let (text, fix) = error(&network.create(&items, &["--class", "2"]));
    assert!(text == "there is no class 2" && fix.contains("0 (digits), 1 (labels)"), "{text}: {fix}");
    assert_eq!(value(&network.create(&items, &["--class", "1"]))["batch"], 0);
    let (text, _) = error(&node(&["node", "declare", "0,7"]));
    assert_eq!(text, "there is no class 7");

    // And its owner alone admits who declared it, and removes who is admitted
    let admit = ["class", "admit", "1", node_id];
    let (text, fix) = error(&network.requester(&admit));
    assert!(text.contains("has not declared class 1") && fix.contains("node declare"), "{text}: {fix}");
    value(&node(&["node", "declare", "0,1"]));
    let (text, fix) = error(&node(&admit));
    assert!(text.contains("belongs to account") && fix.contains("owner's key"), "{text}: {fix}");
    let (text, _) = error(&network.requester(&["class", "remove", "1", node_id]));
    assert!(text.contains("is not admitted to class 1"), "{text}");
    assert_eq!(value(&network.requester(&admit))["class"]["admitted"], true);
    assert_eq!(value(&network.requester(&["class", "list"]))[1]["nodes"], 1);
    let (text, _) = error(&network.requester(&admit));
    assert!(text.contains("is admitted to class 1 already"), "{text}");
    assert_eq!(value(&network.requester(&["class", "remove", "1", node_id]))["class"]["admitted"], false);
    let (text, fix) = error(&network.requester(&["class", "admit", "0", node_id]));
    assert!(text.contains("open to every node") && fix.contains("--gated"), "{text}: {fix}");
}

#[test]
fn operator__should_be_named_by_the_node_and_confirmed() {
    // Given a node and an account that stands behind it
    let network = Network::up();
    let (node_id, requester) = (network.text("/nodes/0/account_id"), network.text("/requester/account_id"));
    let node =
        |args: &[&str]| network.with_key(network.text("/nodes/0/key_file"), &[&["node", "operator"], args].concat());
    let operator = |what: &str| network.requester(&["operator", what, node_id]);

    // When the account confirms what the node did not say, or the node names what cannot be
    let (text, fix) = error(&operator("confirm"));
    assert!(text.contains("has not named") && fix.contains("node operator"), "{text}: {fix}");
    let (text, fix) = error(&node(&["nobody.test.near"]));
    assert!(text.contains("is not registered") && fix.contains("storage-deposit"), "{text}: {fix}");
    let (text, fix) = error(&node(&[node_id]));
    assert!(text.contains("is the node itself") && fix.contains("--none"), "{text}: {fix}");

    // Then both say so, each once, and either ends it
    let named = value(&node(&[requester]));
    assert_eq!((&named["node"]["operator"], named["node"]["asked"].is_u64()), (&Value::Null, true));
    let (text, _) = error(&node(&[requester]));
    assert!(text.contains("has named that already"), "{text}");
    let confirmed = value(&operator("confirm"));
    assert_eq!(confirmed["node"]["operator"], confirmed["node"]["asked"]);
    let (text, _) = error(&operator("confirm"));
    assert!(text.contains("already"), "{text}");
    assert_eq!(value(&operator("drop"))["node"]["operator"], Value::Null);
    value(&node(&[requester]));
    value(&operator("confirm"));
    assert_eq!(value(&node(&["--none"]))["node"]["operator"], Value::Null);
    let (text, _) = error(&operator("drop"));
    assert!(text.contains("has not named"), "{text}");
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

    for command in ["results", "cancel"] {
        let (text, _) = error(&network.requester(&["batch", command, "7"]));
        assert!(text.contains("there is no batch 7"), "{text}");
    }

    let empty = network.items("");
    let (text, _) = error(&network.create(&empty, &[]));
    assert!(text.contains("items.jsonl holds no items"), "{text}");

    let negative = network.requester(&["account", "deposit", "-1"]);
    assert_eq!(negative.status.code(), Some(2), "{negative:?}");
    assert!(String::from_utf8_lossy(&negative.stderr).contains("`-1` is not an amount"), "{negative:?}");
    let (text, _) = error(&network.requester(&["account", "deposit", "0"]));
    assert_eq!(text, "the amount is 0");

    let (text, _) = error(&network.run("nosuch", network.text("/requester/key_file"), &["batch", "list"]));
    assert!(text.contains("there is no network \"nosuch\""), "{text}");
    let (_, fix) = error(&network.requester(&["--contract", network.text("/token"), "batch", "list"]));
    assert!(fix.contains("no Piecework coordinator"), "{fix}");
    let (text, _) = error(&network.with_key("missing.json", &["account", "deposit", "1"]));
    assert!(text.contains("missing.json"), "{text}");

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
fn token__should_take_accounts_before_it_is_listed() {
    // Given a token that the coordinator does not list
    let network = Network::up();
    let token = format!("token.{}", network.text("/requester/account_id"));
    value(&network.requester(&["account", "create", &token, "--amount", "20"]));
    let wasm = Path::new(PIECEWORK).parent().unwrap().join("../contracts/piecework_reward_token.wasm");
    let key_file = format!("{token}.json");
    let owner = |args: &[&str]| network.with_key(&key_file, args);
    let deploy = ["token", "deploy", "--name", "New", "--symbol", "NEW", "--supply-cap", "10"];
    value(&owner(&[&deploy[..], &["--wasm", wasm.to_str().unwrap()]].concat()));

    // When tokens are minted to an account that is not registered, and as the error says
    let receiver = network.text("/requester/account_id");
    let (_, fix) = error(&owner(&["token", "mint", &token, receiver, "5"]));
    assert!(fix.contains("account storage-deposit"), "{fix}");
    value(&network.requester(&["account", "storage-deposit", receiver, "--token", &token]));

    // Then it gets them
    assert_eq!(value(&owner(&["token", "mint", &token, receiver, "5"]))["amount"], "5000000");
}

#[test]
fn up__should_leave_nothing_running_when_it_is_killed() {
    // Given a network with all its processes, those of Postgres included
    let mut network = Network::up();
    let processes = descendants(network.child.id());
    assert!(processes.iter().filter(|pid| name_of(**pid) == "postgres").count() > 1, "{processes:?}");

    // When it has no chance to stop them
    network.child.kill().unwrap();
    network.child.wait().unwrap();

    // Then they end all the same
    let end = Instant::now() + Duration::from_secs(30);
    while let Some(pid) = processes.iter().find(|pid| !name_of(**pid).is_empty()) {
        assert!(Instant::now() < end, "{} still runs", name_of(*pid));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All processes below a process.
fn descendants(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children: String =
        threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default()).collect();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    children.flat_map(|child| descendants(child).into_iter().chain([child])).collect()
}

/// What a process runs; empty once it has ended.
fn name_of(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (name, rest) = stat.rsplit_once(") ").unwrap_or_default();
    // A zombie has ended; somebody else is to take note of it.
    let name = if rest.starts_with('Z') { "" } else { name };
    name.split_once(" (").unwrap_or_default().1.to_owned()
}

#[test]
fn node__should_be_registered_staked_and_given_a_machine_key() {
    // Given a new account of the requester's
    let network = Network::up();
    let account_id = format!("worker.{}", network.text("/requester/account_id"));
    value(&network.requester(&["account", "create", &account_id, "--amount", "30"]));
    let key_file = format!("{account_id}.json");
    let node = |args: &[&str]| network.with_key(&key_file, &[&["node"], args].concat());

    // When it acts before it is a node, or with too little
    let (text, fix) = error(&node(&["stake", "1"]));
    assert!(text.contains("is not a node"), "{text}");
    assert!(fix.contains("node register"), "{fix}");
    let (text, _) = error(&node(&["register", "--stake", "5"]));
    assert!(text.contains("below the least stake of 10 NEAR"), "{text}");

    // Then it is told so; and registered, staked, paused and resumed when it does it right
    let near = |value: &Value| value["node"]["stake"].as_str().unwrap().parse::<u128>().unwrap() / 10_u128.pow(24);
    assert_eq!(near(&value(&node(&["register", "--stake", "12"]))), 12);
    assert_eq!(near(&value(&node(&["stake", "3"]))), 15);
    assert_eq!(near(&value(&node(&["unstake", "2"]))), 13);
    assert_eq!(value(&node(&["pause"]))["node"]["status"], "paused");
    assert_eq!(value(&node(&["resume"]))["node"]["status"], "active");

    // And its machine's key can do no more than work, and pay the account that its owner named
    let added = value(&node(&["add-key", "--out", "machine.json"]));
    assert_eq!(added["methods"].as_array().unwrap().len(), 7);
    let denied = network.with_key("machine.json", &["node", "stake", "1"]);
    assert_eq!(denied.status.code(), Some(1), "{denied:?}");
}

#[test]
fn govern__should_change_what_waited_and_name_who_may() {
    // Given a coordinator whose changes wait for three seconds
    let network = Network::up();
    let contract = format!("market.{}", network.text("/requester/account_id"));
    value(&network.requester(&["account", "create", &contract, "--amount", "20"]));
    let key_file = format!("{contract}.json");
    let owner = |args: &[&str]| network.with_key(&key_file, &[&["--contract", &contract][..], args].concat());
    let other = |args: &[&str]| network.requester(&[&["--contract", &contract][..], args].concat());
    let wasm = Path::new(PIECEWORK).parent().unwrap().join("../contracts/piecework_coordinator.wasm");
    let wasm = wasm.to_str().unwrap();
    value(&owner(&["contract", "deploy", "--wasm", wasm]));
    let config = network.dir.path().join("config.json");
    std::fs::write(&config, r#"{"unbonding_s":2,"notice_s":1}"#).unwrap();
    let made = value(&owner(&["contract", "init", "--config", config.to_str().unwrap()]));
    assert!(!made["config"]["chain_id"].as_str().unwrap().is_empty(), "intents need the chain's id: {made}");

    // When somebody else, or nobody's proposal, or nonsense is tried
    let (text, fix) = error(&other(&["govern", "propose", "config", "--set", "fee_bps=300"]));
    assert!(text.contains(&format!("may not do this; {contract} may")), "{text}");
    assert!(fix.contains("--key-file"), "{fix}");
    let (text, _) = error(&owner(&["govern", "owner", "accept"]));
    assert!(text.contains("no owner is proposed"), "{text}");
    let (text, fix) = error(&owner(&["govern", "apply", "7"]));
    assert_eq!(
        (text.as_str(), fix.as_str()),
        ("there is no open proposal 7", "none is open; see `piecework govern show`")
    );
    let (text, _) = error(&owner(&["govern", "propose", "config", "--set", "fee_bps=5000"]));
    assert!(text.contains("cannot hold"), "{text}");

    // Then it is named; and a change that waited holds, for anybody who applies it
    let proposed = value(&owner(&["govern", "propose", "config", "--set", "fee_bps=300"]));
    assert_eq!(proposed["number"], 0);
    let applied = value(&other(&["govern", "apply", "0", "--wait"]));
    assert_eq!((&applied["config"]["fee_bps"], applied["proposals"].as_array().unwrap().len()), (&Value::from(300), 0));

    // And a guardian pauses and drops, and the owner alone unpauses
    value(&owner(&["govern", "role", "guardian", network.text("/requester/account_id")]));
    assert_eq!(value(&other(&["govern", "pause", "batches", "claims"]))["paused"], 10);
    let (text, _) = error(&other(&["govern", "unpause", "all"]));
    assert!(text.contains("may not do this"), "{text}");
    assert_eq!(value(&owner(&["govern", "unpause", "all"]))["paused"], 0);
    let code = value(&owner(&["govern", "propose", "code", wasm]));
    let (text, _) = error(&owner(&["govern", "apply", "1"]));
    assert!(text.contains("is code with the SHA-256"), "{text}");
    assert_eq!(code["number"], 1);
    assert!(value(&other(&["govern", "drop", "1"]))["proposals"].as_array().unwrap().is_empty());

    // And code that waited is deployed, the treasury set, and the ownership handed over in two steps
    value(&owner(&["govern", "propose", "code", wasm]));
    assert!(
        value(&owner(&["govern", "apply", "2", "--wait", "--wasm", wasm]))["proposals"].as_array().unwrap().is_empty()
    );
    value(&other(&["account", "storage-deposit"]));
    assert_eq!(value(&owner(&["govern", "treasury", network.text("/requester/account_id")]))["treasury"], 0);
    value(&owner(&["govern", "owner", "propose", network.text("/requester/account_id")]));
    assert_eq!(value(&other(&["govern", "owner", "accept"]))["owner_id"], network.text("/requester/account_id"));
    assert_eq!(value(&other(&["govern", "role", "guardian", "--nobody"]))["guardian_id"], Value::Null);
}

#[test]
fn intent__should_be_signed_by_a_key_and_relayed_by_anybody() {
    // Given a friend's key that may transfer two tokens a day for the requester
    let network = Network::up();
    let requester = network.text("/requester/account_id");
    let friend = format!("friend.{requester}");
    value(&network.requester(&["account", "create", &friend, "--amount", "2"]));
    let key_file = format!("{friend}.json");
    let by_friend = |args: &[&str]| network.with_key(&key_file, args);
    value(&by_friend(&["account", "storage-deposit"]));
    value(&network.requester(&["account", "deposit", "5"]));
    let file: Value = serde_json::from_slice(&std::fs::read(network.dir.path().join(&key_file)).unwrap()).unwrap();
    let public_key = file["public_key"].as_str().unwrap();
    let nothing = ["intent", "key-add", public_key, "--kinds", "transfer", "--daily-cap", "0"];
    let (text, _) = error(&network.requester(&nothing));
    assert!(text.contains("could not move anything"), "{text}");
    let add = ["intent", "key-add", public_key, "--kinds", "transfer,challenge", "--daily-cap", "2"];
    assert_eq!(value(&network.requester(&add))["keys"][0]["kinds"], serde_json::json!(["transfer", "challenge"]));

    // When it signs one transfer within its cap and one beyond, and a wrong number
    let sign = |args: &[&str]| by_friend(&[&["intent", "sign", "--for", requester][..], args].concat());
    let good = value(&sign(&["transfer", &friend, "1.5", "--memo", "lunch", "--nonce", "7"]));
    let dear = value(&sign(&["transfer", &friend, "1", "--nonce", "8"]));
    let mut changed = good.clone();
    changed["message"] = Value::from(good["message"].as_str().unwrap().replace("1500000", "2000000"));
    let list = network.dir.path().join("intents.json");
    std::fs::write(&list, format!("{changed}\n[{good},{dear}]\n")).unwrap();

    // Then the good one alone moves what it says, whoever relays them
    let relay = by_friend(&["intent", "relay", list.to_str().unwrap()]);
    assert!(error(&relay).0.starts_with("2 of 3 intents were not executed"), "{relay:?}");
    let relayed = last_line(&relay);
    let codes: Vec<_> = relayed["intents"].as_array().unwrap().iter().map(|intent| &intent["code"]).collect();
    assert_eq!(codes, [&Value::from("signature"), &Value::Null, &Value::from("key_cap")]);
    let balances = value(&by_friend(&["account", "show"]));
    assert_eq!(balances["account"]["balances"][0]["amount"], "1500000", "{balances}");
    let (text, _) = error(&by_friend(&["intent", "relay", list.to_str().unwrap()]));
    assert!(text.contains("none of 3 intents was executed"), "{text}");
    let (text, fix) = error(&sign(&["transfer", &friend, "1", "--nonce", "8"]));
    assert!(text.starts_with("--nonce 8 is used"), "{text}");
    assert!(fix.ends_with("or leave it out"), "{fix}");

    // And a removed key signs nothing
    assert!(
        value(&network.requester(&["intent", "key-remove", public_key]))["keys"][0]["kinds"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let late = network.dir.path().join("late.json");
    assert!(sign(&["transfer", &friend, "0.1", "--out", late.to_str().unwrap()]).status.success());
    let (text, _) = error(&by_friend(&["intent", "relay", late.to_str().unwrap()]));
    assert!(text.contains("the key may not sign for the account"), "{text}");
    let (text, _) = error(&by_friend(&["intent", "relay", &key_file]));
    assert!(text.contains("holds no signed intents"), "{text}");
}
