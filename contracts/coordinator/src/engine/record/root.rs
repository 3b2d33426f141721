//! The root record.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, fields};
use piecework_interface::ids::{AccountNo, TokenId};

use super::{FIRST, load, store};

/// What every state-changing call reads and writes. Its stored form begins with the version byte, then `seq` in eight
/// little-endian bytes and `head`, so that a state change proves the journal's place.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Root {
    /// Journal lines written.
    pub seq: u64,
    /// Hash over all of them.
    pub head: [u8; 32],
    /// Number of the next class.
    pub next_class: u16,
    /// Number of the next account.
    pub next_account: u32,
    /// Number of the next batch.
    pub next_batch: u32,
    /// Slashed NEAR and deposits of classes, which stay in the contract for ever, yoctoNEAR.
    pub burnt: u128,
    /// The configuration's least stake, here because every call of a node may look at it.
    pub min_stake: u128,
    /// Paused features, here because every claim looks at them.
    pub paused: u8,
    /// Withdrawals that have not answered, by token: nearly always none. Here because a withdrawal and its answer would
    /// else write the token's record for nothing but this.
    pub in_flight: Vec<InFlight>,
    /// Whose they are, an account once for each: so that most answers need not write the account's record either. Those
    /// that find no room here count there.
    pub withdrawing: Vec<AccountNo>,
}

/// Withdrawals whose accounts the root record can name: every call reads and writes them.
const WITHDRAWING_MAX: usize = 32;

impl Root {
    /// The stored form.
    #[must_use]
    pub fn store(&self) -> Vec<u8> {
        store(FIRST, self)
    }

    /// Reads the stored form; `None` if it is another version.
    #[must_use]
    pub fn load(bytes: &[u8]) -> Option<Self> {
        load(FIRST, bytes)
    }

    /// What is in flight of a token.
    #[must_use]
    pub fn in_flight(&self, token: TokenId) -> u128 {
        self.in_flight.iter().find(|row| row.token == token).map_or(0, |row| row.amount)
    }

    /// Sets it.
    pub fn set_in_flight(&mut self, token: TokenId, amount: u128) {
        self.in_flight.retain(|row| row.token != token);
        if amount > 0 {
            self.in_flight.push(InFlight { token, amount });
        }
    }

    /// Withdrawals of an account that it names.
    #[must_use]
    pub fn withdrawing(&self, account: AccountNo) -> usize {
        self.withdrawing.iter().filter(|of| **of == account).count()
    }

    /// Notes a withdrawal of an account; returns whether there was room.
    pub fn begin_withdrawal(&mut self, account: AccountNo) -> bool {
        let room = self.withdrawing.len() < WITHDRAWING_MAX;
        if room {
            self.withdrawing.push(account);
        }
        room
    }

    /// Takes a withdrawal of an account out; returns whether it was noted here.
    pub fn end_withdrawal(&mut self, account: AccountNo) -> bool {
        let index = self.withdrawing.iter().position(|of| *of == account);
        index.map(|index| self.withdrawing.swap_remove(index)).is_some()
    }
}
fields!(Root as [borsh] {
    seq, head, next_class, next_account, next_batch, burnt, min_stake, paused, in_flight, withdrawing,
});

/// Withdrawals of one token that have not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InFlight {
    /// Token.
    pub token: TokenId,
    /// Units.
    pub amount: u128,
}
fields!(InFlight as [borsh] { token, amount });
impl Element for InFlight {}
