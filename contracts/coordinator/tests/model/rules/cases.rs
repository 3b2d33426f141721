//! Gold, challenges and juries.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchSpec, ChallengeArgs, GoldOpenArgs},
    case::Opening,
    dispute::{challenge_bond, juror_fee},
    draw::At,
    event::Entry,
    ids::{BatchId, LotId},
    skip::Skip,
    terms::Terms,
    view::{LotPhase, LotState},
};

use crate::{
    chain::NEAR,
    gold::Gold,
    market::{Market, REQUESTER, config, terms},
};

/// Seconds of the challenge window.
const WINDOW: u32 = 500;
const WORKERS: [&str; 3] = ["a.near", "b.near", "c.near"];
const JURORS: [&str; 5] = ["d.near", "e.near", "f.near", "g.near", "h.near"];

/// What each juror says of an item; `None` keeps silent.
type Votes<'a> = [Option<&'a dyn Fn(u8) -> u8>; 5];

/// A lot of three items that is provisional after these answers.
fn provisional(answers: [&[u8; 3]; 3], change: impl FnOnce(&mut BatchSpec)) -> (Market, BatchId) {
    let mut market = Market::new(9);
    let terms = Terms { challenge_window_s: WINDOW, max: 3, ..terms(market.chain.now()) };
    let mut spec = Market::spec(terms, 3);
    change(&mut spec);
    let batch = market.batch_of(spec);
    market.draw("a.near", batch, At::Group(0));
    let answers: Vec<_> = WORKERS.iter().zip(answers).map(|(node, answers)| (*node, &answers[..])).collect();
    market.round(batch, 0, &answers);
    assert_eq!(market.lot(batch, 0).expect("lot").phase, LotPhase::Provisional);
    (market, batch)
}

fn challenge(market: &mut Market, who: &str, batch: BatchId, items: &[u8]) -> Result<(), Error> {
    let args = ChallengeArgs { batch, lot: LotId(0), items: items.to_vec() };
    market.call(who, NEAR, |engine| engine.challenge(&args))
}

fn open_gold(market: &mut Market, batch: BatchId, openings: Vec<Opening>, deposit: u128) -> Result<(), Error> {
    let args = GoldOpenArgs { batch, lot: LotId(0), openings };
    market.call(REQUESTER, deposit, |engine| engine.gold_open(&args))
}

/// Ends the window and seats these jurors, who answer as they like; `None` keeps silent.
fn jury(market: &mut Market, batch: BatchId, votes: Votes<'_>) -> Vec<Entry> {
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.draw("i.near", batch, At::Lot(LotId(0)));
    for juror in JURORS {
        market.claim(juror, batch, 0).expect("a seat");
    }
    let items = judged(&market.lot(batch, 0).expect("lot"));
    let answers = |vote: &dyn Fn(u8) -> u8| items.iter().map(|item| vote(*item)).collect::<Vec<_>>();
    for (juror, vote) in JURORS.iter().zip(votes) {
        let answers = vote.map_or_else(|| vec![b'?'; items.len()], answers);
        market.commit(juror, batch, 0, &answers).expect("commit");
    }
    for (juror, vote) in JURORS.iter().zip(votes) {
        if let Some(vote) = vote {
            market.reveal(juror, batch, 0, &answers(vote)).expect("reveal");
        }
    }
    market.chain.pass(100);
    market.poke_lot(batch, 0).expect("the jury ends")
}

fn judged(state: &LotState) -> Vec<u8> {
    (0..3).filter(|item| state.case.as_ref().expect("case").jury_items & (1 << item) != 0).collect()
}

/// What was settled: pay per slot, slash per slot.
fn settled(entries: &[Entry]) -> (Vec<u128>, Vec<u128>) {
    let slots = entries.iter().find_map(|entry| match entry {
        Entry::Settled { slots, .. } => Some(slots),
        _ => None,
    });
    let slots = slots.expect("settled");
    (slots.iter().map(|slot| slot.pay.0).collect(), slots.iter().map(|slot| slot.slash.0).collect())
}

