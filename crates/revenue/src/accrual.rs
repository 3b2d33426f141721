//! What the fees of a stretch of the journal give to whom.

use std::collections::{BTreeMap, BTreeSet};

use piecework_api::StakeSpan;
use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, BatchId, LotId, TokenId},
    money::{fee, mul_div},
};
use serde::Serialize;

use crate::{
    calendar::Date,
    policy::{BPS, Policy, TokenPolicy},
};

/// yoctoNEAR of a NEAR.
const NEAR: u128 = 1_000_000_000_000_000_000_000_000;

/// A lot that settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledLot {
    /// Unix time of its block, seconds.
    pub at: u64,
    /// Batch.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Due to the treasury, and to the batch's referrer: the fee on pay, withheld pay, what divisions left over.
    pub fee: u128,
    /// What each slot got for its work.
    pub pay: Vec<(AccountNo, u128)>,
}

impl SettledLot {
    /// The lot that a journal's entry settles.
    #[must_use]
    pub fn of(entry: &Entry, at: u64) -> Option<Self> {
        let Entry::Settled { batch, lot, fee, slots, .. } = entry else { return None };
        let pay = slots.iter().map(|slot| (slot.node, slot.pay.0)).collect();
        Some(Self { at, batch: *batch, lot: *lot, fee: fee.0, pay })
    }

    /// What its slots got in all.
    fn paid(&self, token: TokenId) -> Result<u128, AccrualError> {
        let mut sum = 0;
        for (_, amount) in &self.pay {
            add(&mut sum, *amount, token)?;
        }
        Ok(sum)
    }

    /// The treasury's fees, and of these the fee on pay: both without the part of the batch's referrer.
    fn fees(&self, batch: &BatchFacts) -> Result<(u128, u128), AccrualError> {
        let earned = fee(self.paid(batch.token)?, batch.fee_bps).min(self.fee);
        let part_pct = batch.referrer.as_ref().map_or(0, |referrer| referrer.part_pct.min(100));
        let part = mul_div(earned, part_pct.into(), 100);
        Ok((self.fee.saturating_sub(part), earned.saturating_sub(part)))
    }
}

/// What counts of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFacts {
    /// Account number of who pays.
    pub requester: AccountNo,
    /// Its account id.
    pub requester_id: String,
    /// Account number of its operator at the creation, itself without one.
    pub requester_operator: AccountNo,
    /// Token.
    pub token: TokenId,
    /// Fee on pay, in basis points.
    pub fee_bps: u16,
    /// Whom the batch itself names as its referrer.
    pub referrer: Option<ChainReferrer>,
}

/// A referrer that a batch names: the contract pays it a part of the fee on pay, which never comes to the treasury.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReferrer {
    /// Account id.
    pub referrer_id: String,
    /// Its part of the fee on pay, in percent.
    pub part_pct: u8,
}

/// What a stretch of the journal says.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Lots that settled in it.
    pub settled: Vec<SettledLot>,
    /// Their batches.
    pub batches: BTreeMap<BatchId, BatchFacts>,
    /// What stood behind each node from its first to its last line.
    pub stakes: Vec<StakeSpan>,
}

/// Why the journal and the mirror's rows do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccrualError {
    /// A batch that settled is not known.
    #[error("batch {0} settled lots, and the gateway does not know it")]
    Batch(BatchId),
    /// A node that was paid is not known.
    #[error("account {0} was paid for work, and the gateway knows no stake of it")]
    Node(AccountNo),
    /// A sum is above 2^128.
    #[error("the amounts of token {0} add up to more than 2^128")]
    Sum(TokenId),
}

/// What an account has its share for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work for others.
    Node,
    /// Requesters that it brought.
    Referrer,
    /// The rest.
    Reserve,
}

/// Why an account gets its share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It worked for others.
    Work {
        /// Fees on that work.
        fees: Amount,
        /// Least stake that it held throughout, yoctoNEAR.
        least_stake: Amount,
        /// Fees that this stake stands behind.
        bound: Amount,
    },
    /// It brought requesters.
    Referral {
        /// Fees on their batches' work.
        fees: Amount,
    },
    /// It keeps the rest.
    Rest {
        /// Fees on work for oneself: between accounts of one operator, or of treasury and reserve.
        own: Amount,
        /// Fees on work behind which too little stake was held.
        unbacked: Amount,
    },
}

/// What an account gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accrued {
    /// Amount, above 0 but for the reserve.
    pub amount: u128,
    /// Why.
    pub why: Why,
}

/// A line's name: token, kind, account id. It orders lines.
pub type Key = (TokenId, Kind, String);

/// What fees give to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accrual {
    /// Fees per token of the policy.
    pub fees: BTreeMap<TokenId, u128>,
    /// Fees of other tokens, which stay in the treasury.
    pub other: BTreeMap<TokenId, u128>,
    /// Fees by day and token of the policy.
    pub days: BTreeMap<(Date, TokenId), u128>,
    /// What each account gets. Per token it adds up to the fees.
    pub shares: BTreeMap<Key, Accrued>,
}

/// What a token's fees came from.
#[derive(Debug, Default)]
struct Sources {
    /// By node: fees on its work for others.
    work: BTreeMap<AccountNo, u128>,
    /// By referrer: fees on its requesters' batches.
    referred: BTreeMap<String, u128>,
    /// Fees on work for oneself.
    own: u128,
}

