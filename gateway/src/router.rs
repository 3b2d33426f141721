//! The whole HTTP surface.

use axum::{Router, extract::DefaultBodyLimit, http::header, middleware::from_fn_with_state, routing::get};
use bytes::Bytes;
use tower_http::{compression::CompressionLayer, limit::RequestBodyLimitLayer};
use utoipa::{OpenApi, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    endpoints::{
        accounts, batches, blobs, classes, events, gold, health, lots, metrics, network, nodes, page, problems,
        results, stream, tokens, transactions,
    },
    indexed::indexed,
    middleware::{Limits, around},
    transaction::BODY_MAX,
};

/// Documents of gold that are received at once.
const DOCUMENTS_AT_ONCE: usize = 16;

#[derive(OpenApi)]
#[openapi(
    info(title = "Piecework gateway", description = include_str!("../API.md")),
    components(schemas(piecework_api::Problem)),
    tags(
        (name = "network", description = "The market as a whole"),
        (name = "batches", description = "Work that requesters fund"),
        (name = "gold", description = "Answers that requesters fixed before work, opened after it"),
        (name = "lots", description = "The units of claim, commit, reveal and settlement"),
        (name = "classes", description = "Kinds of work that nodes declare"),
        (name = "nodes", description = "Accounts with stake that do the work"),
        (name = "accounts", description = "Internal balances"),
        (name = "transactions", description = "Transactions that a wallet signs: receiver, calls, gas, deposit, and what they do in a sentence"),
        (name = "journal", description = "The contract's hash-chained event log, as pages and as a stream"),
        (name = "blobs", description = "Payloads and manifests by their SHA-256"),
        (name = "health", description = "For probes and operators")
    )
)]
struct Document;

/// Answers from the mirror.
fn mirror() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(network::network))
        .routes(routes!(batches::list::batches_list))
        .routes(routes!(batches::get::batches_get))
        .routes(routes!(batches::segments::batches_segments))
        .routes(routes!(lots::list::lots_list))
        .routes(routes!(lots::get::lots_get))
        .routes(routes!(lots::states::lots_states))
        .routes(routes!(results::results_list))
        .routes(routes!(gold::get::gold_get))
        .routes(routes!(classes::list::classes_list))
        .routes(routes!(classes::get::classes_get))
        .routes(routes!(nodes::list::nodes_list))
        .routes(routes!(nodes::get::nodes_get))
        .routes(routes!(nodes::slots::nodes_slots))
        .routes(routes!(nodes::stakes::stakes_list))
        .routes(routes!(accounts::list::accounts_list))
        .routes(routes!(accounts::get::accounts_get))
        .routes(routes!(accounts::ledger::accounts_ledger))
        .routes(routes!(tokens::tokens_list))
        .routes(routes!(events::events_list))
}

/// The journal as it grows: no time limit, no compression, places of its own.
fn streams() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream::stream))
}

/// Payloads and manifests.
fn blob_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(blobs::get::blobs_get, blobs::put::blobs_put))
}

/// Openings of gold.
fn gold_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(gold::post::gold_post))
}

/// Transactions for wallets to sign.
fn transaction_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(transactions::batch_append::transactions_batch_append))
        .routes(routes!(transactions::batch_cancel::transactions_batch_cancel))
        .routes(routes!(transactions::batch_create::transactions_batch_create))
        .routes(routes!(transactions::batch_extend_expiry::transactions_batch_extend_expiry))
        .routes(routes!(transactions::batch_forget::transactions_batch_forget))
        .routes(routes!(transactions::batch_skip_lots::transactions_batch_skip_lots))
        .routes(routes!(transactions::challenge::transactions_challenge))
        .routes(routes!(transactions::deposit::transactions_deposit))
        .routes(routes!(transactions::intent_key_add::transactions_intent_key_add))
        .routes(routes!(transactions::intent_key_remove::transactions_intent_key_remove))
        .routes(routes!(transactions::storage_deposit::transactions_storage_deposit))
        .routes(routes!(transactions::storage_withdraw::transactions_storage_withdraw))
        .routes(routes!(transactions::withdraw::transactions_withdraw))
}

/// For probes and operators: outside every limit, so that they answer under load.
fn probes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::livez::livez))
        .routes(routes!(health::readyz::readyz))
        .routes(routes!(health::status::status))
        .routes(routes!(metrics::metrics))
        .routes(routes!(problems::problems_list))
        .routes(routes!(problems::problems_get))
}

/// The page and the document of the API.
///
/// The document is bytes, because a handler's state is cloned for each request.
fn pages(document: &openapi::OpenApi) -> Router<App> {
    let document = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let json = [(header::CONTENT_TYPE, "application/json")];
    Router::new()
        .route("/", get(page::page))
        .route("/assets/{name}", get(page::asset))
        .route("/openapi.json", get(async move || (json, document)))
        .layer(CompressionLayer::new())
}

