//! The hot path.

use near_sdk::near;
use piecework_interface::op::Op;

use super::{Coordinator, CoordinatorExt, call};

#[near]
impl Coordinator {
    /// Does a list of ops, each failing softly.
    pub fn work(#[serializer(borsh)] ops: Vec<Op>) {
        call(|engine| engine.work(ops));
    }
}
