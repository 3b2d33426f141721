//! Money, terms, lots and storage: bounds and rounding.
use super::common::{fixed, terms};
use piecework_interface::{
    amount::Amount,
    config::{Bounds, Config, Fixed, REPUTATION_FULL},
    draw::{Draw, Seed},
    host::sha256,
    ids::{AccountNo, ClassId, LotId, TokenId},
    lots::{all_items, group_count, lot_count, lot_items, open_groups},
    merkle::Peaks,
    money::{self, bond, dissent_slash, escrow, fee, mul_div, reward_escrow, tickets},
    reputation,
    segments::{Segment, appended},
    storage::{BATCH_BYTES, CLASSES_MAX, CLOSED_BATCH_BYTES, LEAVERS_MAX, NODE_BYTES, PEAKS_MAX, lot_bytes},
    terms::{REWARD_LIMIT, Terms},
    view::{GROUP_LOTS, LotState, Node, Slot, SlotPhase, Window},
};
use primitive_types::U256;
use proptest::prelude::*;

#[test]
fn mul_div__should_not_overflow_and_round_down() {
    assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX), u128::MAX);
    assert_eq!(mul_div(u128::MAX, 2, 1), u128::MAX);
    assert_eq!(mul_div(7, 3, 2), 10);
    assert_eq!(mul_div(1 << 100, 1 << 100, 1 << 90), 1 << 110);
    assert_eq!((mul_div(7, 3, 0), mul_div(u128::MAX, 3, 0)), (0, 0));
}

#[test]
fn escrow__should_match_the_batch_worked_by_hand() {
    assert_eq!(escrow(&terms(), 500, 6), 3_600 + 180);
    assert_eq!(bond(&terms(), &fixed(), 3), 300);
    assert_eq!(dissent_slash(300, 20, 1, 3), 20);
}

#[test]
fn bond__should_round_up_even_for_dear_decimals() {
    // Given a token of 24 decimals at 0.005 NEAR: a unit is worth less than one yoctoNEAR.
    let fixed = Fixed { bond_rate: Amount(21_474_836), ..fixed() };
    assert_eq!(bond(&Terms { reward: Amount(1), ..terms() }, &fixed, 1), 1);
    let dear = Terms { reward: Amount(10_u128.pow(24)), ..terms() };
    assert_eq!(bond(&dear, &fixed, 1), (21_474_836 * 10_u128.pow(24)).div_ceil(1 << 32));
    // And even where it is worth nothing, an item is worth one.
    assert_eq!(bond(&dear, &Fixed { bond_rate: Amount(0), ..fixed }, 3), 3);
}

#[test]
fn bond__should_hold_the_largest_values() {
    let largest = Terms { reward: Amount(REWARD_LIMIT - 1), bond_pct: 300, ..terms() };
    assert_eq!(bond(&largest, &Fixed { bond_rate: Amount(u128::MAX), ..fixed() }, 64), u128::MAX);
    assert!(reward_escrow(&Terms { start: 5, ..largest.clone() }, u32::MAX) < 1 << 116);
    assert!(escrow(&Terms { start: 5, ..largest }, 1_000, u32::MAX) < 1 << 117);
}

#[test]
fn tickets__should_be_whole_and_at_most_16() {
    assert_eq!([0, 9, 10, 19, 160, 1_000].map(|stake| tickets(stake, 10)), [0, 0, 1, 1, 16, 16]);
    assert_eq!(tickets(5, 0), 0);
}

