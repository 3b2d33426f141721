//! `GET /v1/network`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use piecework_store::{
    StoreError,
    cursor::Cursor,
    read::{
        Reader,
        network::{self, network_get, settled_items_since},
    },
};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::{
    app::App,
    extract::MinHeight,
    indexed::tag,
    model::Amount,
    problem::{MirrorProblems, Problem},
};

/// The market in numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Network {
    /// Account id of the coordinator contract.
    pub contract_id: String,
    /// Chain.
    pub chain_id: String,
    /// Last block the mirror applied.
    pub height: u64,
    /// Its time, Unix seconds.
    pub block_at: u64,
    /// Journal lines up to there.
    pub next_seq: u64,
    /// `sha256(head ‖ line)` over all of them, hex.
    pub journal_head: String,
    /// Nodes by status.
    pub nodes: NodeTotals,
    /// Batches by status.
    pub batches: BatchTotals,
    /// Lots by state; open ones are not counted, they have no row.
    pub lots: LotTotals,
    /// Items settled so far.
    pub items: ItemTotals,
    /// Open accounts.
    pub accounts: u64,
    /// Slashed NEAR, yoctoNEAR.
    pub insurance: Amount,
    /// Sums per token, the first 64.
    pub tokens: Vec<TokenTotals>,
}

/// Nodes by status.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct NodeTotals {
    /// Taking part.
    pub active: u64,
    /// Paused by their owners.
    pub paused: u64,
    /// Silent for too long.
    pub silent: u64,
    /// Sum of the tickets of active nodes.
    pub active_tickets: u32,
    /// Stake of all, the bonded part included, yoctoNEAR.
    pub stake: Amount,
    /// Part of it that backs slots, yoctoNEAR.
    pub bonded: Amount,
}

/// Batches by status.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct BatchTotals {
    /// Taking claims.
    pub open: u64,
    /// Cancelled and running to their end.
    pub cancelled: u64,
    /// Closed.
    pub closed: u64,
}

/// Lots by state.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct LotTotals {
    /// Seats are claimed and committed.
    pub working: u64,
    /// Answers are shown.
    pub revealing: u64,
    /// The adjudicator's time runs.
    pub judging: u64,
    /// Tallied.
    pub provisional: u64,
    /// Settled.
    pub settled: u64,
}

/// Items settled, and how fast, in seconds of chain time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ItemTotals {
    /// Items of settled lots.
    pub settled: u64,
    /// Items among them with an accepted answer.
    pub accepted: u64,
    /// Items settled in the last minute of chain time.
    pub last_minute: u64,
    /// Items settled in the last five minutes of chain time.
    pub last_five_minutes: u64,
    /// Items per second over the last minute of chain time.
    pub per_second: f64,
}

/// Sums of one token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenTotals {
    /// Token.
    pub token: u16,
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

/// The sums of the last block that somebody asked about: everybody asks for the same ones, and they cost the most.
pub type NetworkCache = Mutex<Option<Arc<Network>>>;

/// The market in numbers: nodes, stake, batches, items, money per token.
#[utoipa::path(
    get, path = "/v1/network", tag = "network",
    params(MinHeight),
    responses((status = 200, description = "The market", body = Network), MirrorProblems)
)]
pub async fn network(State(app): State<App>, Extension(head): Extension<Arc<Cursor>>) -> Result<Response, Problem> {
    // Held over the query, so that many callers make one.
    let mut kept = app.network.lock().await;
    let network = match kept.as_ref() {
        Some(network) if network.height >= head.height => Arc::clone(network),
        _ => {
            let network = Arc::new(read(&app.reader, &head).await?);
            *kept = Some(Arc::clone(&network));
            network
        }
    };
    drop(kept);
    Ok(([(header::ETAG, tag("h", network.height))], Json(&*network)).into_response())
}

async fn read(reader: &Reader, head: &Cursor) -> Result<Network, StoreError> {
    let mut db = reader.snapshot().await?;
    let sums = network_get(&mut db).await?;
    let now = head.timestamp_ns / 1_000_000_000;
    let since = |seconds: u64| u32::try_from(now.saturating_sub(seconds)).unwrap_or(u32::MAX);
    let last_minute = settled_items_since(&mut db, since(60)).await?;
    let last_five_minutes = settled_items_since(&mut db, since(300)).await?;
    Ok(Network::new(head, sums, last_minute, last_five_minutes))
}

impl Network {
    fn new(head: &Cursor, sums: network::Network, last_minute: u64, last_five_minutes: u64) -> Self {
        let [active, paused, silent] = sums.nodes;
        let [open, cancelled, closed] = sums.batches;
        let [working, revealing, judging, provisional] = sums.live_lots;
        Self {
            contract_id: head.stream.clone(),
            chain_id: head.chain_id.clone(),
            height: head.height,
            block_at: head.timestamp_ns / 1_000_000_000,
            next_seq: head.root.seq,
            journal_head: hex::encode(head.root.head),
            nodes: NodeTotals {
                active,
                paused,
                silent,
                active_tickets: head.root.active_tickets,
                stake: sums.stake.into(),
                bonded: sums.bonded.into(),
            },
            batches: BatchTotals { open, cancelled, closed },
            lots: LotTotals { working, revealing, judging, provisional, settled: sums.settled_lots },
            items: ItemTotals {
                settled: sums.settled_items,
                accepted: sums.accepted_items,
                last_minute,
                last_five_minutes,
                per_second: f64::from(u32::try_from(last_minute).unwrap_or(u32::MAX)) / 60.0,
            },
            accounts: sums.accounts,
            insurance: head.root.insurance.into(),
            tokens: sums
                .tokens
                .into_iter()
                .map(|token| TokenTotals {
                    token: token.token.0,
                    account_id: token.account_id,
                    balances: token.balances.into(),
                    escrow: token.escrow.into(),
                    pool: token.pool.into(),
                    in_flight: token.in_flight.into(),
                    paid: token.paid.into(),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
#[allow(non_snake_case)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn network__should_sum_the_market(pool: PgPool) {
        // Given a market with work
        let market = Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When it is asked for
        let body = gateway.json("/v1/network").await;

        // Then every sum follows from the rows
        assert_eq!(body["contract_id"], "piecework.test.near");
        assert_eq!(body["next_seq"], market.seq());
        assert_eq!(body["nodes"]["active"], 3);
        assert_eq!(body["nodes"]["active_tickets"], 6);
        assert_eq!(body["nodes"]["stake"], "60000000000000000000000000");
        assert_eq!(body["batches"], json!({"open": 1, "cancelled": 0, "closed": 0}));
        assert_eq!(body["lots"], json!({"working": 1, "revealing": 0, "judging": 0, "provisional": 0, "settled": 2}));
        assert_eq!(body["items"]["settled"], 8);
        assert_eq!(body["items"]["accepted"], 7);
        assert_eq!(body["items"]["last_minute"], 8);
        assert_eq!(body["tokens"][1]["paid"], "40");
        assert_eq!(body["tokens"][1]["escrow"], "9000");
    }
}
