//! A node that does not work.

use rand::Rng;

use super::{Classify, DIGITS};
use crate::image::Image;

/// Guesses, differently each time.
pub struct Random;

impl Classify for Random {
    fn classify(&mut self, _: &Image) -> u8 {
        u8::try_from(rand::rng().random_range(0..DIGITS)).unwrap_or_default()
    }
}
