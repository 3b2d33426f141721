//! Signed intents and their keys.

use piecework_interface::{amount::Amount, call::IntentKeyAddArgs, ids::TokenId, intent::SignedIntent, key::Kinds};

use super::{args, call, methods, reply, withdraw::send};

methods! {
    /// Lets a key sign intents of the caller. One yoctoNEAR.
    intent_key_add(public_key, kinds, token, daily_cap) => {
        let kinds = args::need(Some(kinds).filter(|kinds| *kinds != Kinds::NONE), "kinds");
        call(|engine| engine.intent_key_set(IntentKeyAddArgs { public_key, kinds, token, daily_cap }));
    };

    /// Takes every right from a key. One yoctoNEAR.
    intent_key_remove(public_key) => {
        let (kinds, token, daily_cap) = (Kinds::NONE, TokenId::default(), Amount::default());
        call(|engine| engine.intent_key_set(IntentKeyAddArgs { public_key, kinds, token, daily_cap }));
    };

    /// Executes signed intents, for anyone. What they withdraw is sent as `withdraw` sends it. Borsh `Vec<SignedIntent>`.
    intents_execute => {
        let intents: Vec<SignedIntent> = args::read_borsh();
        for transfer in call(|engine| engine.intents_execute(&intents)) {
            send(transfer);
        }
    };

    /// The rows of an account's keys.
    intent_keys(account_id) => {
        let account = call(|mut engine| engine.view_account(&account_id));
        reply(account.as_ref().map_or(&[][..], |account| &account.keys));
    };
}
