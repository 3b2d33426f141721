//! A market by a plan: fresh, interrupted after each step, beside what differs, and with a token that keeps what it is paid.

use anyhow::{Context, Result, ensure};
use near_workspaces::{Account, AccountId, Contract};
use piecework_chain::{AccountId as Id, BlockRef, Coordinator, KeyFile};
use piecework_interface::{amount::Amount, config::Config, host::sha256, ids::AccountNo};
use piecework_sandbox_tests::{
    Market, Piecework, Setup,
    market::{ONE, REQUESTER_TOKENS, wasm},
};
use serde_json::Value;

/// A token, as text, that comes in as NEP-141 says and whose `ft_transfer` never ends.
const GREEDY: &str = r#"
(module
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "promise_create" (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_return" (func $promise (param i64)))
  (memory 1)
  (data (i32.const 0) "{\22symbol\22:\22GRD\22,\22decimals\22:6}")
  (data (i32.const 100) "\221000\22")
  (data (i32.const 200) "{\22total\22:\221\22,\22available\22:\220\22}")
  (data (i32.const 300) "{\22min\22:\221\22,\22max\22:null}")
  (data (i32.const 400) "MARKET")
  (data (i32.const 500) "ft_on_transfer")
  (data (i32.const 600) "{\22sender_id\22:\22SENDER\22,\22amount\22:\221\22,\22msg\22:\22{\5c\22deposit\5c\22:{}}\22}")
  (func (export "ft_metadata") (call $return (i64.const 29) (i64.const 0)))
  (func (export "ft_balance_of") (call $return (i64.const 6) (i64.const 100)))
  (func (export "storage_balance_of") (call $return (i64.const 29) (i64.const 200)))
  (func (export "storage_balance_bounds") (call $return (i64.const 22) (i64.const 300)))
  (func (export "ft_transfer_call")
    (call $promise (call $create
      (i64.const MARKET_LEN) (i64.const 400) (i64.const 14) (i64.const 500) (i64.const ARGS_LEN) (i64.const 600)
      (i64.const 1000) (i64.const 20000000000000))))
  (func (export "ft_transfer") (loop $ever (br $ever))))
"#;

/// Who launches (the market's requester, who holds tokens), and where.
struct Launch<'a> {
    market: &'a Market,
    piecework: Piecework,
}

impl<'a> Launch<'a> {
    fn on(market: &'a Market) -> Result<Self> {
        let piecework = Piecework::on(market, &market.network())?;
        std::fs::write(piecework.dir().join("code.wasm"), wasm("piecework_coordinator")?)?;
        piecework.write("schema.json", "{\"type\":\"object\"}")?;
        Ok(Self { market, piecework })
    }

    fn signer(&self) -> &Account {
        &self.market.requester
    }

    fn contract(&self, name: &str) -> String {
        format!("{name}.{}", self.signer().id())
    }

    /// Writes a plan whose owner and guardian are the first node, and whose treasury is the second.
    fn plan(&self, name: &str, tokens: &[&AccountId], more: &str) -> Result<()> {
        let [owner, treasury] = self.market.nodes.as_slice() else { unreachable!("two nodes") };
        let tokens: String = tokens
            .iter()
            .map(|token| {
                format!(
                    "[[tokens]]\naccount_id = \"{token}\"\nmin_reward = \"0.001\"\nrep_unit = \"0.01\"\nbond_per_token = \"0.2\"\n"
                )
            })
            .collect();
        let plan = format!(
            "contract = \"{}\"\nnear = \"6\"\nowner = \"{}\"\nguardian = \"{}\"\ntreasury = \"{}\"\n\
             [code]\nwasm = \"code.wasm\"\nsha256 = \"{}\"\n\
             [class]\nname = \"digits\"\nschema = \"schema.json\"\n{tokens}[config]\nunbonding_s = 60\nnotice_s = 10\n{more}",
            self.contract(name),
            owner.id(),
            owner.id(),
            treasury.id(),
            hex::encode(sha256(&wasm("piecework_coordinator")?)),
        );
        self.piecework.write("plan.toml", &plan)
    }

