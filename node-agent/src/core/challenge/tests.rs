//! From a doubted result to a ruling, and every reason for which a lot is left alone.

use piecework_interface::{
    amount::Amount,
    case,
    config::Fixed,
    ids::{AccountNo, ClassId, NEAR},
    key::{Kinds, Limit},
    terms::{Terms, Verification},
    view::{Balance, BatchStatus, Class, OpenBatch, Progress, Slot},
};

use super::*;
use crate::{
    core::{ClassLimits, Event, Limits, facts::BatchFacts, fixture},
    record::{Binding, Done, Place, Record},
};

const ME: AccountNo = AccountNo(5);
const PAYER: AccountNo = AccountNo(8);
const BATCH: BatchId = BatchId(0);
const LOT: LotId = LotId(0);
const CLASS: ClassId = ClassId(7);
const NOW_S: u32 = 1_000_000;
const REWARD: u128 = 1_200;
const DEPOSIT: u128 = REWARD * 11 / 2;
const KEY: PublicKey = PublicKey([3; 32]);

fn limits() -> Challenging {
    Challenging {
        public_key: KEY,
        daily_cap: 10 * DEPOSIT,
        min_expected: 0,
        odds: Odds { confidence_pct: 84, near_pct: 100 },
        margin_s: 60,
    }
}

/// An agent that answered 1 to both items of the lot.
fn state_with(challenge: Challenging, verifies: bool) -> State {
    let classes = [(CLASS, ClassLimits { parallel: 1, time_limit_s: 1, judges_scores: false, verifies })].into();
    let fixture = fixture::state(ME, 1, classes);
    let limits = Limits { challenge: Some(challenge), keeper: false, ..fixture.limits };
    let binding = Binding { contract: "market.near".to_owned(), node: ME };
    let place = Place { batch: BATCH, lot: LOT, round: 0 };
    let done = Done::bind(&binding, place, 0b11, vec![1, 1], [9; 32]);
    State::new(binding, limits, vec![Record { place, done: Some(done) }], None)
}

fn state() -> State {
    state_with(limits(), true)
}

/// A provisional lot whose first item has the result 2, given by two others, and whose second all answered alike.
fn facts() -> Facts {
    let terms = Terms {
        class: CLASS,
        reward: Amount(REWARD),
        lot_size: 2,
        answer_width: 1,
        start: 3,
        quorum_pct: 60,
        bond_pct: 200,
        dissent_slash_pct: 50,
        challenge_window_s: 600,
        verification: Verification::Consensus,
        ..Terms::default()
    };
    let open = OpenBatch {
        requester: AccountNo(0),
        requester_operator: AccountNo(0),
        token: NEAR,
        terms,
        fixed: Fixed { bond_rate: Amount(1 << 32), ..Fixed::default() },
        items: 2,
        manifest: [0; 32],
        created_at: 0,
        appendable: false,
        forget_on_close: false,
        referrer: None,
        appended: [0; 32],
        progress: Progress { live: 1, ..Progress::default() },
        escrow: Amount(0),
    };
    let slot =
        |node, answers: [u8; 2]| Slot { node, operator: node, round: 0, phase: SlotPhase::Revealed(answers.to_vec()) };
    let lot = LotState {
        phase: LotPhase::Provisional,
        appeal: true,
        phase_at: NOW_S,
        slots: vec![slot(AccountNo(20), [2, 1]), slot(AccountNo(21), [2, 1]), slot(ME, [1, 1])],
        ..LotState::default()
    };
    let key = IntentKey {
        public_key: KEY,
        kinds: Kinds::of(&[Kind::Challenge]),
        limit: Some(Limit { token: NEAR, daily_cap: Amount(10 * DEPOSIT), spent: Amount(0) }),
        ..IntentKey::own(KEY)
    };
    let payer = Account {
        balances: vec![Balance { token: NEAR, amount: Amount(20 * DEPOSIT) }],
        storage_paid: Amount(storage::cost(10_000)),
        keys: vec![key],
        node: None,
        ..fixture::account(PAYER, fixture::node(NOW_S))
    };
    Facts {
        height: 1,
        now_s: NOW_S,
        liveness_window_s: u32::MAX,
        classes: [(CLASS, Class { class: CLASS, nodes: 20, ..Class::default() })].into(),
        account: Some(fixture::account(ME, fixture::node(NOW_S))),
        challenger: Some(payer),
        batches: [(BATCH, BatchFacts { status: BatchStatus::Open, open, lots: [(LOT, lot)].into() })].into(),
        ..Facts::default()
    }
}

