//! Entries of signed intents and their keys.

use super::{
    Fault, MovementKind,
    step::{Acted, Cause, Side, Step},
};
use piecework_interface::{
    call::INTENTS_EXECUTE,
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

    /// The key's number is used, and what it moved counts: what the entries before it took out of the balance. An implicit
    /// account's own key gets its row here.
    pub fn intent(
        &mut self,
        account: AccountNo,
        public_key: PublicKey,
        (kind, nonce, spent): (Kind, u64, u128),
        failed: Option<Skip>,
    ) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        self.must_be(&[INTENTS_EXECUTE])?;
        let moved = self.moved(account, kind, spent)?;
        if failed.is_some() {
            self.ended()?;
        }
        self.acted = Acted { any: false, movements: self.changes.movements.len() };
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
        let token = moved.or(key.limit.map(|limit| limit.token)).unwrap_or_default();
        if failed.is_none() && key.allows(kind, token, spent, now_s).is_err() {
            return Err(Fault::Differs("what an intent may move"));
        }
        key.note(nonce, spent, now_s);
        Ok(())
    }

    /// The token that an intent took out of the account's balance. It took exactly this much, the way its kind does, and
    /// nothing out of any other balance.
    fn moved(&self, account: AccountNo, kind: Kind, spent: u128) -> Result<Option<TokenId>, Fault> {
        let way = match kind {
            Kind::Transfer => Some(MovementKind::Transfer),
            Kind::Withdraw => Some(MovementKind::Withdraw),
            Kind::Challenge => Some(MovementKind::Bond),
            // A batch and whatever adds to it.
            _ if kind.spends() => Some(MovementKind::Escrow),
            _ => None,
        };
        let (mut token, mut sum) = (None, 0_u128);
        for movement in self.changes.movements[self.acted.movements..].iter().filter(|movement| !movement.credit) {
            let own = movement.account == account && Some(movement.kind) == way;
            if !own || *token.get_or_insert(movement.token) != movement.token {
                return Err(MOVED);
            }
            sum = sum.checked_add(movement.amount).ok_or(MOVED)?;
        }
        if sum == spent { Ok(token) } else { Err(MOVED) }
    }

    /// What stands since the last intent of a line of intents is of no intent, so nothing may.
    pub fn ended(&self) -> Result<(), Fault> {
        if self.event == INTENTS_EXECUTE && self.acted.any { Err(Fault::Differs("what no intent did")) } else { Ok(()) }
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

const MOVED: Fault = Fault::Differs("what an intent moved");
const KEYS: Fault = Fault::Differs("the keys of the account");
