//! Challenges, juries and verdicts, from their files to what they pay.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use near_workspaces::{Account, Contract, types::NearToken};
use piecework_interface::{
    dispute::UPHOLD,
    draw::At,
    event::Entry,
    host::sha256,
    ids::{BatchId, LotId, NEAR},
    op::Target,
    view::{BatchStatus, LotPhase},
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup, Stack,
    market::{LISTENER, ONE},
    until,
};
use serde_json::{Value, json};
use sqlx::PgPool;

/// The challenge window of [`TERMS`]: what is done within it takes a minute where blocks are slow.
const WINDOW_S: u32 = 180;
/// How long a step of an agent may take on a slow node and a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
/// Terms of all batches here; what is missing is the defaults.
const TERMS: &str = "--class 0 --reward 1 --lot-size 4 --quorum 60 --bond 300 --slice 1s --claim-ttl 30s \
    --reveal-window 20s --challenge-window 3m";
/// What is at stake for one item, yoctoNEAR: a slash is one and a half of it, by bond and dissent slash.
const ITEM_WORTH: u128 = 10_u128.pow(22);

/// A market with services around it, whose requester uses the command.
struct Scene {
    market: Market,
    stack: Stack,
    piecework: Piecework,
    judge: Account,
}

#[sqlx::test(migrations = false)]
async fn disputes__should_go_from_commands_to_juries_and_payouts(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 8 }).await?;
    let judge = market.worker.dev_create_account().await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let scene = Scene { market, stack, piecework, judge };
    let run = async {
        results_and_their_challenges(&scene).await?;
        a_verdict_and_its_challenge(&scene).await
    };
    Box::pin(run).await.with_context(|| format!("see the logs in {}", scene.stack.dir().join("logs").display()))?;
    scene.stack.stop().await
}

/// An agent that two others outvote with the same wrong answer, with the operator's commands and its real programs.
#[sqlx::test(migrations = false)]
async fn agent__should_challenge_what_its_program_proves_wrong(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 8 }).await?;
    let judge = market.worker.dev_create_account().await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let scene = Scene { market, stack, piecework, judge };
    let run = Box::pin(an_agents_challenge(&scene)).await;
    run.with_context(|| format!("see the logs in {}", scene.stack.dir().join("logs").display()))?;
    scene.stack.stop().await
}

