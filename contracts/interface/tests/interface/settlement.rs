//! Settlement: the worked examples of the protocol, an independent model's vectors, a naive judge, and the properties of
//! money.
use super::{
    common::{fixed, lot, slot, terms},
    naive,
    vectors::{self, Vector},
};
use piecework_interface::{
    amount::Amount,
    case::{Case, Challenge, Verdict},
    config::Fixed,
    dispute::{adjudicator_bond, challenge_deposit},
    ids::AccountNo,
    money,
    settlement::{Held, Settlement, SlotOutcome, judge},
    terms::{JURY, Terms, Verification},
    view::LotState,
};
use proptest::prelude::*;

/// Reward of the examples, and what an item is worth in NEAR.
const R: u128 = 2_000;
const F: u128 = 1_000;

/// An item's worth of `worth` yoctoNEAR at this reward.
fn fixed_at(worth: u128, reward: u128, fee_bps: u16) -> Fixed {
    Fixed { fee_bps, bond_rate: Amount(worth * (1 << 32) / reward), ..fixed() }
}

fn terms_at(start: u8, quorum_pct: u8) -> Terms {
    Terms { start, quorum_pct, reward: Amount(R), bond_pct: 200, dissent_slash_pct: 50, ..terms() }
}

/// A lot of one item: answers as letters, `_` for silence. A jury has `.` for a seat that never committed.
fn lot_of(first: &str, late: &str, jury: Option<&str>) -> LotState {
    let answer = |letter: u8| (letter != b'_').then_some([letter]);
    let seats = |round, text: &str, from: u32| -> Vec<_> {
        let letters = text.bytes().filter(|letter| *letter != b'.').zip(from..);
        letters.map(|(letter, node)| slot(node, round, answer(letter).as_ref().map(|bytes| &bytes[..]))).collect()
    };
    let mut state = lot(u64::from(!late.is_empty()), [seats(0, first, 0), seats(1, late, 10)].concat());
    if let Some(jury) = jury {
        challenged(&mut state, &[1], seats(JURY, jury, 20));
    }
    state
}

/// Sends challenges of these items to a jury; with fewer than four commits it ends as if it had not been.
fn challenged(state: &mut LotState, items: &[u64], jury: Vec<piecework_interface::view::Slot>) {
    let challenge = |(account, items): (u32, &u64)| {
        let account = AccountNo(account);
        Challenge { account, operator: account, items: *items }
    };
    state.case_mut().challenges = (100..).zip(items).map(challenge).collect();
    state.round = JURY;
    if jury.len() >= 4 {
        state.slots.extend(jury);
    }
}

fn halves(pay: u128) -> char {
    match (2 * pay).checked_div(R) {
        Some(0) => '0',
        Some(1) => 'h',
        Some(2) => '1',
        Some(3) => 'o',
        _ => panic!("{pay}"),
    }
}

/// Start, quorum, round 0, extension; pay (h: half, o: one and a half), slashes in f, sum in half rewards, result.
const PAY: &str = "
1 70 t - 1 0 2 t; 1 70 _ - 0 2 0 -; 2 70 tt - 11 00 4 t; 2 70 tx ttt 10hhh 01000 5 t; 2 70 tx tty 10hh0 00000 4 -
2 70 tx - hh 00 2 -; 2 70 tx txy hh000 00000 2 -; 2 70 t ttt 1hhh 0000 5 t; 2 70 t_ ttt 10hhh 02000 5 t; 2 70 t - 1 0 2 -
2 70 t_ xxx 00ooo 12000 9 x; 3 70 ttt - 111 000 6 t; 3 70 tt ttt 11hhh 00000 7 t; 3 70 tt - 11 00 4 -
3 70 tt_ ttt 110hhh 002000 7 t; 3 70 ttx ttt 110hhh 001000 7 t; 3 70 ttx xxx 001ooo 110000 11 x
3 70 ttx tty 110hh0 000000 6 -; 3 70 ttx tt 110hh 00000 6 -; 3 60 txy tt 100hh 01100 4 t; 3 70 ttx - 110 000 4 -
3 70 txy ttt 100hhh 011000 5 t; 3 70 txy - hhh 000 3 -; 3 70 txx xtt hhh000 000000 3 -; 3 70 t ttt 1hhh 0000 5 t
3 70 txx ttt 100ooo 011000 11 t; 3 70 t__ tt_ 100hh0 022002 4 -; 3 70 t - 1 0 2 -; 3 70 ttx xx_ 001hh0 000002 4 -
3 70 ___ ttt 000hhh 222000 3 t; 3 70 xxx - 111 000 6 x; 3 60 ttx - 110 001 4 t; 5 70 ttttt - 11111 00000 10 t
5 70 ttttx - 11110 00001 8 t; 5 70 tttt - 1111 0000 8 t; 5 70 tttxy ttt 11100hhh 00011000 9 t
5 70 tttxx xxx 00011ooo 11100000 13 x; 5 70 ttxyz ttt 11000hhh 00111000 7 t; 5 70 ttxxy ttt 11000hhh 00111000 7 t
5 70 ttxxy - hhhh0 00000 4 -; 5 70 ttxxy txy hhhh0000 00000000 4 -";

