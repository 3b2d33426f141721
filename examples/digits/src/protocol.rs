//! The lines between piecework-agent and a worker.

use std::{
    fs,
    io::{BufRead, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{classifier::Classify, image};

#[derive(Deserialize)]
struct Item {
    index: u32,
    payload_base64: Option<String>,
    payload_path: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    index: u32,
    answer: u8,
}

/// Answers every item until the input ends.
///
/// # Errors
/// The first line or payload that cannot be read, by its item.
pub fn answer_all(input: impl BufRead, mut output: impl Write, classifier: &mut dyn Classify) -> Result<()> {
    for (number, line) in input.lines().enumerate() {
        let line = line.context("cannot read standard input")?;
        let item: Item =
            serde_json::from_str(&line).with_context(|| format!("input line {} is not an item", number + 1))?;
        let image =
            payload(&item).and_then(|payload| image::read(&payload)).with_context(|| format!("item {}", item.index))?;
        let answer = Answer { index: item.index, answer: classifier.classify(&image) };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush().context("cannot write standard output")
}

fn payload(item: &Item) -> Result<Vec<u8>> {
    match (&item.payload_base64, &item.payload_path) {
        (Some(text), None) => STANDARD.decode(text).context("payload_base64 is not base64"),
        (None, Some(path)) => fs::read(path).with_context(|| format!("cannot read {}", path.display())),
        _ => bail!("give either payload_base64 or payload_path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{classifier::Kind, image::training};

    fn run(input: &str) -> Result<String> {
        let mut output = Vec::new();
        let mut classifier = Kind::Nearest.train(training(None)?);
        answer_all(input.as_bytes(), &mut output, classifier.as_mut())?;
        Ok(String::from_utf8(output)?)
    }

    #[test]
    fn answer_all__should_answer_each_item_under_its_index() {
        // Given two images of the training set, whose nearest neighbours are themselves.
        let training = training(None).unwrap();
        let line = |index: usize| {
            let payload = STANDARD.encode(format!("{{\"pixels\":{:?}}}", training[index].image));
            format!("{{\"index\":{index},\"sha256\":\"\",\"payload_base64\":\"{payload}\"}}\n")
        };
        // When they are classified, then the answers are their digits.
        let output = run(&(line(7) + &line(3))).unwrap();
        let expected = [7, 3].map(|index| format!("{{\"index\":{index},\"answer\":{}}}\n", training[index].digit));
        assert_eq!(output, expected.concat());
    }

    #[test]
    fn answer_all__should_name_the_item_of_a_bad_payload() {
        let error = run("{\"index\":5,\"payload_base64\":\"e30=\"}").unwrap_err();
        assert!(format!("{error:#}").starts_with("item 5: the payload is not"), "{error:#}");
        assert!(run("{\"index\":5}").is_err());
        assert!(run("no json").is_err());
    }
}