    async fn deploy(&self, more: &[&str]) -> Result<Value> {
        self.piecework.value(self.signer(), &[&["deploy", "plan.toml"], more].concat()).await
    }

    async fn views(&self, name: &str) -> Result<Coordinator> {
        self.market.until_final().await?;
        Ok(Coordinator::new(&self.market.finality.rpc(), self.contract(name).parse()?))
    }

    async fn keys(&self, name: &str) -> Result<Vec<String>> {
        self.market.until_final().await?;
        let contract: Id = self.contract(name).parse()?;
        Ok(self.market.finality.rpc().view_full_access_keys(&contract, BlockRef::Final).await?)
    }
}

/// Steps with the state that each has, in order.
fn states(result: &Value) -> Result<Vec<(String, String)>> {
    let steps = result["steps"].as_array().context("steps")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("text");
    steps.iter().map(|step| Ok((text(&step["step"])?, text(&step["state"])?))).collect()
}

#[tokio::test]
async fn deploy__should_launch_a_market_and_go_on_wherever_it_stopped() -> Result<()> {
    // Given a plan, whose steps and costs a dry run shows, and does none
    let market = Market::start(Setup { nodes: 2 }).await?;
    let launch = Launch::on(&market)?;
    let [owner, treasury] = market.nodes.as_slice() else { unreachable!("two nodes") };
    let token = market.token.id();
    launch.plan("market", &[token], "")?;
    let before = market.near_balance(launch.signer()).await?;
    let shown = launch.deploy(&["--dry-run"]).await?;
    let steps: Vec<String> = states(&shown)?.into_iter().map(|(step, _)| step).collect();
    let named = |part: &str| format!("{token}:{part}");
    let expected = [
        "contract",
        "deposit",
        "treasury-deposit",
        &named("deposit"),
        &named("list"),
        &named("test"),
        "class",
        "treasury",
        "guardian",
        "token-admin",
        "configuration",
        "key",
        "owner",
        "owner-accepts",
    ];
    ensure!(steps == expected, "{steps:?}");
    ensure!(shown["steps"][0]["yoctonear"] == (6 * 10_u128.pow(24)).to_string(), "{shown}");
    let missing = shown["missing_yoctonear"].as_str().context("text")?.parse::<u128>()?;
    ensure!((7..9).contains(&(missing / 10_u128.pow(24))), "six for the account and one for the class: {missing}");
    ensure!(market.near_balance(launch.signer()).await? == before, "a dry run costs nothing");
    ensure!(launch.keys("market").await?.is_empty(), "there is no account yet");

    // When it is interrupted after each step, and goes on with what is missing
    for (index, step) in steps.iter().enumerate() {
        if step == &named("test") {
            // A test withdrawal that was interrupted in its middle has left a unit with the contract.
            let contract = launch.contract("market");
            launch
                .piecework
                .value(launch.signer(), &["--contract", &contract, "account", "deposit", "0.000001"])
                .await?;
        }
        let result = launch.deploy(&["--until", step]).await?;
        let found = states(&result)?;
        let done = result["done"].as_array().context("done")?.len();
        let (stands, left) = found.split_at(index + 1);
        let last = index + 1 == steps.len();
        ensure!(last || stands.iter().all(|(_, state)| state == "done"), "{step}: {found:?}");
        // The test leaves no trace, so it is done in each run until the configuration holds.
        let rest = left.iter().find(|(name, state)| state == "missing" && name != "token-admin");
        ensure!(rest.is_some() || index >= 12, "{step}: {found:?}");
        ensure!(done <= 2, "{step} alone was missing: {result}");
    }

    // Then the market is what the plan says, and waits for its owner
    let views = launch.views("market").await?;
    let settings = views.settings().await?;
    let chain_id = market.finality.rpc().status().await?.chain_id;
    let config = Config { unbonding_s: 60, notice_s: 10, chain_id, ..Config::default() };
    ensure!(settings.config == config && settings.proposals.is_empty(), "{settings:?}");
    ensure!(settings.guardian_id.as_deref() == Some(owner.id().as_str()), "{settings:?}");
    ensure!(settings.treasury == views.account_no(treasury.id()).await? && settings.treasury.is_some(), "{settings:?}");
    ensure!(settings.owner_id == launch.signer().id().as_str(), "{settings:?}");
    ensure!(settings.proposed_owner_id.as_deref() == Some(owner.id().as_str()), "{settings:?}");
    let listed = views.tokens().await?;
    ensure!(listed.len() == 2 && listed[1].min_reward == Amount(ONE / 1000), "{listed:?}");
    let classes = views.classes(piecework_interface::ids::ClassId(0), 8).await?;
    ensure!(classes[0].schema == sha256(b"{\"type\":\"object\"}") && classes[0].owner == AccountNo(0), "{classes:?}");
    ensure!(launch.keys("market").await?.is_empty(), "no key can replace the code");
    let units = market.token_balance(launch.signer().id()).await?;
    ensure!(units == REQUESTER_TOKENS, "the unit came back: {units}");

    // And its owner takes it over, after which the same command finds nothing to do
    let contract = launch.contract("market");
    launch.piecework.value(owner, &["--contract", &contract, "govern", "owner", "accept"]).await?;
    let result = launch.deploy(&[]).await?;
    ensure!(states(&result)?.iter().all(|(_, state)| state == "done"), "{result}");
    ensure!(result["done"] == serde_json::json!([]) && result["missing_yoctonear"] == "0", "{result}");
    Ok(())
}

