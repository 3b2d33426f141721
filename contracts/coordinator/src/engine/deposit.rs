//! Rewards come in by `ft_transfer_call`.

use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, DepositMessage},
    event::Entry,
    governance::Feature,
};

use super::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Credits the sender, or the account that the deposit is for, with a listed token's transfer and does what the message
    /// says. An error makes the token refund, so nothing is ever kept without a credit.
    ///
    /// # Errors
    /// The caller is no listed token; a relay names no account; the account is not registered, or has no room for what
    /// another sends; the message cannot be done, or a batch for another costs more than what is sent.
    pub fn ft_on_transfer(
        mut self,
        sender_id: String,
        amount: u128,
        message: DepositMessage,
        receiver_id: Option<String>,
    ) -> Result<(), Error> {
        self.assert_no_deposit()?;
        self.assert_runs(Feature::Deposits)?;
        let token = self.find_token(&self.host.predecessor())?;
        if amount == 0 {
            return Err(Error::Amount("amount must be above 0"));
        }
        let (account, sender) = match receiver_id {
            None if self.config()?.relays.contains(&sender_id) => return Err(RELAY),
            None => (self.numbered_account(&sender_id)?.ok_or(Error::Account("the sender"))?, None),
            Some(receiver_id) => {
                let account =
                    self.numbered_account(&receiver_id)?.ok_or(Error::Account("the account that it is for"))?;
                (account, Some(sender_id))
            }
        };
        if sender.is_none() {
            self.make_room(account, token)?;
        } else if !self.take_free_room(account, token)? {
            return Err(NO_ROOM);
        }
        // What others send spends nothing that the account had: they would hire its balance to their own nodes.
        let own = if sender.is_some() { self.balance(account, token)? } else { 0 };
        self.credit(account, token, amount)?;
        self.push(Entry::Deposited { account, token, amount: Amount(amount), sender });
        if let DepositMessage::CreateBatch(batch) = message {
            self.create_batch(account, BatchCreateArgs { token, batch })?;
            if self.balance(account, token)? < own {
                return Err(SHORT);
            }
        }
        self.finish("ft_on_transfer", None)
    }
}

const RELAY: Error = Error::Input("a relay names whom its deposit is `for`");
const SHORT: Error = Error::Amount("a batch for another is paid by what is sent: send its escrow");
const NO_ROOM: Error = Error::Status("whom it is for has no room for the token: it deposits first");
