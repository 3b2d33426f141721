//! Accounts: balances and how they came about.

pub mod get;
pub mod ledger;
pub mod list;
