//! Gold of a batch on a requester's disk: answers from a file of lines, sealed in a file that is kept until they are opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
pub use piecework_api::gold::NONE;
use piecework_api::{
    answer::Written,
    gold::{GoldAnswer, GoldSecret, LEAVES_MAX},
};
use piecework_console::Problem;
use piecework_interface::ids::Digest;
use serde::Deserialize;

use crate::{
    files,
    items::{Item, Mistake, describe},
};

/// A line of gold. A line of `batch results` is one too.
#[derive(Deserialize)]
struct GoldLine {
    index: Option<u32>,
    item: Option<String>,
    answer: Option<Written>,
}

/// Reads the answers to a batch's items and seals them with a new secret.
///
/// # Errors
/// Every line that is no answer to one item of the batch; no answers, or too many.
pub fn seal(path: &Path, items: &[Item], manifest: &Digest, width: u8) -> anyhow::Result<GoldSecret> {
    let text = files::read_text(path, "pass a file with one JSON value a line: {\"index\":4,\"answer\":7}")?;
    let answers = parse(path, &text, items, width)?;
    let sealed = GoldSecret::new(*manifest, rand::random(), answers);
    sealed.map_err(|error| {
        let fix = format!("give gold for 1 to {LEAVES_MAX} items, each once, one a line");
        Problem::new(format!("{} is no gold: {error}", path.display()), fix).into()
    })
}

fn parse(path: &Path, text: &str, items: &[Item], width: u8) -> anyhow::Result<Vec<GoldAnswer>> {
    let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (place, item) in (0..).zip(items) {
        places.entry(hex::encode(item.digest)).or_default().push(place);
    }
    let (mut answers, mut seen, mut mistakes) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        let answer = answer(text, items, &places, width).and_then(|answer| {
            let again = (format!("item {} has gold already", answer.item), "give each item one answer");
            if seen.insert(answer.item) { Ok(answer) } else { Err(again) }
        });
        match answer {
            Ok(answer) => answers.push(answer),
            Err((what, fix)) => mistakes.push(Mistake { line, column: 1, what, fix }),
        }
    }
    if !mistakes.is_empty() {
        bail!(Problem::new(describe(path, &mistakes), format!("correct these lines of {}", path.display())));
    }
    Ok(answers)
}

/// The answer of a line, or what is wrong and its fix.
fn answer(
    text: &str,
    items: &[Item],
    places: &BTreeMap<String, Vec<u32>>,
    width: u8,
) -> Result<GoldAnswer, (String, &'static str)> {
    let form = "write {\"index\":4,\"answer\":7}, or the item's id as \"item\" in place of the index";
    let line: GoldLine = serde_json::from_str(text).map_err(|error| (format!("no line of gold: {error}"), form))?;
    let item = match (line.index, line.item) {
        (None, None) => return Err(("neither index nor item is given".to_owned(), form)),
        (Some(index), id) => {
            let Some(item) = usize::try_from(index).ok().and_then(|index| items.get(index)) else {
                let last = items.len().saturating_sub(1);
                return Err((format!("there is no item {index}: the last is {last}"), "count from 0"));
            };
            if id.is_some_and(|id| id != hex::encode(item.digest)) {
                return Err((format!("item {index} of the batch has another id"), "leave the index out"));
            }
            index
        }
        (None, Some(id)) => match places.get(&id).map(Vec::as_slice) {
            Some([item]) => *item,
            Some(_) => return Err((format!("several items have the id {id}"), "give the index of one")),
            None => return Err((format!("no item has the id {id}"), "give the SHA-256 of the item's payload")),
        },
    };
    let width_is = "give a number that fits --answer-width, or hex of exactly as many bytes";
    let answer = line.answer.ok_or_else(|| (format!("item {item} has no answer"), form))?;
    let answer = answer
        .bytes(width)
        .ok_or_else(|| (format!("the answer to item {item} does not fit {width} bytes"), width_is))?;
    Ok(GoldAnswer { item, answer })
}

/// What to say of gold items whose payload another item repeats.
#[must_use]
pub fn repeated(gold: &GoldSecret, items: &[Item]) -> Option<String> {
    let mut times: BTreeMap<[u8; 32], u32> = BTreeMap::new();
    for item in items {
        *times.entry(item.digest).or_default() += 1;
    }
    let of = |item: u32| times.get(&items.get(usize::try_from(item).ok()?)?.digest).copied();
    let count = gold.answers().iter().filter(|known| of(known.item).is_some_and(|times| times > 1)).count();
    (count > 0)
        .then(|| format!("note: {count} items with gold repeat the payload of another: opening one answers the other"))
}

/// Writes gold to a new file beside the answers, which only its owner reads: its path.
///
/// # Errors
/// The file cannot be written.
pub fn keep(secret: &GoldSecret, answers: &Path) -> anyhow::Result<PathBuf> {
    let path = answers.with_file_name(format!("gold-{}.json", hex::encode(&secret.root()[..8])));
    let write = || -> anyhow::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(serde_json::to_string(secret)?.as_bytes())?;
        file.write_all(b"\n")?;
        Ok(file.sync_all()?)
    };
    write().with_context(|| {
        let what = format!("{} cannot be written, and gold is lost without it", path.display());
        Problem::new(what, "put the file of --gold into a directory that you may write to")
    })?;
    Ok(path)
}

