//! Signed intents and their keys.

use piecework_interface::{call::IntentKeyAddArgs, intent::SignedIntent, key::Kinds};

use super::{
    args::{self, need},
    call, methods, reply,
    withdraw::send,
};
use crate::json::Args;

methods! {
    /// Lets a key sign intents of the caller. One yoctoNEAR.
    intent_key_add => {
        let args = args::read();
        let kinds = need(args.kinds.filter(|kinds| *kinds != Kinds::NONE), "kinds");
        need(args.token, "token");
        need(args.daily_cap, "daily_cap");
        set(&args, kinds);
    };

    /// Takes every right from a key. One yoctoNEAR.
    intent_key_remove => set(&args::read(), Kinds::NONE);

    /// Executes signed intents, for anyone. What they withdraw is sent as `withdraw` sends it. Borsh `Vec<SignedIntent>`.
    intents_execute => {
        let intents: Vec<SignedIntent> = args::read_borsh();
        for transfer in call(|engine| engine.intents_execute(&intents)) {
            send(transfer);
        }
    };

    /// The rows of an account's keys.
    intent_keys => {
        let account_id = need(args::read().account_id, "account_id");
        let account = call(|mut engine| engine.view_account(&account_id));
        reply(account.as_ref().map_or(&[][..], |account| &account.keys));
    };
}

fn set(args: &Args, kinds: Kinds) {
    let public_key = need(args.public_key, "public_key");
    let (token, daily_cap) = (args.token.unwrap_or_default(), args.daily_cap.unwrap_or_default());
    call(|engine| engine.intent_key_set(IntentKeyAddArgs { public_key, kinds, token, daily_cap }));
}
