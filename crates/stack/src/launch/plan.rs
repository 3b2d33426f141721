//! The plan of a market: a TOML file, with the files that it names.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, bail, ensure};
use piecework_chain::{AccountId, RpcClient};
use piecework_console::{
    Problem,
    amount::{Decimal, bond_rate, format_near},
};
use piecework_interface::{
    amount::Amount,
    call::{ClassRegisterArgs, TokenListArgs},
    classes::{NAME_MAX, is_name},
    config::Config,
    host::sha256,
    storage::cost,
};
use serde::Deserialize;
use serde_json::Value;

/// Where the fields of a configuration are seen.
pub const CONFIG_FIELDS: &str = "see the fields with `piecework govern show --json`";
/// Bytes of state that a contract account covers itself beside its code: root, settings, a row for each token and name.
const OWN_BYTES: u32 = 10_000;

/// What a market is to be once it is launched.
#[derive(Clone, Debug)]
pub struct LaunchPlan {
    /// The coordinator's account.
    pub contract: AccountId,
    /// yoctoNEAR that its account is created with: its code and its own rows lock most of that for ever.
    pub yoctonear: u128,
    /// May propose changes and new code.
    pub owner: AccountId,
    /// May pause, and may drop a proposal.
    pub guardian: Option<AccountId>,
    /// May list tokens and propose their prices.
    pub token_admin: Option<AccountId>,
    /// Whose balance fees go to.
    pub treasury: Option<AccountId>,
    /// The coordinator's wasm.
    pub code: Vec<u8>,
    /// Its SHA-256.
    pub code_hash: [u8; 32],
    /// The configuration, which names the chain.
    pub config: Config,
    /// Reward tokens, in the order of their numbers from 1 on.
    pub tokens: Vec<TokenPlan>,
    /// The first class of work.
    pub class: ClassRegisterArgs,
}

/// A reward token with its prices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPlan {
    /// NEP-141 account.
    pub account_id: AccountId,
    /// Least reward per item, in whole tokens.
    min_reward: Text,
    /// Fee of one lot that earns a full step of reputation, in whole tokens.
    rep_unit: Text,
    /// NEAR that a node bonds per whole token of reward at stake.
    bond_per_token: Text,
}

/// An amount as it is written in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Text(Decimal);

impl TryFrom<String> for Text {
    type Error = piecework_console::amount::AmountError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Decimal::from_str(&text).map(Self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    contract: AccountId,
    near: Text,
    owner: AccountId,
    guardian: Option<AccountId>,
    token_admin: Option<AccountId>,
    treasury: Option<AccountId>,
    code: CodeFile,
    #[serde(default)]
    config: toml::Table,
    #[serde(default)]
    tokens: Vec<TokenPlan>,
    class: ClassFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeFile {
    wasm: PathBuf,
    /// Hex.
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    name: String,
    schema: Option<PathBuf>,
}

impl TokenPlan {
    /// The arguments that list a token with these decimals.
    ///
    /// # Errors
    /// An amount is more precise than the token, 0, or too large.
    pub fn listing(&self, decimals: u8) -> anyhow::Result<TokenListArgs> {
        listing(&self.account_id, decimals, &self.min_reward.0, &self.rep_unit.0, &self.bond_per_token.0)
    }
}

impl fmt::Display for TokenPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min_reward, rep_unit, bond_per_token, .. } = self;
        write!(f, "least reward {}, rep_unit {}, {} NEAR of bond a token", min_reward.0, rep_unit.0, bond_per_token.0)
    }
}

/// The arguments that list a token: least reward and unit of reputation in whole tokens, the bond in NEAR per whole token.
///
/// # Errors
/// An amount is more precise than the token, 0, or too large.
pub fn listing(
    token: &AccountId,
    decimals: u8,
    min_reward: &Decimal,
    rep_unit: &Decimal,
    bond_per_token: &Decimal,
) -> anyhow::Result<TokenListArgs> {
    let rate = bond_rate(bond_per_token.to_yoctonear()?, decimals).ok_or_else(|| {
        Problem::new(
            format!("a bond of {bond_per_token} NEAR per token is more than a bond rate can hold"),
            "choose a smaller bond per token",
        )
    })?;
    let list = TokenListArgs {
        account_id: token.to_string(),
        min_reward: Amount(min_reward.to_units(decimals)?),
        rep_unit: Amount(rep_unit.to_units(decimals)?),
        bond_rate: Amount(rate),
    };
    let is_zero = [list.min_reward, list.rep_unit, list.bond_rate].contains(&Amount(0));
    ensure!(!is_zero, Problem::new(format!("a price of {token} is 0"), "choose amounts above 0"));
    Ok(list)
}

/// A configuration with these fields over its own, as JSON.
///
/// # Errors
/// The name of a field that no configuration has.
pub fn config_with(config: &Config, fields: Value) -> Result<Value, String> {
    // The form has no maps with keys that are not strings, so this cannot fail.
    let mut value = serde_json::to_value(config).unwrap_or_default();
    merge(&mut value, fields, "")?;
    Ok(value)
}

