//! The binary where things are down or wrong.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use piecework_chain::KeyFile;

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1";

fn agent(config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piecework-agent"));
    command.arg("--config").arg(config).args(args).env("RUST_LOG", "info");
    command
}

fn write_config(dir: &Path, metrics: &str) -> PathBuf {
    let path = dir.join("agent.toml");
    let text = format!(
        "[node]\naccount_id = \"node.test.near\"\nkey_file = \"key.json\"\n\
         [chain]\nrpc_urls = [\"{NOBODY}\"]\ncontract = \"piecework.test.near\"\n\
         [gateway]\nurl = \"{NOBODY}\"\n\
         [work.classes.1]\ncommand = [\"/no/such/worker\"]\n\
         [state]\ndir = \"state\"\n{metrics}"
    );
    fs::write(&path, text).unwrap();
    KeyFile::generate("node.test.near".parse().unwrap()).write(dir.join("key.json")).unwrap();
    path
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the agent does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn check__should_name_everything_that_is_down_with_its_fix() {
    // Given a gateway, a node and a worker that are not there, and a key that others can read.
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    fs::set_permissions(dir.path().join("key.json"), fs::Permissions::from_mode(0o644)).unwrap();
    // When it checks.
    let output = agent(&config, &["--json", "check"]).output().unwrap();
    // Then each is an error with a fix, and the exit code says so.
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let findings = report["findings"].as_array().unwrap();
    for name in ["worker", "gateway", "key_file", "rpc"] {
        let found = findings.iter().find(|finding| finding["name"] == name).unwrap();
        assert_eq!(found["severity"], "error", "{found}");
        assert!(found["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{found}");
    }
    let state = findings.iter().find(|finding| finding["name"] == "state").unwrap();
    assert_eq!(state["severity"], "ok");
}

#[test]
fn run__should_refuse_to_challenge_with_the_key_of_the_machine() {
    // Given an agent whose challenges are to be signed by the key that works.
    let dir = tempfile::tempdir().unwrap();
    let section =
        "[challenge]\nenabled = true\naccount_id = \"node.test.near\"\nkey_file = \"key.json\"\ndaily_cap = \"1\"\n";
    let config = write_config(dir.path(), section);
    // When it runs, then it says what to do instead.
    let output = agent(&config, &["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("[challenge] key_file has the key of this machine") && text.contains("key-add"), "{text}");
}

#[test]
fn run__should_wait_for_a_node_that_is_down_and_stop_when_asked() {
    // Given an agent whose RPC node does not answer.
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let mut child = agent(&config, &["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("chain.failed")), "it says what is wrong");
    // When it is asked to stop, then it does, and all is well.
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(wait(&mut child).success());
}

#[test]
fn run__should_refuse_a_key_of_another_account() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    let output = agent(&config, &["--account-id", "other.test.near", "run"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("is of node.test.near") && text.contains("other.test.near"), "{text}");
}

#[test]
fn run__should_refuse_a_key_file_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    let key = dir.path().join("key.json");
    let good = fs::read_to_string(&key).unwrap();
    let other = KeyFile::generate("node.test.near".parse().unwrap()).public_key.to_string();
    let own = KeyFile::read(&key).unwrap().public_key.to_string();
    // Given a key file that is cut short, of another form, with another's public key, exposed, and missing.
    let cases: [(&str, u32, &str); 4] = [
        (&good[..good.len() / 2], 0o600, "is not a key file (line"),
        ("{\"seed\":\"secret words\"}", 0o600, "is not a key file (line"),
        (&good.replace(&own, &other), 0o600, "its public key is not that of its private key"),
        (&good, 0o644, "is readable by others (mode 644); run: chmod 600"),
    ];
    let refused = |part: &str| {
        let output = agent(&config, &["run"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1));
        // Then the file and the fix are named, and nothing of what is in it.
        assert!(text.contains(part) && text.contains(&key.display().to_string()), "{part}: {text}");
        assert!(!text.contains("secret words") && !text.contains("ed25519:"), "{text}");
    };
    for (text, mode, part) in cases {
        fs::write(&key, text).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        refused(part);
    }
    fs::remove_file(&key).unwrap();
    refused("cannot be read");
}

#[test]
fn check__should_name_a_full_disk() {
    // Given a disk on which no file may grow, as full disks look to a writer.
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    let output = Command::new("env")
        .args(["--ignore-signal=XFSZ", "prlimit", "--fsize=1024", env!("CARGO_BIN_EXE_piecework-agent")])
        .arg("--config")
        .arg(&config)
        .args(["--json", "check"])
        .output()
        .unwrap();
    // When it is checked, then the directory and the fix are named.
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let state = findings.iter().find(|finding| finding["name"] == "state").unwrap();
    let text = state["text"].as_str().unwrap();
    assert_eq!((output.status.code(), &state["severity"]), (Some(1), &"error".into()));
    assert!(text.contains(&dir.path().join("state").display().to_string()), "{text}");
    assert!(text.contains("has no space left") && text.contains("free some"), "{text}");
}

#[test]
fn run__should_refuse_a_state_directory_it_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    // A file where the directory should be stops even root.
    fs::write(dir.path().join("state"), b"").unwrap();
    let output = agent(&config, &["run"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(&dir.path().join("state").display().to_string()), "{text}");
}

#[test]
fn agent__should_name_every_problem_of_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    let missing = agent(&path, &["check"]).output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("piecework-agent init"));
    fs::write(&path, "[work\nmax_reservations = 0\n").unwrap();
    let text = String::from_utf8_lossy(&agent(&path, &["run"]).output().unwrap().stderr).into_owned();
    assert!(text.contains("agent.toml is not usable") && text.contains("line 1"), "{text}");
    fs::write(&path, "[work]\nmax_reservations = 0\n").unwrap();
    let text = String::from_utf8_lossy(&agent(&path, &["check"]).output().unwrap().stderr).into_owned();
    for part in ["account_id is missing", "key_file is missing", "max_reservations must be", "[work.classes] is empty"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn agent__should_take_its_policy_from_flags_variables_and_the_file() {
    // Given settings that are none, each in another place.
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "[policy]\nmin_reward = [\"1:5\"]\n");
    let mut command = agent(&config, &["--jury-reserve-pct", "101", "check"]);
    let output = command.env("PIECEWORK_ADJUDICATORS", "good.near,NOT AN ACCOUNT").output().unwrap();
    // Then all are named.
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in ["min_reward: \"1:5\" is not", "jury_reserve_pct: \"101\" is not", "adjudicators: \"NOT AN ACCOUNT\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("good.near"), "{text}");
}
