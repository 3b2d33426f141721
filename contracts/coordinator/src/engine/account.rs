//! Storage deposits and registration, NEP-145.

use piecework_compact::json::{Text, Write};
use piecework_interface::{
    account_id::is_account_id,
    amount::Amount,
    event::Entry,
    ids::{AccountNo, NEAR},
    storage::{account_bytes, cost},
};

pub use piecework_interface::storage::minimum as storage_minimum;

use super::{
    Engine, Error, Host,
    error::kept,
    key::{Prefix, named},
    record::Account,
};

/// NEP-145 `StorageBalance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageBalance {
    /// Deposit.
    pub total: Amount,
    /// What may be withdrawn.
    pub available: Amount,
}

impl Write for StorageBalance {
    fn write(&self, out: &mut Text) {
        out.push_str("{\"total\":");
        self.total.write(out);
        out.push_str(",\"available\":");
        self.available.write(out);
        out.push(b'}');
    }
}

impl StorageBalance {
    pub(super) fn of(account: &Account) -> Self {
        Self { total: Amount(account.paid), available: Amount(account.paid.saturating_sub(cost(account.used))) }
    }
}

/// NEAR to send, without an answer: to whoever called, who exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Receiver.
    pub account_id: String,
    /// yoctoNEAR.
    pub amount: u128,
}

impl<H: Host> Engine<'_, H> {
    /// Registers an account or adds to its deposit. Returns what is paid back.
    ///
    /// # Errors
    /// The deposit is too small.
    pub fn storage_deposit(
        mut self,
        account_id: Option<String>,
        registration_only: bool,
    ) -> Result<(StorageBalance, Option<Payout>), Error> {
        let caller = self.host.predecessor();
        let deposit = self.host.deposit();
        let account_id = account_id.unwrap_or_else(|| caller.clone());
        let back = |amount| (amount > 0).then_some(Payout { account_id: caller, amount });
        let Some(number) = self.find_account(&account_id)? else {
            let minimum = storage_minimum();
            if deposit < minimum {
                return Err(Error::Storage { missing: kept(minimum - deposit) });
            }
            let paid = if registration_only { minimum } else { deposit };
            let balance = self.open_account(account_id, paid)?;
            self.finish("storage_deposit", None)?;
            return Ok((balance, back(deposit - paid)));
        };
        let account = self.account(number)?;
        if registration_only || deposit == 0 {
            // Nothing changes, so nothing is written.
            return Ok((StorageBalance::of(account), back(deposit)));
        }
        account.paid = account.paid.checked_add(deposit).ok_or(Error::Amount("the deposit would exceed 2^128"))?;
        let balance = StorageBalance::of(account);
        self.push_storage(number)?;
        self.finish("storage_deposit", None)?;
        Ok((balance, None))
    }

    /// Takes out deposit that locks no bytes; all of it when no amount is given. Where that is nothing, it says what there is,
    /// as near-contract-standards does.
    ///
    /// # Errors
    /// The account is not registered, or the amount is not available.
    pub fn storage_withdraw(mut self, amount: Option<Amount>) -> Result<(StorageBalance, Option<Payout>), Error> {
        self.assert_one_yocto()?;
        let number = self.caller()?;
        let account = self.account(number)?;
        let available = StorageBalance::of(account).available.0;
        let amount = amount.map_or(available, |amount| amount.0);
        if amount > available {
            return Err(Error::Amount("amount must be at most the available storage deposit"));
        }
        if amount == 0 {
            return Ok((StorageBalance::of(account), None));
        }
        account.paid -= amount;
        let balance = StorageBalance::of(account);
        self.push_storage(number)?;
        let payout = Payout { account_id: self.host.predecessor(), amount };
        self.finish("storage_withdraw", None)?;
        Ok((balance, Some(payout)))
    }

    /// Closes the caller's account and pays its deposit back; `None` if it has none.
    ///
    /// # Errors
    /// The account still has a balance, a withdrawal in flight, a batch, a node, or an intent key to be remembered.
    pub fn storage_unregister(mut self) -> Result<Option<Payout>, Error> {
        self.assert_one_yocto()?;
        let (account_id, now) = (self.host.predecessor(), self.now);
        let Some(number) = self.find_account(&account_id)? else { return Ok(None) };
        let in_flight = self.in_flight(number)?;
        let account = self.account(number)?;
        let others = account.others.clone();
        let in_use = |what| Err(Error::InUse(what));
        if account.near > 0 || account.first_amount > 0 {
            return in_use("a balance");
        }
        if in_flight > 0 {
            return in_use("a withdrawal in flight");
        }
        if account.batches > 0 {
            return in_use("a batch");
        }
        if account.node.is_some() {
            return in_use("a node, whose reputation stays");
        }
        if account.keys.iter().any(|key| !key.may_vanish(&account_id, now)) {
            return in_use("an intent key that signed within a day, or the removal of its own key, which stays");
        }
        let amount = account.paid;
        for token in others {
            if self.balances.take(&*self.host, (number, token))?.is_some_and(|row| row.amount > 0) {
                return in_use("a balance");
            }
        }
        self.accounts.take(&*self.host, number)?;
        self.names.push((named(Prefix::AccountName, &account_id), None));
        self.push(Entry::AccountClosed { account: number });
        self.finish("storage_unregister", None)?;
        Ok(Some(Payout { account_id, amount }))
    }

    fn open_account(&mut self, account_id: String, paid: u128) -> Result<StorageBalance, Error> {
        if !is_account_id(&account_id) {
            return Err(Error::Input("account_id is not a NEAR account id"));
        }
        let number = AccountNo(self.root.next_account);
        self.root.next_account = number.0.checked_add(1).ok_or(Error::Internal("account numbers are used up"))?;
        let used = account_bytes(account_id.len());
        let account = Account { paid, used, first: NEAR, account_id: account_id.clone(), ..Account::default() };
        let balance = StorageBalance::of(&account);
        self.accounts.put(number, account);
        self.names.push((named(Prefix::AccountName, &account_id), Some(number.0.to_be_bytes().to_vec())));
        self.push(Entry::AccountOpened { account: number, account_id, paid: Amount(paid), used });
        Ok(balance)
    }

    /// Journals the account's deposit and bytes.
    pub(super) fn push_storage(&mut self, number: AccountNo) -> Result<(), Error> {
        let account = self.account(number)?;
        let (paid, used) = (Amount(account.paid), account.used);
        self.push(Entry::Storage { account: number, paid, used });
        Ok(())
    }
}
