//! The contract's JSON against serde_json's.
use piecework_compact::json::{ReadError, parse, to_string};
use piecework_interface::{amount::Amount, config::Config, terms::Terms};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

proptest! {
    #[test]
    fn parse__should_take_and_refuse_what_serde_json_does(
        config in (any::<u128>(), any::<u16>(), any::<u32>(), any::<String>()),
        pretty: bool,
        edits in vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9eE+. true\n-]"), 0..3),
    ) {
        // Given a text that is broken in a few places, or in none
        let (stake, fee_bps, grace_s, chain_id) = config;
        let config = Config { min_stake: Amount(stake), fee_bps, grace_s, chain_id, ..Config::default() };
        let text = if pretty { serde_json::to_string_pretty(&config) } else { serde_json::to_string(&config) };
        let mut text: Vec<char> = text.expect("json").chars().collect();
        for (place, char) in edits {
            let index = place.index(text.len());
            text[index] = char.chars().next().expect("a character");
        }
        let text: String = text.into_iter().collect();
        // Then both readers agree, but for fields that the type lacks, which serde passes over
        let ours = parse::<Config>(&text);
        if !matches!(ours, Err(ReadError::Unknown(_))) {
            prop_assert_eq!(ours.ok(), serde_json::from_str::<Config>(&text).ok(), "{}", text);
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
            Err(error) => prop_assert_eq!(error.to_string(), format!("`{name}` is missing, malformed or out of range")),
        }
    }
}

#[test]
fn configuration__should_default_what_is_left_out() {
    assert_eq!(parse::<Config>("{}"), Ok(Config::default()));
    let text = r#"{"fee_bps": 7, "bounds": {"slice_s": [1, 2]}}"#;
    assert_eq!(parse::<Config>(text).ok(), serde_json::from_str(text).ok());
}

#[test]
fn fields__should_be_known_and_given_once() {
    let unknown = |name: &str| Err(ReadError::Unknown(name.to_owned()));
    assert_eq!(parse::<Config>(r#"{"fee_bps":7,"fee_bsp":8}"#), unknown("fee_bsp"));
    assert_eq!(parse::<Config>(r#"{"bounds":{"slices":[1,2]}}"#), unknown("slices"));
    assert_eq!(parse::<Config>(r#"{"fee_bps":7,"grace_s":1,"fee_bps":7}"#), Err(ReadError::Repeated("fee_bps")));
}
