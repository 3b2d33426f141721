//! Epochs.

use super::{args, call, methods};

methods! {
    /// Names the treasury's account. Owner, one yoctoNEAR.
    treasury_set => {
        let account_id = args::read().account_id;
        call(|engine| engine.treasury_set(account_id));
    };

    /// Ends the epoch. Anybody.
    epoch_settle => call(|engine| engine.epoch_settle());

    /// Credits the calling node with its share of the epoch before. One yoctoNEAR.
    revenue_collect => call(|engine| engine.revenue_collect());
}
