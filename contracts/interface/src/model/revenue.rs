//! The running epoch, and what the one before pays.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, fields};
use serde::{Deserialize, Serialize};

use crate::model::{amount::Amount, ids::TokenId};

/// Tokens whose fees reach nodes: NEAR, which stands for the insurance's surplus, and the first four listed.
pub const REVENUE_TOKENS: u16 = 5;

/// What an ended epoch pays in one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Share {
    /// Token.
    pub token: TokenId,
    /// Amount per ticket.
    pub per_ticket: Amount,
    /// What is not collected yet.
    pub left: Amount,
}

fields!(Share as [borsh write] { token, per_ticket, left });
impl Element for Share {}

/// The running epoch, and what the one before pays.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Revenue {
    /// Number of the running epoch, from 0.
    pub epoch: u32,
    /// Unix time at which it began, seconds.
    pub started_at: u32,
    /// Tickets of the nodes that settled a lot in it.
    pub tickets: u64,
    /// What the epoch before pays, by token.
    pub shares: Vec<Share>,
}

fields!(Revenue as [borsh write] { epoch, started_at, tickets, shares });
