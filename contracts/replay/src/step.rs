//! A line being applied, and rows by number: found or a fault, and marked as changed.

use super::{Changes, Context, Fault, Mirror, Movement, MovementKind, NamedAccount};
use piecework_interface::{
    amount::Amount,
    classes,
    ids::{AccountNo, BatchId, LotId, TokenId},
    view::{Balance, Batch, BatchStatus, LotState, Node, OpenBatch, Token},
};

/// A line being applied.
pub(super) struct Step<'a> {
    pub mirror: &'a mut Mirror,
    pub context: &'a Context<'a>,
    pub caller: Option<AccountNo>,
    /// The method that wrote the line.
    pub event: &'a str,
    /// Lots whose round ended without a result in this line: what comes of them stands in the same line.
    pub freed: Vec<(BatchId, LotId)>,
    /// What stands since the last intent of the line.
    pub acted: Acted,
    /// What another sent the account whose deposit the line is: its batch takes no more.
    pub sent: Option<Amount>,
    pub changes: Changes,
}

/// What a line holds since its last intent: the next one did it, or none may have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acted {
    /// Whether there is an entry.
    pub any: bool,
    /// Movements before them.
    pub movements: usize,
}

/// What a movement of a balance belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cause {
    pub batch: Option<BatchId>,
    pub lot: Option<LotId>,
}

/// Which way a balance moves, and by how much.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Credit(u128),
    Debit(u128),
}

impl Step<'_> {
    /// The line must be one of these methods'.
    pub(super) fn must_be(&self, events: &[&str]) -> Result<(), Fault> {
        if events.contains(&self.event) { Ok(()) } else { Err(Fault::Differs("the method of the line")) }
    }

    pub(super) fn account(&mut self, account: AccountNo) -> Result<&mut NamedAccount, Fault> {
        self.changes.accounts.insert(account);
        self.mirror.accounts.get_mut(&account).ok_or(Fault::NoAccount(account))
    }

    /// Changes a node and keeps what its classes count.
    pub(super) fn node<T>(
        &mut self,
        account: AccountNo,
        change: impl FnOnce(&mut Node) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let node = self.account(account)?.row.node.as_mut().ok_or(Fault::NoNode(account))?;
        let before = node.clone();
        let result = change(node)?;
        for (class, before, now) in classes::moves(&before, node) {
            self.changes.classes.insert(class);
            let row = self.mirror.classes.get_mut(&class).ok_or(Fault::NoSuchClass(class))?;
            row.count(before, now).ok_or(Fault::Range("what a class counts"))?;
        }
        Ok(result)
    }

    /// Who stands behind an account: its node's operator, or itself.
    pub(super) fn operator_of(&self, account: AccountNo) -> Result<AccountNo, Fault> {
        let named = self.mirror.accounts.get(&account).ok_or(Fault::NoAccount(account))?;
        Ok(named.row.node.as_ref().map_or(account, |node| node.operator_or(account)))
    }

    /// The node whose call the line is.
    pub(super) fn caller(&self) -> Result<AccountNo, Fault> {
        self.caller.ok_or(Fault::NoCaller)
    }

    pub(super) fn token(&mut self, token: TokenId) -> Result<&mut Token, Fault> {
        self.changes.tokens.insert(token);
        self.mirror.tokens.get_mut(&token).ok_or(Fault::NoToken(token))
    }

    pub(super) fn batch(&mut self, batch: BatchId) -> Result<&mut Batch, Fault> {
        self.changes.batches.insert(batch);
        self.mirror.batches.get_mut(&batch).ok_or(Fault::NoBatch(batch))
    }

    pub(super) fn open_batch(&mut self, batch: BatchId) -> Result<&mut OpenBatch, Fault> {
        self.batch(batch)?.open.as_mut().ok_or(Fault::NoBatch(batch))
    }

    /// An open batch, read without marking it.
    pub(super) fn terms_of(&self, batch: BatchId) -> Result<&OpenBatch, Fault> {
        self.mirror.batches.get(&batch).and_then(|batch| batch.open.as_ref()).ok_or(Fault::NoBatch(batch))
    }

    pub(super) fn is_cancelled(&self, batch: BatchId) -> bool {
        self.mirror.batches.get(&batch).is_some_and(|batch| batch.status == BatchStatus::Cancelled)
    }

    pub(super) fn lot(&mut self, batch: BatchId, lot: LotId) -> Result<&mut LotState, Fault> {
        self.changes.lots.insert((batch, lot));
        self.mirror.lots.get_mut(&(batch, lot)).ok_or(Fault::NoLot(batch, lot))
    }

    /// Moves an amount to a balance or from it.
    pub(super) fn balance(
        &mut self,
        account: AccountNo,
        token: TokenId,
        side: Side,
        kind: MovementKind,
        Cause { batch, lot }: Cause,
    ) -> Result<(), Fault> {
        let (credit, amount) = match side {
            Side::Credit(amount) => (true, amount),
            Side::Debit(amount) => (false, amount),
        };
        if amount == 0 {
            return Ok(());
        }
        let balances = &mut self.account(account)?.row.balances;
        let place = balances.binary_search_by_key(&token, |balance| balance.token);
        let before = place.map_or(0, |index| balances[index].amount.0);
        let after = if credit { before.checked_add(amount) } else { before.checked_sub(amount) };
        let balance_after = after.ok_or(Fault::Range("a balance"))?;
        match (place, balance_after) {
            (Ok(index), 0) => {
                balances.remove(index);
            }
            (Ok(index), _) => balances[index].amount = Amount(balance_after),
            (Err(index), _) => balances.insert(index, Balance { token, amount: Amount(balance_after) }),
        }
        self.changes.movements.push(Movement { account, token, kind, credit, amount, balance_after, batch, lot });
        Ok(())
    }

    /// Charges bytes to an account.
    pub(super) fn charge(&mut self, account: AccountNo, bytes: u32) -> Result<(), Fault> {
        let used = &mut self.account(account)?.row.storage_used;
        *used = used.checked_add(bytes).ok_or(Fault::Range("an account's storage"))?;
        Ok(())
    }

    /// Credits bytes back to an account.
    pub(super) fn uncharge(&mut self, account: AccountNo, bytes: u32) -> Result<(), Fault> {
        let used = &mut self.account(account)?.row.storage_used;
        *used = used.checked_sub(bytes).ok_or(Fault::Range("an account's storage"))?;
        Ok(())
    }
}

/// `from + amount`, or a fault naming what overflowed.
pub(super) fn add(to: &mut Amount, amount: u128, what: &'static str) -> Result<(), Fault> {
    to.0 = to.0.checked_add(amount).ok_or(Fault::Range(what))?;
    Ok(())
}

/// `from − amount`, or a fault naming what ran short.
pub(super) fn subtract(from: &mut Amount, amount: u128, what: &'static str) -> Result<(), Fault> {
    from.0 = from.0.checked_sub(amount).ok_or(Fault::Range(what))?;
    Ok(())
}
