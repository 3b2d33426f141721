//! Where fees go.

use super::{args, call, methods};

methods! {
    /// Names the treasury's account. Owner, one yoctoNEAR.
    treasury_set => {
        let account_id = args::read().account_id;
        call(|engine| engine.treasury_set(account_id));
    };
}
