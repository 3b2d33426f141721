//! The pull: debit, one transfer, and a callback that restores on failure.

use piecework_interface::{
    amount::Amount,
    call::{WITHDRAW_PAYOUT, WithdrawArgs},
    event::Entry,
    ids::{AccountNo, TokenId},
};

use super::{Engine, Error, Host};

/// A transfer to make, answered to [`Engine::on_withdrawn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Account that is owed.
    pub account: AccountNo,
    /// The receiver: its name, or its payout account's.
    pub account_id: String,
    /// Token.
    pub token: TokenId,
    /// NEP-141 account; `None` for NEAR.
    pub token_account_id: Option<String>,
    /// Amount.
    pub amount: u128,
}

impl<H: Host> Engine<'_, H> {
    /// Debits a balance and sends it to the caller.
    ///
    /// # Errors
    /// The balance is too small.
    pub fn withdraw(self, args: WithdrawArgs) -> Result<Transfer, Error> {
        self.assert_one_yocto()?;
        self.pull(args, false)
    }

    /// Sends a balance of the caller's to itself, or to its payout account.
    pub(super) fn pull(mut self, args: WithdrawArgs, pays_out: bool) -> Result<Transfer, Error> {
        let number = self.caller()?;
        let (receiver, method) = if pays_out {
            let payout = self.accounts.peek(&*self.host, number)?.and_then(|account| account.payout.clone());
            (payout.ok_or(NO_PAYOUT)?, WITHDRAW_PAYOUT)
        } else {
            (self.host.predecessor(), "withdraw")
        };
        let transfer = self.send(number, receiver, args)?;
        self.finish(method, None)?;
        Ok(transfer)
    }

    /// Debits a balance for a transfer to the account's name or its payout account, or changes nothing.
    pub(super) fn send(
        &mut self,
        number: AccountNo,
        account_id: String,
        args: WithdrawArgs,
    ) -> Result<Transfer, Error> {
        let token = args.token;
        let amount = match args.amount {
            Some(amount) => amount.0,
            None => self.balance(number, token)?,
        };
        if amount == 0 {
            return Err(Error::Amount("there is nothing to withdraw"));
        }
        if self.in_flight(number)? == u8::MAX {
            return Err(Error::Status("too many withdrawals in flight: wait for one"));
        }
        self.debit(number, token, amount)?;
        if !self.root.begin_withdrawal(number) {
            self.account(number)?.in_flight += 1;
        }
        let row = self.tokens.peek(&*self.host, token)?.ok_or(Error::Token(token))?;
        let token_account_id = (!row.account_id.is_empty()).then(|| row.account_id.clone());
        let sum = self.root.in_flight(token).checked_add(amount).ok_or(Error::Internal("amount in flight"))?;
        self.root.set_in_flight(token, sum);
        self.push(Entry::Withdrawing { account: number, token, amount: Amount(amount) });
        Ok(Transfer { account: number, account_id, token, token_account_id, amount })
    }

    /// An account's withdrawals that have not answered.
    pub(super) fn in_flight(&mut self, account: AccountNo) -> Result<u8, Error> {
        let named = u8::try_from(self.root.withdrawing(account)).unwrap_or(u8::MAX);
        let record = self.accounts.peek(&*self.host, account)?.ok_or(Error::Internal("an account is missing"))?;
        Ok(record.in_flight.saturating_add(named))
    }

    /// The transfer's answer: a failed one is credited back.
    ///
    /// # Errors
    /// The caller is not the contract itself.
    pub fn on_withdrawn(mut self, account: AccountNo, token: TokenId, amount: u128, ok: bool) -> Result<(), Error> {
        if self.host.predecessor() != self.host.current_account() {
            return Err(Error::Caller("the contract itself"));
        }
        if !self.root.end_withdrawal(account) {
            let in_flight = &mut self.account(account)?.in_flight;
            *in_flight = in_flight.checked_sub(1).ok_or(Error::Internal("no withdrawal is in flight"))?;
        }
        let rest = self.root.in_flight(token).checked_sub(amount).ok_or(Error::Internal("amount in flight"))?;
        self.root.set_in_flight(token, rest);
        if !ok {
            self.credit(account, token, amount)?;
        }
        self.push(Entry::Withdrawn { account, token, amount: Amount(amount), ok });
        self.finish("on_withdrawn", None)
    }
}

const NO_PAYOUT: Error = Error::Status("no payout account: call payout_set");
