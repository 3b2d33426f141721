//! `intents_execute`: what accounts ask for by signatures, relayed by anybody.
//!
//! Every intent stands alone. One that proves nothing (a wrong signature, key, chain or contract, a passed deadline, a used
//! nonce) is skipped and leaves no trace but its code; one that is genuine uses its nonce, even when it then fails.

use piecework_compact::json;
use piecework_interface::{
    amount::Amount,
    call::{
        BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs, INTENT_GAS, INTENT_WITHDRAW_GAS,
        INTENTS_REST_GAS, WithdrawArgs,
    },
    event::Entry,
    ids::{AccountNo, TokenId},
    intent::{Draft, INTENTS_MAX, MEMO_MAX, MESSAGE_MAX, SKIPPED_MAX, SignedIntent},
    key::{DEADLINE_MAX_S, IntentKey, Kind, Kinds},
    keys::own_key,
    money,
    skip::Skip,
    storage::INTENT_KEY_BYTES,
};

use super::{
    Engine, Error, Host, Transfer,
    balance::{charge, covers},
    settle::STEP_LOG_BYTES,
    work::Stop,
};

/// Bytes of log that an intent may write: the longest is a batch whose URI is all control characters, six bytes each.
const INTENT_LOG_BYTES: usize = 2_592;
/// Bytes of log that must be free for an intent that closes lots: each asks for a step's, after those before it.
const SKIP_LOG_BYTES: usize = STEP_LOG_BYTES + SKIPPED_MAX * 320;

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
        let draft = read(signed).ok_or(Skip::Message)?;
        let (kind, token) = (draft.kind.ok_or(Skip::Message)?, draft.token.unwrap_or_default());
        let withdrawals = transfers.len() as u64 + u64::from(kind == Kind::Withdraw);
        // Its own, and the writes of those before it and of itself.
        let gas = INTENTS_REST_GAS + INTENT_GAS * (u64::from(index) + 2) + INTENT_WITHDRAW_GAS * withdrawals;
        let log = if kind == Kind::Skip { SKIP_LOG_BYTES } else { INTENT_LOG_BYTES };
        if self.host.gas_left() < gas || !self.fits(log) {
            return Err(Skip::NoRoom.into());
        }
        let now = self.now;
        let config = self.config()?;
        if draft.chain_id.is_empty() || draft.chain_id != config.chain_id {
            return Err(Skip::Chain.into());
        }
        let fee_bps = config.fee_bps;
        if now > draft.deadline {
            return Err(Skip::Expired.into());
        }
        if draft.deadline > now.saturating_add(DEADLINE_MAX_S) {
            return Err(Skip::DeadlineFar.into());
        }
        let number = self.find_account(&draft.account_id)?.ok_or(Skip::NoAccount)?;
        let (public_key, nonce) = (signed.public_key, signed.number());
        let account = self.accounts.peek(&*self.host, number)?.ok_or(Error::Internal("an account is missing"))?;
        let stored = account.keys.iter().find(|key| key.public_key == public_key).cloned();
        let is_new = stored.is_none();
        let own = || own_key(&draft.account_id).filter(|own| *own == public_key).map(IntentKey::own);
        let mut key = stored.or_else(own).filter(|key| key.kinds != Kinds::NONE).ok_or(Skip::NoKey)?;
        if !key.takes(nonce, now) {
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
            account.keys.push(key.clone());
        }
        let amount = match (&draft.batch, &draft.challenge, draft.amount) {
            (Some(batch), ..) if kind == Kind::CreateBatch => Ok(money::escrow(&batch.terms, fee_bps, batch.items)),
            (_, Some(challenge), _) if kind == Kind::Challenge => {
                let deposit = self.deposit_of(challenge);
                in_token(token, deposit)
            }
            _ if kind == Kind::Append => {
                let escrow = self.escrow_of(draft.append.as_ref().ok_or(Skip::Message)?);
                in_token(token, escrow)
            }
            _ if kind == Kind::Raise => {
                let cost = self.cost_of_raise(&BatchRaiseArgs { batch: draft.number, reward: draft.reward });
                in_token(token, cost)
            }
            _ if !kind.spends() => Ok(0),
            (.., Some(amount)) => Ok(amount.0),
            // A withdrawal without an amount takes everything.
            (.., None) => Ok(self.balance(number, token)?),
        };
        let may = amount.and_then(|amount| {
            key.allows(kind, token, amount, now)?;
            Ok(amount)
        });
        let amount = may.as_ref().map_or(0, |amount| *amount);
        let failed = match may.and_then(|amount| self.act(number, (kind, token, amount), draft, transfers)) {
            Ok(()) => None,
            Err(Stop::Skip(code)) => Some(code),
            Err(Stop::Fail(error)) => Some(code_of(error)?),
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
        account: AccountNo,
        (kind, token, amount): (Kind, TokenId, u128),
        draft: Draft,
        transfers: &mut Vec<Transfer>,
    ) -> Result<(), Stop> {
        let Draft { number: batch, expires_at, lots, reward, .. } = draft;
        match kind {
            Kind::Withdraw => {
                let args = WithdrawArgs { token, amount: Some(Amount(amount)) };
                transfers.push(self.send(account, draft.account_id, args)?);
            }
            Kind::CreateBatch => {
                let batch = draft.batch.ok_or(Skip::Message)?;
                self.create_batch(account, BatchCreateArgs { token, batch })?;
            }
            Kind::Challenge => self.add_challenge(account, &draft.challenge.ok_or(Skip::Message)?)?,
            Kind::Append => self.append(account, draft.append.ok_or(Skip::Message)?)?,
            Kind::ExtendExpiry => self.extend_expiry(account, &BatchExtendExpiryArgs { batch, expires_at })?,
            Kind::Cancel => self.cancel(account, batch)?,
            Kind::Skip if lots.len() > SKIPPED_MAX => return Err(Skip::Message.into()),
            Kind::Skip => self.skip_lots(account, BatchSkipLotsArgs { batch, lots })?,
            Kind::Forget => self.forget_batch(account, batch)?,
            Kind::Raise => self.raise(account, &BatchRaiseArgs { batch, reward })?,
            Kind::Transfer => self.transfer(account, (&draft.receiver_id, draft.memo), token, amount)?,
        }
        Ok(())
    }

    /// Moves balance to an account that has room for it: nobody else's storage deposit pays for what one is sent.
    fn transfer(
        &mut self,
        account: AccountNo,
        (receiver_id, memo): (&str, Option<String>),
        token: TokenId,
        amount: u128,
    ) -> Result<(), Stop> {
        if amount == 0 {
            return Err(Skip::Amount.into());
        }
        let receiver = self.find_account(receiver_id)?.filter(|receiver| *receiver != account).ok_or(Skip::Receiver)?;
        if self.balance(account, token)? < amount {
            return Err(Skip::Balance.into());
        }
        if !self.take_free_room(receiver, token)? {
            return Err(Skip::Receiver.into());
        }
        self.credit(receiver, token, amount)?;
        self.debit(account, token, amount)?;
        self.push(Entry::Transferred { account, receiver, token, amount: Amount(amount), memo });
        Ok(())
    }
}

