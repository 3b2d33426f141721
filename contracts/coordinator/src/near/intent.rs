//! Signed intents and their keys.

use piecework_interface::call::{IntentKeyAddArgs, IntentKeyRemoveArgs};

use super::{
    args::{self, need},
    call, methods, reply,
    withdraw::send,
};

methods! {
    /// Lets a key sign intents of the caller. One yoctoNEAR.
    intent_key_add => {
        let args = args::read();
        let args = IntentKeyAddArgs {
            public_key: need(args.public_key, "public_key"),
            kinds: need(args.kinds, "kinds"),
            token: need(args.token, "token"),
            daily_cap: need(args.daily_cap, "daily_cap"),
        };
        call(|engine| engine.intent_key_add(args));
    };

    /// Takes every right from a key. One yoctoNEAR.
    intent_key_remove => {
        let public_key = need(args::read().public_key, "public_key");
        call(|engine| engine.intent_key_remove(IntentKeyRemoveArgs { public_key }));
    };

    /// Executes signed intents, for anyone. What they withdraw is sent as `withdraw` sends it.
    intents_execute => {
        let intents = need(args::read().intents, "intents");
        for transfer in call(|engine| engine.intents_execute(&intents)) {
            send(transfer);
        }
    };

    /// The keys that may sign intents of an account, or are remembered.
    intent_keys => {
        let account_id = need(args::read().account_id, "account_id");
        reply(&call(|mut engine| engine.view_intent_keys(&account_id)));
    };
}
