//! What the gateway counts, and `/metrics`.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::metric_definitions as definitions;
pub use crate::metric_definitions::{METRICS, MetricDefinition, MetricKind};

/// Upper bounds of the buckets of request times, in seconds.
const SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of the buckets of what runs and their parts take, in seconds: names that end in `_duration_seconds`.
const LONG_SECONDS: &[f64] =
    &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// The instruments of the hot paths, looked up once.
pub(crate) struct Meters {
    pub(crate) publishes: Counter,
    pub(crate) events_in: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) publish_seconds: Histogram,
    pub(crate) readers: Gauge,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) socket_messages: Counter,
    pub(crate) socket_bytes: Counter,
    pub(crate) connections: Gauge,
    pub(crate) stalled: Counter,
}

impl Meters {
    /// Installs the process's recorder if there is none, and looks the instruments up.
    pub(crate) fn new() -> Self {
        let _ = handle();
        Self {
            publishes: counter!(definitions::PUBLISHES),
            events_in: counter!(definitions::EVENTS_IN),
            bytes_in: counter!(definitions::BYTES_IN),
            publish_seconds: histogram!(definitions::REQUEST_SECONDS, "route" => "publish", "status" => "200"),
            readers: gauge!(definitions::READERS),
            frames_out: counter!(definitions::FRAMES_OUT),
            bytes_out: counter!(definitions::BYTES_OUT),
            socket_messages: counter!(definitions::SOCKET_MESSAGES),
            socket_bytes: counter!(definitions::SOCKET_BYTES),
            connections: gauge!(definitions::CONNECTIONS),
            stalled: counter!(definitions::STALLED),
        }
    }

    /// One request is answered.
    pub(crate) fn request(&self, route: &'static str, status: u16, took: Duration) {
        if route == "publish" && status == 200 {
            self.publish_seconds.record(took);
        } else {
            histogram!(definitions::REQUEST_SECONDS, "route" => route, "status" => status.to_string())
                .record(took);
        }
    }

    /// One gap is told to a reader.
    pub(crate) fn gap(&self, reason: &'static str) {
        counter!(definitions::GAPS, "reason" => reason).increment(1);
    }
}

/// The recorder of this process. `None` where the program that embeds the gateway installed its own: its metrics
/// are the place to look then.
pub(crate) fn handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let long = Matcher::Suffix("_duration_seconds".to_owned());
            let builder = PrometheusBuilder::new().set_buckets(SECONDS).ok()?;
            let recorder = builder.set_buckets_for_metric(long, LONG_SECONDS).ok()?.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok()?;
            describe();
            Some(handle)
        })
        .as_ref()
}

fn describe() {
    headwater_broker::metric_definitions::describe();
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}