impl Accrual {
    /// What the fees of the lots give by the policy.
    ///
    /// Fees are the treasury's, without what the contract pays to a batch's referrer. A slot's part of its lot's fee is `⌊fee on pay × its pay ÷ all pay⌋`. A node gets `node_bps` of its parts for others, as
    /// far as the stake that it held throughout stands behind them, a referrer `referrer_bps` of the fee on pay, each at most
    /// `share_max`. All else is the reserve's. So no account gets more than its share of the fees that its own work or requesters
    /// brought, and what one gets takes nothing from another.
    ///
    /// # Errors
    /// A batch or node of a lot is missing.
    pub fn of(policy: &Policy, inputs: &Inputs) -> Result<Self, AccrualError> {
        let spans: BTreeMap<AccountNo, &StakeSpan> = inputs.stakes.iter().map(|span| (span.account, span)).collect();
        let mut accrual =
            Self { fees: policy.tokens.iter().map(|token| (token.token, 0)).collect(), ..Self::default() };
        let mut sources: BTreeMap<TokenId, Sources> = BTreeMap::new();
        for lot in &inputs.settled {
            let batch = inputs.batches.get(&lot.batch).ok_or(AccrualError::Batch(lot.batch))?;
            let token = batch.token;
            let (fee, _) = lot.fees(batch)?;
            let Some(fees) = accrual.fees.get_mut(&token) else {
                add(accrual.other.entry(token).or_default(), fee, token)?;
                continue;
            };
            add(fees, fee, token)?;
            add(accrual.days.entry((Date::at(lot.at), token)).or_default(), fee, token)?;
            sources.entry(token).or_default().lot(policy, lot, batch, &spans)?;
        }
        for token in &policy.tokens {
            let sources = sources.remove(&token.token).unwrap_or_default();
            accrual.share(policy, token, &sources, &spans)?;
        }
        Ok(accrual)
    }

    fn share(
        &mut self,
        policy: &Policy,
        token: &TokenPolicy,
        sources: &Sources,
        spans: &BTreeMap<AccountNo, &StakeSpan>,
    ) -> Result<(), AccrualError> {
        let (number, mut given, mut unbacked) = (token.token, 0, 0);
        let part = |fees, bps: u16| mul_div(fees, u128::from(bps), u128::from(BPS)).min(token.share_max.0);
        for (account, fees) in &sources.work {
            let span = spans.get(account).ok_or(AccrualError::Node(*account))?;
            let bound = mul_div(span.least.0, token.fees_per_near.0, NEAR);
            let amount = part(*fees.min(&bound), policy.node_bps);
            add(&mut unbacked, fees.saturating_sub(bound), number)?;
            let why = Why::Work { fees: Amount(*fees), least_stake: span.least, bound: Amount(bound) };
            add(&mut given, self.give((number, Kind::Node, span.account_id.clone()), amount, why), number)?;
        }
        for (referrer_id, fees) in &sources.referred {
            let why = Why::Referral { fees: Amount(*fees) };
            let amount = part(*fees, policy.referrer_bps);
            add(&mut given, self.give((number, Kind::Referrer, referrer_id.clone()), amount, why), number)?;
        }
        let fees = self.fees.get(&number).copied().unwrap_or_default();
        let amount = fees.checked_sub(given).ok_or(AccrualError::Sum(number))?;
        let why = Why::Rest { own: Amount(sources.own), unbacked: Amount(unbacked) };
        self.shares.insert((number, Kind::Reserve, policy.reserve_id.clone()), Accrued { amount, why });
        Ok(())
    }

    /// Gives an account its share, and returns it. An account id that was registered twice has the line of its last number.
    fn give(&mut self, key: Key, amount: u128, why: Why) -> u128 {
        if amount == 0 || self.shares.contains_key(&key) {
            return 0;
        }
        self.shares.insert(key, Accrued { amount, why });
        amount
    }
}

impl Sources {
    fn lot(
        &mut self,
        policy: &Policy,
        lot: &SettledLot,
        batch: &BatchFacts,
        spans: &BTreeMap<AccountNo, &StakeSpan>,
    ) -> Result<(), AccrualError> {
        let token = batch.token;
        let (_, earned) = lot.fees(batch)?;
        let pay = lot.paid(token)?;
        let named = batch.referrer.as_ref().map(|referrer| referrer.referrer_id.as_str());
        let referrer = named.or_else(|| policy.referrer_of(&batch.requester_id));
        if let Some(referrer) = referrer.filter(|referrer| !policy.is_own(referrer)) {
            add(self.referred.entry(referrer.to_owned()).or_default(), earned, token)?;
        }
        // Accounts of the requester's side: itself, and every operator that it had at the creation or since the first line.
        let mut requesters = BTreeSet::from([batch.requester, batch.requester_operator]);
        requesters.extend(spans.get(&batch.requester).into_iter().flat_map(|span| &span.operators));
        for (node, amount) in lot.pay.iter().filter(|(_, amount)| *amount > 0) {
            let span = spans.get(node).ok_or(AccrualError::Node(*node))?;
            let part = mul_div(earned, *amount, pay);
            let is_own = requesters.contains(node)
                || span.operators.iter().any(|operator| requesters.contains(operator))
                || policy.is_own(&span.account_id)
                || policy.is_own(&batch.requester_id);
            let place = if is_own { &mut self.own } else { self.work.entry(*node).or_default() };
            add(place, part, token)?;
        }
        Ok(())
    }
}

fn add(sum: &mut u128, amount: u128, token: TokenId) -> Result<(), AccrualError> {
    *sum = sum.checked_add(amount).ok_or(AccrualError::Sum(token))?;
    Ok(())
}
