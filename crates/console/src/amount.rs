//! Amounts as people write them: decimals of a token, exact, without floating point.

use std::{fmt, str::FromStr};

pub use piecework_api::amount::format_units;

/// Decimals of NEAR: 1 NEAR is 10^24 yoctoNEAR.
pub const NEAR_DECIMALS: u8 = 24;
/// yoctoNEAR of one NEAR.
pub const ONE_NEAR: u128 = 1_000_000_000_000_000_000_000_000;

/// A decimal number as typed, not yet in units of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    text: String,
    whole: String,
    fraction: String,
}

/// Why text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("`{0}` is not an amount; write digits with at most one point, such as 10 or 0.25")]
    Malformed(String),
    /// More digits after the point than the token has.
    #[error("`{text}` has {digits} digits after the point; the token has {decimals}, so round it")]
    TooPrecise {
        /// As typed.
        text: String,
        /// Digits after the point.
        digits: usize,
        /// Decimals of the token.
        decimals: u8,
    },
    /// Does not fit 128 bits.
    #[error("`{text}` is more than an amount can hold; the most with {decimals} decimals is {most}", most = format_units(u128::MAX, *decimals))]
    TooLarge {
        /// As typed.
        text: String,
        /// Decimals of the token.
        decimals: u8,
    },
}

impl FromStr for Decimal {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let plain = text.replace('_', "");
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(AmountError::Malformed(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), whole: whole.to_owned(), fraction: fraction.trim_end_matches('0').to_owned() })
    }
}

impl Decimal {
    /// The amount in the token's smallest unit.
    ///
    /// # Errors
    /// If the token has fewer decimals, or the amount does not fit `u128`.
    pub fn to_units(&self, decimals: u8) -> Result<u128, AmountError> {
        if self.fraction.len() > usize::from(decimals) {
            return Err(AmountError::TooPrecise { text: self.text.clone(), digits: self.fraction.len(), decimals });
        }
        let width = usize::from(decimals);
        let digits = format!("0{}{:0<width$}", self.whole, self.fraction);
        digits.parse().map_err(|_| AmountError::TooLarge { text: self.text.clone(), decimals })
    }

    /// The amount in yoctoNEAR.
    ///
    /// # Errors
    /// As [`Decimal::to_units`].
    pub fn to_yoctonear(&self) -> Result<u128, AmountError> {
        self.to_units(NEAR_DECIMALS)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// yoctoNEAR per 2^32 units from yoctoNEAR per whole token, rounded up: the contract's form of a token's bond rate.
#[must_use]
pub fn bond_rate(yoctonear_per_token: u128, decimals: u8) -> Option<u128> {
    let unit = 10_u128.checked_pow(u32::from(decimals))?;
    Some(yoctonear_per_token.checked_mul(1 << 32)?.div_ceil(unit))
}

/// yoctoNEAR as NEAR.
#[must_use]
pub fn format_near(yoctonear: u128) -> String {
    format_units(yoctonear, NEAR_DECIMALS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, decimals: u8) -> Result<u128, AmountError> {
        text.parse::<Decimal>()?.to_units(decimals)
    }

    #[test]
    fn decimal__should_become_units() {
        for (text, decimals, expected) in [
            ("0.01", 6, 10_000),
            ("10", 0, 10),
            (".5", 1, 5),
            ("1_000.", 2, 100_000),
            ("1.500", 1, 15),
            ("340282366920938463463374607431768211455", 0, u128::MAX),
        ] {
            assert_eq!(units(text, decimals), Ok(expected), "{text}");
        }
    }

    #[test]
    fn decimal__should_refuse_what_is_not_an_amount() {
        for text in ["", ".", "-1", "1e3", "1.2.3", "1,5", "ten"] {
            assert!(matches!(units(text, 6), Err(AmountError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn decimal__should_refuse_more_digits_than_the_token_has() {
        let error = units("0.0000001", 6).unwrap_err();
        assert!(error.to_string().contains("the token has 6"), "{error}");
    }

    #[test]
    fn decimal__should_refuse_amounts_over_u128_and_name_the_most() {
        let error = units("340282366920938463463374607431768211456", 0).unwrap_err();
        assert!(error.to_string().contains("340282366920938463463374607431768211455"), "{error}");
        assert!(units("1000000000000000", 24).is_err());
    }

    #[test]
    fn format_units__should_round_trip() {
        for (value, decimals, text) in [
            (10_000, 6, "0.01"),
            (0, 6, "0"),
            (1_000_000, 6, "1"),
            (u128::MAX, 0, "340282366920938463463374607431768211455"),
        ] {
            assert_eq!(format_units(value, decimals), text);
            assert_eq!(units(text, decimals), Ok(value));
        }
    }

    #[test]
    fn bond_rate__should_round_up_and_refuse_what_overflows() {
        assert_eq!(bond_rate(1_000_000, 6), Some(1 << 32));
        assert_eq!(bond_rate(1, 6), Some(4295));
        assert_eq!(bond_rate(u128::MAX, 6), None);
        assert_eq!(bond_rate(1, 39), None);
    }
}
