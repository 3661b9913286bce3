//! Names with units, and what they mean.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Events, by tenant and type.
pub const EVENTS: &str = "headwater_events_total";
/// How long parts of runs took, by tenant, kind (workflow, task, generation, …) and outcome, in seconds.
pub const PART_SECONDS: &str = "headwater_part_duration_seconds";
/// Parts of runs that ended, by tenant, kind and outcome (completed, failed, cancelled).
pub const PARTS_ENDED: &str = "headwater_parts_ended_total";
/// Parts of runs that began and have not ended, as far as this process has seen.
pub const OPEN_PARTS: &str = "headwater_open_parts";
/// Ends whose beginning is nowhere to be found, by kind.
pub const UNKNOWN_STARTS: &str = "headwater_parts_without_start_total";

/// Says what each metric means to the recorder that is installed.
pub fn describe() {
    describe_counter!(EVENTS, "events, by tenant and type");
    describe_histogram!(
        PART_SECONDS,
        Unit::Seconds,
        "how long parts of runs took, by tenant, kind and outcome"
    );
    describe_counter!(PARTS_ENDED, "parts of runs that ended, by tenant, kind and outcome");
    describe_gauge!(
        OPEN_PARTS,
        "parts of runs that began and have not ended, as far as this process has seen"
    );
    describe_counter!(UNKNOWN_STARTS, "ends whose beginning is nowhere to be found, by kind");
}