async fn an_agents_challenge(scene: &Scene) -> Result<()> {
    let Scene { market, stack, piecework, .. } = scene;
    let (batch, lot) = (BatchId(0), LotId(0));
    let [honest, liars @ .., _, _, _, _, _] = market.nodes.as_slice() else { unreachable!("eight nodes") };
    let jurors = &market.nodes[3..];

    // Given an agent that may challenge for its account's balance, and a batch whose payloads say the answers
    market.deposit_storage(honest, NearToken::from_near(1)).await?;
    market.fund(honest, 10 * ONE).await?;
    let mut agent = stack.challenger(market, piecework, honest).await?;
    piecework.write("items.jsonl", &(1..5).map(|item| format!("{{\"payload\":\"{item}\"}}\n")).collect::<String>())?;
    let terms = TERMS.replace("--quorum 60 --bond 300", "--quorum 66");
    let create = [&["batch", "create", "--from", "items.jsonl"], &terms.split_whitespace().collect::<Vec<_>>()[..]];
    piecework.value(&market.requester, &create.concat()).await?;

    // When it does its work, and two others say that the last answer is nine
    let state = async || anyhow::Ok(market.lot(batch, lot).await?.map(|lot| lot.state));
    until(LIMIT, "the agent holds a seat", async || Ok(state().await?.map(drop))).await?;
    market.advance_s(6).await?;
    for liar in liars {
        market.claim(liar, batch, lot).await?;
    }
    for liar in liars {
        market.commit(liar, batch, lot, &[1, 2, 3, 9]).await?;
    }
    let revealing = async || Ok(state().await?.filter(|state| state.phase == LotPhase::Revealing).map(drop));
    until(LIMIT, "the agent commits", revealing).await?;
    for liar in liars {
        market.reveal(liar, batch, lot, &[1, 2, 3, 9]).await?;
    }

    // Then it challenges that item alone, by its key of that kind, and the gateway has its evidence
    let case = async || Ok(state().await?.and_then(|state| state.case).filter(|case| !case.challenges.is_empty()));
    let case = until(LIMIT, "the agent challenges", case).await?;
    let number = market.number(honest).await?;
    ensure!(matches!(case.challenges.as_slice(), [it] if (it.account, it.items) == (number, 0b1000)), "{case:?}");
    ensure!(market.balance(honest).await? == 10 * ONE - 11 * ONE / 2, "it deposited 5.5 rewards");
    stack.verify_journal().await?;
    let page: Value = stack.get("/v1/batches/0/lots/0").await?;
    let evidence = page["challenges"][0]["evidence"].as_str().context(format!("no challenge in {page}"))?;
    let document: Value = stack.get(&format!("/v1/blobs/{evidence}")).await?;
    ensure!(document.to_string().contains("the payload says 04"), "{document}");
    let counts: Value = stack.get("/v1/batches/0").await?;
    ensure!(
        (&counts["counts"]["contested_lots"], &counts["counts"]["upheld_lots"]) == (&json!(1), &json!(0)),
        "{counts}"
    );
    let said = until(LIMIT, "status has the challenge", async || {
        let said = agent.status().await?;
        Ok((said["challenges"]["sent"] == 1).then_some(said))
    });
    let said = said.await?;
    ensure!(said["challenges"]["at_risk"] == (11 * ONE / 2).to_string(), "{said}");

    // And a jury of five others sees it as the agent does, which closes the round: deposit, pay and award are its own
    agent.stop().await;
    market.advance_s(WINDOW_S + 1).await?;
    summon(market, batch, lot, &jurors[0]).await?;
    let copies: Vec<_> = jurors.iter().map(|juror| (juror, &[4][..])).collect();
    market.round(batch, lot, &copies).await?;
    agent.start().await?;
    until(LIMIT, "status says that it won", async || {
        let said = agent.status().await?;
        Ok((said["challenges"]["won"] == 1 && said["challenges"]["at_risk"] == "0").then_some(()))
    })
    .await?;
    ensure!(market.balance(honest).await? == 10 * ONE + 4 * ONE, "the deposit is back, and four answers are paid");
    ensure!(near(market, honest).await? == ITEM_WORTH, "a right challenge has its award");
    agent.stop().await;
    stack.verify_journal().await?;
    let results: Value = stack.get("/v1/batches/0/results").await?;
    ensure!(results["items"][0]["overturned"] == "0000000000000008", "{results}");
    Ok(())
}

