//! The broker's metrics: names with units, and what they mean.

/// Events stored by publish calls, by class.
pub const PUBLISHED_EVENTS: &str = "headwater_published_events_total";
/// Events that were not stored again because they had been stored before.
pub const DUPLICATE_EVENTS: &str = "headwater_duplicate_events_total";
/// Publish calls that failed, by code.
pub const PUBLISH_ERRORS: &str = "headwater_publish_errors_total";
/// Readers that are registered with the hub.
pub const HUB_READERS: &str = "headwater_hub_readers";
/// Times a live reader fell out of its ring and read the log.
pub const READER_CATCH_UPS: &str = "headwater_reader_catch_ups_total";
/// Gaps told to readers, by reason.
pub const READER_GAPS: &str = "headwater_reader_gaps_total";
/// Events dropped for readers that chose `drop_oldest`.
pub const READER_DROPPED: &str = "headwater_reader_dropped_events_total";
/// Events merged into another one for readers that chose `conflate`.
pub const READER_CONFLATED: &str = "headwater_reader_conflated_events_total";

/// Events that a group gave up, by group.
pub const DEAD_LETTERS: &str = "headwater_group_dead_letters_total";

/// Says what each metric means to the recorder that is installed.
pub fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, *help);
    }
    metrics::describe_gauge!(HUB_READERS, "readers registered with the hub");
}

const COUNTERS: &[(&str, &str)] = &[
    (PUBLISHED_EVENTS, "events stored by publish calls, by class"),
    (DUPLICATE_EVENTS, "events not stored again because they had been stored before"),
    (PUBLISH_ERRORS, "publish calls that failed, by code"),
    (READER_CATCH_UPS, "times a live reader fell out of its ring and read the log"),
    (READER_GAPS, "gaps told to readers, by reason"),
    (READER_DROPPED, "events dropped for readers that chose drop_oldest"),
    (DEAD_LETTERS, "events that a group gave up, by group"),
    (READER_CONFLATED, "events merged into another one for readers that chose conflate"),
];
