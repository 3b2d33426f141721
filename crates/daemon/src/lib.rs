#![doc = include_str!("../README.md")]

mod health;
mod life;
mod log;

pub use health::{Health, recorder, router, serve};
pub use life::{announce, bind, stop_signal};
pub use log::{LogFormat, log};
pub use metrics_exporter_prometheus::PrometheusHandle;
