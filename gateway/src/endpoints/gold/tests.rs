use piecework_api::gold::{GoldAnswer, GoldDocument, GoldSecret, Opening};
use piecework_interface::{host::sha256, ids::Digest, merkle};
use piecework_store::PgPool;
use reqwest::Response;
use serde_json::{Value, json};

use crate::testing::{Gateway, Market, problem};

/// In the market with work: lot 0 and 1 are settled by nodes 1 and 2, who answer 3 to all items but the last, where node 2 says 4;
/// lot 2 is claimed, the rest is open.
const ANSWERS: [(u32, u8); 6] = [(0, 3), (5, 9), (7, 4), (8, 3), (16, 3), (17, 1)];

fn secret(manifest: Digest) -> GoldSecret {
    let answers = ANSWERS.map(|(item, answer)| GoldAnswer { item, answer: vec![answer] });
    GoldSecret::new(manifest, [1; 32], answers.into()).unwrap()
}

/// A gateway over the market with work and gold, and what its requester keeps.
async fn golden(pool: &PgPool, flags: &[&str]) -> (Market, Gateway, GoldSecret) {
    let mut kept = None;
    let market = Market::with_gold(pool, |manifest| kept.insert(secret(manifest)).root()).await;
    (market, Gateway::start_with(pool, flags).await, kept.unwrap())
}

async fn post(gateway: &Gateway, body: impl Into<reqwest::Body>) -> Response {
    gateway.http.post(format!("{}/v1/batches/0/gold", gateway.url)).body(body).send().await.unwrap()
}

