//! What a node answers: the honest with errors, the coalition as its strategy says.

use piecework_interface::{
    answers::Items,
    dispute::{OVERTURN, UPHOLD},
    terms::JURY,
};
use rand::{Rng as _, rngs::StdRng};

use super::{
    ERROR_PCT, ERRORS, LIE, Setting, TRUTH,
    lot::{Lot, Seat},
    orders::{Chance, Orders},
};
use crate::attacks::strategy::{Act, Own, Strategy};

/// Where chance chooses among groups, beside the rounds.
const TIES: u8 = JURY + 4;

/// The seat of an honest node.
pub fn honest(orders: &Orders, setting: &Setting, lot: &Lot, node: u32, judged: Items) -> Seat {
    let round = lot.round;
    let mut random = orders.random(Chance::Honest, (lot.number, round, node));
    // An error of an item is drawn whether the item is asked for or not, so that it is the same in every strategy.
    let mut errs = [None; 64];
    for error in errs.iter_mut().take(usize::from(setting.items)) {
        *error = random.random_ratio(ERROR_PCT, 100).then(|| ERRORS[usize::from(random.random::<bool>())]);
    }
    let answer = |item: u8| {
        let error = errs[usize::from(item)];
        if setting.scored && round == JURY {
            return fair_ruling(lot, error.is_some());
        }
        match lot.shown(item).0[..] {
            [answer] if setting.copiers && round == 1 => answer,
            _ => error.unwrap_or(TRUTH),
        }
    };
    Seat { node, round, act: None, answers: judged.iter().map(answer).collect(), judged, worked: 0, lies: 0 }
}

/// The seat of the coalition's node.
pub fn own(
    orders: &Orders,
    setting: &Setting,
    lot: &Lot,
    (node, own): (u32, Own),
    judged: Items,
    by: &Strategy,
) -> Seat {
    let round = lot.round;
    let chance = if by.together { (Chance::Coalition, 0) } else { (Chance::Own, node) };
    let mut points = orders.random(chance.0, (lot.number, round, chance.1));
    let mut random = orders.random(Chance::Own, (lot.number, round, node + (1 << 15)));
    let mix = |item| match round {
        0 => by.in_first(own),
        JURY => &by.jury,
        _ => by.in_late(own, lot.seen(item)),
    };
    let point = points.random();
    let act = judged.iter().next().map_or(Act::Work, |item| mix(item).pick(point));
    let mut seat = Seat { node, round, act: Some(act), answers: Vec::new(), judged, worked: 0, lies: 0 };
    for item in judged.iter() {
        let point = if by.spread { points.random() } else { point };
        let act = if act.is_answer() { mix(item).answer(point) } else { Act::Work };
        let answer = if setting.scored && round == JURY {
            ruling(lot, act)
        } else {
            // Of several groups one is chosen by chance: nothing shows which is right.
            let one = |answers: &[u8]| {
                let place = orders.random(Chance::Coalition, (lot.number, TIES, item.into())).random_range(0..64);
                answers.get(place % answers.len().max(1)).copied()
            };
            answer(lot, (round, node, item), act, (&mut random, one))
        };
        seat.answers.push(answer);
        if seat.shows() && act == Act::Work {
            seat.worked |= 1 << item;
        }
        if seat.shows() && answer == LIE {
            seat.lies |= 1 << item;
        }
    }
    if setting.scored && round == JURY {
        (seat.worked, seat.lies) = (0, 0);
    }
    seat
}

fn answer(
    lot: &Lot,
    (round, node, item): (u8, u32, u8),
    act: Act,
    (random, one): (&mut StdRng, impl Fn(&[u8]) -> Option<u8>),
) -> u8 {
    let other = 10 + u8::try_from(node).unwrap_or_default();
    let (largest, others) = if round == 0 { (Vec::new(), Vec::new()) } else { lot.shown(item) };
    match act {
        Act::Lie => LIE,
        Act::Scatter => other,
        Act::Guess => random.random_range(0..10),
        Act::Copy if round == JURY => {
            lot.standing.as_ref().and_then(|standing| standing.get(&item)).copied().unwrap_or(other)
        }
        Act::Copy => one(&largest).unwrap_or(LIE),
        Act::Oppose => one(&others).or_else(|| one(&largest).filter(|_| largest.len() > 1)).unwrap_or(LIE),
        Act::Work | Act::Silent | Act::Hold | Act::GiveBack => TRUTH,
    }
}

/// What an honest juror says of scores, erring or not.
fn fair_ruling(lot: &Lot, errs: bool) -> u8 {
    if lot.is_unfair() == errs { UPHOLD } else { OVERTURN }
}

/// What the coalition's juror says of scores.
fn ruling(lot: &Lot, act: Act) -> u8 {
    match act {
        Act::Copy => UPHOLD,
        Act::Oppose => OVERTURN,
        Act::Lie | Act::Scatter | Act::Guess => fair_ruling(lot, true),
        Act::Work | Act::Silent | Act::Hold | Act::GiveBack => fair_ruling(lot, false),
    }
}
