//! `intents_execute`: what accounts ask for by signatures, relayed by anybody.
//!
//! Every intent stands alone. One that proves nothing (a wrong signature, key, chain or contract, a passed deadline, a used
//! nonce) is skipped and leaves no trace but its code; one that is genuine uses its nonce, even when it then fails.

use piecework_interface::{
    amount::Amount,
    call::{INTENT_GAS, INTENT_WITHDRAW_GAS, INTENTS_REST_GAS},
    event::Entry,
    ids::AccountNo,
    intent::{Action, DEADLINE_MAX_S, INTENTS_MAX, Intent, IntentKey, Kinds, MEMO_MAX, MESSAGE_MAX, Payment, SignedIntent, own_key},
    json, money,
    skip::Skip,
    storage::{INTENT_KEY_BYTES, URI_MAX},
};

use super::{
    Engine, Error, Host, Transfer,
    balance::{charge, covers},
    work::Stop,
};

/// Bytes of log that an intent with its key, its amounts and no text may write.
const ENTRY_LOG_BYTES: usize = 1_024;
/// Bytes of log that one byte of a memo or a URI may become.
const ESCAPE_LOG_BYTES: usize = 6;

impl<H: Host> Engine<'_, H> {
    /// Executes intents in order; returns the transfers that withdrawals make.
    ///
    /// # Errors
    /// The list is malformed, or every intent is skipped.
    pub fn intents_execute(mut self, intents: &[SignedIntent]) -> Result<Vec<Transfer>, Error> {
        self.assert_no_deposit()?;
        if intents.is_empty() || intents.len() > INTENTS_MAX {
            return Err(Error::Input("give 1 to 16 intents"));
        }
        let mut transfers = Vec::new();
        let mut first_skip = None;
        let mut executed = false;
        for (index, signed) in (0_u8..).zip(intents) {
            match self.intent(index, signed, &mut transfers) {
                Ok(()) => executed = true,
                Err(Stop::Skip(code)) => {
                    first_skip = first_skip.or(Some(code));
                    self.push(Entry::Skipped { op: index, code });
                }
                Err(Stop::Fail(error)) => return Err(error),
            }
        }
        match first_skip {
            Some(code) if !executed => return Err(Error::Intents(code as u8)),
            _ => self.finish("intents_execute", None)?,
        }
        Ok(transfers)
    }

    /// One intent: skipped with nothing changed, or its nonce is used.
    fn intent(&mut self, index: u8, signed: &SignedIntent, transfers: &mut Vec<Transfer>) -> Result<(), Stop> {
        let Intent { chain_id, account_id, deadline, kind: action } = read(signed).ok_or(Skip::Message)?;
        if !self.has_room(index, &action, transfers.len()) {
            return Err(Skip::NoRoom.into());
        }
        let now = self.now;
        let config = self.config()?;
        if chain_id.is_empty() || chain_id != config.chain_id {
            return Err(Skip::Chain.into());
        }
        let fee_bps = config.fee_bps;
        if now > deadline {
            return Err(Skip::Expired.into());
        }
        if deadline > now.saturating_add(DEADLINE_MAX_S) {
            return Err(Skip::DeadlineFar.into());
        }
        let number = self.find_account(&account_id)?.ok_or(Skip::NoAccount)?;
        let (public_key, nonce) = (signed.public_key, signed.number());
        let account = self.accounts.peek(&*self.host, number)?.ok_or(Error::Internal("an account is missing"))?;
        let stored = account.keys.iter().find(|key| key.public_key == public_key).copied();
        let is_new = stored.is_none();
        let own = || own_key(&account_id).filter(|own| *own == public_key).map(IntentKey::own);
        let mut key = stored.or_else(own).filter(|key| key.kinds != Kinds::NONE).ok_or(Skip::NoKey)?;
        if nonce <= key.nonce {
            return Err(Skip::Nonce.into());
        }
        if is_new && !covers(account, INTENT_KEY_BYTES) {
            return Err(Skip::KeyStorage.into());
        }
        let digest = signed.digest(H::SHA256, &self.host.current_account());
        if !self.host.ed25519_verify(&signed.signature, &digest, &public_key.0) {
            return Err(Skip::Signature.into());
        }

        // The intent is genuine: from here on its nonce is used, whatever comes.
        if is_new {
            let account = self.account(number)?;
            charge(account, INTENT_KEY_BYTES)?;
            account.keys.push(key);
        }
        let (kind, token) = (action.kind(), action.token());
        let amount = match &action {
            Action::Transfer(payment) | Action::Tip(payment) => payment.amount.0,
            Action::Withdraw(args) => match args.amount {
                Some(amount) => amount.0,
                None => self.balance(number, token)?,
            },
            Action::CreateBatch(args) => money::escrow(&args.batch.terms, fee_bps, args.batch.items),
        };
        let failed = match key.allows(kind, token, amount, now) {
            Ok(()) => match self.act(number, account_id, action, transfers) {
                Ok(()) => None,
                Err(Stop::Skip(code)) => Some(code),
                Err(Stop::Fail(error)) => Some(code_of(error)?),
            },
            Err(code) => Some(code),
        };
        let spent = if failed.is_none() { amount } else { 0 };
        key.note(nonce, spent, now);
        let keys = &mut self.account(number)?.keys;
        let row = keys.iter_mut().find(|row| row.public_key == public_key);
        *row.ok_or(Error::Internal("an intent key is missing"))? = key;
        let spent = Amount(spent);
        self.push(Entry::Intent { op: index, account: number, public_key, kind, nonce, spent, failed });
        Ok(())
    }

    /// Does what is asked for, or changes nothing.
    fn act(
        &mut self,
        number: AccountNo,
        account_id: String,
        action: Action,
        transfers: &mut Vec<Transfer>,
    ) -> Result<(), Stop> {
        match action {
            Action::Transfer(payment) | Action::Tip(payment) => self.transfer(number, payment),
            Action::Withdraw(args) => {
                transfers.push(self.send(number, account_id, args)?);
                Ok(())
            }
            Action::CreateBatch(args) => {
                self.create_batch(number, args)?;
                Ok(())
            }
        }
    }

    /// Moves balance to an account that has room for it: nobody else's storage deposit pays for what one is sent.
    fn transfer(&mut self, account: AccountNo, payment: Payment) -> Result<(), Stop> {
        let Payment { receiver_id, token, amount, memo } = payment;
        if amount.0 == 0 {
            return Err(Skip::Amount.into());
        }
        let receiver = self.find_account(&receiver_id)?.filter(|receiver| *receiver != account).ok_or(Skip::Receiver)?;
        if self.balance(account, token)? < amount.0 {
            return Err(Skip::Balance.into());
        }
        if !self.take_free_room(receiver, token)? {
            return Err(Skip::Receiver.into());
        }
        self.credit(receiver, token, amount.0)?;
        self.debit(account, token, amount.0)?;
        self.push(Entry::Transferred { account, receiver, token, amount, memo });
        Ok(())
    }

    /// Whether the gas and the log that are left cover the intent and what the call still has to do.
    fn has_room(&self, index: u8, action: &Action, withdrawals: usize) -> bool {
        let withdrawals = withdrawals as u64 + u64::from(matches!(action, Action::Withdraw(_)));
        let gas = INTENTS_REST_GAS + INTENT_GAS * (u64::from(index) + 1) + INTENT_WITHDRAW_GAS * withdrawals;
        let text = match action {
            Action::CreateBatch(args) => args.batch.uri.len().min(URI_MAX),
            _ => action.memo().map_or(0, str::len),
        };
        self.host.gas_left() >= gas && self.fits(ENTRY_LOG_BYTES + ESCAPE_LOG_BYTES * text)
    }
}

/// What was signed, if it is an intent within the limits.
fn read(signed: &SignedIntent) -> Option<Intent> {
    if signed.message.len() > MESSAGE_MAX {
        return None;
    }
    let intent: Intent = json::parse(&signed.message).ok()?;
    intent.kind.memo().is_none_or(|memo| memo.len() <= MEMO_MAX).then_some(intent)
}

/// The code of a method's error. Only what can never be stops the call.
const fn code_of(error: Error) -> Result<Skip, Error> {
    Ok(match error {
        Error::Balance { .. } => Skip::Balance,
        Error::Storage { .. } => Skip::Storage,
        Error::Amount(_) => Skip::Amount,
        Error::Status(_) => Skip::Stopped,
        Error::Token(_) | Error::Terms(_) | Error::Batch(_) => Skip::Terms,
        error => return Err(error),
    })
}
