//! The rules of the coordinator, without NEAR's SDK: one [`Engine`] per call over a [`Host`].
//!
//! Every public method is one contract method: it checks, changes records in memory, and ends by `finish`,
//! which stores them and writes the journal line. A method that returns an error has stored nothing.

mod account;
mod balance;
mod batch;
mod caller;
mod case;
mod class;
mod deposit;
pub mod error;
mod govern;
pub mod host;
mod init;
mod intent;
mod intent_key;
pub mod key;
mod lot;
mod migrate;
mod node;
mod operator;
mod payout;
mod poke;
pub mod record;
mod settle;
mod stake;
pub mod table;
mod token;
mod treasury;
pub mod views;
mod withdraw;
mod work;

pub use account::{Payout, StorageBalance, storage_minimum};
pub use error::Error;
pub use host::Host;
pub use poke::Tell;
pub use withdraw::Transfer;

use piecework_compact::json::Text;
use piecework_interface::{
    config::Config,
    event::{self, Entry},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    journal,
    view::Class,
};

use self::{
    key::ROOT,
    record::{Account, Balance, Batch, Lot, Root, Settings, Token},
    table::Table,
};

/// Bytes of log that one call may write, less room for the frame of the line.
const LOG_ROOM: usize = 16_384 - 256;

/// One call.
#[derive(Debug)]
pub struct Engine<'h, H: Host> {
    host: &'h mut H,
    now: u32,
    height: u32,
    root: Root,
    /// The number that the caller says is its own.
    named: Option<AccountNo>,
    settings: Table<(), Settings>,
    accounts: Table<AccountNo, Account>,
    balances: Table<(AccountNo, TokenId), Balance>,
    classes: Table<ClassId, Class>,
    tokens: Table<TokenId, Token>,
    batches: Table<BatchId, Batch>,
    lots: Table<(BatchId, LotId), Lot>,
    /// Rows outside the tables: names.
    names: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Entries of the line, written already.
    entries: Text,
}

impl<'h, H: Host> Engine<'h, H> {
    /// Starts a call on an initialised contract.
    ///
    /// # Errors
    /// The contract is not initialised.
    pub fn start(host: &'h mut H) -> Result<Self, Error> {
        let bytes = host.read(ROOT).ok_or(Error::NotInitialised)?;
        let root = Root::load(&bytes).ok_or(Error::Internal("the root record cannot be read"))?;
        Ok(Self::with_root(host, root))
    }

    /// Takes the caller's word for its number, which spares a look-up by name. The account's record proves it.
    #[must_use]
    pub const fn naming(mut self, account: Option<AccountNo>) -> Self {
        self.named = account;
        self
    }

    fn with_root(host: &'h mut H, root: Root) -> Self {
        Self {
            now: u32::try_from(host.now_ns() / 1_000_000_000).unwrap_or(u32::MAX),
            height: u32::try_from(host.height()).unwrap_or(u32::MAX),
            host,
            root,
            named: None,
            settings: Table::default(),
            accounts: Table::default(),
            balances: Table::default(),
            classes: Table::default(),
            tokens: Table::default(),
            batches: Table::default(),
            lots: Table::default(),
            names: Vec::new(),
            entries: Text::new(),
        }
    }

    fn settings(&mut self) -> Result<&Settings, Error> {
        self.settings.peek(&*self.host, ())?.ok_or(Error::NotInitialised)
    }

    fn config(&mut self) -> Result<&Config, Error> {
        Ok(&self.settings()?.governance.config)
    }

    /// Adds an entry to the line.
    fn push(&mut self, entry: Entry) {
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        entry.write(&mut self.entries);
    }

    /// Whether so many more bytes of entries fit the line.
    const fn fits(&self, bytes: usize) -> bool {
        self.entries.len() + bytes <= LOG_ROOM
    }

    /// Stores every change and writes the line of the journal.
    fn finish(&mut self, event: &str, node: Option<AccountNo>) -> Result<(), Error> {
        let line = event::frame(self.root.seq, event, node, &self.entries);
        self.root.head = journal::next_head(H::SHA256, &self.root.head, &line);
        self.root.seq += 1;
        self.host.write(ROOT, &self.root.store());
        for (key, value) in self.names.drain(..) {
            match value {
                Some(value) => self.host.write(&key, &value),
                None => self.host.remove(&key),
            }
        }
        self.settings.flush(self.host);
        self.accounts.flush(self.host);
        self.balances.flush(self.host);
        self.classes.flush(self.host);
        self.tokens.flush(self.host);
        self.batches.flush(self.host);
        self.lots.flush(self.host);
        self.host.log(&line);
        Ok(())
    }
}
