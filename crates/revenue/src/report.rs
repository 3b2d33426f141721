//! The report of an epoch: its lines, what each pays or carries on, and totals that add up.

use std::collections::{BTreeMap, BTreeSet};

use piecework_interface::{amount::Amount, host::sha256, ids::TokenId};
use serde::Serialize;

use crate::{
    accrual::{Accrual, AccrualError, Accrued, Key, Kind, Why},
    calendar::{Date, EpochNo},
    policy::Policy,
};

/// What part of the journal an epoch's report stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Number of its first line.
    pub first_seq: u64,
    /// Number of the first line behind it.
    pub next_seq: u64,
    /// Hash chain of its lines, from zeros: `sha256(head ‖ line)`.
    #[serde(serialize_with = "hex::serde::serialize")]
    pub digest: [u8; 32],
}

/// A report. Its JSON is the same, byte for byte, from every gateway of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Digest of the policy.
    #[serde(serialize_with = "hex::serde::serialize")]
    pub policy: [u8; 32],
    /// Epoch.
    pub epoch: EpochNo,
    /// Its first second, Unix time.
    pub begins_at: u64,
    /// The first second behind what is counted: behind the epoch, once it is over.
    pub until: u64,
    /// Whether the epoch is over: nothing changes any more, and it can be settled.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Journal of the epoch as far as it is counted.
    pub journal: Span,
    /// Fees by day and token.
    pub days: Vec<DayFees>,
    /// Who gets what, by token, kind and account.
    pub lines: Vec<Share>,
    /// Sums by token.
    pub totals: Vec<Total>,
    /// Fees of tokens that the policy does not have.
    pub other_fees: Vec<TokenFees>,
}

/// Fees of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayFees {
    /// Day, UTC.
    pub date: Date,
    /// Token.
    pub token: TokenId,
    /// Fees.
    pub fees: Amount,
}

/// Fees of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenFees {
    /// Token.
    pub token: TokenId,
    /// Fees.
    pub fees: Amount,
}

/// A line of a report: what an account gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Place in the report, from 0.
    pub line: u32,
    /// Token.
    pub token: TokenId,
    /// For what.
    pub kind: Kind,
    /// Who.
    pub account_id: String,
    /// Its share of the epoch's fees.
    pub amount: Amount,
    /// What earlier epochs carried on.
    pub carried_in: Amount,
    /// What is paid: both, if that is not too little.
    pub payout: Amount,
    /// What is carried on to the next epoch.
    pub carried_out: Amount,
    /// How the share comes about; null for what was only carried.
    pub why: Option<Why>,
}

/// Sums of a token. `fees = nodes + referrers + reserve` and `fees + carried_in = payout + carried_out`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Token.
    pub token: TokenId,
    /// Fees of the epoch.
    pub fees: Amount,
    /// Shares of nodes.
    pub nodes: Amount,
    /// Shares of referrers.
    pub referrers: Amount,
    /// Share of the reserve.
    pub reserve: Amount,
    /// What earlier epochs carried on.
    pub carried_in: Amount,
    /// What is paid.
    pub payout: Amount,
    /// What is carried on.
    pub carried_out: Amount,
}

impl Report {
    /// The report of the last of these epochs, which are those of its carrying period ([`Policy::carrying`]) in order.
    ///
    /// # Errors
    /// The sums of a token are above 2^128.
    pub fn of(
        (policy, digest): (&Policy, [u8; 32]),
        epoch: EpochNo,
        (until, journal): (u64, Span),
        accruals: &[Accrual],
    ) -> Result<Self, AccrualError> {
        let (begins_at, ends_at) = policy.bounds(epoch);
        let mut carried = BTreeMap::new();
        let mut lines = Vec::new();
        for (place, accrual) in (0_u32..).zip(accruals) {
            let behind = u32::try_from(accruals.len()).unwrap_or(u32::MAX) - 1 - place;
            let ends_carrying = policy.ends_carrying(EpochNo(epoch.0.saturating_sub(behind)));
            lines = shares(policy, accrual, &carried, ends_carrying)?;
            carried = lines
                .iter()
                .filter(|line| line.carried_out.0 > 0)
                .map(|line| ((line.token, line.kind, line.account_id.clone()), line.carried_out.0))
                .collect();
        }
        let last = accruals.last();
        let other = last.map(|accrual| &accrual.other).into_iter().flatten();
        let days = last.map(|accrual| &accrual.days).into_iter().flatten();
        Ok(Self {
            policy: digest,
            epoch,
            begins_at,
            until: until.min(ends_at),
            is_final: until >= ends_at,
            journal,
            days: days
                .map(|((date, token), fees)| DayFees { date: *date, token: *token, fees: Amount(*fees) })
                .collect(),
            totals: policy.tokens.iter().map(|token| total(token.token, last, &lines)).collect::<Result<_, _>>()?,
            lines,
            other_fees: other.map(|(token, fees)| TokenFees { token: *token, fees: Amount(*fees) }).collect(),
        })
    }

