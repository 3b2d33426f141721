//! What a random sequence does, step by step.

use piecework_interface::key::Kinds;
use proptest::{collection::vec, prelude::*, sample::Index};

#[derive(Clone, Debug)]
pub struct Steps(pub Vec<Step>);

#[derive(Clone, Debug)]
pub enum Step {
    Pass(u32),
    Transfer {
        who: Index,
        token: Index,
        amount: u32,
        create: Option<BatchPlan>,
        /// Whom it is for.
        to: Option<Index>,
    },
    Create {
        who: Index,
        token: Index,
        plan: BatchPlan,
    },
    Append {
        who: Index,
        batch: Index,
        lots: u8,
        short: bool,
    },
    Raise {
        who: Index,
        batch: Index,
        more: u32,
    },
    Extend {
        who: Index,
        batch: Index,
        more_s: u32,
    },
    Cancel {
        who: Index,
        batch: Index,
    },
    Forget {
        who: Index,
        batch: Index,
    },
    SkipLots {
        who: Index,
        batch: Index,
        lots: Vec<u8>,
        all: bool,
    },
    /// A node does what an agent would do next on these lots.
    Agent {
        who: Index,
        lots: Vec<(Index, u8)>,
        gas: bool,
    },
    /// A node does whatever it likes.
    Wild {
        who: Index,
        ops: Vec<(u8, Index, u8)>,
    },
    Poke {
        targets: Vec<(u8, Index, u8)>,
    },
    Register {
        who: Index,
        tenths: u16,
        other_class: bool,
    },
    StakeAdd {
        who: Index,
        tenths: u16,
    },
    StakeRemove {
        who: Index,
        tenths: Option<u16>,
    },
    StakeClaim {
        who: Index,
    },
    Pause {
        who: Index,
    },
    Resume {
        who: Index,
    },
    Heartbeat {
        who: Index,
    },
    Withdraw {
        who: Index,
        token: u8,
        part: Option<u16>,
    },
    /// An account names another as its payout account, or none, or itself.
    Payout {
        who: Index,
        to: Index,
        kind: u8,
    },
    /// A machine's key sends to it.
    WithdrawPayout {
        who: Index,
        token: u8,
        part: Option<u16>,
    },
    Answer {
        ok: bool,
    },
    StorageDeposit {
        who: Index,
        milli: u16,
    },
    StorageWithdraw {
        who: Index,
        milli: Option<u16>,
    },
    Unregister {
        who: Index,
    },
    Declare {
        who: Index,
        classes: u8,
    },
    /// The owner of a gated class admits or removes a node.
    Gate {
        who: Index,
        kind: u8,
    },
    /// A node names an operator, or an account confirms that it is one.
    Operator {
        who: Index,
        other: Index,
        kind: u8,
    },
    Govern {
        who: Index,
        kind: u8,
        number: u8,
    },
    /// An account challenges, accepts, resigns or judges.
    Case(CasePlan),
    /// An account adds or removes a wallet's key.
    IntentKey(KeyPlan),
    /// A relayer sends intents.
    Intents {
        plans: Vec<IntentPlan>,
        gas: Option<u8>,
    },
}

#[derive(Clone, Debug)]
pub struct KeyPlan {
    pub who: Index,
    pub wallet: u8,
    pub kinds: u16,
    pub token: u8,
    pub cap: u32,
}

pub fn key_plan() -> impl Strategy<Value = KeyPlan> {
    (any::<Index>(), 1..4_u8, 0..1_200_u16, 0..3_u8, any::<u32>()).prop_map(|(who, wallet, kinds, token, cap)| {
        KeyPlan { who, wallet, kinds: kinds.min(Kinds::EVERY.0), token, cap }
    })
}

#[derive(Clone, Debug)]
pub struct IntentPlan {
    pub who: Index,
    pub to: Index,
    pub wallet: u8,
    pub kind: u8,
    pub token: u8,
    pub amount: Option<u32>,
    pub flaw: u8,
    pub batch: BatchPlan,
}

