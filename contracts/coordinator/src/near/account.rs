//! NEP-145 storage deposits.

use super::{args, call, methods, pay, reply};

methods! {
    /// Registers an account or adds to its deposit. What is too much comes back.
    storage_deposit(account_id(optional), registration_only(optional)) => {
        let registration_only = registration_only.unwrap_or_default();
        let (balance, payout) = call(|engine| engine.storage_deposit(account_id, registration_only));
        pay(payout);
        reply(&balance);
    };

    /// Takes out deposit that locks no bytes. One yoctoNEAR.
    storage_withdraw(amount(optional)) => {
        let (balance, payout) = call(|engine| engine.storage_withdraw(amount));
        pay(payout);
        reply(&balance);
    };

    /// Closes the caller's account, if nothing of it is left; `force` changes nothing. One yoctoNEAR.
    storage_unregister(force(optional)) => {
        let _ = force;
        let payout = call(|engine| engine.storage_unregister());
        let closed = payout.is_some();
        pay(payout);
        reply(&closed);
    };
}
