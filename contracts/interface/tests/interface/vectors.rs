//! Lots with what they must come to: the vectors of an independent model, and random ones.
use std::collections::BTreeMap;

use piecework_interface::{
    amount::Amount,
    case::Challenge,
    config::Fixed,
    ids::AccountNo,
    settlement::{Held, Settlement, judge},
    terms::{JURY, Terms},
    view::LotState,
};
use proptest::prelude::*;

use super::{
    common::{fixed, lot, slot, terms},
    settlement::conserved,
};

/// A lot with what it must come to. Answers are letters; `None` is silence.
#[derive(Clone, Debug, Default)]
pub struct Vector {
    pub terms: Terms,
    pub fixed: Fixed,
    pub items: u8,
    pub first: Vec<Option<String>>,
    pub late: Vec<Option<String>>,
    pub open: u64,
    pub challenges: Vec<(u32, u64)>,
    /// Of five seats; `None` never committed, `Some(None)` fell silent.
    pub jury: Vec<Option<Option<String>>>,
    pub worth: u128,
    pub pay: Vec<u128>,
    pub slash: Vec<u128>,
    pub pot: u128,
    pub burnt: u128,
    pub cost: u128,
    pub withheld: u128,
    /// Per challenger: its number, and what it nets, NEAR at par, as a fraction of R.
    pub nets: Vec<(u32, (i128, i128))>,
    pub expected_overturned: u64,
    pub expected_answers: String,
}

/// A challenger's net, such as `4:-11/2`.
fn net(text: &str) -> (u32, (i128, i128)) {
    let (who, net) = text.split_once(':').unwrap();
    let (halves, of) = net.split_once('/').unwrap();
    (who.parse().unwrap(), (halves.parse().unwrap(), of.parse().unwrap()))
}

impl Vector {
    pub fn read(row: &str) -> Self {
        let f: Vec<_> = row.split(' ').collect();
        let number = |text: &str| text.parse::<u128>().unwrap();
        let list =
            |text: &str| if text == "." { vec![] } else { text.split(',').map(str::to_owned).collect::<Vec<_>>() };
        let silent = |text: String| (text != "-").then_some(text);
        let small = |text: &str| text.parse::<u8>().unwrap();
        Self {
            expected_overturned: number(f[19]) as u64,
            expected_answers: f[20].to_owned(),
            pay: list(f[13]).iter().map(|text| number(text)).collect(),
            slash: list(f[14]).iter().map(|text| number(text)).collect(),
            pot: number(f[15]),
            withheld: number(f[16]),
            nets: list(f[21]).iter().map(|text| net(text)).collect(),
            burnt: number(f[17]),
            cost: number(f[18]),
            ..Self::of(
                (small(f[0]), small(f[1]), small(f[7])),
                (number(f[2]), number(f[3])),
                (number(f[4]) as u16, small(f[5]), number(f[6]) as u16),
                (list(f[8]).into_iter().map(silent).collect(), list(f[9]).into_iter().map(silent).collect()),
                number(f[10]) as u64,
            )
        }
        .appealed(
            list(f[11])
                .iter()
                .map(|text| {
                    text.split_once(':').map(|(who, items)| (number(who) as u32, number(items) as u64)).unwrap()
                })
                .collect(),
            list(f[12]).into_iter().map(|text| (text != "!").then(|| silent(text))).collect(),
        )
    }

    fn of(
        (start, quorum_pct, items): (u8, u8, u8),
        (reward, worth): (u128, u128),
        (bond_pct, dissent_slash_pct, fee_bps): (u16, u8, u16),
        (first, late): (Vec<Option<String>>, Vec<Option<String>>),
        open: u64,
    ) -> Self {
        let reward = Amount(reward);
        let terms = Terms { start, quorum_pct, lot_size: items, reward, bond_pct, dissent_slash_pct, ..terms() };
        let fixed = Fixed { fee_bps, bond_rate: Amount(worth * (1 << 32) / reward.0), ..fixed() };
        Self { terms, fixed, items, first, late, open, worth, ..Self::default() }
    }

