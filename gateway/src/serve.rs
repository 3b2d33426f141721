//! The life of the process: follow the mirror, serve, stop softly, then hard.

use std::{future::IntoFuture as _, time::Duration};

use tokio::{net::TcpListener, time};
use tokio_util::sync::CancellationToken;

use crate::{app::App, router::router};

/// How long requests have to end once the gateway stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the recorder of metrics tidies up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `shutdown`. Streams end first, because an open one would keep the server from ending; then requests
/// have ten seconds.
///
/// # Errors
/// The listener broke.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> std::io::Result<()> {
    let following = CancellationToken::new();
    let feed = tokio::spawn(app.feed.clone().run(app.reader.clone(), following.clone()));
    let upkeep = tokio::spawn(upkeep(app.clone(), following.clone()));

    let stopping = app.stopping.clone();
    let stop = async move {
        shutdown.cancelled().await;
        stopping.cancel();
    };
    // A router that is served as it is copies its table of routes, 80 KiB, for each connection.
    let service = router(app.clone()).into_make_service();
    let server = axum::serve(listener, service).with_graceful_shutdown(stop).into_future();
    let late = async {
        app.stopping.cancelled().await;
        time::sleep(DRAIN).await;
    };
    let result = tokio::select! {
        result = server => result,
        () = late => {
            tracing::warn!(after_s = DRAIN.as_secs(), "requests were cut off");
            Ok(())
        }
    };

    following.cancel();
    for task in [feed, upkeep] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task failed");
        }
    }
    app.reader.close().await;
    result
}

/// Drains histograms that nobody scrapes, so that they do not grow.
async fn upkeep(app: App, stopped: CancellationToken) {
    let Some(metrics) = app.metrics else { return };
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            () = time::sleep(UPKEEP) => metrics.run_upkeep(),
        }
    }
}
