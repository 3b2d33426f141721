//! Time-outs, for anyone.

use piecework_interface::op::Target;

use near_sdk::{Gas, NearToken, env};
use piecework_compact::json::{Text, Write, push_hex};

use super::{account_id, args, call, methods};
use crate::engine::Tell;

methods! {
    /// Does whatever is due on the targets; fails if nothing is. Borsh `Vec<Target>`.
    poke => {
        let targets: Vec<Target> = args::read_borsh();
        for tell in call(|engine| engine.poke(&targets)) {
            send(&tell);
        }
    };
}

/// Sends the call on its way; nobody waits for its end.
fn send(tell: &Tell) {
    let mut args = Text::new();
    for (name, number) in
        [("{\"batch\":", tell.batch.0), (",\"requester\":", tell.requester.0), (",\"settled\":", tell.settled)]
    {
        args.push_str(name);
        number.write(&mut args);
    }
    args.push_str(",\"results_root\":");
    push_hex(&tell.root, &mut args);
    args.push(b'}');
    let promise = env::promise_batch_create(&account_id(&tell.callback.account_id));
    let (none, gas) = (NearToken::from_yoctonear(0), Gas::from_gas(tell.gas()));
    env::promise_batch_action_function_call(promise, "on_piecework_results", args.into_string().as_bytes(), none, gas);
}
