//! Claims about results.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use piecework_interface::{call::ResultClaim, draw::At, event::Entry, host::sha256, ids::{BatchId, Digest, LotId}, merkle};

use piecework_fuzz::market::{Market, terms};

const LOTS: u32 = 5;
const NODES: [&str; 3] = ["a.near", "b.near", "c.near"];

fuzz_target!(|bytes: &[u8]| {
    // Lot, number, accepted items, how long the answers are, answers, proof.
    let Some((&[batch, lot, n, accepted, length], rest)) = bytes.split_first_chunk::<5>() else { return };
    let (answers, proof) = rest.split_at(rest.len().min(usize::from(length)));
    let (market, results, leaves) = start();
    let claim = ResultClaim {
        batch: BatchId(u32::from(batch)),
        lot: LotId(u32::from(lot)),
        n: u32::from(n),
        accepted: u64::from(accepted).to_be_bytes(),
        answers: answers.to_vec(),
        proof: proof.to_vec(),
    };
    let taken = market.chain.view(|mut engine| engine.view_verify_result(&claim)).expect("a view");
    let digest = sha256(answers);
    let siblings: Vec<Digest> = proof.as_chunks::<32>().0.to_vec();
    let own = merkle::prove(sha256, leaves, claim.n);
    let right = batch == 0
        && results.get(usize::from(n)) == Some(&(claim.lot, u64::from(accepted), digest))
        && own.is_some_and(|own| own == siblings)
        && proof.len() == 32 * siblings.len();
    assert_eq!(taken, right, "{claim:?}");

    // A tree over whatever leaves the input makes takes its own proofs and no other leaf in their places.
    let leaves: Vec<Digest> = bytes.chunks(7).take(64).map(sha256).collect();
    let mut peaks = merkle::Peaks::default();
    for leaf in &leaves {
        peaks.append(sha256, *leaf);
    }
    let root = merkle::bag(sha256, &peaks);
    let index = u32::from(n);
    let own = merkle::prove(sha256, &leaves, index);
    assert_eq!(own.is_some(), index < peaks.count);
    for leaf in &leaves {
        let mine = own.is_some() && *leaf == leaves[usize::from(n)];
        let taken = merkle::verify(sha256, &root, peaks.count, index, *leaf, own.as_deref().unwrap_or_default());
        assert_eq!(taken, mine);
    }
    assert_eq!(
        own.as_ref() == Some(&siblings) && leaves.len() > 1,
        leaves.get(usize::from(n)).is_some_and(|leaf| {
            leaves.len() > 1 && merkle::verify(sha256, &root, peaks.count, index, *leaf, &siblings)
        })
    );
});

type Results = Vec<(LotId, u64, Digest)>;

/// A closed batch of five lots, settled out of order, one of them with an unresolved item.
fn start() -> &'static (Market, Results, Vec<Digest>) {
    static START: OnceLock<(Market, Results, Vec<Digest>)> = OnceLock::new();
    START.get_or_init(|| {
        let mut market = Market::new(NODES.len());
        let now = market.chain.now();
        let batch = market.batch(terms(now), 3 * LOTS);
        market.draw("a.near", batch, At::Group(0));
        for lot in [3, 0, 4, 1, 2] {
            let answers = NODES.map(|node| [7, if lot == 1 { node.as_bytes()[0] } else { 8 }, 9]);
            let given: Vec<_> = NODES.iter().zip(&answers).map(|(node, answers)| (*node, answers.as_slice())).collect();
            market.round(batch, lot, &given);
            if lot == 1 {
                // No node comes to its extension.
                market.chain.pass(400);
                market.poke_lot(batch, lot).expect("its end");
            }
        }
        let entries = market.chain.lines.iter().flat_map(|line| &line.log);
        let settled = entries.filter_map(|entry| match entry {
            Entry::Settled { lot, accepted, digest, .. } => Some((*lot, accepted.0, *digest)),
            _ => None,
        });
        let results: Results = settled.collect();
        let leaves = (0..)
            .zip(&results)
            .map(|(n, (lot, accepted, digest))| merkle::result_leaf(sha256, n, *lot, *accepted, digest));
        let leaves = leaves.collect();
        (market, results, leaves)
    })
}
