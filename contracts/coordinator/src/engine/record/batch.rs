//! A batch: open, or what is left of it.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::fields;
use piecework_interface::{
    config::Fixed,
    ids::{AccountNo, Digest, TokenId},
    lots,
    merkle::Peaks,
    terms::Terms,
    view::{Callback, Referrer, Window},
};

use super::{Prefix, Record, load, store};

/// What work never changes in a batch: only its requester does, by appends and a later expiry.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Facts {
    /// Who pays.
    pub requester: AccountNo,
    /// Its operator at the creation, itself without one.
    pub requester_operator: AccountNo,
    /// Reward token.
    pub token: TokenId,
    /// Terms.
    pub terms: Terms,
    /// What was copied from the configuration.
    pub fixed: Fixed,
    /// Items.
    pub items: u32,
    /// Merkle root over the payload digests of the items that it was created with.
    pub manifest: Digest,
    /// Whom to tell when the batch is closed.
    pub callback: Option<Callback>,
    /// Unix time of creation, seconds.
    pub created_at: u32,
    /// Whether lots may be appended.
    pub appendable: bool,
    /// Whether the row goes when the batch closes.
    pub forget_on_close: bool,
    /// Who gets a part of the fees.
    pub referrer: Option<Referrer>,
    /// Digest of the appended segments.
    pub appended: Digest,
}

fields!(Facts as [borsh] {
    requester, requester_operator, token, terms, fixed, items, manifest, callback, created_at, appendable,
    forget_on_close, referrer, appended,
});

impl Facts {
    /// Lots of the batch.
    #[must_use]
    pub const fn lots(&self) -> u32 {
        lots::lot_count(self.items, self.terms.lot_size)
    }
}

/// What settlements change in an open batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purse {
    /// Everything that the batch holds: fees, freed rewards, deposits of challenges and the adjudicator's bond included.
    pub escrow: u128,
    /// The treasury's fees and withheld pay of settled lots, not yet with the token.
    pub fees: u128,
    /// The referrer's part of fees, not yet paid.
    pub referral: u128,
    /// What settled lots left, not yet returned.
    pub freed: u128,
    /// Lots that have a record.
    pub live: u32,
    /// Lots whose bytes are charged to the requester.
    pub reserved: u32,
    /// What is left of the adjudicator's bond, in units of the token; `None` until it accepted.
    pub bond: Option<u128>,
    /// Mountain range of the results; its count is the number of the next settlement.
    pub results: Peaks,
}
fields!(Purse as [borsh] { escrow, fees, referral, freed, live, reserved, bond, results });

/// A batch that is not closed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenBatch {
    /// What work never changes.
    pub facts: Facts,
    /// Whether the requester cancelled it.
    pub cancelled: bool,
    /// Whether its adjudicator stands behind it: it accepted and has not resigned.
    pub accepted: bool,
    /// The adjudicator's operator when it first accepted, itself without one; `None` before.
    pub adjudicator_operator: Option<AccountNo>,
    /// Its moving window.
    pub window: Window,
    /// What it holds, and what came of it.
    pub purse: Purse,
}

fields!(OpenBatch as [borsh] { facts, cancelled, accepted, adjudicator_operator, window, purse });

impl OpenBatch {
    /// Whether lots may begin: the batch has no adjudicator, or one that accepted it with a bond that covers a lot.
    #[must_use]
    pub fn is_backed(&self) -> bool {
        let (terms, bond) = (&self.facts.terms, self.purse.bond.unwrap_or_default());
        (self.accepted || terms.adjudicator().is_none()) && terms.is_backed_by(bond)
    }
}

/// What is left of a closed batch until its requester forgets it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClosedBatch {
    /// Who paid, and may forget it.
    pub requester: AccountNo,
    /// Lots settled.
    pub settled: u32,
    /// Bagged root of the results.
    pub results_root: Digest,
    /// Whom to tell.
    pub callback: Option<Callback>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Not closed.
    Open(Box<OpenBatch>),
    /// Closed.
    Closed(ClosedBatch),
}

fields!(ClosedBatch as [borsh] { requester, settled, results_root, callback });

impl Batch {
    /// Version byte of an open batch.
    const OPEN: u8 = 0;
    /// Version byte of a closed batch.
    const CLOSED: u8 = 1;
}

impl Record for Batch {
    const PREFIX: Prefix = Prefix::Batch;

    fn store(&self) -> Vec<u8> {
        match self {
            Self::Open(open) => store(Self::OPEN, open),
            Self::Closed(closed) => store(Self::CLOSED, closed),
        }
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        match *bytes.first()? {
            Self::CLOSED => load(Self::CLOSED, bytes).map(Self::Closed),
            _ => load(Self::OPEN, bytes).map(Self::Open),
        }
    }
}