/// Numbers of any length.
fn number() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn mul_div__should_be_the_quotient_of_256_bits(a in number(), b in number(), c in number()) {
        let exact = (U256::from(a) * U256::from(b)).checked_div(U256::from(c)).unwrap_or_default();
        prop_assert_eq!(mul_div(a, b, c), u128::try_from(exact).unwrap_or(u128::MAX));
    }

    #[test]
    fn fees__should_never_exceed_the_fee_on_the_escrow(
        reward in 1_u128..REWARD_LIMIT,
        bps in 0_u16..=1_000,
        lots in prop::collection::vec((1_u32..=64, 0_u128..=100), 1..20),
    ) {
        // Given a batch whose lots pay any part of their rewards.
        let terms = Terms { reward: Amount(reward), ..terms() };
        let items: u32 = lots.iter().map(|(items, _)| items).sum();
        let mut left = escrow(&terms, bps, items);
        for (items, pct) in lots {
            let paid = mul_div(reward_escrow(&terms, items), pct, 100);
            let fee = fee(paid, bps);
            let refund = escrow(&terms, bps, items) - paid - fee;
            left = left.checked_sub(paid + fee + refund).unwrap();
        }
        // Then the escrow covers all of them, and less than a unit a lot is left as dust.
        prop_assert!(left < 20);
    }

    #[test]
    fn bond__should_be_the_exact_quotient_rounded_up(rate in 0_u128..1 << 60, reward in 1_u128..1 << 40, items in 1_u8..=64, pct in 100_u16..=300) {
        let terms = Terms { reward: Amount(reward), bond_pct: pct, ..terms() };
        let product = rate.checked_mul(reward * u128::from(items));
        prop_assume!(product.is_some_and(|product| product.checked_mul(300).is_some()));
        let worth = (rate * reward).div_ceil(1 << 32).max(1);
        let expected = (worth * u128::from(items) * u128::from(pct)).div_ceil(100);
        prop_assert_eq!(bond(&terms, &Fixed { bond_rate: Amount(rate), ..fixed() }, items), expected);
    }

    #[test]
    fn dissent_slash__should_be_the_exact_quotient_rounded_down(bond in 0_u128..1 << 100, rate in 0_u8..=100, judged in 1_u32..=64, missed in 0_u32..=64) {
        let missed = missed.min(judged);
        let slash = dissent_slash(bond, rate, missed, judged);
        prop_assert_eq!(slash, bond * u128::from(rate) * u128::from(missed) / (100 * u128::from(judged)));
        prop_assert!(slash <= bond);
    }

    #[test]
    fn reputation__should_stay_in_range_and_move_by_a_sixteenth(now in 0_u16..=10_000, decided in 0_u32..=64, agreed in 0_u32..=64, fee in any::<u128>(), unit in any::<u128>()) {
        let agreed = agreed.min(decided);
        let after = reputation::step(now, agreed, decided, fee, unit);
        prop_assert!(after <= REPUTATION_FULL);
        prop_assert!(now.abs_diff(after) <= REPUTATION_FULL / 16);
        match (10_000 * agreed).checked_div(decided) {
            // Then it moves towards the agreement, never past it.
            Some(target) => {
                let target = u16::try_from(target).unwrap();
                prop_assert!(after.abs_diff(target) <= now.abs_diff(target));
            }
            None => prop_assert_eq!(after, now),
        }
    }

    #[test]
    fn lots__should_partition_the_items(items in 1_u32.., lot_size in 1_u8..=64) {
        let lots = lot_count(items, lot_size);
        prop_assert_eq!(group_count(items, lot_size), lots.div_ceil(GROUP_LOTS));
        let last = lot_items(items, lot_size, LotId(lots - 1));
        prop_assert!((1..=lot_size).contains(&last));
        prop_assert_eq!(u64::from(lots - 1) * u64::from(lot_size) + u64::from(last), u64::from(items));
        prop_assert_eq!(lot_items(items, lot_size, LotId(lots)), 0);
    }

    #[test]
    fn progress__should_pass_exactly_the_full_groups(lots in 1_u32..600, picks in prop::collection::vec(any::<prop::sample::Index>(), 0..900)) {
        // Given a batch whose lots are marked in any order that its window allows.
        let mut window = Window::default();
        let mut marked = vec![false; lots as usize];
        for pick in picks {
            let lot = pick.index(lots as usize);
            let inside = window.index(lot as u32 / GROUP_LOTS).is_some();
            window.mark(LotId(lot as u32), lots, false);
            marked[lot] |= inside;
        }
        // Then the frontier is the first group with an unmarked lot, and the marks are exactly these lots.
        let groups = lots.div_ceil(GROUP_LOTS);
        let first = marked.chunks(GROUP_LOTS as usize).position(|group| group.contains(&false));
        prop_assert_eq!(window.frontier, first.map_or(groups, |group| group as u32));
        for (lot, mark) in (0..).zip(&marked) {
            prop_assert_eq!(window.is_marked(LotId(lot)), *mark, "lot {}", lot);
        }
    }
}

#[test]
fn window__should_keep_the_short_last_group_of_a_batch_that_may_grow() {
    // Given 40 lots, all of them marked
    for (appendable, frontier) in [(false, 2), (true, 1)] {
        let mut window = Window::default();
        (0..40).for_each(|lot| window.mark(LotId(lot), 40, appendable));
        // Then only a batch that may grow still has its last group, and lots that come later are not marked
        assert_eq!(window.frontier, frontier);
        assert_eq!(window.is_marked(LotId(40)), !appendable);
        // And it closes with its last lot, or once it is cancelled or expired
        let terms = Terms { expires_at: 100, ..terms() };
        let closes = |cancelled, now_s| window.closes((40, 0), &terms, (appendable, cancelled), now_s);
        assert_eq!((closes(false, 50), closes(true, 50), closes(false, 101)), (!appendable, true, true));
        assert!(!window.closes((40, 1), &terms, (appendable, true), 101));
    }
}

