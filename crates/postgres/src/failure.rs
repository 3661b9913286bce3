//! Errors as a worker's group is told them.

use std::time::Duration;

use headwater_worker::{Failure, Kind};

use crate::Error;

/// While the database is away nothing is the event's fault: it is handed back with its attempt, after a pause, so that
/// nobody turns in circles. What the database refuses of an event it refuses again.
pub(crate) async fn of(error: Error, pause: Duration) -> Failure {
    if error.is_retryable() {
        tokio::time::sleep(pause).await;
        return Failure::release(error.to_string());
    }
    let code = error.code();
    if is_of_data(&error) {
        return Failure::reject(format!("{code}: {error}"));
    }
    Failure::new(Kind::Named(code), error.to_string())
}

/// Whether the values themselves are refused: not the right, not the table.
fn is_of_data(error: &Error) -> bool {
    match error {
        Error::Refused(error) => {
            crate::error::state(error).is_some_and(|state| matches!(&state[..2], "22" | "23"))
        }
        _ => false,
    }
}
