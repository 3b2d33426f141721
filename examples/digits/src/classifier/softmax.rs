//! Multinomial logistic regression by stochastic gradient descent, in the order of the file.

use super::{Classify, DIGITS, greatest};
use crate::image::{Image, Labelled, PIXELS};

const EPOCHS: u32 = 30;
const FIRST_RATE: f64 = 0.1;
/// Pulls the weights to zero, so that rare pixels do not decide.
const DECAY: f64 = 1e-4;

/// Weights and bias of every digit.
pub struct Softmax {
    weights: [[f64; PIXELS]; DIGITS],
    bias: [f64; DIGITS],
}

impl Softmax {
    /// Trains in well under a second.
    pub fn train(training: &[Labelled]) -> Self {
        let mut model = Self { weights: [[0.0; PIXELS]; DIGITS], bias: [0.0; DIGITS] };
        for epoch in 0..EPOCHS {
            let rate = FIRST_RATE / (1.0 + f64::from(epoch) / 5.0);
            for known in training {
                model.learn(known, rate);
            }
        }
        model
    }

    fn learn(&mut self, known: &Labelled, rate: f64) {
        let chances = softmax(self.scores(&known.image));
        for (digit, chance) in chances.into_iter().enumerate() {
            let error = chance - f64::from(u8::from(usize::from(known.digit) == digit));
            self.bias[digit] -= rate * error;
            for (weight, pixel) in self.weights[digit].iter_mut().zip(&known.image) {
                *weight -= rate * (error * scaled(*pixel) + DECAY * *weight);
            }
        }
    }

    fn scores(&self, image: &Image) -> [f64; DIGITS] {
        core::array::from_fn(|digit| {
            let dot: f64 = self.weights[digit].iter().zip(image).map(|(weight, pixel)| weight * scaled(*pixel)).sum();
            self.bias[digit] + dot
        })
    }
}

impl Classify for Softmax {
    fn classify(&mut self, image: &Image) -> u8 {
        greatest(&self.scores(image))
    }
}

fn softmax(scores: [f64; DIGITS]) -> [f64; DIGITS] {
    let top = scores.iter().copied().fold(f64::MIN, f64::max);
    let powers = scores.map(|score| (score - top).exp());
    let sum: f64 = powers.iter().sum();
    powers.map(|power| power / sum)
}

fn scaled(pixel: u8) -> f64 {
    f64::from(pixel) / 16.0
}