/// Two lots. In the first, a node is right about an answer that the two others outvote it on; in the second, all are wrong
/// about an item.
async fn results_and_their_challenges(scene: &Scene) -> Result<()> {
    let Scene { market, stack, piecework, .. } = scene;
    let requester = &market.requester;
    let (workers, jurors) = market.nodes.split_at(3);
    let [first, dissenter, _] = workers else { unreachable!("three workers") };
    let listener: Contract = market.worker.dev_deploy(&wat::parse_str(LISTENER)?).await?;

    // Given a batch with a listener
    let lines: String = (0..8).map(|item| format!("{{\"payload\":\"item {item}\"}}\n")).collect();
    piecework.write("items.jsonl", &lines)?;
    let callback = format!("{}:20", listener.id());
    let created = create(scene, &["--callback", &callback]).await?;
    ensure!(created["batch"] == 0 && created["lots"] == 2, "{created}");
    let batch = BatchId(0);
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let answers: [&[u8]; 3] = [&[1, 2, 3, 9], &[1, 7, 3, 4], &[1, 2, 3, 9]];
    market.round(batch, LotId(0), &pair(workers, answers)).await?;
    market.round(batch, LotId(1), &pair(workers, [&[5, 6, 7, 7]; 3])).await?;

    let seen = piecework.value(dissenter, &["batch", "lot", "0", "0"]).await?;
    ensure!(seen["items"][3]["result"] == "09" && seen["items"][3]["copies"][1] == "04", "{seen}");
    ensure!(seen["copies"][1]["node"] == market.number(dissenter).await?.0 && seen["appeal"] == true, "{seen}");

    // When the node that lost challenges: it looks at the price, and cannot pay it before it has a balance
    let challenge = ["batch", "challenge", "0", "0", "--items", "3"];
    let tried = piecework.value(dissenter, &[&challenge[..], &["--dry-run"]].concat()).await?;
    ensure!(tried["tx_hash"] == Value::Null && tried["deposit"] == (11 * ONE / 2).to_string(), "{tried}");
    let poor = piecework.refusal(dissenter, &challenge).await?;
    ensure!(poor.error.contains("the deposit is 5.5 TEST"), "{poor:?}");
    ensure!(poor.fix == "run `piecework account deposit 5.5 --token 1`", "{poor:?}");
    market.fund(dissenter, 10 * ONE).await?;
    let challenged = piecework.value(dissenter, &challenge).await?;
    ensure!(challenged["deposit"] == tried["deposit"] && challenged["tx_hash"] != Value::Null, "{challenged}");
    let again = piecework.refusal(first, &challenge).await?;
    ensure!(again.error == "one of these items is challenged already", "{again:?}");

    // And the requester challenges a result of the other lot, with evidence
    piecework.write("evidence.md", "The last one is an eight.\n")?;
    piecework.value(requester, &["account", "deposit", "10"]).await?;
    let evident = ["batch", "challenge", "0", "1", "--items", "7", "--evidence", "evidence.md"];
    let evident = piecework.value(requester, &evident).await?;
    let digest = sha256(b"The last one is an eight.\n");
    ensure!(evident["evidence"] == hex::encode(digest), "{evident}");
    ensure!(stack.gateway.has_blob(&digest).await?, "jurors find the evidence");

    // And juries of the other five see it as those two do
    market.advance_s(WINDOW_S + 1).await?;
    let mut ruled = Vec::new();
    for (lot, right) in [(LotId(0), 4), (LotId(1), 8)] {
        summon(market, batch, lot, &jurors[0]).await?;
        ruled.push(sit(market, batch, lot, jurors, &[right]).await?);
    }

    // Then the results are theirs, in the mirror and on the chain, and the batch is closed
    let watched = piecework.value(requester, &["batch", "watch", "0", "--timeout", "60s"]).await?;
    ensure!(watched["accepted_items"] == 8 && watched["status"] == "closed", "{watched}");
    let results = piecework.values(requester, &["batch", "results", "0"]).await?;
    let labels: Vec<&Value> = results.iter().map(|line| &line["label"]).collect();
    ensure!(labels == [1, 2, 3, 4, 5, 6, 7, 8].each_ref(), "{labels:?}");
    let verified = piecework.value(requester, &["batch", "verify", "0"]).await?;
    ensure!(verified["lots"].as_array().is_some_and(|lots| lots.len() == 2), "{verified}");
    let over = piecework.refusal(requester, &challenge).await?;
    ensure!(over.error == "batch 0 is closed", "{over:?}");

    // And each of the three pays for what it missed by the new count: one item in each lot
    let slashes = ruled.iter().map(|entries| {
        let slots = entries.iter().find_map(|entry| match entry {
            Entry::Settled { slots, .. } => Some(slots.iter().take(3).map(|slot| slot.slash.0).collect::<Vec<_>>()),
            _ => None,
        });
        slots.unwrap_or_default()
    });
    let slash = ITEM_WORTH * 3 / 2;
    ensure!(slashes.collect::<Vec<_>>() == [vec![slash; 3], vec![slash; 3]], "{ruled:?}");

    // And the right ones are paid for it: the challengers, whose deposits are back, and the jurors
    ensure!(market.balance(dissenter).await? == 10 * ONE + 6 * ONE, "the challenger has its deposit, and six rewards");
    for challenger in [dissenter, requester] {
        ensure!(near(market, challenger).await? == ITEM_WORTH, "{} has an award", challenger.id());
    }
    for juror in jurors {
        ensure!(market.balance(juror).await? == 2 * ONE, "{} is paid for both juries", juror.id());
    }
    let withdrawn = piecework.value(dissenter, &["account", "withdraw", "--token", "near"]).await?;
    ensure!(withdrawn["amount"] == ITEM_WORTH.to_string(), "{withdrawn}");

    // And the listener hears of it
    ensure!(market.poke_with(requester, Target::Batch(batch), 20).await?.result.is_success(), "it is told");
    let heard: Value = market.view_of(listener.id(), "heard", &json!({})).await?;
    ensure!(heard["settled"] == 2, "{heard}");
    stack.verify_journal().await?;
    let found = stack.reconcile().await?;
    ensure!(found.mirror_equal && found.conserved, "{found:?}");
    Ok(())
}

