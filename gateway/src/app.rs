//! What the handlers share.

use std::{sync::Arc, time::Duration};

use piecework_daemon::PrometheusHandle;
use piecework_store::{DatabaseUrl, Reader, ReaderOptions};
use tokio_util::sync::CancellationToken;

use crate::{blobs::Blobs, config::Config, figures::Figures, gold::Golds, stream::Feed};

/// The shared state: cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The mirror.
    pub reader: Reader,
    /// The blobs.
    pub blobs: Blobs,
    /// Gold that requesters opened, beside the blobs.
    pub golds: Golds,
    /// The head of the mirror and the journal as it grows.
    pub feed: Feed,
    /// Sums over the market, computed at most once per block.
    pub figures: Arc<Figures>,
    /// Limits.
    pub config: Arc<Config>,
    /// Renders the metrics; `None` where another recorder is installed.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled first when the process stops: streams end, readiness is gone.
    pub stopping: CancellationToken,
}

impl App {
    /// Opens what the configuration names. The database need not answer yet.
    ///
    /// # Errors
    /// The blob directory cannot be used.
    pub async fn open(
        config: Config,
        database_url: &DatabaseUrl,
        metrics: Option<PrometheusHandle>,
    ) -> std::io::Result<Self> {
        let reader = Reader::new(
            database_url,
            ReaderOptions {
                connections: config.db_connections,
                acquire_timeout: Duration::from_secs(1),
                // The server gives up before the client is told that it took too long.
                statement_timeout: config.request_timeout().mul_f64(0.8),
            },
        );
        let blobs = Blobs::open(config.blob_dir.clone(), config.blob_max_bytes).await?;
        Ok(Self {
            golds: Golds::new(blobs.clone()),
            blobs,
            feed: Feed::new(config.stream_buffer_lines, config.stream_clients_max),
            figures: Arc::default(),
            reader,
            config: Arc::new(config),
            metrics,
            stopping: CancellationToken::new(),
        })
    }
}
