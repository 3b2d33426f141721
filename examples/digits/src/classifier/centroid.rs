//! The digit whose mean training image is most similar.

use super::{Classify, DIGITS, greatest};
use crate::image::{Image, Labelled, PIXELS};

/// The mean image of every digit.
pub struct Centroid {
    means: [[f64; PIXELS]; DIGITS],
}

impl Centroid {
    /// Takes the means.
    pub fn train(training: &[Labelled]) -> Self {
        let mut means = [[0.0; PIXELS]; DIGITS];
        let mut counts = [0_u32; DIGITS];
        for known in training {
            let digit = usize::from(known.digit);
            counts[digit] += 1;
            for (sum, pixel) in means[digit].iter_mut().zip(&known.image) {
                *sum += f64::from(*pixel);
            }
        }
        for (mean, count) in means.iter_mut().zip(counts) {
            for value in mean {
                *value /= f64::from(count.max(1));
            }
        }
        Self { means }
    }
}

impl Classify for Centroid {
    fn classify(&mut self, image: &Image) -> u8 {
        greatest(
            &self.means.map(|mean| {
                -mean.iter().zip(image).map(|(mean, pixel)| (mean - f64::from(*pixel)).powi(2)).sum::<f64>()
            }),
        )
    }
}
