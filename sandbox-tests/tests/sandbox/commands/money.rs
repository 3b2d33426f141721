//! Money that moves by commands and by signed intents, and fees that come to the treasury.

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_interface::{
    draw::At,
    ids::{BatchId, LotId},
    op::Target,
    view::BatchStatus,
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup, Stack,
    market::{ONE, REQUESTER_TOKENS, TOKEN},
};
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn money__should_move_by_commands_intents_and_fees(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 3 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = async {
        let batch = intents_of_every_kind(&market, &piecework).await?;
        fees(&market, &piecework, batch).await
    };
    Box::pin(run).await.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

/// A key of its own signs for the requester; a node, which nobody asked, relays. Returns the batch that it creates.
async fn intents_of_every_kind(market: &Market, piecework: &Piecework) -> Result<BatchId> {
    let (requester, relayer, friend) = (&market.requester, &market.nodes[0], &market.nodes[1]);
    let requester_id = requester.id().as_str();

    // Given a balance of 1,000 and a key that may spend 500 of it today
    piecework.value(requester, &["account", "deposit", "1000"]).await?;
    let wallet = piecework.new_key(requester, "wallet.json")?;
    let kinds = ["--kinds", "transfer,withdraw,create-batch", "--daily-cap", "500"];
    let added = piecework.value(requester, &[&["intent", "key-add", &wallet], &kinds[..]].concat()).await?;
    ensure!(added["keys"][0]["public_key"] == wallet, "{added}");
    piecework
        .write("items.jsonl", "{\"payload\":\"a\"}\n{\"payload\":\"b\"}\n{\"payload\":\"c\"}\n{\"payload\":\"d\"}\n")?;
    let terms = ["--class", "0", "--reward", "1", "--lot-size", "4", "--bond", "100", "--slice", "1s"];
    let create = [&["batch", "create", "--from", "items.jsonl", "--spec-out", "batch.json"], &terms[..]].concat();
    let spec = piecework.value(requester, &create).await?;
    ensure!(spec["batch"] == Value::Null && spec["spec"] == "batch.json", "{spec}");

    // When it signs one intent of each kind, one of them beyond its cap, and somebody changes another
    let sign = async |number: &str, what: &[&str]| {
        piecework.value_by("wallet.json", &[&["intent", "sign", "--nonce", number][..], what].concat()).await
    };
    let friend_id = friend.id().as_str();
    let mut changed = sign("1", &["transfer", friend_id, "1"]).await?;
    let message = changed["message"].as_str().context("a message")?.replace("\"1000000\"", "\"9000000\"");
    changed["message"] = message.into();
    let intents = [
        changed,
        sign("2", &["transfer", friend_id, "40", "--memo", "rent"]).await?,
        sign("3", &["transfer", friend_id, "2.5"]).await?,
        sign("4", &["transfer", friend_id, "499"]).await?,
        sign("5", &["withdraw", "30"]).await?,
        sign("6", &["create-batch", "batch.json"]).await?,
    ];
    piecework.write("intents.json", &json!(intents).to_string())?;
    let output = piecework.run(piecework.key_file(relayer)?, &["intent", "relay", "intents.json"]).await?;
    ensure!(output.status.code() == Some(1), "two were not executed: {output:?}");
    ensure!(String::from_utf8_lossy(&output.stderr).contains("2 of 6 intents were not executed"), "{output:?}");
    let relayed: Value = serde_json::from_slice(&output.stdout)?;

    // Then each is told apart, and the good ones moved what they say
    let did = |place: usize| &relayed["intents"][place]["did"];
    ensure!(did(1)["transferred"]["amount"] == (40 * ONE).to_string(), "{relayed}");
    ensure!(did(4)["withdrew"]["amount"] == (30 * ONE).to_string() && did(5)["created"]["batch"] == 0, "{relayed}");
    let reason = relayed["intents"][3]["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("500 TEST a day leaves") && reason.contains("until"), "{relayed}");
    let told: Vec<&str> =
        relayed["intents"].as_array().into_iter().flatten().filter_map(|it| it["status"].as_str()).collect();
    ensure!(told == ["skipped", "executed", "executed", "failed", "executed", "executed"], "{relayed}");
    let batch = market.batch(BatchId(0)).await?;
    let escrow = batch.open.context("an open batch")?.escrow.0;
    ensure!(spec["escrow"] == escrow.to_string(), "{spec} said so: {escrow}");
    ensure!(market.balance(friend).await? == 42 * ONE + ONE / 2, "two transfers");
    ensure!(market.balance(requester).await? == 1_000 * ONE - 72 * ONE - ONE / 2 - escrow, "the rest is there");
    ensure!(market.token_balance(requester.id()).await? == REQUESTER_TOKENS - 970 * ONE, "30 came back out");
    let keys = piecework.value(relayer, &["intent", "keys", requester_id]).await?;
    ensure!(keys["keys"][0]["limit"]["spent"] == (72 * ONE + ONE / 2 + escrow).to_string(), "{keys}");

    // And what was used, or is not for this key, is refused with its reason
    let again = piecework.refusal(relayer, &["intent", "relay", "intents.json"]).await?;
    ensure!(again.error.contains("none of 6 intents was executed"), "{again:?}");
    let keyed = piecework.refusal_by("wallet.json", &["account", "deposit", "1"]).await?;
    ensure!(keyed.error.contains("signs intents of") && keyed.fix.contains("--spec-out"), "{keyed:?}");
    let used = piecework.refusal_by("wallet.json", &["intent", "sign", "--nonce", "6", "withdraw", "1"]).await?;
    ensure!(used.error.starts_with("--nonce 6 is used"), "{used:?}");
    Ok(BatchId(0))
}

/// The batch's work earns a fee, which waits until there is a treasury and a poke.
async fn fees(market: &Market, piecework: &Piecework, batch: BatchId) -> Result<()> {
    let [first, treasury, _] = market.nodes.as_slice() else { unreachable!("three nodes") };
    let (owner, answers) = (market.coordinator.as_account(), &[1, 2, 3, 4][..]);
    market.draw(first, batch, At::Group(0)).await?;
    let copies: Vec<(&Account, &[u8])> = market.nodes.iter().map(|node| (node, answers)).collect();
    market.round(batch, LotId(0), &copies).await?;
    ensure!(market.batch(batch).await?.status == BatchStatus::Closed, "the batch is done");

    // When it is poked before there is a treasury, and after
    let fee = 3 * 4 * ONE * 2 / 100;
    let tokens = piecework.value(first, &["token", "show"]).await?;
    ensure!(tokens[1]["pool"] == fee.to_string(), "{tokens}");
    ensure!(market.poke(first, Target::Token(TOKEN)).await?.result.is_failure(), "nothing is due without a treasury");
    let set = piecework.value(owner, &["govern", "treasury", treasury.id().as_str()]).await?;
    ensure!(set["treasury"] == market.number(treasury).await?.0, "{set}");
    let before = market.balance(treasury).await?;
    market.poke(first, Target::Token(TOKEN)).await?.result.into_result()?;

    // Then all of the fee is the treasury's, once
    ensure!(market.balance(treasury).await? == before + fee, "it has {fee} more");
    ensure!(market.poke(first, Target::Token(TOKEN)).await?.result.is_failure(), "nothing is left");

    // And what was earned leaves the contract
    let earned = market.balance(first).await?;
    market.register_on_token(first.id()).await?;
    let withdrawn = piecework.value(first, &["account", "withdraw"]).await?;
    ensure!(withdrawn["amount"] == earned.to_string(), "{withdrawn}");
    ensure!(market.token_balance(first.id()).await? == earned, "{withdrawn}");
    ensure!(market.token_balance(market.coordinator.id()).await? > 0, "others have theirs");
    Ok(())
}
