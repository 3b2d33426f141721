//! A step of a launch, as it is shown and as it is done.

use piecework_chain::TxRequest;
use serde::Serialize;

/// Gas of a transaction beside its calls, at most.
pub(super) const TRANSACTION_GAS: u64 = 1_000_000_000_000;

/// A step, and whether it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name, for `--until`.
    pub step: String,
    /// What it does.
    pub what: String,
    /// Whether it stands.
    #[serde(flatten)]
    pub state: State,
    /// Gas that it attaches, which it burns at most; 0 if it stands.
    pub gas: u64,
    /// yoctoNEAR that it locks, deposits or burns beside gas; 0 if it stands.
    #[serde(serialize_with = "as_text")]
    pub yoctonear: u128,
    /// What does it.
    #[serde(skip)]
    pub(super) act: Act,
}

/// Whether a step stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It does.
    Done,
    /// It is to be done.
    Missing,
    /// Something else stands, which this command does not change.
    Differs {
        /// What stands.
        found: String,
        /// Who changes it, and how.
        fix: String,
    },
    /// Another account has to do it.
    Waits {
        /// How.
        fix: String,
    },
}

/// What does a step.
#[derive(Clone, Debug)]
pub(super) enum Act {
    None,
    /// A transaction of the signing account's.
    Signer(TxRequest),
    /// One of the contract account's, by the same key.
    Contract(TxRequest),
    /// A deposit of one unit of the plan's token of this index, and its withdrawal.
    Test(usize),
}

impl Step {
    /// A step as it is shown, which does nothing.
    #[must_use]
    pub fn shown(name: &str, what: &str, state: State, gas: u64, yoctonear: u128) -> Self {
        Self { step: name.to_owned(), what: what.to_owned(), state, gas, yoctonear, act: Act::None }
    }

    pub(super) fn new(name: &str, what: String, more_gas: u64, yoctonear: u128, act: Act) -> Self {
        let gas = match &act {
            Act::Signer(request) | Act::Contract(request) => {
                request.gas().saturating_add(TRANSACTION_GAS).saturating_add(more_gas)
            }
            Act::None | Act::Test(_) => more_gas,
        };
        Self { step: name.to_owned(), what, state: State::Missing, gas, yoctonear, act }
    }

    pub(super) fn stands(self) -> Self {
        Self { state: State::Done, gas: 0, yoctonear: 0, act: Act::None, ..self }
    }

    pub(super) fn differs(self, found: String, fix: String) -> Self {
        Self { state: State::Differs { found, fix }, gas: 0, yoctonear: 0, act: Act::None, ..self }
    }
}

fn as_text<S: serde::Serializer>(yoctonear: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(yoctonear)
}
