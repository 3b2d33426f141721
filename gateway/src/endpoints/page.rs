//! `GET /`: the page, embedded in the program.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::extract::Segments;
use crate::problem::{Code, Problem};

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
    Asset {
        name: "journal.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_str!("../../assets/journal.js"),
    },
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

#[cfg(test)]
mod tests {
    use crate::testing::Gateway;

    #[tokio::test]
    async fn page__should_load_only_what_the_gateway_serves() {
        // Given a gateway
        let gateway = Gateway::start_at("postgres://nobody@127.0.0.1:1/none", &[]).await;

        // When the page and what it names are loaded
        let page = gateway.get("/").await;
        assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let html = page.text().await.unwrap();
        let links = html.split('"').filter(|text| text.starts_with("/assets/"));

        // Then every part is there, and nothing comes from elsewhere
        let mut parts = 0;
        for link in links {
            assert_eq!(gateway.get(link).await.status(), 200, "{link}");
            parts += 1;
        }
        assert!(parts >= 3 && !html.contains("http://") && !html.contains("https://"));
        assert_eq!(gateway.problem("/assets/none.js").await, (404, "no-route".to_owned()));
    }
}
