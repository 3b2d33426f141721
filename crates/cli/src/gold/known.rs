//! The file of known answers: JSON (`{"3": 4, "<sha256 of a payload>": "ff"}`) or CSV (`3,4`, hexadecimal as `0xff`).
//!
//! An item is its index in the batch, counted from 0, or the SHA-256 of its payload. An answer is a label, which is stored
//! little-endian in the batch's width, or exactly as many hex digits as the width asks for.

use std::{collections::BTreeMap, fmt, path::Path};

use piecework_console::Problem;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{files, items::Item};

/// Known answers by the item's index in the batch.
pub type KnownAnswers = BTreeMap<u32, Vec<u8>>;

/// Reads the known answers of a batch.
///
/// # Errors
/// The file cannot be read, or an entry names no item, an item twice, or an answer of another width.
pub fn read(path: &Path, items: &[Item], width: u8) -> anyhow::Result<KnownAnswers> {
    let text = files::read_text(path, "check the path of --gold; it is JSON or CSV")?;
    parse(&text, items, width).map_err(|what| {
        let fix = format!(
            "write {{\"INDEX\": LABEL}} or lines INDEX,LABEL; an answer has {width} bytes, in hex with {} digits",
            2 * u32::from(width)
        );
        Problem::new(format!("{}: {what}", path.display()), fix).into()
    })
}

fn parse(text: &str, items: &[Item], width: u8) -> Result<KnownAnswers, String> {
    let entries = if text.trim_start().starts_with(['{', '[']) { from_json(text)? } else { from_csv(text)? };
    let mut answers = KnownAnswers::new();
    for (name, answer) in entries {
        let item = item_of(&name, items)?;
        let answer = match answer {
            Answer::Label(label) => label_bytes(label, width),
            Answer::Hex(hex) => hex::decode(&hex).ok().filter(|bytes| bytes.len() == usize::from(width)),
        };
        let answer = answer.ok_or_else(|| format!("the answer of item {name} does not fit {width} bytes"))?;
        if answers.insert(item, answer).is_some() {
            return Err(format!("item {name} has two answers"));
        }
    }
    if answers.is_empty() { Err("it holds no known answers".to_owned()) } else { Ok(answers) }
}

enum Answer {
    Label(u64),
    Hex(String),
}

fn from_json(text: &str) -> Result<Vec<(String, Answer)>, String> {
    let Pairs(object) = serde_json::from_str(text).map_err(|error| format!("not a JSON object of answers: {error}"))?;
    let answer = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, Answer::Hex(text.strip_prefix("0x").unwrap_or(&text).to_owned()))),
        Value::Number(number) => match number.as_u64() {
            Some(label) => Ok((name, Answer::Label(label))),
            None => Err(format!("the answer of item {name} is no label: {number}")),
        },
        other => Err(format!("the answer of item {name} is no label and no hex text: {other}")),
    };
    object.into_iter().map(answer).collect()
}

/// A JSON object whose names may repeat: a map would keep the last of two answers, and tell nobody.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object {\"ITEM\": ANSWER}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A first line without digits is a header.
fn from_csv(text: &str) -> Result<Vec<(String, Answer)>, String> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || (number == 1 && !line.contains(|c: char| c.is_ascii_digit())) {
            continue;
        }
        let parts = line.split_once(',').map(|(item, answer)| (unquoted(item), unquoted(answer)));
        let Some((item, answer)) = parts else {
            return Err(format!("line {number} is not ITEM,ANSWER"));
        };
        let answer = match (answer.strip_prefix("0x"), answer.parse()) {
            (Some(hex), _) => Answer::Hex(hex.to_owned()),
            (None, Ok(label)) => Answer::Label(label),
            (None, Err(_)) => return Err(format!("line {number}: {answer:?} is no label; write hex as 0x…")),
        };
        entries.push((item.to_owned(), answer));
    }
    Ok(entries)
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

fn item_of(name: &str, items: &[Item]) -> Result<u32, String> {
    let mut digest = [0; 32];
    let found = if name.len() == 64 && hex::decode_to_slice(name, &mut digest).is_ok() {
        items.iter().position(|item| item.digest == digest)
    } else {
        name.parse().ok().filter(|index: &usize| *index < items.len())
    };
    found.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
        format!(
            "there is no item {name}: it is an index of 0 to {}, or a payload's SHA-256",
            items.len().saturating_sub(1)
        )
    })
}

/// A label, little-endian in the width; `None` if it does not fit.
fn label_bytes(label: u64, width: u8) -> Option<Vec<u8>> {
    let mut bytes = label.to_le_bytes().to_vec();
    let width = usize::from(width);
    let fits = bytes.iter().skip(width).all(|byte| *byte == 0);
    bytes.resize(width, 0);
    fits.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use piecework_interface::host::sha256;

    use super::*;

    fn items() -> Vec<Item> {
        let item = |text: &str| Item { payload: text.as_bytes().to_vec(), digest: sha256(text.as_bytes()) };
        ["one", "two", "three"].map(item).to_vec()
    }

    fn parsed(text: &str, width: u8) -> Result<KnownAnswers, String> {
        parse(text, &items(), width)
    }

    #[test]
    fn known_answers__should_be_read_from_json_and_csv_alike() {
        let digest = hex::encode(sha256(b"three"));
        let expected: KnownAnswers = [(0, vec![4, 0]), (2, vec![0xff, 1])].into();
        let json = format!("{{\"0\": 4, \"{digest}\": \"ff01\"}}");
        assert_eq!(parsed(&json, 2), Ok(expected.clone()));
        let csv = format!("item,answer\n0,4\n\n\"{digest}\", 0xff01\n");
        assert_eq!(parsed(&csv, 2), Ok(expected));
    }

    #[test]
    fn known_answers__should_name_what_is_wrong() {
        for (text, part) in [
            ("{\"3\": 1}", "there is no item 3: it is an index of 0 to 2"),
            ("{\"0\": 256}", "does not fit 1 bytes"),
            ("{\"0\": \"0101\"}", "does not fit 1 bytes"),
            ("{\"0\": -1}", "is no label"),
            ("0,1\n0,2", "item 0 has two answers"),
            ("{\"0\": 1, \"0\": 2}", "item 0 has two answers"),
            ("[1]", "not a JSON object of answers"),
            ("0;1", "line 1 is not ITEM,ANSWER"),
            ("0,cat", "write hex as 0x"),
            ("{}", "holds no known answers"),
            ("", "holds no known answers"),
        ] {
            let error = parsed(text, 1).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
