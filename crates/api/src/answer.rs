//! Answers as people and workers write them: a number or hex digits.

use serde::{Deserialize, Serialize};

/// An answer in a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Written {
    /// A number, little-endian in the batch's width.
    Label(u64),
    /// Hex, two digits a byte of the batch's width.
    Hex(String),
}

impl Written {
    /// The answer in `width` bytes; `None` if it does not fit them exactly.
    #[must_use]
    pub fn bytes(&self, width: u8) -> Option<Vec<u8>> {
        let size = usize::from(width);
        let bytes = match self {
            Self::Label(label) => {
                let mut bytes = label.to_le_bytes().to_vec();
                if bytes.iter().skip(size).any(|byte| *byte != 0) {
                    return None;
                }
                bytes.resize(size, 0);
                bytes
            }
            Self::Hex(text) => hex::decode(text).ok()?,
        };
        (bytes.len() == size).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written__should_fill_the_width_or_be_refused() {
        let of = |text: &str, width| serde_json::from_str::<Written>(text).unwrap().bytes(width);
        assert_eq!(of("258", 4), Some(vec![2, 1, 0, 0]));
        assert_eq!(of("\"0201\"", 2), Some(vec![2, 1]));
        assert_eq!(of("7", 32).map(|bytes| (bytes[0], bytes.len())), Some((7, 32)));
        for (text, width) in [("256", 1), ("\"0001\"", 1), ("\"0\"", 1), ("\"zz\"", 1), ("\"\"", 1), ("\"02\"", 2)] {
            assert_eq!(of(text, width), None, "{text}");
        }
    }
}
