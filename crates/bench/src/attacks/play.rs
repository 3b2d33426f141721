//! Batches played on the chain in memory: every call is the contract's own, and a mirror replays every line.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use piecework_coordinator::{
    engine::Error,
    testing::{CONTRACT, Call, Chain, NEAR, OWNER},
};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchArgs, BatchCreateArgs, BatchSpec, ChallengeArgs, ClassNodeArgs, DepositMessage, NodeRegisterArgs,
        TokenListArgs,
    },
    commitment::{Place, commitment},
    config::Config,
    draw::{At, Seed},
    event::Entry,
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    op::{OPS_MAX, Op, POKES_MAX, Target},
    settlement,
    sortition::{self, Candidate, Seats},
    terms::{EXTENSION_SEATS, JURORS, JURY, Terms},
    view::{LotPhase, LotState},
};
use rand::{Rng as _, SeedableRng, rngs::StdRng};

use super::{
    SEED,
    strategy::{Act, Beside, Own, Pace, Strategy},
    wrong::default_terms,
};

/// Nodes of one ticket; the coalition has the first of them.
pub const NODES: u32 = 100;
/// Lots of a batch, of one item each: two groups.
pub const LOTS: u32 = 64;
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
/// Time until the bar is at one, seconds.
const OPEN_TO_ALL_S: u32 = 60;
const SLICE_S: u32 = 5;
const WINDOW_S: u32 = 600;
/// Seats of the rounds after the first, by number.
const SEATS: [u8; 3] = [0, EXTENSION_SEATS, JURORS];
const CLAIM_TTL_S: u32 = 600;
const SALT: [u8; 32] = [7; 32];

/// What the coalition is, and how the honest answer extensions.
#[derive(Clone, Copy, Debug)]
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
}

/// What came of a batch, in thousandths of R.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// The coalition's: pay, less slashes, cost of work and, with the requester, what it paid.
    pub profit: i64,
    /// What honest slots lack of what is due to them: R in round 0 and for a jury's work, R/2 in an extension.
    pub lost: i64,
}

/// Nodes in the order in which they come to a round of a lot: second, lot of equals, node.
type Comers = Vec<(u32, u32, u32)>;

/// The comers of each round of many lots, by the real sortition.
#[derive(Debug)]
pub struct Orders(Vec<[Comers; 3]>);

impl Orders {
    /// Draws them for this many lots.
    pub fn draw(start: u8, lots: u32) -> Self {
        let rounds = [start, SEATS[1], SEATS[2]];
        Self((0..lots).map(|lot| core::array::from_fn(|round| comers(lot, round, rounds[round]))).collect())
    }
}

fn comers(lot: u32, round: usize, seats: u8) -> Comers {
    let mut random = random(0, (lot, round, 0));
    let seed = Seed { value: random.random(), at: 1_000, height: 1, tickets: NODES, appeal: true };
    let round = u8::try_from(round).unwrap_or_default();
    let place = Seats { batch: BatchId(0), lot: LotId(lot), round, seats, slice_s: SLICE_S };
    let seconds: Vec<_> = (0..=OPEN_TO_ALL_S).collect();
    let mut comers: Comers = (0..NODES)
        .map(|node| {
            let candidate = Candidate { node: AccountNo(node), tickets: 1, since: 0 };
            let may = |second: &u32| sortition::eligible(sha256, &seed, place, candidate, seed.at + second);
            let second = seconds.partition_point(|second| !may(second));
            (u32::try_from(second).unwrap_or(OPEN_TO_ALL_S), random.random(), node)
        })
        .collect();
    comers.sort_unstable();
    comers
}

/// The same for the same place, whatever else is played.
fn random(salt: u64, (lot, round, node): (u32, usize, u32)) -> StdRng {
    let round = u64::try_from(round).unwrap_or_default();
    StdRng::seed_from_u64(SEED ^ salt << 60 ^ u64::from(lot) << 20 ^ round << 16 ^ u64::from(node))
}

struct Seat {
    node: u32,
    round: u8,
    /// `None`: honest.
    act: Option<Act>,
    answer: u8,
}

impl Seat {
    fn is(&self, act: Act) -> bool {
        self.act == Some(act)
    }