/// Reads gold that [`keep`] wrote.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn open(path: &Path) -> anyhow::Result<GoldSecret> {
    const FIX: &str = "pass the file that `piecework batch create --gold` wrote: gold-….json";
    let text = files::read_text(path, FIX)?;
    // The text is secret: no error quotes it.
    let Ok(secret) = serde_json::from_str::<GoldSecret>(&text) else {
        bail!(Problem::new(format!("{} is no file of gold", path.display()), FIX));
    };
    secret.check().map_err(|error| Problem::new(format!("{}: {error}", path.display()), FIX))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use piecework_console::fix_of;
    use piecework_interface::host::sha256;

    use super::*;

    fn items(payloads: &[&str]) -> Vec<Item> {
        let item = |payload: &&str| Item { payload: payload.as_bytes().to_vec(), digest: sha256(payload.as_bytes()) };
        payloads.iter().map(item).collect()
    }

    fn parsed(text: &str) -> anyhow::Result<Vec<(u32, Vec<u8>)>> {
        let answers = parse(Path::new("gold.jsonl"), text, &items(&["a", "b", "b", "c"]), 2)?;
        Ok(answers.into_iter().map(|it| (it.item, it.answer)).collect())
    }

    #[test]
    fn gold__should_name_items_by_index_or_id_and_take_lines_of_results() {
        let id = hex::encode(sha256(b"c"));
        let of_results = format!(
            "{{\"index\":3,\"item\":\"{id}\",\"answer\":\"0700\",\"label\":7,\"accepted\":true,\"status\":\"accepted\"}}"
        );
        assert_eq!(parsed(&of_results).unwrap(), [(3, vec![7, 0])]);
        let both = format!("{{\"item\":\"{id}\",\"answer\":258}}\n{{\"index\":1,\"answer\":\"ff01\"}}\n");
        assert_eq!(parsed(&both).unwrap(), [(3, vec![2, 1]), (1, vec![0xff, 1])]);
    }

    #[test]
    fn gold__should_refuse_every_line_that_answers_no_single_item() {
        let [b, none] = [b"b".as_slice(), b"x"].map(|payload| hex::encode(sha256(payload)));
        let cases = [
            ("{\"index\":4,\"answer\":1}".to_owned(), "there is no item 4: the last is 3"),
            ("{\"index\":0,\"answer\":65536}".to_owned(), "does not fit 2 bytes"),
            ("{\"index\":0,\"answer\":\"07\"}".to_owned(), "does not fit 2 bytes"),
            ("{\"index\":0,\"answer\":null}".to_owned(), "item 0 has no answer"),
            ("{\"answer\":1}".to_owned(), "neither index nor item"),
            (format!("{{\"item\":\"{b}\",\"answer\":1}}"), "several items have the id"),
            (format!("{{\"item\":\"{none}\",\"answer\":1}}"), "no item has the id"),
            (format!("{{\"index\":0,\"item\":\"{b}\",\"answer\":1}}"), "has another id"),
            (
                "{\"index\":0,\"answer\":1}\n{\"index\":0,\"answer\":1}".to_owned(),
                "gold.jsonl:2:1: item 0 has gold already",
            ),
            ("seven".to_owned(), "gold.jsonl:1:1: no line of gold"),
            (String::new() + "\n", "no line of gold"),
        ];
        for (text, part) in cases {
            let error = parsed(&text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("; "), "{text}: {error}");
        }
    }

    #[test]
    fn gold__should_be_kept_for_its_owner_alone_and_come_back_whole() {
        // Given answers
        let dir = tempfile::tempdir().unwrap();
        let lines = dir.path().join("known.jsonl");
        std::fs::write(&lines, "{\"index\":0,\"answer\":1}\n{\"index\":1,\"answer\":2}\n").unwrap();
        let items = items(&["a", "b", "b"]);
        let secret = seal(&lines, &items, &[9; 32], 1).unwrap();
        assert!(repeated(&secret, &items).unwrap().contains("1 items with gold repeat"));

        // When they are kept, then nobody else reads them, they are not written over, and two seals differ
        let path = keep(&secret, &lines).unwrap();
        assert_eq!(path.parent(), Some(dir.path()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(open(&path).unwrap(), secret);
        assert!(keep(&secret, &lines).is_err());
        assert_ne!(seal(&lines, &items, &[9; 32], 1).unwrap().root(), secret.root());
        let error = open(&lines).unwrap_err();
        assert!(fix_of(&error).unwrap().contains("batch create --gold"), "{error}");
        std::fs::write(&lines, "").unwrap();
        let error = seal(&lines, &items, &[9; 32], 1).unwrap_err();
        assert!(error.to_string().contains("0 items have gold"), "{error}");
    }
}
