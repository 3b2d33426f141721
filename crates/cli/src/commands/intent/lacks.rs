//! What an intent lacks to be executed, found before it is sent: its key's rights, its cap, its receiver.

use piecework_interface::{
    amount::Amount,
    ids::TokenId,
    intent::Action,
    key::{IntentKey, Kinds, PublicKey},
    money,
};

use super::{
    KINDS,
    reason::{Lack, left, of_cap},
};
use crate::{
    context::Context,
    tokens::{self, TokenInfo},
};

/// Who signs what, as far as it is known.
pub(super) struct Draft<'a> {
    pub(super) account_id: &'a str,
    pub(super) public_key: PublicKey,
    /// The key's row, if it has one.
    pub(super) key: Option<&'a IntentKey>,
    pub(super) action: &'a Action,
}

/// All that it lacks, the most basic first.
pub(super) async fn lacks(context: &Context, draft: &Draft<'_>) -> anyhow::Result<Vec<Lack>> {
    let coordinator = context.coordinator()?;
    let mut lacks = Vec::new();
    if let Action::Transfer(payment) = draft.action {
        let receiver_id = &payment.receiver_id;
        if receiver_id == draft.account_id {
            lacks
                .push(Lack { what: format!("{receiver_id} would pay itself"), fix: "name another account".to_owned() });
        } else if coordinator.account_no(receiver_id).await?.is_none() {
            lacks.push(Lack {
                what: format!("{receiver_id} is not registered, so it cannot be paid"),
                fix: format!("run `piecework account storage-deposit {receiver_id}`"),
            });
        }
    }
    if let Some(lack) = of_kind(draft) {
        lacks.push(lack);
        return Ok(lacks);
    }
    let moved = moved(context, draft.action).await?;
    let (Some(key), Some((token, amount))) = (draft.key, moved) else { return Ok(lacks) };
    let Some(limit) = key.limit else { return Ok(lacks) };
    let info = tokens::resolve(context, Some(&limit.token.to_string())).await?;
    lacks.extend(of_limit(key, &info, (token, amount), context.now_s().await?));
    Ok(lacks)
}

/// A kind that the key may not sign.
fn of_kind(draft: &Draft<'_>) -> Option<Lack> {
    let wanted = draft.action.kind();
    let kinds = draft.key.map_or(Kinds::NONE, |key| key.kinds);
    if kinds.has(wanted) {
        return None;
    }
    let names = |keeps: &dyn Fn(&Kinds) -> bool| {
        let names = KINDS.iter().filter(|(.., kind)| keeps(&Kinds::of(&[*kind]))).map(|(name, ..)| *name);
        names.collect::<Vec<_>>().join(",")
    };
    let name = names(&|kind| kind.has(wanted));
    // Adding a key anew replaces what it had.
    let all = names(&|kind| kind.has(wanted) || kind.0 & kinds.0 != 0);
    let Draft { account_id, public_key, .. } = draft;
    Some(Lack {
        what: format!("{public_key} may not sign a {name} for {account_id} yet"),
        fix: format!(
            "run `piecework intent key-add {public_key} --kinds {all} --daily-cap AMOUNT` with {account_id}'s own key"
        ),
    })
}

/// What the key's limit does not allow.
fn of_limit(key: &IntentKey, limit: &TokenInfo, (token, amount): (TokenId, u128), now_s: u32) -> Option<Lack> {
    let fix = || {
        "wait, or give the key another limit: `piecework intent key-add PUBLIC_KEY --kinds … --daily-cap AMOUNT`"
            .to_owned()
    };
    if token != limit.id() {
        let what = format!("the key is for {}, and this is in token {token}", limit.symbol);
        return Some(Lack { what, fix: fix() });
    }
    left(key, now_s).filter(|left| amount > *left).map(|_| {
        let what = format!("this moves {}, and {}", limit.show(amount), of_cap(key, limit, now_s));
        Lack { what, fix: fix() }
    })
}

/// What it takes out of the balance, as far as that is known before; a challenge and a raise say theirs themselves.
async fn moved(context: &Context, action: &Action) -> anyhow::Result<Option<(TokenId, u128)>> {
    let coordinator = context.coordinator()?;
    Ok(match action {
        Action::Transfer(payment) => Some((payment.token, payment.amount.0)),
        Action::Withdraw(withdrawal) => withdrawal.amount.map(|Amount(amount)| (withdrawal.token, amount)),
        Action::CreateBatch(create) => {
            let fee_bps = coordinator.config().await?.fee_bps;
            Some((create.token, money::escrow(&create.batch.terms, fee_bps, create.batch.items)))
        }
        Action::Append(append) => {
            let open = coordinator.batch(append.append.batch).await?.and_then(|batch| batch.open);
            open.map(|open| (append.token, money::escrow(&open.terms, open.fixed.fee_bps, append.append.items)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        key::{Kind, Limit},
        view::Token,
    };

    use super::*;

    fn key() -> IntentKey {
        let limit = Limit { token: TokenId(1), daily_cap: Amount(10), spent: Amount(7) };
        let kinds = Kinds::of(&[Kind::Append]);
        IntentKey { public_key: PublicKey([1; 32]), kinds, limit: Some(limit), numbers: Vec::new(), used_at: 90_000 }
    }

    #[test]
    fn of_kind__should_name_all_kinds_that_the_key_then_has() {
        let (key, pay) = (key(), Action::default());
        let draft = Draft { account_id: "a.near", public_key: key.public_key, key: Some(&key), action: &pay };
        let lack = of_kind(&draft).unwrap();
        assert!(lack.what.contains("may not sign a transfer for a.near"), "{lack:?}");
        assert!(lack.fix.contains("--kinds transfer,append "), "{lack:?}");
    }

    #[test]
    fn of_limit__should_warn_of_a_cap_that_leaves_too_little() {
        let listed = Token {
            token: TokenId(1),
            account_id: "t.near".to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1),
            pool: Amount(0),
            in_flight: Amount(0),
        };
        let info = TokenInfo { listed, account_id: None, symbol: "T".to_owned(), decimals: 0 };
        assert_eq!(of_limit(&key(), &info, (TokenId(1), 3), 90_001), None);
        let lack = of_limit(&key(), &info, (TokenId(1), 4), 90_001).unwrap();
        assert!(lack.what.contains("leaves 3 T until 1970-01-03T00:00:00Z"), "{lack:?}");
        assert!(of_limit(&key(), &info, (TokenId(0), 1), 90_001).is_some());
    }
}
