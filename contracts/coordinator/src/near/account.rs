//! NEP-145 storage deposits.

use super::{args, call, methods, pay, reply};

methods! {
    /// Registers an account or adds to its deposit. What is too much comes back.
    storage_deposit => {
        let args = args::read();
        let registration_only = args.registration_only.unwrap_or_default();
        let (balance, payout) = call(|engine| engine.storage_deposit(args.account_id, registration_only));
        pay(payout);
        reply(&balance);
    };

    /// Takes out deposit that locks no bytes. One yoctoNEAR.
    storage_withdraw => {
        let args = args::read();
        let (balance, payout) = call(|engine| engine.storage_withdraw(args.amount));
        pay(Some(payout));
        reply(&balance);
    };

    /// Closes the caller's account, if nothing of it is left; `force` changes nothing. One yoctoNEAR.
    storage_unregister => {
        let payout = call(|engine| engine.storage_unregister());
        let closed = payout.is_some();
        pay(payout);
        reply(&closed);
    };
}