/// Puts fields over those that are there; the name of one that is not.
fn merge(into: &mut Value, fields: Value, path: &str) -> Result<(), String> {
    match (into, fields) {
        (Value::Object(into), Value::Object(fields)) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                merge(into.get_mut(&name).ok_or(&path)?, value, &path)?;
            }
        }
        (into, value) => *into = value,
    }
    Ok(())
}

/// Fields that differ: name, value now, value to be.
#[must_use]
pub fn differences(path: &str, was: &Value, becomes: &Value) -> Vec<(String, Value, Value)> {
    match (was.as_object(), becomes.as_object()) {
        (Some(was), Some(becomes)) => becomes
            .iter()
            .flat_map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                differences(&path, was.get(name).unwrap_or(&Value::Null), value)
            })
            .collect(),
        _ if was == becomes => Vec::new(),
        _ => vec![(path.to_owned(), was.clone(), becomes.clone())],
    }
}

/// The configuration with the chain's id, without which the coordinator executes no signed intent.
///
/// # Errors
/// It is for another chain, or the chain cannot be asked.
pub async fn on_this_chain(rpc: &RpcClient, config: Config) -> anyhow::Result<Config> {
    on_chain(config, rpc.status().await?.chain_id)
}

fn on_chain(config: Config, found: String) -> anyhow::Result<Config> {
    if !config.chain_id.is_empty() && config.chain_id != found {
        bail!(Problem::new(
            format!("the configuration is for the chain {}, and this is {found}", config.chain_id),
            "leave chain_id out of it, or choose the other network",
        ));
    }
    Ok(Config { chain_id: found, ..config })
}

impl LaunchPlan {
    /// Reads a plan for the chain of this id. Paths in it begin at the plan's own directory.
    ///
    /// # Errors
    /// A file cannot be read, the plan has another form, the code is not the one it names, or the market could not work.
    pub fn read(path: &Path, chain_id: &str) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| Problem::new(format!("{} cannot be read", path.display()), "pass the path of a plan"))?;
        let file: PlanFile = toml::from_str(&text).with_context(|| {
            Problem::new(format!("{} is no plan", path.display()), "see `deploy/plan.example.toml` for its fields")
        })?;
        let dir = path.parent().unwrap_or(Path::new("."));
        file.resolve(dir, chain_id)
    }

    /// The configuration while the market is set up: no wait for changes, and no chain on which an intent could hold.
    #[must_use]
    pub fn setting_up(&self) -> Config {
        Config { chain_id: String::new(), unbonding_s: 0, notice_s: 0, ..self.config.clone() }
    }
}

impl PlanFile {
    fn resolve(self, dir: &Path, chain_id: &str) -> anyhow::Result<LaunchPlan> {
        let code_path = dir.join(&self.code.wasm);
        let code = fs::read(&code_path).with_context(|| {
            let fix = "run ./scripts/build-contracts, or correct code.wasm in the plan";
            Problem::new(format!("{} cannot be read", code_path.display()), fix)
        })?;
        let code_hash = sha256(&code);
        let config = plan_config(self.config, chain_id)?;
        check_digest(&code_hash, self.code.sha256.as_deref(), &config)?;
        let yoctonear = self.near.0.to_yoctonear()?;
        let least = cost(u32::try_from(code.len())?.saturating_add(OWN_BYTES));
        if yoctonear < least {
            bail!(Problem::new(
                format!("near = {} does not cover the code's {} bytes", self.near.0, code.len()),
                format!("give the contract's account at least {} NEAR", format_near(least)),
            ));
        }
        let ClassFile { name, schema } = self.class;
        if !is_name(&name) {
            let fix = format!("give one of 1 to {NAME_MAX} bytes without control characters");
            bail!(Problem::new(format!("no class can be called {name:?}"), fix));
        }
        let schema = match schema.map(|path| dir.join(path)) {
            Some(path) => sha256(&fs::read(&path).with_context(|| {
                Problem::new(format!("{} cannot be read", path.display()), "correct class.schema in the plan")
            })?),
            None => [0; 32],
        };
        let names: BTreeSet<&AccountId> = self.tokens.iter().map(|token| &token.account_id).collect();
        if names.len() < self.tokens.len() {
            bail!(Problem::new("the plan has a token twice", "leave one of them out"));
        }
        Ok(LaunchPlan {
            contract: self.contract,
            yoctonear,
            owner: self.owner,
            guardian: self.guardian,
            token_admin: self.token_admin,
            treasury: self.treasury,
            code,
            code_hash,
            config,
            tokens: self.tokens,
            class: ClassRegisterArgs { name, schema, gated: false },
        })
    }
}

/// The defaults with the plan's fields, if the contract could work with them on this chain.
fn plan_config(fields: toml::Table, chain_id: &str) -> anyhow::Result<Config> {
    let of = |why: String| Problem::new(format!("the plan's [config] cannot hold: {why}"), CONFIG_FIELDS);
    let fields = serde_json::to_value(fields)?;
    let value = config_with(&Config::default(), fields).map_err(|name| of(format!("there is no field {name}")))?;
    let config: Config = serde_json::from_value(value).map_err(|error| of(error.to_string()))?;
    let config = on_chain(config, chain_id.to_owned())?;
    config.check().map_err(|why| of(why.to_owned()))?;
    Ok(config)
}