/// Three copies that nobody can count, an adjudicator, and a jury that finds its scores right.
async fn a_verdict_and_its_challenge(scene: &Scene) -> Result<()> {
    let Scene { market, stack, piecework, judge } = scene;
    let requester = &market.requester;
    let (workers, jurors) = market.nodes.split_at(3);

    // Given a batch that its adjudicator accepted, for a bond, once it was registered
    piecework.write("items.jsonl", "{\"payload\":\"write a poem\"}\n{\"payload\":\"and another\"}\n")?;
    let more = ["--adjudicator", judge.id().as_str(), "--verdict-ttl", "5m"];
    let args = create_args(&more);
    let refused = piecework.refusal(requester, &args).await?;
    ensure!(refused.error.contains("is not registered") && refused.fix.contains("storage-deposit"), "{refused:?}");
    piecework.value(judge, &["account", "storage-deposit"]).await?;
    market.fund(judge, 100 * ONE).await?;
    create(scene, &more).await?;
    let stranger = piecework.refusal(requester, &["batch", "adjudicator-accept", "1"]).await?;
    ensure!(stranger.error.contains("is not the adjudicator of batch 1"), "{stranger:?}");
    let accepted = piecework.value(judge, &["batch", "adjudicator-accept", "1"]).await?;
    ensure!(accepted["bond"] == (88 * ONE).to_string(), "four parts of four items: {accepted}");
    let (batch, lot) = (BatchId(1), LotId(0));
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.round(batch, lot, &pair(workers, [&[1, 1], &[2, 2], &[3, 3]])).await?;
    let seen = piecework.value(judge, &["batch", "lot", "1", "0"]).await?;
    ensure!(seen["phase"] == "judging" && seen["items"][1]["copies"] == json!(["01", "02", "03"]), "{seen}");
    market.fund(&workers[2], 20 * ONE).await?;
    let before =
        [market.balance(&workers[0]).await?, market.balance(&workers[1]).await?, market.balance(&workers[2]).await?];

    // When it scores the copies, with as many scores as there are, and the node without any points appeals
    piecework.write("report.md", "The first is fine, the second middling, the third no poem.\n")?;
    let verdict = |scores: &'static str| ["batch", "verdict", "1", "0", "--scores", scores, "--report", "report.md"];
    let few = piecework.refusal(judge, &verdict("10000,5000")).await?;
    ensure!(few.error == "lot 0 has 3 copies, and --scores has 2", "{few:?}");
    let given = piecework.value(judge, &verdict("10000,5000,0")).await?;
    let report = given["report"].as_str().context("a digest")?;
    let mut digest = [0; 32];
    hex::decode_to_slice(report, &mut digest)?;
    ensure!(stack.gateway.has_blob(&digest).await?, "everybody finds the report {report}");
    let challenged = piecework.value(&workers[2], &["batch", "challenge", "1", "0"]).await?;
    market.advance_s(WINDOW_S + 1).await?;
    summon(market, batch, lot, &jurors[0]).await?;
    sit(market, batch, lot, jurors, &[UPHOLD]).await?;

    // Then the scores hold, the appeal paid the jury and, what is over, those who did the work; the bond is back
    ensure!(market.batch(batch).await?.status == BatchStatus::Closed, "it is over");
    ensure!(challenged["deposit"] == (11 * ONE).to_string(), "two items are read: {challenged}");
    for ((worker, before), (pay, deposit)) in workers.iter().zip(before).zip([(2 * ONE, 0), (ONE, 0), (0, 11 * ONE)]) {
        let expected = before + pay + ONE / 3 - deposit;
        ensure!(market.balance(worker).await? == expected, "{} is paid by its score", worker.id());
    }
    for juror in jurors {
        ensure!(market.balance(juror).await? == 2 * ONE + 2 * ONE, "{} is paid for two items", juror.id());
    }
    ensure!(market.balance(judge).await? == 100 * ONE, "all of {accepted}");
    piecework.value(requester, &["batch", "watch", "1", "--timeout", "60s"]).await?;
    let verified = piecework.value(requester, &["batch", "verify", "1"]).await?;
    ensure!(verified["lots"][0]["holds"] == true, "{verified}");
    let results = piecework.values(requester, &["batch", "results", "1"]).await?;
    ensure!(results.len() == 2 && results[1]["status"] == "scored" && results[1]["report"] == report, "{results:?}");
    let copies: Vec<(&Value, &Value)> = results[1]["copies"]
        .as_array()
        .context("copies")?
        .iter()
        .map(|copy| (&copy["answer"], &copy["score"]))
        .collect();
    ensure!(
        copies == [(&json!("01"), &json!(10_000)), (&json!("02"), &json!(5_000)), (&json!("03"), &json!(0))],
        "{copies:?}"
    );
    Ok(())
}

