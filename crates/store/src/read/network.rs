//! Sums over the whole market.

use piecework_interface::{amount::Amount, ids::TokenId};
use sqlx::PgConnection;

use crate::{StoreError, columns::narrow};

/// The market in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Nodes that are active, paused and silent.
    pub nodes: [u64; 3],
    /// Stake of all nodes, the bonded part included, yoctoNEAR.
    pub stake: Amount,
    /// Part of it that backs slots, yoctoNEAR.
    pub bonded: Amount,
    /// Batches that are open, cancelled and closed.
    pub batches: [u64; 3],
    /// Lots that are working, revealing, judging and provisional.
    pub live_lots: [u64; 4],
    /// Lots settled.
    pub settled_lots: u64,
    /// Items of settled lots.
    pub settled_items: u64,
    /// Items among them with an accepted answer.
    pub accepted_items: u64,
    /// Open accounts.
    pub accounts: u64,
    /// Sums per token.
    pub tokens: Vec<TokenTotals>,
}

/// Sums of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTotals {
    /// Token.
    pub token: TokenId,
    /// Its account id; empty for NEAR.
    pub account_id: String,
    /// Internal balances.
    pub balances: Amount,
    /// Escrows of batches.
    pub escrow: Amount,
    /// Fees collected.
    pub pool: Amount,
    /// Withdrawals on their way.
    pub in_flight: Amount,
    /// Rewards paid so far.
    pub paid: Amount,
}

/// Reads the sums. Give it a snapshot: it takes two statements.
///
/// # Errors
/// The read failed.
pub async fn network_get(db: &mut PgConnection) -> Result<Network, StoreError> {
    let row = sqlx::query!(
        r#"SELECT n.active AS "active!", n.paused AS "paused!", n.silent AS "silent!", n.stake AS "stake!",
                  n.bonded AS "bonded!", b.open AS "open!", b.cancelled AS "cancelled!", b.closed AS "closed!",
                  l.working AS "working!", l.revealing AS "revealing!", l.judging AS "judging!",
                  l.provisional AS "provisional!", r.lots AS "lots!", r.items AS "items!", r.accepted AS "accepted!", a.accounts AS "accounts!"
           FROM (SELECT count(*) FILTER (WHERE status = 'active') AS active,
                        count(*) FILTER (WHERE status = 'paused') AS paused,
                        count(*) FILTER (WHERE status = 'silent') AS silent,
                        coalesce(sum(stake), 0) AS stake, coalesce(sum(bonded), 0) AS bonded
                 FROM nodes) n,
                (SELECT count(*) FILTER (WHERE status = 'open') AS open,
                        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
                        count(*) FILTER (WHERE status IN ('closed', 'forgotten')) AS closed
                 FROM batches) b,
                (SELECT count(*) FILTER (WHERE phase = 'working') AS working,
                        count(*) FILTER (WHERE phase = 'revealing') AS revealing,
                        count(*) FILTER (WHERE phase = 'judging') AS judging,
                        count(*) FILTER (WHERE phase = 'provisional') AS provisional
                 FROM lots WHERE phase <> 'settled') l,
                (SELECT count(*) AS lots, coalesce(sum(bit_count(r.accepted::bit(64))), 0)::bigint AS accepted,
                        coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS items
                 FROM results r JOIN batches b USING (batch)) r,
                (SELECT count(*) AS accounts FROM accounts WHERE closed_seq IS NULL) a"#
    )
    .fetch_one(&mut *db)
    .await?;
    let tokens = sqlx::query!(
        r#"SELECT t.token, t.account_id, t.pool, t.in_flight,
                  (SELECT coalesce(sum(b.amount), 0) FROM balances b WHERE b.token = t.token) AS "balances!",
                  (SELECT coalesce(sum(b.escrow), 0) FROM batches b WHERE b.token = t.token) AS "escrow!",
                  (SELECT coalesce(sum(l.amount), 0) FROM ledger l WHERE l.token = t.token AND l.kind = 'pay') AS "paid!"
           FROM tokens t
           ORDER BY t.token
           LIMIT 64"#
    )
    .fetch_all(db)
    .await?;
    let tokens = tokens.into_iter().map(|token| {
        Ok(TokenTotals {
            token: TokenId(narrow(token.token, "tokens.token")?),
            account_id: token.account_id,
            balances: token.balances.into(),
            escrow: token.escrow.into(),
            pool: token.pool.into(),
            in_flight: token.in_flight.into(),
            paid: token.paid.into(),
        })
    });
    Ok(Network {
        nodes: counts([row.active, row.paused, row.silent])?,
        stake: row.stake.into(),
        bonded: row.bonded.into(),
        batches: counts([row.open, row.cancelled, row.closed])?,
        live_lots: counts([row.working, row.revealing, row.judging, row.provisional])?,
        settled_lots: narrow(row.lots, "results")?,
        settled_items: narrow(row.items, "results.lot")?,
        accepted_items: narrow(row.accepted, "results.accepted")?,
        accounts: narrow(row.accounts, "accounts")?,
        tokens: tokens.collect::<Result<_, StoreError>>()?,
    })
}

/// Items of lots that settled at `since` or later, Unix seconds of chain time.
///
/// # Errors
/// The read failed.
pub async fn settled_items_since(db: &mut PgConnection, since: u32) -> Result<u64, StoreError> {
    // Settlements are numbered by journal lines and block times only grow, so the newest lines are looked at first.
    let items = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS "items!"
           FROM results r JOIN batches b USING (batch)
           WHERE r.settled_at >= $1"#,
        i64::from(since),
    )
    .fetch_one(db)
    .await?;
    narrow(items, "results.lot")
}

fn counts<const N: usize>(counts: [i64; N]) -> Result<[u64; N], StoreError> {
    let mut narrowed = [0; N];
    for (narrowed, count) in narrowed.iter_mut().zip(counts) {
        *narrowed = narrow(count, "count")?;
    }
    Ok(narrowed)
}