    fn shows(&self) -> bool {
        !self.is(Act::Hold) && !self.is(Act::Silent)
    }
}

struct Lot {
    /// Its number in the batch, and over all batches.
    id: u32,
    number: u32,
    /// Who has not come yet.
    comers: Vec<u32>,
    seats: Vec<Seat>,
    /// The round that it is in, and how often reservations of it ran out.
    round: u8,
    waits: u8,
    challenged: bool,
}

impl Lot {
    const fn new(id: u32, number: u32) -> Self {
        Self { id, number, comers: Vec::new(), seats: Vec::new(), round: 0, waits: 0, challenged: false }
    }
}

/// A chain with a coalition on it.
pub struct Play {
    chain: Chain,
    token: TokenId,
    names: Vec<String>,
    numbers: Vec<AccountNo>,
    coalition: u32,
    setting: Setting,
    requester: AccountNo,
    challenger: AccountNo,
}

impl Play {
    /// A market of that setting.
    ///
    /// # Errors
    /// A call fails.
    pub fn new(setting: Setting) -> anyhow::Result<Self> {
        let mut chain = Chain::new(Config::default());
        let listed = TokenListArgs {
            account_id: TOKEN.to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1 << 32),
        };
        let token = chain.call(Call::by(OWNER).with(1), |engine| engine.token_list(listed))?;
        for account in [REQUESTER, CHALLENGER] {
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
        let (requester, challenger) = (chain.number(REQUESTER), chain.number(CHALLENGER));
        Ok(Self { chain, token, names, numbers, coalition, setting, requester, challenger })
    }

