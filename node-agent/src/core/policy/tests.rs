//! The policy as a table: terms, and the setting that the refusal names.

use piecework_interface::{
    amount::Amount,
    config::Fixed,
    terms::{Terms, Verification},
    view::Progress,
};

use super::*;

const CLASS: ClassId = ClassId(7);
const TOKEN: TokenId = TokenId(2);
const ADJUDICATOR: AccountNo = AccountNo(9);
/// Others that suffice for any start at the default policy.
const MANY: u32 = 100;

fn terms() -> Terms {
    Terms {
        class: CLASS,
        reward: Amount(1_000),
        lot_size: 32,
        answer_width: 1,
        start: 3,
        quorum_pct: 70,
        claim_ttl_s: 600,
        reveal_window_s: 300,
        challenge_window_s: 0,
        slice_s: 5,
        bond_pct: 200,
        dissent_slash_pct: 50,
        abandon_slash_pct: 10,
        min_reputation: 0,
        expires_at: 1_000_000,
        verification: Verification::Consensus,
    }
}

fn adjudicated(terms: Terms) -> Terms {
    let verification = Verification::Adjudicated { adjudicator: ADJUDICATOR, verdict_ttl_s: 600 };
    Terms { verification, challenge_window_s: 600, ..terms }
}

/// What a policy says to a round of a batch, its class and its requester.
struct Case {
    terms: Terms,
    round: u8,
    class: Option<Class>,
    others: u32,
    adjudicators: BTreeSet<AccountNo>,
    record: Option<Record>,
}

impl Case {
    fn of(terms: Terms) -> Self {
        let class = Class { class: CLASS, owner: AccountNo(4), nodes: MANY, ..Class::default() };
        Self { terms, round: 0, class: Some(class), others: MANY, adjudicators: BTreeSet::new(), record: None }
    }

    fn gated(mut self) -> Self {
        self.class.as_mut().unwrap().gated = true;
        self
    }

    fn refusals(&self, policy: &Policy) -> Vec<Refusal> {
        let batch = OpenBatch {
            requester: AccountNo(0),
            requester_operator: AccountNo(0),
            token: TOKEN,
            terms: self.terms.clone(),
            fixed: Fixed::default(),
            items: 32,
            manifest: [0; 32],
            created_at: 0,
            appendable: false,
            forget_on_close: false,
            referrer: None,
            appended: [0; 32],
            progress: Progress::default(),
            escrow: Amount(0),
        };
        policy.refusals(&Offer {
            batch: &batch,
            round: self.round,
            reward: self.terms.reward,
            class: self.class.as_ref(),
            others: self.others,
            adjudicators: &self.adjudicators,
            record: self.record,
        })
    }
}

fn record(ended: u64, unresolved: u64, withdrawn: u64) -> Option<Record> {
    Some(Record { ended, unresolved, withdrawn, ..Record::default() })
}

fn contested(ended: u64, contested: u64, upheld: u64) -> Option<Record> {
    Some(Record { ended, contested, upheld, ..Record::default() })
}

#[test]
fn policy__should_take_the_protocols_defaults() {
    for start in [1, 2, 3, 5] {
        assert_eq!(Case::of(Terms { start, ..terms() }).refusals(&Policy::default()), []);
    }
    let windowed = Terms { challenge_window_s: 604_800, ..terms() };
    assert_eq!(Case::of(windowed).refusals(&Policy::default()), []);
}

