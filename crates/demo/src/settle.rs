//! What every slot is owed, computed again from the answers that its node revealed.

use std::collections::BTreeMap;

use piecework_interface::{
    host::sha256,
    ids::{AccountNo, BatchId},
    lots::lot_items,
    settlement::judge,
};
use piecework_replay::SlotEnd;

use crate::ledger::Ledger;

/// Differences between what nodes are owed and what the ledger credited them; none if nobody lost anything.
pub(super) fn differences(ledger: &Ledger, batch: BatchId) -> Vec<String> {
    let Some(closed) = ledger.closed(batch) else {
        return vec![format!("batch {batch} is not closed")];
    };
    let mut found = Vec::new();
    for result in ledger.history.results.iter().filter(|result| result.batch == batch) {
        let lot = result.lot;
        let Some(record) = &result.record else {
            found.push(format!("lot {lot} closed without anybody's work"));
            continue;
        };
        let judgement = judge(&closed.terms, lot_items(closed.items, closed.terms.lot_size, lot), record);
        if judgement.accepted() != result.accepted || judgement.digest(sha256) != result.digest {
            found.push(format!("lot {lot} settled with other answers than its slots revealed"));
        }
        let settlement = judgement.settle(&closed.fixed, &closed.held(record), closed.referrer.as_ref());
        if (settlement.fee, settlement.refund) != (result.fee, result.refund) {
            found.push(format!("lot {lot} charged another fee or returned another rest"));
        }
        for (slot, owed) in record.slots.iter().zip(&settlement.slots) {
            let mut ended = ledger.history.ended.iter().filter(|ended| {
                (ended.batch, ended.lot, ended.slot.node, ended.end) == (batch, lot, slot.node, SlotEnd::Settled)
            });
            match (ended.next(), ended.next()) {
                (Some(ended), None) if (ended.pay, ended.slash) == (owed.pay, owed.slash) => {}
                (Some(ended), None) => found.push(format!(
                    "lot {lot}: node {} is owed {} and slashed {}, and got {} and {}",
                    slot.node, owed.pay, owed.slash, ended.pay, ended.slash
                )),
                (None, _) => found.push(format!("lot {lot}: the slot of node {} never settled", slot.node)),
                (Some(_), Some(_)) => found.push(format!("lot {lot}: the slot of node {} settled twice", slot.node)),
            }
        }
    }
    found
}

/// Per node: items that it answered, and how many of these rightly.
pub(super) fn accuracy(ledger: &Ledger, batch: BatchId, truth: &[u8]) -> BTreeMap<AccountNo, (u32, u32)> {
    let mut nodes: BTreeMap<AccountNo, (u32, u32)> = BTreeMap::new();
    let Some(closed) = ledger.closed(batch) else {
        return nodes;
    };
    let lot_size = closed.terms.lot_size;
    for result in ledger.history.results.iter().filter(|result| result.batch == batch) {
        let Some(record) = &result.record else { continue };
        let first = usize::try_from(result.lot.0).unwrap_or_default() * usize::from(lot_size);
        for slot in &record.slots {
            let items = lot_items(closed.items, lot_size, result.lot);
            let Some(answers) = record.answers_of(slot, &closed.terms, items) else { continue };
            let score = nodes.entry(slot.node).or_default();
            for (item, answer) in answers.iter() {
                score.0 += 1;
                score.1 += u32::from(truth.get(first + usize::from(item)) == answer.first());
            }
        }
    }
    nodes
}

/// Accepted items of the batch, and how many of these rightly.
pub(super) fn accepted(ledger: &Ledger, batch: BatchId, truth: &[u8]) -> (u32, u32) {
    let Some(closed) = ledger.closed(batch) else {
        return (0, 0);
    };
    let mut score = (0, 0);
    for result in ledger.history.results.iter().filter(|result| result.batch == batch) {
        let first = usize::try_from(result.lot.0).unwrap_or_default() * usize::from(closed.terms.lot_size);
        for (item, answer) in result.answers.iter().filter(|(item, _)| result.accepted >> item & 1 == 1) {
            score.0 += 1;
            score.1 += u32::from(truth.get(first + usize::from(item)) == answer.first());
        }
    }
    score
}
