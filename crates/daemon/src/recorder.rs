//! Figures for Prometheus.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Installs the process's recorder, with these buckets for histograms whose name ends in `_seconds`. Called once, before
/// the first metric.
///
/// # Errors
/// A recorder is installed already, or there are no buckets.
pub fn recorder(buckets_s: &[f64]) -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new();
    builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), buckets_s)?.install_recorder()
}

/// A number as a gauge shows it: gauges are floating point, exact up to 2^53.
pub fn gauge(value: impl TryInto<u64>) -> f64 {
    let value = value.try_into().unwrap_or(u64::MAX);
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}
