//! near-api-js, py-near and a browser, as their users have them, on the built binary.
//!
//! `scripts/setup --test` installs the pinned packages below `target/clients`.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// Keeps a message.
const CONTRACT: &str = include_str!("message.wat");

/// The binary as a stranger starts it, with `--json`.
struct Started {
    process: Child,
    report: Value,
}

impl Started {
    fn new() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_piecework-localnet"))
            .args(["--json", "--rpc-addr", "127.0.0.1:0", "--block-interval-ms", "20"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, report: serde_json::from_str(&line).unwrap() }
    }

    /// URL, account and secret key for a client's script.
    fn arguments(&self) -> [&str; 3] {
        let root = &self.report["root"];
        [&self.report["rpc_url"], &root["account_id"], &root["secret_key"]].map(|value| value.as_str().unwrap())
    }
}

impl Started {
    /// The newest transaction that calls a method, from the explorer's list.
    fn transaction(&self, method: &str) -> String {
        let output = run(Command::new("curl").args(["-sS", &self.explorer("/api/blocks?busy=true")]));
        let list: Value = serde_json::from_str(&output).unwrap();
        let blocks = list["blocks"].as_array().unwrap();
        let mut all = blocks.iter().flat_map(|block| block["transactions"].as_array().unwrap());
        let found = all.find(|tx| tx["actions"][0]["method"] == method).unwrap();
        found["hash"].as_str().unwrap().to_owned()
    }

    /// A page of the explorer as a browser has it once its scripts have run.
    fn browse(&self, page: &str) -> String {
        let profile = tempfile::tempdir().unwrap();
        let chromium = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(|name| Command::new(name).arg("--version").output().is_ok())
            .expect("a browser: run scripts/setup --test");
        run(Command::new(chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(self.explorer(&format!("#/{page}"))))
    }

    fn explorer(&self, path: &str) -> String {
        format!("{}{path}", self.report["explorer_url"].as_str().unwrap())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Where `scripts/setup --test` put a client.
fn installed(client: &str) -> PathBuf {
    let release = Path::new(env!("CARGO_BIN_EXE_piecework-localnet")).parent().unwrap();
    let dir = release.parent().unwrap().join("clients").join(client);
    assert!(dir.join("installed").exists(), "{client} is not installed: run scripts/setup --test");
    dir
}

/// Runs a program to its end and returns what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [printed, complained] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{printed}\n{complained}");
    printed
}

#[test]
fn near_api_js__should_work_unchanged() {
    let dir = installed("near-api-js");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/near-api-js/check.mjs");
    // Node looks for packages from where the script is.
    std::fs::copy(source, dir.join("check.mjs")).unwrap();
    std::fs::write(dir.join("contract.wasm"), wat::parse_str(CONTRACT).unwrap()).unwrap();
    let chain = Started::new();
    run(Command::new("node").arg("check.mjs").args(chain.arguments()).arg("contract.wasm").current_dir(dir));

    // And the explorer shows what it did: the call with its log in the tree of receipts, the accounts
    let call = chain.transaction("set");
    let page = chain.browse(&format!("tx/{call}"));
    for shown in ["from js", "class=\"node\"", "class=\"log\"", "js.test.near", "refund"] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    let page = chain.browse("account/alice.test.near");
    assert!(page.contains("10,000 NEAR") && page.contains("full access"), "{page}");
    assert!(chain.browse("accounts").contains("judy.test.near"));
}

#[test]
fn near_api_js__should_call_the_coordinator_by_its_abi() {
    let dir = installed("near-api-js");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(here.join("tests/clients/near-api-js/typed.mjs"), dir.join("typed.mjs")).unwrap();
    let built = || here.join("../../target/contracts");
    let contracts = std::env::var_os("PIECEWORK_WASM_DIR").map_or_else(built, PathBuf::from);
    let wasm = ["coordinator", "reward_token"].map(|name| contracts.join(format!("piecework_{name}.wasm")));
    assert!(wasm.iter().all(|path| path.exists()), "{wasm:?}: run scripts/build-contracts");
    let chain = Started::new();
    let abi = here.join("../../contracts/coordinator/abi.json");
    run(Command::new("node").arg("typed.mjs").args(chain.arguments()).arg(abi).args(wasm).current_dir(dir));
}

#[test]
fn py_near__should_work_unchanged() {
    let dir = installed("py-near");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/py-near/check.py");
    std::fs::write(dir.join("contract.wasm"), wat::parse_str(CONTRACT).unwrap()).unwrap();
    let chain = Started::new();
    let python = dir.join("bin/python");
    run(Command::new(python).arg(script).args(chain.arguments()).arg(dir.join("contract.wasm")));
}