/// Compares the code's digest with the plan's, which a public network asks for: a reader of the plan knows what will run.
fn check_digest(found: &[u8; 32], named: Option<&str>, config: &Config) -> anyhow::Result<()> {
    let found = hex::encode(found);
    match named {
        Some(named) if named.eq_ignore_ascii_case(&found) => Ok(()),
        Some(named) => bail!(Problem::new(
            format!("the code has the SHA-256 {found}, and the plan says {named}"),
            "build the release that the plan is for, or correct code.sha256 once you have checked the code",
        )),
        None if config.is_public() => bail!(Problem::new(
            format!("the plan does not say which code runs on {}", config.chain_id),
            format!("build it twice, and write code.sha256 = \"{found}\" into the plan"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;

    const PLAN: &str = "contract = \"market.me.test\"\nnear = \"6\"\nowner = \"owner.test\"\n";

    fn read(rest: &str, chain_id: &str) -> anyhow::Result<LaunchPlan> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("code.wasm"), b"code").unwrap();
        fs::write(dir.path().join("plan.toml"), format!("{PLAN}{rest}")).unwrap();
        LaunchPlan::read(&dir.path().join("plan.toml"), chain_id)
    }

    const CODE: &str = "[code]\nwasm = \"code.wasm\"\n";
    const CLASS: &str = "[class]\nname = \"digits\"\n";

    #[test]
    fn plan__should_have_the_defaults_of_what_it_leaves_out() {
        let plan = read(&format!("{CODE}{CLASS}"), "local").unwrap();
        assert_eq!(plan.config, Config { chain_id: "local".to_owned(), ..Config::default() });
        assert_eq!((plan.guardian, plan.tokens.len(), plan.code_hash), (None, 0, sha256(b"code")));
        let setup = read(&format!("{CODE}{CLASS}"), "testnet-like").unwrap().setting_up();
        assert_eq!((setup.chain_id.as_str(), setup.unbonding_s, setup.notice_s, setup.check()), ("", 0, 0, Ok(())));
    }

    #[test]
    fn plan__should_be_refused_with_what_is_wrong_and_the_fix() {
        let digest = format!("{CODE}sha256 = \"{}\"\n", hex::encode(sha256(b"code")));
        for (rest, chain_id, what) in [
            (format!("{CODE}sha256 = \"00\"\n{CLASS}"), "local", "the plan says 00"),
            (format!("{CODE}{CLASS}"), "testnet", "does not say which code runs on testnet"),
            (format!("{digest}[config]\nunbonding_s = 60\n{CLASS}"), "testnet", "unbonding_s must be 7 to 90 days"),
            (format!("{digest}[config]\nnotice_s = 0\n{CLASS}"), "mainnet", "notice_s must be 1 to 30 days"),
            (format!("{digest}[config]\nchain_id = \"mainnet\"\n{CLASS}"), "testnet", "this is testnet"),
            (format!("{digest}[config]\nfee = 1\n{CLASS}"), "local", "no field fee"),
            (format!("{digest}[config.bounds]\nslice = 1\n{CLASS}"), "local", "no field bounds.slice"),
            (format!("{digest}[class]\nname = \"\"\n"), "local", "no class can be called"),
            (format!("{digest}{CLASS}schema = \"gone.json\"\n"), "local", "gone.json cannot be read"),
            ("[code]\nwasm = \"gone.wasm\"\n".to_owned() + CLASS, "local", "gone.wasm cannot be read"),
            (format!("{digest}{CLASS}colour = 1\n"), "local", "is no plan"),
        ] {
            let error = read(&rest, chain_id).unwrap_err();
            assert!(error.to_string().contains(what), "{what}: {error}");
            assert!(fix_of(&error).is_some(), "{what}");
        }
    }

    #[test]
    fn plan__should_give_the_contract_what_its_code_locks() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("code.wasm"), vec![0; 600_000]).unwrap();
        fs::write(dir.path().join("plan.toml"), format!("{PLAN}{CODE}{CLASS}")).unwrap();
        let error = LaunchPlan::read(&dir.path().join("plan.toml"), "local").unwrap_err();
        assert_eq!(fix_of(&error), Some("give the contract's account at least 6.1 NEAR"));
    }

    #[test]
    fn listing__should_refuse_what_cannot_be_a_price() {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        let list = |least, bond| listing(&"t.test".parse().unwrap(), 6, &amount(least), &amount("1"), &amount(bond));
        assert_eq!(list("0.5", "1").unwrap().min_reward, Amount(500_000));
        for (least, bond, what) in [("0", "1", "is 0"), ("0.0000001", "1", "has 6"), ("1", "100000000", "can hold")] {
            let error = list(least, bond).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
