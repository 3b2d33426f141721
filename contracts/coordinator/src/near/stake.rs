//! Nodes and their stake.

use near_sdk::near;
use piecework_interface::{
    amount::Amount,
    call::{NodeRegisterArgs, StakeRemoveArgs},
    ids::ClassId,
};

use super::{Coordinator, CoordinatorExt, call};

#[near]
impl Coordinator {
    /// Registers the caller as a node; the deposit is added to its stake.
    pub fn node_register(classes: Vec<ClassId>) {
        call(|engine| engine.node_register(NodeRegisterArgs { classes }));
    }

    /// Declares other classes. One yoctoNEAR.
    pub fn node_update(classes: Vec<ClassId>) {
        call(|engine| engine.node_update(NodeRegisterArgs { classes }));
    }

    /// Adds the deposit to the stake.
    pub fn stake_add() {
        call(|engine| engine.stake_add());
    }

    /// Moves free stake to the unbonding amount. One yoctoNEAR.
    pub fn stake_remove(amount: Option<Amount>) {
        call(|engine| engine.stake_remove(StakeRemoveArgs { amount }));
    }

    /// Credits what has unbonded to the NEAR balance. One yoctoNEAR.
    pub fn stake_claim() {
        call(|engine| engine.stake_claim());
    }

    /// Keeps the node active.
    pub fn heartbeat() {
        call(|engine| engine.heartbeat());
    }

    /// Takes the node out of draws and claims.
    pub fn node_pause() {
        call(|engine| engine.node_pause());
    }

    /// Brings a paused node back.
    pub fn node_resume() {
        call(|engine| engine.node_resume());
    }
}
