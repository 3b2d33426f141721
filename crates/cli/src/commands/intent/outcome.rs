//! What an intent did, by the journal entries that stand before its own.

use std::collections::BTreeMap;

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{BatchId, LotId, TokenId},
    intent::Action,
    skip::Skip,
};
use serde::Serialize;

use crate::{
    commands::{
        batch::{end::refund, place::Place},
        date,
    },
    context::Context,
    tokens,
};

/// What an executed intent did; amounts are in units of `token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum Did {
    Transferred {
        receiver_id: String,
        token: TokenId,
        amount: Amount,
    },
    Withdrew {
        token: TokenId,
        amount: Amount,
        returned: bool,
    },
    Created {
        batch: BatchId,
        items: u32,
        token: TokenId,
        escrow: Amount,
    },
    Appended {
        token: TokenId,
        #[serde(flatten)]
        place: Place,
    },
    Raised {
        batch: BatchId,
        token: TokenId,
        reward: Amount,
        escrow: Amount,
    },
    Extended {
        batch: BatchId,
        expires_at: u32,
    },
    Cancelled {
        batch: BatchId,
        token: Option<TokenId>,
        refund: Amount,
    },
    Skipped {
        batch: BatchId,
        lots: Vec<LotId>,
        token: Option<TokenId>,
        refund: Amount,
    },
    Forgot {
        batch: BatchId,
    },
    Challenged {
        batch: BatchId,
        lot: LotId,
        token: TokenId,
        deposit: Amount,
    },
}

/// What the contract wrote of one intent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// What it did, in order; nothing unless it was executed.
    pub(super) entries: Vec<Entry>,
    /// Its own entry.
    pub(super) own: Option<Entry>,
    /// Where its append landed.
    pub(super) place: Option<Place>,
}

/// Parts the entries of a call by intents. `places` are those of its appends, in order.
pub(super) fn parts(entries: &[Entry], places: &[Place]) -> BTreeMap<u8, Written> {
    let (mut parts, mut open, mut places) = (BTreeMap::new(), Written::default(), places.iter());
    for entry in entries {
        match entry {
            Entry::Intent { op, .. } | Entry::Skipped { op, .. } => {
                let written = std::mem::take(&mut open);
                parts.insert(*op, Written { own: Some(entry.clone()), ..written });
            }
            entry => {
                if matches!(entry, Entry::BatchAppended { .. }) {
                    open.place = places.next().copied();
                }
                open.entries.push(entry.clone());
            }
        }
    }
    parts
}

impl Written {
    /// Why it was not executed: whether its number is used all the same, and the code.
    pub(super) fn refusal(&self) -> Option<(bool, Option<Skip>)> {
        match &self.own {
            Some(Entry::Intent { failed: None, .. }) => None,
            Some(Entry::Intent { failed, .. }) => Some((true, *failed)),
            Some(Entry::Skipped { code, .. }) => Some((false, Some(*code))),
            _ => Some((false, None)),
        }
    }

    /// What it did. `token` is that of a batch which it ended; `all` are the call's entries, those of later receipts included.
    pub(super) fn did(&self, action: &Action, token: Option<TokenId>, all: &[Entry]) -> Option<Did> {
        self.entries.iter().find_map(|entry| {
            Some(match (entry, action) {
                (Entry::Transferred { token, amount, .. }, Action::Transfer(payment)) => {
                    Did::Transferred { receiver_id: payment.receiver_id.clone(), token: *token, amount: *amount }
                }
                (Entry::Withdrawing { account, token, amount }, Action::Withdraw(_)) => {
                    let back = Entry::Withdrawn { account: *account, token: *token, amount: *amount, ok: false };
                    Did::Withdrew { token: *token, amount: *amount, returned: all.contains(&back) }
                }
                (Entry::BatchCreated { batch, items, token, escrow, .. }, _) => {
                    Did::Created { batch: *batch, items: *items, token: *token, escrow: *escrow }
                }
                (Entry::BatchAppended { .. }, Action::Append(append)) => {
                    Did::Appended { token: append.token, place: self.place? }
                }
                (Entry::Raised { batch, reward, escrow }, Action::Raise(raise)) => {
                    Did::Raised { batch: *batch, token: raise.token, reward: *reward, escrow: *escrow }
                }
                (Entry::ExpiryExtended { batch, expires_at }, _) => {
                    Did::Extended { batch: *batch, expires_at: *expires_at }
                }
                (Entry::BatchCancelled { batch }, _) => {
                    Did::Cancelled { batch: *batch, token, refund: Amount(refund(&self.entries, *batch)) }
                }
                (Entry::Settled { batch, .. }, Action::Skip(_)) => Did::Skipped {
                    batch: *batch,
                    lots: self.settled(),
                    token,
                    refund: Amount(refund(&self.entries, *batch)),
                },
                (Entry::BatchForgotten { batch }, _) => Did::Forgot { batch: *batch },
                (Entry::Challenged { batch, lot, deposit, .. }, Action::Challenge(challenge)) => {
                    Did::Challenged { batch: *batch, lot: *lot, token: challenge.token, deposit: *deposit }
                }
                _ => return None,
            })
        })
    }

