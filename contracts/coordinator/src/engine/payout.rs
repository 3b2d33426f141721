//! Payout accounts: where an account's machines may send its balances, and nowhere else.
//!
//! A machine keeps a key of its node. A thief with that key can send the node's balances only to the account that the owner
//! named by a full-access key, and can waste gas.

use piecework_interface::{account_id::is_account_id, call::WithdrawArgs, event::Entry, storage::payout_bytes};

use super::{
    Engine, Error, Host, Transfer,
    balance::{charge, release},
};

impl<H: Host> Engine<'_, H> {
    /// Names where `withdraw_payout` sends the caller's balances; without a name it sends nowhere. No intent can.
    ///
    /// # Errors
    /// The name is no account id, the caller's own, whose NEAR its machines' keys spend as gas, or this contract's; the
    /// storage deposit does not cover it.
    pub fn payout_set(mut self, account_id: Option<String>) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let number = self.caller()?;
        let contract = self.host.current_account();
        let record = self.account(number)?;
        let may_be = |payout: &String| is_account_id(payout) && *payout != record.account_id && *payout != contract;
        if !account_id.as_ref().is_none_or(may_be) {
            return Err(Error::Argument("account_id"));
        }
        release(record, payout_bytes(record.payout.as_deref()))?;
        charge(record, payout_bytes(account_id.as_deref()))?;
        record.payout.clone_from(&account_id);
        self.push(Entry::PayoutSet { account: number, account_id });
        self.finish("payout_set", None)
    }

    /// Debits a balance and sends it to the caller's payout account. No deposit, so that a machine's key can call it.
    ///
    /// # Errors
    /// The caller named no payout account, or the balance is too small.
    pub fn withdraw_payout(self, args: WithdrawArgs) -> Result<Transfer, Error> {
        self.assert_no_deposit()?;
        self.pull(args, true)
    }
}
