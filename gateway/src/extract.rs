//! Extractors whose rejections are problems: path segments, queries without unknown names, and pages.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use crate::{
    cursor::Keyset,
    problem::{Code, Problem},
};

/// Path segments.
#[derive(Clone, Copy, Debug)]
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        refuse_nul(parts.uri.path())?;
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

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        refuse_unknown(parts, &T::into_params(in_query))?;
        query(parts).map(Self)
    }
}

/// Query parameters of a list: what chooses its rows, and which page of them.
#[derive(Debug)]
pub struct Listed<T>(pub T, pub Paging);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams + Send> FromRequestParts<S> for Listed<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        refuse_unknown(parts, &[T::into_params(in_query), Paging::into_params(in_query)].concat())?;
        Ok(Self(query(parts)?, query(parts)?))
    }
}

/// Query parameters of a list whose rows nothing else chooses.
#[derive(Debug, Deserialize, IntoParams)]
pub struct All {}

fn in_query() -> Option<ParameterIn> {
    Some(ParameterIn::Query)
}

fn refuse_unknown(parts: &Parts, known: &[Parameter]) -> Result<(), Problem> {
    let query = parts.uri.query().unwrap_or_default();
    refuse_nul(query)?;
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    for name in names.filter(|name| !name.is_empty() && *name != MIN_HEIGHT) {
        if !known.iter().any(|parameter| parameter.name == name) {
            return Err(Problem::bad_request(format!("there is no parameter `{name}` here")));
        }
    }
    Ok(())
}

/// Refuses what no text of Postgres holds.
fn refuse_nul(encoded: &str) -> Result<(), Problem> {
    if encoded.contains("%00") {
        Err(Problem::bad_request("there is a NUL character in the URL".to_owned()))
    } else {
        Ok(())
    }
}

fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Problem> {
    match Query::<T>::try_from_uri(&parts.uri) {
        Ok(Query(value)) => Ok(value),
        Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
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

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// Rows, 1..=200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

impl Paging {
    /// This page of the list that has this name, with its order, and these filters.
    ///
    /// # Errors
    /// The limit is out of range.
    pub fn of<F>(self, sort: &'static str, filter: F) -> Result<Keyset<F>, Problem> {
        Ok(Keyset { sort, filter, cursor: self.cursor, limit: page_limit(self.limit, LIMIT_MAX)? })
    }
}

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