pub fn intent_plan() -> impl Strategy<Value = IntentPlan> {
    let amount = proptest::option::of(prop_oneof![1 => Just(0), 4 => 1..1_000_000_u32, 4 => any::<u32>()]);
    (any::<Index>(), any::<Index>(), 1..4_u8, 0..10_u8, 0..4_u8, amount, 0..30_u8, plan()).prop_map(
        |(who, to, wallet, kind, token, amount, flaw, batch)| IntentPlan {
            who,
            to,
            wallet,
            kind,
            token,
            amount,
            flaw,
            batch,
        },
    )
}

#[derive(Clone, Debug)]
pub struct CasePlan {
    pub who: Index,
    pub lot: Index,
    pub items: u8,
    pub kind: u8,
    pub flaw: u8,
}

fn case_plan() -> impl Strategy<Value = CasePlan> {
    (any::<Index>(), any::<Index>(), any::<u8>(), any::<u8>(), 0..16_u8)
        .prop_map(|(who, lot, items, kind, flaw)| CasePlan { who, lot, items, kind, flaw })
}

/// How a batch is judged beside counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    Counted,
    /// By one of the accounts.
    ByOne(u8),
}

#[derive(Clone, Debug)]
pub struct BatchPlan {
    pub items: u32,
    pub lot_size: u8,
    pub width: u8,
    pub start: u8,
    pub quorum_pct: u8,
    pub challenge_window_s: u32,
    pub reward: u32,
    pub life_s: u32,
    pub min_reputation: u16,
    pub judged: Judged,
    pub callback: bool,
    pub appendable: bool,
    pub forget_on_close: bool,
    /// An account of them or none, and its part.
    pub referrer: Option<(u8, u8)>,
}

pub fn plan() -> impl Strategy<Value = BatchPlan> {
    (
        prop_oneof![3 => 1..9_u32, 1 => 33..80_u32],
        1..4_u8,
        prop_oneof![Just(1_u8), Just(2), Just(32)],
        prop_oneof![1 => Just(1_u8), 1 => Just(2), 4 => Just(3), 1 => Just(5)],
        51..=100_u8,
        prop_oneof![1 => Just(0_u32), 2 => 10..400_u32],
        1..1_000_000_u32,
        prop_oneof![1 => 25..100_u32, 3 => 300..3_000_u32],
        prop_oneof![4 => Just(0_u16), 1 => 4_900..5_100_u16],
        (
            prop_oneof![
                3 => Just(Judged::Counted),
                1 => (0..10_u8).prop_map(Judged::ByOne)
            ],
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.4),
            prop::bool::weighted(0.2),
            proptest::option::of((0..11_u8, 0..52_u8)),
        ),
    )
        .prop_map(
            |(
                items,
                lot_size,
                width,
                start,
                quorum_pct,
                challenge_window_s,
                reward,
                life_s,
                min_reputation,
                (judged, callback, appendable, forget_on_close, referrer),
            )| {
                BatchPlan {
                    items,
                    // Long batches have two or three groups of lots.
                    lot_size: if items > 32 { 1 } else { lot_size },
                    width,
                    start,
                    quorum_pct,
                    challenge_window_s,
                    reward,
                    life_s,
                    min_reputation,
                    judged,
                    callback,
                    appendable,
                    forget_on_close: forget_on_close && !callback,
                    referrer,
                }
            },
        )
}

