//! The commit protocol against a real Postgres: whole blocks or nothing, once, by one writer.

use super::paper::{
    BATCH, CHAIN, CONTRACT, EVIDENCE, NODES, Paper, REQUESTER, begin, count, dispute, living, market, open, url,
};
use piecework_chain::FinalBlock;
use piecework_indexer::{
    commit::{CommitError, Writer},
    plan::Planner,
    rebuild::{TableDifference, rebuild},
};
use piecework_interface::{
    history::MovementKind,
    ids::{BatchId, LotId},
};
use piecework_store::{
    StoreError,
    batch::batch_get,
    begin as begin_tx,
    challenge::challenge_list_by_lot,
    connect_one,
    cursor::{cursor_find, cursor_take, writer_lock, writer_unlock},
    ledger::ledger_list_by_account,
    load::{Loaded, mirror_load},
    migrate, schema_check,
    segment::segment_list,
    write::change_write,
};
use sqlx::PgPool;
use std::time::Duration;

const MIGRATED: &sqlx::migrate::Migrator = &piecework_store::connect::MIGRATIONS;

/// Writes the blocks, `per_commit` to a transaction, and gives what the database then holds.
async fn write(pool: &PgPool, blocks: &[FinalBlock], per_commit: usize) -> Loaded {
    let (mut writer, loaded) = open(pool).await;
    let mut planner = Planner::new(loaded);
    for blocks in blocks.chunks(per_commit) {
        for block in blocks {
            planner.apply(block).unwrap();
        }
        writer.commit(&mut planner).await.unwrap();
    }
    load(pool).await
}

