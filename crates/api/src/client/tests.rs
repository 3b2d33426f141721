use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{Method as HttpMethod, StatusCode as Status, Uri},
};
use tokio::net::TcpListener;

use super::*;
use crate::Stored;

type Answer = (Status, Vec<u8>);

/// A gateway that gives these answers in order, then 404; and what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn serve(answers: &[(u16, &[u8])], options: Options) -> (Self, Client) {
        let script = Self::default();
        let answers = answers.iter().map(|(status, body)| (Status::from_u16(*status).unwrap(), body.to_vec()));
        script.answers.lock().unwrap().extend(answers);
        let router = Router::new().fallback(answer).with_state(script.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:secret@{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (script, Client::new(&url, options).unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, method: HttpMethod, uri: Uri) -> (Status, Vec<u8>) {
    script.asked.lock().unwrap().push(format!("{method} {uri}"));
    script.answers.lock().unwrap().pop_front().unwrap_or((Status::NOT_FOUND, Vec::new()))
}

fn quick() -> Options {
    Options { pause: Duration::from_millis(1), ..Options::default() }
}

const STORED: &[u8] = br#"{"sha256":"00"}"#;

#[tokio::test]
async fn get__should_try_again_while_a_refusal_passes() {
    // Given a gateway that is overloaded, then behind, then answers
    let (script, client) = Script::serve(&[(503, b""), (409, b""), (200, STORED)], quick()).await;

    // When a resource is asked for
    let stored: Option<Stored> = client.get("/v1/x").await.unwrap();

    // Then the third answer counts
    assert_eq!(stored.unwrap().sha256, "00");
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn get__should_give_up_with_the_gateways_own_reason_and_without_secrets() {
    // Given a gateway that refuses for good
    let body = br#"{"type":"/problems/overloaded","title":"At its limit","status":503,"code":"overloaded",
        "detail":"1024 requests","fix":"Try again."}"#;
    let (script, client) = Script::serve(&[(503, body.as_slice()); 3], quick()).await;

    // When a resource is asked for
    let error = client.get::<Stored>("/v1/x").await.unwrap_err();

    // Then the last refusal is the error, by host and port
    let text = error.to_string();
    assert_eq!(script.asked().len(), 3);
    assert!(text.ends_with("refuses /v1/x: 503: At its limit: 1024 requests"), "{text}");
    assert!(text.contains("127.0.0.1:") && !text.contains("secret"), "{text}");
    let ClientError::Refused { problem: Some(problem), .. } = error else { panic!("{text}") };
    assert_eq!(problem.fix, "Try again.");
}

#[tokio::test]
async fn get__should_ask_for_the_missing_once_unless_it_may_come() {
    let (script, client) = Script::serve(&[], quick()).await;
    assert_eq!(client.get::<Stored>("/v1/x").await.unwrap(), None);
    assert_eq!(script.asked().len(), 1);

    let (script, client) =
        Script::serve(&[(404, b""), (200, STORED)], Options { awaits_missing: true, ..quick() }).await;
    assert!(client.get::<Stored>("/v1/x").await.unwrap().is_some());
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn answers__should_be_bounded_and_readable() {
    let (script, client) =
        Script::serve(&[(200, STORED), (200, b"<html>")], Options { answer_max: 5, ..quick() }).await;
    let error = client.get::<Stored>("/v1/x").await.unwrap_err();
    assert_eq!(error.to_string(), "/v1/x is larger than 5 bytes");
    let error = Client { options: quick(), ..client }.get::<Stored>("/v1/x").await.unwrap_err();
    assert!(error.to_string().ends_with("answers nonsense for /v1/x"), "{error}");
    // Neither passes with time.
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn blob__should_have_the_digest_of_its_name() {
    let (script, client) =
        Script::serve(&[(200, b"one"), (200, b"two"), (200, b""), (404, b""), (201, STORED)], quick()).await;
    let digest = sha256(b"one");
    assert_eq!(client.blob(&digest, 3).await.unwrap().as_deref(), Some(b"one".as_slice()));
    assert!(matches!(client.blob(&digest, 3).await, Err(ClientError::Damaged { .. })));
    assert!(client.has_blob(&digest).await.unwrap() && !client.has_blob(&digest).await.unwrap());
    client.put_blob(&digest, b"one").await.unwrap();
    let verbs: Vec<_> = script.asked().iter().map(|asked| asked.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(verbs, ["GET", "GET", "HEAD", "HEAD", "PUT"]);
}

#[tokio::test]
async fn pages__should_follow_the_cursor_to_the_end() {
    let first = br#"{"items":[],"next":"abc"}"#;
    let (script, client) = Script::serve(&[(200, first), (200, br#"{"items":[]}"#)], quick()).await;
    assert_eq!(client.lots(BatchId(3)).await.unwrap(), []);
    assert_eq!(script.asked()[1], "GET /v1/batches/3/lots?limit=200&cursor=abc");
}

#[test]
fn new__should_refuse_what_is_no_web_address() {
    for url in ["", "localhost:8080", "ftp://a.b", "/v1"] {
        assert!(matches!(Client::new(url, Options::default()), Err(ClientError::Url)), "{url}");
    }
}

#[tokio::test]
async fn lots__should_give_up_on_a_gateway_whose_pages_do_not_end() {
    // Given a gateway that names the same next page again and again
    let page: (u16, &[u8]) = (200, br#"{"items":[],"next":"x"}"#);
    let (script, client) = Script::serve(&vec![page; 2_000], quick()).await;

    // When all lots of a batch are asked for
    let lots = client.lots(BatchId(0)).await;

    // Then the second time is enough
    assert!(lots.is_err());
    assert!(script.asked().len() < 2_000, "{} pages were read", script.asked().len());
}
