//! The schema, its numbers and its guard.

use piecework_interface::ids::AccountNo;
use piecework_interface::model::history::MovementKind;
use piecework_store::{DatabaseUrl, StoreError, Units, connect::MIGRATIONS, schema_check, stake::stake_span_list};
use sqlx::PgPool;

const MIGRATED: &sqlx::migrate::Migrator = &MIGRATIONS;
const AMOUNTS: [u128; 6] = [0, 1, 9_999, 10_000, 10_u128.pow(24), u128::MAX];

#[sqlx::test(migrator = "MIGRATED")]
async fn units__should_survive_postgres(pool: PgPool) {
    for amount in AMOUNTS {
        let (back, text): (Units, String) =
            sqlx::query_as("SELECT $1::numeric(39,0), $1::text").bind(Units(amount)).fetch_one(&pool).await.unwrap();
        assert_eq!((back, text), (Units(amount), amount.to_string()));
    }
}

#[sqlx::test(migrator = "MIGRATED")]
async fn units__should_survive_arrays(pool: PgPool) {
    let amounts = AMOUNTS.map(Units).to_vec();
    let back: Vec<Units> =
        sqlx::query_scalar("SELECT unnest($1::numeric[])").bind(&amounts).fetch_all(&pool).await.unwrap();
    assert_eq!(back, amounts);
}

#[sqlx::test(migrator = "MIGRATED")]
async fn units__should_refuse_what_is_no_amount(pool: PgPool) {
    for text in ["-1", "1.5", "340282366920938463463374607431768211456", "NaN"] {
        let read = sqlx::query_scalar::<_, Units>("SELECT $1::text::numeric").bind(text).fetch_one(&pool).await;
        assert!(read.is_err(), "{text} was read as {read:?}");
    }
}

#[sqlx::test(migrator = "MIGRATED")]
async fn schema__should_explain_every_table_and_column(pool: PgPool) {
    let silent: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname || coalesce('.' || a.attname, '')
         FROM pg_class c
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_sqlx%'
           AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(silent, Vec::<String>::new());
}

#[sqlx::test(migrator = "MIGRATED")]
async fn ledger__should_read_every_kind_that_the_table_takes(pool: PgPool) {
    // Given the kinds that the table's own check names
    let check: String =
        sqlx::query_scalar("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ledger_kind_check'")
            .fetch_one(&pool)
            .await
            .unwrap();
    let kinds: Vec<&str> = check.split('\'').skip(1).step_by(2).collect();
    assert!(kinds.contains(&"transfer"), "{check}");

    // Then each has a name for readers
    for kind in kinds {
        let read = serde_json::from_value::<MovementKind>(kind.into());
        assert!(read.is_ok(), "{kind} cannot be read");
    }
}

#[sqlx::test(migrations = false)]
async fn schema_check__should_refuse_another_version(pool: PgPool) {
    assert!(matches!(schema_check(&pool).await, Err(StoreError::Schema { found: 0, .. })));
    MIGRATIONS.run(&pool).await.unwrap();
    schema_check(&pool).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = version + 1000").execute(&pool).await.unwrap();
    assert!(matches!(schema_check(&pool).await, Err(StoreError::Schema { found: 1001.., .. })));
}

#[test]
fn database_url__should_hide_its_password() {
    let url: DatabaseUrl = "postgres://ana:secret@db.example:5433/market".parse().unwrap();
    assert_eq!(format!("{url} {url:?}"), "postgres://ana@db.example:5433/market postgres://ana@db.example:5433/market");
}

#[test]
fn database_url__should_refuse_another_scheme() {
    assert!(matches!("mysql://db/market".parse::<DatabaseUrl>(), Err(StoreError::Url(_))));
    assert!(matches!("".parse::<DatabaseUrl>(), Err(StoreError::Url(_))));
}

#[sqlx::test(migrator = "MIGRATED")]
async fn stakes__should_cost_what_a_range_has_and_not_what_the_journal_has(pool: PgPool) {
    // Given three nodes with a hundred thousand changes of their stake each: line n of node n % 3 leaves it with n
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql(
        "SET LOCAL session_replication_role = replica;
         INSERT INTO accounts SELECT n, 'node' || n, 0, 0, 0, '[]', NULL, NULL, 0, 0 FROM generate_series(0, 2) n;
         INSERT INTO nodes SELECT n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'active', NULL, NULL FROM generate_series(0, 2) n;
         INSERT INTO stakes SELECT n % 3, n, n, CASE WHEN n % 1000 = 0 THEN 7 END FROM generate_series(0, 299999) n;",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    sqlx::query("ANALYZE stakes").execute(&pool).await.unwrap();

    // When three hundred lines in their midst are asked for
    let mut tx = pool.begin().await.unwrap();
    let spans = stake_span_list(&mut tx, (150_000, 150_300), None, 200).await.unwrap();

    // Then each node's least stake is what it had before them, and few more rows than those are read
    let least: Vec<u128> = spans.iter().map(|span| span.least.0).collect();
    assert_eq!(least, [149_997, 149_998, 149_999]);
    assert_eq!(spans[0].operators, [AccountNo(7)]);
    assert!(spans[1].operators.is_empty());
    let read: i64 = sqlx::query_scalar(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'stakes'",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    assert!(read < 1_000, "{read} rows are read");
}
