//! Amounts, accounts and times as people read them.

use std::collections::BTreeMap;

use piecework_api::{Token, amount::format_units};
use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, TokenId},
};

/// Digits of NEAR after the point.
const NEAR_DIGITS: u8 = 6;

/// An amount of yoctoNEAR in NEAR, cut off after six digits.
#[must_use]
pub fn near(yoctonear: u128) -> String {
    match yoctonear / 10_u128.pow(u32::from(24 - NEAR_DIGITS)) {
        0 if yoctonear > 0 => "less than 0.000001 NEAR".to_owned(),
        micronear => format!("{} NEAR", format_units(micronear, NEAR_DIGITS)),
    }
}

/// The time of day of Unix seconds, UTC.
#[must_use]
pub fn clock(at: u32) -> String {
    let second = at % 86_400;
    format!("{:02}:{:02}:{:02} UTC", second / 3_600, second / 60 % 60, second % 60)
}

/// How long ago Unix seconds were, with the time of day.
#[must_use]
pub fn when(at: u32, now_s: u32) -> String {
    match now_s.saturating_sub(at) / 86_400 {
        0 => clock(at),
        days => format!("{}, {days} d ago", clock(at)),
    }
}

/// Names that a gateway gives to the numbers of accounts and tokens. Numbers stay where it gives none.
#[derive(Clone, Debug, Default)]
pub struct Names {
    accounts: BTreeMap<AccountNo, String>,
    tokens: BTreeMap<TokenId, Token>,
}

impl Names {
    /// Names of these accounts and tokens.
    pub fn new(
        accounts: impl IntoIterator<Item = (AccountNo, String)>,
        tokens: impl IntoIterator<Item = Token>,
    ) -> Self {
        let tokens = tokens.into_iter().map(|token| (token.row.token, token)).collect();
        Self { accounts: accounts.into_iter().collect(), tokens }
    }

    /// An amount of a token with its symbol.
    #[must_use]
    pub fn amount(&self, token: TokenId, amount: Amount) -> String {
        match self.tokens.get(&token) {
            _ if token.0 == 0 => near(amount.0),
            Some(known) => known.amount(amount),
            None => format!("{amount} units of token {token}"),
        }
    }

    /// A sentence of the agent with names in the place of `account 3` and `40000 units of token 1`.
    #[must_use]
    pub fn read(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        let mut read = Vec::with_capacity(words.len());
        let mut rest = words.as_slice();
        while let [word, after @ ..] = rest {
            if let Some((text, after)) = self.phrase(rest) {
                read.push(text);
                rest = after;
            } else {
                read.push((*word).to_owned());
                rest = after;
            }
        }
        read.join(" ")
    }

    /// The name of the account or amount that the words begin with, and the words behind it.
    fn phrase<'a>(&self, words: &'a [&'a str]) -> Option<(String, &'a [&'a str])> {
        match words {
            ["account", number, after @ ..] => {
                let (number, mark) = number_of(number)?;
                let name = self.accounts.get(&AccountNo(number.try_into().ok()?))?;
                Some((format!("{name}{mark}"), after))
            }
            [amount, "units", "of", "token", token, after @ ..] | [amount, "of", "token", token, after @ ..] => {
                let (amount, (token, mark)) = (amount.parse().ok()?, number_of(token)?);
                let amount = self.amount(TokenId(token.try_into().ok()?), Amount(amount));
                Some((format!("{amount}{mark}"), after))
            }
            _ => None,
        }
    }
}

/// A number and the punctuation behind it.
fn number_of(word: &str) -> Option<(u64, &str)> {
    let digits = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
    let (number, mark) = word.split_at(digits);
    Some((number.parse().ok()?, mark))
}

#[cfg(test)]
mod tests {
    use piecework_interface::view;

    use super::*;

    #[test]
    fn near__should_be_short() {
        assert_eq!(near(15 * 10_u128.pow(24)), "15 NEAR");
        assert_eq!(near(1_234_567_899 * 10_u128.pow(15)), "1.234567 NEAR");
        assert_eq!((near(1), near(0)), ("less than 0.000001 NEAR".to_owned(), "0 NEAR".to_owned()));
    }

    #[test]
    fn time__should_be_that_of_the_day() {
        assert_eq!(clock(1_796_140_358), "15:52:38 UTC");
        assert_eq!(when(1_796_140_358, 1_796_140_400), "15:52:38 UTC");
        assert_eq!(when(1_796_140_358, 1_796_140_358 + 200_000), "15:52:38 UTC, 2 d ago");
    }

    #[test]
    fn names__should_stand_in_the_place_of_numbers() {
        // Given a gateway that knows one account and one token
        let zero = Amount(0);
        let row = view::Token {
            token: TokenId(1),
            account_id: "pwl.near".to_owned(),
            min_reward: zero,
            rep_unit: zero,
            bond_rate: zero,
            pool: zero,
            in_flight: zero,
        };
        let token = Token { row, symbol: Some("PWL".to_owned()), decimals: Some(6) };
        let names = Names::new([(AccountNo(3), "judge.near".to_owned())], [token]);

        // Then their numbers are read as names, and those of others stay
        assert_eq!(
            names.read("account 3 scores it, which is not trusted"),
            "judge.near scores it, which is not trusted"
        );
        assert_eq!(
            names.read("it pays 40000 of token 1, less than 2 units of token 0"),
            "it pays 0.04 PWL, less than less than 0.000001 NEAR"
        );
        assert_eq!(names.read("account 4 has 5 units of token 2"), "account 4 has 5 units of token 2");
        assert_eq!(names.read("batch 3: account 3: no"), "batch 3: judge.near: no");
    }
}
