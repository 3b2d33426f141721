//! The hot path.

use super::{args, call, methods};

methods! {
    /// Does a list of ops, each failing softly. Borsh `Vec<Op>`.
    work => {
        let ops = args::read_borsh();
        call(|engine| engine.work(ops));
    };
}
