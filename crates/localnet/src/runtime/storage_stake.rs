//! Storage staking: an account must hold NEAR for the bytes it occupies (nearcore `verifier.rs`).

use near_parameters::RuntimeConfig;
use near_primitives::{account::Account, types::Balance};

use super::RuntimeError;

/// Accounts up to this size may hold nothing (NEP-448).
const ZERO_BALANCE_ACCOUNT_BYTES: u64 = 770;

/// How much `account` lacks for its storage if its liquid balance is `balance`; `None` if it has enough.
pub fn lacking(config: &RuntimeConfig, account: &Account, balance: Balance) -> Result<Option<Balance>, RuntimeError> {
    let required = config
        .storage_amount_per_byte()
        .checked_mul(u128::from(account.storage_usage()))
        .ok_or(RuntimeError::Overflow)?;
    let available = balance.checked_add(account.locked()).ok_or(RuntimeError::Overflow)?;
    match required.checked_sub(available) {
        Some(amount) if amount > Balance::ZERO && account.storage_usage() > ZERO_BALANCE_ACCOUNT_BYTES => {
            Ok(Some(amount))
        }
        _ => Ok(None),
    }
}
