//! What a running agent leaves in its state directory for `status`.

use serde::{Deserialize, Serialize};

use crate::core::{Problem, challenge::Report};

/// The agent's own view of things, as of its last look at the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFile {
    /// Chain time of that look, Unix seconds.
    pub at: u32,
    /// Height of that look.
    pub height: u64,
    /// Why it takes no more work.
    pub no_work: Vec<String>,
    /// The last failures, oldest first.
    pub problems: Vec<Problem>,
    /// What it challenged and what not.
    #[serde(default)]
    pub challenges: Report,
}
