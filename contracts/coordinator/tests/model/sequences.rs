//! Random sequences of every call by several accounts, with time jumps, little gas and failing transfers. Every
//! invariant is checked after each step, and from every end state time and pokes alone close every batch.
//!
//! `scripts/soak contract` runs many more and longer ones.

use std::collections::BTreeSet;

use piecework_coordinator::engine::storage_minimum;
use piecework_interface::{
    amount::Amount,
    call::{
        BatchArgs, BatchCreateArgs, BatchSkipLotsArgs, BatchSpec, DepositMessage, IntentKeyAddArgs, NodeRegisterArgs,
        StakeRemoveArgs, intents_gas,
    },
    commitment::{Place, commitment},
    config::Config,
    event::Entry,
    governance::{Change, Feature, Prices, Role},
    host::sha256,
    ids::{BatchId, ClassId, LotId, TokenId},
    intent::{Action, Intent, Kinds, Payment, SignedIntent},
    op::{At, Op, Target},
    terms::{Terms, Verification},
    view::{BatchStatus, LotPhase, LotState, SlotPhase},
};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    chain::{CONTRACT, Call, Chain, NEAR, OWNER},
    check::{Rows, check},
    market::{config, salt},
    sign::{CHAIN_ID, Wallet, intent, payment, withdraw},
};

/// The last is the implicit account of the first wallet.
const ACCOUNTS: [&str; 7] = [
    "a.near",
    "b.near",
    "c.near",
    "d.near",
    "e.near",
    "f.near",
    "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
];
const TOKENS: [&str; 2] = ["one.near", "two.near"];

