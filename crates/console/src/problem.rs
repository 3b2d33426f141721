//! An error that a person can act on: what is wrong, and what to do about it.

use std::{error::Error, fmt::Display};

use piecework_api::client::{ClientError, StatusCode};
use piecework_chain::{TxError, ViewError};

/// What went wrong, with the fix beside it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
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

/// The fix of an error, if any cause in its chain has one.
#[must_use]
pub fn fix_of(error: &anyhow::Error) -> Option<&str> {
    // A problem that is attached as context is seen by this downcast only, one that is a source by the chain only.
    let problem = error.downcast_ref().map(|problem: &Problem| problem.fix.as_str());
    problem.or_else(|| error.chain().find_map(fix_of_cause))
}

fn fix_of_cause<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a str> {
    if let Some(problem) = cause.downcast_ref::<Problem>() {
        Some(&problem.fix)
    } else if let Some(error) = cause.downcast_ref::<ClientError>() {
        Some(fix_of_gateway(error))
    } else if let Some(error) = cause.downcast_ref::<ViewError>() {
        fix_of_view(error)
    } else if let Some(TxError::Unknown { .. }) = cause.downcast_ref::<TxError>() {
        Some(
            "look with `piecework batch list`, `piecework account show` or an explorer before you run the command again",
        )
    } else if let Some(TxError::Failed { failure, .. }) = cause.downcast_ref::<TxError>() {
        let paused = "see what is paused with `piecework govern show`; work at hand and withdrawals go on";
        if failure.text.contains("this is paused") { Some(paused) } else { fix_of_code(failure.code.as_deref()) }
    } else {
        None
    }
}

/// What to do about a contract that cannot be read.
fn fix_of_view(error: &ViewError) -> Option<&'static str> {
    match error {
        ViewError::Contract { text, .. } if text.contains("MethodNotFound") => {
            Some("check --contract: the contract there is no Piecework coordinator")
        }
        ViewError::Contract { code, .. } => fix_of_code(code.as_deref()),
        ViewError::UnknownAccount(_) => Some("check the account's spelling and --network"),
        ViewError::NoContract(_) => Some("check --contract and --network, or run `piecework contract deploy` first"),
        ViewError::Rpc(_) => Some("check --rpc-url and --network; `piecework up` starts a local network"),
        _ => None,
    }
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
fn fix_of_code(code: Option<&str>) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| Some(*known) == code).map(|(_, fix)| *fix)
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
