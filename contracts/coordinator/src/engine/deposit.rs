//! Rewards come in by `ft_transfer_call`.

use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, DepositMessage},
    event::Entry,
    governance::Feature,
};

use super::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Credits the sender with a listed token's transfer and does what the message says. An error makes the token
    /// refund, so nothing is ever kept without a credit.
    ///
    /// # Errors
    /// The caller is no listed token, the sender is not registered, or the message cannot be done.
    pub fn ft_on_transfer(mut self, sender_id: String, amount: u128, message: DepositMessage) -> Result<(), Error> {
        self.assert_no_deposit()?;
        self.assert_runs(Feature::Deposits)?;
        let token = self.find_token(&self.host.predecessor())?;
        if amount == 0 {
            return Err(Error::Amount("amount must be above 0"));
        }
        let account = self.numbered_account(&sender_id)?.ok_or(Error::Account("the sender"))?;
        self.make_room(account, token)?;
        self.credit(account, token, amount)?;
        self.push(Entry::Deposited { account, token, amount: Amount(amount) });
        if let DepositMessage::CreateBatch(batch) = message {
            self.create_batch(account, BatchCreateArgs { token, batch })?;
        }
        self.finish("ft_on_transfer", None)
    }
}