    /// Its JSON, and the SHA-256 of that.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn bytes(&self) -> Result<(Vec<u8>, [u8; 32]), serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        let digest = sha256(&bytes);
        Ok((bytes, digest))
    }
}

/// The lines of an epoch, of its shares and of what is carried into it.
fn shares(
    policy: &Policy,
    accrual: &Accrual,
    carried: &BTreeMap<Key, u128>,
    ends_carrying: bool,
) -> Result<Vec<Share>, AccrualError> {
    let keys: BTreeSet<&Key> = accrual.shares.keys().chain(carried.keys()).collect();
    let mut lapsed: BTreeMap<TokenId, u128> = BTreeMap::new();
    let mut lines = Vec::with_capacity(keys.len());
    for (line, key) in (0..).zip(keys) {
        let (token, kind, account_id) = key.clone();
        let (amount, why) =
            accrual.shares.get(key).map_or((0, None), |Accrued { amount, why }| (*amount, Some(why.clone())));
        let carried_in = carried.get(key).copied().unwrap_or_default();
        let due = sum(token, [amount, carried_in])?;
        let least = policy.tokens.iter().find(|it| it.token == token).map_or(0, |it| it.payout_min.0);
        // The reserve's line comes after all others of its token, and takes what they leave at a carrying period's end.
        let (payout, carried_out) = match kind {
            Kind::Reserve => (sum(token, [due, lapsed.remove(&token).unwrap_or_default()])?, 0),
            _ if due >= least => (due, 0),
            _ if ends_carrying => {
                let lapsed = lapsed.entry(token).or_default();
                *lapsed = sum(token, [*lapsed, due])?;
                (0, 0)
            }
            _ => (0, due),
        };
        let [amount, carried_in, payout, carried_out] = [amount, carried_in, payout, carried_out].map(Amount);
        lines.push(Share { line, token, kind, account_id, amount, carried_in, payout, carried_out, why });
    }
    Ok(lines)
}

fn total(token: TokenId, accrual: Option<&Accrual>, lines: &[Share]) -> Result<Total, AccrualError> {
    let of = |kinds: &[Kind], amount: fn(&Share) -> Amount| {
        let lines = lines.iter().filter(|line| line.token == token && kinds.contains(&line.kind));
        sum(token, lines.map(|line| amount(line).0)).map(Amount)
    };
    let every = [Kind::Node, Kind::Referrer, Kind::Reserve];
    Ok(Total {
        token,
        fees: Amount(accrual.and_then(|accrual| accrual.fees.get(&token)).copied().unwrap_or_default()),
        nodes: of(&[Kind::Node], |line| line.amount)?,
        referrers: of(&[Kind::Referrer], |line| line.amount)?,
        reserve: of(&[Kind::Reserve], |line| line.amount)?,
        carried_in: of(&every, |line| line.carried_in)?,
        payout: of(&every, |line| line.payout)?,
        carried_out: of(&every, |line| line.carried_out)?,
    })
}

fn sum(token: TokenId, amounts: impl IntoIterator<Item = u128>) -> Result<u128, AccrualError> {
    amounts.into_iter().try_fold(0_u128, |sum, amount| sum.checked_add(amount)).ok_or(AccrualError::Sum(token))
}