#[test]
fn pay__should_be_the_table_of_the_protocol() {
    let rows: Vec<_> = PAY.split([';', '\n']).map(str::trim).filter(|row| !row.is_empty()).collect();
    assert_eq!(rows.len(), 41);
    for row in rows {
        let [start, quorum, first, late, pay, slash, sum, result] = row.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let terms = terms_at(start.parse().unwrap(), quorum.parse().unwrap());
        let state = lot_of(first, late.trim_matches('-'), None);
        let judgement = judge(&terms, 1, &state);
        let settlement = judgement.settle(&fixed_at(F, R, 200), &Held::default(), None);
        let slots = &settlement.slots;
        assert_eq!(slots.iter().map(|slot| halves(slot.pay)).collect::<String>(), pay, "{row}");
        let slashes: String = slots.iter().map(|slot| (slot.slash / F).to_string()).collect();
        assert_eq!((slashes.as_str(), settlement.burnt()), (slash, slots.iter().map(|slot| slot.slash).sum()), "{row}");
        let paid: u128 = slots.iter().map(|slot| slot.pay).sum();
        assert_eq!(paid * 2 / R, sum.parse::<u128>().unwrap(), "{row}");
        assert_eq!(settlement.fee, paid / 50, "{row}");
        let accepted = if result == "-" { (0, vec![0]) } else { (1, result.as_bytes().to_vec()) };
        assert_eq!((judgement.accepted(), judgement.answers().bytes), accepted, "{row}");
    }
}

/// Start, quorum, round 0, extension, jury; what the challenger gains (in half R and f at par), each revealed slot's part of
/// the pot in twelfths of R, what the requester pays in half R without the fee, what is burnt in f.
const APPEALS: &str = "
3 70 ttt - ttttt -11 2 6 0; 3 70 ttt - tttt_ -11 6 6 3; 3 70 ttt - tttxx -11 2 6 0; 3 70 ttt - ttttx -11 6 6 1
3 70 xxx - ttttt 2 0 10 2; 3 70 xxx - ttttx 2 0 8 3; 2 70 xx - ttttt 2 0 10 1; 2 70 xx - tttt_ 2 0 8 4
1 70 x - ttttt -6 0 2 0; 1 70 x - tttt_ -4 0 2 3; 5 70 xxxxt - ttttt 2 0 12 3; 3 70 ttx tty ttttt 0 0 12 0
3 60 xxt - ttttt 2 0 12 1; 3 70 ttx xxx ttttt 2 0 12 2; 3 70 txy ttz ttttt 2 0 12 1; 2 51 tx tyy ttttt 1 0 10 1
3 70 ttx tty tttzz -11 1 6 0; 3 70 ttt - ttt__ 0 0 6 3; 3 70 ttt - ttt_. 0 0 6 0; 3 70 ttt - ____. 0 0 6 12";

