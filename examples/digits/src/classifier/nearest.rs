//! The most frequent digit among the most similar training images.

use super::{Classify, DIGITS, greatest};
use crate::image::{Image, Labelled};

/// k nearest neighbours by squared distance.
pub struct Nearest {
    neighbours: usize,
    training: Vec<Labelled>,
}

impl Nearest {
    /// Decides by so many neighbours.
    pub const fn new(neighbours: usize, training: Vec<Labelled>) -> Self {
        Self { neighbours, training }
    }
}

impl Classify for Nearest {
    fn classify(&mut self, image: &Image) -> u8 {
        let mut by_distance: Vec<(u32, u8)> =
            self.training.iter().map(|known| (distance(image, &known.image), known.digit)).collect();
        by_distance.sort_unstable();
        let mut votes = [0_u32; DIGITS];
        for (rank, (_, digit)) in by_distance.iter().take(self.neighbours).enumerate() {
            // A tie of two against two goes to the pair with the nearest image: the first neighbour weighs most.
            votes[usize::from(*digit)] += 100 - u32::try_from(rank).unwrap_or(99);
        }
        greatest(&votes)
    }
}

fn distance(one: &Image, other: &Image) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}
