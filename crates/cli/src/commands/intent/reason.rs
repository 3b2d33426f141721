//! Why an intent was not executed, in words of what it asked for.

use piecework_console::Problem;
use piecework_interface::{
    key::{IntentKey, Kind},
    keys::NUMBERS_MAX,
    skip::Skip,
};

use crate::{commands::date, tokens::TokenInfo};

/// Seconds of a day, after which a cap is whole again.
const DAY_S: u32 = 86_400;

/// The contract's codes of several methods are one: what they mean depends on the kind.
pub(super) const fn reason(kind: Option<Kind>, code: Skip) -> &'static str {
    match (kind, code) {
        (Some(Kind::Skip), Skip::Terms) => {
            "no lot of these can be skipped: each is skipped or settled already, held by a node, or not in reach of the batch's window yet; or another account's batch"
        }
        (Some(Kind::Forget), Skip::Lot) => "the batch is not closed, or does not exist",
        (Some(Kind::Cancel), Skip::Lot) => "the batch is cancelled or closed already, or does not exist",
        (Some(Kind::Skip | Kind::Raise | Kind::ExtendExpiry), Skip::Lot) => "the batch is closed, or does not exist",
        (Some(Kind::Append), Skip::Lot) => {
            "the batch takes no append now: its newest lots are still drawn, it is not appendable, has a short last lot, or is cancelled, expired or closed"
        }
        (Some(Kind::Append), Skip::Terms) => "the batch is another account's, or the append is empty or too large",
        (Some(Kind::Raise), Skip::Terms) => {
            "the reward is no raise: it must be even, above what it is and below 2^80, of an own batch that takes claims"
        }
        (Some(Kind::ExtendExpiry), Skip::Terms) => {
            "the batch may not expire then: later than now set, within its longest life, while it takes claims, without an adjudicator, and the account's own"
        }
        (Some(Kind::Cancel | Kind::Forget), Skip::Terms) => "the batch is another account's",
        (Some(Kind::Challenge), Skip::Terms) => "the challenge names no items of the lot, or its evidence does not do",
        (_, code) => code.text(),
    }
}

/// What is wrong with an intent's number, milliseconds since 1970.
pub(super) fn of_number(number: u64, key: Option<&IntentKey>) -> String {
    let Some(key) = key else { return Skip::Nonce.text().to_owned() };
    if key.numbers.binary_search(&number).is_ok() {
        "its number was used already: this intent, or another of the key with its number, was executed or failed before"
            .to_owned()
    } else if key.numbers.len() >= NUMBERS_MAX && key.numbers.first().is_some_and(|least| number < *least) {
        format!("its number is older than the {NUMBERS_MAX} last ones of the key")
    } else {
        "its number is more than a day ahead".to_owned()
    }
}

/// What is left of a key's cap today, in units of its token; `None` without a cap.
pub(super) fn left(key: &IntentKey, now_s: u32) -> Option<u128> {
    let limit = key.limit?;
    let spent = if key.used_at / DAY_S == now_s / DAY_S { limit.spent.0 } else { 0 };
    Some(limit.daily_cap.0.saturating_sub(spent))
}

/// What a cap leaves, and until when.
pub(super) fn of_cap(key: &IntentKey, token: &TokenInfo, now_s: u32) -> String {
    let (left, cap) = (left(key, now_s).unwrap_or_default(), key.limit.map_or(0, |limit| limit.daily_cap.0));
    let until = date((now_s / DAY_S).saturating_add(1).saturating_mul(DAY_S));
    let (left, cap) = match left {
        0 => ("is used up".to_owned(), token.show(cap)),
        left => (format!("leaves {}", token.show(left)), token.show(cap)),
    };
    format!("the key's cap of {cap} a day {left} until {until}")
}

/// What to do about an intent that did nothing; one that was kept in a file may be relayed again.
pub(super) const fn fix(code: Option<Skip>, is_kept: bool) -> &'static str {
    match (code, is_kept) {
        (Some(Skip::NoKey), true) => {
            "its account lets the key sign with `piecework intent key-add PUBLIC_KEY`, then relay it again"
        }
        (Some(Skip::NoKey), false) => {
            "its account lets the key sign with `piecework intent key-add PUBLIC_KEY`; then run the command again"
        }
        (Some(Skip::NoAccount), true) => {
            "register its account with `piecework account storage-deposit`, then relay it again"
        }
        (Some(Skip::NoAccount), false) => {
            "register its account with `piecework account storage-deposit`; then run the command again"
        }
        (Some(Skip::NoRoom), true) => "relay it again",
        (_, false) => "mend what the reason names; then run the command again",
        (Some(Skip::Chain | Skip::Signature), _) => "sign it for this contract and chain, with `piecework intent sign`",
        (Some(Skip::Nonce), _) => {
            "it may have been executed before: look at its account, and sign what is still wanted again"
        }
        _ => "mend what the reason names, and sign what is still wanted again, with `piecework intent sign`",
    }
}

/// What an intent lacks before it is sent, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) what: String,
    pub(super) fix: String,
}

impl From<Lack> for Problem {
    fn from(Lack { what, fix }: Lack) -> Self {
        Self::new(what, fix)
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        amount::Amount,
        ids::TokenId,
        key::{Kinds, Limit, PublicKey},
    };

    use super::*;

    #[test]
    fn reason__should_be_of_the_kind_that_failed() {
        assert!(reason(Some(Kind::Skip), Skip::Terms).contains("skipped or settled already"));
        assert!(reason(Some(Kind::Forget), Skip::Lot).contains("not closed"));
        assert_eq!(reason(Some(Kind::CreateBatch), Skip::Terms), Skip::Terms.text());
        assert_eq!(reason(None, Skip::Message), Skip::Message.text());
    }

    #[test]
    fn of_number__should_tell_used_from_old() {
        let numbers: Vec<u64> = (100..116).collect();
        let limit = Some(Limit { token: TokenId(1), daily_cap: Amount(50), spent: Amount(20) });
        let key = IntentKey { public_key: PublicKey([1; 32]), kinds: Kinds::EVERY, limit, numbers, used_at: DAY_S + 5 };
        assert!(of_number(101, Some(&key)).contains("used already"));
        assert!(of_number(99, Some(&key)).contains("older than the 16 last ones"));
        assert!(of_number(u64::MAX, Some(&key)).contains("more than a day ahead"));
        // And the cap is whole again on the next day.
        assert_eq!(left(&key, DAY_S + 9), Some(30));
        assert_eq!(left(&key, 2 * DAY_S), Some(50));
    }

    #[test]
    fn fix__should_name_relaying_only_where_something_is_kept() {
        for code in [Some(Skip::NoKey), Some(Skip::NoAccount), Some(Skip::NoRoom), Some(Skip::Balance), None] {
            assert!(!fix(code, false).contains("relay it again"), "{code:?}");
        }
        assert!(fix(Some(Skip::NoKey), true).contains("relay it again"));
    }
}
