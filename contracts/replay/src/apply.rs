//! One line, entry by entry.

use super::{
    AppendedSegment, Context, Fault, Mirror, MovementKind, NamedAccount,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    amount::Amount,
    call::{HEARTBEAT, POKE, WITHDRAW_PAYOUT, WORK},
    draw::{At, Draw, Seed},
    due::DrawStep,
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, Digest, LotId, TokenId},
    key::Limit,
    lots::{group_count, lot_count},
    merkle::{self, Peaks},
    money,
    round::{batch_closed_to_claims, closed_to_claims},
    segments::{self, Segment},
    skip::Skip,
    storage,
    view::{Account, Batch, BatchStatus, Class, Node, NodeStatus, OpenBatch, Progress, Token},
};

impl Step<'_> {
    /// The node of the call was heard from. One that registers in this very call gets its record from the entry.
    pub fn seen(&mut self, caller: AccountNo, line: &Line) -> Result<(), Fault> {
        let registers = |entry: &Entry| matches!(entry, Entry::NodeRegistered { account, .. } if *account == caller);
        if line.log.iter().any(registers) {
            return Ok(());
        }
        let now_s = self.context.now_s;
        self.node(caller, |node| {
            node.seen(now_s);
            Ok(())
        })
    }

    pub fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        self.acted.any |= !matches!(entry, Entry::Intent { .. } | Entry::Skipped { .. });
        match entry {
            Entry::Configured { config } => self.settings(|settings| settings.config = config.clone()),
            Entry::OwnerProposed { account_id } => {
                self.settings(|settings| settings.proposed_owner_id.clone_from(account_id))
            }
            Entry::OwnerSet { account_id } => self.settings(|settings| settings.set_owner(account_id.clone())),
            Entry::RoleSet { role, account_id } => {
                self.settings(|settings| settings.set_role(*role, account_id.clone()))
            }
            Entry::TreasurySet { account } => self.settings(|settings| settings.treasury = *account),
            Entry::TreasuryPaid { account, token, amount } => self.treasury_paid(*account, *token, amount.0),
            Entry::Paused { features } => self.settings(|settings| settings.paused = *features),
            Entry::Proposed { number, ready_at, change } => self.proposed(*number, *ready_at, change),
            Entry::Dropped { number } => self.dropped(*number).map(drop),
            Entry::Applied { number } => self.applied(*number),
            Entry::TokenListed { token, account_id, min_reward, rep_unit, bond_rate } => self.token_listed(Token {
                token: *token,
                account_id: account_id.clone(),
                min_reward: *min_reward,
                rep_unit: *rep_unit,
                bond_rate: *bond_rate,
                pool: Amount(0),
                in_flight: Amount(0),
            }),
            Entry::AccountOpened { account, account_id, paid, used } => {
                self.account_opened(*account, account_id, *paid, *used)
            }
            Entry::Storage { account, paid, used } => {
                let row = &mut self.account(*account)?.row;
                (row.storage_paid, row.storage_used) = (*paid, *used);
                Ok(())
            }
            Entry::AccountClosed { account } => {
                self.changes.accounts.insert(*account);
                let named = self.mirror.accounts.remove(account).ok_or(Fault::NoAccount(*account))?;
                self.changes.unregistered.push(named);
                Ok(())
            }
            Entry::Deposited { account, token, amount, sender } => {
                if sender.is_none() && self.is_relay(*account)? {
                    return Err(Fault::Differs("whom a relay deposits for"));
                }
                self.sent = sender.as_ref().map(|_| *amount);
                self.balance(*account, *token, Side::Credit(amount.0), MovementKind::Deposit, Cause::default())
            }
            Entry::PayoutSet { account, account_id } => self.payout_set(*account, account_id.as_deref()),
            Entry::Withdrawing { account, token, amount } => self.withdrawing(*account, *token, amount.0),
            Entry::Withdrawn { account, token, amount, ok } => self.withdrawn(*account, *token, amount.0, *ok),
            Entry::NodeRegistered { account, stake, classes } => self.node_registered(*account, stake.0, classes),
            Entry::ClassRegistered { class, owner, name, schema, gated, burnt } => {
                let row = Class {
                    class: *class,
                    owner: *owner,
                    name: name.clone(),
                    schema: *schema,
                    gated: *gated,
                    ..Class::default()
                };
                self.class_registered(row, burnt.0)
            }
            Entry::ClassAdmitted { class, account } => self.class_admitted(*class, *account),
            Entry::ClassRemoved { class, account } => self.class_removed(*class, *account),
            Entry::OperatorSet { account, operator, accepted } => self.operator_set(*account, *operator, *accepted),
            Entry::NodeClasses { account, classes } => {
                let (now_s, classes) = (self.context.now_s, self.with_gates(classes)?);
                self.node(*account, |node| {
                    node.declare(&classes, now_s);
                    Ok(())
                })
            }
            Entry::Staked { account, stake, unbonding, until } => {
                // Every other call only lets the tickets follow the stake.
                let moves = self.must_be(&["stake_add", "stake_remove", "stake_claim"]).is_ok();
                let (now_s, min_stake) = (self.context.now_s, self.mirror.settings.config.min_stake.0);
                self.node(*account, |node| {
                    if !moves && (node.stake, node.unbonding, node.unbonding_until) != (*stake, *unbonding, *until) {
                        return Err(Fault::Differs("the stake"));
                    }
                    node.set_stake(stake.0, min_stake, now_s);
                    if node.stake < node.bonded {
                        return Err(Fault::Differs("a stake below its bonds"));
                    }
                    (node.unbonding, node.unbonding_until) = (*unbonding, *until);
                    Ok(())
                })
            }
            Entry::StatusChanged { account, status } => self.status_changed(*account, *status),
            Entry::BatchCreated { .. } => self.batch_created(entry),
            Entry::BatchAppended { batch, items, manifest, uri, escrow, opened } => {
                self.batch_appended(*batch, (*items, *manifest, uri), escrow.0, *opened)
            }
            Entry::Raised { batch, reward, escrow } => self.batch_raised(*batch, *reward, escrow.0),
            Entry::ExpiryExtended { batch, expires_at } => self.expiry_extended(*batch, *expires_at),
            Entry::AdjudicatorAccepted { batch, amount } => self.adjudicator_accepted(*batch, amount.0),
            Entry::AdjudicatorResigned { batch } => self.adjudicator_resigned(*batch),
            Entry::DrawOpened { batch, at } => self.draw(*batch, *at, Draw::Opened(self.context.now_s)),
            Entry::Seeded { batch, at, value, tickets, appeal } => {
                let Context { now_s, height, .. } = *self.context;
                let seed = Seed { value: *value, at: now_s, height, tickets: *tickets, appeal: *appeal };
                self.draw(*batch, *at, Draw::Seeded(seed))
            }
            Entry::Claimed { batch, lot, reward, replaced } => self.claimed(*batch, *lot, *reward, replaced.as_ref()),
            Entry::Passed { batch, lot } => self.passed(*batch, *lot),
            Entry::Released { batch, lot, slash } => self.released(*batch, *lot, slash.0),
            Entry::Committed { batch, lot, commitment } => self.committed(*batch, *lot, commitment),
            Entry::Revealing { batch, lot, abandoned } => self.revealing(*batch, *lot, abandoned),
            Entry::Revealed { batch, lot, digest } => self.revealed(*batch, *lot, digest),
            Entry::Extended { batch, lot, items } => self.extended(*batch, *lot, items.0),
            Entry::Provisional { batch, lot, accepted, digest } => self.provisional(*batch, *lot, accepted.0, digest),
            Entry::Judging { batch, lot } => self.judging(*batch, *lot),
            Entry::VerdictGiven { batch, lot, scores, report } => self.verdict_given(*batch, *lot, scores, report),
            Entry::Challenged { batch, lot, account, items, deposit, evidence: _, replaced } => {
                self.challenged((*batch, *lot), (*account, items.0), deposit.0, *replaced)
            }
            Entry::JuryOpened { batch, lot } => self.jury_opened(*batch, *lot),
            Entry::Ruled { batch, lot, overturned, jurors, challengers, pot } => {
                self.ruled(*batch, *lot, (overturned.0, jurors, challengers, pot.0))
            }
            Entry::Freed { batch, lot, abandoned } => self.freed(*batch, *lot, abandoned),
            Entry::Settled { batch, lot, n, accepted, digest, fee, refund, forfeit, slots } => {
                self.settled((*batch, *lot), (*n, accepted.0, *digest), (fee.0, refund.0, forfeit.0), slots)
            }
            Entry::BatchCancelled { batch } => {
                let row = self.batch(*batch)?;
                if row.status != BatchStatus::Open {
                    return Err(Fault::NoBatch(*batch));
                }
                row.status = BatchStatus::Cancelled;
                Ok(())
            }
            Entry::BatchPaid { batch, fees, referral, refund } => {
                self.batch_paid(*batch, (fees.0, referral.0, refund.0))
            }
            Entry::BatchClosed { batch, fees, referral, refund } => {
                self.batch_closed(*batch, (fees.0, referral.0, refund.0))
            }
            Entry::BatchTold { batch } => {
                self.batch(*batch)?.callback.take().map(drop).ok_or(Fault::Differs("the callback of the batch"))
            }
            Entry::BatchForgotten { batch } => self.batch_forgotten(*batch),
            Entry::KeySet { account, public_key, kinds, token, daily_cap } => {
                let limit = Limit { token: *token, daily_cap: *daily_cap, spent: Amount(0) };
                self.key_set(*account, *public_key, (*kinds, limit))
            }
            Entry::Intent { op: _, account, public_key, kind, nonce, spent, failed } => {
                self.intent(*account, *public_key, (*kind, *nonce, spent.0), *failed)
            }
            Entry::Transferred { account, receiver, token, amount, memo: _ } => {
                self.transferred((*account, *receiver), *token, amount.0)
            }
            Entry::Skipped { op, code } => {
                self.changes.skips.push((*op, *code));
                self.ended()
            }
        }
    }

    /// A node pauses and resumes by its own calls, and is silent once it was not heard from for long.
    fn status_changed(&mut self, account: AccountNo, status: NodeStatus) -> Result<(), Fault> {
        let (now_s, window_s) = (self.context.now_s, self.mirror.settings.config.liveness_window_s);
        self.must_be(match status {
            NodeStatus::Active => &["node_resume", HEARTBEAT, WORK],
            NodeStatus::Paused => &["node_pause"],
            NodeStatus::Silent => &[POKE],
        })?;
        self.node(account, |node| {
            if status == NodeStatus::Silent && !node.is_overdue(window_s, now_s) {
                return Err(Fault::Differs("the silence of a node"));
            }
            node.set_status(status, now_s);
            Ok(())
        })
    }

    fn token_listed(&mut self, token: Token) -> Result<(), Fault> {
        let number = token.token;
        self.changes.tokens.insert(number);
        match self.mirror.tokens.insert(number, token) {
            None => Ok(()),
            Some(_) => Err(Fault::Differs("the token's number")),
        }
    }

    fn account_opened(&mut self, account: AccountNo, account_id: &str, paid: Amount, used: u32) -> Result<(), Fault> {
        let next = &mut self.mirror.root.next_account;
        if account.0 != *next {
            return Err(Fault::Differs("the account's number"));
        }
        *next = next.checked_add(1).ok_or(Fault::Range("the number of the next account"))?;
        let row = Account {
            account,
            storage_paid: paid,
            storage_used: used,
            in_flight: 0,
            balances: Vec::new(),
            node: None,
            keys: Vec::new(),
            payout: None,
        };
        self.mirror.accounts.insert(account, NamedAccount { account_id: account_id.to_owned(), row });
        self.changes.accounts.insert(account);
        Ok(())
    }

    /// Whether a transfer of the account's has to name for whom it is.
    fn is_relay(&self, account: AccountNo) -> Result<bool, Fault> {
        let Mirror { accounts, settings, .. } = &*self.mirror;
        let named = accounts.get(&account).ok_or(Fault::NoAccount(account))?;
        Ok(self.event == "ft_on_transfer" && settings.config.relays.contains(&named.account_id))
    }

    fn payout_set(&mut self, account: AccountNo, payout: Option<&str>) -> Result<(), Fault> {
        self.must_be(&["payout_set"])?;
        let named = self.account(account)?;
        if payout == Some(&named.account_id) {
            return Err(Fault::Differs("the payout account"));
        }
        let before = std::mem::replace(&mut named.row.payout, payout.map(str::to_owned));
        self.uncharge(account, storage::payout_bytes(before.as_deref()))?;
        self.charge(account, storage::payout_bytes(payout))
    }

    fn withdrawing(&mut self, account: AccountNo, token: TokenId, amount: u128) -> Result<(), Fault> {
        if self.event == WITHDRAW_PAYOUT && self.account(account)?.row.payout.is_none() {
            return Err(Fault::Differs("the payout account"));
        }
        self.balance(account, token, Side::Debit(amount), MovementKind::Withdraw, Cause::default())?;
        let in_flight = &mut self.account(account)?.row.in_flight;
        *in_flight = in_flight.checked_add(1).ok_or(Fault::Range("withdrawals in flight"))?;
        add(&mut self.token(token)?.in_flight, amount, "the token's amount in flight")
    }

    fn withdrawn(&mut self, account: AccountNo, token: TokenId, amount: u128, ok: bool) -> Result<(), Fault> {
        let in_flight = &mut self.account(account)?.row.in_flight;
        *in_flight = in_flight.checked_sub(1).ok_or(Fault::Range("withdrawals in flight"))?;
        subtract(&mut self.token(token)?.in_flight, amount, "the token's amount in flight")?;
        if ok {
            return Ok(());
        }
        self.balance(account, token, Side::Credit(amount), MovementKind::Restore, Cause::default())
    }

    fn node_registered(&mut self, account: AccountNo, stake: u128, classes: &[ClassId]) -> Result<(), Fault> {
        let (now_s, min_stake) = (self.context.now_s, self.mirror.settings.config.min_stake.0);
        self.account(account)?.row.node.get_or_insert_with(|| Node { status: NodeStatus::Silent, ..Node::new(now_s) });
        let classes = self.with_gates(classes)?;
        self.node(account, |node| {
            let stake = node.stake.0.checked_add(stake).ok_or(Fault::Range("the node's stake"))?;
            node.set_status(NodeStatus::Active, now_s);
            node.set_stake(stake, min_stake, now_s);
            node.declare(&classes, now_s);
            node.last_seen = now_s;
            Ok(())
        })
    }

    fn batch_created(&mut self, entry: &Entry) -> Result<(), Fault> {
        let Entry::BatchCreated {
            batch,
            requester,
            token,
            items,
            manifest,
            gold_root: _,
            callback,
            uri: _,
            escrow,
            terms,
            fixed,
            appendable,
            forget_on_close,
            referrer,
        } = entry
        else {
            return Err(Fault::Differs("the entry of a batch"));
        };
        let (batch, requester, token) = (*batch, *requester, *token);
        let next = &mut self.mirror.root.next_batch;
        if batch.0 != *next {
            return Err(Fault::Differs("the batch's number"));
        }
        *next = next.checked_add(1).ok_or(Fault::Range("the number of the next batch"))?;
        let config = &self.mirror.settings.config;
        let row = self.mirror.tokens.get(&token).ok_or(Fault::NoToken(token))?;
        if terms.check(&config.bounds, row.min_reward.0, self.context.now_s).is_err() {
            return Err(Fault::Differs("a batch's terms"));
        }
        if *fixed != config.fix(row.bond_rate, row.rep_unit) {
            return Err(Fault::Differs("what a batch fixes"));
        }
        if escrow.0 != money::escrow(terms, fixed.fee_bps, *items) {
            return Err(Fault::Differs("the escrow"));
        }
        if self.sent.is_some_and(|sent| sent < *escrow) {
            return Err(Fault::Differs("what pays for a batch"));
        }
        if *forget_on_close && callback.is_some() {
            return Err(Fault::Differs("a callback of a batch that is forgotten"));
        }
        if let Some(referrer) = referrer {
            if !referrer.is_possible() {
                return Err(Fault::Differs("the part of a referrer"));
            }
            self.operator_of(referrer.account)?;
        }
        self.balance(
            requester,
            token,
            Side::Debit(escrow.0),
            MovementKind::Escrow,
            Cause { batch: Some(batch), lot: None },
        )?;
        self.charge(requester, storage::BATCH_BYTES)?;
        let mut progress = Progress::default();
        if terms.adjudicator().is_none() {
            progress.window.draws[0] = Draw::Opened(self.context.now_s);
        }
        if terms.class.0 >= self.mirror.root.next_class {
            return Err(Fault::NoSuchClass(terms.class));
        }
        let requester_operator = self.operator_of(requester)?;
        let open = OpenBatch {
            requester,
            requester_operator,
            token,
            terms: terms.clone(),
            fixed: fixed.clone(),
            items: *items,
            manifest: *manifest,
            created_at: self.context.now_s,
            appendable: *appendable,
            forget_on_close: *forget_on_close,
            referrer: *referrer,
            appended: merkle::EMPTY,
            progress,
            escrow: *escrow,
        };
        let row = Batch {
            batch,
            status: BatchStatus::Open,
            settled: 0,
            results_root: merkle::EMPTY,
            callback: callback.clone(),
            open: Some(open),
        };
        self.mirror.batches.insert(batch, row);
        self.mirror.ranges.insert(batch, Peaks::default());
        self.changes.batches.insert(batch);
        Ok(())
    }

    /// Lots that follow whole ones, with their escrow. An adjudicator accepts them anew.
    fn batch_appended(
        &mut self,
        batch: BatchId,
        (items, manifest, uri): (u32, Digest, &str),
        escrow: u128,
        opened: bool,
    ) -> Result<(), Fault> {
        let (now_s, cancelled) = (self.context.now_s, self.is_cancelled(batch));
        let open = self.open_batch(batch)?;
        let (requester, token, first_item) = (open.requester, open.token, open.items);
        let is_whole = first_item % u32::from(open.terms.lot_size) == 0;
        let takes = open.appendable && !batch_closed_to_claims(&open.terms, cancelled, now_s);
        if !takes || !is_whole || items == 0 {
            return Err(Fault::Differs("an append"));
        }
        let lots = lot_count(first_item, open.terms.lot_size);
        if open.progress.window.append(lots, &open.terms, now_s) != Some(opened) {
            return Err(Fault::Differs("the draw of appended lots"));
        }
        if escrow != money::escrow(&open.terms, open.fixed.fee_bps, items) {
            return Err(Fault::Differs("the escrow"));
        }
        open.items = first_item.checked_add(items).ok_or(Fault::Range("the items of a batch"))?;
        let segment = Segment { first_item, items, manifest };
        open.appended = segments::appended(sha256, &open.appended, &segment);
        open.progress.accepted = false;
        add(&mut open.escrow, escrow, "the batch's escrow")?;
        self.changes.appended.push((batch, AppendedSegment { segment, uri: uri.to_owned() }));
        let cause = Cause { batch: Some(batch), lot: None };
        self.balance(requester, token, Side::Debit(escrow), MovementKind::Escrow, cause)
    }

    /// A higher reward of lots without a record, with what their escrow lacks. An adjudicator accepts it anew.
    fn batch_raised(&mut self, batch: BatchId, reward: Amount, escrow: u128) -> Result<(), Fault> {
        let (now_s, cancelled) = (self.context.now_s, self.is_cancelled(batch));
        let settled = self.batch(batch)?.settled;
        let open = self.terms_of(batch)?;
        let last = LotId(lot_count(open.items, open.terms.lot_size).saturating_sub(1));
        let waiting = open.waiting_lots(settled, self.mirror.lots.contains_key(&(batch, last)));
        let open = self.open_batch(batch)?;
        if !open.terms.may_be_raised_to(reward.0, cancelled, now_s) {
            return Err(Fault::Differs("a raise"));
        }
        if escrow != money::raise(&open.terms, open.fixed.fee_bps, reward, waiting) {
            return Err(Fault::Differs("the escrow"));
        }
        open.terms.reward = reward;
        open.progress.accepted = false;
        add(&mut open.escrow, escrow, "the batch's escrow")?;
        let (requester, token) = (open.requester, open.token);
        let cause = Cause { batch: Some(batch), lot: None };
        self.balance(requester, token, Side::Debit(escrow), MovementKind::Escrow, cause)
    }

    /// A later expiry of a batch that is not cancelled.
    fn expiry_extended(&mut self, batch: BatchId, expires_at: u32) -> Result<(), Fault> {
        let lifetime_s = self.mirror.settings.config.bounds.lifetime_max_s;
        let (now_s, cancelled) = (self.context.now_s, self.is_cancelled(batch));
        let open = self.open_batch(batch)?;
        if !open.terms.may_expire_at(expires_at, cancelled, (open.created_at, lifetime_s), now_s) {
            return Err(Fault::Differs("a later expiry"));
        }
        open.terms.expires_at = expires_at;
        Ok(())
    }

    /// A draw moves on by the step that is due, so that no seed is ever drawn anew but where lots are appended.
    fn draw(&mut self, batch: BatchId, at: At, next: Draw) -> Result<(), Fault> {
        let now_s = self.context.now_s;
        let (cancelled, caller) = (self.is_cancelled(batch), self.caller()?);
        self.node(caller, |node| if node.active_tickets() > 0 { Ok(()) } else { Err(Fault::Refused(Skip::Inactive)) })?;
        let open = self.terms_of(batch)?.clone();
        let backed = open.is_backed();
        let OpenBatch { terms, fixed, progress, items, .. } = open;
        let class = self.mirror.classes.get(&terms.class).cloned().ok_or(Fault::NoSuchClass(terms.class))?;
        let (due, round) = match at {
            At::Group(group) => {
                let draw = progress.window.draw(group).filter(|_| group < group_count(items, terms.lot_size));
                let draw = draw.ok_or(Fault::NoGroup(batch, group))?;
                let may = backed && terms.may_be_drawn(&fixed, &class);
                let may_open = progress.window.may_open(group, class.tickets, &terms);
                (draw.due(may_open, terms.round_slice_s(0), now_s).filter(|_| may), 0)
            }
            At::Lot(lot) => {
                let state = self.lot(batch, lot)?;
                let may_draw = state.may_draw(&terms, now_s).is_ok();
                (state.draw.due(false, terms.round_slice_s(state.round), now_s).filter(|_| may_draw), state.round)
            }
        };
        let follows = match (due, &next) {
            (Some(DrawStep::Open), Draw::Opened(_)) => true,
            (Some(DrawStep::Capture), Draw::Seeded(seed)) => {
                let appeal = terms.has_appeal(&fixed, &class);
                seed.tickets == class.tickets && (round > 0 || seed.appeal == appeal)
            }
            _ => false,
        };
        if !follows || closed_to_claims(&terms, cancelled, round, now_s) {
            return Err(Fault::Differs("a draw"));
        }
        match at {
            At::Group(group) => {
                let window = &mut self.open_batch(batch)?.progress.window;
                let index = window.index(group).ok_or(Fault::NoGroup(batch, group))?;
                window.draws[index] = next;
                Ok(())
            }
            At::Lot(lot) => {
                self.lot(batch, lot)?.draw = next;
                Ok(())
            }
        }
    }

    /// What waited of a token goes to the treasury, all of it.
    fn treasury_paid(&mut self, account: AccountNo, token: TokenId, amount: u128) -> Result<(), Fault> {
        let waits = std::mem::take(&mut self.token(token)?.pool);
        if self.mirror.settings.treasury != Some(account) || waits.0 != amount {
            return Err(Fault::Differs("what the treasury gets"));
        }
        self.balance(account, token, Side::Credit(amount), MovementKind::Treasury, Cause::default())
    }

    /// What settled lots left leaves the batch.
    fn batch_paid(&mut self, batch: BatchId, told: (u128, u128, u128)) -> Result<(), Fault> {
        let open = self.open_batch(batch)?;
        let freed = std::mem::take(&mut open.progress.freed);
        let (fees, referral, refund) = told;
        if freed.0 != refund {
            return Err(Fault::Differs("what settled lots left"));
        }
        for amount in [fees, referral, refund] {
            subtract(&mut open.escrow, amount, "the batch's escrow")?;
        }
        let last = open.clone();
        let open = self.open_batch(batch)?;
        (open.progress.fees, open.progress.referral) = Default::default();
        self.pay_out(batch, &last, told)
    }

    fn batch_closed(&mut self, batch: BatchId, told: (u128, u128, u128)) -> Result<(), Fault> {
        let (cancelled, now_s) = (self.is_cancelled(batch), self.context.now_s);
        let row = self.batch(batch)?;
        let open = row.open.take().ok_or(Fault::NoBatch(batch))?;
        row.status = BatchStatus::Closed;
        let (lots, live) = (lot_count(open.items, open.terms.lot_size), open.progress.live);
        if !open.progress.window.closes((lots, live), &open.terms, (open.appendable, cancelled), now_s) {
            return Err(Fault::Differs("what a batch waits for"));
        }
        let (fees, referral, refund) = told;
        let left = [fees, referral, open.progress.bond.0];
        let rest = left.iter().try_fold(open.escrow.0, |rest, part| rest.checked_sub(*part));
        if rest != Some(refund) {
            return Err(Fault::Differs("the rest of the escrow"));
        }
        self.mirror.ranges.remove(&batch);
        self.pay_out(batch, &open, told)?;
        let kept = if open.forget_on_close { 0 } else { storage::CLOSED_BATCH_BYTES };
        self.uncharge(open.requester, storage::BATCH_BYTES - kept)?;
        let lots = open.progress.reserved.checked_mul(storage::lot_bytes(&open.terms));
        self.uncharge(open.requester, lots.ok_or(Fault::Range("an account's storage"))?)?;
        if let Some(adjudicator) = open.terms.adjudicator() {
            let (cause, bond) = (Cause { batch: Some(batch), lot: None }, open.progress.bond.0);
            self.balance(adjudicator, open.token, Side::Credit(bond), MovementKind::Bond, cause)?;
        }
        if open.forget_on_close {
            self.changes.forgotten.extend(self.mirror.batches.remove(&batch));
        }
        self.changes.closed.push((batch, open));
        Ok(())
    }

    /// Fees to the token, the referrer's part to it if it has room, the rest to the requester.
    fn pay_out(
        &mut self,
        batch: BatchId,
        open: &OpenBatch,
        (fees, referral, refund): (u128, u128, u128),
    ) -> Result<(), Fault> {
        let due = &open.progress;
        let all = due.fees.0.checked_add(due.referral.0);
        if all != fees.checked_add(referral) || (referral != due.referral.0 && (referral > 0 || self.has_balance(open)))
        {
            return Err(Fault::Differs("the parts of the fees"));
        }
        add(&mut self.token(open.token)?.pool, fees, "the fee pool")?;
        let cause = Cause { batch: Some(batch), lot: None };
        if let Some(referrer) = &open.referrer {
            self.balance(referrer.account, open.token, Side::Credit(referral), MovementKind::Referral, cause)?;
        }
        self.balance(open.requester, open.token, Side::Credit(refund), MovementKind::Refund, cause)
    }

    /// Whether the batch's referrer holds some of its token, and so surely has room for more.
    fn has_balance(&self, open: &OpenBatch) -> bool {
        let account = open.referrer.and_then(|referrer| self.mirror.accounts.get(&referrer.account));
        account.is_some_and(|named| named.row.balances.iter().any(|balance| balance.token == open.token))
    }

    fn batch_forgotten(&mut self, batch: BatchId) -> Result<(), Fault> {
        if self.batch(batch)?.open.is_some() {
            return Err(Fault::Differs("the status of the batch"));
        }
        self.changes.forgotten.extend(self.mirror.batches.remove(&batch));
        Ok(())
    }

    /// Adds slashed NEAR to what is burnt.
    pub fn burn(&mut self, amount: u128) -> Result<(), Fault> {
        add(&mut self.mirror.root.burnt, amount, "the slashed NEAR")
    }
}
