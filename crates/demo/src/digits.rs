//! The demo's data: the last 900 of 1,797 handwritten digits, truth withheld from the batch.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

/// The file, with its attribution beside it.
const FILE: &str = include_str!("../../../examples/digits/digits.jsonl");
/// Lines that the workers are trained with; the rest is the batch.
const TRAINING: usize = 897;

/// The batch's images and their truth, by item.
#[derive(Debug)]
pub(super) struct Digits {
    images: Vec<Vec<u8>>,
    truth: Vec<u8>,
}

#[derive(Deserialize)]
struct Line {
    pixels: Vec<u8>,
    digit: u8,
}

pub(super) fn load() -> anyhow::Result<Digits> {
    let lines = FILE.lines().skip(TRAINING).map(serde_json::from_str::<Line>);
    let lines: Vec<Line> = lines.collect::<Result<_, _>>().context("examples/digits/digits.jsonl is damaged")?;
    let (images, truth) = lines.into_iter().map(|line| (line.pixels, line.digit)).unzip();
    Ok(Digits { images, truth })
}

impl Digits {
    /// What the images show.
    pub(super) fn truth(&self) -> &[u8] {
        &self.truth
    }

    /// What these images show.
    pub(super) fn truth_of(&self, which: &[usize]) -> Vec<u8> {
        which.iter().filter_map(|item| self.truth.get(*item).copied()).collect()
    }

    /// Writes these images as a requester's file: without what they show.
    pub(super) fn write_items(&self, path: &Path, which: impl IntoIterator<Item = usize>) -> anyhow::Result<()> {
        let mut text = String::new();
        for pixels in which.into_iter().filter_map(|item| self.images.get(item)) {
            writeln!(text, "{}", json!({ "payload": { "pixels": pixels } }))?;
        }
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Digits {
    /// Writes what every `each`-th image of the batch shows, as gold.
    pub(super) fn write_gold(&self, path: &Path, each: usize) -> anyhow::Result<()> {
        let mut text = String::new();
        for (index, digit) in self.truth.iter().enumerate().step_by(each) {
            writeln!(text, "{}", json!({ "index": index, "answer": digit }))?;
        }
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn digits__should_become_900_different_items_without_truth() {
        let digits = load().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items.jsonl");
        digits.write_items(&path, 0..900).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let items: BTreeSet<&str> = text.lines().collect();
        assert_eq!((text.lines().count(), digits.truth().len(), items.len()), (900, 900, 900));
        assert!(!text.contains("digit"));
    }
}
