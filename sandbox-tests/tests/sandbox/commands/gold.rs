//! Gold, from a file of known answers to a jury that sees it as evidence.

use std::{fs, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result, ensure};
use near_workspaces::Account;
use piecework_api::gold::Said;
use piecework_interface::{
    draw::At,
    host::sha256,
    ids::{BatchId, LotId},
    op::Target,
};
use piecework_sandbox_tests::{Market, Piecework, Setup, Stack, market::ONE};
use serde_json::{Value, json};
use sqlx::PgPool;

/// The challenge window of the batch.
const WINDOW_S: u32 = 180;
const TERMS: &str = "--class 0 --reward 1 --lot-size 4 --quorum 60 --bond 300 --slice 1s --claim-ttl 30s \
    --reveal-window 20s --challenge-window 3m";
const BATCH: BatchId = BatchId(0);

#[sqlx::test(migrations = false)]
async fn gold__should_name_who_missed_and_be_the_evidence_of_a_challenge(pool: PgPool) -> Result<()> {
    let market = Market::start(Setup { nodes: 8 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let piecework = Piecework::on(&market, &stack.site.network)?;
    let run = async {
        let gold = create(&market, &piecework).await?;
        let document = open(&market, &stack, &piecework, &gold).await?;
        rule(&market, &stack, &piecework, &gold).await?;
        verify(&market, &stack, &piecework, &document).await
    };
    Box::pin(run).await.with_context(|| format!("see the logs in {}", stack.dir().join("logs").display()))?;
    stack.stop().await
}

/// Two lots of four, with gold of two items of the first and one of the second: the file that keeps it.
async fn create(market: &Market, piecework: &Piecework) -> Result<String> {
    let requester = &market.requester;
    let lines: String = (0..8).map(|item| format!("{{\"payload\":\"item {item}\"}}\n")).collect();
    piecework.write("items.jsonl", &lines)?;
    let terms: Vec<&str> = TERMS.split_whitespace().collect();
    let args = [&["batch", "create", "--from", "items.jsonl", "--gold", "known.jsonl"], &terms[..]].concat();

    // Given answers that fit no item, then some that do, by index and by id
    piecework.write("known.jsonl", "{\"index\":8,\"answer\":1}\n")?;
    let refused = piecework.refusal(requester, &args).await?;
    ensure!(refused.error.contains("known.jsonl:1:1: there is no item 8"), "{refused:?}");
    let id = hex::encode(sha256(b"item 5"));
    let known = format!(
        "{{\"index\":3,\"answer\":4}}\n{{\"index\":1,\"answer\":\"02\"}}\n{{\"item\":\"{id}\",\"answer\":6}}\n"
    );
    piecework.write("known.jsonl", &known)?;

    // When the batch is created, then its secret is on disk, for its owner alone
    let created = piecework.value(requester, &args).await?;
    ensure!(created["batch"] == 0 && created["gold_items"] == 3, "{created}");
    let gold = created["gold"].as_str().context("a file")?.to_owned();
    let mode = fs::metadata(piecework.dir().join(&gold))?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "{mode:o}");
    Ok(gold)
}

/// The first lot's items are opened, where all but one node are wrong about item 3 and that one about item 1: the document's digest.
async fn open(market: &Market, stack: &Stack, piecework: &Piecework, gold: &str) -> Result<String> {
    let requester = &market.requester;
    let (workers, _) = market.nodes.split_at(3);
    let open = ["batch", "open-gold", "0", "--gold", gold];
    stack.verify_journal().await?;

    // Given a batch that nobody has worked on: nothing can be opened
    let early = piecework.refusal(requester, &open).await?;
    ensure!(early.error == "every lot with gold of batch 0 still takes answers", "{early:?}");

    // When its first lot is provisional
    market.draw(&market.nodes[0], BATCH, At::Group(0)).await?;
    let answers: [&[u8]; 3] = [&[1, 2, 3, 9], &[1, 7, 3, 4], &[1, 2, 3, 9]];
    market.round(BATCH, LotId(0), &pair(workers, answers)).await?;
    stack.verify_journal().await?;
    let early = piecework.refusal(requester, &[&open[..], &["--item", "3,5"]].concat()).await?;
    ensure!(early.error.contains("lot 1 still takes answers") && early.fix.contains("nobody claimed it"), "{early:?}");
    let opened = piecework.value(requester, &open).await?;

    // Then its gold is open, and says who missed what and that a result stands against it
    ensure!(opened["opened"] == 2 && opened["leaves"] == 3 && opened["closed"] == json!([5]), "{opened}");
    let [one, three] = [&opened["items"][0], &opened["items"][1]];
    ensure!(one["item"] == 1 && one["right"] == 2 && one["missed"] == json!([workers[1].id()]), "{opened}");
    ensure!(one["result"] == "02" && one["against"] == false, "{opened}");
    ensure!(three["missed"] == json!([workers[0].id(), workers[2].id()]), "{opened}");
    ensure!(three["result"] == "09" && three["against"] == true, "{opened}");
    let dispute = &opened["challenges"][0];
    ensure!(dispute["items"] == json!([3]) && dispute["tx_hash"] == Value::Null, "{opened}");
    ensure!(dispute["deposit"] == (11 * ONE / 2).to_string(), "{opened}");
    let document = opened["document"].as_str().context("a digest")?.to_owned();
    let command = format!("piecework batch challenge 0 0 --items 3 --evidence {document}");
    ensure!(dispute["command"] == command, "{opened}");

    // And with the deposit it challenges that result alone, with the same document as evidence
    piecework.value(requester, &["account", "deposit", "10"]).await?;
    let challenged = piecework.value(requester, &[&open[..], &["--challenge"]].concat()).await?;
    ensure!(challenged["added"] == 0 && challenged["document"] == document.as_str(), "{challenged}");
    ensure!(challenged["challenges"][0]["tx_hash"] != Value::Null, "{challenged}");
    stack.verify_journal().await?;
    let lot = stack.gateway.lot(BATCH, LotId(0)).await?;
    let challenge = lot.challenges.first().context("a challenge")?;
    ensure!(challenge.items == 0b1000 && hex::encode(challenge.evidence) == document, "{challenge:?}");
    ensure!(stack.gateway.has_blob(&challenge.evidence).await?, "jurors find the evidence");
    let again = piecework.value(requester, &open).await?;
    ensure!(again["challenges"] == json!([]), "it is challenged already: {again}");
    Ok(document)
}

/// The other lot is worked on, and a jury finds what gold says.
async fn rule(market: &Market, stack: &Stack, piecework: &Piecework, gold: &str) -> Result<()> {
    let (workers, jurors) = market.nodes.split_at(3);
    market.round(BATCH, LotId(1), &pair(workers, [&[5, 6, 7, 8]; 3])).await?;
    market.advance_s(WINDOW_S + 1).await?;
    market.poke(&jurors[0], Target::Lot(BATCH, LotId(0))).await?;
    market.draw(&jurors[0], BATCH, At::Lot(LotId(0))).await?;
    let copies: Vec<_> = jurors.iter().map(|juror| (juror, &[4][..])).collect();
    market.round(BATCH, LotId(0), &copies).await?;
    for lot in [LotId(0), LotId(1)] {
        market.poke(&jurors[0], Target::Lot(BATCH, lot)).await?;
    }
    stack.verify_journal().await?;
    let opened = piecework.value(&market.requester, &["batch", "open-gold", "0", "--gold", gold]).await?;
    ensure!(opened["opened"] == 3 && opened["added"] == 1 && opened["closed"] == json!([]), "{opened}");
    ensure!(opened["items"][1]["result"] == "04" && opened["items"][1]["against"] == false, "{opened}");
    Ok(())
}

/// Anybody checks it, by the journal and the contract; the gateway counts the same.
async fn verify(market: &Market, stack: &Stack, piecework: &Piecework, document: &str) -> Result<()> {
    let stranger = &market.nodes[7];
    let (workers, jurors) = market.nodes.split_at(3);
    let verified = piecework.value(stranger, &["verify", "0"]).await?;
    let gold = &verified["gold"];
    ensure!(gold["opened"] == 3 && gold["leaves"] == 3 && gold["against"] == json!([]), "{verified}");
    let count = |node: &Account, round: u8| {
        let mut nodes = gold["nodes"].as_array().into_iter().flatten();
        let found = nodes.find(|it| it["node_id"] == node.id().as_str() && it["round"] == round);
        found.map(|it| (it["right"].clone(), it["missed"].clone(), it["silent"].clone()))
    };
    for worker in workers {
        ensure!(count(worker, 0) == Some((json!(2), json!(1), json!(0))), "{}: {verified}", worker.id());
    }
    for juror in jurors {
        ensure!(count(juror, 2) == Some((json!(1), json!(0), json!(0))), "{}: {verified}", juror.id());
    }
    let same = piecework.value(stranger, &["batch", "verify", "0"]).await?;
    ensure!(same == verified, "{same}");
    let (told, items) = stack.gateway.gold(BATCH).await?;
    ensure!(json!(told.nodes) == gold["nodes"] && told.contradicted == 0, "{told:?}");
    ensure!(items[1].accepted.as_deref() == Some("04"), "{items:?}");
    ensure!(items[0].copies[1].said == Said::Missed, "{items:?}");

    // And a document that is saved says as much of its items, and one that was changed nothing
    let mut digest = [0; 32];
    hex::decode_to_slice(document, &mut digest)?;
    let bytes = stack.gateway.blob(&digest, 1 << 20).await?.context("the document")?;
    let text = String::from_utf8(bytes)?;
    piecework.write("document.json", &text)?;
    let saved = piecework.value(stranger, &["verify", "0", "--gold", "document.json"]).await?;
    ensure!(saved["gold"]["opened"] == 2 && saved["gold"]["leaves"] == 3, "{saved}");
    piecework.write("document.json", &text.replace("\"answer\":\"04\"", "\"answer\":\"09\""))?;
    let forged = piecework.refusal(stranger, &["verify", "0", "--gold", "document.json"]).await?;
    ensure!(forged.error.contains("item 3: its proof does not lead to the root"), "{forged:?}");
    let found = stack.reconcile().await?;
    ensure!(found.mirror_equal && found.conserved, "{found:?}");
    Ok(())
}

fn pair<'a>(nodes: &'a [Account], answers: [&'a [u8]; 3]) -> Vec<(&'a Account, &'a [u8])> {
    nodes.iter().zip(answers).collect()
}
