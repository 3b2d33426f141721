//! Signed intents: their text and bytes, and what a key may sign.
use piecework_compact::{
    codec::{decode, encode},
    json::{ReadError, parse, to_string},
};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs,
        BatchSpec, ChallengeArgs, WithdrawArgs, intents_gas,
    },
    ids::{BatchId, LotId, TokenId},
    intent::{Action, Append, Challenge, Draft, INTENTS_MAX, Intent, Payment, Raise, SignedIntent},
    key::{IntentKey, Kind, Kinds, Limit, PublicKey},
    keys::{KeyRows, key_set, own_key},
    skip::Skip,
};
use proptest::{collection::vec, prelude::*};

const DAY_S: u32 = 86_400;
const NOW: u32 = 20_000 * DAY_S + 5;
const TOKEN: TokenId = TokenId(3);

fn any_key() -> impl Strategy<Value = PublicKey> {
    // Zero bytes at the start have a form of their own.
    (any::<[u8; 32]>(), 0..33_usize).prop_map(|(mut key, zeros)| {
        key[..zeros.min(32)].fill(0);
        PublicKey(key)
    })
}

fn any_action() -> impl Strategy<Value = Action> {
    let payment = (any::<String>(), any::<u16>(), any::<u128>(), prop::option::of(any::<String>())).prop_map(
        |(receiver_id, token, amount, memo)| Payment {
            receiver_id,
            token: TokenId(token),
            amount: Amount(amount),
            memo,
        },
    );
    prop_oneof![
        payment.prop_map(Action::Transfer),
        (any::<u16>(), prop::option::of(any::<u128>())).prop_map(|(token, amount)| {
            Action::Withdraw(WithdrawArgs { token: TokenId(token), amount: amount.map(Amount) })
        }),
        (any::<u16>(), any::<u32>(), any::<[u8; 32]>(), any::<String>()).prop_map(|(token, items, manifest, uri)| {
            let batch = BatchSpec { items, manifest, uri, ..BatchSpec::default() };
            Action::CreateBatch(BatchCreateArgs { token: TokenId(token), batch })
        }),
        (any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..9), any::<[u8; 32]>()).prop_map(
            |(token, number, items, evidence)| {
                let challenge = ChallengeArgs { batch: BatchId(number), lot: LotId(number), items, evidence };
                Action::Challenge(Challenge { token: TokenId(token), challenge })
            }
        ),
        (any::<u16>(), any::<u32>(), any::<[u8; 32]>(), any::<String>()).prop_map(|(token, items, manifest, uri)| {
            let append = BatchAppendArgs { batch: BatchId(items), items, manifest, uri };
            Action::Append(Append { token: TokenId(token), append })
        }),
        (any::<u32>(), any::<u32>(), vec(any::<u32>(), 0..9), 0..5).prop_map(|(number, expires_at, lots, kind)| {
            let batch = BatchId(number);
            match kind {
                0 => Action::ExtendExpiry(BatchExtendExpiryArgs { batch, expires_at }),
                1 => Action::Cancel(BatchArgs { batch }),
                2 => Action::Skip(BatchSkipLotsArgs { batch, lots: lots.into_iter().map(LotId).collect() }),
                3 => {
                    let raise = BatchRaiseArgs { batch, reward: Amount(expires_at.into()) };
                    Action::Raise(Raise { token: TokenId(7), raise })
                }
                _ => Action::Forget(BatchArgs { batch }),
            }
        }),
    ]
}