#[test]
fn appeal__should_be_the_table_of_the_protocol() {
    let rows: Vec<_> = APPEALS.split([';', '\n']).map(str::trim).filter(|row| !row.is_empty()).collect();
    assert_eq!(rows.len(), 20);
    for row in rows {
        let [start, quorum, first, late, jury, gain, pot, pays, burnt] = row.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let terms = terms_at(start.parse().unwrap(), quorum.parse().unwrap());
        let settlement = settle(&terms, 1, &lot_of(first, late.trim_matches('-'), Some(jury)), &Held::default());
        let [back] = settlement.challengers[..] else { panic!("{row}") };
        let gained = signed(back.tokens) - signed(challenge_deposit(&terms, 1, 1)) + signed(back.near * R / F);
        assert_eq!(gained, gain.parse::<i128>().unwrap() * signed(R / 2), "{row}");
        assert_eq!(settlement.pot, pot.parse::<u128>().unwrap() * R / 12, "{row}");
        let escrow = money::escrow(&terms, 200, 1);
        assert_eq!(escrow - settlement.refund - settlement.net_fee, pays.parse::<u128>().unwrap() * R / 2, "{row}");
        assert_eq!(settlement.burnt(), burnt.parse::<u128>().unwrap() * F, "{row}");
    }
}

#[test]
fn appeal__should_cost_a_tenth_of_the_deposit_when_too_few_jurors_commit() {
    let settlement = settle(&terms_at(3, 70), 1, &lot_of("ttt", "", Some("ttt..")), &Held::default());
    // 0.55 R of 5.5 R, shared by three; the units that do not divide are the treasury's.
    assert_eq!((settlement.challengers[0].tokens, settlement.pot), (9_900, 366));
    assert_eq!(settlement.fee - settlement.net_fee, 2);
    assert_eq!(settlement.slots.len(), 3);
}

#[test]
fn appeal__should_weigh_two_items_apart_and_together() {
    // Given three slots wrong on both items, and a jury that finds the first wrong alone
    let jury = |answers: &[u8; 2]| (20..25).map(|node| slot(node, JURY, Some(answers))).collect::<Vec<_>>();
    let two = |answers: [&[u8]; 3]| lot(0, (0..).zip(answers).map(|(node, text)| slot(node, 0, Some(text))).collect());
    let mut state = two([b"xx", b"xx", b"xx"]);
    challenged(&mut state, &[0b11], jury(b"tx"));
    let settlement = settle(&terms_at(3, 70), 2, &state, &Held::default());
    assert_eq!(settlement.slots.iter().map(|slot| slot.pay).collect::<Vec<_>>()[..3], [R, R, R]);
    assert_eq!((settlement.challengers[0].tokens, settlement.challengers[0].near), (11_000, F));
    assert_eq!(settlement.burnt(), 2 * F);

    // And one slot that is wrong on one item and cleared on the other: what it pays counts as added
    let mut state = two([b"xt", b"xx", b"tx"]);
    challenged(&mut state, &[0b11], jury(b"tt"));
    let settlement = settle(&terms_at(3, 60), 2, &state, &Held::default());
    assert_eq!(settlement.slots.iter().map(|slot| slot.slash).collect::<Vec<_>>()[..3], [F, 2 * F, F]);
    assert_eq!((settlement.challengers[0].tokens, settlement.challengers[0].near), (22_000, 2 * F));

    // And two challengers, of whom one is right
    let mut state = two([b"xx", b"xx", b"xx"]);
    challenged(&mut state, &[0b01, 0b10], jury(b"tx"));
    let settlement = settle(&terms_at(3, 70), 2, &state, &Held::default());
    let [right, wrong] = settlement.challengers[..] else { panic!("two") };
    assert_eq!(((right.tokens, right.near), (wrong.tokens, wrong.near)), ((11_000, F), (0, 0)));
}

/// A lot with one revealed slot and this verdict, which goes to this jury.
fn scored(items: u8, score: Option<u16>, jury: &str) -> LotState {
    let mut state = lot(0, vec![slot(0, 0, Some(&[7; 64][..usize::from(items)]))]);
    state.appeal = true;
    if let Some(score) = score {
        state.case_mut().verdict = Some(Verdict { scores: vec![score], report: [1; 32] });
    }
    if !jury.is_empty() {
        let says = |(letter, node)| {
            let answer: Option<&[u8]> = match letter {
                b'0' => Some(&[0]),
                b'1' => Some(&[1]),
                _ => None,
            };
            slot(node, JURY, answer)
        };
        challenged(&mut state, &[1], jury.bytes().zip(20..).map(says).collect());
    }
    state
}

