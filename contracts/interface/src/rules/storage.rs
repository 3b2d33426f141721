//! Storage charges, by NEP-145 deposits. Every row has a fixed worst case, so a charge never changes while a row lives,
//! and reveals, pokes and settlements never need new storage.

use crate::model::{
    account_id::ACCOUNT_ID_MAX,
    terms::{JURORS, Terms},
};

/// yoctoNEAR locked per byte of state.
pub const YOCTONEAR_PER_BYTE: u128 = 10_u128.pow(19);
/// Bytes NEAR charges for a record beside key and value.
const ROW: u32 = 40;
/// Classes of one node at most.
pub const CLASSES_MAX: usize = 8;
/// Bytes of a manifest URI at most. It travels in the event only.
pub const URI_MAX: usize = 256;
/// Nodes a lot remembers as having left it.
pub const LEAVERS_MAX: usize = 16;
/// Peaks of a results range at most: a batch has fewer than 2^32 lots.
pub const PEAKS_MAX: u32 = 32;

/// Bytes of an account with a name of so many: its name's row and its record, which has the name too.
#[must_use]
pub fn account_bytes(name: usize) -> u32 {
    let name = u32::try_from(name).unwrap_or(u32::MAX);
    (ROW + 1 + name + 4) + (ROW + 5 + 74 + name)
}

/// Bytes that a payout account adds to its account's record: nothing without one.
#[must_use]
pub fn payout_bytes(payout: Option<&str>) -> u32 {
    payout.map_or(0, |account_id| u32::try_from(account_id.len()).unwrap_or(u32::MAX).saturating_add(4))
}

/// Bytes a node adds to its account's record: the fields and eight classes.
pub const NODE_BYTES: u32 = 100 + 18 * 8;

/// Bytes that a key for signed intents adds to its account's record: key, kinds, limit, time, and sixteen numbers.
pub const INTENT_KEY_BYTES: u32 = 205;

/// Bytes of a balance in another token than the account's first: its row, and its number in the account's record.
pub const BALANCE_BYTES: u32 = ROW + 7 + 17 + 2;

/// Bytes of a batch while it is open: record and purse, peaks included.
pub const BATCH_BYTES: u32 = (ROW + 5 + 600) + (ROW + 5 + 100 + 32 * PEAKS_MAX);

/// Bytes of a closed batch.
pub const CLOSED_BATCH_BYTES: u32 = ROW + 5 + 48 + 70;

/// Bytes that a challenge of these items adds to a lot: itself, and the slots of a jury with every answer revealed.
#[must_use]
pub fn challenge_bytes(terms: &Terms, items: u64) -> u32 {
    CASE + (4 + 4 + 8) + u32::from(JURORS) * slot_bytes(items.count_ones() * u32::from(terms.answer_width))
}

/// Bytes that a case has without challenges and scores: the list's length, the time, the verdict's flag.
const CASE: u32 = 1 + 4 + 4 + 1;

/// Bytes that an adjudicator's verdict adds to each lot.
fn verdict_bytes(terms: &Terms) -> u32 {
    if terms.adjudicator().is_some() { CASE + 4 + 2 * u32::from(terms.start) + 32 } else { 0 }
}

/// Bytes of a slot with so many bytes of answers, or with its commitment.
fn slot_bytes(answers: u32) -> u32 {
    4 + 4 + 1 + 1 + 4 + answers.max(32)
}

/// Bytes of a full lot with every slot of both rounds revealed.
#[must_use]
pub fn lot_bytes(terms: &Terms) -> u32 {
    let leavers = 4 * u32::try_from(LEAVERS_MAX).unwrap_or_default();
    let answers = u32::from(terms.lot_size) * u32::from(terms.answer_width);
    (ROW + 9 + 94 + leavers) + u32::from(terms.copies()) * slot_bytes(answers) + verdict_bytes(terms)
}

/// yoctoNEAR that so many bytes lock.
#[must_use]
pub fn cost(bytes: u32) -> u128 {
    u128::from(bytes) * YOCTONEAR_PER_BYTE
}

/// NEP-145 minimum: the deposit that registers the longest account id and leaves a row for a token. A transfer of dust may
/// take the room that the record has, but never the row: so an account's own first deposit always finds room.
#[must_use]
pub fn minimum() -> u128 {
    cost(account_bytes(ACCOUNT_ID_MAX) + BALANCE_BYTES)
}