#[derive(Clone, Debug)]
struct Steps(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Pass(u32),
    Transfer {
        who: Index,
        token: Index,
        amount: u32,
        create: Option<BatchPlan>,
    },
    Create {
        who: Index,
        token: Index,
        plan: BatchPlan,
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
    EpochSettle {
        who: Index,
    },
    Collect {
        who: Index,
    },
    Govern {
        who: Index,
        kind: u8,
        number: u8,
    },
    /// An account adds or removes a wallet's key.
    IntentKey(KeyPlan),
    /// A relayer sends intents.
    Intents {
        plans: Vec<IntentPlan>,
        gas: Option<u8>,
    },
}

#[derive(Clone, Debug)]
struct KeyPlan {
    who: Index,
    wallet: u8,
    kinds: u8,
    token: u8,
    cap: u32,
}

fn key_plan() -> impl Strategy<Value = KeyPlan> {
    (any::<Index>(), 1..4_u8, 0..40_u8, 0..3_u8, any::<u32>()).prop_map(|(who, wallet, kinds, token, cap)| KeyPlan {
        who,
        wallet,
        kinds: kinds.min(Kinds::EVERY.0),
        token,
        cap,
    })
}

#[derive(Clone, Debug)]
struct IntentPlan {
    who: Index,
    to: Index,
    wallet: u8,
    kind: u8,
    token: u8,
    amount: Option<u32>,
    flaw: u8,
    batch: BatchPlan,
}

fn intent_plan() -> impl Strategy<Value = IntentPlan> {
    let amount = proptest::option::of(prop_oneof![1 => Just(0), 4 => 1..1_000_000_u32, 4 => any::<u32>()]);
    (any::<Index>(), any::<Index>(), 1..4_u8, 0..5_u8, 0..4_u8, amount, 0..30_u8, plan()).prop_map(
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
struct BatchPlan {
    items: u32,
    lot_size: u8,
    width: u8,
    start: u8,
    extends: bool,
    quorum_pct: u8,
    challenge_window_s: u32,
    reward: u32,
    life_s: u32,
    min_reputation: u16,
}

fn plan() -> impl Strategy<Value = BatchPlan> {
    (
        prop_oneof![3 => 1..9_u32, 1 => 33..80_u32],
        1..4_u8,
        prop_oneof![Just(1_u8), Just(2), Just(32)],
        prop_oneof![1 => Just(1_u8), 1 => Just(2), 4 => Just(3), 1 => Just(5)],
        any::<bool>(),
        51..=100_u8,
        prop_oneof![3 => Just(0_u32), 1 => 10..40_u32],
        1..1_000_000_u32,
        prop_oneof![1 => 25..100_u32, 3 => 300..3_000_u32],
        prop_oneof![4 => Just(0_u16), 1 => 4_900..5_100_u16],
    )
        .prop_map(
            |(
                items,
                lot_size,
                width,
                start,
                extends,
                quorum_pct,
                challenge_window_s,
                reward,
                life_s,
                min_reputation,
            )| {
                BatchPlan {
                    items,
                    // Long batches have two or three groups of lots.
                    lot_size: if items > 32 { 1 } else { lot_size },
                    width,
                    start,
                    extends,
                    quorum_pct,
                    challenge_window_s,
                    reward,
                    life_s,
                    min_reputation,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<Index>;
    prop_oneof![
        6 => prop_oneof![3 => 0..4_u32, 2 => 4..40_u32, 1 => 40..400_u32].prop_map(Step::Pass),
        2 => (who(), who(), 1..u32::MAX, proptest::option::of(plan()))
            .prop_map(|(who, token, amount, create)| Step::Transfer { who, token, amount, create }),
        2 => (who(), who(), plan()).prop_map(|(who, token, plan)| Step::Create { who, token, plan }),
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
        1 => (who(), 1..300_u16).prop_map(|(who, tenths)| Step::StakeAdd { who, tenths }),
        1 => (who(), proptest::option::of(0..300_u16)).prop_map(|(who, tenths)| Step::StakeRemove { who, tenths }),
        1 => who().prop_map(|who| Step::StakeClaim { who }),
        1 => who().prop_map(|who| Step::Pause { who }),
        2 => who().prop_map(|who| Step::Resume { who }),
        1 => who().prop_map(|who| Step::Heartbeat { who }),
        2 => (who(), 0..4_u8, proptest::option::of(any::<u16>()))
            .prop_map(|(who, token, part)| Step::Withdraw { who, token, part }),
        2 => any::<bool>().prop_map(|ok| Step::Answer { ok }),
        1 => (who(), 0..2_000_u16).prop_map(|(who, milli)| Step::StorageDeposit { who, milli }),
        1 => (who(), proptest::option::of(0..100_u16))
            .prop_map(|(who, milli)| Step::StorageWithdraw { who, milli }),
        1 => who().prop_map(|who| Step::Unregister { who }),
        3 => who().prop_map(|who| Step::EpochSettle { who }),
        4 => who().prop_map(|who| Step::Collect { who }),
        4 => (who(), any::<u8>(), any::<u8>()).prop_map(|(who, kind, number)| Step::Govern { who, kind, number }),
        2 => key_plan().prop_map(Step::IntentKey),
        6 => (vec(intent_plan(), 1..5), proptest::option::weighted(0.1, any::<u8>()))
            .prop_map(|(plans, gas)| Step::Intents { plans, gas }),
    ]
}

/// The answers of a node: mostly the truth, so that lots settle, extend and stay unresolved.
fn answers(who: &str, batch: BatchId, lot: u32, round: u8, open_items: u64, items: u8, width: u8) -> Vec<u8> {
    (0..items)
        .filter(|item| round == 0 || open_items & (1 << item) != 0)
        .flat_map(|item| {
            let noise = sha256(format!("{who}/{batch}/{lot}/{item}").as_bytes())[0];
            let mut answer = vec![item; usize::from(width)];
            if noise < 80 {
                *answer.last_mut().expect("width") = 100 + noise % 3;
            }
            answer
        })
        .collect()
}

struct Run {
    chain: Chain,
    /// Intents that were relayed.
    sent: Vec<SignedIntent>,
}

impl Run {
    fn new() -> Self {
        let config = Config {
            min_stake: Amount(NEAR),
            unbonding_s: 50,
            notice_s: 20,
            epoch_s: 100,
            insurance_reserve: Amount(0),
            liveness_window_s: 100,
            ..config()
        };
        let mut chain = Chain::new(config);
        for token in TOKENS {
            // A bond of up to 3.6 NEAR: free stake runs out now and then.
            chain.list_token_with(token, 1_200_000_000_000_000_000 << 32);
        }
        for (index, who) in ACCOUNTS.iter().enumerate() {
            // The implicit account has nothing to spare for its key at first.
            let deposit = if index == 6 { storage_minimum() } else { NEAR / 20 + NEAR / 5 * (index as u128 % 3) };
            chain.storage_deposit(who, deposit).expect("storage");
        }
        for who in &ACCOUNTS[..5] {
            let args = NodeRegisterArgs { classes: vec![ClassId(7)] };
            chain.call(Call::by(who).with(2 * NEAR), |engine| engine.node_register(args)).expect("node");
        }
        chain.pass(5);
        Self { chain, sent: Vec::new() }
    }

    fn batch(&self, index: &Index) -> BatchId {
        BatchId(u32::try_from(index.index(self.chain.mirror.root.next_batch.max(1) as usize)).expect("batch"))
    }

    /// Mostly the batch's requester, now and then somebody else.
    fn requester(&self, who: &Index, batch: BatchId) -> String {
        let mirror = &self.chain.mirror;
        match mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref()) {
            Some(open) if who.index(5) > 0 => mirror.accounts[&open.requester].account_id.clone(),
            _ => ACCOUNTS[who.index(ACCOUNTS.len())].to_owned(),
        }
    }

    fn spec(&self, plan: &BatchPlan) -> BatchSpec {
        let terms = Terms {
            class: ClassId(7),
            reward: Amount(plan.reward.into()),
            lot_size: plan.lot_size,
            answer_width: plan.width,
            start: plan.start,
            max: if plan.extends && plan.start >= 2 { plan.start + 3 } else { plan.start },
            quorum_pct: plan.quorum_pct,
            claim_ttl_s: 20,
            reveal_window_s: 12,
            challenge_window_s: plan.challenge_window_s,
            slice_s: 2,
            bond_pct: 100,
            dissent_slash_pct: 30,
            abandon_slash_pct: 20,
            min_reputation: plan.min_reputation,
            expires_at: self.chain.now() + plan.life_s,
            verification: Verification::Consensus,
            gold_slash_pct: 0,
        };
        BatchSpec { terms, items: plan.items, manifest: [1; 32], uri: "blob:\"é\n".to_owned(), ..BatchSpec::default() }
    }

    /// A lot near the window's frontier.
    fn lot(&self, batch: BatchId, pick: u8) -> u32 {
        let open = self.chain.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref());
        let first = open.map_or(0, |open| open.progress.window.frontier * 32);
        first.saturating_sub(4) + u32::from(pick % 12)
    }

    /// What an agent would do next on a lot.
    fn next_op(&self, who: &str, batch: BatchId, lot: u32) -> Op {
        let mirror = &self.chain.mirror;
        let claim = Op::Claim { batch, lot: LotId(lot) };
        let Some(open) = mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref()) else { return claim };
        let group = lot / 32;
        let unseeded = |draw: Option<&piecework_interface::draw::Draw>| {
            !matches!(draw, Some(piecework_interface::draw::Draw::Seeded(_)))
        };
        let Some(state) = mirror.lots.get(&(batch, LotId(lot))) else {
            return if unseeded(open.progress.window.draw(group)) {
                Op::Draw { batch, at: At::Group(group) }
            } else {
                claim
            };
        };
        let Ok(Some(node)) = self.chain.view(|engine| engine.view_account_no(who)) else { return claim };
        let Some(index) = state.slot_of(node) else {
            let extends = state.round > 0 && state.phase == LotPhase::Working && unseeded(Some(&state.draw));
            return if extends { Op::Draw { batch, at: At::Lot(LotId(lot)) } } else { claim };
        };
        let items = piecework_interface::lots::lot_items(open.items, open.terms.lot_size, LotId(lot));
        let answers = answers(who, batch, lot, state.round, state.open_items, items, open.terms.answer_width);
        match state.slots[index].phase {
            SlotPhase::Reserved(_) => {
                let place = Place { contract: CONTRACT, batch, lot: LotId(lot), round: state.round, node };
                Op::Commit { batch, lot: LotId(lot), commitment: commitment(sha256, place, &answers, &salt(who)) }
            }
            SlotPhase::Committed(_) | SlotPhase::Revealed(_) => {
                Op::Reveal { batch, lot: LotId(lot), answers, salt: salt(who) }
            }
        }
    }

    /// A lot that waits for the account's reveal.
    fn revealing(&self, who: &str) -> Option<(BatchId, u32)> {
        let node = self.chain.view(|engine| engine.view_account_no(who)).ok()??;
        let waits = |state: &LotState| {
            let slot = state.slot_of(node).map(|index| &state.slots[index].phase);
            state.phase == LotPhase::Revealing && matches!(slot, Some(SlotPhase::Committed(_)))
        };
        self.chain.mirror.lots.iter().find(|(_, state)| waits(state)).map(|((batch, lot), _)| (*batch, lot.0))
    }

    fn wild_op(&self, who: &str, kind: u8, batch: BatchId, pick: u8) -> Op {
        let lot = self.lot(batch, pick);
        match kind % 10 {
            0 => Op::Draw { batch, at: At::Group(u32::from(pick % 4)) },
            1 => Op::Draw { batch, at: At::Lot(LotId(lot)) },
            2 => Op::Claim { batch, lot: LotId(lot) },
            3 | 4 => Op::Release { batch, lot: LotId(lot) },
            5 => Op::Commit { batch, lot: LotId(lot), commitment: [pick; 32] },
            6 => Op::Reveal { batch, lot: LotId(lot), answers: vec![pick; usize::from(pick % 5)], salt: salt(who) },
            7 => self.next_op(who, batch, lot),
            kind => match self.revealing(who).map(|(batch, lot)| self.next_op(who, batch, lot)) {
                Some(Op::Reveal { batch, lot, mut answers, salt }) => {
                    if kind == 8 {
                        answers.push(0)
                    } else {
                        answers.iter_mut().for_each(|byte| *byte ^= 1)
                    }
                    Op::Reveal { batch, lot, answers, salt }
                }
                Some(op) => op,
                None => self.next_op(who, batch, lot),
            },
        }
    }

    /// Does a step; what fails must change nothing, which [`check`] sees.
    fn step(&mut self, step: &Step) {
        let pick = |who: &Index| ACCOUNTS[who.index(ACCOUNTS.len())];
        match step {
            Step::Pass(seconds) => self.chain.pass(*seconds),
            Step::Transfer { who, token, amount, create } => {
                let message = match create {
                    Some(plan) => DepositMessage::CreateBatch(self.spec(plan)),
                    None => DepositMessage::Deposit {},
                };
                self.chain
                    .transfer_call(TOKENS[token.index(TOKENS.len())], pick(who), u128::from(*amount) * 1_000, message)
                    .ok();
            }
            Step::Create { who, token, plan } => {
                let token = TokenId(u16::try_from(token.index(4)).expect("token"));
                let args = BatchCreateArgs { token, batch: self.spec(plan) };
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.batch_create(args)).ok();
            }
            Step::Cancel { who, batch } => {
                let batch = self.batch(batch);
                let who = self.requester(who, batch);
                self.chain.call(Call::by(&who).with(1), |engine| engine.batch_cancel(BatchArgs { batch })).ok();
            }
            Step::Forget { who, batch } => {
                let batch = self.batch(batch);
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.batch_forget(BatchArgs { batch })).ok();
            }
            Step::SkipLots { who, batch, lots, all } => {
                let batch = self.batch(batch);
                let lots = match all {
                    true => (0..64).map(|lot| LotId(self.lot(batch, 0) + lot)).collect(),
                    false => lots.iter().map(|lot| LotId(self.lot(batch, *lot))).collect(),
                };
                let args = BatchSkipLotsArgs { batch, lots };
                let who = self.requester(who, batch);
                self.chain.call(Call::by(&who).with(1), |engine| engine.batch_skip_lots(args)).ok();
            }
            Step::Agent { who, lots, gas } => {
                let who = ACCOUNTS[who.index(6)];
                let ops = lots
                    .iter()
                    .map(|(batch, lot)| {
                        let batch = self.batch(batch);
                        self.next_op(who, batch, self.lot(batch, *lot))
                    })
                    .collect();
                let gas = if *gas { u64::MAX } else { 1 };
                self.chain.work_with_gas(who, gas, ops).ok();
            }
            Step::Wild { who, ops } => {
                let who = pick(who);
                let ops = ops.iter().map(|(kind, batch, lot)| self.wild_op(who, *kind, self.batch(batch), *lot));
                let ops = ops.collect();
                self.chain.work(who, ops).ok();
            }
            Step::Poke { targets } => {
                let targets: Vec<_> = targets
                    .iter()
                    .map(|(kind, batch, lot)| {
                        let batch = self.batch(batch);
                        match kind % 8 {
                            0 => Target::Node(piecework_interface::ids::AccountNo(u32::from(*lot % 8))),
                            1 => Target::Batch(batch),
                            _ => Target::Lot(batch, LotId(self.lot(batch, *lot))),
                        }
                    })
                    .collect();
                self.chain.poke(&targets).ok();
            }
            Step::Register { who, tenths, other_class } => {
                let classes = if *other_class { vec![ClassId(3), ClassId(7)] } else { vec![ClassId(7)] };
                let call = Call::by(pick(who)).with(u128::from(*tenths) * NEAR / 10);
                self.chain.call(call, |engine| engine.node_register(NodeRegisterArgs { classes })).ok();
            }
            Step::StakeAdd { who, tenths } => {
                let call = Call::by(pick(who)).with(u128::from(*tenths) * NEAR / 10);
                self.chain.call(call, |engine| engine.stake_add()).ok();
            }
            Step::StakeRemove { who, tenths } => {
                let amount = tenths.map(|tenths| Amount(u128::from(tenths) * NEAR / 10));
                let call = Call::by(pick(who)).with(1);
                self.chain.call(call, |engine| engine.stake_remove(StakeRemoveArgs { amount })).ok();
            }
            Step::StakeClaim { who } => {
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.stake_claim()).ok();
            }
            Step::Pause { who } => {
                self.chain.call(Call::by(pick(who)), |engine| engine.node_pause()).ok();
            }
            Step::Resume { who } => {
                self.chain.call(Call::by(pick(who)), |engine| engine.node_resume()).ok();
            }
            Step::Heartbeat { who } => {
                self.chain.call(Call::by(pick(who)), |engine| engine.heartbeat()).ok();
            }
            Step::Withdraw { who, token, part } => {
                self.chain.withdraw(pick(who), TokenId((*token).into()), part.map(u128::from)).ok();
            }
            Step::Answer { ok } => self.chain.answer(*ok),
            Step::StorageDeposit { who, milli } => {
                self.chain.storage_deposit(pick(who), u128::from(*milli) * NEAR / 1_000).ok();
            }
            Step::StorageWithdraw { who, milli } => {
                let amount = milli.map(|milli| u128::from(milli) * NEAR / 1_000);
                self.chain.storage_withdraw(pick(who), amount).ok();
            }
            Step::Unregister { who } => {
                self.chain.storage_unregister(pick(who)).ok();
            }
            Step::EpochSettle { who } => {
                self.chain.call(Call::by(pick(who)), |engine| engine.epoch_settle()).ok();
            }
            Step::Collect { who } => {
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.revenue_collect()).ok();
            }
            Step::Govern { who, kind, number } => self.govern(who, *kind, *number),
            Step::IntentKey(KeyPlan { who, wallet, kinds, token, cap }) => {
                let args = IntentKeyAddArgs {
                    public_key: Wallet::new(*wallet).public_key(),
                    kinds: Kinds(*kinds),
                    token: TokenId((*token).into()),
                    daily_cap: Amount(u128::from(*cap) * 1_000),
                };
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.intent_key_set(args)).ok();
            }
            Step::Intents { plans, gas } => {
                let intents: Vec<_> = plans.iter().map(|plan| self.signed(plan)).collect();
                let gas = gas.map_or(u64::MAX, |gas| intents_gas(usize::from(gas % 4), usize::from(gas % 3)));
                self.chain.execute_with_gas(gas, &intents).ok();
                self.sent.extend(intents);
            }
        }
    }

    /// An intent, mostly a good one.
    fn signed(&self, plan: &IntentPlan) -> SignedIntent {
        let mut who = ACCOUNTS[plan.who.index(ACCOUNTS.len())];
        let mut wallet = Wallet::new(plan.wallet);
        let rows: Vec<_> = self.chain.mirror.accounts.values().filter(|named| !named.row.keys.is_empty()).collect();
        if plan.flaw > 10 && !rows.is_empty() {
            // Somebody who has a key, and the key.
            let named = plan.who.get(&rows);
            who = ACCOUNTS.into_iter().find(|who| *who == named.account_id).expect("one of them");
            let key = plan.to.get(&named.row.keys).public_key;
            wallet = (1..4).map(Wallet::new).find(|wallet| wallet.public_key() == key).expect("one of them");
        }
        let keys = self.chain.view(|mut engine| engine.view_account(who)).expect("view").map(|account| account.keys);
        let key = keys.unwrap_or_default().into_iter().find(|key| key.public_key == wallet.public_key());
        let (now, mut deadline, mut recipient) = (self.chain.now(), self.chain.now() + 100, CONTRACT);
        let (mut nonce, mut chain_id) = (key.map_or(0, |key| key.nonce) + 1, CHAIN_ID);
        match plan.flaw {
            0 => chain_id = "mainnet",
            1 => deadline = now - 1,
            2 => deadline = now + 86_401,
            3 => who = "stranger.near",
            4 => nonce -= 1,
            5 => recipient = "other.near",
            6 if !self.sent.is_empty() => return plan.to.get(&self.sent).clone(),
            7 => return wallet.sign_text("{\"kind\":".to_owned(), nonce, recipient),
            _ => {}
        }
        let mut token = TokenId(plan.token.into());
        let mut kind = plan.kind;
        if plan.flaw > 12 {
            // What the key may sign, in a token of the account.
            let limit = key.and_then(|key| key.limit);
            token = limit.map_or(TokenId(1 + u16::from(plan.token % 2)), |limit| limit.token);
            let kinds = key.map_or(Kinds::EVERY, |key| key.kinds);
            kind = (0..5).map(|more| (plan.kind + more) % 5).find(|kind| kinds.0 >> kind & 1 == 1).unwrap_or(kind);
        }
        let amount = plan.amount.map(u128::from);
        let payment = payment(ACCOUNTS[plan.to.index(ACCOUNTS.len())], token, amount.unwrap_or(1));
        let kind = match kind {
            0 => Action::Transfer(payment),
            1 => Action::Tip(Payment { memo: Some("\"é\n".to_owned()), ..payment }),
            2 => withdraw(token, amount),
            4 => Action::CollectRevenue {},
            _ => {
                let mut spec = self.spec(&plan.batch);
                spec.items *= u32::from(plan.flaw != 8);
                Action::CreateBatch(BatchCreateArgs { token, batch: spec })
            }
        };
        let intent = Intent { chain_id: chain_id.to_owned(), ..intent(who, deadline, kind) };
        let message = serde_json::to_string(&intent).expect("json");
        let mut signed = wallet.sign_text(message, nonce, recipient);
        signed.signature[9] ^= u8::from(plan.flaw == 9);
        signed
    }

    /// The owner, a role, or a stranger governs.
    fn govern(&mut self, who: &Index, kind: u8, number: u8) {
        let settings = self.chain.mirror.settings.clone();
        let owner = settings.owner_id.clone();
        let people = [
            Some(settings.owner_id),
            settings.proposed_owner_id,
            settings.guardian_id,
            settings.token_admin_id,
            Some("stranger.near".to_owned()),
        ];
        let who = people[who.index(people.len())].clone().unwrap_or_else(|| OWNER.to_owned());
        let name =
            (number > 20).then(|| ["owner.near", "guard.near", "admin.near"][usize::from(number % 3)].to_owned());
        let features = [Feature::ALL[usize::from(number % 4)], Feature::ALL[usize::from(number / 4 % 4)]];
        let first = settings.proposals.first().map_or(0, |proposal| proposal.number) + u32::from(number % 3);
        let call = Call::by(&who).with(1);
        let _done: Option<()> = match kind % 13 {
            0 => self.chain.call(call, |engine| engine.owner_propose(name)).map(drop).ok(),
            1 | 2 => self.chain.call(call, |engine| engine.owner_accept()).map(drop).ok(),
            3 | 4 => {
                let role = if number.is_multiple_of(2) { Role::Guardian } else { Role::TokenAdmin };
                self.chain.call(call, |engine| engine.role_set(role, name)).map(drop).ok()
            }
            // A market that stands still most of the time would prove little.
            5 if number < 64 => self.chain.call(call, |engine| engine.pause(&features)).map(drop).ok(),
            5..=7 => self.chain.call(Call::by(&owner).with(1), |engine| engine.unpause(&Feature::ALL)).map(drop).ok(),
            8 => {
                let change = match number % 3 {
                    0 => Change::Config(Config {
                        min_stake: Amount(NEAR / 4 * u128::from(number % 5)),
                        fee_bps: u16::from(number) * 4,
                        ..settings.config
                    }),
                    1 => Change::Code([number; 32]),
                    _ => Change::Prices(Prices {
                        token: TokenId(u16::from(number % 4)),
                        min_reward: Amount(u128::from(number % 7)),
                        rep_unit: Amount(1),
                        bond_rate: Amount(1 << 60),
                    }),
                };
                self.chain.call(call, |engine| engine.propose(change)).map(drop).ok()
            }
            9 => self.chain.call(call, |engine| engine.drop_proposal(first)).map(drop).ok(),
            10 => self.chain.call(Call::by(CONTRACT), |engine| engine.migrate(first)).map(drop).ok(),
            11 => {
                let treasury = (number > 100).then(|| ACCOUNTS[usize::from(number % 6)].to_owned());
                self.chain.call(call, |engine| engine.treasury_set(treasury)).ok()
            }
            _ => self.chain.call(Call::by(&who), |engine| engine.apply(first)).map(drop).ok(),
        };
    }

    /// Only time and pokes by a stranger: every batch closes, every bond is free, every withdrawal answers.
    fn drain(&mut self) {
        while !self.chain.transfers.is_empty() {
            self.chain.answer(false);
        }
        for _ in 0..12 {
            self.chain.pass(5_000);
            let rows = Rows::read(&self.chain);
            for lot in &rows.lots {
                self.chain.poke(&[Target::Lot(lot.batch, lot.lot)]).expect("a live lot has a due step");
                check(&self.chain);
            }
            for batch in Rows::read(&self.chain).batches {
                if batch.open.is_some_and(|open| open.progress.live == 0) {
                    self.chain.poke(&[Target::Batch(batch.batch)]).expect("a batch without lots closes");
                    check(&self.chain);
                }
            }
        }
        let rows = Rows::read(&self.chain);
        assert!(rows.batches.iter().all(|batch| batch.status == BatchStatus::Closed), "every batch closes");
        for account in &rows.accounts {
            assert_eq!(account.in_flight, 0);
            assert!(account.node.as_ref().is_none_or(|node| node.bonded.0 == 0 && node.slots == 0), "bonds are free");
        }
        let mut settled = BTreeSet::new();
        for entry in self.chain.lines.iter().flat_map(|line| &line.log) {
            if let Entry::Settled { batch, lot, .. } = entry {
                assert!(settled.insert((*batch, *lot)), "a lot settles once");
            }
        }
    }
}

