//! `batch_raise`: a higher reward for the lots of a batch that no node has begun.

use piecework_interface::{
    amount::Amount,
    call::BatchRaiseArgs,
    event::Entry,
    governance::Feature,
    ids::{AccountNo, LotId, TokenId},
    lots, money,
};

use crate::engine::{Engine, Error, Host, balance::add, record::OpenBatch};

impl<H: Host> Engine<'_, H> {
    /// Raises the reward of lots without a record, with what their escrow lacks out of the caller's balance.
    ///
    /// # Errors
    /// The caller is not the requester, the reward may not rise to this, or the balance does not do.
    pub fn batch_raise(mut self, args: &BatchRaiseArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.raise(caller, args)?;
        self.finish("batch_raise", None)
    }

    /// The token of a batch, and what this raise adds to its escrow.
    pub(in crate::engine) fn cost_of_raise(&mut self, args: &BatchRaiseArgs) -> Result<(TokenId, u128), Error> {
        let OpenBatch { facts, window, purse, .. } = self.peek_open(args.batch)?;
        let last = LotId(facts.lots().saturating_sub(1));
        let (past, settled) = ((purse.results.count, purse.live), window.is_marked(last));
        let waits = !settled && self.lots.peek(&*self.host, (args.batch, last))?.is_none();
        let facts = &self.peek_open(args.batch)?.facts;
        let waiting = lots::waiting_lots(facts.items, facts.terms.lot_size, past, waits);
        Ok((facts.token, money::raise(&facts.terms, facts.fixed.fee_bps, args.reward, waiting)))
    }

    /// Debits the difference and sets the reward, or changes nothing. Lots with a record keep theirs.
    pub(in crate::engine) fn raise(&mut self, requester: AccountNo, args: &BatchRaiseArgs) -> Result<(), Error> {
        self.assert_runs(Feature::Batches)?;
        let BatchRaiseArgs { batch, reward } = *args;
        let (token, escrow) = self.cost_of_raise(args)?;
        let now = self.now;
        let open = self.batch_of(batch, requester)?;
        if !open.facts.terms.may_be_raised_to(reward.0, open.cancelled, now) {
            return Err(Error::Batch(
                "reward must be even, above what it is and below 2^80, of a batch that takes claims",
            ));
        }
        self.debit(requester, token, escrow)?;
        let open = self.batch_of(batch, requester)?;
        add(&mut open.purse.escrow, escrow, "the escrow of a batch")?;
        open.facts.terms.reward = reward;
        // An adjudicator answers by parts of the reward: it accepts the new one by topping up.
        open.accepted = false;
        self.push(Entry::Raised { batch, reward, escrow: Amount(escrow) });
        Ok(())
    }
}
