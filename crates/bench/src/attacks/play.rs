//! Batches played on the chain in memory: every call is the contract's own, and a mirror replays every line.

mod answer;
mod appeal;
mod lot;
mod orders;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use piecework_coordinator::{
    engine::Error,
    testing::{CONTRACT, Call, Chain, NEAR, OWNER},
};
use piecework_interface::{
    amount::Amount,
    answers::Items,
    call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchRaiseArgs, BatchSpec, ClassNodeArgs, DepositMessage,
        NodeRegisterArgs, TokenListArgs,
    },
    commitment::{Place, commitment},
    config::Config,
    dispute::worked_items,
    draw::{At, Draw},
    event::Entry,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    money::REFERRER_PCT_MAX,
    op::{OPS_MAX, Op, POKES_MAX, Target},
    terms::{EXTENSION_SEATS, JURORS, JURY, Terms, Verification},
    view::{BatchStatus, GROUP_LOTS, LotPhase, LotState, Referrer},
};
use rand::Rng as _;

pub use self::orders::Orders;
use self::{
    lot::{Lot, Seat},
    orders::Chance,
};
use super::{
    strategy::{Act, ENDINGS, Ending, GROWTHS, Growth, Own, Pace, Strategy, pick},
    wrong::default_terms,
};

/// Nodes of one ticket; the coalition has the first of them.
pub const NODES: u32 = 100;
/// Lots of a batch: two groups.
pub const LOTS: u32 = 64;
/// Half of them: a group.
const HALF: usize = 32;
/// R, and f as well: pay and slashes count at par.
pub const REWARD: u32 = 1_000;
/// What a coalition's work on an item costs, however many of its seats answer it.
const COST: i64 = 300;
/// What an item's right answer is worth to a requester.
const WORTH: i64 = 4_000;
/// How often an honest node errs, in percent.
const ERROR_PCT: u32 = 5;
const TRUTH: u8 = 0;
/// Wrong answers of honest nodes, and the coalition's.
const ERRORS: [u8; 2] = [1, 2];
const LIE: u8 = 3;
const OPEN: ClassId = ClassId(0);
/// Admits the coalition's nodes alone.
const OWN: ClassId = ClassId(1);
const TOKEN: &str = "token.near";
const REQUESTER: &str = "requester.near";
const CHALLENGER: &str = "challenger.near";
const ADJUDICATOR: &str = "adjudicator.near";
/// Challenges what an honest node knows to be wrong.
const WATCHER: &str = "watcher.near";
/// Time until the bar is at one, seconds.
const OPEN_TO_ALL_S: u32 = 60;
const SLICE_S: u32 = 5;
const WINDOW_S: u32 = 600;
const VERDICT_TTL_S: u32 = 600;
/// Seats of the rounds after the first, by number.
const SEATS: [u8; 3] = [0, EXTENSION_SEATS, JURORS];
const CLAIM_TTL_S: u32 = 600;
const SALT: [u8; 32] = [7; 32];

/// What the coalition is, the work, and how the honest answer extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Seats of round 0.
    pub start: u8,
    /// Tickets of the coalition, percent.
    pub share: u32,
    /// Whether the requester is in it.
    pub requester: bool,
    /// Whether anyone takes seats of extensions.
    pub sits: bool,
    /// Whether the honest copy the largest group in extensions.
    pub copiers: bool,
    /// Items of a lot.
    pub items: u8,
    /// Whether results may be challenged; scores always may.
    pub window: bool,
    /// Whether an adjudicator scores the answers, else they are counted. It is the requester's.
    pub scored: bool,
}

/// What came of a batch, in thousandths of R.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// The coalition's: pay, less slashes, cost of work and, with the requester, what it paid.
    pub profit: i64,
    /// What honest slots lack of what is due to them: R an item in round 0 and for a jury's work, R/2 in an extension.
    pub lost: i64,
    /// What is due to those of round 0.
    pub due: i64,
}

/// A chain with a coalition on it.
pub struct Play<'a> {
    chain: Chain,
    token: TokenId,
    names: Vec<String>,
    numbers: Vec<AccountNo>,
    coalition: u32,
    setting: Setting,
    orders: &'a Orders,
    /// Accounts beside the nodes: the coalition's, and those of the honest.
    others: [Vec<AccountNo>; 2],
}

