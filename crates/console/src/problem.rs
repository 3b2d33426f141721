//! An error that a person can act on: what is wrong, and what to do about it.

use std::fmt::{self, Display};

use piecework_api::client::{ClientError, StatusCode};
use piecework_chain::{TxError, ViewError};

/// What went wrong, with the fix beside it.
#[derive(Debug)]
pub struct Problem {
    what: String,
    fix: String,
}

impl Problem {
    /// A problem and its fix, each a sentence without a full stop.
    pub fn new(what: impl Display, fix: impl Display) -> Self {
        Self { what: what.to_string(), fix: fix.to_string() }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Problem {}

/// The fix of an error, if any cause in its chain has one.
#[must_use]
pub fn fix_of(error: &anyhow::Error) -> Option<String> {
    // A problem that is attached as context is seen by this downcast only, one that is a source by the chain only.
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return Some(problem.fix.clone());
    }
    error.chain().find_map(|cause| {
        if let Some(problem) = cause.downcast_ref::<Problem>() {
            return Some(problem.fix.clone());
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            return Some(fix_of_gateway(error).to_owned());
        }
        let code = match cause.downcast_ref::<TxError>() {
            Some(TxError::Failed { failure, .. }) if failure.text.contains("this is paused") => {
                return Some(
                    "see what is paused with `piecework govern show`; work at hand and withdrawals go on".to_owned(),
                );
            }
            Some(TxError::Failed { failure, .. }) => failure.code.clone(),
            _ => match cause.downcast_ref::<ViewError>() {
                Some(ViewError::Contract { text, .. }) if text.contains("MethodNotFound") => {
                    return Some("check --contract: the contract there is no Piecework coordinator".to_owned());
                }
                Some(ViewError::Contract { code, .. }) => code.clone(),
                Some(ViewError::UnknownAccount(_)) => {
                    return Some("check the account's spelling and --network".to_owned());
                }
                Some(ViewError::NoContract(_)) => {
                    return Some("check --contract and --network, or run `piecework contract deploy` first".to_owned());
                }
                Some(ViewError::Rpc(_)) => {
                    return Some("check --rpc-url and --network; `piecework up` starts a local network".to_owned());
                }
                _ => None,
            },
        };
        code.as_deref().and_then(fix_of_code).map(str::to_owned)
    })
}

/// What to do about a gateway.
fn fix_of_gateway(error: &ClientError) -> &str {
    match error {
        ClientError::Url => "write it as http://HOST:PORT",
        ClientError::Setup(_) => "check the machine's certificates",
        ClientError::Unreachable { .. } => "start it, or pass --gateway-url; then run the same command again",
        ClientError::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. } => {
            "use smaller payloads or fewer items a batch, or a gateway with a higher limit"
        }
        ClientError::Refused { problem, .. } => {
            problem.as_ref().map_or("see its /status page and its log", |problem| &problem.fix)
        }
        ClientError::Nonsense { .. } => "use a gateway and a program of one version",
        ClientError::TooLarge { .. } | ClientError::Damaged { .. } | ClientError::Endless { .. } => {
            "ask another gateway: --gateway-url URL"
        }
        ClientError::Manifest { .. } => "ask another gateway, or the requester, for the manifest",
    }
}

/// What to do about a contract's stable error code.
fn fix_of_code(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, fix)| *fix)
}

/// The codes whose fix is a command of this program. The contract's own text names the fix of all others.
const CODES: &[(&str, &str)] = &[
    ("ERR_ACCOUNT", "run `piecework account storage-deposit ACCOUNT`"),
    ("ERR_ACCOUNT_IN_USE", "see what is left with `piecework account show`"),
    ("ERR_BALANCE", "run `piecework account deposit AMOUNT`"),
    ("ERR_BATCH_STATE", "see the batches with `piecework batch list`"),
    ("ERR_CALLER", "sign with that account's key: --key-file FILE"),
    ("ERR_LOT", "see how it stands with `piecework batch lot BATCH LOT`"),
    ("ERR_NODE", "run `piecework node register --stake NEAR`"),
    ("ERR_NOT_INITIALISED", "run `piecework contract init`"),
    ("ERR_STAKE", "see stake, bonds and what is unbonding with `piecework node status`"),
    ("ERR_STORAGE", "run `piecework account storage-deposit --amount NEAR`"),
    ("ERR_TOKEN", "see the listed tokens with `piecework token show`"),
];