/// What the contract should read of an intent.
fn draft_of(intent: &Intent) -> Draft {
    let Intent { chain_id, account_id, deadline, kind } = intent.clone();
    let draft = Draft { chain_id, account_id, deadline, ..Draft::default() };
    match kind {
        Action::Transfer(Payment { receiver_id, token, amount, memo }) => {
            let kind = Some(Kind::Transfer);
            Draft { kind, token: Some(token), amount: Some(amount), receiver_id, memo, ..draft }
        }
        Action::Withdraw(WithdrawArgs { token, amount }) => {
            Draft { kind: Some(Kind::Withdraw), token: Some(token), amount, ..draft }
        }
        Action::CreateBatch(BatchCreateArgs { token, batch }) => {
            Draft { kind: Some(Kind::CreateBatch), token: Some(token), batch: Some(batch), ..draft }
        }
        Action::Challenge(Challenge { token, challenge }) => {
            Draft { kind: Some(Kind::Challenge), token: Some(token), challenge: Some(challenge), ..draft }
        }
        Action::Append(Append { token, append }) => {
            Draft { kind: Some(Kind::Append), token: Some(token), append: Some(append), ..draft }
        }
        Action::ExtendExpiry(BatchExtendExpiryArgs { batch, expires_at }) => {
            Draft { kind: Some(Kind::ExtendExpiry), number: batch, expires_at, ..draft }
        }
        Action::Cancel(BatchArgs { batch }) => Draft { kind: Some(Kind::Cancel), number: batch, ..draft },
        Action::Skip(BatchSkipLotsArgs { batch, lots }) => {
            Draft { kind: Some(Kind::Skip), number: batch, lots, ..draft }
        }
        Action::Forget(BatchArgs { batch }) => Draft { kind: Some(Kind::Forget), number: batch, ..draft },
        Action::Raise(Raise { token, raise: BatchRaiseArgs { batch, reward } }) => {
            Draft { kind: Some(Kind::Raise), token: Some(token), number: batch, reward, ..draft }
        }
    }
}

proptest! {
    #[test]
    fn public_key__should_be_written_as_everywhere_on_near(key in any_key()) {
        let text = format!("ed25519:{}", bs58::encode(key.0).into_string());
        prop_assert_eq!(key.to_string(), text.clone());
        prop_assert_eq!(text.parse(), Ok(key));
        prop_assert_eq!(parse::<PublicKey>(&to_string(&key)), Ok(key));
    }

    #[test]
    fn public_key__should_have_one_text(text in "(ed25519:)?[1-9A-HJ-NP-Za-km-zIl0O]{30,46}") {
        let bytes = text.strip_prefix("ed25519:").and_then(|text| bs58::decode(text).into_vec().ok());
        let expected = bytes.and_then(|bytes| bytes.try_into().ok()).map(PublicKey);
        prop_assert_eq!(text.parse::<PublicKey>().ok(), expected, "{}", text);
    }

    #[test]
    fn message__should_be_read_as_it_was_meant(
        action in any_action(),
        chain_id in any::<String>(),
        account_id in any::<String>(),
        deadline: u32,
        pretty: bool,
    ) {
        let intent = Intent { chain_id, account_id, deadline, kind: action };
        let text = if pretty { serde_json::to_string_pretty(&intent) } else { serde_json::to_string(&intent) };
        let text = text.expect("json");
        prop_assert_eq!(serde_json::from_str::<Intent>(&text).expect("json"), intent.clone());
        prop_assert_eq!(parse::<Draft>(&text), Ok(draft_of(&intent)));
    }

    #[test]
    fn signed_intent__should_have_the_bytes_of_borsh(
        message in any::<String>(),
        nonce: [u8; 32],
        callback_url in prop::option::of(any::<String>()),
        key in any_key(),
        bytes in vec(any::<u8>(), 64),
    ) {
        let signature = bytes.try_into().expect("64 bytes");
        let signed = vec![SignedIntent { message, nonce, callback_url, public_key: key, signature }];
        let borsh = borsh::to_vec(&signed).expect("borsh");
        prop_assert_eq!(encode(&signed), borsh.clone());
        prop_assert_eq!(decode::<Vec<SignedIntent>>(&borsh), Some(signed.clone()));
        let text = serde_json::to_string(&signed).expect("json");
        prop_assert_eq!(serde_json::from_str::<Vec<SignedIntent>>(&text).expect("json"), signed);
    }

    #[test]
    fn message__should_never_panic_its_reader(text in any::<String>(), bytes in vec(any::<u8>(), 0..200)) {
        let _: Result<_, _> = parse::<Draft>(&text);
        let _: Result<_, _> = parse::<Draft>(&format!("{{\"kind\":{text}}}"));
        let _: Option<Vec<SignedIntent>> = decode(&bytes);
    }

    #[test]
    fn keys__should_be_the_same_in_json(kinds in 0..512_u16, limit: Option<(u16, u128, u128)>, numbers in vec(any::<u64>(), 0..17), used_at: u32) {
        let limit = limit.map(|(token, cap, spent)| Limit {
            token: TokenId(token),
            daily_cap: Amount(cap),
            spent: Amount(spent),
        });
        let key = IntentKey { public_key: PublicKey([7; 32]), kinds: Kinds(kinds), limit, numbers, used_at };
        let theirs = serde_json::to_string(&key).expect("json");
        prop_assert_eq!(to_string(&key), theirs.clone());
        prop_assert_eq!(serde_json::from_str::<IntentKey>(&theirs).expect("json"), key.clone());
        prop_assert_eq!(parse::<Kinds>(&to_string(&key.kinds)), Ok(key.kinds));
    }
}

