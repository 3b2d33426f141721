//! Why a call fails. Every text begins with a stable code and says what to do.

use piecework_compact::json::ReadError;
use piecework_interface::{
    ids::{BatchId, TokenId},
    terms::TermsError,
};

/// A refused call. Nothing was changed. It is `Copy`, because code that may have to drop an error is a tenth larger, and
/// short, because every `?` moves one: what is long stands elsewhere and is never freed, as a call has one error at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Second `new`.
    #[error("ERR_INITIALISED: the contract is initialised already")]
    Initialised,
    /// A call before `new`.
    #[error("ERR_NOT_INITIALISED: call `new` first")]
    NotInitialised,
    /// Arguments that cannot be read.
    #[error("ERR_INPUT: {0}")]
    Input(&'static str),
    /// Arguments that are no JSON object.
    #[error("ERR_INPUT: the arguments are no JSON object")]
    Json,
    /// An argument, or a field of one.
    #[error("ERR_INPUT: the argument `{0}` is missing, malformed or out of range")]
    Argument(&'static str),
    /// An argument that the method lacks, or a field that its object lacks.
    #[error("ERR_INPUT: there is no argument `{0}`: see the method's arguments")]
    Unknown(&'static str),
    /// An argument given twice.
    #[error("ERR_INPUT: the argument `{0}` is given twice")]
    Repeated(&'static str),
    /// Wrong deposit.
    #[error("ERR_DEPOSIT: attach {0}")]
    Deposit(&'static str),
    /// The caller may not do this.
    #[error("ERR_CALLER: only {0} may call this")]
    Caller(&'static str),
    /// The account has no storage deposit.
    #[error("ERR_ACCOUNT: {0} is not registered: call storage_deposit first")]
    Account(&'static str),
    /// The storage deposit is too small.
    #[error("ERR_STORAGE: {missing} yoctoNEAR of storage deposit are missing: call storage_deposit")]
    Storage {
        /// What to add, yoctoNEAR.
        missing: &'static u128,
    },
    /// The account still has something here.
    #[error("ERR_ACCOUNT_IN_USE: the account still has {0}: withdraw or close it first")]
    InUse(&'static str),
    /// Unknown or unsuitable token.
    #[error("ERR_TOKEN: token {0} is not listed for this: see the view `tokens`")]
    Token(TokenId),
    /// A token contract that is not listed.
    #[error("ERR_TOKEN: the caller is not a listed token: see the view `tokens`")]
    TokenAccount,
    /// Listed twice.
    #[error("ERR_TOKEN_LISTED: the token is listed already")]
    TokenListed,
    /// The balance is too small.
    #[error("ERR_BALANCE: {0}: deposit or attach them")]
    Balance(&'static Shortage),
    /// Amount 0, or too large.
    #[error("ERR_AMOUNT: {0}")]
    Amount(&'static str),
    /// The account has no node.
    #[error("ERR_NODE: the account has no node: call node_register first")]
    NoNode,
    /// Unsuitable classes.
    #[error("ERR_CLASSES: {0}")]
    Classes(&'static str),
    /// The stake would be too small.
    #[error("ERR_STAKE: {0}")]
    Stake(&'static str),
    /// The node is in another state.
    #[error("ERR_STATUS: {0}")]
    Status(&'static str),
    /// Refused terms; the text has its own code.
    #[error("{0}")]
    Terms(&'static TermsError),
    /// A batch that cannot be made.
    #[error("ERR_BATCH: {0}")]
    Batch(&'static str),
    /// No such batch, or not in the state that the call needs.
    #[error("ERR_BATCH_STATE: batch {0} {1}")]
    BatchState(BatchId, &'static str),
    /// A lot that is not in the state that the call needs, or items that do not fit.
    #[error("ERR_LOT: {0}")]
    Lot(&'static str),
    /// A poke or a call without effect.
    #[error("ERR_NOTHING_DUE: {0}")]
    NothingDue(&'static str),
    /// Intents of which none is genuine.
    #[error("ERR_INTENTS: no intent was executed; the first was skipped with code {0}: see the journal's skip codes")]
    Intents(u8),
    /// A stored record that cannot be read, or arithmetic that cannot be right.
    #[error("ERR_INTERNAL: {0}: report this")]
    Internal(&'static str),
}

impl From<TermsError> for Error {
    fn from(error: TermsError) -> Self {
        Self::Terms(kept(error))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Malformed => Self::Json,
            ReadError::Field(name) => Self::Argument(name),
            ReadError::Unknown(name) => Self::Unknown(name.leak()),
            ReadError::Repeated(name) => Self::Repeated(name),
        }
    }
}

/// A balance that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the balance of token {token} is {balance}, {needed} are needed")]
pub struct Shortage {
    /// Token.
    pub token: TokenId,
    /// What is there.
    pub balance: u128,
    /// What is needed.
    pub needed: u128,
}

/// Keeps a part of an error for as long as the call runs.
pub(super) fn kept<T>(part: T) -> &'static T {
    Box::leak(Box::new(part))
}
