//! `batch_create`, and the message `create_batch` of a deposit.

use piecework_interface::{
    amount::Amount,
    call::{BatchCreateArgs, BatchSpec},
    config::Fixed,
    draw::Draw,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, BatchId, NEAR},
    money,
    storage::{BATCH_BYTES, URI_MAX},
    view::Window,
};

use crate::engine::{
    Engine, Error, Host,
    balance::charge,
    record::{Batch, Facts, OpenBatch, Purse},
};

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
        let BatchCreateArgs { token, batch: BatchSpec { terms, items, manifest, uri } } = args;
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
        let row = self.tokens.peek(&*self.host, token)?.ok_or(Error::Token(token))?;
        let (min_reward, bond_rate, rep_unit) = (row.min_reward, row.bond_rate, row.rep_unit);
        let now = self.now;
        let config = self.config()?;
        terms.check(&config.bounds, min_reward.0, now)?;
        let fixed = Fixed {
            fee_bps: config.fee_bps,
            bond_rate,
            rep_unit,
            reputation_interval_s: config.reputation_interval_s,
            grace_s: config.grace_s,
        };
        let escrow = money::escrow(&terms, fixed.fee_bps, items);
        let (balance, needed) = (self.balance(requester, token)?, escrow);
        if balance < needed {
            return Err(Error::Balance { token, balance, needed });
        }
        let account = self.account(requester)?;
        charge(account, BATCH_BYTES)?;
        account.batches += 1;
        self.debit(requester, token, escrow)?;
        let batch = BatchId(self.root.next_batch);
        self.root.next_batch = batch.0.checked_add(1).ok_or(Error::Internal("batch numbers are used up"))?;
        let mut window = Window::default();
        window.draws[0] = Draw::Opened(now);
        self.push(Entry::BatchCreated {
            batch,
            requester,
            token,
            items,
            manifest,
            uri,
            escrow: Amount(escrow),
            terms: terms.clone(),
            fixed: fixed.clone(),
        });
        let facts = Facts { requester, token, terms, fixed, items, manifest, created_at: now };
        self.batches.put(batch, Batch::Open(Box::new(OpenBatch { facts, cancelled: false, window })));
        self.purses.put(batch, Purse { escrow, ..Purse::default() });
        Ok(batch)
    }
}