fn limit(cap: u128) -> Limit {
    Limit { token: TOKEN, daily_cap: Amount(cap), spent: Amount(0) }
}

#[test]
fn message__should_have_the_fields_of_its_kind_alone() {
    let read = |kind: &str, more: &str| {
        parse::<Draft>(&format!(r#"{{"chain_id":"a","account_id":"b","deadline":1,"kind":{{{kind}}}{more}}}"#)).err()
    };
    assert_eq!(read(r#""withdraw":{"token":1}"#, ""), None);
    assert_eq!(read(r#""withdraw":{"token":1,"amount":"5"}"#, ""), None);
    let unknown = |name: &str| Some(ReadError::Unknown(name.to_owned()));
    assert_eq!(read(r#""withdraw":{"token":1,"amounts":"5"}"#, ""), unknown("amounts"));
    assert_eq!(read(r#""withdraw":{"token":1,"memo":"5"}"#, ""), unknown("memo"));
    assert_eq!(read(r#""withdraw":{"token":1,"token":2}"#, ""), Some(ReadError::Repeated("token")));
    assert_eq!(read(r#""withdraw":{"token":1}"#, r#","amount":"9""#), unknown("amount"));
    assert_eq!(read(r#""withdraw":{"token":1}"#, r#","deadline":9"#), Some(ReadError::Repeated("deadline")));
    assert_eq!(read(r#""withdraw":{"token":1},"withdraw":{"token":1}"#, ""), Some(ReadError::Repeated("withdraw")));
    let two = read(r#""withdraw":{"token":1},"transfer":{"token":1,"amount":"5","receiver_id":"c"}"#, "");
    assert_eq!(two, Some(ReadError::Field("kind")), "one action");
    assert_eq!(read(r#""transfer":{"token":1,"amount":"5"}"#, ""), Some(ReadError::Field("receiver_id")));
}

#[test]
fn takes__should_let_each_number_come_once_in_any_order() {
    let mut key = IntentKey::own(PublicKey([1; 32]));
    let now_ms = u64::from(NOW) * 1_000;
    for number in [now_ms + 7, now_ms, now_ms + 3] {
        assert!(key.takes(number, NOW));
        key.note(number, 0, NOW);
        assert!(!key.takes(number, NOW), "{number} comes twice");
    }
    // A day ahead at most.
    let day_ms = u64::from(DAY_S) * 1_000;
    assert!(key.takes(now_ms + day_ms, NOW) && !key.takes(now_ms + day_ms + 1, NOW) && !key.takes(u64::MAX, NOW));
    // With sixteen used ones, none below them all.
    for number in now_ms + 10..now_ms + 23 {
        key.note(number, 0, NOW);
    }
    assert_eq!((key.numbers.len(), key.takes(now_ms - 1, NOW), key.takes(now_ms + 1, NOW)), (16, false, true));
    key.note(now_ms + 30, 0, NOW);
    assert_eq!((key.numbers.len(), key.numbers[0]), (16, now_ms + 3));
    assert!(!key.takes(now_ms, NOW) && !key.takes(now_ms + 1, NOW) && key.takes(now_ms + 4, NOW));
}

proptest! {
    #[test]
    fn takes__should_let_no_number_come_twice_whatever_comes_between(numbers in vec(0..40_u64, 0..200)) {
        let mut key = IntentKey::own(PublicKey([1; 32]));
        let mut used = std::collections::HashSet::new();
        for number in numbers {
            if key.takes(number, NOW) {
                prop_assert!(used.insert(number), "{} comes twice", number);
                key.note(number, 0, NOW);
            }
        }
    }
}

#[test]
fn note__should_begin_the_cap_anew_each_utc_day() {
    let mut key = IntentKey { limit: Some(limit(10)), ..IntentKey::own(PublicKey([1; 32])) };
    assert_eq!(key.allows(Kind::Transfer, TOKEN, 11, NOW), Err(Skip::KeyCap));
    key.note(4, 10, NOW);
    assert_eq!(key.allows(Kind::Transfer, TOKEN, 1, NOW), Err(Skip::KeyCap));
    assert_eq!(key.allows(Kind::Transfer, TOKEN, u128::MAX, NOW), Err(Skip::KeyCap));
    assert_eq!(key.allows(Kind::Transfer, TOKEN, 0, NOW), Ok(()));
    assert_eq!(key.allows(Kind::Transfer, TOKEN, 10, NOW + DAY_S), Ok(()));
    assert_eq!(key.allows(Kind::Transfer, TokenId(0), 1, NOW + DAY_S), Err(Skip::KeyToken));
    assert_eq!((&key.numbers[..], key.used_at), (&[4][..], NOW));
}

#[test]
fn key_set__should_remember_what_could_come_again() {
    let (key, mut keys) = (PublicKey([1; 32]), Vec::new());
    let set = |keys: &mut Vec<IntentKey>, id: &str, kinds, now| key_set(keys, id, key, (kinds, limit(1)), now);
    assert_eq!(set(&mut keys, "a.near", Kinds::NONE, NOW), None);
    assert_eq!(set(&mut keys, "a.near", Kinds::EVERY, NOW), Some(KeyRows::More));
    keys[0].note(9, 1, NOW);
    assert_eq!(set(&mut keys, "a.near", Kinds::NONE, NOW + DAY_S), Some(KeyRows::Same));
    assert_eq!(set(&mut keys, "a.near", Kinds::NONE, NOW + DAY_S), None);
    assert_eq!((keys[0].kinds, &keys[0].numbers[..]), (Kinds::NONE, &[9][..]));
    assert_eq!(set(&mut keys, "a.near", Kinds::of(&[Kind::Transfer]), NOW + DAY_S), Some(KeyRows::Same));
    assert_eq!((&keys[0].numbers[..], keys[0].limit), (&[9][..], Some(limit(1))));
    assert_eq!(set(&mut keys, "a.near", Kinds::NONE, NOW + DAY_S + 1), Some(KeyRows::Less));
    assert_eq!(keys, []);

    // An implicit account's own key is never forgotten once it was removed.
    let id = hex::encode(key.0);
    assert_eq!((own_key(&id), own_key("a.near")), (Some(key), None));
    assert_eq!(set(&mut keys, &id, Kinds::NONE, NOW), Some(KeyRows::More));
    assert_eq!(set(&mut keys, &id, Kinds::NONE, NOW + 9 * DAY_S), None);
    assert!(!keys[0].may_vanish(&id, NOW + 9 * DAY_S) && IntentKey::own(key).may_vanish(&id, NOW));
}

#[test]
fn intents_gas__should_let_a_transaction_carry_a_full_call_and_ten_withdrawals() {
    const TERA: u64 = 1_000_000_000_000;
    assert!(intents_gas(INTENTS_MAX, 0) <= 40 * TERA);
    assert!(intents_gas(10, 10) <= 300 * TERA);
}
