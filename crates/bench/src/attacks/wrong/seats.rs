//! Who sits where: real seeds and real sortition over a crowd of one-ticket nodes.

use piecework_interface::{
    draw::{At, Seed},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    sortition::{self, Candidate, Seats},
    terms::{EXTENSION_SEATS, JURORS, JURY},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Nodes of one ticket each; the coalition has the first of them.
pub const NODES: u32 = 200;
const BATCH: BatchId = BatchId(7);
/// The command line's default.
const SLICE_S: u32 = 5;
const CAPTURED_AT: u32 = 1_000_000;

/// The seats of one lot: for each of them the node, and whether it is the coalition's.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Round 0.
    pub first: Vec<(AccountNo, bool)>,
    /// The extension.
    pub late: Vec<(AccountNo, bool)>,
    /// A jury.
    pub jury: Vec<(AccountNo, bool)>,
}

/// The seats of many lots.
#[derive(Clone, Debug)]
pub struct Tables(pub Vec<Table>);

impl Tables {
    /// Draws them. In each second those that may claim take the free seats in random order, or the coalition first.
    pub fn draw(start: u8, coalition_pct: u32, faster: bool, lots: u32) -> Self {
        let mut random = StdRng::seed_from_u64(super::super::SEED ^ u64::from(coalition_pct));
        let crowd = Crowd { coalition: NODES * coalition_pct / 100, faster };
        let tables = (0..lots).map(|lot| {
            let lot = LotId(lot);
            let first = crowd.take(&mut random, Round { lot, round: 0, seats: start }, &[]);
            let late = crowd.take(&mut random, Round { lot, round: 1, seats: EXTENSION_SEATS }, &first);
            let seated = [first.clone(), late.clone()].concat();
            let jury = crowd.take(&mut random, Round { lot, round: JURY, seats: JURORS }, &seated);
            Table { first, late, jury }
        });
        Self(tables.collect())
    }
}

#[derive(Clone, Copy)]
struct Round {
    lot: LotId,
    round: u8,
    seats: u8,
}

struct Crowd {
    coalition: u32,
    faster: bool,
}

impl Crowd {
    fn take(&self, random: &mut StdRng, at: Round, sitting: &[(AccountNo, bool)]) -> Vec<(AccountNo, bool)> {
        let Round { lot, round, seats } = at;
        let place = if round == 0 { At::Group(lot.0 / 32) } else { At::Lot(lot) };
        let value = sortition::seed_value(sha256, &random.random::<[u8; 32]>(), BATCH, place);
        let seed = Seed { value, at: CAPTURED_AT, height: 1, tickets: NODES, appeal: true };
        let place = Seats { batch: BATCH, lot, round, seats, slice_s: SLICE_S };
        let mut taken: Vec<(AccountNo, bool)> = Vec::new();
        let eligible = |node: &(AccountNo, bool), waited_s| {
            let candidate = Candidate { node: node.0, tickets: 1, since: 0 };
            sortition::eligible(sha256, &seed, place, candidate, CAPTURED_AT + waited_s)
        };
        let all: Vec<_> = (0..NODES).map(|node| (AccountNo(node), node < self.coalition)).collect();
        for slice in 0.. {
            // Few of all get in with each slice, so the seconds are looked at for those only.
            let soon: Vec<_> = all.iter().filter(|node| eligible(node, (slice + 1) * SLICE_S)).copied().collect();
            for second in slice * SLICE_S..(slice + 1) * SLICE_S {
                let mut coming = soon.clone();
                coming.retain(|node| !taken.contains(node) && !sitting.contains(node) && eligible(node, second));
                coming.shuffle(random);
                if self.faster {
                    coming.sort_by_key(|(_, coalition)| !coalition);
                }
                taken.extend(coming.into_iter().take(usize::from(seats) - taken.len()));
                if taken.len() == usize::from(seats) {
                    return taken;
                }
            }
        }
        taken
    }
}