fn near(market: &Market, who: &str) -> u128 {
    let account = market.account(who);
    account.balances.iter().find(|balance| balance.token.0 == 0).map_or(0, |balance| balance.amount.0)
}

fn insurance(market: &Market) -> u128 {
    market.chain.view(|engine| engine.view_root()).insurance.0
}

/// The truth is `abc`.
fn honest(item: u8) -> u8 {
    b"abc"[usize::from(item)]
}

/// What the batch's bonds and fees are for so many items, yoctoNEAR.
fn prices(market: &Market, batch: BatchId, challenged: u64, judged: u64) -> (u128, u128) {
    let open = market.view_batch(batch).open.expect("open");
    (challenge_bond(&open.terms, &open.fixed, 3, challenged), juror_fee(&open.terms, &open.fixed, 3, judged))
}

#[test]
fn challenge__should_overturn_a_wrong_majority_and_let_it_pay() {
    // Given a lot on whose second item two of three were wrong, with bonds that can pay a jury.
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |spec| spec.terms.bond_pct = 250);
    let (bond, fee) = prices(&market, batch, 0b010, 0b011);
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    assert_eq!(near(&market, "i.near"), NEAR - bond, "what was attached beyond the bond stays the challenger's");
    let pool = insurance(&market);

    // When five jurors say so.
    let entries = jury(&mut market, batch, [Some(&honest); 5]);

    // Then who was right is paid in full, and who was wrong neither for the item nor slashed beyond its bond.
    let (pays, slashes) = settled(&entries);
    assert_eq!(pays[..3], [2_000, 2_000, 3_000]);
    assert_eq!(slashes[2..], [0; 6]);
    assert!(slashes[0] > 0 && slashes[1] > 0);
    // The wrong slots pay the jury, and the challenger has its bond back.
    assert_eq!((slashes[0] + slashes[1], insurance(&market)), (5 * fee, pool));
    assert_eq!(near(&market, "i.near"), NEAR);
    assert!(JURORS.iter().all(|juror| near(&market, juror) == fee));
    // And the result is the jury's.
    let result = piecework_interface::host::sha256(b"abc");
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Settled { digest, .. } if *digest == result)));
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Ruled { overturned, .. } if overturned.0 == 0b010)));
}

#[test]
fn attack_33__should_take_what_is_short_from_the_pool_before_the_challenger() {
    // Given bonds of the least size, so that two wrong slots pay six tenths of the jury.
    let lose = |pool: bool| {
        let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
        if pool {
            // Somebody has abandoned a seat of a dear batch before.
            let now = market.chain.now();
            let dear = market.batch(Terms { reward: Amount(1_000_000), abandon_slash_pct: 50, ..terms(now) }, 3);
            market.draw("a.near", dear, At::Group(0));
            market.claim("a.near", dear, 0).expect("claim");
            market.chain.pass(101);
            market.release("a.near", dear, 0).expect("released late");
        }
        challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
        jury(&mut market, batch, [Some(&honest); 5]);
        NEAR - near(&market, "i.near")
    };
    // Then the challenger pays the rest only where the pool is empty.
    assert_eq!((lose(true), lose(false)), (0, 4 * 256_000));
}

#[test]
fn attack_33__should_pay_jurors_of_a_wrong_challenge_from_its_bond_alone() {
    // Given a result that is right, and a challenge of all of it.
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    let (bond, fee) = prices(&market, batch, 0b111, 0b111);
    challenge(&mut market, "i.near", batch, &[0, 1, 2]).expect("challenge");
    // When the jury upholds it.
    let entries = jury(&mut market, batch, [Some(&honest); 5]);
    // Then the bond pays five fees, and the rest of it goes to the pool.
    let (pays, slashes) = settled(&entries);
    assert_eq!((&pays[..3], &slashes[..]), (&[3_000; 3][..], &[0; 8][..]));
    assert_eq!(near(&market, "i.near"), NEAR - bond);
    assert_eq!(insurance(&market), bond - 5 * fee);
    assert_eq!(bond, 5 * fee + (5 * fee).div_ceil(10));
}

