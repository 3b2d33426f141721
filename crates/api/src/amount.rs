//! Amounts as people read them.

use piecework_interface::amount::Amount;

use crate::Token;

/// Units as a decimal number, without trailing zeros.
#[must_use]
pub fn format_units(units: u128, decimals: u8) -> String {
    let width = usize::from(decimals) + 1;
    let digits = format!("{units:0>width$}");
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

impl Token {
    /// An amount with the token's symbol and decimals, or in units while these are not known.
    #[must_use]
    pub fn amount(&self, Amount(units): Amount) -> String {
        match (&self.symbol, self.decimals) {
            (Some(symbol), Some(decimals)) => format!("{} {symbol}", format_units(units, decimals)),
            _ => format!("{units} units of {}", self.row.account_id),
        }
    }
}
