//! The metrics of the store over Kafka: every name once, with unit and meaning.

use metrics::{Unit, describe_counter, describe_histogram};

pub(crate) const EVENTS: &str = "headwater_kafka_events_total";
pub(crate) const APPEND_SECONDS: &str = "headwater_kafka_append_seconds";
pub(crate) const APPEND_FAILURES: &str = "headwater_kafka_append_failures_total";
pub(crate) const DISCONNECTS: &str = "headwater_kafka_disconnects_total";
pub(crate) const SCANNED: &str = "headwater_kafka_scanned_records_total";
pub(crate) const UNDECODABLE: &str = "headwater_kafka_undecodable_records_total";
pub(crate) const RESETS: &str = "headwater_kafka_resets_total";

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    headwater_store::connection::describe();
    describe_counter!(EVENTS, Unit::Count, "Events stored.");
    describe_histogram!(APPEND_SECONDS, Unit::Seconds, "Time until the server has stored one batch.");
    describe_counter!(APPEND_FAILURES, Unit::Count, "Events that were not stored, or not known to be.");
    describe_counter!(DISCONNECTS, Unit::Count, "Connections to the servers that were lost or refused.");
    describe_counter!(SCANNED, Unit::Count, "Records that reads of history looked at.");
    describe_counter!(UNDECODABLE, Unit::Count, "Records in the topic that are none of ours.");
    describe_counter!(RESETS, Unit::Count, "Times that the topic was found deleted or replaced.");
}
