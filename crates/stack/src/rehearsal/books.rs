//! What a coordinator owes by its views, per token, beside what its account holds.

use std::collections::BTreeMap;

use anyhow::Context as _;
use piecework_interface::{
    amount::Amount,
    ids::{NEAR, TokenId},
    storage::YOCTONEAR_PER_BYTE,
    view::{Account, Batch, Root, Token},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Snapshot, views::Answers};

/// Debts and holdings in one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Token's account; `NEAR` for NEAR.
    pub token: String,
    /// Balances, stakes, escrows, deposits, what waits, what is burnt, in its units; withdrawals that are in flight left them.
    pub owed: Amount,
    /// What the account holds of it; for NEAR less what its code and own rows lock.
    pub held: Amount,
    /// Whether all of it is there.
    pub covered: bool,
}

/// Adds up what the views say is owed.
///
/// # Errors
/// An answer has not the form that clients read, or a sum is beyond 2^128.
pub(super) fn entries(answers: &Answers, snapshot: &Snapshot) -> anyhow::Result<Vec<Entry>> {
    let root: Root = one(answers, "root")?;
    let tokens: Vec<Token> = one(answers, "tokens")?;
    let (accounts, batches): (Vec<Account>, Vec<Batch>) = (rows(answers, "accounts(")?, rows(answers, "batches(")?);
    let mut owed = Owed::default();
    owed.add(NEAR, root.burnt)?;
    for token in &tokens {
        owed.add(token.token, token.pool)?;
    }
    let mut charged: u64 = 0;
    for account in &accounts {
        owed.add(NEAR, account.storage_paid)?;
        charged = charged.saturating_add(u64::from(account.storage_used));
        for balance in &account.balances {
            owed.add(balance.token, balance.amount)?;
        }
        if let Some(node) = &account.node {
            owed.add(NEAR, node.stake)?;
            owed.add(NEAR, node.unbonding)?;
        }
    }
    for open in batches.iter().filter_map(|batch| batch.open.as_ref()) {
        owed.add(open.token, open.escrow)?;
    }
    // Bytes charged to accounts are paid for by their deposits; what is stored beside them, the contract pays itself.
    let own = u128::from(snapshot.storage_usage.saturating_sub(charged)).saturating_mul(YOCTONEAR_PER_BYTE);
    let entry = |token: &Token| {
        let owed = owed.0.get(&token.token).copied().unwrap_or_default();
        let held = match token.account_id.as_str() {
            "" => snapshot.yoctonear.0.saturating_sub(own),
            name => snapshot.held.iter().find(|(held, _)| held.as_str() == name).map_or(0, |(_, amount)| amount.0),
        };
        let name = if token.account_id.is_empty() { "NEAR" } else { &token.account_id };
        Entry { token: name.to_owned(), owed: Amount(owed), held: Amount(held), covered: owed <= held }
    };
    Ok(tokens.iter().map(entry).collect())
}

#[derive(Debug, Default)]
struct Owed(BTreeMap<TokenId, u128>);

impl Owed {
    fn add(&mut self, token: TokenId, amount: Amount) -> anyhow::Result<()> {
        let sum = self.0.entry(token).or_default();
        *sum = sum.checked_add(amount.0).with_context(|| format!("what is owed of token {token} is beyond 2^128"))?;
        Ok(())
    }
}

fn one<R: DeserializeOwned>(answers: &Answers, name: &str) -> anyhow::Result<R> {
    let answer = answers.get(name).with_context(|| format!("{name} was not asked"))?;
    let value = answer.clone().map_err(anyhow::Error::msg).with_context(|| format!("{name} fails"))?;
    serde_json::from_value(value).with_context(|| format!("{name} has not the form that clients read"))
}

/// The rows of all pages of a view.
fn rows<R: DeserializeOwned>(answers: &Answers, view: &str) -> anyhow::Result<Vec<R>> {
    let mut rows = Vec::new();
    for name in answers.keys().filter(|name| name.starts_with(view)) {
        rows.extend(one::<Vec<R>>(answers, name)?);
    }
    Ok(rows)
}
