//! The limit on what one client may ask, as at public providers.

use std::time::{Duration, Instant};

use piecework_localnet::{Config, rate_limit::RateLimit};
use serde_json::json;

use crate::rpc::setup::*;

/// More requests than any bucket of these tests holds.
const MANY: usize = 1_000;

/// Asks until the limit is reached.
async fn exhaust(setup: &Setup) -> reqwest::Response {
    for _ in 0..MANY {
        let response = ask(setup, "gas_price").await;
        if response.status() == 429 {
            return response;
        }
        assert_eq!(response.status(), 200);
    }
    panic!("{MANY} requests passed");
}

async fn ask(setup: &Setup, method: &str) -> reqwest::Response {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [null] });
    reqwest::Client::new().post(setup.localnet.rpc_url()).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn client_above_its_rate__should_be_refused_and_pass_after_the_wait() {
    // Given a bucket of three requests
    let rate_limit = Some(RateLimit { per_second: 1, burst: 3 });
    let setup = Setup::with(Config { rate_limit, ..Config::ephemeral() }).await;

    // When a client asks more than that
    let refused = exhaust(&setup).await;

    // Then it is asked to wait for the next token, which is a second away
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.text().await.unwrap().contains("Too many requests"));
    // And passes then
    let end = Instant::now() + Duration::from_secs(30);
    while ask(&setup, "gas_price").await.status() == 429 {
        assert!(Instant::now() < end, "the limit does not let go");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn rate_limit__should_spare_the_sandbox_the_explorer_and_streams() {
    // Given a client without tokens for a long time
    let rate_limit = Some(RateLimit { per_second: 1, burst: 1 });
    let setup = Setup::with(Config { rate_limit, ..Config::ephemeral() }).await;
    let url = setup.localnet.rpc_url();
    exhaust(&setup).await;

    // Then what no public provider has answers as ever
    for _ in 0..20 {
        assert_eq!(ask(&setup, "sandbox_faults").await.status(), 200);
        for page in ["/explorer", "/explorer/api/blocks", "/v0/last_block/final"] {
            assert_eq!(reqwest::get(format!("{url}{page}")).await.unwrap().status(), 200, "{page}");
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "status", "params": [] });
        let explorer = reqwest::Client::new().post(format!("{url}/explorer/rpc")).json(&body).send().await.unwrap();
        assert_eq!(explorer.status(), 200);
    }
    // And everything else is counted, GET and what does not parse as well
    let mut refused = false;
    for _ in 0..MANY {
        refused = refused || reqwest::get(format!("{url}/status")).await.unwrap().status() == 429;
    }
    assert!(refused);
    exhaust(&setup).await;
    let mut refused = false;
    for _ in 0..MANY {
        refused = refused || reqwest::Client::new().post(&url).body("{").send().await.unwrap().status() == 429;
    }
    assert!(refused);
}
