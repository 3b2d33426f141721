//! Entries of signed intents and their keys.

use super::{Fault, MovementKind, step::Cause, step::Side, step::Step};
use piecework_interface::{
    ids::{AccountNo, TokenId},
    key::{IntentKey, Kind, Kinds, Limit, PublicKey},
    keys::{KeyRows, key_set, own_key},
    skip::Skip,
    storage::INTENT_KEY_BYTES,
};

impl Step<'_> {
    pub fn key_set(&mut self, account: AccountNo, key: PublicKey, to: (Kinds, Limit)) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let named = self.account(account)?;
        let rows = key_set(&mut named.row.keys, &named.account_id, key, to, now_s).ok_or(KEYS)?;
        self.charge_key(account, rows)
    }

    /// The key's number is used, and what it moved counts. An implicit account's own key gets its row here.
    pub fn intent(
        &mut self,
        account: AccountNo,
        public_key: PublicKey,
        (kind, nonce, spent): (Kind, u64, u128),
        failed: Option<Skip>,
    ) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let named = self.account(account)?;
        let keys = &mut named.row.keys;
        if !keys.iter().any(|key| key.public_key == public_key) {
            if own_key(&named.account_id) != Some(public_key) {
                return Err(KEYS);
            }
            keys.push(IntentKey::own(public_key));
            self.charge_key(account, KeyRows::More)?;
        }
        let keys = &mut self.account(account)?.row.keys;
        let key = keys.iter_mut().find(|key| key.public_key == public_key).ok_or(KEYS)?;
        if key.kinds == Kinds::NONE || !key.takes(nonce, now_s) {
            return Err(KEYS);
        }
        let token = key.limit.map_or_else(TokenId::default, |limit| limit.token);
        let may = match failed {
            None => key.allows(kind, token, spent, now_s).is_ok(),
            Some(_) => spent == 0,
        };
        if !may {
            return Err(Fault::Differs("what an intent may move"));
        }
        key.note(nonce, spent, now_s);
        Ok(())
    }

    pub fn transferred(
        &mut self,
        (from, to): (AccountNo, AccountNo),
        token: TokenId,
        amount: u128,
    ) -> Result<(), Fault> {
        self.balance(from, token, Side::Debit(amount), MovementKind::Transfer, Cause::default())?;
        self.balance(to, token, Side::Credit(amount), MovementKind::Transfer, Cause::default())
    }

    fn charge_key(&mut self, account: AccountNo, rows: KeyRows) -> Result<(), Fault> {
        match rows {
            KeyRows::More => self.charge(account, INTENT_KEY_BYTES),
            KeyRows::Same => Ok(()),
            KeyRows::Less => self.uncharge(account, INTENT_KEY_BYTES),
        }
    }
}

const KEYS: Fault = Fault::Differs("the keys of the account");