#[test]
fn attack_16__should_need_four_of_five_and_take_a_tenth_from_who_stands_alone() {
    // Given three jurors for the challenge and two against.
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    let copied = |item: u8| if item == 1 { b'x' } else { honest(item) };
    let votes: Votes<'_> = [Some(&honest), Some(&honest), Some(&honest), Some(&copied), Some(&copied)];
    let entries = jury(&mut market, batch, votes);
    // Then the result stands, and nobody is slashed for the item on which they differ.
    assert_eq!(settled(&entries).0[..3], [3_000, 3_000, 2_000]);
    assert_eq!(settled(&entries).1[3..], [0; 5]);

    // Given four for the challenge and one who only copied what was public.
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    let (_, fee) = prices(&market, batch, 0b010, 0b011);
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    let votes: Votes<'_> = [Some(&honest), Some(&honest), Some(&honest), Some(&honest), Some(&copied)];
    let entries = jury(&mut market, batch, votes);
    // Then the result changes, and the copier loses a tenth of its bond for one of two items.
    assert_eq!(settled(&entries).0[..3], [2_000, 2_000, 3_000]);
    assert_eq!(settled(&entries).1[3..], [0, 0, 0, 0, fee / 20]);
}

#[test]
fn jury__should_answer_undisputed_items_as_well_and_change_none_of_them() {
    // Given jurors who all say something else on every item.
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[2]).expect("challenge");
    let entries = jury(&mut market, batch, [Some(&|_| b'z'); 5]);
    // Then two items were judged, and only the challenged one changed.
    let overturned = entries.iter().find_map(|entry| match entry {
        Entry::Ruled { overturned, .. } => Some(overturned.0),
        _ => None,
    });
    assert_eq!(overturned, Some(0b100));
    assert_eq!(settled(&entries).0[..3], [2_000; 3], "nobody gave the new answer, so nobody is paid for the item");
}

#[test]
fn jury__should_let_the_result_stand_when_fewer_than_three_reveal() {
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    let (bond, fee) = prices(&market, batch, 0b010, 0b011);
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    // When two reveal.
    let entries = jury(&mut market, batch, [Some(&honest), Some(&honest), None, None, None]);
    // Then the result stands, the silent lose their bonds, and the challenge costs a tenth.
    let (pays, slashes) = settled(&entries);
    assert_eq!(pays[..3], [3_000, 3_000, 2_000]);
    assert_eq!(slashes[3..], [0, 0, fee, fee, fee]);
    assert_eq!(near(&market, "i.near"), NEAR - bond / 10);
    assert_eq!((near(&market, "d.near"), near(&market, "f.near")), (fee, 0));
}

#[test]
fn jury__should_end_without_jurors() {
    // Given a challenge that nobody sits on.
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    let (bond, _) = prices(&market, batch, 0b001, 0b011);
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    // When its time is over, then the lot settles as it was.
    market.chain.pass(3 * 100);
    let entries = market.poke_lot(batch, 0).expect("the jury ends");
    assert_eq!(settled(&entries).0, [3_000; 3]);
    assert_eq!(near(&market, "i.near"), NEAR - bond / 10);
}

#[test]
fn jury__should_outlast_a_requester_who_cancels() {
    // Given a challenge against what suits the requester, who cancels.
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], |_| {});
    challenge(&mut market, "i.near", batch, &[1]).expect("challenge");
    market.cancel(batch).expect("cancel");
    // Then the jury sits all the same.
    let entries = jury(&mut market, batch, [Some(&honest); 5]);
    assert_eq!(settled(&entries).0[..3], [2_000, 2_000, 3_000]);
}

