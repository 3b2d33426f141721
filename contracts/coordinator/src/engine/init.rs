//! `new`.

use piecework_interface::{amount::Amount, config::Config, event::Entry, ids::NEAR, money::FEE_BPS_MAX};

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
        if host.read(ROOT).is_some() {
            return Err(Error::Initialised);
        }
        if config.min_stake.0 == 0 {
            return Err(Error::Input("config.min_stake must be above 0"));
        }
        if config.fee_bps > FEE_BPS_MAX {
            return Err(Error::Input("config.fee_bps must be at most 1000"));
        }
        let bounds = &config.bounds;
        if bounds.slice_s.0 == 0 || bounds.claim_ttl_s.0 == 0 || bounds.reveal_window_s.0 == 0 {
            return Err(Error::Input("the least slice_s, claim_ttl_s and reveal_window_s must be above 0"));
        }
        if bounds.dissent_slash_pct_max > 100 || bounds.abandon_slash_pct_max > 100 {
            return Err(Error::Input("caps of slash rates must be at most 100"));
        }
        let mut engine = Self::with_root(host, Root::default());
        let none = Amount(0);
        let near = Token {
            account_id: String::new(),
            min_reward: none,
            rep_unit: none,
            bond_rate: none,
            pool: 0,
            in_flight: 0,
        };
        engine.tokens.put(NEAR, near);
        engine.push(Entry::Configured { config: config.clone() });
        engine.push(Entry::TokenListed {
            token: NEAR,
            account_id: String::new(),
            min_reward: none,
            rep_unit: none,
            bond_rate: none,
        });
        engine.settings.put((), Settings { owner: owner_id, tokens: 1, config });
        engine.finish("new", None)
    }
}
