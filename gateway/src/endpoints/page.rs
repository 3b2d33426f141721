//! `GET /`: the page, embedded in the program.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};
use crate::extract::Segments;

struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static str,
}

const PAGE: Asset =
    Asset { name: "", media: "text/html; charset=utf-8", bytes: include_str!("../../assets/index.html") };
const ASSETS: &[Asset] = &[
    Asset { name: "app.js", media: "text/javascript; charset=utf-8", bytes: include_str!("../../assets/app.js") },
    Asset { name: "api.js", media: "text/javascript; charset=utf-8", bytes: include_str!("../../assets/api.js") },
    Asset { name: "views.js", media: "text/javascript; charset=utf-8", bytes: include_str!("../../assets/views.js") },
    Asset { name: "journal.js", media: "text/javascript; charset=utf-8", bytes: include_str!("../../assets/journal.js") },
    Asset { name: "style.css", media: "text/css; charset=utf-8", bytes: include_str!("../../assets/style.css") },
    Asset { name: "icon.svg", media: "image/svg+xml", bytes: include_str!("../../assets/icon.svg") },
];

/// The page loads nothing from elsewhere and runs no inline code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub async fn page(headers: HeaderMap) -> Response {
    serve(&PAGE, &headers)
}

/// A part of the page.
pub async fn asset(Segments(name): Segments<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.map(|asset| serve(asset, &headers)).ok_or_else(|| Problem::new(Code::NoRoute, "the page has no such part"))
}

fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(&Sha256::digest(asset.bytes)[..8]));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if known.contains(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.media)], asset.bytes).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
