//! Postgres schema, migrations and every SQL statement.
