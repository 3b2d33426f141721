//! The registry of reward tokens.

use piecework_interface::{call::TokenListArgs, event::Entry, governance::Prices, ids::TokenId};

use super::{
    Engine, Error, Host,
    govern::{By, PRICES},
    key::{Prefix, named},
    record::Token,
};

impl<H: Host> Engine<'_, H> {
    /// Lists a NEP-141 token.
    ///
    /// # Errors
    /// The caller is not the owner, or the token is listed.
    pub fn token_list(mut self, args: TokenListArgs) -> Result<TokenId, Error> {
        let settings = self.govern(&[By::TokenAdmin])?;
        let token = TokenId(settings.tokens);
        settings.tokens = token.0.checked_add(1).ok_or(Error::Internal("token numbers are used up"))?;
        let TokenListArgs { account_id, min_reward, rep_unit, bond_rate } = args;
        if !(Prices { token, min_reward, rep_unit, bond_rate }).are_possible() {
            return Err(Error::Amount(PRICES));
        }
        let name = named(Prefix::TokenName, &account_id);
        if self.host.read(&name).is_some() {
            return Err(Error::TokenListed);
        }
        self.names.push((name, Some(token.0.to_be_bytes().to_vec())));
        let row = Token { account_id: account_id.clone(), min_reward, rep_unit, bond_rate, pool: 0 };
        self.tokens.put(token, row);
        self.push(Entry::TokenListed { token, account_id, min_reward, rep_unit, bond_rate });
        self.finish("token_list", None)?;
        Ok(token)
    }

    /// The number of a listed token's contract.
    pub(super) fn find_token(&self, account_id: &str) -> Result<TokenId, Error> {
        let bytes = self.host.read(&named(Prefix::TokenName, account_id)).ok_or(Error::TokenAccount)?;
        let bytes = bytes.try_into().map_err(|_| Error::Internal("a token number cannot be read"))?;
        Ok(TokenId(u16::from_be_bytes(bytes)))
    }

    /// A listed token.
    pub(super) fn token(&mut self, token: TokenId) -> Result<&mut Token, Error> {
        self.tokens.edit(&*self.host, token)?.ok_or(Error::Token(token))
    }
}
