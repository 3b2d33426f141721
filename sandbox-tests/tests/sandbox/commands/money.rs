//! Money that moves by commands and by signed intents, and what an epoch pays.

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_interface::{
    draw::At,
    ids::{BatchId, LotId},
    view::BatchStatus,
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup, Stack,
    market::{ONE, REQUESTER_TOKENS},
};
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn money__should_move_by_commands_intents_and_epochs(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 3 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = async {
        let batch = intents_of_every_kind(&market, &piecework).await?;
        an_epoch(&market, &piecework, batch).await
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
    let kinds = ["--kinds", "transfer,tip,withdraw,create-batch", "--daily-cap", "500"];
    let added = piecework.value(requester, &[&["intent", "key-add", &wallet], &kinds[..]].concat()).await?;
    ensure!(added["keys"][0]["public_key"] == wallet, "{added}");
    piecework
        .write("items.jsonl", "{\"payload\":\"a\"}\n{\"payload\":\"b\"}\n{\"payload\":\"c\"}\n{\"payload\":\"d\"}\n")?;
    let terms = ["--class", "7", "--reward", "1", "--lot-size", "4", "--bond", "100", "--slice", "1s"];
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
        sign("3", &["tip", friend_id, "2.5"]).await?,
        sign("4", &["transfer", friend_id, "499"]).await?,
        sign("5", &["withdraw", "30"]).await?,
        sign("6", &["create-batch", "batch.json"]).await?,
    ];
    piecework.write("intents.json", &json!(intents).to_string())?;
    let relayed = piecework.value(relayer, &["intent", "relay", "intents.json"]).await?;

    // Then each is told apart, and the good ones moved what they say
    let told: Vec<&str> =
        relayed["intents"].as_array().into_iter().flatten().filter_map(|it| it["status"].as_str()).collect();
    ensure!(told == ["skipped", "executed", "executed", "failed", "executed", "executed"], "{relayed}");
    let batch = market.batch(BatchId(0)).await?;
    let escrow = batch.open.context("an open batch")?.escrow.0;
    ensure!(spec["escrow"] == escrow.to_string(), "{spec} said so: {escrow}");
    ensure!(market.balance(friend).await? == 42 * ONE + ONE / 2, "a transfer and a tip");
    ensure!(market.balance(requester).await? == 1_000 * ONE - 72 * ONE - ONE / 2 - escrow, "the rest is there");
    ensure!(market.token_balance(requester.id()).await? == REQUESTER_TOKENS - 970 * ONE, "30 came back out");
    let keys = piecework.value(relayer, &["intent", "keys", requester_id]).await?;
    ensure!(keys["keys"][0]["limit"]["spent"] == (72 * ONE + ONE / 2 + escrow).to_string(), "{keys}");

    // And what was used, or is not for this key, is refused with its reason
    let again = piecework.refusal(relayer, &["intent", "relay", "intents.json"]).await?;
    ensure!(again.error.contains("none of 6 intents was executed"), "{again:?}");
    let used = piecework.refusal_by("wallet.json", &["intent", "sign", "--nonce", "6", "collect-revenue"]).await?;
    ensure!(used.error == "--nonce 6 is used", "{used:?}");
    Ok(BatchId(0))
}

/// The batch's work earns fees, which its epoch pays: to one node by a command, to another by an intent.
async fn an_epoch(market: &Market, piecework: &Piecework, batch: BatchId) -> Result<()> {
    let [first, second, _] = market.nodes.as_slice() else { unreachable!("three nodes") };
    let answers: &[u8] = &[1, 2, 3, 4];
    market.draw(first, batch, At::Group(0)).await?;
    let copies: Vec<(&Account, &[u8])> = market.nodes.iter().map(|node| (node, answers)).collect();
    market.round(batch, LotId(0), &copies).await?;
    ensure!(market.batch(batch).await?.status == BatchStatus::Closed, "the batch is done");

    // When the epoch is settled before its end, and after it
    let early = piecework.refusal(&market.requester, &["epoch", "settle"]).await?;
    ensure!(early.error.contains("runs for another"), "{early:?}");
    market.advance_s(Market::config().epoch_s).await?;
    let settled = piecework.value(&market.requester, &["epoch", "settle"]).await?;
    ensure!(settled["revenue"]["epoch"] == 1, "{settled}");

    // Then each node has a third of the fee, and collects it once
    let share = 3 * 4 * ONE * 5 / 100 / 3;
    let shown = piecework.value(&market.requester, &["node", "revenue", first.id().as_str()]).await?;
    ensure!(shown["amounts"][0]["amount"] == share.to_string() && shown["collected"] == false, "{shown}");
    let before = [market.balance(first).await?, market.balance(second).await?];
    let collected = piecework.value(first, &["node", "revenue", "--collect"]).await?;
    ensure!(collected["collected"] == true && collected["amounts"] == shown["amounts"], "{collected}");
    ensure!(market.balance(first).await? == before[0] + share, "{collected}");
    let again = piecework.refusal(first, &["node", "revenue", "--collect"]).await?;
    ensure!(again.error.contains("or has collected it"), "{again:?}");

    // And by an intent, with a key that may do nothing else
    let machine = piecework.value(second, &["node", "add-key", "--out", "machine.json"]).await?;
    ensure!(machine["key_file"] == "machine.json", "{machine}");
    let intent = piecework.value_by("machine.json", &["intent", "sign", "collect-revenue"]).await?;
    piecework.write("collect.json", &intent.to_string())?;
    piecework.value(first, &["intent", "relay", "collect.json"]).await?;
    ensure!(market.balance(second).await? == before[1] + share, "{intent}");

    // And what was earned leaves the contract
    market.register_on_token(first.id()).await?;
    let withdrawn = piecework.value(first, &["account", "withdraw"]).await?;
    ensure!(withdrawn["amount"] == (before[0] + share).to_string(), "{withdrawn}");
    ensure!(market.token_balance(first.id()).await? == before[0] + share, "{withdrawn}");
    ensure!(market.token_balance(market.coordinator.id()).await? > 0, "others have theirs");
    Ok(())
}
