//! Items from a JSON Lines file: one line, one item.
//!
//! The payload of an item is the line's `payload` field, text as its bytes and anything else as canonical JSON; or,
//! without such a field, the whole line as canonical JSON. Canonical: object keys sorted, no white space.

use std::{collections::HashSet, fmt, fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use piecework_interface::host::sha256;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The largest payload that gateways take by default, in bytes.
pub const PAYLOAD_MAX: usize = 16 << 20;
/// Mistakes reported at once.
const SHOWN: usize = 10;

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What a worker gets.
    pub payload: Vec<u8>,
    /// SHA-256 of the payload: the item's id.
    pub digest: [u8; 32],
}

/// A mistake in one line.
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) what: String,
    pub(crate) fix: &'static str,
}

/// Reads and checks a whole file.
///
/// # Errors
/// Every mistake with its line and column.
pub fn read(path: &Path) -> anyhow::Result<Vec<Item>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read; check the path", path.display()))?;
    parse(path, &bytes)
}

/// Payloads that occur more than once: legal, and often a slip.
#[must_use]
pub fn duplicates(items: &[Item]) -> usize {
    items.len() - items.iter().map(|item| item.digest).collect::<HashSet<_>>().len()
}

fn parse(path: &Path, bytes: &[u8]) -> anyhow::Result<Vec<Item>> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    ensure!(!body.is_empty(), "{} holds no items; write one JSON value per line", path.display());
    let mut items = Vec::new();
    let mut mistakes = Vec::new();
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        match item(number, line) {
            Ok(item) => items.push(item),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    ensure!(mistakes.is_empty(), describe(path, &mistakes));
    if u32::try_from(items.len()).is_err() {
        let (path, items) = (path.display(), items.len());
        bail!("{path} holds {items} items; a batch holds fewer than 2^32, so split the file");
    }
    Ok(items)
}

fn item(number: usize, line: &[u8]) -> Result<Item, Mistake> {
    let mistake = |column, what: &str, fix| Mistake { line: number, column, what: what.to_owned(), fix };
    let text = std::str::from_utf8(line)
        .map_err(|error| mistake(error.valid_up_to() + 1, "not UTF-8", "save the file as UTF-8"))?;
    if text.trim().is_empty() {
        return Err(mistake(1, "an empty line", "remove it: every line is one item"));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        let fix = if what.starts_with("trailing") {
            "write one JSON value per line"
        } else {
            "write the whole item as valid JSON on this line"
        };
        mistake(error.column(), what, fix)
    })?;
    if let Err(error) = serde_json::from_str::<Unique>(text) {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        return Err(mistake(error.column(), what, "keep one of them: readers differ in which one counts"));
    }
    let column = || text.find("\"payload\"").map_or(1, |at| at + 1);
    let payload = match value {
        Value::Object(mut object) => match object.remove("payload") {
            Some(Value::Null) => {
                return Err(mistake(column(), "`payload` is null", "give the item's payload, or leave the field out"));
            }
            Some(Value::String(text)) => text.into_bytes(),
            Some(payload) => canonical(payload),
            None => canonical(Value::Object(object)),
        },
        value => canonical(value),
    };
    if payload.is_empty() {
        return Err(mistake(column(), "`payload` is empty", "give the worker something to work on"));
    }
    if payload.len() > PAYLOAD_MAX {
        let what = format!("the payload has {} bytes; gateways take {PAYLOAD_MAX}", payload.len());
        return Err(mistake(column(), &what, "put a link and a digest into the payload instead"));
    }
    let digest = sha256(&payload);
    Ok(Item { payload, digest })
}

/// A JSON value none of whose objects has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeys)
    }
}

