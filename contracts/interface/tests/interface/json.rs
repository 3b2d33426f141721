//! The contract's JSON against serde_json's.
use piecework_compact::json::{Read, Reader, parse, to_string};
use piecework_interface::{amount::Amount, config::Config, terms::Terms};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

/// Any value at all.
#[derive(Debug)]
struct Anything;

impl Read for Anything {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.skip();
        Self
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn parse__should_take_every_value_that_serde_json_writes(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        prop_assert!(parse::<Anything>(&text.expect("json")).is_ok());
    }

    #[test]
    fn parse__should_take_and_refuse_what_serde_json_does(
        value in values(),
        edits in vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9eE+. true\n-]"), 1..3),
    ) {
        // Given a text that is broken in a few places
        let mut text: Vec<char> = serde_json::to_string(&value).expect("json").chars().collect();
        for (place, char) in edits {
            let index = place.index(text.len());
            text[index] = char.chars().next().expect("a character");
        }
        let text: String = text.into_iter().collect();
        // Then both readers agree, but for numbers that no float can hold, which serde_json refuses
        let theirs = serde_json::from_str::<Value>(&text);
        if !theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range")) {
            prop_assert_eq!(parse::<Anything>(&text).is_ok(), theirs.is_ok(), "{}", text);
        }
    }

    #[test]
    fn strings__should_survive_both_ways(text: String) {
        let theirs = serde_json::to_string(&text).expect("json");
        prop_assert_eq!(parse::<String>(&theirs), Ok(text.clone()));
        prop_assert_eq!(serde_json::from_str::<String>(&to_string(&text)).expect("json"), text);
    }

    #[test]
    fn numbers__should_be_whole_and_in_range(number: u128, text in "-?[0-9]{1,40}") {
        prop_assert_eq!(parse::<Amount>(&format!("\"{number}\"")), Ok(Amount(number)));
        prop_assert_eq!(parse::<u32>(&text).ok(), serde_json::from_str::<u32>(&text).ok(), "{}", text);
        prop_assert_eq!(parse::<u64>(&text).ok(), serde_json::from_str::<u64>(&text).ok(), "{}", text);
    }

    #[test]
    fn fields__should_be_read_in_any_order_and_named_when_missing(
        order in Just((0..16_usize).collect::<Vec<_>>()).prop_shuffle(),
        left_out in 0..16_usize,
    ) {
        let terms = Terms { reward: Amount(7), lot_size: 3, expires_at: 9, ..Terms::default() };
        let Value::Object(fields) = serde_json::to_value(&terms).expect("json") else { panic!("an object") };
        let fields: Vec<_> = fields.into_iter().collect();
        let object = |without: Option<usize>| {
            let kept = order.iter().filter(|index| Some(**index) != without);
            let fields: Vec<_> = kept.map(|index| format!("\"{}\" : {}", fields[*index].0, fields[*index].1)).collect();
            format!("{{{}}}", fields.join(","))
        };
        prop_assert_eq!(parse::<Terms>(&object(None)), Ok(terms.clone()));
        let name = &fields[left_out].0;
        match parse::<Terms>(&object(Some(left_out))) {
            Ok(read) => prop_assert!(name == "verification" && read == terms),
            Err(error) => prop_assert_eq!(error.field, name),
        }
    }
}

#[test]
fn configuration__should_default_what_is_left_out() {
    assert_eq!(parse::<Config>("{}"), Ok(Config::default()));
    let text = r#"{"fee_bps": 7, "bounds": {"slice_s": [1, 2]}, "new_field": {"x": [1, 2, {}]}}"#;
    assert_eq!(parse::<Config>(text).ok(), serde_json::from_str(text).ok());
}

#[test]
fn parse__should_refuse_depth_without_end() {
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse::<Anything>(&deep(30)).is_ok());
    assert!(parse::<Anything>(&deep(100_000)).is_err());
}