#[test]
fn scores__should_be_the_table_of_the_protocol() {
    let verification = Verification::Adjudicated { adjudicator: AccountNo(50), verdict_ttl_s: 600 };
    let terms = Terms { verification, lot_size: 32, ..terms_at(1, 70) };
    let full = Held::of(&terms, adjudicator_bond(&terms));
    let part = 44 * R;
    // Items, score, jury, bond left; pay in R, slash in f, due to the treasury in R without the fee, forfeit, the
    // challenger's gain in R.
    let rows = [
        (32, Some(10_000), "", full, 32 * R, 0, 0, 0, None),
        (32, Some(7_000), "", full, 22 * R + 800, 9_600, 9 * R + 1_200, 0, None),
        (32, Some(0), "", full, 0, 32 * F, 32 * R, 0, None),
        (32, Some(0), "11111", full, 32 * R, 0, 0, part, Some(4)),
        (32, Some(0), "1111_", full, 32 * R, 0, 0, part, Some(12)),
        (32, Some(0), "00000", full, 0, 32 * F, 32 * R, 0, Some(-44)),
        (32, Some(0), "11111", Held { bond: 0, ..full }, 32 * R, 0, 0, 0, Some(-40)),
        (32, None, "", full, 32 * R, 0, part, part, None),
        (32, None, "", Held { bond: part - 1, ..full }, 32 * R, 0, 0, 0, None),
        (32, Some(0), "", Held { bond: part - 1, ..full }, 32 * R, 0, 0, 0, None),
        (4, Some(0), "11111", full, 4 * R, 0, 0, 22 * R, Some(2)),
    ];
    for (items, score, jury, held, pay, slash, treasury, forfeit, gain) in rows {
        let settlement = settle(&terms, items, &scored(items, score, jury), &held);
        let slot = &settlement.slots[0];
        let due = settlement.fee - settlement.net_fee;
        assert_eq!(
            (slot.pay, slot.slash, due, settlement.forfeit),
            (pay, slash, treasury, forfeit),
            "{score:?} {jury}"
        );
        let deposit = signed(challenge_deposit(&terms, items, 1));
        let gained = settlement.challengers.first().map(|back| (signed(back.tokens) - deposit) / signed(R));
        assert_eq!(gained, gain, "{score:?} {jury}");
    }
    // The pot of a challenge that is lost, and a lot that could not be appealed: less pay, no slash.
    assert_eq!(settle(&terms, 32, &scored(32, Some(0), "00000"), &full).pot, 4 * R);
    let lonely = LotState { appeal: false, ..scored(32, Some(0), "") };
    let slots = settle(&terms, 32, &lonely, &full).slots;
    assert_eq!((slots[0].pay, slots[0].slash), (0, 0));
}

#[test]
fn settlement__should_count_reputation_of_round_0_alone_and_of_who_revealed() {
    let state = lot_of("ttx", "ttt", None);
    let counts = |state: &LotState| -> Vec<_> {
        let settlement = settle(&terms_at(3, 70), 1, state, &Held::default());
        settlement.slots.iter().map(|slot| (slot.agreed, slot.decided)).collect()
    };
    assert_eq!(counts(&state), [(1, 1), (1, 1), (0, 1), (0, 0), (0, 0), (0, 0)]);
    // Two commits are too few, and silence neither earns nor costs trust.
    assert_eq!(counts(&lot_of("tt", "ttt", None))[..2], [(0, 0), (0, 0)]);
    assert_eq!(counts(&lot_of("tt_", "ttt", None))[..3], [(1, 1), (1, 1), (0, 0)]);
}

#[test]
fn settlement__should_return_everything_when_a_lot_closes_without_slots() {
    let settlement = settle(&terms(), 3, &lot(0, Vec::new()), &Held::default());
    assert_eq!((settlement.fee, settlement.refund, settlement.slots), (0, 1_836, vec![]));
}

