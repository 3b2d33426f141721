//! Who comes to a lot, and when: the real sortition, drawn once and the same for every strategy.

use piecework_interface::{
    draw::Seed,
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    sortition::{self, Candidate, Seats},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rayon::prelude::*;

use super::{LOTS, NODES, OPEN_TO_ALL_S, SEATS, SLICE_S};

/// Nodes in the order in which they come to a round of a lot: second, lot of equals, node.
pub type Comers = Vec<(u32, u32, u32)>;

/// The comers of each round of many lots.
#[derive(Debug)]
pub struct Orders {
    /// Seed of everything that chance decides.
    pub seed: u64,
    lots: Vec<[Comers; 3]>,
}

/// What chance decides for whom: the same for the same place, whatever else is played.
#[derive(Clone, Copy, Debug)]
pub enum Chance {
    /// The order of comers.
    Comers,
    /// Honest answers.
    Honest,
    /// A seat of the coalition.
    Own,
    /// The coalition as one.
    Coalition,
}

impl Orders {
    /// Draws them for so many batches.
    pub fn draw(seed: u64, start: u8, batches: u32) -> Self {
        let rounds = [start, SEATS[1], SEATS[2]];
        let none = Self { seed, lots: Vec::new() };
        let of = |lot| core::array::from_fn(|round| none.draw_comers(lot, round, rounds[round]));
        Self { seed, lots: (0..batches * LOTS).into_par_iter().map(of).collect() }
    }

    /// The comers of a round of a lot.
    pub fn comers(&self, lot: u32, round: u8) -> &Comers {
        &self.lots[usize::try_from(lot).unwrap_or_default()][usize::from(round)]
    }

    /// Randomness of one place.
    pub fn random(&self, chance: Chance, (lot, round, node): (u32, u8, u32)) -> StdRng {
        let salt = match chance {
            Chance::Comers => 0,
            Chance::Honest => 1,
            Chance::Own => 2,
            Chance::Coalition => 3,
        };
        StdRng::seed_from_u64(self.seed ^ salt << 60 ^ u64::from(lot) << 20 ^ u64::from(round) << 16 ^ u64::from(node))
    }

    fn draw_comers(&self, lot: u32, round: usize, seats: u8) -> Comers {
        let round = u8::try_from(round).unwrap_or_default();
        let mut random = self.random(Chance::Comers, (lot, round, 0));
        let seed = Seed { value: random.random(), at: 1_000, height: 1, tickets: NODES, appeal: true };
        let place = Seats { batch: BatchId(0), lot: LotId(lot), round, seats, slice_s: SLICE_S };
        let seconds: Vec<_> = (0..=OPEN_TO_ALL_S).collect();
        let mut comers: Comers = (0..NODES)
            .map(|node| {
                let candidate = Candidate { node: AccountNo(node), tickets: 1, since: 0 };
                let may = |second: &u32| sortition::eligible(sha256, &seed, place, candidate, seed.at + second);
                let second = seconds.partition_point(|second| !may(second));
                (u32::try_from(second).unwrap_or(OPEN_TO_ALL_S), random.random(), node)
            })
            .collect();
        comers.sort_unstable();
        comers
    }
}