    fn appealed(self, challenges: Vec<(u32, u64)>, jury: Vec<Option<Option<String>>>) -> Self {
        Self { challenges, jury, ..self }
    }

    pub fn state(&self) -> LotState {
        let seat = |round, node, text: &Option<String>| slot(node, round, text.as_deref().map(str::as_bytes));
        let first = (0..).zip(&self.first).map(|(node, text)| seat(0, node, text));
        let late = (10..).zip(&self.late).map(|(node, text)| seat(1, node, text));
        let mut state = lot(self.open, first.chain(late).collect());
        if !self.challenges.is_empty() {
            let challenge = |(who, items): &(u32, u64)| {
                let account = AccountNo(100 + who);
                Challenge { account, operator: account, items: *items }
            };
            state.case_mut().challenges = self.challenges.iter().map(challenge).collect();
            state.round = JURY;
            let seated: Vec<_> =
                (20..).zip(self.jury.iter().flatten()).map(|(node, text)| seat(JURY, node, text)).collect();
            if seated.len() >= 4 {
                state.slots.extend(seated);
            }
        }
        state
    }

    pub fn settlement(&self) -> Settlement {
        conserved(&self.terms, &self.fixed, self.items, &self.state(), &Held::default())
    }

    pub fn overturned(&self) -> u64 {
        judge(&self.terms, self.items, &self.state()).overturned()
    }

    pub fn answers(&self) -> String {
        let state = self.state();
        let bytes = judge(&self.terms, self.items, &state).answers().bytes;
        bytes.into_iter().map(|byte| if byte == 0 { '.' } else { char::from(byte) }).collect()
    }
}

/// Random lots with an extension of what round 0 left open, and an appeal.
pub fn random() -> impl Strategy<Value = Vector> {
    let word = || prop::option::weighted(0.9, "[tttxy]{12}");
    let seats = |most| prop::collection::vec(word(), 0..=most);
    let jury = prop::collection::vec(prop::option::weighted(0.9, prop::option::weighted(0.9, "[tttttx]{12}")), 5);
    let terms =
        (prop::sample::select(vec![1_u8, 2, 3, 5]), 51_u8..=100, 1_u8..=12, 1_u128..1_000_000, 1_u128..1_000_000);
    let rates = (100_u16..=300, 10_u8..=100, 0_u16..=1_000);
    (terms, rates, seats(5), seats(3), prop::collection::vec(0_u32..5, 12), jury).prop_map(
        |((start, quorum, items, reward, worth), rates, mut first, mut late, owners, mut jury)| {
            first.truncate(usize::from(start));
            let cut = |text: &mut Option<String>, length: usize| text.iter_mut().for_each(|text| text.truncate(length));
            first.iter_mut().for_each(|text| cut(text, usize::from(items)));
            let vector = Vector::of((start, quorum, items), (2 * reward, worth), rates, (first, vec![]), 0);
            let open =
                (0..items).filter(|item| vector.result(*item).0.is_none()).fold(0_u64, |set, item| set | 1 << item);
            let open = if start > 1 && vector.first.iter().any(Option::is_some) { open } else { 0 };
            if open == 0 {
                late.clear();
            }
            late.iter_mut().for_each(|text| cut(text, open.count_ones() as usize));
            let mut challenges = BTreeMap::<u32, u64>::new();
            for (item, owner) in (0..items).zip(&owners).filter(|(_, owner)| **owner > 0) {
                *challenges.entry(*owner).or_default() |= 1 << item;
            }
            let asked = challenges.values().fold(0_u64, |all, items| all | items).count_ones() as usize;
            jury.iter_mut().flatten().for_each(|text| cut(text, asked));
            Vector { late, open, ..vector }.appealed(challenges.into_iter().collect(), jury)
        },
    )
}
