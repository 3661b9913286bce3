//! The metrics of outbox, inbox and database worker: every name once, with unit and meaning.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const ENQUEUED: &str = "headwater_outbox_enqueued_total";
pub(crate) const PUBLISHED: &str = "headwater_outbox_published_total";
pub(crate) const DELAY: &str = "headwater_outbox_delay_seconds";
pub(crate) const FAILURES: &str = "headwater_outbox_failures_total";
pub(crate) const NEWLY_PARKED: &str = "headwater_outbox_newly_parked_total";
pub(crate) const DEPTH: &str = "headwater_outbox_depth";
pub(crate) const OLDEST: &str = "headwater_outbox_oldest_seconds";
pub(crate) const PARKED: &str = "headwater_outbox_parked";
pub(crate) const HELD: &str = "headwater_outbox_held";
pub(crate) const HELD_SECONDS: &str = "headwater_outbox_held_seconds";
pub(crate) const SLOTS: &str = "headwater_outbox_slots";
pub(crate) const CLAIMS: &str = "headwater_inbox_claims_total";
pub(crate) const APPLIED: &str = "headwater_database_events_total";

/// Tells the recorder what the metrics mean.
pub fn describe() {
    describe_counter!(
        ENQUEUED,
        Unit::Count,
        "Events enqueued, whether their transaction has committed or not."
    );
    describe_counter!(PUBLISHED, Unit::Count, "Events that the broker has stored and that left the outbox.");
    describe_histogram!(DELAY, Unit::Seconds, "Time from enqueue until the broker had stored it.");
    describe_counter!(FAILURES, Unit::Count, "Rounds of a relay that failed, by the code of the error.");
    describe_counter!(NEWLY_PARKED, Unit::Count, "Events parked, by the code of the error.");
    describe_gauge!(DEPTH, Unit::Count, "Committed events that are to be published; counted up to 100,000.");
    describe_gauge!(OLDEST, Unit::Seconds, "Age of the oldest event that is to be published.");
    describe_gauge!(PARKED, Unit::Count, "Events that were refused and wait for somebody.");
    describe_gauge!(
        HELD,
        Unit::Count,
        "Events held back by a transaction that began to write before and still runs; counted up to 100,000."
    );
    describe_gauge!(HELD_SECONDS, Unit::Seconds, "For how long the oldest of them has been held back.");
    describe_gauge!(SLOTS, Unit::Count, "Shares of the work, of 32, that this process has.");
    describe_counter!(
        CLAIMS,
        Unit::Count,
        "Claims of the inbox: new, or seen before, where no second effect came about."
    );
    describe_counter!(
        APPLIED,
        Unit::Count,
        "Events that the database worker applied: new, or seen before, where nothing was to be done."
    );
}
