//! The whole HTTP surface.

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::get,
};
use tower_http::{compression::CompressionLayer, limit::RequestBodyLimitLayer};
use utoipa::{OpenApi, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    endpoints::{accounts, batches, blobs, events, health, lots, metrics, network, nodes, page, problems, results, stream, tokens},
    indexed::indexed,
    middleware::{Limits, around},
    problem::ProblemBody,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Piecework gateway", description = include_str!("../API.md")),
    components(schemas(ProblemBody)),
    tags(
        (name = "network", description = "The market as a whole"),
        (name = "batches", description = "Work that requesters fund"),
        (name = "lots", description = "The units of claim, commit, reveal and settlement"),
        (name = "nodes", description = "Accounts with stake that do the work"),
        (name = "accounts", description = "Internal balances"),
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
        .routes(routes!(lots::list::lots_list))
        .routes(routes!(lots::get::lots_get))
        .routes(routes!(lots::states::lots_states))
        .routes(routes!(results::results_list))
        .routes(routes!(nodes::list::nodes_list))
        .routes(routes!(nodes::get::nodes_get))
        .routes(routes!(nodes::slots::nodes_slots))
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
fn pages(document: openapi::OpenApi) -> Router<App> {
    Router::new()
        .route("/", get(page::page))
        .route("/assets/{name}", get(page::asset))
        .route("/openapi.json", get(async move || Json(document.clone())))
        .layer(CompressionLayer::new())
}

/// The API's document, OpenAPI 3.1.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let routes = mirror().merge(streams()).merge(blob_routes()).merge(probes());
    OpenApiRouter::with_openapi(Document::openapi()).merge(routes).into_openapi()
}

/// The service.
pub fn router(app: App) -> Router {
    let limits = Limits::new(app.config.requests_max);
    let (request_timeout, upload_timeout) = (app.config.request_timeout(), app.config.upload_timeout());
    let mirror = Router::from(mirror())
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(app.clone(), indexed))
        .layer(RequestBodyLimitLayer::new(0));
    // The store counts the bytes as they come.
    let blobs = Router::from(blob_routes()).layer(DefaultBodyLimit::disable());
    let router = Router::new()
        .merge(limits.guard(mirror, request_timeout))
        .merge(limits.guard(blobs, upload_timeout))
        .merge(Router::from(streams()))
        .merge(Router::from(probes()))
        .merge(pages(document()));
    around(router.with_state(app))
}
