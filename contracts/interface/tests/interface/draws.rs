//! Sortition: fair shares, latecomers, the bar, and no overflow. Commitments against an independent Borsh encoding.
use borsh::BorshSerialize;
use piecework_interface::{
    amount::Amount,
    commitment::{Place, commitment},
    draw::{At, Seed},
    host::sha256,
    ids::{AccountNo, BatchId, LotId},
    sortition::{Candidate, Seats, eligible, eligible_after, later_slice, seed_value},
};
use proptest::prelude::*;

const SLICE_S: u32 = 3;

fn seed(number: u32, tickets: u32) -> Seed {
    let value = seed_value(sha256, &number.to_le_bytes(), BatchId(0), At::Group(0));
    Seed { value, at: 1_000, height: 10, tickets, appeal: false }
}

fn seats(lot: u32) -> Seats {
    Seats { batch: BatchId(0), lot: LotId(lot), round: 0, seats: 3, slice_s: SLICE_S }
}

fn candidate(node: u32, tickets: u8) -> Candidate {
    Candidate { node: AccountNo(node), tickets, since: 500 }
}

#[test]
fn eligible__should_expect_as_many_tickets_as_seats() {
    // Given 100 nodes of one ticket and 1000 lots after two slices.
    let now_s = 1_000 + 2 * SLICE_S;
    let seed = seed(1, 100);
    let drawn = (0..1_000)
        .map(|lot| (0..100).filter(|node| eligible(sha256, &seed, seats(lot), candidate(*node, 1), now_s)).count())
        .sum::<usize>();
    // Then about three nodes a lot are eligible: 3000, with a standard deviation of 54.
    assert!((2_700..3_300).contains(&drawn), "{drawn}");
}

#[test]
fn eligible__should_give_shares_by_tickets() {
    // Given one node of 16 tickets and 84 of one, over 2000 seeds, after two slices.
    let now_s = 1_000 + 2 * SLICE_S;
    let counts: [usize; 2] = [(0, 16), (1, 1)].map(|(node, tickets)| {
        (0..2_000).filter(|n| eligible(sha256, &seed(*n, 100), seats(0), candidate(node, tickets), now_s)).count()
    });
    // Then their chances are 3 × 16/100 and 3 × 1/100: 960 and 60, standard deviations 22 and 8.
    assert!((850..1_070).contains(&counts[0]), "{counts:?}");
    assert!((25..95).contains(&counts[1]), "{counts:?}");
}

#[test]
fn eligible__should_double_with_each_slice() {
    let seed = seed(2, 1_000);
    let shares = [2, 3, 4, 5].map(|slices| {
        let now_s = 1_000 + slices * SLICE_S;
        (0..20_000).filter(|lot| eligible(sha256, &seed, seats(*lot), candidate(5, 1), now_s)).count()
    });
    // Expected 60, 120, 240, 480.
    assert!(
        shares.iter().zip([60, 120, 240, 480]).all(|(share, expected)| share.abs_diff(expected) < expected / 2),
        "{shares:?}"
    );
    assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "waiting never takes a chance away");
}

#[test]
fn eligible__should_rise_in_eighths_of_a_slice() {
    // Given slices of eight seconds, the third of which takes the bar from one ticket a seat to two.
    let (seed, place) = (seed(7, 1_000), |lot| Seats { slice_s: 8, ..seats(lot) });
    let share = |second: u32| {
        let now_s = 1_000 + 16 + second;
        (0..20_000).filter(|lot| eligible(sha256, &seed, place(*lot), candidate(5, 1), now_s)).count()
    };
    let shares: Vec<_> = (0..=8).map(share).collect();
    // Then it rises by as much each second: about 60, 67.5, 75 … 120.
    assert!(shares.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] - pair[0] < 25), "{shares:?}");
    assert!(shares[8].abs_diff(120) < 40 && shares[0].abs_diff(60) < 30, "{shares:?}");
}

#[test]
fn eligible__should_refuse_a_latecomer_until_the_bar_is_at_one() {
    // Given a node with every ticket of the network that came with the seed.
    let seed = seed(3, 100);
    let late = Candidate { since: seed.at, ..candidate(1, 16) };
    // When seven slices have passed the bar is at 3 × 2^7 / 4 = 96 tickets, a second and two eighths later at 120.
    assert_eq!(eligible_after(sha256, &seed, seats(0), late), 8, "the first whole slice");
    assert!(!eligible(sha256, &seed, seats(0), late, seed.at + 7 * SLICE_S));
    assert!(eligible(sha256, &seed, seats(0), late, seed.at + 7 * SLICE_S + 1));
}

#[test]
fn eligible__should_admit_everybody_on_a_thin_network() {
    // Given at most as many tickets as seats, or none at all: nobody waits.
    for tickets in 0..=3 {
        let late = Candidate { since: u32::MAX, ..candidate(9, 0) };
        assert!(eligible(sha256, &seed(4, tickets), seats(0), late, 1_000));
    }
    assert!(!eligible(sha256, &seed(4, 4), seats(0), Candidate { since: u32::MAX, ..candidate(9, 0) }, 1_000));
}

