//! The metrics of the store over Redis: every name once, with unit and meaning.

use metrics::{Unit, describe_counter, describe_histogram};

pub(crate) const GROUPS: &str = "headwater_redis_groups_total";
pub(crate) const GROUP_EVENTS: &str = "headwater_redis_group_events";
pub(crate) const GROUP_SECONDS: &str = "headwater_redis_group_seconds";
pub(crate) const EVENTS: &str = "headwater_redis_events_total";
pub(crate) const EVENT_BYTES: &str = "headwater_redis_event_bytes_total";
pub(crate) const DUPLICATES: &str = "headwater_redis_duplicates_total";

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    headwater_store::connection::describe();
    describe_counter!(
        GROUPS,
        Unit::Count,
        "Scripts that stored events, each with the calls that waited together."
    );
    describe_histogram!(GROUP_EVENTS, Unit::Count, "Events in one script.");
    describe_histogram!(GROUP_SECONDS, Unit::Seconds, "Time until one script was answered.");
    describe_counter!(EVENTS, Unit::Count, "Events stored.");
    describe_counter!(EVENT_BYTES, Unit::Bytes, "Encoded bytes of the events stored.");
    describe_counter!(DUPLICATES, Unit::Count, "Events that were stored already.");
}
