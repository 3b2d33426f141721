//! Why an answer is not in hand.

use reqwest::StatusCode;

use crate::Problem;

/// Why an answer is not in hand. Texts have no fix: it depends on the program. The gateway's own is in
/// [`ClientError::Refused`].
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is malformed.
    #[error("the gateway's URL is malformed, or neither http nor https")]
    Url,
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// No answer, or a part of one.
    #[error("the gateway at {host} does not answer for {what}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// Why, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// A refusal.
    #[error("the gateway at {host} refuses {what}: {}", reason(*status, problem.as_deref()))]
    Refused {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: StatusCode,
        /// What the gateway says of it, if it is a Piecework gateway.
        problem: Option<Box<Problem>>,
    },
    /// An answer that cannot be read: another version's, or another program's.
    #[error("the gateway at {host} answers nonsense for {what}")]
    Nonsense {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// Pages of a list that do not come to an end.
    #[error("the gateway at {host} names page after page for {what}, without end")]
    Endless {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// More bytes than allowed.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A blob that is not what its name says.
    #[error("blob {digest} arrives damaged from the gateway at {host}")]
    Damaged {
        /// Host and port.
        host: String,
        /// Its name.
        digest: String,
    },
    /// A manifest without the root on chain.
    #[error("the manifest at {host} is not the batch's: it does not have the root {root} that is on chain")]
    Manifest {
        /// Host and port.
        host: String,
        /// The root on chain.
        root: String,
    },
}

impl ClientError {
    /// Whether another try may do: the gateway does not answer, is busy, or is behind the block asked for.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || matches!(*status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
            }
            _ => false,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }
}

fn reason(status: StatusCode, problem: Option<&Problem>) -> String {
    match problem {
        Some(Problem { title, detail, .. }) => format!("{}: {title}: {detail}", status.as_u16()),
        None => format!("{status}, without a reason"),
    }
}