#[test]
fn append__should_draw_anew_only_where_everybody_may_claim() {
    let terms = Terms { slice_s: 10, ..terms() };
    let seeded = |tickets| Draw::Seeded(Seed { value: [1; 16], at: 100, height: 6, tickets, appeal: false });
    let append = |draw: Draw, lots, now_s| {
        let mut window = Window::default();
        window.draws[0] = draw;
        (window.append(lots, &terms, now_s), window.draws[0].clone())
    };
    // A group without a draw, and one whose bar is at one: few tickets, or three slices for 16 tickets and three seats.
    assert_eq!(append(Draw::Closed, 0, 105), (Some(true), Draw::Opened(105)));
    assert_eq!(append(seeded(3), 5, 100), (Some(true), Draw::Opened(100)));
    assert_eq!(append(seeded(16), 5, 150), (Some(true), Draw::Opened(150)));
    // Under a seed that still chooses nothing is appended; a draw that is open stays.
    assert_eq!(append(seeded(16), 5, 110), (None, seeded(16)));
    assert_eq!(append(Draw::Opened(90), 5, 110), (Some(false), Draw::Opened(90)));
    // The next group's lots do not touch this one's draw.
    assert_eq!(append(seeded(3), 32, 150), (Some(false), seeded(3)));
}

#[test]
fn appended__should_fix_every_segment_and_their_order() {
    let segment = |first_item, items, byte| Segment { first_item, items, manifest: [byte; 32] };
    let of = |segments: &[Segment]| segments.iter().fold([0; 32], |before, segment| appended(sha256, &before, segment));
    let all = [segment(8, 4, 1), segment(12, 4, 2)];
    let digest = of(&all);
    assert_ne!(digest, of(&all[..1]));
    for other in
        [[all[1], all[0]], [segment(8, 8, 1), all[1]], [all[0], segment(12, 4, 3)], [all[0], segment(16, 4, 2)]]
    {
        assert_ne!(of(&other), digest);
    }
}

#[test]
fn progress__should_carry_draws_along() {
    // Given a seeded second group.
    let seed = Draw::Seeded(Seed { value: [1; 16], at: 5, height: 6, tickets: 7, appeal: true });
    let mut window = Window::default();
    window.draws[0] = Draw::Opened(1);
    window.draws[1] = seed.clone();
    // When the first group is marked, then the window moves by one.
    (0..GROUP_LOTS).for_each(|lot| window.mark(LotId(lot), 320, false));
    assert_eq!(window.frontier, 1);
    assert_eq!((window.draw(0), window.draw(1), window.draw(8)), (None, Some(&seed), Some(&Draw::Closed)));
}

#[test]
fn open_groups__should_follow_the_tickets() {
    assert_eq!([0, 95, 96, 191, 192, 10_000].map(|tickets| open_groups(tickets, &terms())), [2, 2, 2, 2, 2, 8]);
}

#[test]
fn all_items__should_be_the_low_bits() {
    assert_eq!([0, 1, 3, 63, 64].map(all_items), [0, 1, 7, u64::MAX >> 1, u64::MAX]);
}

