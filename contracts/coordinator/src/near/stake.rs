//! Nodes and their stake.

use piecework_interface::call::{NodeRegisterArgs, StakeRemoveArgs};

use super::{args, call, call_as, methods};

methods! {
    /// Registers the caller as a node; the deposit is added to its stake.
    node_register(classes) => call(|engine| engine.node_register(NodeRegisterArgs { classes }));

    /// Declares other classes. One yoctoNEAR.
    node_update(classes) => call(|engine| engine.node_update(NodeRegisterArgs { classes }));

    /// Adds the deposit to the stake.
    stake_add() => call(|engine| engine.stake_add());

    /// Moves free stake to the unbonding amount. One yoctoNEAR.
    stake_remove(amount(optional)) => call(|engine| engine.stake_remove(StakeRemoveArgs { amount }));

    /// Credits what has unbonded to the NEAR balance. One yoctoNEAR.
    stake_claim() => call(|engine| engine.stake_claim());

    /// Keeps the node active.
    heartbeat(account(optional)) => call_as(account, |engine| engine.heartbeat());

    /// Takes the node out of draws and claims.
    node_pause() => call(|engine| engine.node_pause());

    /// Brings a paused node back.
    node_resume() => call(|engine| engine.node_resume());
}
