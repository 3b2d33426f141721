//! `batch_create`, and the message `create_batch` of a deposit.

use piecework_interface::{
    account_id::is_account_id,
    amount::Amount,
    call::{BatchCreateArgs, BatchSpec},
    draw::Draw,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, BatchId, NEAR},
    merkle, money,
    storage::{BATCH_BYTES, URI_MAX},
    view::Window,
};

use crate::engine::{
    Engine, Error, Host,
    balance::charge,
    operator::operator_of,
    record::{Batch, Facts, OpenBatch, Purse},
};

/// Gas that a batch's callback may ask for, in TGas.
const CALLBACK_TGAS: core::ops::RangeInclusive<u8> = 5..=100;

impl<H: Host> Engine<'_, H> {
    /// Creates a batch from the caller's internal balance.
    ///
    /// # Errors
    /// The terms, the balance or the storage deposit do not do.
    pub fn batch_create(mut self, args: BatchCreateArgs) -> Result<BatchId, Error> {
        self.assert_one_yocto()?;
        let requester = self.caller()?;
        let batch = self.create_batch(requester, args)?;
        self.finish("batch_create", None)?;
        Ok(batch)
    }

    /// Debits the escrow and opens group 0, or changes nothing.
    pub(in crate::engine) fn create_batch(
        &mut self,
        requester: AccountNo,
        args: BatchCreateArgs,
    ) -> Result<BatchId, Error> {
        self.assert_runs(Feature::Batches)?;
        let BatchCreateArgs {
            token,
            batch: BatchSpec { terms, items, manifest, uri, gold_root, callback, appendable, forget_on_close, referrer },
        } = args;
        if token == NEAR {
            // NEAR has no minimum reward and no bond rate: stake claimed back is not a reward token.
            return Err(Error::Token(token));
        }
        if items == 0 {
            return Err(Error::Batch("items must be above 0"));
        }
        if uri.len() > URI_MAX {
            return Err(Error::Batch("uri must have at most 256 bytes"));
        }
        if terms.class.0 >= self.root.next_class {
            return Err(Error::Batch("class must be a registered one: see the view `classes`"));
        }
        for account in terms.adjudicator().into_iter().chain(referrer.map(|referrer| referrer.account)) {
            self.accounts.peek(&*self.host, account)?.ok_or(Error::Account("the adjudicator or the referrer"))?;
        }
        if referrer.is_some_and(|referrer| !referrer.is_possible()) {
            return Err(Error::Batch("a referrer's part must be at most 50 percent of the fee"));
        }
        if let Some(callback) = &callback
            && !(is_account_id(&callback.account_id) && CALLBACK_TGAS.contains(&callback.tgas))
        {
            return Err(Error::Batch("callback needs an account id and 5 to 100 TGas"));
        }
        if forget_on_close && callback.is_some() {
            return Err(Error::Batch("forget_on_close leaves no row for a callback: name one of them"));
        }
        let row = self.tokens.peek(&*self.host, token)?.ok_or(Error::Token(token))?;
        let (min_reward, bond_rate, rep_unit) = (row.min_reward, row.bond_rate, row.rep_unit);
        let now = self.now;
        let config = self.config()?;
        terms.check(&config.bounds, min_reward.0, now)?;
        let fixed = config.fix(bond_rate, rep_unit);
        let escrow = money::escrow(&terms, fixed.fee_bps, items);
        self.rest(requester, token, escrow)?;
        let account = self.account(requester)?;
        charge(account, BATCH_BYTES)?;
        account.batches += 1;
        let requester_operator = operator_of(account, requester);
        self.debit(requester, token, escrow)?;
        let batch = BatchId(self.root.next_batch);
        self.root.next_batch = batch.0.checked_add(1).ok_or(Error::Internal("batch numbers are used up"))?;
        let mut window = Window::default();
        if terms.adjudicator().is_none() {
            window.draws[0] = Draw::Opened(now);
        }
        self.push(Entry::BatchCreated {
            batch,
            requester,
            token,
            items,
            manifest,
            gold_root,
            callback: callback.clone(),
            uri,
            escrow: Amount(escrow),
            terms: terms.clone(),
            fixed: fixed.clone(),
            appendable,
            forget_on_close,
            referrer,
        });
        let facts = Facts {
            requester,
            requester_operator,
            token,
            terms,
            fixed,
            items,
            manifest,
            callback,
            created_at: now,
            appendable,
            forget_on_close,
            referrer,
            appended: merkle::EMPTY,
        };
        let purse = Purse { escrow, ..Purse::default() };
        let open = OpenBatch { facts, cancelled: false, accepted: false, adjudicator_operator: None, window, purse };
        self.batches.put(batch, Batch::Open(Box::new(open)));
        Ok(batch)
    }
}