async fn publish(gateway: &Gateway, document: &GoldDocument) -> Response {
    post(gateway, serde_json::to_vec(document).unwrap()).await
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold__should_show_who_missed_what_was_opened(pool: PgPool) {
    // Given gold of six items, three of them in settled lots
    let (_market, gateway, secret) = golden(&pool, &[]).await;
    let before = gateway.json("/v1/batches/0/gold").await;
    assert_eq!((&before["gold_root"], &before["leaves"]), (&json!(hex::encode(secret.root())), &Value::Null));
    assert_eq!((&before["opened"], &before["items"]), (&json!(0), &json!([])));

    // When these are opened, twice
    let document = secret.open(|item| item < 8);
    let digest = hex::encode(sha256(&serde_json::to_vec(&document).unwrap()));
    let first = publish(&gateway, &document).await;
    assert_eq!(first.status(), 201);
    assert_eq!(first.json::<Value>().await.unwrap(), json!({ "sha256": digest, "added": 3, "opened": 3 }));
    let second = publish(&gateway, &document).await;
    assert_eq!((second.status().as_u16(), second.json::<Value>().await.unwrap()["added"].clone()), (200, json!(0)));

    // Then each says what the copies say, the accepted answer beside it, and the document is a blob
    let gold = gateway.json("/v1/batches/0/gold").await;
    assert_eq!((&gold["leaves"], &gold["opened"], &gold["against"]), (&json!(6), &json!(3), &json!(1)));
    let said = |item: usize| {
        let copies = gold["items"][item]["copies"].as_array().unwrap();
        let all = copies.iter().map(|copy| (copy["node_id"].as_str().unwrap(), copy["said"].as_str().unwrap()));
        all.collect::<Vec<_>>()
    };
    let (one, two) = ("node1.test.near", "node2.test.near");
    assert_eq!(said(0), [(one, "right"), (two, "right")]);
    assert_eq!(said(1), [(one, "missed"), (two, "missed")]);
    assert_eq!(said(2), [(one, "missed"), (two, "right")]);
    let accepted: Vec<_> = gold["items"].as_array().unwrap().iter().map(|item| item["accepted"].clone()).collect();
    assert_eq!(accepted, [json!("03"), json!("03"), Value::Null]);
    assert_eq!(gold["items"][1]["document"], json!(digest));
    let of = |node: u32, right: u32, missed: u32| json!({ "node": node, "node_id": format!("node{node}.test.near"), "round": 0, "right": right, "missed": missed, "silent": 0 });
    assert_eq!(gold["nodes"], json!([of(1, 1, 2), of(2, 2, 1)]));
    assert_eq!(gateway.get(&format!("/v1/blobs/{digest}")).await.status(), 200);

    // And pages end, with all counts on each
    let page = gateway.json("/v1/batches/0/gold?limit=2").await;
    let next = page["next"].as_str().unwrap();
    let rest = gateway.json(&format!("/v1/batches/0/gold?limit=2&cursor={next}")).await;
    assert_eq!((&rest["items"][0]["item"], &rest["nodes"]), (&json!(7), &gold["nodes"]));
    assert!(rest.get("next").is_none());
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold__should_be_sent_again_after_an_opening_without_a_line(pool: PgPool) {
    // Given a client that has the gold of a batch, of which nothing is open
    let (_market, gateway, secret) = golden(&pool, &[]).await;
    let etag = gateway.get("/v1/batches/0/gold").await.headers()["etag"].clone();
    let ask = || async {
        let request =
            gateway.http.get(format!("{}/v1/batches/0/gold", gateway.url)).header("if-none-match", etag.clone());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask().await, 304);

    // When some is opened, of which the journal does not tell, then it is sent
    assert_eq!(publish(&gateway, &secret.open(|item| item == 0)).await.status(), 201);
    assert_eq!(ask().await, 200);
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold_post__should_refuse_items_whose_lot_takes_answers(pool: PgPool) {
    // Given gold of a claimed lot and of open ones
    let (_market, gateway, secret) = golden(&pool, &[]).await;

    // When all is opened, then nothing is stored, and each early item is named with its lot
    let response = publish(&gateway, &secret.open(|_| true)).await;
    let status = response.status();
    let refusal: Value = response.json().await.unwrap();
    assert_eq!((status.as_u16(), &refusal["code"]), (409, &json!("gold-early")));
    assert_eq!(refusal["detail"], "item 8: lot 2 is working; item 16: lot 4 is open; item 17: lot 4 is open");
    assert_eq!(gateway.json("/v1/batches/0/gold").await["opened"], 0);
    let digest = hex::encode(sha256(&serde_json::to_vec(&secret.open(|_| true)).unwrap()));
    assert_eq!(gateway.get(&format!("/v1/blobs/{digest}")).await.status(), 404);
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold_post__should_refuse_what_a_stranger_can_make(pool: PgPool) {
    // Given what a stranger knows: the root, the manifest, and an opening that was published
    let (_market, gateway, secret) = golden(&pool, &["--blob-max-bytes", "2000"]).await;
    let known = secret.open(|item| item == 0);
    assert_eq!(publish(&gateway, &known).await.status(), 201);
    let with = |change: fn(&mut GoldDocument)| {
        let mut document = known.clone();
        change(&mut document);
        serde_json::to_vec(&document).unwrap()
    };
    let of_another_batch = GoldSecret::new([7; 32], [1; 32], secret.answers().to_vec()).unwrap().open(|_| true);

    // When it posts what it can make of that
    let cases = [
        (with(|it| it.openings[0].item = 5), 422, "gold-unproven"),
        (with(|it| it.openings[0].answer = vec![4]), 422, "gold-unproven"),
        (with(|it| it.openings[0].place = 1), 422, "gold-unproven"),
        (with(|it| it.openings.push(it.openings[0].clone())), 422, "gold-unproven"),
        (with(|it| it.leaves = 1), 422, "gold-unproven"),
        (with(|it| it.version = 2), 422, "gold-unproven"),
        (with(|it| it.openings.clear()), 422, "gold-unproven"),
        (serde_json::to_vec(&of_another_batch).unwrap(), 422, "gold-unproven"),
        (b"{\"version\":1}".to_vec(), 400, "refused"),
        (vec![b'['; 2_000], 400, "refused"),
        (vec![b' '; 2_001], 413, "too-large"),
    ];

    // Then each is refused, and what was open stays
    for (body, status, code) in cases {
        assert_eq!(problem(post(&gateway, body).await).await, (status, code.to_owned()));
    }
    let form = gateway
        .http
        .post(format!("{}/v1/batches/0/gold", gateway.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=b")
        .send();
    assert_eq!(problem(form.await.unwrap()).await, (415, "media-type".to_owned()));
    assert_eq!(gateway.json("/v1/batches/0/gold").await["opened"], 1);
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold__should_not_be_there_without_a_root(pool: PgPool) {
    // Given a batch without gold, and none
    Market::with_work(&pool).await;
    let gateway = Gateway::start(&pool).await;

    // Then neither is read or written
    for path in ["/v1/batches/0/gold", "/v1/batches/7/gold"] {
        assert_eq!(gateway.problem(path).await, (404, "not-found".to_owned()));
    }
    let answers = vec![GoldAnswer { item: 0, answer: vec![1] }];
    let document = GoldSecret::new([0; 32], [1; 32], answers).unwrap().open(|_| true);
    assert_eq!(problem(publish(&gateway, &document).await).await, (404, "not-found".to_owned()));
}

/// A root over two answers to item 0 and one to item 5, which no honest requester makes, with its openings.
fn two_faced(manifest: Digest) -> (Digest, GoldDocument) {
    let known = [(0, 3), (0, 8), (5, 3)];
    let mut openings =
        known.map(|(item, answer)| Opening { place: 0, item, answer: vec![answer], salt: [5; 32], proof: Vec::new() });
    let leaves = openings.clone().map(|opening| opening.leaf(&manifest));
    let mut peaks = merkle::Peaks::default();
    leaves.iter().for_each(|leaf| peaks.append(sha256, *leaf));
    for (place, opening) in (0..).zip(&mut openings) {
        (opening.place, opening.proof) = (place, merkle::prove(sha256, &leaves, place).unwrap().concat());
    }
    let tree = merkle::bag(sha256, &peaks);
    let root = sha256(&[b"\x02piecework gold 1".as_slice(), &3_u32.to_le_bytes(), &tree].concat());
    (root, GoldDocument { version: 1, leaves: 3, tree, openings: openings.into() })
}

#[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
async fn gold__should_count_a_two_faced_item_against_nobody(pool: PgPool) {
    // Given a requester who fixed two answers to one item
    let mut document = None;
    let market = Market::with_gold(&pool, |manifest| {
        let (root, all) = two_faced(manifest);
        document = Some(all);
        root
    });
    let _market = market.await;
    let gateway = Gateway::start(&pool).await;
    let document = document.unwrap();

    // When it opens the face that suits it
    let one = GoldDocument { openings: document.openings[1..].to_vec(), ..document.clone() };
    assert_eq!(publish(&gateway, &one).await.status(), 201);
    let some = gateway.json("/v1/batches/0/gold").await;

    // Then a leaf that is not open is seen to be missing
    assert_eq!((&some["leaves"], &some["opened"], &some["contradicted"]), (&json!(3), &json!(2), &json!(0)));
    assert_eq!(some["nodes"][0]["missed"], 1);

    // And once the other is open the item counts for nothing
    assert_eq!(publish(&gateway, &document).await.status(), 201);
    let all = gateway.json("/v1/batches/0/gold").await;
    assert_eq!((&all["opened"], &all["contradicted"], &all["against"]), (&json!(3), &json!(1), &json!(0)));
    let counts = (&all["nodes"][0]["right"], &all["nodes"][0]["missed"]);
    assert_eq!((counts, &all["items"][0]["contradicted"]), ((&json!(1), &json!(0)), &json!(true)));
}