async fn load(pool: &PgPool) -> Loaded {
    mirror_load(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap()
}

/// A planner with blocks that are not yet committed, behind a writer.
async fn ready(pool: &PgPool) -> (Writer, Planner) {
    let (writer, loaded) = open(pool).await;
    let mut planner = Planner::new(loaded);
    for block in &market().blocks {
        planner.apply(block).unwrap();
    }
    (writer, planner)
}

async fn assert_empty(pool: &PgPool) {
    for table in ["blocks", "receipts", "events", "reveals", "accounts", "slots", "results", "ledger"] {
        assert_eq!(count(pool, table).await, 0, "{table}");
    }
    let cursor = load(pool).await.cursor;
    assert_eq!((cursor.height, cursor.hash, cursor.root.seq), (0, None, 0));
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_the_contracts_state_block_by_block(pool: PgPool) {
    let paper = market();
    let loaded = write(&pool, &paper.blocks, 1).await;
    assert_eq!(&loaded.mirror, paper.mirror());
    assert_eq!(loaded.cursor.height, paper.blocks.last().unwrap().height);
    assert_eq!(count(&pool, "events").await, i64::try_from(paper.mirror().root.seq).unwrap());
    assert!(loaded.slots.is_empty());
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_a_lots_case(pool: PgPool) {
    // Given a lot before its jury.
    let paper = dispute();
    let batch = &paper.mirror().batches[&BATCH];
    assert!(batch.callback.is_some() && paper.mirror().lots.values().all(|lot| lot.appeal && lot.case.is_some()));
    // When its blocks are written, then the rows are the mirror's, and replay to the same rows again.
    let loaded = write(&pool, &paper.blocks, 2).await;
    assert_eq!(&loaded.mirror, paper.mirror());
    let mut conn = pool.acquire().await.unwrap();
    let rebuilt = rebuild(&mut conn).await.unwrap();
    assert!(rebuilt.ok(), "{rebuilt:?}");
    // And they have what only the lines say: the evidence of a challenge, and the batch's gold root.
    let challenges = challenge_list_by_lot(&mut conn, BATCH, LotId(0), 10).await.unwrap();
    let [challenge] = challenges.as_slice() else { panic!("{challenges:?}") };
    assert_eq!((challenge.items, challenge.deposit.0, challenge.evidence), (0b10, 550, EVIDENCE));
    assert_eq!(batch_get(&mut conn, BATCH).await.unwrap().unwrap().gold_root, [5; 32]);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_the_same_whatever_a_transaction_holds(pool: PgPool) {
    // Given the market up to the middle of a lot, so that there are live rows of every kind.
    let mut blocks = market().blocks;
    let end =
        blocks.iter().position(|block| block.receipts.iter().any(|receipt| receipt.logs[0].contains("[\"extend\"")));
    blocks.truncate(end.unwrap() + 5);
    let mut planner = Planner::new(open(&pool).await.1);
    for block in &blocks {
        planner.apply(block).unwrap();
    }
    // When they are written in one transaction, then the rows are the ones of many transactions: a rebuild replays them
    // into empty tables with another split.
    let loaded = write(&pool, &blocks, usize::MAX).await;
    assert_eq!(&loaded.mirror, planner.mirror());
    assert_eq!(loaded.slots.len(), loaded.mirror.lots.values().map(|lot| lot.slots.len()).sum::<usize>());
    let rebuilt = rebuild(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(rebuilt.ok(), "{rebuilt:?}");
}

#[sqlx::test(migrator = "MIGRATED")]
async fn ledger__should_name_the_other_account_and_the_memo_of_a_transfer(pool: PgPool) {
    // Given a call of two transfers of the same amount, of which the first has a memo
    write(&pool, &market().blocks, usize::MAX).await;
    let mut db = pool.acquire().await.unwrap();
    let [.., receiver, sender] = NODES;

    // When both accounts' movements are listed
    for (account, other) in [(sender, receiver), (receiver, sender)] {
        let entries = ledger_list_by_account(&mut db, account, None, 99).await.unwrap();
        let transfers = entries.into_iter().filter(|entry| entry.kind == MovementKind::Transfer);
        let named: Vec<_> = transfers.map(|entry| (entry.counterparty_id.unwrap(), entry.memo)).collect();

        // Then each transfer has its own memo
        let name = sqlx::query_scalar("SELECT account_id FROM accounts WHERE account = $1").bind(i64::from(other.0));
        let other: String = name.fetch_one(&pool).await.unwrap();
        assert_eq!(named, [(other.clone(), None), (other, Some("first".to_owned()))]);
    }
    // And no other movement has one
    let entries = ledger_list_by_account(&mut db, REQUESTER, None, 99).await.unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.counterparty_id.is_none() && entry.memo.is_none()));
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_batches_that_one_call_ends_and_segments(pool: PgPool) {
    // Given a batch that one call creates and closes, and one that is appended to and forgotten as it closes
    let paper = living();
    for per_commit in [1, usize::MAX] {
        sqlx::query("TRUNCATE cursor, blocks, accounts, config, tokens, classes CASCADE").execute(&pool).await.unwrap();
        // When they are written, then the mirror is the contract's
        let loaded = write(&pool, &paper.blocks, per_commit).await;
        assert_eq!(&loaded.mirror, paper.mirror());
    }
    let mut db = pool.acquire().await.unwrap();
    let ended = batch_get(&mut db, BATCH).await.unwrap().unwrap();
    assert_eq!((ended.record.items, ended.counts.open_lots, ended.counts.withdrawn_lots), (3, 0, 1));
    // And what was appended is there, beside what it was created with
    let next = BatchId(BATCH.0 + 1);
    let grown = batch_get(&mut db, next).await.unwrap().unwrap();
    let segments = segment_list(&mut db, next, 0, 9).await.unwrap();
    assert_eq!(grown.record.items, 6);
    assert_eq!(grown.record.appended, segments[1].after(&[0; 32]));
    let found: Vec<_> = segments.iter().map(|it| (it.first_item, it.items, it.manifest[0], it.uri.as_str())).collect();
    assert_eq!(found, [(0, 3, 1, "blob:00"), (3, 3, 2, "blob:\u{fffd}")]);
    assert_eq!(segment_list(&mut db, next, 1, 9).await.unwrap(), segments[1..]);
    // And so is what was raised, and who brought it
    let brought = batch_get(&mut db, BatchId(next.0 + 1)).await.unwrap().unwrap();
    assert_eq!((brought.record.terms.reward.0, brought.record.escrow.0), (200, 3_150));
    assert_eq!((brought.record.referrer.map(|it| it.part_pct), brought.referrer_id.is_some()), (Some(20), true));
    let rebuilt = rebuild(&mut db).await.unwrap();
    assert!(rebuilt.ok(), "{rebuilt:?}");
}

#[sqlx::test(migrator = "MIGRATED")]
async fn rebuild__should_give_every_table_again(pool: PgPool) {
    for per_commit in [3] {
        write(&pool, &market().blocks, per_commit).await;
    }
    let rebuilt = rebuild(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(rebuilt.ok() && rebuilt.lines == market().mirror().root.seq, "{rebuilt:?}");
}

#[sqlx::test(migrations = false)]
async fn migration__should_wait_until_no_indexer_writes(pool: PgPool) {
    // Given a database without a schema, which another session writes
    let mut writer = pool.acquire().await.unwrap();
    assert!(writer_lock(&mut writer).await.unwrap());
    let mut standby = pool.acquire().await.unwrap();

    // Then the schema stays as it is, and comes once the writer is gone
    let error = migrate(&mut standby).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse) && error.is_transient(), "{error}");
    assert!(schema_check(&mut *standby).await.is_err());
    writer_unlock(&mut writer).await.unwrap();
    migrate(&mut standby).await.unwrap();
    schema_check(&mut *standby).await.unwrap();

    // And then it does not wait for the next writer
    assert!(writer_lock(&mut writer).await.unwrap());
    migrate(&mut standby).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATED")]
async fn rebuild__should_name_the_table_that_was_changed(pool: PgPool) {
    write(&pool, &market().blocks, 8).await;
    sqlx::query("UPDATE slots SET pay = pay + 1 WHERE pay = 50").execute(&pool).await.unwrap();
    sqlx::query("DELETE FROM ledger WHERE kind = 'escrow'").execute(&pool).await.unwrap();
    let rebuilt = rebuild(&mut pool.acquire().await.unwrap()).await.unwrap();
    let difference = |table, rows| TableDifference { table, rows };
    assert_eq!(rebuilt.differences, [difference("slots", 4), difference("ledger", 1)]);
    assert!(rebuilt.root_equal && !rebuilt.ok());
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_refuse_rows_that_are_there_already(pool: PgPool) {
    let (mut writer, mut planner) = ready(&pool).await;
    let mut again = planner.clone();
    writer.commit(&mut planner).await.unwrap();
    let events = count(&pool, "events").await;
    assert!(matches!(writer.commit(&mut again).await, Err(CommitError::Moved { planned: 0, .. })));
    assert_eq!(count(&pool, "events").await, events);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_refuse_rows_after_another_writer_took_over(pool: PgPool) {
    let (mut writer, mut planner) = ready(&pool).await;
    cursor_take(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(matches!(writer.commit(&mut planner).await, Err(CommitError::StaleFence { own: 1, found: 2 })));
    drop(writer);
    assert_empty(&pool).await;
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_be_the_only_one(pool: PgPool) {
    let first = open(&pool).await;
    let second = Writer::open(&url(&pool), CONTRACT, CHAIN, Duration::from_secs(5)).await;
    assert!(matches!(second, Err(CommitError::Locked)));
    // And when the first one is gone, the next one gets in.
    drop(first);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while let Err(error) = Writer::open(&url(&pool), CONTRACT, CHAIN, Duration::from_secs(5)).await {
        assert!(matches!(error, CommitError::Locked) && tokio::time::Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
}

/// A writer of this contract's mirror, once the one before has gone.
async fn open_for(pool: &PgPool, contract: &str) -> Result<(Writer, Loaded), CommitError> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        match Writer::open(&url(pool), contract, CHAIN, Duration::from_secs(5)).await {
            Err(CommitError::Locked) if tokio::time::Instant::now() < deadline => tokio::task::yield_now().await,
            other => return other,
        }
    }
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_refuse_the_mirror_of_another_contract(pool: PgPool) {
    write(&pool, &market().blocks, 1).await;
    let other = open_for(&pool, "other.near").await;
    assert!(matches!(other, Err(CommitError::OtherContract { found, .. }) if found == CONTRACT));
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_take_a_mirror_without_blocks_for_another_contract(pool: PgPool) {
    // Given a mirror that was begun under a wrong name
    drop(open_for(&pool, "typo.near").await.unwrap());
    // When the name is corrected, then the mirror is the right contract's
    drop(open_for(&pool, CONTRACT).await.unwrap());
    assert_eq!(load(&pool).await.cursor.stream, CONTRACT);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_nothing_of_a_transaction_that_was_dropped(pool: PgPool) {
    let (mut writer, mut planner) = ready(&pool).await;
    let mut conn = connect_one(&url(&pool), "crash", Duration::from_secs(5)).await.unwrap();
    let mut tx = begin_tx(&mut conn).await.unwrap();
    change_write(&mut tx, CONTRACT, planner.change()).await.unwrap();
    drop(tx);
    drop(conn);
    assert_empty(&pool).await;
    writer.commit(&mut planner).await.unwrap();
    assert_eq!(&load(&pool).await.mirror, market().mirror());
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_hold_nothing_when_a_late_statement_fails(pool: PgPool) {
    // Given a ledger that refuses the last kind of movement of the block.
    sqlx::query("ALTER TABLE ledger ADD CHECK (kind <> 'restore')").execute(&pool).await.unwrap();
    let (mut writer, mut planner) = ready(&pool).await;
    let error = writer.commit(&mut planner).await.unwrap_err();
    assert!(matches!(&error, CommitError::Store(StoreError::Database(_))) && !error.is_transient(), "{error:?}");
    drop(writer);
    assert_empty(&pool).await;
}

#[sqlx::test(migrator = "MIGRATED")]
async fn writer__should_go_on_after_its_connection_was_cut(pool: PgPool) {
    let paper = market();
    let (first, rest) = paper.blocks.split_at(10);
    let (mut writer, loaded) = open(&pool).await;
    let mut planner = Planner::new(loaded);
    for block in first {
        planner.apply(block).unwrap();
    }
    writer.commit(&mut planner).await.unwrap();
    planner.apply(&rest[0]).unwrap();
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'piecework-indexer' AND datname = current_database()")
        .execute(&pool)
        .await
        .unwrap();
    let error = writer.commit(&mut planner).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(&write(&pool, rest, 4).await.mirror, paper.mirror());
}

#[sqlx::test(migrator = "MIGRATED")]
async fn store__should_keep_amounts_to_the_last_unit(pool: PgPool) {
    use piecework_interface::{amount::Amount, event::Entry};
    let mut paper = Paper::new();
    begin(&mut paper);
    let whale = piecework_interface::ids::AccountNo(6);
    paper.call("storage_deposit", None, vec![super::paper::opened(whale)]);
    let amount = Amount(u128::MAX);
    paper.call(
        "ft_on_transfer",
        None,
        vec![Entry::Deposited { account: whale, token: super::paper::TOKEN, amount, sender: None }],
    );
    let loaded = write(&pool, &paper.blocks, 1).await;
    assert_eq!(&loaded.mirror, paper.mirror());
    assert_eq!(loaded.mirror.accounts[&whale].row.balances[0].amount, amount);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn cursor__should_be_missing_before_the_first_writer(pool: PgPool) {
    assert_eq!(cursor_find(&mut pool.acquire().await.unwrap()).await.unwrap(), None);
}
