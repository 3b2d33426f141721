//! Storage charges and internal balances.

use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, NEAR, TokenId},
    storage::{BALANCE_BYTES, cost},
};

use super::{
    Engine, Error, Host,
    error::{Shortage, kept},
    record::{Account, Balance},
};

/// Where an account keeps a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// In its record.
    Inline,
    /// In a row of its own.
    Row,
    /// Nowhere yet; its record has room.
    Free,
    /// Nowhere yet; it needs a row.
    Missing,
}

fn room(account: &Account, token: TokenId) -> Room {
    if token == NEAR || account.first == token {
        Room::Inline
    } else if account.others.contains(&token) {
        Room::Row
    } else if account.first == NEAR {
        Room::Free
    } else {
        Room::Missing
    }
}

/// Whether a credit of the token needs nothing more.
pub(super) fn has_room(account: &Account, token: TokenId) -> bool {
    matches!(room(account, token), Room::Inline | Room::Row)
}

/// Bytes that room for the token would cost the account.
pub(super) fn room_bytes(account: &Account, token: TokenId) -> u32 {
    if room(account, token) == Room::Missing { BALANCE_BYTES } else { 0 }
}

/// Whether the deposit covers so many more bytes.
pub(super) fn covers(account: &Account, bytes: u32) -> bool {
    account.used.checked_add(bytes).is_some_and(|used| account.paid >= cost(used))
}

/// Charges bytes that must be covered.
pub(super) fn charge(account: &mut Account, bytes: u32) -> Result<(), Error> {
    let used = account.used.checked_add(bytes).ok_or(Error::Amount("too many bytes of storage"))?;
    match cost(used).checked_sub(account.paid) {
        None | Some(0) => {
            account.used = used;
            Ok(())
        }
        Some(missing) => Err(Error::Storage { missing: kept(missing) }),
    }
}

/// Adds to an amount that cannot overflow unless a record is broken. One function, because each sum by itself is more code.
#[inline(never)]
pub(super) fn add(to: &mut u128, amount: u128, what: &'static str) -> Result<(), Error> {
    *to = to.checked_add(amount).ok_or(Error::Internal(what))?;
    Ok(())
}

/// Takes from an amount that covers it unless a record is broken.
#[inline(never)]
pub(super) fn take(from: &mut u128, amount: u128, what: &'static str) -> Result<(), Error> {
    *from = from.checked_sub(amount).ok_or(Error::Internal(what))?;
    Ok(())
}

/// Gives charged bytes back.
pub(super) fn release(account: &mut Account, bytes: u32) -> Result<(), Error> {
    account.used = account.used.checked_sub(bytes).ok_or(Error::Internal("more bytes released than charged"))?;
    Ok(())
}

impl<H: Host> Engine<'_, H> {
    /// Makes room for a token, so that later credits never need storage.
    pub(super) fn make_room(&mut self, number: AccountNo, token: TokenId) -> Result<(), Error> {
        let account = self.account(number)?;
        match room(account, token) {
            Room::Inline | Room::Row => {}
            Room::Free => account.first = token,
            Room::Missing => {
                charge(account, BALANCE_BYTES)?;
                account.others.push(token);
                let (paid, used) = (Amount(account.paid), account.used);
                self.balances.put((number, token), Balance::default());
                self.push(Entry::Storage { account: number, paid, used });
            }
        }
        Ok(())
    }

    /// Whether the account is there and can be credited with a token without more storage; its first token takes the room it has.
    pub(super) fn take_free_room(&mut self, number: AccountNo, token: TokenId) -> Result<bool, Error> {
        let Some(account) = self.accounts.edit(&*self.host, number)? else { return Ok(false) };
        let room = room(account, token);
        if room == Room::Free {
            account.first = token;
        }
        Ok(room != Room::Missing)
    }

    /// The account's balance of a token.
    pub(super) fn balance(&mut self, number: AccountNo, token: TokenId) -> Result<u128, Error> {
        let account = self.account(number)?;
        Ok(match room(account, token) {
            Room::Inline if token == NEAR => account.near,
            Room::Inline => account.first_amount,
            Room::Row => self.balances.peek(&*self.host, (number, token))?.map_or(0, |row| row.amount),
            Room::Free | Room::Missing => 0,
        })
    }

    /// Adds to a balance that has room.
    pub(super) fn credit(&mut self, number: AccountNo, token: TokenId, amount: u128) -> Result<(), Error> {
        if amount == 0 {
            return Ok(());
        }
        let balance = self.balance_mut(number, token)?;
        *balance = balance.checked_add(amount).ok_or(Error::Amount("the balance would exceed 2^128"))?;
        Ok(())
    }

    /// What a balance would be with so much taken from it.
    pub(super) fn rest(&mut self, number: AccountNo, token: TokenId, needed: u128) -> Result<u128, Error> {
        let balance = self.balance(number, token)?;
        balance.checked_sub(needed).ok_or_else(|| Error::Balance(kept(Shortage { token, balance, needed })))
    }

    /// Takes from a balance.
    pub(super) fn debit(&mut self, number: AccountNo, token: TokenId, amount: u128) -> Result<(), Error> {
        let rest = self.rest(number, token, amount)?;
        if amount > 0 {
            *self.balance_mut(number, token)? = rest;
        }
        Ok(())
    }

    fn balance_mut(&mut self, number: AccountNo, token: TokenId) -> Result<&mut u128, Error> {
        let account = self.accounts.edit(&*self.host, number)?.ok_or(Error::Internal("an account is missing"))?;
        match room(account, token) {
            Room::Inline if token == NEAR => Ok(&mut account.near),
            Room::Inline => Ok(&mut account.first_amount),
            Room::Row => self
                .balances
                .edit(&*self.host, (number, token))?
                .map(|row| &mut row.amount)
                .ok_or(Error::Internal("a balance is missing")),
            Room::Free | Room::Missing => Err(Error::Internal("a balance has no room")),
        }
    }
}
