//! Everything that can be set, in one place.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use piecework_daemon::LogFormat;

/// Piecework's gateway: HTTP API, streams and web pages over the mirror in Postgres.
///
/// The database is named by the environment variable DATABASE_URL (postgres://user:password@host:port/database).
#[derive(Clone, Debug, Parser)]
#[command(name = "piecework-gateway", version)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one, which is printed.
    #[arg(long, env = "PIECEWORK_GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Directory of the blobs; created if it does not exist.
    #[arg(long, env = "PIECEWORK_GATEWAY_BLOB_DIR")]
    pub blob_dir: PathBuf,
    /// Bytes of one blob at most.
    #[arg(long, env = "PIECEWORK_GATEWAY_BLOB_MAX_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub blob_max_bytes: u64,
    /// Connections to Postgres at most.
    #[arg(long, env = "PIECEWORK_GATEWAY_DB_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..))]
    pub db_connections: u32,
    /// Requests answered at the same time at most, those of blobs counted apart and streams not; more get 503.
    #[arg(long, env = "PIECEWORK_GATEWAY_REQUESTS_MAX", default_value_t = 1024)]
    pub requests_max: usize,
    /// Seconds until an answer is given up; streams have no such limit.
    #[arg(long, env = "PIECEWORK_GATEWAY_REQUEST_TIMEOUT_S", default_value_t = 10)]
    pub request_timeout_s: u64,
    /// Seconds until a blob must have arrived.
    #[arg(long, env = "PIECEWORK_GATEWAY_UPLOAD_TIMEOUT_S", default_value_t = 60)]
    pub upload_timeout_s: u64,
    /// Stream clients at the same time at most; more get 503.
    #[arg(long, env = "PIECEWORK_GATEWAY_STREAM_CLIENTS_MAX", default_value_t = 10_000)]
    pub stream_clients_max: usize,
    /// Journal lines kept in memory for streams; a client that falls further behind is told and closed.
    #[arg(long, env = "PIECEWORK_GATEWAY_STREAM_BUFFER_LINES", default_value_t = 16_384)]
    pub stream_buffer_lines: usize,
    /// Seconds between the heartbeats of a quiet stream.
    #[arg(long, env = "PIECEWORK_GATEWAY_STREAM_HEARTBEAT_S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub stream_heartbeat_s: u64,
    /// Seconds the mirror may be behind the clock before the gateway is not ready; 0 for no limit.
    #[arg(long, env = "PIECEWORK_GATEWAY_LAG_MAX_S", default_value_t = 60)]
    pub lag_max_s: u64,
    /// Form of the log lines on stderr; RUST_LOG chooses which are written.
    #[arg(long, env = "PIECEWORK_GATEWAY_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

impl Config {
    /// How long a request may take.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    /// How long a blob may take to arrive.
    #[must_use]
    pub const fn upload_timeout(&self) -> Duration {
        Duration::from_secs(self.upload_timeout_s)
    }
}
