//! The order of the receipts of one block.

use super::ContractReceipt;
use serde::Deserialize;

/// Sorts by the journal's `seq`, which the contract itself numbered; receipts without a journal line keep the order
/// given and follow. Then numbers them.
pub(super) fn sort(receipts: &mut [ContractReceipt]) {
    receipts.sort_by_cached_key(|receipt| {
        receipt.logs.iter().find_map(|line| journal_seq(line)).map_or((1, 0), |seq| (0, seq))
    });
    for (order, receipt) in (0u32..).zip(receipts) {
        receipt.order = order;
    }
}

/// The `data.seq` of a NEP-297 event.
fn journal_seq(line: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Event {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        seq: u64,
    }
    let event: Event = serde_json::from_str(line.strip_prefix("EVENT_JSON:")?).ok()?;
    Some(event.data.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CryptoHash;

    fn receipt(name: &str, logs: &[&str]) -> ContractReceipt {
        ContractReceipt {
            receipt_id: CryptoHash::hash_bytes(name.as_bytes()),
            predecessor_id: "node.test".parse().unwrap(),
            signer_id: "node.test".parse().unwrap(),
            tx_hash: None,
            calls: Vec::new(),
            logs: logs.iter().map(|&line| line.to_owned()).collect(),
            gas_burnt: 0,
            order: 0,
        }
    }

    #[test]
    fn sort__should_follow_the_journal_and_put_silent_receipts_last() {
        // Given receipts out of order, one of them without a journal line.
        let line = |seq| format!(r#"EVENT_JSON:{{"standard":"piecework","data":{{"seq":{seq},"log":[]}}}}"#);
        let mut receipts = [
            receipt("silent", &["hello"]),
            receipt("ten", &[&line(10)]),
            receipt("two", &["note", &line(2), &line(3)]),
        ];
        // When
        sort(&mut receipts);
        // Then
        let expected = ["two", "ten", "silent"].map(|name| CryptoHash::hash_bytes(name.as_bytes()));
        assert_eq!(receipts.each_ref().map(|receipt| receipt.receipt_id), expected);
        assert_eq!(receipts.each_ref().map(|receipt| receipt.order), [0, 1, 2]);
    }

    #[test]
    fn journal_seq__should_ignore_other_logs_and_events() {
        assert_eq!(journal_seq("seq 4"), None);
        assert_eq!(journal_seq(r#"EVENT_JSON:{"standard":"nep141","data":[{"amount":"1"}]}"#), None);
        assert_eq!(journal_seq("EVENT_JSON:{"), None);
    }
}
