//! `batch_append` and `batch_extend_expiry`: a batch that lives on.

use piecework_interface::{
    amount::Amount,
    call::{BatchAppendArgs, BatchExtendExpiryArgs},
    event::Entry,
    governance::Feature,
    ids::{AccountNo, TokenId},
    money,
    round::batch_closed_to_claims,
    segments::{self, Segment},
    storage::URI_MAX,
};

use crate::engine::{Engine, Error, Host, balance::add, record::OpenBatch};

impl<H: Host> Engine<'_, H> {
    /// Adds lots to an appendable batch, with their escrow out of the caller's balance.
    ///
    /// # Errors
    /// The caller is not the requester, the batch takes no appends, or the balance does not do.
    pub fn batch_append(mut self, args: BatchAppendArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.append(caller, args)?;
        self.finish("batch_append", None)
    }

    /// The token of a batch, and the escrow that these items take if they are appended to it.
    pub(in crate::engine) fn escrow_of(&mut self, args: &BatchAppendArgs) -> Result<(TokenId, u128), Error> {
        let open = self.peek_open(args.batch)?;
        let facts = &open.facts;
        Ok((facts.token, money::escrow(&facts.terms, facts.fixed.fee_bps, args.items)))
    }

    /// Debits the escrow and adds the lots, or changes nothing.
    pub(in crate::engine) fn append(&mut self, requester: AccountNo, args: BatchAppendArgs) -> Result<(), Error> {
        self.assert_runs(Feature::Batches)?;
        let BatchAppendArgs { batch, items, manifest, uri } = args;
        if uri.len() > URI_MAX {
            return Err(Error::Batch("uri must have at most 256 bytes"));
        }
        let (token, escrow) = self.escrow_of(&BatchAppendArgs { batch, items, ..BatchAppendArgs::default() })?;
        let now = self.now;
        let OpenBatch { facts, cancelled, .. } = self.batch_of(batch, requester)?;
        if !facts.appendable {
            return Err(Error::BatchState(batch, "is not appendable"));
        }
        if batch_closed_to_claims(&facts.terms, *cancelled, now) {
            return Err(Error::BatchState(batch, "takes no claims any more: it is cancelled, or expires too soon"));
        }
        let total = facts.items.checked_add(items).filter(|_| items > 0);
        let total = total.ok_or(Error::Batch("items must be above 0, and below 2^32 in all"))?;
        if facts.items % u32::from(facts.terms.lot_size) != 0 {
            return Err(Error::BatchState(batch, "has a short last lot: nothing can follow it"));
        }
        self.rest(requester, token, escrow)?;
        let open = self.batch_of(batch, requester)?;
        let opened = open.window.append(open.facts.lots(), &open.facts.terms, now);
        let opened =
            opened.ok_or(Error::BatchState(batch, "has a seed that still chooses: append some slices later"))?;
        add(&mut open.purse.escrow, escrow, "the escrow of a batch")?;
        let segment = Segment { first_item: open.facts.items, items, manifest };
        open.facts.items = total;
        open.facts.appended = segments::appended(H::SHA256, &open.facts.appended, &segment);
        // An adjudicator has not agreed to score these: it accepts them by topping up.
        open.accepted = false;
        self.debit(requester, token, escrow)?;
        self.push(Entry::BatchAppended { batch, items, manifest, uri, escrow: Amount(escrow), opened });
        Ok(())
    }

    /// Lets a batch expire later.
    ///
    /// # Errors
    /// The caller is not the requester, or the batch may not expire then.
    pub fn batch_extend_expiry(mut self, args: BatchExtendExpiryArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.extend_expiry(caller, &args)?;
        self.finish("batch_extend_expiry", None)
    }

    /// Sets a later expiry, or changes nothing.
    pub(in crate::engine) fn extend_expiry(
        &mut self,
        requester: AccountNo,
        &BatchExtendExpiryArgs { batch, expires_at }: &BatchExtendExpiryArgs,
    ) -> Result<(), Error> {
        self.assert_runs(Feature::Batches)?;
        let (now, lifetime) = (self.now, self.config()?.bounds.lifetime_max_s);
        let open = self.batch_of(batch, requester)?;
        let created_at = open.facts.created_at;
        let terms = &mut open.facts.terms;
        if !terms.may_expire_at(expires_at, open.cancelled, (created_at, lifetime), now) {
            return Err(Error::Batch(
                "expires_at must be later than it is and within the longest life of a batch, which takes claims and has no adjudicator",
            ));
        }
        terms.expires_at = expires_at;
        self.push(Entry::ExpiryExtended { batch, expires_at });
        Ok(())
    }
}
