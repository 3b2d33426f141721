//! Time-outs, for anyone.

use near_sdk::near;
use piecework_interface::op::Target;

use super::{Coordinator, CoordinatorExt, call};

#[near]
impl Coordinator {
    /// Does whatever is due on the targets; fails if nothing is.
    pub fn poke(#[serializer(borsh)] targets: Vec<Target>) {
        call(|engine| engine.poke(&targets));
    }
}
