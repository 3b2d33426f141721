//! Reading and checking the file.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::Args;
use piecework_api::client::Url;
use piecework_chain::AccountId;
use piecework_interface::ids::ClassId;
use serde::Deserialize;

use super::{
    ChallengeSettings, ClassConfig, Config, PolicySettings,
    policy::{TOKEN_AMOUNT, token_amount},
};
use crate::{
    core::{ClassLimits, Limits},
    executor::CommandConfig,
};

/// Settings that beat the file.
#[derive(Args, Clone, Debug, Default)]
pub struct Overrides {
    /// Account of the node; beats node.account_id.
    #[arg(long, env = "PIECEWORK_ACCOUNT_ID", global = true)]
    pub account_id: Option<String>,
    /// File with the node's function-call key; beats node.key_file.
    #[arg(long, env = "PIECEWORK_KEY_FILE", global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// JSON-RPC endpoints, separated by commas; beats chain.rpc_urls.
    #[arg(long, env = "PIECEWORK_RPC_URL", global = true, value_delimiter = ',', value_name = "URLS")]
    pub rpc_url: Vec<String>,
    /// Coordinator contract; beats chain.contract.
    #[arg(long, env = "PIECEWORK_CONTRACT", global = true)]
    pub contract: Option<String>,
    /// Gateway; beats gateway.url.
    #[arg(long, env = "PIECEWORK_GATEWAY_URL", global = true, value_name = "URL")]
    pub gateway_url: Option<String>,
    /// State directory; beats state.dir.
    #[arg(long, env = "PIECEWORK_STATE_DIR", global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Balances above which all of a token is paid out to the node's payout account, as TOKEN=AMOUNT with the token's number
    /// and an amount in its units; beats node.payout_above.
    #[arg(long, env = "PIECEWORK_PAYOUT_ABOVE", global = true, value_delimiter = ',', value_name = "TOKEN=AMOUNT")]
    pub payout_above: Vec<String>,
    /// Accept a key that may do everything with the account.
    #[arg(long, global = true)]
    pub allow_full_access_key: bool,
    /// What beats the section `policy`.
    #[command(flatten)]
    pub policy: PolicySettings,
    /// What beats the section `challenge`.
    #[command(flatten)]
    pub challenge: ChallengeSettings,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {} cannot be read: write one with `piecework-agent init`, or name another with --config", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not of the right form.
    #[error("configuration {} is not usable: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// Settings are missing or wrong.
    #[error("configuration {} has {} problem(s):\n  - {}", path.display(), problems.len(), problems.join("\n  - "))]
    Problems {
        /// The file.
        path: PathBuf,
        /// All of them.
        problems: Vec<String>,
    },
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Sections {
    node: Node,
    chain: Chain,
    gateway: Gateway,
    work: Work,
    policy: PolicySettings,
    challenge: ChallengeSettings,
    state: State,
    metrics: Metrics,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Node {
    account_id: Option<String>,
    key_file: Option<PathBuf>,
    allow_full_access_key: bool,
    payout_above: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Chain {
    rpc_urls: Vec<String>,
    contract: Option<String>,
    poll_interval_ms: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Gateway {
    url: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Work {
    max_reservations: Option<u16>,
    keeper: Option<bool>,
    draw_jitter_ms: Option<u64>,
    keeper_jitter_ms: Option<u64>,
    stop_grace_s: Option<u64>,
    max_lot_mib: Option<u64>,
    classes: BTreeMap<String, Class>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    command: Vec<String>,
    jury_command: Option<Vec<String>>,
    verify_command: Option<Vec<String>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    time_limit_s: Option<u32>,
    memory_mib: Option<u64>,
    parallel: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct State {
    dir: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Metrics {
    listen: Option<String>,
}

/// Collects problems, so that all are named at once.
#[derive(Default)]
struct Checker(Vec<String>);

impl Checker {
    fn require<T>(&mut self, value: Option<T>, name: &str) -> Option<T> {
        if value.is_none() {
            self.0.push(format!("{name} is missing"));
        }
        value
    }

    fn parse<T: FromStr>(&mut self, text: Option<String>, name: &str, what: &str) -> Option<T> {
        let text = text?;
        let value = text.parse().ok();
        if value.is_none() {
            self.0.push(format!("{name}: {text:?} is not {what}"));
        }
        value
    }

    fn url(&mut self, url: &str, name: &str) {
        let is_url = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_url {
            // The text is not quoted: it may hold a password.
            self.0.push(format!("{name} is not an http(s) URL"));
        }
    }
}

impl Config {
    /// Reads the file and what overrides it. Every problem is named, not only the first.
    ///
    /// # Errors
    /// If the file cannot be read, or any setting is missing or wrong.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let sections = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), reason: error.to_string() })?;
        // Programs run in a directory of their own, so what the file names relative to itself is made absolute.
        let path = std::path::absolute(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let (path, base) = (path.as_path(), path.parent().unwrap_or(Path::new("/")));
        let mut check = Checker::default();
        match build(path, base, sections, overrides, &mut check) {
            Some(config) if check.0.is_empty() => Ok(config),
            _ => Err(ConfigError::Problems { path: path.to_owned(), problems: check.0 }),
        }
    }
}

fn build(path: &Path, base: &Path, file: Sections, over: &Overrides, check: &mut Checker) -> Option<Config> {
    let account_id = check.require(over.account_id.clone().or(file.node.account_id), "[node] account_id");
    let account_id: Option<AccountId> = check.parse(account_id, "[node] account_id", "an account id");
    // A path given on the command line is relative to the working directory, one in the file to the file.
    let key_file = over.key_file.clone().or(file.node.key_file.map(|it| base.join(it)));
    let key_file = check.require(key_file, "[node] key_file");
    let contract = check.require(over.contract.clone().or(file.chain.contract), "[chain] contract");
    let contract: Option<AccountId> = check.parse(contract, "[chain] contract", "an account id");
    let rpc_urls = if over.rpc_url.is_empty() { file.chain.rpc_urls } else { over.rpc_url.clone() };
    if rpc_urls.is_empty() {
        check.0.push("[chain] rpc_urls is missing".to_owned());
    }
    for url in &rpc_urls {
        check.url(url, "an entry of [chain] rpc_urls");
    }
    let gateway_url = check.require(over.gateway_url.clone().or(file.gateway.url), "[gateway] url");
    if let Some(url) = &gateway_url {
        check.url(url, "[gateway] url");
    }
    let state_dir = over.state_dir.clone().or(file.state.dir.map(|it| base.join(it)));
    let state_dir = check.require(state_dir, "[state] dir");
    let metrics_listen: Option<SocketAddr> =
        check.parse(file.metrics.listen, "[metrics] listen", "an address like 127.0.0.1:9100");
    if file.work.classes.is_empty() {
        check.0.push("[work.classes] is empty: name at least one class, as [work.classes.0]".to_owned());
    }
    if file.work.max_reservations == Some(0) {
        check.0.push("[work] max_reservations must be at least 1".to_owned());
    }
    let payout_above = if over.payout_above.is_empty() { file.node.payout_above } else { over.payout_above.clone() };
    let payout_above = payout_above.into_iter().filter_map(|text| {
        let pair = token_amount(&text);
        if pair.is_none() {
            check.0.push(format!("[node] payout_above: {text:?} is not {TOKEN_AMOUNT}"));
        }
        pair
    });
    let payout_above = payout_above.collect();
    let (policy, adjudicators) = over.policy.clone().or(file.policy).build(&mut check.0);
    let challenge = over.challenge.clone().or(file.challenge, base).build(&mut check.0);
    let classes = file.work.classes.into_iter().filter_map(|(name, class)| build_class(&name, class, base, check));
    let classes = classes.collect();
    Some(Config {
        path: path.to_owned(),
        account_id: account_id?,
        key_file: key_file?,
        allow_full_access_key: file.node.allow_full_access_key || over.allow_full_access_key,
        rpc_urls,
        contract: contract?,
        poll_interval: Duration::from_millis(file.chain.poll_interval_ms.unwrap_or(1_000).max(20)),
        gateway_url: gateway_url?.trim_end_matches('/').to_owned(),
        work: Limits {
            max_reservations: file.work.max_reservations.unwrap_or(8),
            keeper: file.work.keeper.unwrap_or(true),
            draw_jitter_ms: file.work.draw_jitter_ms.unwrap_or(1_500),
            keeper_jitter_ms: file.work.keeper_jitter_ms.unwrap_or(3_000),
            stop_grace_ms: file.work.stop_grace_s.unwrap_or(30).saturating_mul(1_000),
            policy,
            payout_above,
            ..Limits::default()
        },
        adjudicators,
        challenge,
        max_lot_bytes: file.work.max_lot_mib.unwrap_or(256).saturating_mul(1 << 20),
        classes,
        state_dir: state_dir?,
        metrics_listen,
    })
}

fn build_class(name: &str, class: Class, base: &Path, check: &mut Checker) -> Option<(ClassId, ClassConfig)> {
    let section = format!("[work.classes.{name}]");
    let id = check.parse(Some(name.to_owned()), &section, "a class number, 0..=65535").map(ClassId);
    let mut resolved = |mut command: Vec<String>, name: &str| {
        match command.first_mut() {
            Some(program) if program.contains('/') => *program = base.join(&*program).to_string_lossy().into_owned(),
            Some(_) => {}
            None => check.0.push(format!("{section} {name} is empty: name the program and its arguments")),
        }
        command
    };
    let command = resolved(class.command, "command");
    let jury_command = class.jury_command.map(|command| resolved(command, "jury_command"));
    let verify_command = class.verify_command.map(|command| resolved(command, "verify_command"));
    let time_limit_s = class.time_limit_s.unwrap_or(60);
    let memory_mib = class.memory_mib.unwrap_or(1_024);
    let parallel = class.parallel.unwrap_or(1);
    for (value, name) in
        [(u64::from(time_limit_s), "time_limit_s"), (memory_mib, "memory_mib"), (u64::from(parallel), "parallel")]
    {
        if value == 0 {
            check.0.push(format!("{section} {name} must be at least 1"));
        }
    }
    let program = |command| CommandConfig { command, env: class.env.clone(), memory_mib };
    let (jury_command, verify_command) = (jury_command.map(program), verify_command.map(program));
    let command = program(command);
    let (judges_scores, verifies) = (jury_command.is_some(), verify_command.is_some());
    let limits = ClassLimits { parallel, time_limit_s, judges_scores, verifies };
    Some((id?, ClassConfig { command, jury_command, verify_command, limits }))
}

#[cfg(test)]
mod tests {
    use piecework_interface::ids::TokenId;

    use super::*;
    use crate::core::policy::Policy;

    fn load_text(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path, overrides)
    }

    const GOOD: &str = r#"
        [node]
        account_id = "node1.test.near"
        key_file = "key.json"
        [chain]
        rpc_urls = ["http://127.0.0.1:3030"]
        contract = "piecework.test.near"
        [gateway]
        url = "http://127.0.0.1:8080/"
        [work.classes.1]
        command = ["./worker", "--fast"]
        [state]
        dir = "state"
    "#;

    #[test]
    fn load__should_resolve_paths_against_the_file() {
        let config = load_text(GOOD, &Overrides::default()).unwrap();
        let base = config.path.parent().unwrap();
        assert_eq!(config.key_file, base.join("key.json"));
        assert_eq!(config.state_dir, base.join("state"));
        assert_eq!(config.classes[&ClassId(1)].command.command[0], base.join("./worker").to_string_lossy());
        assert_eq!(config.gateway_url, "http://127.0.0.1:8080");
    }

    #[test]
    fn load__should_make_what_a_relative_file_names_absolute() {
        let dir = tempfile::tempdir_in(".").unwrap();
        let path = Path::new(".").join(dir.path().file_name().unwrap()).join("agent.toml");
        fs::write(&path, GOOD).unwrap();
        let config = Config::load(&path, &Overrides::default()).unwrap();
        // A worker runs in a directory of its own, where a relative program is not found.
        assert!(Path::new(&config.classes[&ClassId(1)].command.command[0]).is_absolute());
        assert!(config.state_dir.is_absolute() && config.key_file.is_absolute());
    }

    #[test]
    fn load__should_let_overrides_win() {
        let overrides = Overrides {
            account_id: Some("other.near".to_owned()),
            rpc_url: vec!["http://a:1".to_owned(), "http://b:2".to_owned()],
            ..Overrides::default()
        };
        let config = load_text(GOOD, &overrides).unwrap();
        assert_eq!(config.account_id.as_str(), "other.near");
        assert_eq!(config.rpc_urls, ["http://a:1", "http://b:2"]);
    }

    #[test]
    fn load__should_name_every_problem() {
        let text = r#"
            [node]
            account_id = "NOT AN ACCOUNT"
            [chain]
            rpc_urls = ["nowhere"]
            [work.classes.x]
            command = []
            parallel = 0
        "#;
        let Err(ConfigError::Problems { problems, .. }) = load_text(text, &Overrides::default()) else {
            panic!("accepted");
        };
        for part in [
            "account_id: \"NOT AN ACCOUNT\"",
            "key_file is missing",
            "contract is missing",
            "rpc_urls is not",
            "[gateway] url is missing",
            "[state] dir is missing",
            "[work.classes.x]: \"x\"",
            "command is empty",
            "parallel must be",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
        }
    }

    #[test]
    fn load__should_read_what_is_paid_out_and_name_what_is_no_amount() {
        let with = |setting: &str| GOOD.replace("[chain]", &format!("payout_above = [{setting}]\n[chain]"));
        let config = load_text(&with("\"1=5000000\", \"0=7\""), &Overrides::default()).unwrap();
        assert_eq!(config.work.payout_above, [(TokenId(0), 7), (TokenId(1), 5_000_000)].into());
        let overrides = Overrides { payout_above: vec!["2=1".to_owned()], ..Overrides::default() };
        assert_eq!(load_text(GOOD, &overrides).unwrap().work.payout_above, [(TokenId(2), 1)].into());
        let error = load_text(&with("\"usdc=5\""), &Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("payout_above"), "{error}");
    }

    #[test]
    fn load__should_refuse_unknown_settings() {
        let error = load_text(&GOOD.replace("[state]", "[state]\nfolder = 1"), &Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("folder"), "{error}");
    }

    #[test]
    fn load__should_take_a_policy_that_flags_beat() {
        // Given a file with some settings of the policy, and flags with others.
        let policy =
            "[policy]\nmin_reward = [\"2=1000\"]\nmax_bond_pct = 300\ngated_classes = [4]\nno_juries = true\n[state]";
        let flags = PolicySettings { max_bond_pct: Some(250), spare_nodes: Some(0), ..PolicySettings::default() };
        let overrides = Overrides { policy: flags, ..Overrides::default() };
        let config = load_text(&GOOD.replace("[state]", policy), &overrides).unwrap();
        // Then flags win, and what is named nowhere is safe.
        let expected = Policy {
            min_reward: [(TokenId(2), 1_000)].into(),
            max_bond_pct: 250,
            gated_classes: [ClassId(4)].into(),
            spare_nodes: 0,
            juries: false,
            ..Policy::default()
        };
        assert_eq!(config.work.policy, expected);
        assert!(config.adjudicators.is_empty());
    }
}
