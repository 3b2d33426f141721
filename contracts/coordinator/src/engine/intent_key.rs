//! Keys that sign intents: an account adds and removes them by transactions with a full-access key.

use piecework_interface::{
    amount::Amount,
    call::IntentKeyAddArgs,
    event::Entry,
    key::{Kinds, Limit},
    keys::{INTENT_KEYS_MAX, KeyRows, key_set},
    storage::INTENT_KEY_BYTES,
};

use super::{
    Engine, Error, Host,
    balance::{charge, release},
};

impl<H: Host> Engine<'_, H> {
    /// Lets a key sign intents of the caller: of these kinds, in one token, up to a cap a day. Without kinds it takes every
    /// right from it, at once; its row goes with its rights, unless it has to be remembered ([`key_set`]).
    ///
    /// # Errors
    /// The token is not listed, there are eight keys, the account lacks storage, or there is nothing to remove.
    pub fn intent_key_set(mut self, args: IntentKeyAddArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.caller()?;
        let (account_id, now) = (self.host.predecessor(), self.now);
        let IntentKeyAddArgs { public_key, kinds, token, daily_cap } = args;
        self.tokens.peek(&*self.host, token)?.ok_or(Error::Token(token))?;
        let account = self.account(number)?;
        let to = (kinds, Limit { token, daily_cap, spent: Amount(0) });
        match key_set(&mut account.keys, &account_id, public_key, to, now) {
            None => return Err(Error::NothingDue("there is no such key, or it is removed and its row has to stay")),
            Some(KeyRows::More) if account.keys.len() > INTENT_KEYS_MAX => {
                return Err(Error::Input("the account has 8 keys, removed ones of the last day included: remove one"));
            }
            Some(KeyRows::More) => charge(account, INTENT_KEY_BYTES)?,
            Some(KeyRows::Same) => {}
            Some(KeyRows::Less) => release(account, INTENT_KEY_BYTES)?,
        }
        self.push(Entry::KeySet { account: number, public_key, kinds, token, daily_cap });
        let removes = kinds == Kinds::NONE;
        self.finish(if removes { "intent_key_remove" } else { "intent_key_add" }, None)
    }
}
