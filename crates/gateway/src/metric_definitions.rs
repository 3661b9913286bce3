//! Every metric of the gateway: its name, its unit and what it counts.

use metrics::Unit;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct MetricDefinition {
    /// Its name in `/metrics`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// What it is counted in.
    pub unit: Unit,
    /// What it tells.
    pub help: &'static str,
}

pub(crate) const PUBLISHES: &str = "headwater_http_publishes_total";
pub(crate) const EVENTS_IN: &str = "headwater_http_events_received_total";
pub(crate) const BYTES_IN: &str = "headwater_http_publish_bytes_total";
pub(crate) const READERS: &str = "headwater_sse_readers";
pub(crate) const FRAMES_OUT: &str = "headwater_sse_frames_total";
pub(crate) const BYTES_OUT: &str = "headwater_sse_bytes_total";
pub(crate) const GAPS: &str = "headwater_sse_gaps_total";
pub(crate) const SOCKET_MESSAGES: &str = "headwater_ws_messages_total";
pub(crate) const SOCKET_BYTES: &str = "headwater_ws_bytes_total";
pub(crate) const CONNECTIONS: &str = "headwater_http_connections";
pub(crate) const STALLED: &str = "headwater_http_stalled_total";
pub(crate) const REQUEST_SECONDS: &str = "headwater_http_request_seconds";

/// Every metric of the gateway.
pub const METRICS: &[MetricDefinition] = &[
    MetricDefinition {
        name: PUBLISHES,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "publish requests that were answered with 200",
    },
    MetricDefinition {
        name: EVENTS_IN,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "events in publish requests that were answered with 200, duplicates included",
    },
    MetricDefinition {
        name: BYTES_IN,
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        help: "bytes of the bodies of publish requests that were answered with 200",
    },
    MetricDefinition {
        name: READERS,
        kind: MetricKind::Gauge,
        unit: Unit::Count,
        help: "streaming responses and sockets that are open",
    },
    MetricDefinition {
        name: FRAMES_OUT,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "frames handed to streaming responses, reserved events included, heartbeats not",
    },
    MetricDefinition {
        name: BYTES_OUT,
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        help: "bytes handed to streaming responses",
    },
    MetricDefinition {
        name: GAPS,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "gaps told to readers, by reason, sockets included",
    },
    MetricDefinition {
        name: SOCKET_MESSAGES,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "items of subscriptions handed to sockets, heartbeats not",
    },
    MetricDefinition {
        name: SOCKET_BYTES,
        kind: MetricKind::Counter,
        unit: Unit::Bytes,
        help: "bytes of items handed to sockets",
    },
    MetricDefinition {
        name: CONNECTIONS,
        kind: MetricKind::Gauge,
        unit: Unit::Count,
        help: "connections that are open",
    },
    MetricDefinition {
        name: STALLED,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        help: "connections that were closed because they took nothing of what was written",
    },
    MetricDefinition {
        name: REQUEST_SECONDS,
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        help: "time from the head of a request to the head of its answer, by route and status",
    },
];
