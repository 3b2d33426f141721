//! The first call of new code.

use piecework_interface::{event::Entry, governance::Change};

use super::{Engine, Error, Host, govern::NO_PROPOSAL};

impl<H: Host> Engine<'_, H> {
    /// The first call of new code, in the batch that deploys it: notes that the proposal holds. A version that changes what
    /// many records say brings each over when it is next touched. It reads the records that every call needs, so that code
    /// that cannot read them never stays.
    ///
    /// # Errors
    /// The caller is not the contract itself, or a record cannot be read.
    pub fn migrate(mut self, number: u32) -> Result<(), Error> {
        if self.host.predecessor() != self.host.current_account() {
            return Err(Error::Caller("the contract itself"));
        }
        let Change::Code(_) = self.take_ready(number)? else { return Err(NO_PROPOSAL) };
        self.push(Entry::Applied { number });
        self.finish("migrate", None)
    }
}
