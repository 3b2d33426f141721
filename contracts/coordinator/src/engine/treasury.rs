//! Where fees go.

use piecework_interface::{amount::Amount, event::Entry, ids::TokenId};

use super::{Engine, Error, Host, balance::has_room};

impl<H: Host> Engine<'_, H> {
    /// Names the account whose balance fees go to, and makes room there for every token. Without a name fees wait with their tokens.
    ///
    /// # Errors
    /// The caller is not the owner, or the account is not registered or lacks storage.
    pub fn treasury_set(mut self, account_id: Option<String>) -> Result<(), Error> {
        let tokens = self.govern(&[])?.tokens;
        let account = match account_id {
            Some(account_id) => Some(self.find_account(&account_id)?.ok_or(Error::Account("the treasury"))?),
            None => None,
        };
        if let Some(account) = account {
            (0..tokens).try_for_each(|token| self.make_room(account, TokenId(token)))?;
        }
        self.edit_settings()?.governance.treasury = account;
        self.push(Entry::TreasurySet { account });
        self.finish("treasury_set", None)
    }

    /// Pays the treasury what waits of a token; nothing is due without a treasury that has room for it.
    pub(super) fn pay_treasury(&mut self, token: TokenId) -> Result<bool, Error> {
        let Some(account) = self.settings()?.governance.treasury else { return Ok(false) };
        let record = self.accounts.peek(&*self.host, account)?;
        if !record.is_some_and(|record| has_room(record, token)) {
            return Ok(false);
        }
        let waits = self.tokens.peek(&*self.host, token)?.map_or(0, |row| row.pool);
        if waits == 0 {
            return Ok(false);
        }
        self.token(token)?.pool = 0;
        self.credit(account, token, waits)?;
        self.push(Entry::TreasuryPaid { account, token, amount: Amount(waits) });
        Ok(true)
    }
}
