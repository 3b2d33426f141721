//! A requester's gold: every item of a batch has a known answer, which is the truth or, now and then, is not.

use piecework_interface::{
    case::Opening,
    gold::leaf,
    host::sha256,
    merkle::{self, Peaks},
};

/// Known answers of a batch, item by item.
#[derive(Clone, Debug)]
pub struct Gold {
    answers: Vec<Vec<u8>>,
}

impl Gold {
    /// These answers, all of the same width.
    pub fn new(answers: Vec<Vec<u8>>) -> Self {
        Self { answers }
    }

    fn salt(item: usize) -> [u8; 32] {
        sha256(&item.to_le_bytes())
    }

    fn leaves(&self) -> Vec<[u8; 32]> {
        let leaf = |(item, answer): (usize, &Vec<u8>)| {
            leaf(sha256, u32::try_from(item).expect("item"), Some(answer), &Self::salt(item))
        };
        self.answers.iter().enumerate().map(leaf).collect()
    }

    /// Root of the tree.
    pub fn root(&self) -> [u8; 32] {
        let mut peaks = Peaks::default();
        self.leaves().into_iter().for_each(|leaf| peaks.append(sha256, leaf));
        merkle::bag(sha256, &peaks)
    }

    /// The opening of an item, which is number `item` of its lot.
    pub fn open(&self, number: u32, item: u8) -> Opening {
        let index = usize::try_from(number).expect("index");
        Opening {
            item,
            answer: self.answers[index].clone(),
            salt: Self::salt(index),
            proof: merkle::prove(sha256, &self.leaves(), number).expect("a leaf"),
        }
    }
}
