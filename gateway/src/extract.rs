//! Extractors whose rejections are problems: path segments, queries without unknown names, and pages.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use piecework_api::Page;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{IntoParams, openapi::path::ParameterIn};

use crate::problem::{Code, Problem};

/// Path segments.
#[derive(Clone, Copy, Debug)]
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

/// Query parameters. A name the endpoint does not have is refused: a misspelt filter that is ignored would answer
/// with rows nobody asked for.
#[derive(Clone, Copy, Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) {
            let known = T::into_params(|| Some(ParameterIn::Query));
            let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
            for name in names.filter(|name| !name.is_empty() && *name != MIN_HEIGHT) {
                if !known.iter().any(|parameter| parameter.name == name) {
                    return Err(Problem::bad_request(format!("there is no parameter `{name}` here")));
                }
            }
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

/// The parameter that every answer from the mirror takes, read by [`crate::indexed`].
const MIN_HEIGHT: &str = "min_height";

/// Where an answer must have been indexed to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MinHeight {
    /// Wait until this block is indexed, at most 2 s: pass the block of your own transaction to read what it wrote.
    /// Later than that the answer is 409 `not-indexed`.
    pub min_height: Option<u64>,
}

/// Rows of a page when the caller does not say.
const LIMIT_DEFAULT: u32 = 50;
/// Rows of a page at most.
pub const LIMIT_MAX: u32 = 200;

/// Checks a page's `limit`.
///
/// # Errors
/// It is 0 or above `max`.
pub fn page_limit(limit: Option<u32>, max: u32) -> Result<u32, Problem> {
    match limit.unwrap_or(LIMIT_DEFAULT.min(max)) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        limit => Err(Problem::new(Code::BadRequest, format!("limit must be 1..={max}, not {limit}"))),
    }
}

/// Makes a page from `limit + 1` rows at most: the extra row only shows that there is a next page.
pub fn cut<T>(mut rows: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { items: rows, next }
}
