//! NEP-145 storage deposits.

use near_sdk::near;
use piecework_interface::amount::Amount;

use super::{Coordinator, CoordinatorExt, call, pay};
use crate::engine::StorageBalance;

#[near]
impl Coordinator {
    /// Registers an account or adds to its deposit. What is too much comes back.
    pub fn storage_deposit(account_id: Option<String>, registration_only: Option<bool>) -> StorageBalance {
        let (balance, payout) =
            call(|engine| engine.storage_deposit(account_id, registration_only.unwrap_or_default()));
        pay(payout);
        balance
    }

    /// Takes out deposit that locks no bytes. One yoctoNEAR.
    pub fn storage_withdraw(amount: Option<Amount>) -> StorageBalance {
        let (balance, payout) = call(|engine| engine.storage_withdraw(amount));
        pay(Some(payout));
        balance
    }

    /// Closes the caller's account, if nothing of it is left. `force` changes nothing. One yoctoNEAR.
    pub fn storage_unregister(force: Option<bool>) -> bool {
        let _ = force;
        let payout = call(|engine| engine.storage_unregister());
        let closed = payout.is_some();
        pay(payout);
        closed
    }
}
