//! Fees that a policy shares: recomputed by two mirrors, paid once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_client::calls;
use piecework_interface::{draw::At, ids::LotId, op::Target};
use piecework_sandbox_tests::{Market, Piecework, Setup, Stack, market::TOKEN, until};
use serde_json::{Value, json};
use sqlx::PgPool;

const DAY_S: u32 = 86_400;
/// How long a mirror may be behind on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

#[sqlx::test(migrations = false)]
async fn revenue__should_be_recomputed_by_anybody_and_paid_once(pool: PgPool) -> Result<()> {
    // Given nodes that staked before the epoch's first second, a treasury and a reserve
    let market = Market::start(Setup { nodes: 5 }).await?;
    let epoch = market.now_s().await? / DAY_S + 1;
    advance_to(&market, epoch * DAY_S).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = async {
        work(&market, &piecework).await?;
        write_policy(&market, &piecework, epoch).await?;
        mirrored(&market, &stack).await?;
        let running = accrue(&piecework, &market.nodes[0], epoch).await?;
        ensure!(running["report"]["final"] == false && running["report"]["totals"][0]["fees"] == "240000", "{running}");
        let early = piecework.refusal(&market.nodes[0], &settle_args(epoch, &[])).await?;
        ensure!(early.error.contains("the mirror is not there yet"), "{early:?}");
        advance_to(&market, (epoch + 1) * DAY_S).await?;
        mirrored(&market, &stack).await?;
        recompute(&market, &piecework, &pool, epoch).await?;
        settle(&market, &piecework, epoch).await?;
        balances(&market, &stack).await
    };
    Box::pin(run).await.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

/// Lets time pass until the chain's clock is behind a Unix time.
async fn advance_to(market: &Market, at_s: u32) -> Result<()> {
    market.advance_s((at_s + 1).saturating_sub(market.now_s().await?)).await
}

/// Waits until a mirror has what was done before, and its time.
async fn mirrored(market: &Market, stack: &Stack) -> Result<()> {
    let now_s = market.now_s().await?;
    market.until_final().await?;
    until(LIMIT, "the mirror comes to the chain's time", async || {
        let network: Value = stack.get("/v1/network").await?;
        Ok((network["block_at"].as_u64() >= Some(now_s.into())).then_some(()))
    })
    .await
}

/// A lot whose three copies pay 4 tokens each, with 0.24 of fees for the treasury; the third node then takes its stake away.
async fn work(market: &Market, piecework: &Piecework) -> Result<()> {
    let [first, second, third, treasury, _] = market.nodes.as_slice() else { unreachable!("five nodes") };
    let owner = market.coordinator.as_account();
    piecework.value(owner, &["govern", "treasury", treasury.id().as_str()]).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    market.draw(first, batch, At::Group(0)).await?;
    let answers = &[1, 2, 3, 4][..];
    let copies: Vec<(&Account, &[u8])> = [first, second, third].into_iter().map(|node| (node, answers)).collect();
    market.round(batch, LotId(0), &copies).await?;
    market.poke(first, Target::Token(TOKEN)).await?.result.into_result()?;
    ensure!(market.balance(treasury).await? == 240_000, "the fees are the treasury's");
    market.call(third, calls::stake_remove(None)).await?;
    Ok(())
}

/// Half of the fees to nodes, a tenth to the first node, which referred the requester. The stake of 10 NEAR stands behind 0.1 tokens.
async fn write_policy(market: &Market, piecework: &Piecework, epoch: u32) -> Result<()> {
    let [first, _, _, treasury, reserve] = market.nodes.as_slice() else { unreachable!("five nodes") };
    let (contract, requester) = (market.coordinator.id(), market.requester.id());
    let (first, treasury, reserve) = (first.id(), treasury.id(), reserve.id());
    let chain_id = market.views().config().await?.chain_id;
    let text = format!(
        r#"
version = 1
chain_id = "{chain_id}"
contract_id = "{contract}"
first_epoch = {epoch}
epoch_days = 1
treasury_id = "{treasury}"
reserve_id = "{reserve}"
node_bps = 5000
referrer_bps = 1000
carry_epochs = 4
tokens = [{{ token = 1, fees_per_near = "10000", payout_min = "1000", share_max = "1000000" }}]
referrers = [{{ requester_id = "{requester}", referrer_id = "{first}" }}]
"#
    );
    piecework.write("revenue.toml", &text)
}

async fn accrue(piecework: &Piecework, by: &Account, epoch: u32) -> Result<Value> {
    piecework.value(by, &["revenue", "accrue", "--epoch", &epoch.to_string()]).await
}

/// A mirror of its own, made from the chain alone, comes to the same bytes; and so does a day's question, which was the epoch's.
async fn recompute(market: &Market, piecework: &Piecework, pool: &PgPool, epoch: u32) -> Result<()> {
    let name = format!("revenue_{}", std::process::id());
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(pool).await?;
    let options = (*pool.connect_options()).clone().database(&name);
    let other_pool = PgPool::connect_with(options).await?;
    let other = Stack::start(market, &other_pool).await?;
    let stranger = Piecework::on(market, &other.site.network)?;
    write_policy(market, &stranger, epoch).await?;
    other.verify_journal().await?;
    mirrored(market, &other).await?;

    let node = &market.nodes[0];
    let number = epoch.to_string();
    let args = ["revenue", "accrue", "--epoch", &number];
    let mine = piecework.run(piecework.key_file(node)?, &args).await?;
    let theirs = stranger.run(stranger.key_file(node)?, &args).await?;
    ensure!(mine.status.success() && theirs.status.success(), "{mine:?} {theirs:?}");
    ensure!(mine.stdout == theirs.stdout, "{mine:?} {theirs:?}");
    other.stop().await?;
    other_pool.close().await;
    sqlx::query(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(pool).await?;

    // Then half of each node's fees is its own, but of the one that took its stake away, and the rest is the reserve's
    let told = accrue(piecework, node, epoch).await?;
    let shares: Vec<(&str, &str, &str)> = told["report"]["lines"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|line| Some((line["kind"].as_str()?, line["account_id"].as_str()?, line["payout"].as_str()?)))
        .collect();
    let [first, second, _, _, reserve] = market.nodes.as_slice() else { unreachable!("five nodes") };
    let expected = [
        ("node", first.id().as_str(), "40000"),
        ("node", second.id().as_str(), "40000"),
        ("referrer", first.id().as_str(), "24000"),
        ("reserve", reserve.id().as_str(), "136000"),
    ];
    ensure!(shares == expected && told["report"]["final"] == true, "{told}");
    Ok(())
}

fn settle_args<'a>(epoch: u32, more: &[&'a str]) -> Vec<&'a str> {
    // A test leaks few bytes, and a slice of arguments outlives its statement.
    let epoch: &'static str = epoch.to_string().leak();
    [&["revenue", "settle", "--epoch", epoch, "--key", "treasury.json"], more].concat()
}

