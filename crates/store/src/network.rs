//! Sums over the whole market.

use piecework_api::{BatchTotals, ItemTotals, LotTotals, Network, NodeTotals, TokenTotals};
use piecework_interface::ids::TokenId;
use sqlx::PgConnection;

use crate::{StoreError, columns::narrow, cursor::Cursor};

/// The market as it is at a head of the mirror. Give it a snapshot: it takes four statements.
///
/// # Errors
/// The read failed.
pub async fn network_get(db: &mut PgConnection, head: &Cursor) -> Result<Network, StoreError> {
    let block_at = head.timestamp_ns / 1_000_000_000;
    let since = |seconds: u64| u32::try_from(block_at.saturating_sub(seconds)).unwrap_or(u32::MAX);
    let last_minute = settled_items_since(&mut *db, since(60)).await?;
    let last_five_minutes = settled_items_since(&mut *db, since(300)).await?;
    let row = sqlx::query!(
        r#"SELECT n.active AS "active!", n.paused AS "paused!", n.silent AS "silent!", n.tickets AS "tickets!", n.stake AS "stake!",
                  n.bonded AS "bonded!", b.open AS "open!", b.cancelled AS "cancelled!", b.closed AS "closed!",
                  l.working AS "working!", l.revealing AS "revealing!", l.judging AS "judging!",
                  l.provisional AS "provisional!", r.lots AS "lots!", r.withdrawn AS "withdrawn!", r.items AS "items!",
                  r.accepted AS "accepted!", a.accounts AS "accounts!"
           FROM (SELECT count(*) FILTER (WHERE status = 'active') AS active,
                        count(*) FILTER (WHERE status = 'paused') AS paused,
                        count(*) FILTER (WHERE status = 'silent') AS silent,
                        coalesce(sum(tickets) FILTER (WHERE status = 'active'), 0) AS tickets,
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
                (SELECT count(*) FILTER (WHERE r.answered) AS lots, count(*) FILTER (WHERE NOT r.answered) AS withdrawn,
                        coalesce(sum(bit_count(r.accepted::bit(64))), 0)::bigint AS accepted,
                        coalesce(sum(r.items) FILTER (WHERE r.answered), 0)::bigint AS items
                 FROM (SELECT r.accepted, least(b.lot_size, b.items - r.lot * b.lot_size) AS items,
                              r.accepted <> 0 OR EXISTS (SELECT FROM slots s
                                                         WHERE s.batch = r.batch AND s.lot = r.lot AND s.phase = 'revealed')
                                AS answered
                       FROM results r JOIN batches b USING (batch)) r) r,
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
    let count = |count| narrow(count, "count");
    Ok(Network {
        contract_id: head.stream.clone(),
        chain_id: head.chain_id.clone(),
        height: head.height,
        block_at,
        next_seq: head.root.seq,
        journal_head: head.root.head,
        nodes: NodeTotals {
            active: count(row.active)?,
            paused: count(row.paused)?,
            silent: count(row.silent)?,
            active_tickets: narrow(row.tickets, "nodes.tickets")?,
            stake: row.stake.into(),
            bonded: row.bonded.into(),
        },
        batches: BatchTotals { open: count(row.open)?, cancelled: count(row.cancelled)?, closed: count(row.closed)? },
        lots: LotTotals {
            working: count(row.working)?,
            revealing: count(row.revealing)?,
            judging: count(row.judging)?,
            provisional: count(row.provisional)?,
            settled: count(row.lots)?,
            withdrawn: count(row.withdrawn)?,
        },
        items: ItemTotals {
            settled: count(row.items)?,
            accepted: count(row.accepted)?,
            last_minute,
            last_five_minutes,
            per_second: f64::from(u32::try_from(last_minute).unwrap_or(u32::MAX)) / 60.0,
        },
        accounts: count(row.accounts)?,
        burnt: head.root.burnt,
        tokens: tokens.collect::<Result<_, StoreError>>()?,
    })
}

/// Items of lots that settled with answers at `since` or later, Unix seconds of chain time.
async fn settled_items_since(db: &mut PgConnection, since: u32) -> Result<u64, StoreError> {
    // Settlements are numbered by journal lines and block times only grow, so the newest lines are looked at first.
    let items = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(least(b.lot_size, b.items - r.lot * b.lot_size)), 0)::bigint AS "items!"
           FROM results r JOIN batches b USING (batch)
           WHERE r.settled_at >= $1
             AND (r.accepted <> 0 OR EXISTS (SELECT FROM slots s
                                             WHERE s.batch = r.batch AND s.lot = r.lot AND s.phase = 'revealed'))"#,
        i64::from(since),
    )
    .fetch_one(db)
    .await?;
    narrow(items, "results.lot")
}
