//! A chain that behaves as a public network does.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use piecework_localnet::{
    Config, Profile, Settings,
    faults::Faults,
    node::{Cadence, Mode},
    profile::GenesisChange,
    rate_limit::RateLimit,
};
use serde_json::{Value, json};

use crate::rpc::setup::*;

/// The built binary, ended with the test.
struct Binary {
    process: Child,
    url: String,
}

impl Binary {
    /// Starts it with these arguments; it listens on a free port.
    fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut process =
            command(args, env).args(["--rpc-addr", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = match serde_json::from_str::<Value>(&line) {
            Ok(report) => report["rpc_url"].as_str().unwrap().to_owned(),
            Err(_) => line.trim().strip_prefix("listening on ").unwrap().to_owned(),
        };
        Self { process, url }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = reqwest::Client::new().post(&self.url).json(&body).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Height of the first block, and how long transactions are valid.
    async fn genesis(&self) -> (u64, u64) {
        let config = self.call("genesis_config", json!([])).await;
        let number = |name: &str| config[name].as_u64().unwrap();
        (number("genesis_height"), number("transaction_validity_period"))
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piecework-localnet"));
    // What cargo's configuration asks of the chains of other tests.
    command.env_remove("PIECEWORK_LOCALNET_KEEP_BLOCKS").env_remove("PIECEWORK_LOCALNET_VALIDITY");
    command.args(args).envs(env.iter().copied());
    command
}

fn init(home: &Path, args: &[&str]) {
    let status = command(&["--home", home.to_str().unwrap(), "init"], &[]).args(args).status().unwrap();
    assert!(status.success());
}

#[test]
fn mainnet__should_have_the_documented_values() {
    let expected = Settings {
        cadence: Cadence {
            mode: Mode::Interval,
            interval: Duration::from_millis(600),
            skip_rate: 0.015,
            skip_run: 3,
            skip_seed: 0,
        },
        keep_blocks: Some(3_000),
        faults: Faults { min_latency_ms: 20, max_latency_ms: 80, ..Faults::default() },
        rate_limit: Some(RateLimit { per_second: 100, burst: 200 }),
        lag_blocks: 5,
        genesis: GenesisChange { height: Some(100_000_000), validity: Some(86_400) },
    };
    assert_eq!(Profile::Mainnet.settings(), expected);

    // And the README's table has one row for each
    let readme = include_str!("../../../README.md");
    for value in [
        "600 ms",
        "1.5 %",
        "3,000",
        "20 to 80 ms",
        "100 a second, 200 at once",
        "up to 5 blocks",
        "100,000,000",
        "86,400",
    ] {
        assert!(readme.contains(&format!("| {value}")), "{value} is not in the README's table of the profile");
    }
}

#[tokio::test]
async fn heights__should_begin_high_on_a_public_network() {
    // Given a chain like mainnet, with blocks on command
    let cadence = Cadence { interval: Duration::from_secs(86_400), ..Cadence::default() };
    let setup = Setup::with(Config { cadence, ..Config::ephemeral().like(Profile::Mainnet) }).await;
    setup.raw("sandbox_produce_blocks", json!({ "count": 20 })).await;

    // Then its heights are far above nought, on both endpoints
    let (_, status) = setup.raw("status", json!([])).await;
    let info = &status["result"]["sync_info"];
    assert!((100_000_000..=100_000_001).contains(&info["earliest_block_height"].as_u64().unwrap()), "{info}");
    assert!(info["latest_block_height"].as_u64().unwrap() >= 100_000_015);
    // And a reader that begins at nought learns that there is nothing
    for height in [0, 1, 99_999_999] {
        let (code, answer) = setup.raw("block", json!({ "block_id": height })).await;
        assert_eq!((code, &answer["error"]["cause"]["name"]), (422, &json!("UNKNOWN_BLOCK")), "{height}");
    }
    setup.raw("block", json!({ "block_id": 100_000_000 })).await.1["result"]["header"]["height"].as_u64().unwrap();
}

#[tokio::test]
async fn transaction__should_have_to_be_signed_again_after_86_400_blocks() {
    // Given two transactions that name a block of a chain like mainnet
    let cadence = Cadence { mode: Mode::Instant, ..Cadence::default() };
    let config = Config::ephemeral().like(Profile::Mainnet);
    let setup = Setup::with(Config { cadence, lag_blocks: 0, ..config }).await;
    setup.produce(3).await;
    let head = setup.head().await.header;
    let nonce = setup.sign(&setup.root, vec![]).await.transaction.nonce().nonce();
    let [last, late] = [0, 1].map(|more| setup.sign_with(&setup.root, vec![transfer(1)], nonce + more, head.hash));
    let send = async |tx| {
        let params = json!({ "signed_tx_base64": encoded(tx), "wait_until": "INCLUDED" });
        let answer = setup.raw("send_tx", params).await.1;
        answer["error"]["data"]["TxExecutionError"]["InvalidTxError"].clone()
    };

    // When the chain is nearly as many blocks further, then one is taken
    setup.raw("sandbox_fast_forward", json!({ "delta_height": 86_300 })).await;
    assert_eq!(send(&last).await, Value::Null);
    // And the other is too late a little later, but not when it is signed again
    setup.raw("sandbox_fast_forward", json!({ "delta_height": 100 })).await;
    assert_eq!(send(&late).await, "Expired");
    let again = setup.sign(&setup.root, vec![transfer(1)]).await;
    assert_eq!(send(&again).await, Value::Null);
}

#[tokio::test]
async fn pruned_history__should_be_unknown_below_where_status_says_it_begins() {
    // Given a chain that keeps a thousand blocks and has made more
    let cadence = Cadence { interval: Duration::from_secs(86_400), ..Cadence::default() };
    let config = Config::ephemeral().like(Profile::Mainnet);
    let setup = Setup::with(Config { cadence, keep_blocks: Some(1_000), lag_blocks: 0, ..config }).await;
    setup.raw("sandbox_produce_blocks", json!({ "count": 1_500 })).await;

    // When it says where its history begins
    let (_, status) = setup.raw("status", json!([])).await;
    let info = &status["result"]["sync_info"];
    let (earliest, head) =
        (info["earliest_block_height"].as_u64().unwrap(), info["latest_block_height"].as_u64().unwrap());

    // Then there are about a thousand blocks from there on, and none below
    assert!((990..=1_010).contains(&(head - earliest)), "{earliest} to {head}");
    let (code, answer) = setup.raw("block", json!({ "block_id": earliest })).await;
    assert_eq!((code, &answer["result"]["header"]["hash"]), (200, &info["earliest_block_hash"]));
    let (code, answer) = setup.raw("block", json!({ "block_id": earliest - 1 })).await;
    assert_eq!((code, &answer["error"]["cause"]["name"]), (422, &json!("UNKNOWN_BLOCK")));
}

#[tokio::test]
async fn block__should_be_final_only_when_two_follow_without_a_gap() {
    // Given a chain that often leaves out up to three heights
    let cadence = Cadence {
        interval: Duration::from_secs(86_400),
        skip_rate: 0.3,
        skip_run: 3,
        skip_seed: 7,
        ..Cadence::default()
    };
    let setup = Setup::with(Config { cadence, ..Config::ephemeral() }).await;

    // When many blocks have come
    let node = setup.localnet.node();
    let head = node.produce_blocks(500).await.unwrap();

    // Then each names as final the newest block that others follow at the next two heights
    let history = node.chain.history();
    let (mut gaps, mut last_final) = (std::collections::BTreeSet::new(), 0);
    for block in (1..=head).filter_map(|height| history.block_at_height(height)) {
        let height = block.height();
        gaps.insert(height - block.prev_height.unwrap());
        if height >= 2 && [height - 1, height - 2].iter().all(|below| history.block_at_height(*below).is_some()) {
            last_final = height - 2;
        }
        assert_eq!(history.height_of(&block.last_final).unwrap_or(0), last_final, "as of {height}");
    }
    // And up to three heights are left out at a time
    assert_eq!(gaps, std::collections::BTreeSet::from([1, 2, 3, 4]));
}

#[tokio::test]
async fn options_and_environment__should_replace_single_values_of_a_profile() {
    // Given a chain like mainnet by the environment, with other values for some
    let env = [("PIECEWORK_LOCALNET_LIKE", "mainnet"), ("PIECEWORK_LOCALNET_SKIP_RUN", "2")];
    let args =
        ["--json", "--block-interval-ms", "30", "--faults", "drop=0", "--genesis-height", "500", "--lag-blocks", "0"];
    let chain = Binary::start(&args, &env);

    // Then these are as said, and the rest is mainnet's
    let cadence = chain.call("sandbox_set_cadence", json!({})).await;
    assert_eq!(
        cadence,
        json!({ "mode": "interval", "interval_ms": 30, "skip_rate": 0.015, "skip_run": 2, "skip_seed": 0 })
    );
    let faults = chain.call("sandbox_faults", json!({})).await;
    assert_eq!((&faults["min_latency_ms"], &faults["max_latency_ms"]), (&json!(20), &json!(80)));
    assert_eq!(chain.genesis().await, (500, 86_400));
}

#[tokio::test]
async fn init_and_run__should_begin_a_chain_like_the_network() {
    // Given homes made with and without the profile
    let [plain, like, chosen] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    init(plain.path(), &[]);
    init(like.path(), &["--like", "mainnet"]);
    init(chosen.path(), &["--genesis-height", "7"]);

    for (home, height) in [(&plain, 100_000_000), (&like, 100_000_000), (&chosen, 7)] {
        // When they are run like mainnet for the first time
        let home = home.path().to_str().unwrap();
        let chain = Binary::start(&["--home", home, "run", "--like", "mainnet"], &[]);

        // Then the chain begins where mainnet does, unless `init` was asked otherwise
        assert_eq!(chain.genesis().await, (height, 86_400));
    }
    // And a chain that has begun goes on as it began
    let home = plain.path().to_str().unwrap();
    let again = Binary::start(&["--home", home, "run", "--genesis-height", "9"], &[]);
    assert_eq!(again.genesis().await, (100_000_000, 86_400));
}

#[test]
fn unknown_profile__should_be_refused_with_the_known_ones() {
    for (args, env) in [(vec!["--like", "moon"], vec![]), (vec!["init"], vec![("PIECEWORK_LOCALNET_LIKE", "moon")])] {
        let output = command(&args, &env).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(complaint.contains("moon") && complaint.contains("mainnet"), "{complaint}");
    }
}
