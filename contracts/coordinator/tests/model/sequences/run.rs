//! A chain on which the steps are done.

use std::collections::{BTreeMap, BTreeSet};

use piecework_coordinator::{engine::storage_minimum, testing::Receipt};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs,
        BatchSpec, ClassNodeArgs, DepositMessage, IntentKeyAddArgs, NodeRegisterArgs, OperatorConfirmArgs,
        StakeRemoveArgs, intents_gas,
    },
    commitment::{Place, commitment},
    config::Config,
    draw::At,
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::SignedIntent,
    key::Kinds,
    op::{Op, Target},
    terms::{JURY, Terms, Verification},
    view::{BatchStatus, Callback, LotPhase, LotState, Referrer, SlotPhase},
};
use piecework_replay::NamedAccount;
use proptest::sample::Index;

use super::{
    super::{
        chain::{CONTRACT, Call, Chain, NEAR},
        check::{Rows, check},
        market::{config, salt},
        sign::Wallet,
    },
    ACCOUNTS, TOKENS,
    plan::{BatchPlan, Judged, KeyPlan, Step},
};

/// The answers of a node: mostly the truth, so that lots settle, extend and stay unresolved.
pub fn answers(who: &str, batch: BatchId, lot: u32, judged: u64, width: u8) -> Vec<u8> {
    (0..64_u8)
        .filter(|item| judged & (1 << item) != 0)
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

pub struct Run {
    pub chain: Chain,
    /// Intents that were relayed.
    pub sent: Vec<SignedIntent>,
}

impl Run {
    pub fn new() -> Self {
        let config = Config {
            min_stake: Amount(NEAR),
            jury_nodes: 2,
            unbonding_s: 50,
            notice_s: 20,
            liveness_window_s: 100,
            relays: vec![ACCOUNTS[8].to_owned()],
            ..config()
        };
        let mut chain = Chain::new(config);
        for token in TOKENS {
            // A bond of up to 3.6 NEAR: free stake runs out now and then.
            chain.list_token_with(token, 1_200_000_000_000_000_000 << 32);
        }
        for (index, who) in ACCOUNTS.iter().enumerate() {
            // The implicit account has nothing to spare for its key at first.
            let deposit = if index == 9 { storage_minimum() } else { NEAR / 20 + NEAR / 5 * (index as u128 % 3) };
            chain.storage_deposit(who, deposit).expect("storage");
        }
        for number in 0..8_u8 {
            // The last is open, the others are gated by the first account.
            chain.register_class(ACCOUNTS[0], "a class", number < 7).expect("class");
        }
        for who in &ACCOUNTS[..8] {
            let args = NodeRegisterArgs { classes: vec![ClassId(7)] };
            chain.call(Call::by(who).with(2 * NEAR), |engine| engine.node_register(args)).expect("node");
        }
        chain.pass(5);
        Self { chain, sent: Vec::new() }
    }

    /// The lines from this one on, each with its receipt.
    pub fn written(&self, from: usize) -> Vec<(Receipt, Line)> {
        let lines = self.chain.lines[from..].iter().cloned();
        self.chain.receipts[from..].iter().cloned().zip(lines).collect()
    }

    pub fn batch(&self, index: &Index) -> BatchId {
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

    pub fn spec(&self, plan: &BatchPlan) -> BatchSpec {
        let adjudicated = matches!(plan.judged, Judged::ByOne(_));
        let terms = Terms {
            class: ClassId(if plan.callback && plan.start == 1 { 3 } else { 7 }),
            reward: Amount((plan.reward.max(2) & !1).into()),
            lot_size: plan.lot_size,
            answer_width: plan.width,
            start: plan.start,
            quorum_pct: plan.quorum_pct,
            claim_ttl_s: 20,
            reveal_window_s: 12,
            challenge_window_s: plan.challenge_window_s.max(if adjudicated { 10 } else { 0 }),
            slice_s: 2,
            bond_pct: 100,
            dissent_slash_pct: 30,
            abandon_slash_pct: 20,
            min_reputation: plan.min_reputation,
            expires_at: self.chain.now() + plan.life_s,
            verification: match plan.judged {
                Judged::ByOne(who) => {
                    Verification::Adjudicated { adjudicator: AccountNo(u32::from(who)), verdict_ttl_s: 30 }
                }
                Judged::Counted => Verification::Consensus,
            },
        };
        let callback = plan.callback.then(|| Callback { account_id: "dapp.near".to_owned(), tgas: 20 });
        BatchSpec {
            terms,
            items: plan.items,
            manifest: [1; 32],
            uri: "blob:\"é\n".to_owned(),
            gold_root: [9; 32],
            callback,
            appendable: plan.appendable,
            forget_on_close: plan.forget_on_close,
            referrer: plan
                .referrer
                .map(|(account, part_pct)| Referrer { account: AccountNo(account.into()), part_pct }),
        }
    }

    /// An append to a batch: whole lots, or one item.
    pub fn append_args(&self, batch: BatchId, lots: u8, short: bool) -> BatchAppendArgs {
        let open = self.chain.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref());
        let lot_size = open.map_or(1, |open| open.terms.lot_size);
        let items = if short { 1 } else { u32::from(lots) * u32::from(lot_size) };
        BatchAppendArgs { batch, items, manifest: [lots; 32], uri: "blob:\"é\n".to_owned() }
    }

    /// A raise of a batch: mostly upwards and even.
    pub fn raise_args(&self, batch: BatchId, more: u32) -> BatchRaiseArgs {
        let open = self.chain.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref());
        let before = open.map_or(0, |open| open.terms.reward.0);
        let reward = match more % 8 {
            0 => u128::from(more),
            1 => before + u128::from(more % 3),
            _ => before + u128::from(more % 100_000 / 2 * 2),
        };
        BatchRaiseArgs { batch, reward: Amount(reward) }
    }

    /// A lot near the window's frontier.
    fn lot(&self, batch: BatchId, pick: u8) -> u32 {
        let open = self.chain.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref());
        let first = open.map_or(0, |open| open.progress.window.frontier * 32);
        first.saturating_sub(4) + u32::from(pick % 12)
    }

    /// A lot that somebody holds, half the time, or any near its window's frontier.
    fn place(&self, place: &Index, pick: u8) -> (BatchId, u32) {
        let live = &self.chain.mirror.lots;
        match live.keys().nth(place.index(live.len().max(1))) {
            Some((batch, lot)) if pick.is_multiple_of(2) => (*batch, lot.0),
            _ => (self.batch(place), self.lot(self.batch(place), pick)),
        }
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
        let judged = state.judged_items(state.round, items);
        let width = if state.answer_bytes(&open.terms, state.round, items) == judged.count_ones() {
            1
        } else {
            open.terms.answer_width
        };
        let answers = answers(who, batch, lot, judged, width);
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
                        answers.push(0);
                    } else {
                        answers.iter_mut().for_each(|byte| *byte ^= 1);
                    }
                    Op::Reveal { batch, lot, answers, salt }
                }
                Some(op) => op,
                None => self.next_op(who, batch, lot),
            },
        }
    }

    /// What every account has.
    fn balances(&self) -> BTreeMap<(AccountNo, TokenId), u128> {
        let accounts = self.chain.mirror.accounts.iter();
        let of = |(account, named): (&AccountNo, &NamedAccount)| {
            let account = *account;
            let balances = named.row.balances.clone();
            balances.into_iter().map(move |balance| ((account, balance.token), balance.amount.0))
        };
        accounts.flat_map(of).collect()
    }

    /// Does a step; what fails must change nothing, which [`check`] sees.
    pub fn step(&mut self, step: &Step) {
        let pick = |who: &Index| ACCOUNTS[who.index(ACCOUNTS.len())];
        match step {
            // A jury takes long; where none sits, so much time would end every batch.
            Step::Pass(seconds) if *seconds > 400 && !self.chain.mirror.lots.values().any(|lot| lot.round == JURY) => {
                self.chain.pass(seconds % 40);
            }
            Step::Pass(seconds) => self.chain.pass(*seconds),
            Step::Transfer { who, token, amount, create, to } => {
                let message = match create {
                    Some(plan) => DepositMessage::CreateBatch(self.spec(plan)),
                    None => DepositMessage::Deposit {},
                };
                // Half of what is for others is small: its batch asks for more than comes with it.
                let (token, amount) = (TOKENS[token.index(TOKENS.len())], u128::from(*amount));
                let is_small = to.is_some() && !amount.is_multiple_of(2);
                let amount = if is_small { amount % 1_000 + 1 } else { amount * 1_000 };
                let before = self.balances();
                self.chain.transfer_call_for(token, pick(who), amount, (message, to.as_ref().map(pick))).ok();
                let after = self.balances();
                let spent = before.iter().find(|(of, amount)| after.get(of).is_none_or(|now| now < amount));
                let named = |account: &AccountNo| self.chain.mirror.accounts[account].account_id.as_str();
                let own = |account| to.is_none() && named(account) == pick(who);
                assert!(spent.is_none_or(|((account, _), _)| own(account)), "it spends another's balance: {spent:?}");
            }
            Step::Create { who, token, plan } => {
                let token = TokenId(u16::try_from(token.index(4)).expect("token"));
                let args = BatchCreateArgs { token, batch: self.spec(plan) };
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.batch_create(args)).ok();
            }
            Step::Append { who, batch, lots, short } => {
                let batch = self.batch(batch);
                let who = self.requester(who, batch);
                let args = self.append_args(batch, *lots, *short);
                self.chain.call(Call::by(&who).with(1), |engine| engine.batch_append(args)).ok();
            }
            Step::Raise { who, batch, more } => {
                let batch = self.batch(batch);
                let who = self.requester(who, batch);
                let args = self.raise_args(batch, *more);
                self.chain.call(Call::by(&who).with(1), |engine| engine.batch_raise(&args)).ok();
            }
            Step::Extend { who, batch, more_s } => {
                let batch = self.batch(batch);
                let who = self.requester(who, batch);
                let args = BatchExtendExpiryArgs { batch, expires_at: self.chain.now() + more_s };
                self.chain.call(Call::by(&who).with(1), |engine| engine.batch_extend_expiry(args)).ok();
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
                let who = ACCOUNTS[who.index(9)];
                let ops = lots
                    .iter()
                    .map(|(place, lot)| {
                        let (batch, lot) = self.place(place, *lot);
                        self.next_op(who, batch, lot)
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
                    .map(|(kind, place, lot)| {
                        let (batch, lot_no) = self.place(place, *lot);
                        match kind % 9 {
                            8 => Target::Token(TokenId(u16::from(*lot % 4))),
                            0 => Target::Node(AccountNo(u32::from(*lot % 11))),
                            1 => Target::Batch(batch),
                            _ => Target::Lot(batch, LotId(lot_no)),
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
            Step::Payout { who, to, kind } => {
                let to = (kind % 4 > 0).then(|| pick(to).to_owned());
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.payout_set(to)).ok();
            }
            Step::WithdrawPayout { who, token, part } => {
                self.chain.withdraw_payout(pick(who), TokenId((*token).into()), part.map(u128::from)).ok();
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
            Step::Declare { who, classes } => {
                let classes = [7, 3].into_iter().filter(|class| classes >> (class % 4) & 1 == 0).map(ClassId).collect();
                let args = NodeRegisterArgs { classes };
                self.chain.call(Call::by(pick(who)).with(1), |engine| engine.node_update(args)).ok();
            }
            Step::Gate { who, kind } => {
                let args =
                    ClassNodeArgs { class: ClassId(3 + u16::from(kind % 16 == 0)), account_id: pick(who).to_owned() };
                let by = Call::by(ACCOUNTS[usize::from(kind % 9 == 0)]).with(1);
                match kind % 3 {
                    0 => self.chain.call(by, |engine| engine.class_remove(&args)).ok(),
                    _ => self.chain.call(by, |engine| engine.class_admit(&args)).ok(),
                };
            }
            Step::Operator { who, other, kind } => {
                let (node, operator) = (pick(who), pick(other));
                let name = (kind % 4 > 0).then(|| operator.to_owned());
                let args = OperatorConfirmArgs { account_id: node.to_owned(), accept: kind % 8 > 1 };
                self.chain.call(Call::by(node).with(1), |engine| engine.node_operator(name)).ok();
                if kind % 2 == 0 {
                    self.chain.call(Call::by(operator).with(1), |engine| engine.operator_confirm(&args)).ok();
                }
            }
            Step::Case(plan) => self.case(plan),
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

    /// Only time and pokes by a stranger: every batch closes, every bond is free, every withdrawal answers.
    pub fn drain(&mut self) {
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
        for token in [TokenId(1), TokenId(2)] {
            // What waits for the treasury goes to it, if there is one.
            self.chain.poke(&[Target::Token(token)]).ok();
        }
        check(&self.chain);
        let rows = Rows::read(&self.chain);
        assert!(rows.batches.iter().all(|batch| batch.status == BatchStatus::Closed), "every batch closes");
        let has_treasury = self.chain.mirror.settings.treasury.is_some();
        assert!(rows.tokens.iter().all(|token| !has_treasury || token.pool.0 == 0), "fees reach their treasury");
        for account in &rows.accounts {
            assert_eq!(account.in_flight, 0);
            assert!(
                account.node.as_ref().is_none_or(|node| node.bonded.0 == 0 && node.reservations == 0),
                "bonds are free"
            );
        }
        let mut settled = BTreeSet::new();
        for entry in self.chain.lines.iter().flat_map(|line| &line.log) {
            if let Entry::Settled { batch, lot, .. } = entry {
                assert!(settled.insert((*batch, *lot)), "a lot settles once");
            }
        }
    }
}
