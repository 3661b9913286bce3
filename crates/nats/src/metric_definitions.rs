//! The metrics of the store on NATS: every name once, with unit and meaning.

use metrics::{Unit, describe_counter, describe_gauge};

pub(crate) const EVENTS: &str = "headwater_nats_events_total";
pub(crate) const DUPLICATES: &str = "headwater_nats_duplicates_total";
pub(crate) const RESENT: &str = "headwater_nats_resent_batches_total";
pub(crate) const UNDECODABLE: &str = "headwater_nats_undecodable_total";
pub(crate) const CONSUMERS: &str = "headwater_nats_feed_consumers";
pub(crate) const TRIMMED: &str = "headwater_nats_trimmed_events_total";

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    headwater_store::connection::describe();
    describe_counter!(EVENTS, Unit::Count, "Events stored.");
    describe_counter!(DUPLICATES, Unit::Count, "Events that were stored already.");
    describe_counter!(RESENT, Unit::Count, "Batches sent again because their answer was lost.");
    describe_counter!(UNDECODABLE, Unit::Count, "Entries of somebody else found in the log.");
    describe_gauge!(CONSUMERS, Unit::Count, "Consumers that follow the log for this process.");
    describe_counter!(TRIMMED, Unit::Count, "Events removed by retention.");
}
