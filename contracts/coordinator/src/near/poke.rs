//! Time-outs, for anyone.

use piecework_interface::op::Target;

use super::{args, call, methods};

methods! {
    /// Does whatever is due on the targets; fails if nothing is. Borsh `Vec<Target>`.
    poke => {
        let targets: Vec<Target> = args::read_borsh();
        call(|engine| engine.poke(&targets));
    };
}
