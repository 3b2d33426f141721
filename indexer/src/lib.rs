//! Mirrors the chain into Postgres.