#[test]
fn settlement__should_give_what_an_independent_model_gives() {
    let rows: Vec<_> = include_str!("settlement_vectors.txt").lines().collect();
    assert_eq!(rows.len(), 240);
    for row in rows {
        let vector = Vector::read(row);
        let Settlement { slots, pot, net_fee, refund, .. } = &vector.settlement();
        let work = slots.iter().filter(|slot| !slot.judges);
        assert_eq!(work.clone().map(|slot| slot.pay).collect::<Vec<_>>(), vector.pay, "{row}");
        assert_eq!(work.map(|slot| slot.slash).collect::<Vec<_>>(), vector.slash, "{row}");
        assert_eq!((*pot, vector.settlement().burnt()), (vector.pot, vector.burnt), "{row}");
        challengers_net(&vector, row);
        let escrow = money::escrow(&vector.terms, vector.fixed.fee_bps, u32::from(vector.items));
        assert_eq!(escrow - refund - net_fee, vector.cost, "{row}");
        assert_eq!(vector.overturned(), vector.expected_overturned, "{row}");
        assert_eq!(vector.answers(), vector.expected_answers, "{row}");
        naive::compare(&vector);
    }
}

/// What each challenger has more, or less, in the end: its deposit and R with the token, f with NEAR, which counts at par.
fn challengers_net(vector: &Vector, row: &str) {
    let Settlement { fee, net_fee, challengers, .. } = vector.settlement();
    assert_eq!(fee - net_fee, vector.withheld, "{row}");
    assert_eq!(challengers.len(), vector.nets.len(), "{row}");
    let (reward, worth) = (signed(vector.terms.reward.0), signed(vector.worth));
    for ((back, (who, items)), (of, (net, parts))) in challengers.iter().zip(&vector.challenges).zip(&vector.nets) {
        let deposit = signed(challenge_deposit(&vector.terms, vector.items, *items));
        let is = (signed(back.tokens) - deposit) * worth + signed(back.near) * reward;
        // NEAR is rounded down once, tokens of a deposit's fees once.
        let off = (is * parts - net * reward * worth).abs();
        assert!(who == of && off <= parts * (reward + worth), "challenger {who} is off by {off}: {row}");
    }
}

proptest! {
    /// Random lots with extension and appeal: the judge, a plain count, and the conservation of tokens and NEAR.
    #[test]
    fn settlement__should_agree_with_a_plain_count(vector in vectors::random()) {
        naive::compare(&vector);
    }
}

fn signed(amount: u128) -> i128 {
    i128::try_from(amount).unwrap()
}

/// The settlement of a lot, with what must hold of any: the escrow, deposits and the adjudicator's part are divided to the
/// last unit, and no slot loses more than its bond.
pub fn settle(terms: &Terms, items: u8, state: &LotState, held: &Held) -> Settlement {
    conserved(terms, &fixed_at(F, terms.reward.0, 200), items, state, held)
}

pub fn conserved(terms: &Terms, fixed: &Fixed, items: u8, state: &LotState, held: &Held) -> Settlement {
    let settlement = judge(terms, items, state).settle(fixed, held, None);
    let challenges = state.case.as_deref().into_iter().flat_map(|case: &Case| &case.challenges);
    let deposits: u128 = challenges.map(|challenge| challenge_deposit(terms, items, challenge.items)).sum();
    let held = money::escrow(terms, fixed.fee_bps, u32::from(items)) + deposits + settlement.forfeit;
    assert_eq!(settlement.spent() + settlement.fee + settlement.refund, held, "{state:?}");
    let slashed: u128 = settlement.slots.iter().map(|slot| slot.slash).sum();
    let given: u128 = settlement.slots.iter().map(|slot| slot.near).sum::<u128>()
        + settlement.challengers.iter().map(|back| back.near).sum::<u128>();
    assert_eq!(settlement.burnt() + given, slashed, "{state:?}");
    assert!(settlement.slots.iter().all(|slot: &SlotOutcome| slot.slash <= slot.bond), "{state:?}");
    settlement
}
