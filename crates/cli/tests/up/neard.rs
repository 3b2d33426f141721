//! The node that `NEAR_SANDBOX_BIN_PATH` names, in the form of a program with neard's command line.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::Value;

use crate::{Network, PIECEWORK, error};

/// Puts the program into a directory.
fn neard(dir: &Path) -> String {
    let path = dir.join("neard");
    std::fs::write(&path, include_str!("neard.sh")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn up__should_run_on_a_node_that_takes_neards_options_only() {
    // Given a program that refuses what neard refuses
    let dir = tempfile::tempdir().unwrap();
    let (program, calls) = (neard(dir.path()), dir.path().join("calls"));
    let localnet = Path::new(PIECEWORK).with_file_name("piecework-localnet");

    // When the variable names it
    let network = Network::up_with(|command| {
        command.env("NEAR_SANDBOX_BIN_PATH", &program).env("LOCALNET", localnet).env("CALLS", &calls);
    });

    // Then the network runs on it and says so, and it was called as near-workspaces calls neard
    assert!(network.text("/chain").starts_with("neard (release 2.11.0)"), "{}", network.about);
    let note = format!("chain: {program} (NEAR_SANDBOX_BIN_PATH), neard (release 2.11.0)");
    assert!(network.notes().contains(&note), "{}", network.notes());
    let home = Path::new(network.text("/dir")).join("chain");
    let rpc = network.text("/rpc_url").strip_prefix("http://").unwrap();
    let called = std::fs::read_to_string(calls).unwrap();
    let called: Vec<&str> = called.lines().collect();
    let [version, init, run] = called[..] else { panic!("{called:?}") };
    assert_eq!((version, init), ("--version", &*format!("--home {} init --fast", home.display())));
    let peers = format!("--home {} run --rpc-addr {rpc} --network-addr 127.0.0.1:", home.display());
    let port: u16 = run.strip_prefix(&peers).unwrap_or_else(|| panic!("{run}")).parse().unwrap();
    assert!(port > 0 && !rpc.ends_with(&format!(":{port}")), "{run}");
}

#[test]
fn up__should_refuse_a_node_that_cannot_be_like_another_network() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    for (program, args, what, fix) in [
        (neard(dir.path()), &["--like", "mainnet"][..], "--like mainnet needs piecework-localnet", "leave --like out"),
        (gone.to_str().unwrap().to_owned(), &[], "which is missing", "unset it"),
    ] {
        let mut up = Command::new(PIECEWORK);
        up.args(["--json", "up", "--rpc-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"]).args(args);
        up.env("NEAR_SANDBOX_BIN_PATH", program).env("CALLS", dir.path().join("calls"));
        let (text, advice) = error(&up.output().unwrap());
        assert!(text.contains(what) && advice.contains(fix), "{text}: {advice}");
        assert!(text.contains("NEAR_SANDBOX_BIN_PATH"), "{text}");
    }
    let called: Value = std::fs::read_to_string(dir.path().join("calls")).unwrap().into();
    assert_eq!(called, "--version\n", "no chain is made");
}
