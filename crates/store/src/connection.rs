//! What operators see of the way to a store's server: the same metrics, whichever store it is.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const CONNECTED: &str = "headwater_store_connected";
const RECONNECTS: &str = "headwater_store_reconnects_total";
const ATTEMPTS: &str = "headwater_store_connect_attempts_total";

/// Tells the recorder what the metrics mean.
pub fn describe() {
    describe_gauge!(CONNECTED, Unit::Count, "Whether the store's server can be reached: 1 or 0.");
    describe_counter!(
        RECONNECTS,
        Unit::Count,
        "Times the store's server was reached again after it was away."
    );
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts to reach the store's server.");
}

/// It is about to be tried to reach the server, or was, so many times.
pub fn tried(times: u64) {
    counter!(ATTEMPTS).increment(times);
}

/// The server is reached, for the first time.
pub fn reached() {
    gauge!(CONNECTED).set(1.0);
}

/// The server is reached again.
pub fn reached_again() {
    counter!(RECONNECTS).increment(1);
    reached();
}

/// The server cannot be reached, or is not wanted any more.
pub fn lost() {
    gauge!(CONNECTED).set(0.0);
}