/// The API's document, OpenAPI 3.1.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let routes = mirror().merge(streams()).merge(blob_routes()).merge(gold_routes());
    let routes = routes.merge(transaction_routes()).merge(probes());
    OpenApiRouter::with_openapi(Document::openapi()).merge(routes).into_openapi()
}

/// The service.
pub fn router(app: App) -> Router {
    // Reads and uploads have places apart: an upload that never ends takes no reader's place.
    let (reads, uploads) = (Limits::new(app.config.requests_max), Limits::new(app.config.requests_max));
    let (request_timeout, upload_timeout) = (app.config.request_timeout(), app.config.upload_timeout());
    let mirror = Router::from(mirror())
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(app.clone(), indexed))
        .layer(RequestBodyLimitLayer::new(0));
    let transactions = Router::from(transaction_routes())
        .layer(from_fn_with_state(app.clone(), indexed))
        .layer(DefaultBodyLimit::max(BODY_MAX));
    // A document is checked in memory, and each takes as long as a thousand hashes: few at once.
    let documents = Limits::new(app.config.requests_max.min(DOCUMENTS_AT_ONCE));
    let gold = Router::from(gold_routes()).layer(DefaultBodyLimit::disable());
    // The store counts the bytes as they come.
    let blobs = Router::from(blob_routes()).layer(DefaultBodyLimit::disable());
    let router = Router::new()
        .merge(reads.guard(mirror, request_timeout))
        .merge(reads.guard(transactions, request_timeout))
        .merge(uploads.guard(blobs, upload_timeout))
        .merge(documents.guard(gold, upload_timeout))
        .merge(Router::from(streams()))
        .merge(Router::from(probes()))
        .merge(pages(&document()));
    around(router.with_state(app))
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use tokio::io::AsyncWriteExt as _;

    use super::document;
    use crate::testing::{Gateway, Market, problem};

    #[test]
    fn document__should_not_change_unnoticed() {
        insta::assert_json_snapshot!("openapi", document());
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn router__should_answer_problems_for_unknown_paths_and_wrong_methods(pool: PgPool) {
        // Given a gateway
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When paths and methods are wrong
        let path = gateway.problem("/v2/batches").await;
        let method = gateway.http.post(format!("{}/v1/batches", gateway.url)).send().await.unwrap();
        let allow = method.headers()["allow"].clone();

        // Then the answers are problems, and keep what HTTP asks for
        assert_eq!(path, (404, "no-route".to_owned()));
        assert_eq!(allow, "GET,HEAD");
        assert_eq!(problem(method).await, (405, "method-not-allowed".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn router__should_answer_503_when_the_database_goes_away(pool: PgPool) {
        // Given a gateway that has read its mirror
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When its connections are gone
        gateway.app.reader.close().await;
        let response = gateway.get("/v1/batches/0").await;

        // Then the caller is told to come back, and nothing else
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(problem(response).await, (503, "database-unavailable".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn router__should_allow_other_origins_and_show_them_the_headers(pool: PgPool) {
        // Given a gateway
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When a page of another origin asks
        let request = gateway.http.get(format!("{}/v1/network", gateway.url)).header("origin", "https://dapp.example");
        let response = request.send().await.unwrap();

        // Then it may read the answer and how far the mirror is
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
        assert!(exposed.contains("x-indexed-height") && exposed.contains("etag"), "{exposed}");
        assert!(response.headers().contains_key("x-request-id"));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn router__should_answer_reads_while_uploads_hold_every_place(pool: PgPool) {
        // Given a gateway with one place, which an upload takes that never ends
        Market::with_work(&pool).await;
        let gateway = Gateway::start_with(&pool, &["--requests-max", "1"]).await;
        let address = gateway.url.trim_start_matches("http://").to_owned();
        let mut upload = tokio::net::TcpStream::connect(&address).await.unwrap();
        let head = format!("PUT /v1/blobs/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx", "0".repeat(64));
        upload.write_all(head.as_bytes()).await.unwrap();
        let is_taken = async || gateway.get(&format!("/v1/blobs/{}", "1".repeat(64))).await.status() == 503;
        while !is_taken().await {}

        // Then reads are answered
        assert_eq!(gateway.get("/v1/network").await.status(), 200);
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn connections__should_cost_little_before_they_ask(pool: PgPool) {
        // Given a gateway that had connections before, and the bytes this process holds
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;
        let held = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
        };
        let address = gateway.url.trim_start_matches("http://").to_owned();
        let mut silent = Vec::new();
        let connect = async |silent: &mut Vec<_>, count| {
            for _ in 0..count {
                silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
            }
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        };
        // What a process takes once, for its pools and its allocator's arenas, is no connection's.
        connect(&mut silent, 100).await;
        let before = held();

        // When a stranger opens three hundred more and says nothing
        connect(&mut silent, 300).await;

        // Then each costs less than 40 KiB
        let each = held().saturating_sub(before) / 300;
        assert!(each < 40 << 10, "{each} bytes for each silent connection");
    }
}
