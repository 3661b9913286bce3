//! The metrics of the embedded log: every name once, with unit and meaning.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const COMMITS: &str = "headwater_embedded_commits_total";
pub(crate) const COMMIT_EVENTS: &str = "headwater_embedded_commit_events";
pub(crate) const COMMIT_SECONDS: &str = "headwater_embedded_commit_seconds";
pub(crate) const EVENTS: &str = "headwater_embedded_events_total";
pub(crate) const EVENT_BYTES: &str = "headwater_embedded_event_bytes_total";
pub(crate) const DUPLICATES: &str = "headwater_embedded_duplicates_total";
pub(crate) const QUEUE_DEPTH_CALLS: &str = "headwater_embedded_queue_depth_calls";
pub(crate) const FREE_BYTES: &str = "headwater_embedded_disk_free_bytes";
pub(crate) const DISK_BYTES: &str = "headwater_embedded_disk_used_bytes";
pub(crate) const FAILURES: &str = "headwater_embedded_failures_total";

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    describe_counter!(COMMITS, Unit::Count, "Batches committed, each with the calls that waited together.");
    describe_histogram!(COMMIT_EVENTS, Unit::Count, "Events in one committed batch.");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "Time to commit one batch, its fsync included.");
    describe_counter!(EVENTS, Unit::Count, "Events stored.");
    describe_counter!(EVENT_BYTES, Unit::Bytes, "Encoded bytes of the events stored.");
    describe_counter!(DUPLICATES, Unit::Count, "Events that were stored already.");
    describe_gauge!(QUEUE_DEPTH_CALLS, Unit::Count, "Calls that wait for the writer.");
    describe_gauge!(FREE_BYTES, Unit::Bytes, "Free space on the disk of the log.");
    describe_gauge!(DISK_BYTES, Unit::Bytes, "Space that the log uses on the disk.");
    describe_counter!(FAILURES, Unit::Count, "Errors after which the database was closed and opened again.");
}