fn states(told: &Value) -> Vec<&str> {
    told["payouts"].as_array().into_iter().flatten().filter_map(|payout| payout["state"].as_str()).collect()
}

/// Pays up to the day's cap, then the rest by two runs at once, then nothing.
async fn settle(market: &Market, piecework: &Piecework, epoch: u32) -> Result<()> {
    let [first, second, _, treasury, _] = market.nodes.as_slice() else { unreachable!("five nodes") };
    let key = piecework.new_key(treasury, "treasury.json")?;
    let refused = piecework.refusal(first, &settle_args(epoch, &[])).await?;
    ensure!(refused.error.contains("is no capped key") && refused.fix.contains(&key), "{refused:?}");
    let cap = async |amount: &str| {
        piecework.value(treasury, &["intent", "key-add", &key, "--kinds", "transfer", "--daily-cap", amount]).await
    };

    // Given a key that may pay 0.1 a day
    cap("0.1").await?;
    let dry = piecework.value(first, &settle_args(epoch, &["--dry-run"])).await?;
    ensure!(states(&dry) == ["due", "due", "tomorrow", "above_cap"] && dry["go_on_at"] == (epoch + 2) * DAY_S, "{dry}");
    ensure!(market.balance(treasury).await? == 240_000, "a dry run pays nothing");
    let told = piecework.value(first, &settle_args(epoch, &[])).await?;
    ensure!(states(&told) == ["paid", "paid", "tomorrow", "above_cap"] && told["complete"] == false, "{told}");
    ensure!(market.balance(treasury).await? == 160_000, "two lines are paid");

    // When its cap is raised, and two who know nothing of each other settle at the same time
    cap("1").await?;
    let args = settle_args(epoch, &[]);
    let (key_a, key_b) = (piecework.key_file(first)?, piecework.key_file(second)?);
    let (a, b) = tokio::join!(piecework.run(key_a, &args), piecework.run(key_b, &args));
    let (a, b) = (a?, b?);
    ensure!(a.status.success() || b.status.success(), "{a:?} {b:?}");
    ensure!(market.balance(treasury).await? == 0, "each line is paid once: {a:?} {b:?}");

    // Then nothing is left, whoever asks
    let again = piecework.value(second, &settle_args(epoch, &[])).await?;
    ensure!(states(&again) == ["paid_before"; 4] && again["complete"] == true, "{again}");
    Ok(())
}

/// The mirror shows what each has: its pay of 4 tokens, and its revenue.
async fn balances(market: &Market, stack: &Stack) -> Result<()> {
    stack.verify_journal().await?;
    for (node, units) in market.nodes.iter().zip([4_064_000, 4_040_000, 4_000_000, 0, 136_000]) {
        let account: Value = stack.get(&format!("/v1/accounts/{}", node.id())).await?;
        let balances = match units {
            0 => json!([]),
            units => json!([{ "token": 1, "amount": units.to_string() }]),
        };
        ensure!(account["balances"] == balances, "{account}");
    }
    let found = stack.reconcile().await?;
    ensure!(found.holds(), "{found:?}");
    Ok(())
}
