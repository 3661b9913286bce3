//! Crashes, failing disks and servers that come to harm, as far as the fixture can make them.
//!
//! What must hold after each: every append that was answered is read exactly once by every reader (once per copy
//! stored, where there is no dedup window), in the order of its stream; whatever is lost is told as a gap; positions
//! are never used again; the store says that it is away and comes back by itself, without storming the server.

mod clock;
mod crash;
mod harmed;
mod load;
mod loss;
mod overtaken;
mod reader;
mod watch;

pub use clock::a_clock_that_jumps_disturbs_nobody;
pub use crash::{a_crash_keeps_what_was_answered, failing_writes_lose_nothing};
pub use harmed::{
    cut_connections_lose_nothing, kills_lose_nothing, pauses_lose_nothing, restarts_lose_nothing,
};
pub use loss::{
    a_stream_deleted_under_its_readers_is_told, a_wiped_log_begins_anew, foreign_entries_are_told,
};
pub use overtaken::retention_that_overtakes_a_follower_is_told;

use std::time::Duration;

/// How long a store may take to come back.
const BACK: Duration = Duration::from_secs(60);

/// Whether this is a long run (`cargo xtask soak`).
fn soaks() -> bool {
    std::env::var_os("HEADWATER_SOAK").is_some()
}