#[test]
fn jurors__should_be_old_enough_trusted_and_strangers_to_the_lot() {
    // Given a network whose nodes are too young for juries.
    let mut market = Market::with(piecework_interface::config::Config { juror_age_s: 2_000, ..config() }, 9);
    let terms = Terms { challenge_window_s: WINDOW, max: 3, ..terms(market.chain.now()) };
    let batch = market.batch_of(Market::spec(terms, 3));
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", b"abc"), ("b.near", b"abc"), ("c.near", b"abc")]);
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.draw("i.near", batch, At::Lot(LotId(0)));
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::NoJuror));
    // And a jury of a node that did the work.
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    market.chain.pass(WINDOW);
    market.poke_lot(batch, 0).expect("the jury opens");
    market.draw("i.near", batch, At::Lot(LotId(0)));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Again));
    assert_eq!(market.claim("d.near", batch, 0), Ok(()));
}

#[test]
fn attack_34__should_take_each_item_once_four_challenges_and_only_in_the_window() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    // An item is challenged once; others may join.
    challenge(&mut market, "i.near", batch, &[0]).expect("challenge");
    assert_eq!(
        challenge(&mut market, "h.near", batch, &[0]),
        Err(Error::Lot("name items that nobody has challenged yet"))
    );
    assert_eq!(
        challenge(&mut market, "h.near", batch, &[]),
        Err(Error::Lot("name items that nobody has challenged yet"))
    );
    assert_eq!(challenge(&mut market, "h.near", batch, &[3]), Err(Error::Lot("the lot has no such item")));
    challenge(&mut market, "h.near", batch, &[2]).expect("joins");
    // The bond has to be there.
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![1] };
    let error = market.call("g.near", 0, |engine| engine.challenge(&args));
    assert!(matches!(error, Err(Error::Deposit(_))));
    let error = market.call("g.near", 2, |engine| engine.challenge(&args));
    assert!(matches!(error, Err(Error::Balance(_))));
    // And it is too late after the window.
    market.chain.pass(WINDOW);
    assert_eq!(challenge(&mut market, "g.near", batch, &[1]), Err(Error::Lot("the lot's challenge window is over")));
    market.poke_lot(batch, 0).expect("the jury opens");
    assert!(matches!(challenge(&mut market, "g.near", batch, &[1]), Err(Error::Lot(_))));
}

#[test]
fn attack_17__should_give_a_challenger_at_most_a_quarter_of_what_the_loser_loses() {
    // Given a node that is wrong on everything and has a friend challenge it, with bonds of three times the work.
    let (mut market, batch) = provisional([b"xyz", b"xyz", b"abc"], |spec| {
        spec.terms.bond_pct = 300;
        spec.terms.dissent_slash_pct = 50;
    });
    challenge(&mut market, "i.near", batch, &[0, 1, 2]).expect("challenge");
    let entries = jury(&mut market, batch, [Some(&honest); 5]);
    let (_, slashes) = settled(&entries);
    // Then the friend's reward is at most a quarter of the slashes, and nothing that the jury's fees need.
    let reward = near(&market, "i.near") - NEAR;
    assert!(reward <= (slashes[0] + slashes[1]) / 4, "{reward} of {slashes:?}");
}

#[test]
fn challenger__should_stay_registered_until_its_bond_is_back() {
    let (mut market, batch) = provisional([b"abc"; 3], |_| {});
    market.chain.storage_deposit("z.near", NEAR / 10).expect("storage");
    let (bond, _) = prices(&market, batch, 0b001, 0b011);
    let args = ChallengeArgs { batch, lot: LotId(0), items: vec![0] };
    market.call("z.near", bond, |engine| engine.challenge(&args)).expect("challenge");
    assert_eq!(market.chain.storage_unregister("z.near"), Err(Error::InUse("a batch")));
}

/// Gold that knows these answers.
fn gold(answers: &[u8; 3]) -> Gold {
    Gold::new(answers.iter().map(|answer| vec![*answer]).collect())
}

