//! The hot path.

use piecework_interface::op::Work;

use super::{args, call_as, methods};

methods! {
    /// Does a list of ops, each failing softly. Borsh [`Work`].
    work => {
        let Work { ops, account } = args::read_borsh();
        call_as(account, |engine| engine.work(ops));
    };
}
