//! What tests call around the servers.

use std::io::Write;

use crate::Error;

/// The server, or `None` where it is not installed, said loudly on stdout past the capture of the test harness.
///
/// ```no_run
/// use headwater_test_servers::{Redis, need};
///
/// let Some(redis) = need(Redis::shared()) else { return };
/// ```
///
/// # Panics
/// It is not installed and `CI=true`, or it is installed and does not start.
#[must_use]
pub fn need<T>(server: Result<T, Error>) -> Option<T> {
    let why = match server {
        Ok(server) => return Some(server),
        Err(Error::Missing(why)) => why,
        Err(Error::Failed(why)) => panic!("{why}"),
    };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "with CI=true nothing is skipped: {why}");
    let here = std::thread::current();
    // Written to the handle: `println!` is captured of a test that passes. `cargo xtask test` counts these lines.
    let _ = writeln!(std::io::stdout(), "\nSKIPPED {}: {why}", here.name().unwrap_or("a test"));
    None
}

/// Runs something that blocks beside the async threads.
///
/// # Panics
/// `what` panicked.
pub async fn aside<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(what).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("the runtime is going away: {error}"),
        },
    }
}
