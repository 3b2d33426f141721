//! Who calls, and what they attached.

use piecework_interface::ids::AccountNo;

use super::{
    Engine, Error, Host,
    key::{Prefix, named},
    record::Account,
};

impl<H: Host> Engine<'_, H> {
    /// The number of a registered account.
    pub(super) fn find_account(&self, account_id: &str) -> Result<Option<AccountNo>, Error> {
        let Some(bytes) = self.host.read(&named(Prefix::AccountName, account_id)) else { return Ok(None) };
        let bytes = bytes.try_into().map_err(|_| Error::Internal("an account number cannot be read"))?;
        Ok(Some(AccountNo(u32::from_be_bytes(bytes))))
    }

    /// The number of the calling account.
    pub(super) fn caller(&mut self) -> Result<AccountNo, Error> {
        let account_id = self.host.predecessor();
        self.numbered_account(&account_id)?.ok_or(Error::Account("the caller"))
    }

    /// The number of a registered account: the one that the call names, if the record under it has this name.
    pub(super) fn numbered_account(&mut self, account_id: &str) -> Result<Option<AccountNo>, Error> {
        let Some(named) = self.named else { return self.find_account(account_id) };
        match self.accounts.peek(&*self.host, named)? {
            Some(account) if account.account_id == account_id => Ok(Some(named)),
            _ => Err(Error::Argument("account")),
        }
    }

    /// The number of the calling node's account; its call counts as a heartbeat.
    pub(super) fn calling_node(&mut self) -> Result<AccountNo, Error> {
        let account = self.caller()?;
        let now = self.now;
        self.move_node(account, |node| node.seen(now))?;
        Ok(account)
    }

    /// A record that must exist because its number is known.
    pub(super) fn account(&mut self, account: AccountNo) -> Result<&mut Account, Error> {
        self.accounts.edit(&*self.host, account)?.ok_or(Error::Internal("an account is missing"))
    }

    /// The deposit must be exactly one yoctoNEAR: proof of a full-access key, which no machine of an operator holds.
    pub(super) fn assert_one_yocto(&self) -> Result<(), Error> {
        if self.host.deposit() == 1 { Ok(()) } else { Err(Error::Deposit("exactly 1 yoctoNEAR")) }
    }

    /// The deposit must be nothing.
    pub(super) fn assert_no_deposit(&self) -> Result<(), Error> {
        if self.host.deposit() == 0 { Ok(()) } else { Err(Error::Deposit("nothing")) }
    }
}
