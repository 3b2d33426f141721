//! Opaque cursors of keyset pages. A cursor names the last key of a page and the filter it was made under, so that it
//! cannot continue another list by mistake.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use piecework_api::Page;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};

/// Version of the cursor's form.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Wire<K> {
    v: u8,
    sort: String,
    last_key: K,
    filter: String,
}

/// A page of a list that is read by the key behind the last row's.
#[derive(Debug)]
pub struct Keyset<F> {
    /// Names list and order.
    pub sort: &'static str,
    /// Everything else that chooses the rows.
    pub filter: F,
    /// Where the page begins; at the list's beginning without one.
    pub cursor: Option<String>,
    /// Rows of the page at most.
    pub limit: u32,
}

impl<F: Serialize> Keyset<F> {
    /// The last key of the page before.
    ///
    /// # Errors
    /// The cursor is not of this list and filter.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        self.cursor.as_ref().map(|text| decode(text, self.sort, &self.filter)).transpose()
    }

    /// Rows to read: the one beyond the page only shows that there is a next page.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// Makes the page from the rows read.
    #[must_use]
    pub fn cut<T, K: Serialize>(&self, mut rows: Vec<T>, key: impl FnOnce(&T) -> K) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|last| self.cursor_behind(&key(last))) } else { None };
        Page { items: rows, next }
    }

    /// The cursor of a page behind this key.
    #[must_use]
    pub fn cursor_behind(&self, last_key: &impl Serialize) -> String {
        encode(self.sort, last_key, &self.filter)
    }
}

/// Writes the cursor behind `last_key`. `sort` names list and order; `filter` is everything else that chose the rows.
fn encode<K: Serialize>(sort: &str, last_key: &K, filter: &impl Serialize) -> String {
    let wire = Wire { v: VERSION, sort: sort.to_owned(), last_key, filter: filter_hash(filter) };
    // Keys and filters are plain structs of numbers and strings, which always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
}

/// Reads the last key of a cursor made by [`encode`] for the same list and filter.
fn decode<K: DeserializeOwned>(cursor: &str, sort: &str, filter: &impl Serialize) -> Result<K, Problem> {
    let problem = |detail| Problem::new(Code::BadCursor, detail);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| problem("the cursor is not base64url"))?;
    let wire: Wire<serde_json::Value> =
        serde_json::from_slice(&bytes).map_err(|_| problem("the cursor cannot be read"))?;
    if wire.v != VERSION {
        return Err(problem("the cursor is of another version"));
    }
    if wire.sort != sort {
        return Err(problem("the cursor belongs to another list or order"));
    }
    if wire.filter != filter_hash(filter) {
        return Err(problem("the cursor was made under other filters"));
    }
    serde_json::from_value(wire.last_key).map_err(|_| problem("the cursor's key cannot be read"))
}

fn filter_hash(filter: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(filter).unwrap_or_default();
    hex::encode(&Sha256::digest(bytes)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode__should_return_the_key_of_the_same_list() {
        // Given a cursor of a filtered list
        let cursor = encode("batches:-batch", &17_u32, &Some("open"));

        // When it is read for the same list and filter
        let key: u32 = decode(&cursor, "batches:-batch", &Some("open")).unwrap();

        // Then the key is back
        assert_eq!(key, 17);
    }

    #[test]
    fn decode__should_refuse_a_cursor_of_another_filter_list_or_form() {
        // Given a cursor of a filtered list
        let cursor = encode("batches:-batch", &17_u32, &Some("open"));

        // When it is used elsewhere, or is damaged
        let other_filter = decode::<u32>(&cursor, "batches:-batch", &Some("closed"));
        let other_list = decode::<u32>(&cursor, "nodes:account", &Some("open"));
        let other_key = decode::<String>(&cursor, "batches:-batch", &Some("open"));
        let damaged = decode::<u32>("%%%", "batches:-batch", &Some("open"));

        // Then each is refused with the cursor's own code
        for refused in [other_filter.err(), other_list.err(), other_key.err(), damaged.err()] {
            assert_eq!(refused.unwrap().code, Code::BadCursor);
        }
    }
}
