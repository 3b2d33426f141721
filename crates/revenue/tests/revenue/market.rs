//! Journals in few words.

use std::collections::BTreeMap;

use piecework_api::StakeSpan;
use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, BatchId, LotId, TokenId},
    money,
};
use piecework_revenue::{Accrual, BatchFacts, ChainReferrer, EpochNo, Inputs, Kind, Policy, SettledLot};

pub const TOKEN: TokenId = TokenId(1);
pub const NEAR: u128 = 1_000_000_000_000_000_000_000_000;
/// Fee of every batch, 2 %.
pub const FEE_BPS: u16 = 200;
pub const EPOCH: EpochNo = EpochNo(2_956);

/// Half to nodes, a tenth to referrers; a NEAR stands behind 100 units; referrer.near brought app.near.
pub const POLICY: &str = r#"
version = 1
chain_id = "localnet"
contract_id = "piecework.near"
first_epoch = 2956
treasury_id = "treasury.near"
reserve_id = "reserve.near"
node_bps = 5000
referrer_bps = 1000
carry_epochs = 4
tokens = [{ token = 1, fees_per_near = "100", payout_min = "50", share_max = "1000000" }]
referrers = [{ requester_id = "app.near", referrer_id = "referrer.near" }]
"#;

pub fn policy() -> Policy {
    Policy::parse(POLICY).expect("policy")
}

/// Inputs that grow: account `n` is named `n.near` unless it has another name.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    pub inputs: Inputs,
    names: BTreeMap<u32, &'static str>,
}

impl Journal {
    pub fn named(mut self, account: u32, name: &'static str) -> Self {
        self.names.insert(account, name);
        self
    }

    pub fn name(&self, account: u32) -> String {
        self.names.get(&account).map_or_else(|| format!("{account}.near"), |name| (*name).to_owned())
    }

    /// A node with the least stake that it held, in NEAR, and its operators.
    pub fn node(mut self, account: u32, near: u128, operators: &[u32]) -> Self {
        self.inputs.stakes.push(StakeSpan {
            account: AccountNo(account),
            account_id: self.name(account),
            least: Amount(near * NEAR),
            operators: operators.iter().copied().map(AccountNo).collect(),
        });
        self
    }

    /// A lot of a batch of its own that pays slots, with the fee on that and `extra` withheld.
    pub fn lot_with(mut self, requester: u32, pay: &[(u32, u128)], extra: u128) -> Self {
        let number = BatchId(u32::try_from(self.inputs.settled.len()).expect("batches"));
        let facts = BatchFacts {
            requester: AccountNo(requester),
            requester_id: self.name(requester),
            requester_operator: AccountNo(requester),
            token: TOKEN,
            fee_bps: FEE_BPS,
            referrer: None,
        };
        self.inputs.batches.insert(number, facts);
        let paid = pay.iter().map(|(_, amount)| amount).sum();
        self.inputs.settled.push(SettledLot {
            at: EPOCH.begins_at(7) + 10,
            batch: number,
            lot: LotId(0),
            fee: money::fee(paid, FEE_BPS) + extra,
            pay: pay.iter().map(|(node, amount)| (AccountNo(*node), *amount)).collect(),
        });
        self
    }

    pub fn lot(self, requester: u32, pay: &[(u32, u128)]) -> Self {
        self.lot_with(requester, pay, 0)
    }

    /// The last lot's batch names a referrer itself.
    pub fn referred(mut self, referrer_id: &str, part_pct: u8) -> Self {
        let (_, batch) = self.inputs.batches.iter_mut().next_back().expect("batch");
        batch.referrer = Some(ChainReferrer { referrer_id: referrer_id.to_owned(), part_pct });
        self
    }

    /// The treasury's fees of all lots.
    pub fn fees(&self) -> u128 {
        let fees = self.inputs.settled.iter().map(|lot| {
            let earned = money::fee(lot.pay.iter().map(|(_, amount)| amount).sum(), FEE_BPS);
            let referrer = &self.inputs.batches[&lot.batch].referrer;
            lot.fee - referrer.as_ref().map_or(0, |referrer| earned * u128::from(referrer.part_pct) / 100)
        });
        fees.sum()
    }

    pub fn accrual(&self) -> Accrual {
        Accrual::of(&policy(), &self.inputs).expect("accrual")
    }

    /// What an account gets of one kind.
    pub fn share(&self, kind: Kind, account_id: &str) -> u128 {
        self.accrual().shares.get(&(TOKEN, kind, account_id.to_owned())).map_or(0, |share| share.amount)
    }
}
