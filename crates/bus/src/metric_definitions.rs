//! The bus's metrics: names with units, and what they mean.

/// Events that emitters have admitted and not yet stored.
pub const EMITTER_QUEUE_EVENTS: &str = "headwater_emitter_queue_events";
/// Events that emitters left out, by reason.
pub const EMITTER_DROPPED: &str = "headwater_emitter_dropped_events_total";
/// Times an emitter tried to publish and the store was away.
pub const EMITTER_RETRIES: &str = "headwater_emitter_retries_total";
/// Bytes of events that wait in spool files.
pub const SPOOL_BYTES: &str = "headwater_emitter_spool_bytes";
/// Events that sinks have taken, by sink.
pub const SINK_EVENTS: &str = "headwater_sink_events_total";
/// Errors of sinks, by sink.
pub const SINK_ERRORS: &str = "headwater_sink_errors_total";
/// Events that sinks refused or never got, by sink.
pub const SINK_LOST: &str = "headwater_sink_lost_events_total";
/// Publishes of a route that failed and were only counted, by topic.
pub const BLIND_ERRORS: &str = "headwater_blind_publish_errors_total";

/// Says what each metric means to the recorder that is installed.
pub fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, *help);
    }
    metrics::describe_gauge!(EMITTER_QUEUE_EVENTS, "events admitted by emitters and not yet stored");
    metrics::describe_gauge!(SPOOL_BYTES, "bytes of events that wait in spool files");
}

const COUNTERS: &[(&str, &str)] = &[
    (EMITTER_DROPPED, "events that emitters left out, by reason"),
    (EMITTER_RETRIES, "times an emitter tried to publish and the store was away"),
    (SINK_EVENTS, "events that sinks have taken, by sink"),
    (SINK_ERRORS, "errors of sinks, by sink"),
    (SINK_LOST, "events that sinks refused or never got, by sink"),
    (BLIND_ERRORS, "publishes of a route that failed and were only counted, by topic"),
];