fn with_gold(gold: &Gold) -> impl FnOnce(&mut BatchSpec) + use<> {
    let root = gold.root();
    move |spec| {
        spec.gold_root = root;
        spec.terms.gold_slash_pct = 80;
    }
}

#[test]
fn gold__should_slash_who_missed_it_at_its_own_rate() {
    // Given a dissenter on an item that was gold, and the same without gold.
    let known = gold(b"abc");
    let (mut market, batch) = provisional([b"abc", b"abc", b"axc"], with_gold(&known));
    open_gold(&mut market, batch, vec![known.open(1, 1)], 0).expect("open");
    market.chain.pass(WINDOW);
    let with = settled(&market.poke_lot(batch, 0).expect("settle"));
    let (mut market, batch) = provisional([b"abc", b"abc", b"axc"], |_| {});
    market.chain.pass(WINDOW);
    let without = settled(&market.poke_lot(batch, 0).expect("settle"));
    // Then pay is the same and the slash is four times as high: 80 % instead of 20 %.
    assert_eq!(with.0, without.0);
    assert_eq!(with.1, [0, 0, 4 * without.1[2]]);
}

#[test]
fn attack_21__should_open_one_leaf_per_item_at_its_own_place() {
    let known = gold(b"abc");
    let (mut market, batch) = provisional([b"abc"; 3], with_gold(&known));
    // Another answer, another place, another item's leaf: none is the tree's.
    let other = Opening { answer: vec![b'x'], ..known.open(0, 0) };
    let moved = Opening { item: 1, ..known.open(0, 0) };
    let wide = Opening { answer: b"ab".to_vec(), ..known.open(0, 0) };
    let outside = Opening { item: 3, ..known.open(0, 0) };
    for opening in [other, moved, wide, outside] {
        let item = opening.item;
        assert_eq!(open_gold(&mut market, batch, vec![opening], 0), Err(Error::Gold(item)));
    }
    // Twice is once too often, in one call and in two.
    let twice = vec![known.open(0, 0), known.open(0, 0)];
    assert_eq!(open_gold(&mut market, batch, twice, 0), Err(Error::Gold(0)));
    open_gold(&mut market, batch, vec![known.open(0, 0)], 0).expect("open");
    assert!(matches!(open_gold(&mut market, batch, vec![known.open(0, 0)], 0), Err(Error::Lot(_))));
}

#[test]
fn attack_22__should_decide_a_split_item_without_slashing_or_saving() {
    // Given an item on which all three differ, so that nobody would be paid for it.
    let known = gold(b"abc");
    let (mut market, batch) = provisional([b"abc", b"axc", b"ayc"], with_gold(&known));
    open_gold(&mut market, batch, vec![known.open(1, 1)], 0).expect("open");
    market.chain.pass(WINDOW);
    let (pays, slashes) = settled(&market.poke_lot(batch, 0).expect("settle"));
    // Then gold decides it: who gave the answer is paid in full, nobody is slashed.
    assert_eq!((pays, slashes), (vec![3_000, 2_000, 2_000], vec![0; 3]));

    // Given false gold on an item that half pay would have gone to.
    let known = gold(b"ayc");
    let (mut market, batch) = provisional([b"abc", b"abc", b"ayc"], |spec| {
        with_gold(&known)(spec);
        spec.terms.quorum_pct = 100;
    });
    let before = market.view_batch(batch).open.expect("open").progress;
    open_gold(&mut market, batch, vec![known.open(1, 1)], 0).expect("open");
    market.chain.pass(WINDOW);
    let entries = market.poke_lot(batch, 0).expect("settle");
    let (pays, slashes) = settled(&entries);
    // Then the requester saves nothing by it: what is withheld goes to the fee pool.
    assert_eq!((pays, slashes), (vec![2_000, 2_000, 3_000], vec![0; 3]));
    let fee = entries.iter().find_map(|entry| match entry {
        Entry::Settled { fee, .. } => Some(fee.0),
        _ => None,
    });
    assert_eq!(fee, Some(350), "5 % of 7,000, which is what half pay would have cost");
    assert_eq!(before.gold_opened, 0);
}