#[test]
fn terms__should_be_refused_field_by_field() {
    let bounds = Bounds::default();
    let check = |terms: &Terms| terms.check(&bounds, 10, 1_000).map_err(|error| error.field);
    assert_eq!(check(&terms()), Ok(()));
    let wrong: [(&str, Terms); 25] = [
        ("reward", Terms { reward: Amount(9), ..terms() }),
        ("reward", Terms { reward: Amount(REWARD_LIMIT), ..terms() }),
        ("lot_size", Terms { lot_size: 0, ..terms() }),
        ("lot_size", Terms { lot_size: 65, ..terms() }),
        ("answer_width", Terms { answer_width: 3, ..terms() }),
        ("start", Terms { start: 4, ..terms() }),
        ("reward", Terms { reward: Amount(101), ..terms() }),
        ("quorum_pct", Terms { quorum_pct: 50, ..terms() }),
        ("quorum_pct", Terms { quorum_pct: 101, ..terms() }),
        ("claim_ttl_s", Terms { claim_ttl_s: 59, ..terms() }),
        ("claim_ttl_s", Terms { claim_ttl_s: 604_801, ..terms() }),
        ("reveal_window_s", Terms { reveal_window_s: 299, ..terms() }),
        ("reveal_window_s", Terms { claim_ttl_s: 3_010, reveal_window_s: 300, ..terms() }),
        ("challenge_window_s", Terms { challenge_window_s: 599, ..terms() }),
        ("slice_s", Terms { slice_s: 1, ..terms() }),
        ("bond_pct", Terms { bond_pct: 99, ..terms() }),
        ("bond_pct", Terms { bond_pct: 301, ..terms() }),
        ("dissent_slash_pct", Terms { dissent_slash_pct: 101, ..terms() }),
        ("dissent_slash_pct", Terms { dissent_slash_pct: 9, ..terms() }),
        ("abandon_slash_pct", Terms { abandon_slash_pct: 51, ..terms() }),
        ("abandon_slash_pct", Terms { abandon_slash_pct: 4, ..terms() }),
        ("min_reputation", Terms { min_reputation: 10_001, ..terms() }),
        ("expires_at", Terms { expires_at: 1_599, ..terms() }),
        ("expires_at", Terms { expires_at: 1_001 + 365 * 86_400, ..terms() }),
        ("reward", Terms { reward: Amount(0), ..terms() }),
    ];
    for (field, terms) in wrong {
        assert_eq!(check(&terms), Err(field), "{terms:?}");
    }
    // And the edges are allowed.
    for (start, copies) in [(1, 1), (2, 5), (3, 6), (5, 8)] {
        let terms = Terms { start, ..terms() };
        assert_eq!((check(&terms), terms.copies()), (Ok(()), copies));
    }
    assert_eq!(terms().check(&bounds, 0, u32::MAX).map_err(|error| error.field), Err("expires_at"));
    assert_eq!(money::TICKETS_MAX, 16);
}

/// NEAR's charge for a record beside key and value.
const ROW: u32 = 40;

/// Bytes of a stored value with the version byte of its record.
fn stored(value: &impl borsh::BorshSerialize) -> u32 {
    1 + u32::try_from(borsh::to_vec(value).unwrap().len()).unwrap()
}

#[test]
fn lot_bytes__should_cover_a_lot_in_every_phase() {
    // Given the largest lots: an extension of eight slots in which everybody revealed, committed or reserved.
    let seed = Seed { value: [1; 16], at: 1, height: 2, tickets: 3, appeal: true };
    let phases = |items: usize, width: usize| {
        [SlotPhase::Revealed(vec![0; items * width]), SlotPhase::Committed([0; 32]), SlotPhase::Reserved(u32::MAX)]
    };
    for (start, items, width) in [(5, 64, 32), (5, 1, 1), (3, 64, 1), (2, 60, 2), (1, 1, 1)] {
        let terms = Terms { start, answer_width: width, lot_size: items, ..terms() };
        for phase in phases(items.into(), width.into()) {
            let slots = (0..terms.copies()).map(|node| AccountNo(node.into())).map(|node| Slot {
                node,
                operator: node,
                round: 1,
                phase: phase.clone(),
            });
            let lot = LotState {
                leavers: vec![AccountNo(0); LEAVERS_MAX],
                open_items: u64::MAX,
                draw: Draw::Seeded(seed.clone()),
                slots: slots.collect(),
                ..LotState::default()
            };
            // Then its row, under a key of nine bytes, is paid for.
            assert!(ROW + 9 + stored(&lot) <= lot_bytes(&terms), "{start} {items} {width}");
        }
    }
}

#[test]
fn node_bytes__should_cover_a_node_of_eight_classes() {
    let mut node = Node::new(0);
    node.declare(&core::array::from_fn::<_, CLASSES_MAX, _>(|class| (ClassId(class as u16), true)), 0);
    (node.asked, node.operator) = (Some(AccountNo(1)), Some(AccountNo(1)));
    assert!(stored(&node) <= NODE_BYTES);
}

#[test]
fn batch_bytes__should_cover_a_full_window_and_all_peaks() {
    let draw = Draw::Seeded(Seed { value: [1; 16], at: 1, height: 2, tickets: 3, appeal: true });
    let window = Window { draws: core::array::from_fn(|_| draw.clone()), ..Window::default() };
    let facts = (AccountNo(0), TokenId(0), terms(), fixed(), (0_u32, [0_u8; 32], 0_u32, false, window));
    let purse =
        ((0_u128, 0_u128, 0_u128), (0_u32, 0_u32), Peaks { count: u32::MAX, peaks: vec![[0; 32]; PEAKS_MAX as usize] });
    assert!((ROW + 5 + stored(&facts)) + (ROW + 5 + stored(&purse)) <= BATCH_BYTES);
    let closed = (AccountNo(0), 0_u32, [0_u8; 32]);
    assert!(ROW + 5 + stored(&closed) <= CLOSED_BATCH_BYTES);
}

