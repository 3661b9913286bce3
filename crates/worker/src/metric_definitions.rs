//! A worker's metrics: names with units, and what they mean.

/// Events that a handler was called for, by group and by what became of them: `ok` or the code of the failure.
pub const HANDLED: &str = "headwater_worker_events_total";
/// Events that are with a handler, by group.
pub const BUSY: &str = "headwater_worker_busy";
/// How long handlers took, by group and type, in seconds.
pub const HANDLER_SECONDS: &str = "headwater_worker_handler_seconds";
/// Deliveries whose lease was lost before they were settled, by group.
pub const LOST_LEASES: &str = "headwater_worker_lost_leases_total";
/// Gaps that the group was told, by group and reason.
pub const GAPS: &str = "headwater_worker_gaps_total";
/// Calls to the broker that failed, by group.
pub const BROKER_ERRORS: &str = "headwater_worker_broker_errors_total";
/// 1 while the broker answers, 0 while it does not, by group.
pub const CONNECTED: &str = "headwater_worker_connected";

/// Says what each metric means to the recorder that is installed.
pub fn describe() {
    metrics::describe_counter!(HANDLED, "events a handler was called for, by group and outcome");
    metrics::describe_histogram!(
        HANDLER_SECONDS,
        metrics::Unit::Seconds,
        "how long handlers took, by group and type"
    );
    metrics::describe_gauge!(BUSY, "events that are with a handler, by group");
    metrics::describe_counter!(
        LOST_LEASES,
        "deliveries whose lease was lost before they were settled, by group"
    );
    metrics::describe_counter!(GAPS, "gaps the group was told, by group and reason");
    metrics::describe_counter!(BROKER_ERRORS, "calls to the broker that failed, by group");
    metrics::describe_gauge!(CONNECTED, "1 while the broker answers, 0 while it does not, by group");
}