#[test]
fn later_slice__should_begin_at_a_multiple_of_the_slice() {
    assert!(!later_slice(9, 11, 3));
    assert!(later_slice(9, 12, 3));
    assert!(later_slice(11, 12, 3));
}

#[test]
fn seed_value__should_depend_on_batch_and_place() {
    let seeds = [
        seed_value(sha256, b"r", BatchId(0), At::Group(1)),
        seed_value(sha256, b"r", BatchId(1), At::Group(1)),
        seed_value(sha256, b"r", BatchId(0), At::Lot(LotId(1))),
        seed_value(sha256, b"s", BatchId(0), At::Group(1)),
    ];
    assert!((0..4).all(|i| (0..i).all(|j| seeds[i] != seeds[j])));
    let by_hand = sha256(&[b"r".as_slice(), &[0, 0, 0, 0], &[0], &[1, 0, 0, 0]].concat());
    assert_eq!(seeds[0], by_hand[..16]);
}

proptest! {
    #[test]
    fn eligible__should_never_overflow(
        tickets in any::<u32>(),
        own in any::<u8>(),
        seats in any::<u8>(),
        slice_s in any::<u32>(),
        times in any::<[u32; 3]>(),
    ) {
        let seed = Seed { at: times[0], ..seed(5, tickets) };
        let place = Seats { seats, slice_s, ..self::seats(0) };
        let candidate = Candidate { tickets: own, since: times[1], ..candidate(1, 1) };
        let after = eligible_after(sha256, &seed, place, candidate);
        prop_assert!(after <= 40);
        // Then whoever is eligible stays so.
        if eligible(sha256, &seed, place, candidate, times[2]) {
            prop_assert!(eligible(sha256, &seed, place, candidate, u32::MAX));
        }
    }

    #[test]
    fn eligible_after__should_name_the_first_slice(node in any::<u32>(), lot in any::<u32>(), tickets in 1_u32..100_000) {
        let (seed, place) = (seed(6, tickets), seats(lot));
        let after = eligible_after(sha256, &seed, place, candidate(node, 1));
        let at = seed.at + after * SLICE_S;
        prop_assert!(eligible(sha256, &seed, place, candidate(node, 1), at));
        prop_assert!(after == 0 || !eligible(sha256, &seed, place, candidate(node, 1), at - SLICE_S));
    }
}

/// The commitment's preimage as a type, so that Borsh itself lays it out.
#[derive(BorshSerialize)]
struct Preimage<'a> {
    domain: &'a str,
    contract: &'a str,
    batch: u32,
    lot: u32,
    round: u8,
    node: u32,
    answers: [u8; 32],
    salt: [u8; 32],
}

fn place(contract: &str) -> Place<'_> {
    Place { contract, batch: BatchId(1), lot: LotId(2), round: 1, node: AccountNo(3) }
}

#[test]
fn commitment__should_keep_its_test_vector() {
    // Computed apart from this code, by Python's hashlib and struct.
    let digest = commitment(sha256, place("work.near"), b"abc", &[7; 32]);
    assert_eq!(hex::encode(digest), "17c52d12a44eff6ddf45cb3987a4b0d0059ba13005d93cba7d0595ec154d1448");
}

proptest! {
    #[test]
    fn commitment__should_be_the_hash_of_the_borsh_encoding(
        contract in "[a-z0-9.]{2,64}",
        numbers in any::<(u32, u32, u8, u32)>(),
        answers in prop::collection::vec(any::<u8>(), 0..100),
        salt in any::<[u8; 32]>(),
    ) {
        let (batch, lot, round, node) = numbers;
        let preimage = Preimage {
            domain: "piecework:v1",
            contract: &contract,
            batch,
            lot,
            round,
            node,
            answers: sha256(&answers),
            salt,
        };
        let place =
            Place { contract: &contract, batch: BatchId(batch), lot: LotId(lot), round, node: AccountNo(node) };
        prop_assert_eq!(commitment(sha256, place, &answers, &salt), sha256(&borsh::to_vec(&preimage).unwrap()));
    }

    #[test]
    fn amount__should_read_from_text_reader_and_value(number in any::<u128>()) {
        let text = format!("\"{number}\"");
        prop_assert_eq!(serde_json::to_string(&Amount(number)).unwrap(), text.clone());
        prop_assert_eq!(serde_json::from_str::<Amount>(&text).unwrap(), Amount(number));
        prop_assert_eq!(serde_json::from_reader::<_, Amount>(text.as_bytes()).unwrap(), Amount(number));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::from_value::<Amount>(value).unwrap(), Amount(number));
    }
}

#[test]
fn amount__should_read_escapes_and_refuse_everything_else() {
    assert_eq!(serde_json::from_str::<Amount>(r#""\u0031\u0032""#).unwrap(), Amount(12));
    for text in
        ["12", "\"\"", "\"-1\"", "\"+1\"", "\" 1\"", "\"1.0\"", "\"340282366920938463463374607431768211456\"", "null"]
    {
        assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
    }
}