/// What an intent takes out of the balance, which must be in this token.
fn in_token(token: TokenId, spent: Result<(TokenId, u128), Error>) -> Result<u128, Stop> {
    match spent {
        Ok((of, amount)) if of == token => Ok(amount),
        Ok(_) => Err(Skip::KeyToken.into()),
        Err(error) => Err(Stop::Fail(error)),
    }
}

/// What was signed, if it is an intent within the limits.
fn read(signed: &SignedIntent) -> Option<Draft> {
    if signed.message.len() > MESSAGE_MAX {
        return None;
    }
    let draft: Draft = json::parse(&signed.message).ok()?;
    draft.memo.as_ref().is_none_or(|memo| memo.len() <= MEMO_MAX).then_some(draft)
}

/// The code of a method's error. Only what can never be stops the call, so that no intent fails those beside it.
const fn code_of(error: Error) -> Result<Skip, Error> {
    Ok(match error {
        Error::Balance { .. } => Skip::Balance,
        Error::Storage { .. } => Skip::Storage,
        Error::Amount(_) => Skip::Amount,
        Error::Status(_) => Skip::Stopped,
        Error::Lot(_) | Error::BatchState(..) => Skip::Lot,
        Error::Internal(_) | Error::NotInitialised => return Err(error),
        _ => Skip::Terms,
    })
}