impl<'a> Play<'a> {
    /// A market of that setting.
    ///
    /// # Errors
    /// A call fails.
    pub fn new(setting: Setting, orders: &'a Orders) -> anyhow::Result<Self> {
        let mut chain = Chain::new(Config::default());
        let listed = TokenListArgs {
            account_id: TOKEN.to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1 << 32),
        };
        let token = chain.call(Call::by(OWNER).with(1), |engine| engine.token_list(listed))?;
        for account in [REQUESTER, CHALLENGER, ADJUDICATOR, WATCHER] {
            chain.storage_deposit(account, 100 * NEAR)?;
            chain.transfer_call(TOKEN, account, 10_u128.pow(15), DepositMessage::Deposit {})?;
        }
        chain.register_class(REQUESTER, "open", false)?;
        chain.register_class(REQUESTER, "own", true)?;
        let names: Vec<_> = (0..NODES).map(|node| format!("node-{node}.near")).collect();
        let coalition = NODES * setting.share / 100;
        for (name, node) in names.iter().zip(0..) {
            chain.storage_deposit(name, NEAR / 10)?;
            let classes = if node < coalition { vec![OPEN, OWN] } else { vec![OPEN] };
            chain.call(Call::by(name).with(11 * NEAR), |engine| engine.node_register(NodeRegisterArgs { classes }))?;
            if node < coalition {
                let args = ClassNodeArgs { class: OWN, account_id: name.clone() };
                chain.call(Call::by(REQUESTER).with(1), |engine| engine.class_admit(&args))?;
            }
        }
        chain.pass(10);
        let numbers = names.iter().map(|name| chain.number(name)).collect();
        let [requester, challenger, adjudicator, watcher] =
            [REQUESTER, CHALLENGER, ADJUDICATOR, WATCHER].map(|account| chain.number(account));
        let others = if setting.requester {
            [vec![requester, challenger, adjudicator], vec![watcher]]
        } else {
            [vec![challenger], vec![watcher, adjudicator]]
        };
        Ok(Self { chain, token, names, numbers, coalition, setting, orders, others })
    }

    /// Plays the batch of this number, to its close.
    ///
    /// # Errors
    /// A call fails, an op is skipped, or the batch does not close.
    pub fn batch(&mut self, strategy: &Strategy, number: u32) -> anyhow::Result<Sums> {
        let before = self.wealth();
        let first = number * LOTS;
        let point = self.orders.random(Chance::Coalition, (first, JURY + 1, 0)).random();
        let ending = pick(&strategy.endings, point).map_or(Ending::Run, |place| ENDINGS[place]);
        let point = self.orders.random(Chance::Coalition, (first, JURY + 4, 0)).random();
        let growth = pick(&strategy.growths, point).map_or(Growth::Nothing, |place| GROWTHS[place]);
        let batch = self.create(strategy, ending, growth)?;
        let mut lots: Vec<_> = (0..LOTS).map(|id| Lot::new(id, first + id)).collect();
        if growth == Growth::Nothing {
            self.begin(batch, 0, &mut lots, strategy)?;
        } else {
            let (begun, others) = lots.split_at_mut(HALF);
            self.begin(batch, 0, begun, strategy)?;
            self.grow(batch, growth)?;
            self.begin(batch, 0, others, strategy)?;
        }
        // A batch that grows ends by its requester's word.
        if ending == Ending::Cancel || growth == Growth::Append {
            self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_cancel(BatchArgs { batch }))?;
        }
        self.reveal(batch, &lots)?;
        for step in 0_u8.. {
            let rounds = if self.setting.sits { 1..=JURY } else { JURY..=JURY };
            for round in rounds {
                self.begin(batch, round, &mut lots, strategy)?;
                self.reveal(batch, &lots)?;
                // A jury's time is longer than the windows of other lots.
                if self.setting.scored {
                    self.score(batch, &mut lots, strategy)?;
                }
                if self.setting.window {
                    self.appeal(batch, &mut lots, strategy)?;
                }
            }
            if self.chain.mirror.batches[&batch].open.is_none() {
                break;
            }
            ensure!(step < 60, "{} leaves batch {batch} open", strategy.name);
            self.chain.pass(CLAIM_TTL_S + 1);
            self.replace(batch, &mut lots, strategy)?;
            self.poke(batch, &lots)?;
            self.reveal(batch, &lots)?;
        }
        self.chain.lines.clear();
        self.chain.receipts.clear();
        let after = self.wealth();
        let (mut profit, mut lost, mut due) = (after.0 - before.0, before.1 - after.1, 0);
        for lot in &lots {
            for seat in lot.seats.iter().filter(|seat| seat.is_honest()) {
                lost += self.due(seat);
                due += if seat.round == 0 { self.due(seat) } else { 0 };
            }
            profit -= COST * i64::from(lot.own_items().0.count_ones());
            let known = if self.setting.requester && !strategy.wash { lot.known(|_| true) } else { 0 };
            profit += WORTH * i64::from(known.count_ones());
        }
        Ok(Sums { profit, lost, due })
    }

    /// What is due to an honest slot, in thousandths of R.
    fn due(&self, seat: &Seat) -> i64 {
        let (round, items) = (seat.round, seat.judged.0);
        let count = i64::from(match round {
            JURY if self.setting.scored => u32::from(worked_items(&self.terms(), self.setting.items, items)),
            _ => items.count_ones(),
        });
        count * i64::from(if round == 1 { REWARD / 2 } else { REWARD })
    }

    /// The terms of the setting, without a challenge window.
    fn terms(&self) -> Terms {
        let adjudicator = self.chain.number(ADJUDICATOR);
        let scored = Verification::Adjudicated { adjudicator, verdict_ttl_s: VERDICT_TTL_S };
        Terms {
            class: OPEN,
            reward: Amount(REWARD.into()),
            lot_size: self.setting.items,
            verification: if self.setting.scored { scored } else { Verification::Consensus },
            ..default_terms(self.setting.start, piecework_interface::defaults::QUORUM_PCT)
        }
    }

    fn create(&mut self, strategy: &Strategy, ending: Ending, growth: Growth) -> anyhow::Result<BatchId> {
        let now = self.chain.now();
        let terms = Terms {
            class: if strategy.wash { OWN } else { OPEN },
            challenge_window_s: if self.setting.window { WINDOW_S } else { 0 },
            // Claims come after a minute and a half, those of what is added after another.
            expires_at: now
                + match (ending, growth) {
                    (Ending::Expire, Growth::Nothing) => 720,
                    (Ending::Expire, _) => 820,
                    _ => 1_000_000,
                },
            ..self.terms()
        };
        let appendable = growth == Growth::Append;
        let lots = if appendable { LOTS / 2 } else { LOTS };
        let referrer = Referrer { account: self.chain.number(REQUESTER), part_pct: REFERRER_PCT_MAX };
        let referrer = strategy.refers.then_some(referrer);
        let items = lots * u32::from(self.setting.items);
        let batch = BatchSpec { terms, items, appendable, referrer, ..BatchSpec::default() };
        let args = BatchCreateArgs { token: self.token, batch };
        let batch = self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_create(args))?;
        if self.setting.scored {
            self.chain.call(Call::by(ADJUDICATOR).with(1), |engine| engine.adjudicator_accept(&BatchArgs { batch }))?;
        }
        (0..lots.div_ceil(GROUP_LOTS)).try_for_each(|group| self.draw(batch, group))?;
        self.chain.pass(OPEN_TO_ALL_S);
        Ok(batch)
    }

    /// Draws a group: opens it if it is not open, and captures its seed a slice later.
    fn draw(&mut self, batch: BatchId, group: u32) -> anyhow::Result<()> {
        let drawn = |play: &Self| {
            let open = play.chain.mirror.batches.get(&batch).and_then(|row| row.open.as_ref());
            let draw = open.and_then(|open| open.progress.window.draw(group));
            draw.is_some_and(|draw| matches!(draw, Draw::Seeded(_)))
        };
        while !drawn(self) {
            self.chain.pass(SLICE_S);
            self.work(0, &[Op::Draw { batch, at: At::Group(group) }])?;
        }
        Ok(())
    }

    /// The requester raises or appends, and its adjudicator accepts that.
    fn grow(&mut self, batch: BatchId, growth: Growth) -> anyhow::Result<()> {
        let items = LOTS / 2 * u32::from(self.setting.items);
        let call = Call::by(REQUESTER).with(1);
        match growth {
            Growth::Nothing => {}
            Growth::Raise => {
                let args = BatchRaiseArgs { batch, reward: Amount((2 * REWARD).into()) };
                self.chain.call(call, |engine| engine.batch_raise(&args))?;
            }
            Growth::Append => {
                let args = BatchAppendArgs { batch, items, ..BatchAppendArgs::default() };
                self.chain.call(call, |engine| engine.batch_append(args))?;
            }
        }
        if self.setting.scored {
            self.chain.call(Call::by(ADJUDICATOR).with(1), |engine| engine.adjudicator_accept(&BatchArgs { batch }))?;
        }
        self.draw(batch, 1)?;
        self.chain.pass(OPEN_TO_ALL_S);
        Ok(())
    }

    /// A round of the lots that came to it: draw, seats and commits.
    fn begin(&mut self, batch: BatchId, round: u8, lots: &mut [Lot], strategy: &Strategy) -> anyhow::Result<()> {
        let due = |play: &Self, lot: &Lot| round == 0 || (lot.round < round && play.waits(batch, lot.id, round));
        let fresh: Vec<_> = lots.iter_mut().filter(|lot| due(self, lot)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        if round > 0 {
            let slice_s = if round == JURY { 60 } else { SLICE_S };
            self.chain.pass(slice_s);
            let draws: Vec<_> = fresh.iter().map(|lot| Op::Draw { batch, at: At::Lot(LotId(lot.id)) }).collect();
            self.work(0, &draws)?;
            self.chain.pass(OPEN_TO_ALL_S / SLICE_S * slice_s);
        }
        let (mut returns, mut seats_taken) = (Queue::new(), Queue::new());
        for lot in fresh {
            let id = LotId(lot.id);
            lot.round = round;
            lot.comers = self.comers(lot, round, strategy);
            let seats = usize::from(if round == 0 { self.setting.start } else { SEATS[usize::from(round)] });
            let count = lot.comers.iter().take(seats).filter(|node| **node < self.coalition).count();
            let mut own = Own { place: 0, seats: count, whole: count == seats };
            let mut left = seats;
            while left > 0 {
                let seat = self.seat(batch, lot, own, strategy)?;
                own.place += usize::from(!seat.is_honest());
                let ops = [Op::Claim { batch, lot: id }, Op::Release { batch, lot: id }];
                if seat.is(Act::GiveBack) {
                    returns.entry(seat.node).or_default().extend(ops);
                    continue;
                }
                self.take(batch, lot, &seat, &mut seats_taken);
                lot.seats.push(seat);
                left -= 1;
            }
        }
        self.send(returns)?;
        self.send(seats_taken)
    }

    /// The reveals of all lots that wait for them.
    fn reveal(&mut self, batch: BatchId, lots: &[Lot]) -> anyhow::Result<()> {
        let mut reveals = Queue::new();
        for lot in lots {
            let Some(state) = self.state(batch, lot.id).filter(|state| state.phase == LotPhase::Revealing) else {
                continue;
            };
            let shows = |seat: &&Seat| seat.round == state.round && seat.shows();
            for seat in lot.seats.iter().filter(shows) {
                let slot = state.slot_of(self.number(seat.node)).context("a slot")?;
                if state.slots[slot].revealed().is_none() {
                    let (lot, answers) = (LotId(lot.id), seat.answers.clone());
                    reveals.entry(seat.node).or_default().push(Op::Reveal { batch, lot, answers, salt: SALT });
                }
            }
        }
        self.send(reveals)
    }

    /// Reservations that are held ran out, and the next comers take their seats, until the round's clock ends it.
    fn replace(&mut self, batch: BatchId, lots: &mut [Lot], strategy: &Strategy) -> anyhow::Result<()> {
        let mut seats_taken = Queue::new();
        let row = &self.chain.mirror.batches[&batch];
        let open = row.open.as_ref().context("an open batch")?;
        let (now, cancelled) = (self.chain.now(), row.status == BatchStatus::Cancelled);
        for lot in lots.iter_mut() {
            let Some(state) = self.state(batch, lot.id) else { continue };
            if state.round != lot.round || state.vacancy(&open.terms, cancelled, now).is_err() {
                continue;
            }
            let held = |seat: &usize| lot.seats[*seat].round == lot.round && lot.seats[*seat].is(Act::Hold);
            for held in (0..lot.seats.len()).filter(held).collect::<Vec<_>>() {
                let mut seat = self.seat(batch, lot, Own { place: 0, seats: 2, whole: false }, strategy)?;
                if seat.is(Act::GiveBack) {
                    seat.act = Some(Act::Hold);
                }
                self.take(batch, lot, &seat, &mut seats_taken);
                lot.seats[held] = seat;
            }
        }
        self.send(seats_taken)?;
        self.reveal(batch, lots)
    }

    /// Who comes to a round of a lot, in their order: of a later one, those who did not come before.
    fn comers(&self, lot: &Lot, round: u8, strategy: &Strategy) -> Vec<u32> {
        let pace = |node: u32| match strategy.pace {
            Pace::Mixed => {
                let random =
                    self.orders.random(Chance::Own, (lot.number, round + JURY + 1, node)).random_range(0..3_usize);
                [Pace::Fair, Pace::Early, Pace::Late][random]
            }
            pace => pace,
        };
        let rank = |(second, tie, node): &(u32, u32, u32)| match strategy.pace {
            Pace::Fair => (*second, 0, *tie),
            _ if *node >= self.coalition => (*second, 1, *tie),
            _ => match pace(*node) {
                Pace::Early => (*second, 0, *tie),
                Pace::Late => (second + SLICE_S, 1, *tie),
                Pace::Fair | Pace::Mixed => (*second, 1, *tie),
            },
        };
        let mut comers = self.orders.comers(lot.number, round).clone();
        comers.retain(|(.., node)| !strategy.wash || *node < self.coalition);
        comers.retain(|(.., node)| round == 0 || lot.comers.contains(node));
        comers.sort_by_key(rank);
        comers.into_iter().map(|(.., node)| node).collect()
    }

    /// The next comer's seat; `own` says what it is among the coalition's if it is one of them.
    fn seat(&self, batch: BatchId, lot: &mut Lot, own: Own, strategy: &Strategy) -> anyhow::Result<Seat> {
        ensure!(!lot.comers.is_empty(), "every node came to lot {}", lot.id);
        let node = lot.comers.remove(0);
        let untouched = LotState::default();
        let state = self.state(batch, lot.id).unwrap_or(&untouched);
        let judged = Items(state.judged_items(lot.round, self.setting.items));
        let (orders, setting) = (self.orders, &self.setting);
        Ok(if node < self.coalition {
            answer::own(orders, setting, lot, (node, own), judged, strategy)
        } else {
            answer::honest(orders, setting, lot, node, judged)
        })
    }

    /// The claim of a seat, and the commit that follows unless the seat is held.
    fn take(&self, batch: BatchId, lot: &Lot, seat: &Seat, ops: &mut Queue) {
        let (lot, node) = (LotId(lot.id), self.number(seat.node));
        let ops = ops.entry(seat.node).or_default();
        ops.push(Op::Claim { batch, lot });
        if !seat.is(Act::Hold) {
            let place = Place { contract: CONTRACT, batch, lot, round: seat.round, node };
            ops.push(Op::Commit { batch, lot, commitment: commitment(sha256, place, &seat.answers, &SALT) });
        }
    }

    fn number(&self, node: u32) -> AccountNo {
        self.numbers[usize::try_from(node).unwrap_or_default()]
    }

    fn state(&self, batch: BatchId, lot: u32) -> Option<&LotState> {
        self.chain.mirror.lots.get(&(batch, LotId(lot)))
    }

    /// Whether the lot's round waits for claims or commits.
    fn waits(&self, batch: BatchId, lot: u32, round: u8) -> bool {
        self.state(batch, lot).is_some_and(|state| state.round == round && state.phase == LotPhase::Working)
    }

    fn send(&mut self, queue: Queue) -> anyhow::Result<()> {
        queue.into_iter().try_for_each(|(node, ops)| self.work(node, &ops))
    }

    fn work(&mut self, node: u32, ops: &[Op]) -> anyhow::Result<()> {
        let name = self.names[usize::try_from(node)?].clone();
        for ops in ops.chunks(OPS_MAX) {
            for entry in self.chain.work(&name, ops.to_vec())? {
                if let Entry::Skipped { op, code } = entry {
                    bail!("{name}: {:?} is skipped: {}", ops[usize::from(op)], code.text());
                }
            }
        }
        Ok(())
    }

    /// Does everything that is due.
    fn poke(&mut self, batch: BatchId, lots: &[Lot]) -> anyhow::Result<()> {
        for lots in lots.chunks(POKES_MAX - 1) {
            let mut targets: Vec<_> = lots.iter().map(|lot| Target::Lot(batch, LotId(lot.id))).collect();
            targets.push(Target::Batch(batch));
            loop {
                match self.chain.poke(&targets) {
                    Ok(_) => {}
                    Err(Error::NothingDue(_)) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// What the coalition owns, and what the honest nodes do: balances and stakes, at par.
    fn wealth(&self) -> (i64, i64) {
        let owns = |account: AccountNo| {
            let row = &self.chain.mirror.accounts[&account].row;
            let stake = row.node.as_ref().map_or(0, |node| i128::try_from(node.stake.0).unwrap_or_default());
            let balances = row.balances.iter().map(|balance| i128::try_from(balance.amount.0).unwrap_or_default());
            // A stake is counted from eleven NEAR, so that the sums are small.
            let base = if row.node.is_some() { i128::try_from(11 * NEAR).unwrap_or_default() } else { 0 };
            i64::try_from(stake - base + balances.sum::<i128>()).unwrap_or_default()
        };
        let sum = |nodes: &[AccountNo]| nodes.iter().map(|node| owns(*node)).sum::<i64>();
        let (own, honest) = self.numbers.split_at(usize::try_from(self.coalition).unwrap_or_default());
        let [beside, watching] = &self.others;
        (sum(own) + sum(beside), sum(honest) + sum(watching))
    }
}

type Queue = BTreeMap<u32, Vec<Op>>;
