//! The contract's Borsh against the `borsh` crate's.
use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{
    codec::{Codec, decode, encode},
    json::to_string,
};
use piecework_interface::{
    case::{Case, Challenge, Verdict},
    config::Config,
    draw::{At, Draw},
    ids::{AccountNo, BatchId, LotId, TokenId},
    key::{IntentKey, Kinds, Limit, PublicKey},
    merkle::Peaks,
    op::{Op, Target, Work},
    terms::Terms,
    view::{ClassRecord, LotState, Node, Slot, SlotPhase, Window},
};
use proptest::{collection::vec, prelude::*};

/// Reads the bytes both ways, and writes what was read both ways.
fn same<T: Codec + BorshSerialize + BorshDeserialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let (ours, theirs) = (decode::<T>(bytes), borsh::from_slice::<T>(bytes).ok());
    assert_eq!(ours, theirs, "{bytes:?}");
    if let Some(value) = ours {
        assert_eq!(encode(&value), borsh::to_vec(&value).expect("borsh"));
    }
}

fn all(bytes: &[u8]) {
    same::<Vec<Op>>(bytes);
    same::<Work>(bytes);
    same::<Vec<Target>>(bytes);
    same::<(AccountNo, TokenId, u128)>(bytes);
    same::<Config>(bytes);
    same::<Terms>(bytes);
    same::<Node>(bytes);
    same::<LotState>(bytes);
    same::<Window>(bytes);
    same::<Peaks>(bytes);
    same::<Vec<IntentKey>>(bytes);
    same::<Option<String>>(bytes);
}

fn ops() -> impl Strategy<Value = Op> {
    let batch = any::<u32>().prop_map(BatchId);
    let lot = any::<u32>().prop_map(LotId);
    let at = prop_oneof![any::<u32>().prop_map(At::Group), lot.clone().prop_map(At::Lot)];
    prop_oneof![
        (batch.clone(), at).prop_map(|(batch, at)| Op::Draw { batch, at }),
        (batch.clone(), lot.clone()).prop_map(|(batch, lot)| Op::Claim { batch, lot }),
        (batch.clone(), lot.clone()).prop_map(|(batch, lot)| Op::Release { batch, lot }),
        (batch.clone(), lot.clone(), any::<[u8; 32]>()).prop_map(|(batch, lot, commitment)| Op::Commit {
            batch,
            lot,
            commitment
        }),
        (batch, lot, vec(any::<u8>(), 0..80), any::<[u8; 32]>()).prop_map(|(batch, lot, answers, salt)| Op::Reveal {
            batch,
            lot,
            answers,
            salt
        }),
    ]
}

fn case(number: u32, items: u64, digest: [u8; 32]) -> Case {
    Case {
        challenges: vec![Challenge { account: AccountNo(number), operator: AccountNo(number), items }],
        open_until: number,
        verdict: items.is_multiple_of(2).then(|| Verdict { scores: vec![7, 10_000], report: digest }),
    }
}

proptest! {
    #[test]
    fn decode__should_read_what_borsh_writes(ops in vec(ops(), 0..24), cut: prop::sample::Index, flip: (prop::sample::Index, u8)) {
        let mut bytes = borsh::to_vec(&ops).expect("borsh");
        prop_assert_eq!(decode::<Vec<Op>>(&bytes), Some(ops.clone()));
        prop_assert_eq!(decode::<Work>(&bytes), Some(Work { ops: ops.clone(), account: None }));
        let named = Work { ops, account: Some(AccountNo(7)) };
        let named_bytes = borsh::to_vec(&named).expect("borsh");
        same::<Work>(&named_bytes);
        same::<Work>(&named_bytes[..named_bytes.len() - 1]);
        prop_assert_eq!(decode::<Work>(&named_bytes), Some(named));
        same::<Vec<Op>>(&bytes[..cut.index(bytes.len())]);
        let place = flip.0.index(bytes.len());
        bytes[place] = flip.1;
        same::<Vec<Op>>(&bytes);
    }

    #[test]
    fn decode__should_refuse_what_borsh_refuses(bytes in vec(prop_oneof![3 => 0_u8..4, 1 => any::<u8>()], 0..200)) {
        all(&bytes);
    }

    #[test]
    fn records__should_have_the_same_bytes(
        numbers: (u8, u32, u64, u128),
        leavers in vec(any::<u32>().prop_map(AccountNo), 0..8),
        answers in vec(any::<u8>(), 0..64),
        digest: [u8; 32],
    ) {
        let (round, second, bits, amount) = numbers;
        let slot = |phase| Slot { node: AccountNo(second), operator: AccountNo(second), round, phase };
        let lot = LotState {
            round,
            clock_at: second,
            open_items: bits,
            leavers,
            draw: Draw::Opened(second),
            slots: vec![slot(SlotPhase::Reserved(second)), slot(SlotPhase::Committed(digest)), slot(SlotPhase::Revealed(answers))],
            case: round.is_multiple_of(2).then(|| Box::new(case(second, bits, digest))),
            ..LotState::default()
        };
        let mut node = Node::new(second);
        node.stake.0 = amount;
        node.classes = vec![ClassRecord { class: Default::default(), reputation: 1, stepped_at: 2, declared: true, admitted: bits.is_multiple_of(2), since: second, removed_at: 3 }];
        let peaks = Peaks { count: second, peaks: vec![digest; usize::from(round % 5)] };
        let limit = Limit { token: TokenId(3), daily_cap: node.stake, spent: node.stake };
        let key = IntentKey { kinds: Kinds(u16::from(round)), limit: Some(limit), numbers: vec![bits; usize::from(round)], used_at: second, ..IntentKey::own(PublicKey(digest)) };
        all(&borsh::to_vec(&vec![key, IntentKey::own(PublicKey(digest))]).expect("borsh"));
        for bytes in [borsh::to_vec(&lot), borsh::to_vec(&node), borsh::to_vec(&peaks), borsh::to_vec(&Config::default())] {
            all(&bytes.expect("borsh"));
        }
    }
}

#[test]
fn decode__should_not_reserve_what_a_length_promises() {
    // A list of 2^32 − 1 ops of which none is there.
    assert_eq!(decode::<Vec<Op>>(&[0xFF; 4]), None);
    assert_eq!(decode::<Vec<u8>>(&[0xFF; 4]), None);
}

#[test]
fn case__should_be_written_in_hex_by_serde_and_read_from_hex_and_from_the_contracts_numbers() {
    // Given a case whose item sets have their highest bit
    let case = case(7, 1 << 63 | 0b10, [3; 32]);
    let (contract, serde) = (to_string(&case), serde_json::to_string(&case).expect("json"));

    // Then the contract's JSON has numbers and serde's hex, and both are the same case
    assert!(contract.contains(r#""items":9223372036854775810}"#), "{contract}");
    assert!(serde.contains(r#""items":"8000000000000002""#) && !serde.contains("9223372036854775810"), "{serde}");
    for text in [contract, serde] {
        assert_eq!(serde_json::from_str::<Case>(&text).expect("a case"), case);
    }
    for bad in [r#""""#, r#""+1""#, r#""10000000000000000""#, "-1", "null", "1.5"] {
        let challenge = format!(r#"{{"account":1,"operator":1,"items":{bad}}}"#);
        assert!(serde_json::from_str::<Challenge>(&challenge).is_err(), "{bad}");
    }
}
