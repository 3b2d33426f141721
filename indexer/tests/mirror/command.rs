//! The command line when something is missing or down.

use std::process::Command;

/// What a failed command says.
fn failure(database_url: Option<&str>, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piecework-indexer"));
    for name in ["DATABASE_URL", "PIECEWORK_NETWORK", "PIECEWORK_RPC_URL", "PIECEWORK_CONTRACT"] {
        command.env_remove(name);
    }
    let output = command.envs(database_url.map(|url| ("DATABASE_URL", url))).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn command__should_name_what_is_missing_and_its_fix() {
    let url = Some("postgres://mirror:secret@127.0.0.1:1/piecework");
    assert!(failure(None, &["status"]).contains("DATABASE_URL is not set: export DATABASE_URL="));
    assert!(failure(url, &["reconcile"]).contains("set PIECEWORK_CONTRACT or --contract"));
    assert!(failure(url, &["reconcile", "--network", "nosuch"]).contains("there is no network \"nosuch\""));
}

#[test]
fn command__should_name_a_database_that_is_down_without_its_password() {
    let url = Some("postgres://mirror:secret@127.0.0.1:1/piecework");
    for args in [&["status"][..], &["rebuild"], &["reconcile", "--contract", "coordinator.near"]] {
        let text = failure(url, args);
        assert!(text.contains("127.0.0.1:1/piecework"), "{text}");
        assert!(text.contains("check DATABASE_URL"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
