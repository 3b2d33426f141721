//! Which token a command means, and how its amounts are written.

use piecework_chain::{
    AccountId, RpcClient,
    ft::{self, Metadata},
};
use piecework_console::{
    Problem,
    amount::{AmountError, Decimal, NEAR_DECIMALS, format_units},
};
use piecework_interface::{
    ids::{NEAR, TokenId},
    view::Token,
};

use crate::context::Context;

/// A listed token with its NEP-148 metadata.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// As the coordinator lists it.
    pub listed: Token,
    /// NEP-141 account; `None` for NEAR.
    pub account_id: Option<AccountId>,
    /// Symbol.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
}

impl TokenInfo {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> TokenId {
        self.listed.token
    }

    /// An amount as typed, in the token's smallest unit.
    ///
    /// # Errors
    /// If it is more precise than the token, or too large.
    pub fn units(&self, amount: &Decimal) -> Result<u128, AmountError> {
        amount.to_units(self.decimals)
    }

    /// Units as people read them, with the symbol.
    #[must_use]
    pub fn show(&self, units: u128) -> String {
        format!("{} {}", format_units(units, self.decimals), self.symbol)
    }

    /// The NEP-141 account.
    ///
    /// # Errors
    /// If the token is NEAR.
    pub fn contract(&self) -> Result<&AccountId, Problem> {
        self.account_id
            .as_ref()
            .ok_or_else(|| Problem::new("NEAR is not a NEP-141 token", "pass --token with the reward token's account"))
    }
}

/// The token that `selector` names by account id, number or `near`; without one, the only listed NEP-141 token.
///
/// # Errors
/// If it names none, or several are listed and none is named.
pub async fn resolve(context: &Context, selector: Option<&str>) -> anyhow::Result<TokenInfo> {
    let coordinator = context.coordinator()?;
    let tokens = coordinator.tokens().await?;
    let listed = select(&tokens, selector, coordinator.account_id())?;
    info(&context.rpc, listed.clone()).await
}

/// A listed token with its metadata.
///
/// # Errors
/// If the token contract cannot be asked.
pub async fn info(rpc: &RpcClient, listed: Token) -> anyhow::Result<TokenInfo> {
    if listed.token == NEAR {
        return Ok(TokenInfo { listed, account_id: None, symbol: "NEAR".to_owned(), decimals: NEAR_DECIMALS });
    }
    let account_id: AccountId = listed.account_id.parse()?;
    let Metadata { symbol, decimals } = ft::metadata(rpc, &account_id).await?;
    Ok(TokenInfo { listed, account_id: Some(account_id), symbol, decimals })
}

fn select<'a>(tokens: &'a [Token], selector: Option<&str>, contract: &AccountId) -> Result<&'a Token, Problem> {
    let rewards: Vec<&Token> = tokens.iter().filter(|token| token.token != NEAR).collect();
    let names = || rewards.iter().map(|token| token.account_id.as_str()).collect::<Vec<_>>().join(", ");
    match selector {
        None => match rewards.as_slice() {
            [only] => Ok(only),
            [] => Err(Problem::new(
                format!("{contract} lists no reward token"),
                "its owner lists one with `piecework token list TOKEN`",
            )),
            _ => Err(Problem::new("several tokens are listed", format!("pass --token with one of: {}", names()))),
        },
        Some(selector) => tokens
            .iter()
            .find(|token| {
                token.account_id == selector
                    || token.token.to_string() == selector
                    || token.token == NEAR && selector.eq_ignore_ascii_case("near")
            })
            .ok_or_else(|| {
                Problem::new(
                    format!("{contract} does not list the token {selector}"),
                    format!("pass --token with one of: near, {}", names()),
                )
            }),
    }
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;
    use piecework_interface::amount::Amount;

    use super::*;
    fn tokens(accounts: &[&str]) -> Vec<Token> {
        let token = |(number, account_id): (u16, &str)| Token {
            token: TokenId(number),
            account_id: account_id.to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1),
            pool: Amount(0),
            in_flight: Amount(0),
        };
        (0..).zip([""].into_iter().chain(accounts.iter().copied())).map(token).collect()
    }

    fn chosen(accounts: &[&str], selector: Option<&str>) -> Result<u16, anyhow::Error> {
        let contract = "c.test".parse().unwrap();
        Ok(select(&tokens(accounts), selector, &contract).map(|token| token.token.0)?)
    }

    #[test]
    fn token__should_be_found_by_account_number_or_name() {
        assert_eq!(chosen(&["a.test", "b.test"], Some("b.test")).unwrap(), 2);
        assert_eq!(chosen(&["a.test", "b.test"], Some("1")).unwrap(), 1);
        assert_eq!(chosen(&["a.test"], Some("NEAR")).unwrap(), 0);
    }

    #[test]
    fn token__should_default_to_the_only_reward_token() {
        assert_eq!(chosen(&["a.test"], None).unwrap(), 1);
        let error = chosen(&["a.test", "b.test"], None).unwrap_err();
        assert!(fix_of(&error).unwrap().contains("a.test, b.test"));
        assert!(chosen(&[], None).unwrap_err().to_string().contains("lists no reward token"));
    }

    #[test]
    fn token__should_be_refused_when_unlisted_with_the_listed_ones() {
        let error = chosen(&["a.test"], Some("x.test")).unwrap_err();
        assert_eq!(error.to_string(), "c.test does not list the token x.test");
        assert!(fix_of(&error).unwrap().contains("near, a.test"));
    }
}
