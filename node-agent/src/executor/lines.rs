//! The lines between the agent and a worker.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use piecework_api::answer::Written;
use serde::{Deserialize, Serialize};

use super::TaskItem;

/// Characters of a bad line that an error quotes.
const EXCERPT: usize = 80;

/// What is wrong with a worker's answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not an answer.
    #[error("line {line} is not {{\"index\":…,\"answer\":…}}: {excerpt}")]
    Line {
        /// Line number from 1.
        line: usize,
        /// Its beginning.
        excerpt: String,
    },
    /// An item that was not asked for, or one answered before.
    #[error("item {index} was not asked for, or is answered twice")]
    Index {
        /// The item.
        index: u32,
    },
    /// The answer does not have the batch's width.
    #[error("the answer to item {index} does not fit {width} bytes: give a number below 2^{}, or {} hex digits", 8 * u32::from(*width), 2 * u32::from(*width))]
    Width {
        /// The item.
        index: u32,
        /// Bytes per answer.
        width: u8,
    },
    /// Items without an answer.
    #[error("{count} of {of} items have no answer, the first is item {first}")]
    Missing {
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// The first of them.
        first: u32,
    },
}

#[derive(Serialize)]
struct ItemLine<'a> {
    index: u32,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_path: Option<&'a PathBuf>,
}

#[derive(Deserialize)]
struct AnswerLine {
    index: u32,
    answer: Written,
}

/// The line of an item; `path` for a payload that is handed over as a file.
pub(super) fn item(item: &TaskItem, path: Option<&PathBuf>) -> String {
    let line = ItemLine {
        index: item.index,
        sha256: hex::encode(item.sha256),
        payload_base64: path.is_none().then(|| STANDARD.encode(&item.payload)),
        payload_path: path,
    };
    // Strings and numbers only: this cannot fail.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The answers of all items in index order. A number is a label index, little-endian in the batch's width.
pub(super) fn answers(output: &[u8], indexes: &[u32], width: u8) -> Result<Vec<u8>, AnswerError> {
    let mut found: Vec<Option<Vec<u8>>> = vec![None; indexes.len()];
    for (number, line) in output.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let bad = || AnswerError::Line {
            line: number + 1,
            excerpt: String::from_utf8_lossy(line).chars().take(EXCERPT).collect(),
        };
        let AnswerLine { index, answer } = serde_json::from_slice(line).map_err(|_| bad())?;
        let place = indexes.iter().position(|known| *known == index);
        let seat = place.and_then(|place| found.get_mut(place)).filter(|seat| seat.is_none());
        *seat.ok_or(AnswerError::Index { index })? =
            Some(answer.bytes(width).ok_or(AnswerError::Width { index, width })?);
    }
    let mut missing = found.iter().zip(indexes).filter(|(answer, _)| answer.is_none());
    if let Some((_, first)) = missing.next() {
        return Err(AnswerError::Missing { count: missing.count() + 1, of: indexes.len(), first: *first });
    }
    Ok(found.into_iter().flatten().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers__should_follow_the_items_and_not_the_lines() {
        let output = b"{\"index\":8,\"answer\":258}\n\n{\"index\":7,\"answer\":\"ff01\"}\n";
        assert_eq!(answers(output, &[7, 8], 2).unwrap(), [0xff, 1, 2, 1]);
    }

    #[test]
    fn answers__should_refuse_the_wrong_width() {
        for answer in ["256", "\"0001\"", "\"0\"", "\"zz\"", "\"\""] {
            let line = format!("{{\"index\":7,\"answer\":{answer}}}");
            assert_eq!(answers(line.as_bytes(), &[7], 1), Err(AnswerError::Width { index: 7, width: 1 }), "{answer}");
        }
    }

    #[test]
    fn answers__should_refuse_what_was_not_asked_for() {
        let twice = b"{\"index\":7,\"answer\":1}\n{\"index\":7,\"answer\":1}";
        assert_eq!(answers(twice, &[7], 1), Err(AnswerError::Index { index: 7 }));
        assert_eq!(answers(b"{\"index\":9,\"answer\":1}", &[7], 1), Err(AnswerError::Index { index: 9 }));
    }

    #[test]
    fn answers__should_name_what_is_missing() {
        let output = b"{\"index\":7,\"answer\":1}";
        assert_eq!(answers(output, &[6, 7, 8], 1), Err(AnswerError::Missing { count: 2, of: 3, first: 6 }));
    }

    #[test]
    fn answers__should_quote_garbage() {
        let error = answers(b"{\"index\":7,\"answer\":1}\nhello", &[7], 1).unwrap_err();
        assert_eq!(error, AnswerError::Line { line: 2, excerpt: "hello".to_owned() });
        for garbage in ["{\"index\":-1,\"answer\":1}", "{\"index\":7,\"answer\":1.5}", "{\"index\":7}", "\u{fffd}"] {
            assert!(matches!(answers(garbage.as_bytes(), &[7], 1), Err(AnswerError::Line { .. })), "{garbage}");
        }
    }
}
