//! `new`.

use piecework_interface::{
    account_id::is_account_id, amount::Amount, config::Config, event::Entry, governance, ids::NEAR,
};

use super::{
    Engine, Error, Host,
    key::ROOT,
    record::{Root, Settings, Token},
};

impl<'h, H: Host> Engine<'h, H> {
    /// Initialises the contract.
    ///
    /// # Errors
    /// It is initialised already, or the configuration cannot work.
    pub fn init(host: &'h mut H, owner_id: String, config: Config) -> Result<(), Error> {
        if !is_account_id(&owner_id) {
            return Err(Error::Argument("owner_id"));
        }
        if host.read(ROOT).is_some() {
            return Err(Error::Initialised);
        }
        config.check().map_err(Error::Input)?;
        let mut engine = Self::with_root(host, Root { min_stake: config.min_stake.0, ..Root::default() });
        let none = Amount(0);
        let near = Token { account_id: String::new(), min_reward: none, rep_unit: none, bond_rate: none, pool: 0 };
        engine.tokens.put(NEAR, near);
        engine.push(Entry::Configured { config: config.clone() });
        engine.push(Entry::TokenListed {
            token: NEAR,
            account_id: String::new(),
            min_reward: none,
            rep_unit: none,
            bond_rate: none,
        });
        engine.push(Entry::OwnerSet { account_id: owner_id.clone() });
        let governance = governance::Settings { owner_id, config, ..governance::Settings::default() };
        engine.settings.put((), Settings { tokens: 1, governance });
        engine.finish("new", None)
    }
}
