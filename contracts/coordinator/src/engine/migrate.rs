//! From the records of release 0.1.0 to today's: what can be many is brought over when it is next touched, the few tokens
//! in `migrate`.

use piecework_interface::{
    event::Entry,
    governance::Change,
    ids::{BatchId, LotId, TokenId},
};

use super::{
    Engine, Error, Host,
    govern::NO_PROPOSAL,
    key::{Prefix, numbered},
    record::{Batch, Begun, Lot, Purse, Token},
};

impl<H: Host> Engine<'_, H> {
    /// The first call of new code, in the batch that deploys it: brings records to its versions and notes that the proposal
    /// holds. It reads the records that every call needs, so that code that cannot read them never stays.
    ///
    /// # Errors
    /// The caller is not the contract itself, or a record cannot be read.
    pub fn migrate(mut self, number: u32) -> Result<(), Error> {
        if self.host.predecessor() != self.host.current_account() {
            return Err(Error::Caller("the contract itself"));
        }
        let Change::Code(_) = self.take_ready(number)? else { return Err(NO_PROPOSAL) };
        self.move_in_flight()?;
        self.push(Entry::Applied { number });
        self.finish("migrate", None)
    }

    /// What was in flight of a token stood in its own record.
    fn move_in_flight(&mut self) -> Result<(), Error> {
        for token in (0..self.settings()?.tokens).map(TokenId) {
            let first = self.host.read(&numbered(Prefix::Token, token)).and_then(|bytes| Token::load_first(&bytes));
            if let Some((row, in_flight)) = first {
                self.tokens.put(token, row);
                self.root.set_in_flight(token, in_flight);
            }
        }
        Ok(())
    }

    /// An open batch had a record for its purse, and did not know which of its lots have one.
    pub(super) fn join_purse(&mut self, batch: BatchId) -> Result<(), Error> {
        if !matches!(self.batches.peek(&*self.host, batch)?, Some(Batch::Split(_))) {
            return Ok(());
        }
        let key = numbered(Prefix::Purse, batch);
        let purse = self.host.read(&key).and_then(|bytes| Purse::load_row(&bytes));
        if let (Some(Batch::Split(mut open)), Some(purse)) = (self.batches.take(&*self.host, batch)?, purse) {
            open.purse = purse;
            open.begun = Begun::unknown(open.window.frontier);
            self.batches.put(batch, Batch::Open(open));
            self.names.push((key, None));
            return Ok(());
        }
        Err(Error::Internal("a purse is missing"))
    }

    /// A lot's record did not say what its round asks.
    pub(super) fn complete_lot(&mut self, batch: BatchId, lot: LotId, found: Lot) -> Result<Lot, Error> {
        if found.seats != 0 {
            return Ok(found);
        }
        let place = self.place_of_record(batch, lot)?;
        Ok(Lot::new(&place.facts.terms, place.items, found.state))
    }
}
