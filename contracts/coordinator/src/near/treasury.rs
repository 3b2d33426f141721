//! Where fees go.

use super::{args, call, methods};

methods! {
    /// Names the treasury's account. Owner, one yoctoNEAR.
    treasury_set(account_id(optional)) => call(|engine| engine.treasury_set(account_id));
}
