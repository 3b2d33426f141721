#![doc = include_str!("../README.md")]

#[cfg(feature = "pages")]
mod health;
mod life;
mod log;
mod recorder;

#[cfg(feature = "pages")]
pub use health::{Health, router, serve};
pub use life::{announce, bind, stop_signal};
pub use log::{LogFormat, log, log_from};
pub use metrics_exporter_prometheus::PrometheusHandle;
pub use recorder::{gauge, recorder};