fn lot(facts: &mut Facts) -> &mut LotState {
    facts.batches.get_mut(&BATCH).unwrap().lots.get_mut(&LOT).unwrap()
}

fn payer(facts: &mut Facts) -> &mut Account {
    facts.challenger.as_mut().unwrap()
}

fn look(state: &mut State, facts: Facts) -> Vec<Action> {
    state.step(0, Event::Facts(Box::new(facts)))
}

/// The challenge of the first item, as the shell signs it.
fn challenge(draft: Draft) -> Challenge {
    let Draft { batch, lot, items, token, deposit, now_s, deadline, evidence } = draft;
    let intent = SignedIntent { message: "signed".to_owned(), ..SignedIntent::default() };
    let deposit = Amount(deposit);
    Challenge { batch, lot, items, token, deposit, signed_at: now_s, deadline, evidence, intent, fate: Fate::Pending }
}

/// What verifies: the first item is proven wrong.
fn proven() -> Result<BTreeMap<u8, String>, String> {
    Ok([(0, "it is a 1".to_owned())].into())
}

fn verify(state: &mut State) -> Vec<Action> {
    let asked = look(state, facts());
    assert!(matches!(asked.as_slice(), [Action::Verify { .. }]), "{asked:?}");
    state.step(0, Event::Verified(BATCH, LOT, proven()))
}

fn signed(state: &mut State) -> Challenge {
    verify(state);
    let actions = look(state, facts());
    let [Action::Sign(draft)] = actions.as_slice() else { panic!("{actions:?}") };
    challenge(draft.clone())
}

/// An agent whose challenge the contract took.
fn standing() -> (State, Challenge) {
    let mut state = state();
    let challenge = signed(&mut state);
    state.step(0, Event::Signed(Box::new(Ok(challenge.clone()))));
    state.step(0, Event::Called(Called::Done { height: 1, skips: BTreeMap::new() }));
    (state, challenge)
}

fn with_challenge(mut facts: Facts) -> Facts {
    let taken = case::Challenge { account: PAYER, operator: PAYER, items: 0b1 };
    lot(&mut facts).case_mut().challenges.push(taken);
    facts
}

fn fate(state: &State) -> Fate {
    state.challenges().next().unwrap().fate.clone()
}