    /// Plays a batch of the lots from `first` on, to its close.
    ///
    /// # Errors
    /// A call fails, an op is skipped, or the batch does not close.
    pub fn batch(&mut self, strategy: &Strategy, first: u32, orders: &Orders) -> anyhow::Result<Sums> {
        let before = self.wealth();
        let batch = self.create(strategy)?;
        let wash = strategy.beside == Beside::Wash;
        let mut lots: Vec<_> = (0..LOTS).map(|id| Lot::new(id, first + id)).collect();
        self.begin(batch, 0, &mut lots, strategy, orders)?;
        for step in 0_u8.. {
            let rounds = if self.setting.sits { 1..=JURY } else { JURY..=JURY };
            for round in rounds {
                self.begin(batch, round, &mut lots, strategy, orders)?;
            }
            if strategy.beside == Beside::Challenge {
                self.challenge(batch, &mut lots)?;
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
        let (mut profit, mut lost) = (after.0 - before.0, before.1 - after.1);
        for lot in &lots {
            lost += lot.seats.iter().filter(|seat| seat.act.is_none()).map(|seat| due(seat.round)).sum::<i64>();
            profit -= if lot.seats.iter().any(|seat| seat.is(Act::Work)) { COST } else { 0 };
            let known = lot.seats.iter().any(|seat| seat.shows() && seat.round < JURY && seat.answer == TRUTH);
            profit += if self.setting.requester && known && !wash { WORTH } else { 0 };
        }
        Ok(Sums { profit, lost })
    }

    fn create(&mut self, strategy: &Strategy) -> anyhow::Result<BatchId> {
        let now = self.chain.now();
        let terms = Terms {
            class: if strategy.beside == Beside::Wash { OWN } else { OPEN },
            reward: Amount(REWARD.into()),
            lot_size: 1,
            challenge_window_s: if strategy.beside == Beside::Challenge { WINDOW_S } else { 0 },
            // Claims come after a minute and a half.
            expires_at: now + if strategy.beside == Beside::Expire { 720 } else { 1_000_000 },
            ..default_terms(self.setting.start, piecework_interface::defaults::QUORUM_PCT)
        };
        let batch = BatchSpec { terms, items: LOTS, ..BatchSpec::default() };
        let args = BatchCreateArgs { token: self.token, batch };
        let batch = self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_create(args))?;
        let draw = |at| Op::Draw { batch, at: At::Group(at) };
        self.chain.pass(SLICE_S);
        self.work(0, &[draw(0), draw(1)])?;
        self.chain.pass(SLICE_S);
        self.work(0, &[draw(1)])?;
        self.chain.pass(OPEN_TO_ALL_S);
        Ok(batch)
    }

    /// A round of the lots that came to it: draw, seats, commits, and the reveals of those whose seats are committed.
    fn begin(
        &mut self,
        batch: BatchId,
        round: u8,
        lots: &mut [Lot],
        strategy: &Strategy,
        orders: &Orders,
    ) -> anyhow::Result<()> {
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
        let (mut returns, mut claims, mut commits) = (Queue::new(), Queue::new(), Queue::new());
        for lot in fresh {
            let id = LotId(lot.id);
            (lot.round, lot.waits) = (round, 0);
            lot.comers = self.comers(lot, round, strategy, orders);
            let seats = usize::from(if round == 0 { self.setting.start } else { SEATS[usize::from(round)] });
            let count = lot.comers.iter().take(seats).filter(|node| **node < self.coalition).count();
            let mut own = Own { place: 0, seats: count, whole: count == seats };
            let mut left = seats;
            while left > 0 {
                let seat = self.seat(lot, own, strategy)?;
                own.place += usize::from(seat.act.is_some());
                let ops = [Op::Claim { batch, lot: id }, Op::Release { batch, lot: id }];
                if seat.is(Act::GiveBack) {
                    returns.entry(seat.node).or_default().extend(ops);
                    continue;
                }
                claims.entry(seat.node).or_default().push(Op::Claim { batch, lot: id });
                self.push_commit(batch, lot, &seat, &mut commits);
                lot.seats.push(seat);
                left -= 1;
            }
        }
        for queue in [returns, claims, commits] {
            self.send(queue)?;
        }
        if strategy.beside == Beside::Cancel && round == 0 {
            self.chain.call(Call::by(REQUESTER).with(1), |engine| engine.batch_cancel(BatchArgs { batch }))?;
        }
        self.reveal(batch, lots)
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
                    let (lot, answers) = (LotId(lot.id), vec![seat.answer]);
                    reveals.entry(seat.node).or_default().push(Op::Reveal { batch, lot, answers, salt: SALT });
                }
            }
        }
        self.send(reveals)
    }

    /// Reservations that are held ran out, and the next comers take their seats, until the round's clock ends it.
    fn replace(&mut self, batch: BatchId, lots: &mut [Lot], strategy: &Strategy) -> anyhow::Result<()> {
        let (mut claims, mut commits) = (Queue::new(), Queue::new());
        for lot in lots.iter_mut() {
            let Some(state) = self.state(batch, lot.id) else { continue };
            let closed = lot.round == 0 && matches!(strategy.beside, Beside::Cancel | Beside::Expire);
            // A round takes claims for three reservations' time, a round 0 without commits again and again.
            let over = lot.waits % 3 == 2 && (lot.round > 0 || state.commits() > 0);
            if closed || over || state.round != lot.round || state.phase != LotPhase::Working {
                continue;
            }
            lot.waits += 1;
            let held = |seat: &usize| lot.seats[*seat].round == lot.round && lot.seats[*seat].is(Act::Hold);
            for held in (0..lot.seats.len()).filter(held).collect::<Vec<_>>() {
                let mut seat = self.seat(lot, Own { place: 0, seats: 2, whole: false }, strategy)?;
                if seat.is(Act::GiveBack) {
                    seat.act = Some(Act::Hold);
                }
                claims.entry(seat.node).or_default().push(Op::Claim { batch, lot: LotId(lot.id) });
                self.push_commit(batch, lot, &seat, &mut commits);
                lot.seats[held] = seat;
            }
        }
        self.send(claims)?;
        self.send(commits)?;
        self.reveal(batch, lots)
    }

    /// Challenges provisional results that are not the coalition's, where it lied.
    fn challenge(&mut self, batch: BatchId, lots: &mut [Lot]) -> anyhow::Result<()> {
        for lot in lots.iter_mut().filter(|lot| !lot.challenged && lot.seats.iter().any(|seat| seat.is(Act::Lie))) {
            let Some(state) = self.chain.mirror.lots.get(&(batch, LotId(lot.id))) else { continue };
            let open = self.chain.mirror.batches[&batch].open.as_ref().context("an open batch")?;
            let judgement = settlement::judge(&open.terms, 1, state);
            let own = judgement.accepted() == 1 && judgement.answers().bytes == [LIE];
            if state.phase == LotPhase::Provisional && !own {
                let args = ChallengeArgs { batch, lot: LotId(lot.id), items: vec![0], ..ChallengeArgs::default() };
                self.chain.call(Call::by(CHALLENGER).with(1), |engine| engine.challenge(&args))?;
                lot.challenged = true;
            }
        }
        Ok(())
    }

    /// Who comes to a round of a lot, in their order: of a later one, those who did not come before.
    fn comers(&self, lot: &Lot, round: u8, strategy: &Strategy, orders: &Orders) -> Vec<u32> {
        let rank = |(second, tie, node): &(u32, u32, u32)| match strategy.pace {
            Pace::Early => (*second, u32::from(*node >= self.coalition), *tie),
            Pace::Late if *node < self.coalition => (second + SLICE_S, 0, *tie),
            Pace::Late | Pace::Fair => (*second, 0, *tie),
        };
        let mut comers = orders.0[usize::try_from(lot.number).unwrap_or_default()][usize::from(round)].clone();
        let wash = strategy.beside == Beside::Wash;
        comers.retain(|(.., node)| !wash || *node < self.coalition);
        comers.retain(|(.., node)| round == 0 || lot.comers.contains(node));
        comers.sort_by_key(rank);
        comers.into_iter().map(|(.., node)| node).collect()
    }

    /// The next comer's seat; `own` says what it is among the coalition's if it is one of them.
    fn seat(&self, lot: &mut Lot, own: Own, strategy: &Strategy) -> anyhow::Result<Seat> {
        ensure!(!lot.comers.is_empty(), "every node came to lot {}", lot.id);
        let (node, round) = (lot.comers.remove(0), lot.round);
        let mut random = random(u64::from(node < self.coalition), (lot.number, round.into(), node));
        let seen = largest(lot);
        if node >= self.coalition {
            let errs = random.random_ratio(ERROR_PCT, 100).then(|| ERRORS[usize::from(random.random::<bool>())]);
            let answer = match seen {
                Some((answer, true)) if self.setting.copiers && round == 1 => answer,
                _ => errs.unwrap_or(TRUTH),
            };
            return Ok(Seat { node, round, act: None, answer });
        }
        let act = if round == JURY { Act::Lie } else { strategy.act(round, own, &mut random) };
        let answer = match act {
            Act::Work | Act::Silent | Act::Hold | Act::GiveBack => TRUTH,
            Act::Lie => LIE,
            Act::Scatter => 10 + u8::try_from(node).unwrap_or_default(),
            Act::Guess => random.random_range(0..10),
            Act::Copy => seen.map_or(LIE, |(answer, _)| answer),
        };
        Ok(Seat { node, round, act: Some(act), answer })
    }

    fn push_commit(&self, batch: BatchId, lot: &Lot, seat: &Seat, commits: &mut Queue) {
        if seat.is(Act::Hold) {
            return;
        }
        let (lot, node) = (LotId(lot.id), self.number(seat.node));
        let place = Place { contract: CONTRACT, batch, lot, round: seat.round, node };
        let commitment = commitment(sha256, place, &[seat.answer], &SALT);
        commits.entry(seat.node).or_default().push(Op::Commit { batch, lot, commitment });
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
        let pays = if self.setting.requester { owns(self.requester) } else { 0 };
        (sum(own) + owns(self.challenger) + pays, sum(honest))
    }
}

type Queue = BTreeMap<u32, Vec<Op>>;

/// What is due to an honest slot, in thousandths of R.
fn due(round: u8) -> i64 {
    if round == 1 { i64::from(REWARD / 2) } else { i64::from(REWARD) }
}

/// A largest group of round 0 among what was revealed, and whether it is the only one.
fn largest(lot: &Lot) -> Option<(u8, bool)> {
    let shows = |seat: &&Seat| seat.round == 0 && seat.shows();
    let mut given = BTreeMap::new();
    lot.seats.iter().filter(shows).for_each(|seat| *given.entry(seat.answer).or_insert(0_u8) += 1);
    let most = *given.values().max()?;
    let mut largest = given.iter().filter(|(_, count)| **count == most);
    let answer = *largest.next()?.0;
    Some((answer, largest.next().is_none()))
}