#[test]
fn config__should_lie_within_its_bounds() {
    const NEAR: u128 = 10_u128.pow(24);
    let public = Config { chain_id: "mainnet".to_owned(), ..Config::default() };
    assert_eq!((public.check(), Config::default().check()), (Ok(()), Ok(())));
    type Change = fn(&mut Config, u32);
    // What is changed, the least and the greatest value of a public network, and the least of another.
    let times: [(&str, Change, u32, u32, u32); 9] = [
        ("unbonding_s", |config, value| config.unbonding_s = value, 604_800, 7_776_000, 0),
        ("notice_s", |config, value| config.notice_s = value, 86_400, 2_592_000, 0),
        ("liveness_window_s", |config, value| config.liveness_window_s = value, 600, 86_400, 1),
        ("grace_s", |config, value| config.grace_s = value, 30, 600, 0),
        ("reputation_interval_s", |config, value| config.reputation_interval_s = value, 0, 2_592_000, 0),
        ("lifetime_max_s", |config, value| config.bounds.lifetime_max_s = value, 86_400, 315_360_000, 1),
        ("fee_bps", |config, value| config.fee_bps = value.try_into().expect("small"), 0, 1_000, 0),
        ("jury_nodes", |config, value| config.jury_nodes = value.try_into().expect("small"), 8, 1_000, 1),
        ("slice_s", |config, value| config.bounds.slice_s = (value, value), 2, 3_600, 1),
    ];
    for (name, change, least, most, least_of_tests) in times {
        let holds = |chain: &str, value: u32| {
            let mut config = Config { chain_id: chain.to_owned(), ..Config::default() };
            change(&mut config, value);
            config.check().is_ok()
        };
        for (chain, least) in [("mainnet", least), ("testnet", least), ("localnet", least_of_tests)] {
            assert!(holds(chain, least) && holds(chain, most), "{name} on {chain}");
            assert!(!holds(chain, most + 1), "{name} on {chain}");
            assert!(least == 0 || !holds(chain, least - 1), "{name} on {chain}");
        }
    }
    let stake = |stake| Config { min_stake: Amount(stake), ..Config::default() }.check().is_ok();
    assert!(stake(NEAR / 1_000) && stake(10_000 * NEAR) && !stake(NEAR / 1_000 - 1) && !stake(10_000 * NEAR + 1));
    let class = |deposit| Config { class_deposit: Amount(deposit), ..Config::default() }.check().is_ok();
    assert!(class(NEAR / 10) && class(100 * NEAR) && !class(NEAR / 10 - 1) && !class(100 * NEAR + 1));
    let relays = |names: &[&str]| {
        let relays = names.iter().map(|name| (*name).to_owned()).collect();
        Config { relays, ..Config::default() }.check().is_ok()
    };
    assert!(relays(&["bridge.near"; 8]) && !relays(&["bridge.near"; 9]) && !relays(&["No Account"]));
    type Range = fn(&mut Bounds) -> &mut (u32, u32);
    let ranges: [(&str, Range, (u32, u32)); 4] = [
        ("claim_ttl_s", |bounds| &mut bounds.claim_ttl_s, (60, 604_800)),
        ("reveal_window_s", |bounds| &mut bounds.reveal_window_s, (300, 86_400)),
        ("challenge_window_s", |bounds| &mut bounds.challenge_window_s, (600, 604_800)),
        ("verdict_ttl_s", |bounds| &mut bounds.verdict_ttl_s, (600, 1_209_600)),
    ];
    for (name, range, (least, most)) in ranges {
        let holds = |chain: &str, low, high| {
            let mut config = Config { chain_id: chain.to_owned(), ..Config::default() };
            *range(&mut config.bounds) = (low, high);
            config.check().is_ok()
        };
        assert!(holds("mainnet", least, most) && holds("localnet", 1, most), "{name}");
        assert!(!holds("mainnet", least - 1, most) && !holds("localnet", 0, most), "{name}");
        assert!(!holds("localnet", least, most + 1) && !holds("localnet", most, least), "{name}");
    }
}