    fn settled(&self) -> Vec<LotId> {
        let lot = |entry: &Entry| match entry {
            Entry::Settled { lot, .. } => Some(*lot),
            _ => None,
        };
        self.entries.iter().filter_map(lot).collect()
    }
}

impl Did {
    /// A sentence's end, such as `created batch 3: 4 items, 1 TEST locked`.
    pub(super) async fn describe(&self, context: &Context) -> anyhow::Result<String> {
        let token = match self {
            Self::Transferred { token, .. }
            | Self::Withdrew { token, .. }
            | Self::Created { token, .. }
            | Self::Appended { token, .. }
            | Self::Raised { token, .. }
            | Self::Challenged { token, .. } => Some(*token),
            Self::Cancelled { token, .. } | Self::Skipped { token, .. } => *token,
            Self::Extended { .. } | Self::Forgot { .. } => None,
        };
        let token = match token {
            Some(token) => Some(tokens::resolve(context, Some(&token.to_string())).await?),
            None => None,
        };
        Ok(self
            .text(|amount| token.as_ref().map_or_else(|| format!("{} units", amount.0), |token| token.show(amount.0))))
    }

    fn text(&self, show: impl Fn(Amount) -> String) -> String {
        match self {
            Self::Transferred { receiver_id, amount, .. } => format!("{} to {receiver_id}", show(*amount)),
            Self::Withdrew { amount, returned: false, .. } => format!("withdrew {}", show(*amount)),
            Self::Withdrew { amount, returned: true, .. } => {
                format!("withdrew {}, which the token refused: it is back in the balance", show(*amount))
            }
            Self::Created { batch, items, escrow, .. } => {
                format!("created batch {batch}: {items} items, {} locked", show(*escrow))
            }
            Self::Appended { place, .. } => {
                let Place { batch, items, escrow, first_item, first_lot } = place;
                let at = match (first_item, first_lot) {
                    (Some(item), Some(lot)) => format!(", from item {item} and lot {lot} on"),
                    _ => String::new(),
                };
                format!("appended {items} items to batch {batch}{at}; {} locked", show(*escrow))
            }
            Self::Raised { batch, reward, escrow, .. } => {
                format!("raised batch {batch} to {}; {} more locked", show(*reward), show(*escrow))
            }
            Self::Extended { batch, expires_at } => format!("batch {batch} expires {}", date(*expires_at)),
            Self::Cancelled { batch, refund, .. } => format!("cancelled batch {batch}; {} came back", show(*refund)),
            Self::Skipped { batch, lots, refund, .. } => {
                let lots: Vec<String> = lots.iter().map(LotId::to_string).collect();
                format!("skipped lots {} of batch {batch}; {} came back", lots.join(", "), show(*refund))
            }
            Self::Forgot { batch } => format!("forgot batch {batch}"),
            Self::Challenged { batch, lot, deposit, .. } => {
                format!("challenged lot {lot} of batch {batch} for {}", show(*deposit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        ids::AccountNo,
        intent::{Append, Payment},
        key::{Kind, PublicKey},
    };

    use super::*;

    fn intent(op: u8, failed: Option<Skip>) -> Entry {
        let (account, public_key, kind) = (AccountNo(1), PublicKey([0; 32]), Kind::Transfer);
        Entry::Intent { op, account, public_key, kind, nonce: 7, spent: Amount(0), failed }
    }

    #[test]
    fn did__should_be_what_stands_before_an_intents_own_entry() {
        // Given a call with a transfer, one that failed, and an append
        let (batch, token) = (BatchId(3), TokenId(1));
        let escrow = Amount(12);
        let transferred =
            Entry::Transferred { account: AccountNo(1), receiver: AccountNo(2), token, amount: Amount(5), memo: None };
        let appended =
            Entry::BatchAppended { batch, items: 2, manifest: [0; 32], uri: String::new(), escrow, opened: true };
        let entries = [transferred, intent(0, None), intent(1, Some(Skip::KeyCap)), appended, intent(2, None)];
        let place = Place { batch, items: 2, escrow, first_item: Some(4), first_lot: Some(LotId(2)) };
        let parts = parts(&entries, &[place]);

        // Then each has what it did, and no other's
        let pay = Action::Transfer(Payment { receiver_id: "b.near".to_owned(), ..Payment::default() });
        let did = parts[&0].did(&pay, None, &entries).unwrap();
        assert_eq!(did, Did::Transferred { receiver_id: "b.near".to_owned(), token, amount: Amount(5) });
        assert_eq!(parts[&1].refusal(), Some((true, Some(Skip::KeyCap))));
        assert_eq!(parts[&1].did(&pay, None, &entries), None);
        let append = Action::Append(Append { token, ..Append::default() });
        let text = parts[&2].did(&append, None, &entries).unwrap().text(|amount| format!("{}", amount.0));
        assert_eq!(text, "appended 2 items to batch 3, from item 4 and lot 2 on; 12 locked");
    }
}