pub fn step() -> impl Strategy<Value = Step> {
    let who = any::<Index>;
    prop_oneof![
        6 => prop_oneof![3 => 0..4_u32, 2 => 4..40_u32, 1 => 40..400_u32, 2 => 401..1_500_u32].prop_map(Step::Pass),
        4 => (who(), who(), 1..u32::MAX, proptest::option::of(plan()), proptest::option::weighted(0.3, who()))
            .prop_map(|(who, token, amount, create, to)| Step::Transfer { who, token, amount, create, to }),
        4 => (who(), who(), plan()).prop_map(|(who, token, plan)| Step::Create { who, token, plan }),
        4 => (who(), who(), 1..40_u8, prop::bool::weighted(0.2))
            .prop_map(|(who, batch, lots, short)| Step::Append { who, batch, lots, short }),
        3 => (who(), who(), any::<u32>()).prop_map(|(who, batch, more)| Step::Raise { who, batch, more }),
        1 => (who(), who(), 1..3_000_u32).prop_map(|(who, batch, more_s)| Step::Extend { who, batch, more_s }),
        1 => (who(), who()).prop_map(|(who, batch)| Step::Cancel { who, batch }),
        1 => (who(), who()).prop_map(|(who, batch)| Step::Forget { who, batch }),
        2 => (who(), who(), vec(any::<u8>(), 1..4), any::<bool>())
            .prop_map(|(who, batch, lots, all)| Step::SkipLots { who, batch, lots, all }),
        48 => (who(), vec((who(), any::<u8>()), 1..6), prop::bool::weighted(0.9))
            .prop_map(|(who, lots, gas)| Step::Agent { who, lots, gas }),
        6 => (who(), vec((any::<u8>(), who(), any::<u8>()), 1..6)).prop_map(|(who, ops)| Step::Wild { who, ops }),
        8 => vec((any::<u8>(), who(), any::<u8>()), 1..6).prop_map(|targets| Step::Poke { targets }),
        1 => (who(), 0..300_u16, any::<bool>())
            .prop_map(|(who, tenths, other_class)| Step::Register { who, tenths, other_class }),
        4 => (who(), 1..300_u16).prop_map(|(who, tenths)| Step::StakeAdd { who, tenths }),
        1 => (who(), proptest::option::of(0..300_u16)).prop_map(|(who, tenths)| Step::StakeRemove { who, tenths }),
        1 => who().prop_map(|who| Step::StakeClaim { who }),
        1 => who().prop_map(|who| Step::Pause { who }),
        2 => who().prop_map(|who| Step::Resume { who }),
        1 => who().prop_map(|who| Step::Heartbeat { who }),
        2 => (who(), 0..4_u8, proptest::option::of(any::<u16>()))
            .prop_map(|(who, token, part)| Step::Withdraw { who, token, part }),
        2 => (who(), who(), any::<u8>()).prop_map(|(who, to, kind)| Step::Payout { who, to, kind }),
        2 => (who(), 0..4_u8, proptest::option::of(any::<u16>()))
            .prop_map(|(who, token, part)| Step::WithdrawPayout { who, token, part }),
        2 => any::<bool>().prop_map(|ok| Step::Answer { ok }),
        1 => (who(), 0..2_000_u16).prop_map(|(who, milli)| Step::StorageDeposit { who, milli }),
        1 => (who(), proptest::option::of(0..100_u16))
            .prop_map(|(who, milli)| Step::StorageWithdraw { who, milli }),
        1 => who().prop_map(|who| Step::Unregister { who }),
        2 => (who(), any::<u8>()).prop_map(|(who, classes)| Step::Declare { who, classes }),
        2 => (who(), any::<u8>()).prop_map(|(who, kind)| Step::Gate { who, kind }),
        2 => (who(), who(), any::<u8>()).prop_map(|(who, other, kind)| Step::Operator { who, other, kind }),
        4 => (who(), any::<u8>(), any::<u8>()).prop_map(|(who, kind, number)| Step::Govern { who, kind, number }),
        20 => case_plan().prop_map(Step::Case),
        2 => key_plan().prop_map(Step::IntentKey),
        6 => (vec(intent_plan(), 1..5), proptest::option::weighted(0.1, any::<u8>()))
            .prop_map(|(plans, gas)| Step::Intents { plans, gas }),
    ]
}
