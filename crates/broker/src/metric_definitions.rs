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

/// Every metric of this crate: name, unit, sentence.
pub const ALL: &[(&str, &str, &str)] = &[
    (PUBLISHED_EVENTS, "events", "events stored by publish calls, by class"),
    (DUPLICATE_EVENTS, "events", "events not stored again because they had been stored before"),
    (PUBLISH_ERRORS, "calls", "publish calls that failed, by code"),
    (HUB_READERS, "readers", "readers registered with the hub"),
    (READER_CATCH_UPS, "times", "times a live reader fell out of its ring and read the log"),
    (READER_GAPS, "gaps", "gaps told to readers, by reason"),
    (READER_DROPPED, "events", "events dropped for readers that chose drop_oldest"),
    (READER_CONFLATED, "events", "events merged into another one for readers that chose conflate"),
];