struct UniqueKeys;

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Unique, A::Error> {
        while values.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` stands twice in one object")));
            }
            entries.next_value::<Unique>()?;
            keys.insert(key);
        }
        Ok(Unique)
    }
}

/// Compact JSON with sorted keys, whatever order serde_json's maps keep.
fn canonical(value: Value) -> Vec<u8> {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
            Value::Object(object) => {
                let mut entries: Vec<_> = object.into_iter().collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
            }
            value => value,
        }
    }
    sorted(value).to_string().into_bytes()
}

/// The first mistakes of a file, one a line.
pub(crate) fn describe(path: &Path, mistakes: &[Mistake]) -> String {
    let mut lines: Vec<String> = mistakes
        .iter()
        .take(SHOWN)
        .map(|Mistake { line, column, what, fix }| format!("{}:{line}:{column}: {what}; {fix}", path.display()))
        .collect();
    if mistakes.len() > SHOWN {
        lines.push(format!("and {} more lines", mistakes.len() - SHOWN));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> anyhow::Result<Vec<Item>> {
        parse(Path::new("items.jsonl"), text.as_bytes())
    }

    fn error(text: &str) -> String {
        parsed(text).unwrap_err().to_string()
    }

    #[test]
    fn items__should_take_text_payloads_as_bytes_and_others_as_canonical_json() {
        let items = parsed(
            "{\"payload\":\"hello\",\"x\":1}\n{\"payload\":{\"b\":2,\"a\":[1, 2]}}\n{\"b\": 1, \"a\": 0.5}\n[1]\n",
        )
        .unwrap();
        let payloads: Vec<&str> = items.iter().map(|item| std::str::from_utf8(&item.payload).unwrap()).collect();
        assert_eq!(payloads, ["hello", "{\"a\":[1,2],\"b\":2}", "{\"a\":0.5,\"b\":1}", "[1]"]);
        assert_eq!(items[0].digest, sha256(b"hello"));
    }

    #[test]
    fn items__should_refuse_a_key_that_stands_twice() {
        let said = error("{\"a\":1}\n{\"b\":[{\"a\":1,\"a\":2}]}");
        assert!(said.starts_with("items.jsonl:2:"), "{said}");
        assert!(said.contains("the key `a` stands twice"), "{said}");
        assert_eq!(parsed("{\"a\":{\"a\":1},\"b\":-1.5}\n[null,true,{\"a\":\"x\"},{\"a\":0}]").unwrap().len(), 2);
    }

    #[test]
    fn items__should_not_depend_on_key_order_or_space() {
        let items = parsed("{\"a\":1,\"b\":2}\n{ \"b\":2 ,\"a\":1 }").unwrap();
        assert_eq!(items[0], items[1]);
        assert_eq!(duplicates(&items), 1);
    }

    #[test]
    fn items__should_name_file_line_column_and_fix() {
        let text = error("{\"a\":1}\n{\"a\" 1}\n");
        assert_eq!(text, "items.jsonl:2:6: expected `:`; write the whole item as valid JSON on this line");
        assert!(error("{} {}").starts_with("items.jsonl:1:4: trailing characters; write one JSON value per line"));
    }

    #[test]
    fn items__should_report_every_mistake_of_a_file() {
        let text = error("{\"payload\":null}\n\n{\"x\":1,\"payload\":\"\"}\n{");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("items.jsonl:1:2: `payload` is null"), "{text}");
        assert!(lines[1].starts_with("items.jsonl:2:1: an empty line"), "{text}");
        assert!(lines[2].starts_with("items.jsonl:3:8: `payload` is empty"), "{text}");
        assert!(lines[3].starts_with("items.jsonl:4:1: EOF"), "{text}");
        assert!(error(&"{\n".repeat(12)).ends_with("and 2 more lines"));
    }

    #[test]
    fn items__should_refuse_bytes_that_are_not_utf8() {
        let error = parse(Path::new("items.jsonl"), b"\"ok\"\n\"\xff\"\n").unwrap_err();
        assert_eq!(error.to_string(), "items.jsonl:2:2: not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn items__should_refuse_an_empty_or_missing_file() {
        assert!(error("").contains("holds no items"));
        let error = read(Path::new("/nonexistent/items.jsonl")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/items.jsonl cannot be read"));
    }
}
