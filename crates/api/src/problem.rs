//! What errors look like.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The body of an error: RFC 9457 problem details, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Path of the page about this kind of problem.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schema(example = "/problems/not-found"))]
    pub kind: String,
    /// What kind of problem it is.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub title: Cow<'static, str>,
    /// HTTP status.
    #[cfg_attr(feature = "schema", schema(example = 404))]
    pub status: u16,
    /// Stable name of the kind.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "not-found"))]
    pub code: Cow<'static, str>,
    /// This occurrence.
    pub detail: String,
    /// What the caller can do.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub fix: Cow<'static, str>,
}

/// A kind of problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProblemKind {
    /// Stable name.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "not-found"))]
    pub code: Cow<'static, str>,
    /// HTTP status it comes with.
    pub status: u16,
    /// What it is.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub title: Cow<'static, str>,
    /// What the caller can do.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub fix: Cow<'static, str>,
}