#[test]
fn gold_against_a_result__should_be_a_challenge_of_the_requester_s() {
    let known = gold(b"abc");
    let (mut market, batch) = provisional([b"axc", b"axc", b"abc"], with_gold(&known));
    // It costs the bond.
    assert!(matches!(open_gold(&mut market, batch, vec![known.open(1, 1)], 0), Err(Error::Deposit(_))));
    open_gold(&mut market, batch, vec![known.open(1, 1)], NEAR).expect("open");
    let case = market.lot(batch, 0).expect("lot").case.expect("case");
    assert_eq!((case.against, case.challenges.len()), (0b010, 1));
    // And the jury decides.
    let entries = jury(&mut market, batch, [Some(&honest); 5]);
    assert_eq!(settled(&entries).0[..3], [2_000, 2_000, 3_000]);
}

#[test]
fn attack_21__should_stop_slashing_once_a_batch_s_gold_was_void_twice() {
    // Given gold that nobody answered on three items that have no result.
    let known = gold(b"xyz");
    let (mut market, batch) = provisional([b"123", b"456", b"789"], with_gold(&known));
    open_gold(&mut market, batch, (0..3).map(|item| known.open(u32::from(item), item)).collect(), 0).expect("open");
    // Then the batch's gold slashes no more.
    let progress = market.view_batch(batch).open.expect("open").progress;
    assert_eq!((progress.gold_opened, progress.gold_void), (3, 3));
    assert!(!piecework_interface::gold::slashes(progress.gold_opened, progress.gold_void));
    assert!(piecework_interface::gold::slashes(40, 3) && piecework_interface::gold::slashes(0, 1));
}

#[test]
fn attack_47__should_refuse_gold_without_a_window_or_a_rate() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    market
        .chain
        .transfer_call(
            crate::market::TOKEN,
            REQUESTER,
            10_u128.pow(9),
            piecework_interface::call::DepositMessage::Deposit {},
        )
        .expect("deposit");
    let mut create = |terms: Terms, gold_root: [u8; 32]| {
        let batch = BatchSpec { gold_root, ..Market::spec(terms, 3) };
        let args = piecework_interface::call::BatchCreateArgs { token: market.token, batch };
        market.call(REQUESTER, 1, |engine| engine.batch_create(args)).map(drop)
    };
    let gold = Terms { gold_slash_pct: 50, ..terms(now) };
    assert!(matches!(create(gold.clone(), [1; 32]), Err(Error::Batch(_))), "no window");
    let windowed = Terms { challenge_window_s: WINDOW, ..gold };
    assert!(matches!(create(windowed.clone(), [0; 32]), Err(Error::Batch(_))), "a rate without gold");
    assert!(
        matches!(create(Terms { gold_slash_pct: 0, ..windowed.clone() }, [1; 32]), Err(Error::Batch(_))),
        "no rate"
    );
    assert!(
        matches!(create(Terms { gold_slash_pct: 5, ..windowed.clone() }, [1; 32]), Err(Error::Terms(_))),
        "too low"
    );
    assert_eq!(create(windowed, [1; 32]), Ok(()));
}

#[test]
fn gold__should_be_the_requester_s_alone() {
    let known = gold(b"abc");
    let (mut market, batch) = provisional([b"abc"; 3], with_gold(&known));
    let args = GoldOpenArgs { batch, lot: LotId(0), openings: vec![known.open(0, 0)] };
    let error = market.call("a.near", 0, |engine| engine.gold_open(&args));
    assert_eq!(error, Err(Error::Caller("the batch's requester")));
    assert_eq!(market.view_batch(batch).open.expect("open").progress.gold_opened, 0);
}