#[test]
fn policy__should_name_what_it_refuses_and_the_setting_that_allows_it() {
    let allow = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        policy
    };
    let table: [(Case, &str, Policy); 14] = [
        (
            Case::of(Terms { bond_pct: 201, ..terms() }),
            "it bonds 201 % of the work's worth, more than 200; to allow it, set [policy] max_bond_pct = 201",
            allow(|policy| policy.max_bond_pct = 201),
        ),
        (
            Case::of(Terms { dissent_slash_pct: 51, ..terms() }),
            "an answer that misses the result costs 51 % of the bond, more than 50; to allow it, set [policy] \
             max_dissent_slash_pct = 51",
            allow(|policy| policy.max_dissent_slash_pct = 51),
        ),
        (
            Case::of(Terms { challenge_window_s: 604_801, ..terms() }),
            "bonds and pay wait 604801 s for challenges, longer than 604800; to allow it, set [policy] \
             max_challenge_window_s = 604801",
            allow(|policy| policy.max_challenge_window_s = 604_801),
        ),
        (
            Case::of(adjudicated(terms())),
            "account 9 scores it, which is not among the trusted adjudicators; to allow it, add the account to [policy] \
             adjudicators",
            Policy::default(),
        ),
        (
            Case::of(terms()).gated(),
            "class 7 is gated: its owner, account 4, is the judge; to allow it, add 7 to [policy] gated_classes",
            allow(|policy| policy.gated_classes = [CLASS].into()),
        ),
        (
            Case { round: JURY, ..Case::of(terms()).gated() },
            "class 7 is gated: its owner, account 4, is the judge; to allow it, add 7 to [policy] gated_classes",
            allow(|policy| policy.gated_classes = [CLASS].into()),
        ),
        (
            Case { others: 5, ..Case::of(terms()) },
            "class 7 has 5 other operators, too few for 3 copies and 3 more; to allow it, set [policy] \
             spare_nodes = 2",
            allow(|policy| policy.spare_nodes = 2),
        ),
        (
            Case { others: 10, ..Case::of(Terms { challenge_window_s: 600, ..terms() }) },
            "class 7 has 10 other operators, too few for 3 copies and 8 more; to allow it, set [policy] \
             spare_nodes_with_window = 7",
            allow(|policy| policy.spare_nodes_with_window = 7),
        ),
        (
            Case { record: record(20, 6, 5), ..Case::of(terms()) },
            "of the requester's last 20 lots 6 ended without results and 5 were withdrawn, 55 %, more than 50; to allow \
             it, set [policy] max_lost_pct = 55",
            allow(|policy| policy.max_lost_pct = 55),
        ),
        (
            Case { record: record(20, 0, 20), ..Case::of(terms()) },
            "of the requester's last 20 lots 0 ended without results and 20 were withdrawn, 100 %, more than 50; to \
             allow it, set [policy] max_lost_pct = 100",
            allow(|policy| policy.judged_after_lots = 21),
        ),
        (
            Case { record: contested(20, 9, 3), ..Case::of(terms()) },
            "of the requester's last 20 lots 9 were challenged and 3 of these upheld, which leaves 30 %, more than 25; to \
             allow it, set [policy] max_contested_pct = 30",
            allow(|policy| policy.max_contested_pct = 30),
        ),
        (
            Case { round: JURY, ..Case::of(terms()) },
            "juries are off; to allow it, leave [policy] no_juries out",
            Policy::default(),
        ),
        (
            Case::of(Terms { quorum_pct: 60, ..terms() }),
            "60 % equal answers make a result, fewer than 61; to allow it, set [policy] min_quorum_pct = 60",
            Policy::default(),
        ),
        (
            Case::of(terms()),
            "it pays 1000 of token 2 per item, less than 1001; to allow it, lower [policy] min_reward of token 2",
            Policy::default(),
        ),
    ];
    for (case, text, allowing) in &table {
        // Three cases are refused by what an operator sets, all others by the defaults.
        let refusing = match *text {
            text if text.starts_with("juries") => Policy { juries: false, ..Policy::default() },
            text if text.starts_with("60 %") => Policy { min_quorum_pct: 61, ..Policy::default() },
            text if text.starts_with("it pays") => Policy { min_reward: [(TOKEN, 1_001)].into(), ..Policy::default() },
            _ => Policy::default(),
        };
        let said: Vec<String> = case.refusals(&refusing).iter().map(ToString::to_string).collect();
        assert_eq!(said, [*text]);
        if !text.starts_with("account") {
            assert_eq!(case.refusals(allowing), [], "{text}");
        }
    }
}

#[test]
fn policy__should_name_every_refusal() {
    let case = Case { others: 0, ..Case::of(Terms { bond_pct: 300, dissent_slash_pct: 100, ..terms() }) };
    let refusals = case.refusals(&Policy::default());
    assert_eq!(refusals.len(), 3);
    assert_eq!(refusals[2].fix, "set [policy] spare_nodes = 0");
    assert_eq!(case.refusals(&Policy { spare_nodes: 0, ..Policy::default() }).len(), 2);
}

#[test]
fn policy__should_take_adjudicated_batches_of_trusted_adjudicators() {
    // Scores decide there, so the quorum says nothing.
    let policy = Policy { min_quorum_pct: 100, ..Policy::default() };
    let trusted = Case { adjudicators: [ADJUDICATOR].into(), ..Case::of(adjudicated(terms())) };
    assert_eq!(trusted.refusals(&policy), []);
}

