//! Words for the sentence that says what a transaction does.

use std::time::{Duration, UNIX_EPOCH};

/// A whole number with its thousands apart: 3,000.
#[must_use]
pub fn count(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing: 1 item, 3,000 items.
#[must_use]
pub fn many(number: u32, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Things in a row, with `and` before the last.
#[must_use]
pub fn list(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A Unix time in seconds as a date.
#[must_use]
pub fn date(unix_s: u32) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_s.into()))
}

#[cfg(test)]
mod tests {
    use super::{count, date, list, many};

    #[test]
    fn text__should_read_like_a_sentence() {
        let counts = [0, 12, 999, 1_000, 12_345, 1_234_567].map(count);
        assert_eq!(counts, ["0", "12", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!([many(1, "item"), many(2_000, "item")], ["1 item", "2,000 items"]);
        let of = |things: &[&str]| list(&things.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!([of(&["1"]), of(&["1", "2"]), of(&["1", "2", "3"])], ["1", "1 and 2", "1, 2 and 3"]);
        assert_eq!(date(1_795_000_000), "Wed, 18 Nov 2026 11:06:40 GMT");
    }
}
