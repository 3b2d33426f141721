//! Movements of internal balances.

use piecework_interface::{
    amount::Amount,
    ids::{AccountNo, BatchId, LotId, TokenId},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{named, optional};
use crate::{StoreError, columns::narrow};

/// Why a balance moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// From outside, or from claimed stake.
    Deposit,
    /// Sent out.
    Withdraw,
    /// A failed transfer came back.
    Restore,
    /// Locked in a batch.
    Escrow,
    /// Reward of a settled slot.
    Pay,
    /// Escrow returned.
    Refund,
    /// A share of an epoch's fees.
    Revenue,
    /// To or from another account, by a signed intent.
    Transfer,
    /// Of a challenge or an adjudicator, and what comes back of it.
    Bond,
    /// For sitting on a jury.
    JurorFee,
}

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Journal line.
    pub seq: u64,
    /// Order in the line.
    pub leg: u32,
    /// Unix time of the block, seconds.
    pub block_at: u32,
    /// Token.
    pub token: TokenId,
    /// Why.
    pub kind: LedgerKind,
    /// Whether the balance grew.
    pub credit: bool,
    /// Amount moved.
    pub amount: Amount,
    /// Balance afterwards.
    pub balance_after: Amount,
    /// Batch that it concerns.
    pub batch: Option<BatchId>,
    /// Lot that it concerns.
    pub lot: Option<LotId>,
}

/// Movements of an account before the key `(seq, leg)`, newest first.
///
/// # Errors
/// The read failed.
pub async fn ledger_list_by_account(
    db: &mut PgConnection,
    account: AccountNo,
    before: Option<(u64, u32)>,
    limit: u32,
) -> Result<Vec<LedgerEntry>, StoreError> {
    let (seq, leg) = before.unwrap_or((u64::MAX, u32::MAX));
    sqlx::query!(
        "SELECT l.seq, l.leg, e.block_at, l.token, l.kind, l.credit, l.amount, l.balance_after, l.batch, l.lot
         FROM ledger l JOIN events e USING (seq)
         WHERE l.account = $1 AND (l.seq, l.leg) < ($2, $3)
         ORDER BY l.seq DESC, l.leg DESC
         LIMIT $4",
        i64::from(account.0),
        i64::try_from(seq).unwrap_or(i64::MAX),
        i32::try_from(leg).unwrap_or(i32::MAX),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(LedgerEntry {
            seq: narrow(row.seq, "ledger.seq")?,
            leg: narrow(row.leg, "ledger.leg")?,
            block_at: narrow(row.block_at, "events.block_at")?,
            token: TokenId(narrow(row.token, "ledger.token")?),
            kind: named(&row.kind, "ledger.kind")?,
            credit: row.credit,
            amount: row.amount.into(),
            balance_after: row.balance_after.into(),
            batch: optional(row.batch, "ledger.batch")?.map(BatchId),
            lot: optional(row.lot, "ledger.lot")?.map(LotId),
        })
    })
    .collect()
}
