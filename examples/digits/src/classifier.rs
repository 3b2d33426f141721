//! Four honest ways to name a digit, and one that is not.

mod centroid;
mod nearest;
mod random;
mod softmax;

use clap::ValueEnum;

use crate::image::{Image, Labelled};

/// Digits.
const DIGITS: usize = 10;

/// Names a digit.
pub trait Classify {
    /// The digit in the image, 0..=9.
    fn classify(&mut self, image: &Image) -> u8;
}

/// The classifiers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The digit of the most similar training image.
    Nearest,
    /// The most frequent digit among the five most similar training images.
    FiveNearest,
    /// The digit whose mean image is most similar.
    Centroid,
    /// A linear model trained at start.
    Softmax,
    /// A guess.
    Random,
}

impl Kind {
    /// Learns from the training set.
    #[must_use]
    pub fn train(self, training: Vec<Labelled>) -> Box<dyn Classify> {
        match self {
            Self::Nearest => Box::new(nearest::Nearest::new(1, training)),
            Self::FiveNearest => Box::new(nearest::Nearest::new(5, training)),
            Self::Centroid => Box::new(centroid::Centroid::train(&training)),
            Self::Softmax => Box::new(softmax::Softmax::train(&training)),
            Self::Random => Box::new(random::Random),
        }
    }
}

/// The index of the greatest value; the first of equal ones.
fn greatest<T: PartialOrd + Copy>(values: &[T; DIGITS]) -> u8 {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    u8::try_from(best).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{TRAINING, labelled};

    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a share of some hundred")]
    fn answers(kind: Kind) -> (Vec<u8>, f64) {
        let mut training = labelled(None).unwrap();
        let batch = training.split_off(TRAINING);
        let mut classifier = kind.train(training);
        let answers: Vec<u8> = batch.iter().map(|item| classifier.classify(&item.image)).collect();
        let right = answers.iter().zip(&batch).filter(|(answer, item)| **answer == item.digit).count();
        (answers, right as f64 / batch.len() as f64)
    }

    #[test]
    fn honest_classifiers__should_read_most_digits() {
        for (kind, least) in
            [(Kind::Nearest, 0.93), (Kind::FiveNearest, 0.93), (Kind::Centroid, 0.85), (Kind::Softmax, 0.85)]
        {
            let accuracy = answers(kind).1;
            assert!(accuracy >= least, "{kind:?}: {accuracy}");
        }
    }

    #[test]
    fn honest_classifiers__should_disagree_somewhere() {
        let all: Vec<_> =
            [Kind::Nearest, Kind::FiveNearest, Kind::Centroid, Kind::Softmax].map(|kind| answers(kind).0).into();
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn honest_classifiers__should_be_deterministic() {
        for kind in [Kind::Nearest, Kind::FiveNearest, Kind::Centroid, Kind::Softmax] {
            assert_eq!(answers(kind).0, answers(kind).0);
        }
    }

    #[test]
    fn random__should_be_wrong_mostly() {
        assert!(answers(Kind::Random).1 < 0.25);
    }
}
