//! One line, entry by entry.

use super::{
    Context, Fault, MovementKind, NamedAccount,
    step::{Cause, Side, Step, add, subtract},
};
use piecework_interface::{
    amount::Amount,
    draw::{At, Draw, Seed},
    due::DrawStep,
    event::{Entry, Line, Version},
    ids::{AccountNo, BatchId, ClassId, NEAR, TokenId},
    key::Limit,
    lots::group_count,
    merkle::{self, Peaks},
    money,
    round::closed_to_claims,
    skip::Skip,
    storage,
    view::{Account, Batch, BatchStatus, LotPhase, Node, NodeStatus, OpenBatch, Progress, Token},
};

impl Step<'_> {
    /// The node of the call was heard from. One that registers in this very call gets its record from the entry.
    pub fn seen(&mut self, caller: AccountNo, line: &Line) -> Result<(), Fault> {
        let registers = |entry: &Entry| matches!(entry, Entry::NodeRegistered { account, .. } if *account == caller);
        if line.log.iter().any(registers) {
            return Ok(());
        }
        let (now_s, version) = (self.context.now_s, self.version);
        self.node(caller, |node| {
            if version == Version::First || !node.seen_lately(now_s) {
                node.seen(now_s);
            }
            Ok(())
        })
    }

    pub fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        match entry {
            Entry::Configured { config } => {
                self.mirror.revenue.started_at = self.context.now_s;
                self.changes.revenue = true;
                self.settings(|settings| settings.config = config.clone())
            }
            Entry::OwnerProposed { account_id } => {
                self.settings(|settings| settings.proposed_owner_id.clone_from(account_id))
            }
            Entry::OwnerSet { account_id } => self.settings(|settings| settings.set_owner(account_id.clone())),
            Entry::RoleSet { role, account_id } => {
                self.settings(|settings| settings.set_role(*role, account_id.clone()))
            }
            Entry::TreasurySet { account } => self.settings(|settings| settings.treasury = *account),
            Entry::EpochEnded { epoch, shares } => self.epoch_ended(*epoch, shares),
            Entry::Collected { account, tickets } => self.collected(*account, *tickets),
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
            Entry::Deposited { account, token, amount } => {
                self.balance(*account, *token, Side::Credit(amount.0), MovementKind::Deposit, Cause::default())
            }
            Entry::Withdrawing { account, token, amount } => self.withdrawing(*account, *token, amount.0),
            Entry::Withdrawn { account, token, amount, ok } => self.withdrawn(*account, *token, amount.0, *ok),
            Entry::NodeRegistered { account, stake, classes } => self.node_registered(*account, stake.0, classes),
            Entry::NodeClasses { account, classes } => self.node(*account, |node| {
                node.declare(classes);
                Ok(())
            }),
            Entry::Staked { account, stake, unbonding, until } => {
                let (now_s, min_stake) = (self.context.now_s, self.mirror.settings.config.min_stake.0);
                self.node(*account, |node| {
                    node.set_stake(stake.0, min_stake, now_s);
                    (node.unbonding, node.unbonding_until) = (*unbonding, *until);
                    Ok(())
                })?;
                self.count_tickets(*account, false)
            }
            Entry::StatusChanged { account, status } => {
                let now_s = self.context.now_s;
                self.node(*account, |node| {
                    node.set_status(*status, now_s);
                    Ok(())
                })
            }
            Entry::BatchCreated { .. } => self.batch_created(entry),
            Entry::AdjudicatorAccepted { batch, bond } => self.adjudicator_accepted(*batch, bond.0),
            Entry::DrawOpened { batch, at } => self.draw(*batch, *at, Draw::Opened(self.context.now_s)),
            Entry::Seeded { batch, at, value, tickets } => {
                let Context { now_s, height, .. } = *self.context;
                let seed = Seed { value: *value, at: now_s, height, tickets: *tickets };
                self.draw(*batch, *at, Draw::Seeded(seed))
            }
            Entry::Claimed { batch, lot, replaced } => self.claimed(*batch, *lot, replaced.as_ref()),
            Entry::Released { batch, lot, slash } => self.released(*batch, *lot, slash.0),
            Entry::Committed { batch, lot, commitment } => self.committed(*batch, *lot, commitment),
            Entry::Revealing { batch, lot, abandoned } => self.revealing(*batch, *lot, abandoned),
            Entry::Revealed { batch, lot, digest } => self.revealed(*batch, *lot, digest),
            Entry::Extended { batch, lot, items } => self.extended(*batch, *lot, items.0),
            Entry::Provisional { batch, lot, accepted, digest } => self.provisional(*batch, *lot, accepted.0, digest),
            Entry::Judging { batch, lot } => self.turn(*batch, *lot, LotPhase::Judging),
            Entry::VerdictGiven { batch, lot, scores, report } => self.verdict_given(*batch, *lot, scores, report),
            Entry::GoldOpened { batch, lot, equal, against, decided, void } => {
                self.gold_opened(*batch, *lot, (equal.0, against.0), decided, void.0)
            }
            Entry::Challenged { batch, lot, account, items, bond } => {
                self.challenged(*batch, *lot, *account, items.0, bond.0)
            }
            Entry::JuryOpened { batch, lot } => self.jury_opened(*batch, *lot),
            Entry::Ruled { batch, lot, overturned, jurors, challengers, forfeit } => {
                self.ruled(*batch, *lot, (overturned.0, jurors, challengers, forfeit.0))
            }
            Entry::Freed { batch, lot, abandoned } => self.freed(*batch, *lot, abandoned),
            Entry::Settled { batch, lot, n, accepted, digest, fee, refund, slots } => {
                self.settled((*batch, *lot), (*n, accepted.0, *digest), (fee.0, refund.0), slots)
            }
            Entry::BatchCancelled { batch } => {
                let row = self.batch(*batch)?;
                row.open.as_ref().ok_or(Fault::NoBatch(*batch))?;
                row.status = BatchStatus::Cancelled;
                Ok(())
            }
            Entry::BatchPaid { batch, fees, refund } => self.batch_paid(*batch, (fees.0, refund.0)),
            Entry::BatchClosed { batch, fees, refund } => self.batch_closed(*batch, (fees.0, refund.0)),
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
                Ok(())
            }
        }
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
        };
        self.mirror.accounts.insert(account, NamedAccount { account_id: account_id.to_owned(), row });
        self.changes.accounts.insert(account);
        Ok(())
    }

    fn withdrawing(&mut self, account: AccountNo, token: TokenId, amount: u128) -> Result<(), Fault> {
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
        self.node(account, |node| {
            let stake = node.stake.0.checked_add(stake).ok_or(Fault::Range("the node's stake"))?;
            node.set_status(NodeStatus::Active, now_s);
            node.set_stake(stake, min_stake, now_s);
            node.declare(classes);
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
            gold_root,
            callback,
            uri: _,
            escrow,
            terms,
            fixed,
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
        if escrow.0 != money::escrow(terms, fixed.fee_bps, *items) {
            return Err(Fault::Differs("the escrow"));
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
        let open = OpenBatch {
            requester,
            token,
            terms: terms.clone(),
            fixed: fixed.clone(),
            items: *items,
            manifest: *manifest,
            gold_root: *gold_root,
            created_at: self.context.now_s,
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

    /// A draw moves on by the step that is due, so that no seed is ever drawn anew.
    fn draw(&mut self, batch: BatchId, at: At, next: Draw) -> Result<(), Fault> {
        let (active_tickets, now_s) = (self.mirror.root.active_tickets, self.context.now_s);
        let (cancelled, caller) = (self.is_cancelled(batch), self.caller()?);
        self.node(caller, |node| if node.active_tickets() > 0 { Ok(()) } else { Err(Fault::Refused(Skip::Inactive)) })?;
        let OpenBatch { terms, progress, items, .. } = self.terms_of(batch)?.clone();
        let (due, round) = match at {
            At::Group(group) => {
                let draw = progress.window.draw(group).filter(|_| group < group_count(items, terms.lot_size));
                let draw = draw.ok_or(Fault::NoGroup(batch, group))?;
                let accepted = terms.adjudicator().is_none() || progress.adjudicator_bond.is_some();
                let may_open = accepted && progress.window.may_open(group, active_tickets, &terms);
                (draw.due(may_open, &terms, now_s), 0)
            }
            At::Lot(lot) => {
                let state = self.lot(batch, lot)?;
                let may_draw = state.may_draw(&terms, now_s).is_ok();
                (state.draw.due(false, &terms, now_s).filter(|_| may_draw), state.round)
            }
        };
        let follows = match (due, &next) {
            (Some(DrawStep::Open), Draw::Opened(_)) => true,
            (Some(DrawStep::Capture), Draw::Seeded(seed)) => seed.tickets == active_tickets,
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
            At::Lot(lot) => self.lot_drawn(batch, lot, next),
        }
    }

    /// What settled lots left leaves the batch.
    fn batch_paid(&mut self, batch: BatchId, (fees, refund): (u128, u128)) -> Result<(), Fault> {
        let open = self.open_batch(batch)?;
        let (requester, token) = (open.requester, open.token);
        let held = (std::mem::take(&mut open.progress.fees), std::mem::take(&mut open.progress.freed));
        if (held.0.0, held.1.0) != (fees, refund) {
            return Err(Fault::Differs("what settled lots left"));
        }
        subtract(&mut open.escrow, fees, "the batch's escrow")?;
        subtract(&mut open.escrow, refund, "the batch's escrow")?;
        self.pay_out(batch, (requester, token), (fees, refund))
    }

    fn batch_closed(&mut self, batch: BatchId, (fees, refund): (u128, u128)) -> Result<(), Fault> {
        let row = self.batch(batch)?;
        let open = row.open.take().ok_or(Fault::NoBatch(batch))?;
        row.status = BatchStatus::Closed;
        if (open.progress.fees.0, open.escrow.0.checked_sub(fees)) != (fees, Some(refund)) {
            return Err(Fault::Differs("the rest of the escrow"));
        }
        self.mirror.ranges.remove(&batch);
        self.pay_out(batch, (open.requester, open.token), (fees, refund))?;
        let bytes = storage::BATCH_BYTES - storage::CLOSED_BATCH_BYTES;
        self.uncharge(open.requester, bytes)?;
        let lots = open.progress.reserved.checked_mul(storage::lot_bytes(&open.terms));
        self.uncharge(open.requester, lots.ok_or(Fault::Range("an account's storage"))?)?;
        if let Some((adjudicator, bond)) = open.terms.adjudicator().zip(open.progress.adjudicator_bond) {
            let cause = Cause { batch: Some(batch), lot: None };
            self.balance(adjudicator, NEAR, Side::Credit(bond.0), MovementKind::Bond, cause)?;
        }
        self.changes.closed.push((batch, open));
        Ok(())
    }

    fn pay_out(
        &mut self,
        batch: BatchId,
        (requester, token): (AccountNo, TokenId),
        (fees, refund): (u128, u128),
    ) -> Result<(), Fault> {
        add(&mut self.token(token)?.pool, fees, "the fee pool")?;
        let cause = Cause { batch: Some(batch), lot: None };
        self.balance(requester, token, Side::Credit(refund), MovementKind::Refund, cause)
    }

    fn batch_forgotten(&mut self, batch: BatchId) -> Result<(), Fault> {
        if self.batch(batch)?.open.is_some() {
            return Err(Fault::Differs("the status of the batch"));
        }
        self.changes.forgotten.extend(self.mirror.batches.remove(&batch));
        Ok(())
    }

    /// Slashed NEAR joins the insurance pool.
    pub fn insure(&mut self, slash: u128) -> Result<(), Fault> {
        add(&mut self.mirror.root.insurance, slash, "the insurance pool")
    }
}
