//! Keys that sign intents: an account adds and removes them by transactions with a full-access key.

use piecework_interface::{
    amount::Amount,
    call::{IntentKeyAddArgs, IntentKeyRemoveArgs},
    event::Entry,
    ids::AccountNo,
    intent::{INTENT_KEYS_MAX, IntentKey, KeyRows, Kinds, Limit, key_add, key_remove, own_key},
    storage::INTENT_KEY_BYTES,
};

use super::{
    Engine, Error, Host,
    balance::{charge, release},
};

impl<H: Host> Engine<'_, H> {
    /// Lets a key sign intents of the caller, of these kinds, in one token, up to a cap a day.
    ///
    /// # Errors
    /// The token is not listed, no kind is given, there are eight keys, or the account lacks storage.
    pub fn intent_key_add(mut self, args: IntentKeyAddArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.caller()?;
        let IntentKeyAddArgs { public_key, kinds, token, daily_cap } = args;
        let kinds = Kinds::of(&kinds);
        if kinds == Kinds::NONE {
            return Err(Error::Argument("kinds"));
        }
        self.tokens.peek(&*self.host, token)?.ok_or(Error::Token(token))?;
        let keys = &mut self.account(number)?.keys;
        let rows = key_add(keys, public_key, kinds, Limit { token, daily_cap, spent: Amount(0) });
        if rows == KeyRows::More && keys.len() > INTENT_KEYS_MAX {
            return Err(Error::Input("the account has 8 keys, removed ones of the last day included: remove one"));
        }
        self.charge_key(number, rows)?;
        self.push(Entry::KeyAdded { account: number, public_key, kinds, token, daily_cap });
        self.finish("intent_key_add", None)
    }

    /// Takes every right from a key, at once. A key that signed within the last day keeps its row, so that nothing that it
    /// signed comes twice, and so does an implicit account's own key; removing it again later drops the row of the first.
    ///
    /// # Errors
    /// The account has no such key, or its row has to stay.
    pub fn intent_key_remove(mut self, args: IntentKeyRemoveArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.caller()?;
        let (account_id, now) = (self.host.predecessor(), self.now);
        let public_key = args.public_key;
        let rows = key_remove(&mut self.account(number)?.keys, &account_id, public_key, now);
        let rows = rows.ok_or(Error::NothingDue("there is no such key, or it is removed and its row stays for now"))?;
        self.charge_key(number, rows)?;
        self.push(Entry::KeyRemoved { account: number, public_key });
        self.finish("intent_key_remove", None)
    }

    /// The keys of an account, with an implicit account's own.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_intent_keys(&mut self, account_id: &str) -> Result<Vec<IntentKey>, Error> {
        let Some(number) = self.find_account(account_id)? else { return Ok(Vec::new()) };
        let mut keys = self.account(number)?.keys.clone();
        if let Some(own) = own_key(account_id).filter(|own| keys.iter().all(|key| key.public_key != *own)) {
            keys.push(IntentKey::own(own));
        }
        Ok(keys)
    }

    fn charge_key(&mut self, number: AccountNo, rows: KeyRows) -> Result<(), Error> {
        let account = self.account(number)?;
        match rows {
            KeyRows::More => charge(account, INTENT_KEY_BYTES),
            KeyRows::Same => Ok(()),
            KeyRows::Less => release(account, INTENT_KEY_BYTES),
        }
    }
}