fn create_args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let terms: Vec<&str> = TERMS.split_whitespace().collect();
    [&["batch", "create", "--from", "items.jsonl"], &terms[..], more].concat()
}

async fn create(scene: &Scene, more: &[&str]) -> Result<Value> {
    scene.piecework.value(&scene.market.requester, &create_args(more)).await
}

/// Ends a lot's window, and has its jury drawn.
async fn summon(market: &Market, batch: BatchId, lot: LotId, juror: &Account) -> Result<()> {
    market.poke(juror, Target::Lot(batch, lot)).await?;
    market.draw(juror, batch, At::Lot(lot)).await
}

/// Has all jurors answer alike, and the jury rule.
async fn sit(market: &Market, batch: BatchId, lot: LotId, jurors: &[Account], answers: &[u8]) -> Result<Vec<Entry>> {
    let copies: Vec<_> = jurors.iter().map(|juror| (juror, answers)).collect();
    market.round(batch, lot, &copies).await?;
    let ruled = market.poke(&jurors[0], Target::Lot(batch, lot)).await?;
    ensure!(ruled.result.is_success(), "{:?}", ruled.result);
    Ok(ruled.entries)
}

fn pair<'a>(nodes: &'a [Account], answers: [&'a [u8]; 3]) -> Vec<(&'a Account, &'a [u8])> {
    nodes.iter().zip(answers).collect()
}

/// Internal balance in NEAR.
async fn near(market: &Market, account: &Account) -> Result<u128> {
    let balances = market.account(account).await?.balances;
    Ok(balances.iter().find(|balance| balance.token == NEAR).map_or(0, |balance| balance.amount.0))
}