#[test]
fn policy__should_begin_nothing_in_a_class_that_is_not_known() {
    let unknown = Case { class: None, others: 0, ..Case::of(terms()) };
    let said: Vec<String> = unknown.refusals(&Policy::default()).into_iter().map(|refusal| refusal.why).collect();
    assert_eq!(said, ["class 7 is not known yet"]);
}

#[test]
fn policy__should_judge_a_requester_only_by_enough_lots() {
    let known = |record| Case { record, ..Case::of(terms()) }.refusals(&Policy::default()).is_empty();
    assert!(known(None));
    assert!(known(record(0, 0, 0)));
    assert!(known(record(19, 19, 0)));
    assert!(known(record(20, 10, 0)));
    assert!(!known(record(20, 11, 0)));
    assert!(known(contested(19, 19, 0)));
    assert!(known(contested(20, 5, 0)) && known(contested(20, 20, 15)));
    assert!(!known(contested(20, 6, 0)) && !known(contested(20, 20, 14)));
    let lax = Policy { max_lost_pct: 100, ..Policy::default() };
    assert!(Case { record: record(20, 20, 0), ..Case::of(terms()) }.refusals(&lax).is_empty());
    assert!(lax.asks_for_records() && !Policy { max_contested_pct: 100, ..lax }.asks_for_records());
}

#[test]
fn extension__should_not_wait_for_nodes_or_a_requesters_record() {
    // Given a class that shrank after the first round, and a requester who lost its name meanwhile.
    let case = Case { round: 1, others: 0, record: record(20, 20, 0), ..Case::of(terms()) };
    // Then the extension is answered, at the terms that the first round was.
    assert_eq!(case.refusals(&Policy::default()), []);
    let dear = Case { terms: Terms { bond_pct: 300, ..terms() }, ..case };
    assert_eq!(dear.refusals(&Policy::default()).len(), 1);
}

#[test]
fn jury__should_ignore_what_work_pays_and_costs() {
    let strange = adjudicated(Terms { bond_pct: 300, dissent_slash_pct: 100, quorum_pct: 51, ..terms() });
    let case = Case { round: JURY, others: 0, record: record(20, 20, 0), ..Case::of(strange) };
    let policy = Policy { min_reward: [(TOKEN, u128::MAX)].into(), ..Policy::default() };
    assert_eq!(case.refusals(&policy), []);
}

const COST: Cost = Cost { round: 0, class: CLASS, windowed: false, bond: 100 };

#[test]
fn stake__should_keep_a_tenth_free_for_juries() {
    let policy = Policy::default();
    let purse = |free| Purse { stake: 1_000, free, ..Purse::default() };
    assert_eq!(policy.cannot_afford(&purse(200), COST), None);
    let refusal = policy.cannot_afford(&purse(199), COST).unwrap();
    assert!(refusal.why.contains("are kept for juries") && refusal.fix.contains("jury_reserve_pct"), "{refusal}");
    // A jury takes it, as far as it reaches.
    let jury = Cost { round: JURY, ..COST };
    assert_eq!(policy.cannot_afford(&purse(100), jury), None);
    assert!(policy.cannot_afford(&purse(99), jury).unwrap().why.starts_with("no free stake"));
    assert!(policy.cannot_afford(&purse(99), COST).unwrap().why.starts_with("no free stake"));
}

#[test]
fn stake__should_stand_with_a_quarter_at_most_behind_windowed_lots_of_a_class() {
    let policy = Policy::default();
    let windowed = Cost { windowed: true, ..COST };
    let mut purse = Purse { stake: 1_000, free: 1_000, ..Purse::default() };
    for _ in 0..2 {
        assert_eq!(policy.cannot_afford(&purse, windowed), None);
        purse.take(windowed);
    }
    let refusal = policy.cannot_afford(&purse, windowed).unwrap();
    assert!(refusal.why.contains("may be at risk") && refusal.fix.contains("max_windowed_pct"), "{refusal}");
    // Another class, lots without a window, and juries are no part of it.
    assert_eq!(policy.cannot_afford(&purse, COST), None);
    assert_eq!(policy.cannot_afford(&purse, Cost { class: ClassId(8), ..windowed }), None);
    assert_eq!(policy.cannot_afford(&purse, Cost { round: JURY, ..windowed }), None);
    purse.take(Cost { round: JURY, ..windowed });
    assert_eq!((purse.free, purse.windowed[&CLASS]), (700, 200));
}