#[test]
fn agent__should_verify_sign_and_send_once() {
    // Given a lot in which two of three gave another answer to the first item.
    let mut state = state();
    // When it sees that, then it asks for a proof of that item alone, and once.
    let actions = look(&mut state, facts());
    let disputed = vec![Disputed { item: 0, result: Some(vec![2]), own: vec![1] }];
    let place = Place { batch: BATCH, lot: LOT, round: 0 };
    assert_eq!(actions, [Action::Verify { place, class: CLASS, width: 1, disputed }]);
    assert_eq!(look(&mut state, facts()), []);
    // When it is proven, then the challenge is signed with the proof as evidence.
    assert_eq!(state.step(0, Event::Verified(BATCH, LOT, proven())), [Action::Drop(BATCH, LOT)]);
    let actions = look(&mut state, facts());
    let [Action::Sign(draft)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((draft.items, draft.deposit, draft.deadline), (0b1, DEPOSIT, NOW_S + 600));
    let evidence: serde_json::Value = serde_json::from_str(&draft.evidence).unwrap();
    let item = json!({ "index": 0, "result": "02", "answer": "01", "evidence": "it is a 1" });
    assert_eq!(evidence["items"], json!([item]));
    // When it is on disk, then it goes out, and never again.
    let challenge = challenge(draft.clone());
    let call = Call::Challenge(challenge.intent.clone());
    let actions = state.step(0, Event::Signed(Box::new(Ok(challenge.clone()))));
    assert_eq!(actions, [Action::Send { call, claims: Vec::new() }]);
    assert_eq!(look(&mut state, facts()), []);
    let actions = state.step(0, Event::Called(Called::Done { height: 2, skips: BTreeMap::new() }));
    assert_eq!(actions, [Action::StoreChallenge(Challenge { fate: Fate::Standing, ..challenge })]);
    assert_eq!(look(&mut state, with_challenge(Facts { height: 2, ..facts() })), []);
    let report = state.challenge_report();
    assert_eq!((report.sent, report.at_risk.as_str()), (1, "6600"));
}

#[test]
fn agent__should_note_what_the_jury_came_to() {
    for (answer, overturned, tokens, near, won) in [(1, 0b1, DEPOSIT, REWARD, 1), (2, 0, 0, 0, 0)] {
        // Given a challenge that stands, and a jury all of which gave this answer.
        let (mut state, _) = standing();
        let mut judged = with_challenge(Facts { height: 2, ..facts() });
        let lot = lot(&mut judged);
        (lot.round, lot.phase) = (JURY, LotPhase::Revealing);
        for node in (30..35).map(AccountNo) {
            let phase = SlotPhase::Revealed(vec![answer]);
            lot.slots.push(Slot { node, operator: node, round: JURY, phase });
        }
        look(&mut state, judged);
        // When the lot is settled, then the record has the ruling.
        let mut settled = Facts { height: 3, ..facts() };
        settled.batches.clear();
        look(&mut state, settled);
        assert_eq!(fate(&state), Fate::Ruled { overturned, tokens: Amount(tokens), near: Amount(near) });
        let report = state.challenge_report();
        assert_eq!((report.won, report.lost, report.at_risk.as_str()), (won, 1 - won, "0"));
    }
}

#[test]
fn agent__should_take_no_jury_for_a_ruling_that_has_not_decided() {
    // Given that the agent looked when three of five had revealed, and again when the lot was settled.
    let (mut state, _) = standing();
    let mut judged = with_challenge(Facts { height: 2, ..facts() });
    let lot = lot(&mut judged);
    (lot.round, lot.phase) = (JURY, LotPhase::Revealing);
    for node in (30..35).map(AccountNo) {
        let phase = if node.0 < 33 { SlotPhase::Revealed(vec![1]) } else { SlotPhase::Committed([0; 32]) };
        lot.slots.push(Slot { node, operator: node, round: JURY, phase });
    }
    look(&mut state, judged);
    look(&mut state, Facts { height: 3, batches: BTreeMap::new(), ..facts() });
    // Then it says neither that it won nor that it lost.
    let report = state.challenge_report();
    assert_eq!((fate(&state), report.won, report.lost), (Fate::Unseen, 0, 0));
}

#[test]
fn agent__should_note_that_a_challenge_was_replaced_or_settled_unseen() {
    let (mut state, _) = standing();
    look(&mut state, Facts { height: 2, ..facts() });
    assert_eq!(fate(&state), Fate::Replaced);
    let (mut state, _) = standing();
    look(&mut state, Facts { height: 2, batches: BTreeMap::new(), ..facts() });
    assert_eq!(fate(&state), Fate::Unseen);
}

#[test]
fn agent__should_give_up_a_challenge_that_the_contract_refuses() {
    for called in [
        Called::Done { height: 1, skips: [(0, Skip::Balance)].into() },
        Called::Failed("the intent is void".to_owned()),
    ] {
        let mut state = state();
        let challenge = signed(&mut state);
        state.step(0, Event::Signed(Box::new(Ok(challenge))));
        let actions = state.step(0, Event::Called(called));
        assert!(matches!(fate(&state), Fate::Void(_)), "{actions:?}");
        // It neither signs another nor counts it for the cap.
        assert_eq!(look(&mut state, facts()), []);
        assert_eq!(state.challenge_report().today, "0");
        // Should it stand all the same, the facts win.
        look(&mut state, with_challenge(facts()));
        assert_eq!(fate(&state), Fate::Standing);
    }
}

#[test]
fn agent__should_send_the_same_intent_after_a_restart() {
    // Given an agent that ended between the record and the call.
    let signed = signed(&mut state());
    let restarted = || state().with_challenges(vec![signed.clone()]);
    // When it is back, then the same bytes go out.
    let actions = look(&mut restarted(), facts());
    let call = Call::Challenge(signed.intent.clone());
    assert_eq!(actions, [Action::Send { call, claims: Vec::new() }]);
    // When they had arrived, or the window is over by then, or others took the place, then they do not.
    let mut state = restarted();
    assert!(!look(&mut state, with_challenge(facts())).iter().any(|it| matches!(it, Action::Send { .. })));
    assert_eq!(fate(&state), Fate::Standing);
    let mut state = restarted();
    look(&mut state, Facts { now_s: NOW_S + 570, ..facts() });
    assert_eq!(fate(&state), Fate::Void("the window was nearly over before it was sent".to_owned()));
    let mut others = facts();
    let taken = case::Challenge { account: AccountNo(1), operator: AccountNo(1), items: 0b11 };
    lot(&mut others).case_mut().challenges.push(taken);
    let mut state = restarted();
    look(&mut state, others);
    assert_eq!(fate(&state), Fate::Void(ChallengeRefusal::Taken.text().to_owned()));
}

#[test]
fn agent__should_write_the_record_again_when_the_disk_was_full() {
    let mut state = state();
    signed(&mut state);
    let full = Err(Trouble::Disk("full".to_owned()));
    assert_eq!(state.step(0, Event::Signed(Box::new(full))), []);
    // Nothing is signed while the disk is full; once a test write went well it is.
    assert_eq!(look(&mut state, facts()), [Action::Probe]);
    state.step(0, Event::Probed(Ok(())));
    assert!(matches!(look(&mut state, facts()).as_slice(), [Action::Sign(_)]));
}

#[test]
fn agent__should_forget_challenges_after_a_month() {
    let (mut state, _) = standing();
    let gone = |now_s, height| Facts { now_s, height, batches: BTreeMap::new(), ..facts() };
    look(&mut state, gone(NOW_S + 1, 2));
    assert_eq!(look(&mut state, gone(NOW_S + KEEP_S - 1, 3)).len(), 1);
    let actions = look(&mut state, gone(NOW_S + KEEP_S, 4));
    assert!(actions.contains(&Action::ForgetChallenge(BATCH, LOT)), "{actions:?}");
    assert_eq!(state.challenges().count(), 0);
}

#[test]
fn agent__should_name_why_it_does_not_challenge() {
    type Change = fn(&mut Facts);
    let none: Change = |_| {};
    let table: [(Challenging, bool, Change, &str); 14] = [
        (limits(), false, none, "no program of class 7 can prove its results wrong"),
        (
            Challenging { min_expected: 2_000, ..limits() },
            true,
            none,
            "a challenge of 1 items is expected to bring 2000 units of token 0, not more than 2000",
        ),
        (
            Challenging { odds: Odds { confidence_pct: 50, near_pct: 100 }, ..limits() },
            true,
            none,
            "a challenge of 1 items is expected to bring -1400 units of token 0, not more than 0",
        ),
        (limits(), true, |facts| facts.now_s = NOW_S + 541, "its window ends in 59 s, and 60 are kept"),
        (
            limits(),
            true,
            |facts| {
                let other = case::Challenge { account: AccountNo(40), operator: AccountNo(40), items: 0b1 };
                lot(facts).case_mut().challenges.push(other);
            },
            "others challenged its items already",
        ),
        (
            limits(),
            true,
            |facts| {
                for account in (40..44).map(AccountNo) {
                    let other = case::Challenge { account, operator: account, items: 1 << (account.0 - 20) };
                    lot(facts).case_mut().challenges.push(other);
                }
            },
            "the lot has four challenges already",
        ),
        (limits(), true, |facts| facts.challenger = None, "the account that pays challenges is not registered"),
        (limits(), true, |facts| payer(facts).keys.clear(), "signs nothing for account 8"),
        (limits(), true, |facts| payer(facts).keys[0].limit = None, "has no cap"),
        (limits(), true, |facts| payer(facts).keys[0].kinds = Kinds::of(&[Kind::Withdraw]), "may sign no challenges"),
        (
            limits(),
            true,
            |facts| payer(facts).keys[0].limit.as_mut().unwrap().token = TokenId(4),
            "moves another token than 0",
        ),
        (
            limits(),
            true,
            |facts| payer(facts).keys[0].limit.as_mut().unwrap().daily_cap = Amount(DEPOSIT - 1),
            "the contract's daily cap of key",
        ),
        (
            Challenging { daily_cap: DEPOSIT - 1, ..limits() },
            true,
            none,
            "its deposit is 6600 units of token 0, 0 are spent today, and the cap is 6599",
        ),
        (limits(), true, |facts| payer(facts).balances.clear(), "account 8 has 0 units of token 0"),
    ];
    for (limits, verifies, change, why) in table {
        let (mut state, mut facts) = (state_with(limits, verifies), facts());
        change(&mut facts);
        assert_eq!(look(&mut state, facts), [], "{why}");
        let declined = state.challenge_report().declined;
        assert!(declined.len() == 1 && declined[0].contains(why), "{why}: {declined:?}");
        assert!(declined[0].starts_with("batch 0 lot 0: ") && declined[0].contains("to allow it, "), "{declined:?}");
    }
    let (mut state, mut facts) = (state(), facts());
    payer(&mut facts).storage_used = 10_000;
    look(&mut state, facts);
    let declined = state.challenge_report().declined;
    assert!(declined[0].contains("0 NEAR of free storage deposit"), "{declined:?}");
}

#[test]
fn agent__should_challenge_nothing_that_is_not_proven() {
    for (result, why) in [
        (Ok(BTreeMap::new()), "verify_command proves none of 1 items wrong"),
        (Ok([(1, "not asked".to_owned())].into()), "verify_command proves none of 1 items wrong"),
        (Err("worker was stopped after 1 s".to_owned()), "worker was stopped after 1 s"),
    ] {
        let mut state = state();
        look(&mut state, facts());
        state.step(0, Event::Verified(BATCH, LOT, result));
        assert_eq!(look(&mut state, facts()), []);
        let declined = state.challenge_report().declined;
        assert!(declined[0].contains(why), "{declined:?}");
    }
}

#[test]
fn agent__should_leave_alone_what_cannot_or_need_not_be_challenged() {
    let changes: [fn(&mut Facts); 5] = [
        // No appeal, another phase, a result that is the own answer, answers of another machine, an adjudicator's scores.
        |facts| lot(facts).appeal = false,
        |facts| lot(facts).phase = LotPhase::Revealing,
        |facts| lot(facts).slots[0].phase = SlotPhase::Revealed(vec![1, 1]),
        |facts| lot(facts).slots[2].phase = SlotPhase::Revealed(vec![3, 1]),
        |facts| {
            let batch = facts.batches.get_mut(&BATCH).unwrap();
            let adjudicator = AccountNo(9);
            batch.open.terms.verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: 600 };
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let (mut state, mut facts) = (state(), facts());
        change(&mut facts);
        look(&mut state, facts);
        let report = state.challenge_report();
        assert!(report.declined.is_empty(), "{index}: {report:?}");
        assert!(state.doubts.is_empty(), "{index}");
    }
}

#[test]
fn agent__should_count_the_deposits_of_a_day_alone() {
    // Given a challenge of another lot earlier today, which took all of the cap but a unit of the deposit.
    let mut state = state_with(Challenging { daily_cap: 2 * DEPOSIT - 1, ..limits() }, true);
    let mut earlier = signed(&mut self::state());
    earlier.lot = LotId(3);
    earlier.fate = Fate::Replaced;
    earlier.signed_at = NOW_S / DAY_S * DAY_S;
    state = state.with_challenges(vec![earlier.clone()]);
    // Then there is no room for another today; there was if it was made yesterday.
    assert_eq!(look(&mut state, facts()), []);
    assert!(state.challenge_report().declined[0].contains("6600 are spent today"));
    earlier.signed_at -= 1;
    state = state.with_challenges(vec![earlier]);
    assert!(matches!(look(&mut state, Facts { height: 2, ..facts() }).as_slice(), [Action::Verify { .. }]));
}