#[tokio::test]
async fn deploy__should_leave_what_differs_to_the_owner_and_say_how() -> Result<()> {
    // Given a market that was launched in one go, whose key stays by choice
    let market = Market::start(Setup { nodes: 2 }).await?;
    let launch = Launch::on(&market)?;
    let (owner, token) = (&market.nodes[0], market.token.id());
    launch.plan("market", &[token], "")?;
    let result = launch.deploy(&["--keep-key"]).await?;
    ensure!(result["done"].as_array().is_some_and(|done| done.len() == 11), "{result}");
    ensure!(launch.keys("market").await?.len() == 1, "the key stays");
    let contract = launch.contract("market");
    launch.piecework.value(owner, &["--contract", &contract, "govern", "owner", "accept"]).await?;

    // When the plan has other values than stand
    let other = market.deploy_token().await?;
    launch.plan("market", &[token, other.id()], "fee_bps = 300\nbounds.slice_s = [3, 60]\n")?;
    let text = std::fs::read_to_string(launch.piecework.dir().join("plan.toml"))?;
    let text = text.replace("rep_unit = \"0.01\"", "rep_unit = \"0.02\"").replace("\"digits\"", "\"figures\"");
    launch.piecework.write("plan.toml", &text.replace("guardian = ", "token_admin = "))?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml", "--keep-key"]).await?;

    // Then nothing is sent, each difference is named, and whose command changes it
    for part in
        ["class: class 0 is \"digits\"", "guardian: it is", "token-admin: it is nobody", "fee_bps is 200", ":list"]
    {
        ensure!(refused.error.contains(part), "{part}: {refused:?}");
    }
    for part in [
        "`piecework govern propose config --set 'bounds.slice_s=[3,60]' --set 'fee_bps=300'`",
        "`piecework govern role guardian --nobody`",
        "`piecework govern propose prices --token",
        "classes never change",
        &format!("`piecework token list {}`", other.id()),
    ] {
        ensure!(refused.fix.contains(part), "{part}: {refused:?}");
    }
    ensure!(launch.views("market").await?.tokens().await?.len() == 2, "nothing was listed");

    // And the command that it names makes the difference go
    let set = ["govern", "propose", "config", "--set", "bounds.slice_s=[3,60]", "--set", "fee_bps=300"];
    launch.piecework.value(owner, &[&["--contract", &contract], &set[..]].concat()).await?;
    market.advance_s(75).await?;
    launch.piecework.value(owner, &["--contract", &contract, "govern", "apply", "1"]).await?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml", "--keep-key"]).await?;
    ensure!(!refused.error.contains("configuration"), "{refused:?}");

    // And other code than the plan's stops it too, as does a digest that the code has not
    std::fs::write(launch.piecework.dir().join("code.wasm"), wasm("piecework_reward_token")?)?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;
    ensure!(refused.error.contains("the plan says"), "{refused:?}");
    let digest = |name: &str| anyhow::Ok(hex::encode(sha256(&wasm(name)?)));
    let text = text.replace(&digest("piecework_coordinator")?, &digest("piecework_reward_token")?);
    launch.piecework.write("plan.toml", &text)?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;
    ensure!(
        refused.error.contains("contract: it runs code") && refused.fix.contains("piecework upgrade"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn deploy__should_stop_at_a_token_that_keeps_what_it_is_paid() -> Result<()> {
    // Given a token that comes in and never goes out, and one that the signing account does not hold
    let market = Market::start(Setup { nodes: 2 }).await?;
    let launch = Launch::on(&market)?;
    let (token, poor) = (greedy(&launch).await?, market.deploy_token().await?);
    launch.plan("market", &[token.id(), poor.id()], "")?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;
    ensure!(refused.error.contains("holds no TEST") && refused.fix.contains("send it one unit"), "{refused:?}");
    ensure!(launch.keys("market").await?.is_empty(), "that is said before anything is sent");

    // When the market is launched with the first alone
    launch.plan("market", &[token.id()], "")?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;

    // Then it stops there with the reason, and does not hold yet
    ensure!(refused.error.contains("can be deposited and not withdrawn"), "{refused:?}");
    ensure!(refused.fix.contains("leave") && refused.fix.contains("launched anew"), "{refused:?}");
    let views = launch.views("market").await?;
    ensure!(views.config().await?.chain_id.is_empty(), "it is still being set up");
    ensure!(launch.keys("market").await?.len() == 1, "its key can delete the account");

    // And a plan without that token is launched on another account
    launch.plan("market", &[market.token.id()], "")?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;
    ensure!(refused.error.contains("is listed too") && refused.fix.contains("another account"), "{refused:?}");
    launch.plan("another", &[market.token.id()], "")?;
    let result = launch.deploy(&[]).await?;
    ensure!(states(&result)?.iter().filter(|(_, state)| state != "done").count() == 1, "{result}");

    // And who would sign as the contract itself, or cannot create it, is refused
    let key =
        KeyFile::from_secret(launch.contract("another").parse()?, launch.signer().secret_key().to_string().parse()?);
    key.write(launch.piecework.dir().join("own.json"))?;
    let refused = launch.piecework.refusal_by("own.json", &["deploy", "plan.toml"]).await?;
    ensure!(refused.error.contains("would be the contract and sign for it"), "{refused:?}");
    let text = std::fs::read_to_string(launch.piecework.dir().join("plan.toml"))?;
    let text = text.replace(&launch.contract("another"), "elsewhere.near");
    launch.piecework.write("plan.toml", &text)?;
    let refused = launch.piecework.refusal(launch.signer(), &["deploy", "plan.toml"]).await?;
    ensure!(refused.error.contains("cannot create it") && refused.fix.contains("ed25519:"), "{refused:?}");
    Ok(())
}

/// The token that keeps what it is paid: it sends the launch's own deposit to the launch's own market.
async fn greedy(launch: &Launch<'_>) -> Result<Contract> {
    let (market, sender) = (launch.contract("market"), launch.signer().id().as_str());
    let args = format!("{{\"sender_id\":\"{sender}\",\"amount\":\"1\",\"msg\":\"{{\\\"deposit\\\":{{}}}}\"}}");
    let text = GREEDY
        .replace("MARKET_LEN", &market.len().to_string())
        .replace("ARGS_LEN", &args.len().to_string())
        .replace("MARKET", &market)
        .replace("SENDER", sender);
    Ok(launch.market.worker.dev_deploy(&wat::parse_str(text)?).await?)
}
