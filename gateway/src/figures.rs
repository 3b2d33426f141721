//! The sums over the market, computed once per block: everybody asks for the same ones, and they cost the most.

use std::sync::Arc;

use piecework_api::Network;
use piecework_store::{Reader, StoreError, cursor::Cursor, network::network_get};
use tokio::sync::Mutex;

/// The sums of the last block that a caller asked about.
#[derive(Debug, Default)]
pub struct Figures(Mutex<Option<Arc<Network>>>);

impl Figures {
    /// The sums at `head` or a later block.
    ///
    /// # Errors
    /// The database failed.
    pub async fn at(&self, reader: &Reader, head: &Cursor) -> Result<Arc<Network>, StoreError> {
        // Held over the query, so that many callers make one.
        let mut kept = self.0.lock().await;
        if let Some(network) = kept.as_ref().filter(|network| network.height >= head.height) {
            return Ok(Arc::clone(network));
        }
        let mut db = reader.snapshot().await?;
        let network = Arc::new(network_get(&mut db, head).await?);
        *kept = Some(Arc::clone(&network));
        Ok(network)
    }
}
