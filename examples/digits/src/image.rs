//! Images and the training set.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Pixels of an image.
pub const PIXELS: usize = 64;
/// Lines of the data set that are learnt from; the rest is the demo's batch.
pub const TRAINING: usize = 897;
/// The brightest pixel.
const BRIGHTEST: u8 = 16;

/// An 8×8 image, row by row, values 0..=16.
pub type Image = [u8; PIXELS];

/// An image whose digit is known.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Image.
    pub image: Image,
    /// Its digit, 0..=9.
    pub digit: u8,
}

/// Reads the payload of an item.
///
/// # Errors
/// If it is not JSON with 64 `pixels` of 0..=16.
pub fn read(payload: &[u8]) -> Result<Image> {
    #[derive(Deserialize)]
    struct Payload {
        pixels: Vec<u8>,
    }
    let payload: Payload = serde_json::from_slice(payload).context("the payload is not {\"pixels\":[…]}")?;
    image(&payload.pixels)
}

/// All labelled images of a file, or of the one compiled in.
///
/// # Errors
/// If the file cannot be read or a line is not a labelled image.
pub fn labelled(file: Option<&Path>) -> Result<Vec<Labelled>> {
    #[derive(Deserialize)]
    struct Line {
        pixels: Vec<u8>,
        digit: u8,
    }
    let text = match file {
        Some(path) => {
            fs::read_to_string(path).with_context(|| format!("cannot read training set {}", path.display()))?
        }
        None => include_str!("../digits.jsonl").to_owned(),
    };
    let parse = |(number, line): (usize, &str)| {
        let line: Line = serde_json::from_str(line).with_context(|| format!("training set, line {}", number + 1))?;
        ensure!(line.digit <= 9, "training set, line {}: digit {} is not 0..=9", number + 1, line.digit);
        let image = image(&line.pixels).with_context(|| format!("training set, line {}", number + 1))?;
        Ok(Labelled { image, digit: line.digit })
    };
    text.lines().enumerate().map(parse).collect()
}

/// The part of a file, or of the one compiled in, that is learnt from.
///
/// # Errors
/// As [`labelled`], or if there is nothing to learn from.
pub fn training(file: Option<&Path>) -> Result<Vec<Labelled>> {
    let mut training = labelled(file)?;
    training.truncate(TRAINING);
    ensure!(!training.is_empty(), "the training set is empty: give JSON lines with \"pixels\" and \"digit\"");
    Ok(training)
}

fn image(pixels: &[u8]) -> Result<Image> {
    ensure!(pixels.iter().all(|pixel| *pixel <= BRIGHTEST), "a pixel is above {BRIGHTEST}");
    pixels.try_into().with_context(|| format!("an image has {PIXELS} pixels, this one {}", pixels.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read__should_refuse_what_is_no_image() {
        let long = format!("{{\"pixels\":{:?}}}", vec![0; 65]);
        for payload in ["", "[]", "{\"pixels\":[1,2]}", "{\"pixels\":\"x\"}", &long] {
            assert!(read(payload.as_bytes()).is_err(), "{payload}");
        }
        let bright = format!("{{\"pixels\":{:?}}}", vec![17; 64]);
        assert!(read(bright.as_bytes()).is_err());
    }

    #[test]
    fn training__should_be_the_first_part_of_the_file() {
        assert_eq!(training(None).unwrap().len(), TRAINING);
        assert_eq!(labelled(None).unwrap().len(), 1_797);
    }
}
