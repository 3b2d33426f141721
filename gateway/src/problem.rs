//! Every error the gateway answers: RFC 9457 problem details with a stable code. The cause stays in the log.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use piecework_store::StoreError;
use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response as ResponseDoc, ResponseBuilder},
};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal, $fix:literal;)*) => {
        /// The kinds of errors. Codes and statuses are part of the API and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it stands in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What kind of problem it is, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the caller can do about it.
            #[must_use]
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)* }
            }
        }
    };
}

codes! {
    /// A parameter cannot be read.
    BadRequest = "bad-request", BAD_REQUEST, "A parameter is malformed",
        "Correct the parameter that `detail` names; /openapi.json lists what each accepts.";
    /// A cursor is damaged or belongs to another list.
    BadCursor = "bad-cursor", BAD_REQUEST, "The cursor does not belong to this list",
        "Use `next` of the same list with the same filters, or start again without a cursor.";
    /// No such route.
    NoRoute = "no-route", NOT_FOUND, "There is nothing at this path",
        "Compare the path with /openapi.json.";
    /// The named thing does not exist.
    NotFound = "not-found", NOT_FOUND, "It does not exist",
        "Check the id; something just written may not be indexed yet: pass min_height with the block of your transaction.";
    /// The method is not allowed here.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here",
        "Use a method of the Allow header.";
    /// The asked height is not indexed yet.
    NotIndexed = "not-indexed", CONFLICT, "The block is not indexed yet",
        "Try again after Retry-After seconds.";
    /// The body took too long to arrive.
    SlowBody = "slow-body", REQUEST_TIMEOUT, "The body did not arrive in time",
        "Send it again over a faster connection, or in smaller blobs.";
    /// The body is too large.
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "Send at most the number of bytes that `detail` names.";
    /// The media type is not accepted.
    MediaType = "media-type", UNSUPPORTED_MEDIA_TYPE, "The media type is not accepted",
        "Send the raw bytes, as application/octet-stream or the payload's own type.";
    /// The asked range of bytes does not exist.
    Range = "range", RANGE_NOT_SATISFIABLE, "The range lies outside the blob",
        "Ask for bytes inside the length that Content-Range names.";
    /// The bytes do not have the digest they were sent under.
    DigestMismatch = "digest-mismatch", UNPROCESSABLE_ENTITY, "The bytes have another digest",
        "Compute the SHA-256 of exactly the bytes sent and use it as the path.";
    /// Openings of gold are not proven.
    GoldUnproven = "gold-unproven", UNPROCESSABLE_ENTITY, "The openings do not show gold of the batch",
        "Open the batch's gold with `piecework batch open-gold`; nothing of this document was stored.";
    /// Gold is opened while nodes still answer.
    GoldEarly = "gold-early", CONFLICT, "A lot still takes answers",
        "Open these items when their lot is provisional or settled; nothing of this document was stored.";
    /// The contract would refuse the transaction.
    Impossible = "impossible", UNPROCESSABLE_ENTITY, "The contract would refuse this transaction",
        "Change what `detail` names; nothing was sent or stored.";
    /// The request can not be answered for another reason that the caller caused.
    Refused = "refused", BAD_REQUEST, "The request was refused",
        "Compare the request with /openapi.json.";
    /// A bug.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong in the gateway",
        "Report it with the request id.";
    /// Too many requests at once.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The gateway is at its limit",
        "Try again after Retry-After seconds.";
    /// The database does not answer.
    Database = "database-unavailable", SERVICE_UNAVAILABLE, "The database does not answer",
        "Try again after Retry-After seconds; operators: check DATABASE_URL and the server.";
    /// Not ready to serve.
    NotReady = "not-ready", SERVICE_UNAVAILABLE, "The gateway is not ready",
        "Use another gateway, or try again after Retry-After seconds; `detail` says what is missing.";
    /// The answer took too long.
    Timeout = "timeout", GATEWAY_TIMEOUT, "The answer took too long",
        "Ask for less at once, or try again later.";
    /// The disk is full.
    DiskFull = "disk-full", INSUFFICIENT_STORAGE, "The gateway's disk is full",
        "Use another gateway; operators: free space under the blob directory.";
}

/// One error, as an answer.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Kind.
    pub code: Code,
    /// This occurrence, in a sentence that names the value at fault.
    pub detail: String,
    /// Seconds after which another try makes sense.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem with its occurrence.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = match code {
            Code::NotIndexed | Code::Overloaded => Some(1),
            Code::Database | Code::NotReady => Some(2),
            _ => None,
        };
        Self { code, detail: detail.into(), retry_after_s }
    }

    /// The thing with this id does not exist.
    #[must_use]
    pub fn not_found(what: &str, id: impl core::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} {id}"))
    }

    /// A parameter cannot be used.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// A bug or a broken machine: the cause is logged, the caller learns only that it happened.
    #[must_use]
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(cause), "request failed");
        Self::new(Code::Internal, "the cause is in the gateway's log under the request id")
    }

    /// The problem that a bare status stands for: answers that come from libraries get a body of ours.
    #[must_use]
    pub fn of_status(status: StatusCode, detail: String) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NoRoute,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Code::SlowBody,
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::MediaType,
            StatusCode::RANGE_NOT_SATISFIABLE => Code::Range,
            status if status.is_client_error() => Code::Refused,
            _ => Code::Internal,
        };
        Self::new(code, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = piecework_api::Problem {
            kind: format!("/problems/{}", self.code.as_str()),
            title: self.code.title().into(),
            status: status.as_u16(),
            code: self.code.as_str().into(),
            detail: self.detail,
            fix: self.code.fix().into(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(HeaderName::from_static("x-problem-code"), HeaderValue::from_static(self.code.as_str()));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(error = %Chain(&error), "the database does not answer");
            return Self::new(Code::Database, "the mirror cannot be read at the moment");
        }
        match &error {
            StoreError::Schema { .. } => Self::new(Code::NotReady, error.to_string()),
            _ => Self::internal(&error),
        }
    }
}

/// The problems of an endpoint, for its documentation.
#[must_use]
pub fn documented(codes: &[Code]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let mut by_status: BTreeMap<String, String> = BTreeMap::new();
    for code in codes {
        let text = by_status.entry(code.status().as_u16().to_string()).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&format!("`{}`: {}", code.as_str(), code.title()));
    }
    let schema = Ref::from_schema_name("Problem");
    let doc = |text| {
        ResponseBuilder::new()
            .description(text)
            .content(PROBLEM_JSON, ContentBuilder::new().schema(Some(schema.clone())).build())
            .build()
    };
    by_status.into_iter().map(|(status, text)| (status, RefOr::T(doc(text)))).collect()
}

/// What any answer from the mirror can fail with.
pub struct MirrorProblems;

impl IntoResponses for MirrorProblems {
    fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
        documented(MIRROR)
    }
}

/// What an answer about one thing can fail with.
pub struct EntityProblems;

impl IntoResponses for EntityProblems {
    fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
        documented(&[MIRROR, &[Code::NotFound]].concat())
    }
}

const MIRROR: &[Code] = &[
    Code::BadRequest,
    Code::BadCursor,
    Code::NotIndexed,
    Code::Internal,
    Code::Overloaded,
    Code::Database,
    Code::NotReady,
    Code::Timeout,
];

/// Media type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error with its sources, on one line.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl core::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