/// Steps of a sequence: many short ones find most, `PIECEWORK_SOAK=1` runs long ones.
fn lengths() -> std::ops::Range<usize> {
    if std::env::var_os("PIECEWORK_SOAK").is_some() { 200..260 } else { 20..200 }
}

fn cases() -> ProptestConfig {
    let mut config = ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 96;
    }
    config
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn calls__should_keep_every_invariant_and_leave_an_exit(steps in vec(step(), lengths()).prop_map(Steps)) {
        let mut run = Run::new();
        for step in &steps.0 {
            run.step(step);
            check(&run.chain);
        }
        run.drain();
    }
}

#[test]
fn implicit_account__should_be_the_first_wallet_s() {
    assert_eq!(Wallet::new(1).implicit(), ACCOUNTS[6]);
}

/// Whether sequences reach what they are meant to reach: a test that never settles a lot would prove nothing.
#[test]
fn sequences__should_reach_every_kind_of_entry() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    let mut skips = BTreeSet::new();
    for _ in 0..800 {
        let steps = vec(step(), 200..300).new_tree(&mut runner).expect("steps").current();
        let mut run = Run::new();
        steps.iter().for_each(|step| run.step(step));
        for entry in run.chain.lines.iter().flat_map(|line| &line.log) {
            reached.insert(entry.tag());
            match entry {
                Entry::Skipped { code, .. } | Entry::Intent { failed: Some(code), .. } => drop(skips.insert(*code)),
                _ => {}
            }
        }
    }
    let missing: Vec<_> = Entry::TAGS.iter().filter(|tag| !reached.contains(*tag) && **tag != "classes").collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
    let never: Vec<_> = piecework_interface::skip::Skip::ALL.iter().filter(|skip| !skips.contains(skip)).collect();
    assert!(never.is_empty(), "never skipped for: {never:?}");
}
