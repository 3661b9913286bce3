//! Keeps the leases of handlers that take long.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::{Link, flights::Flights};

/// The most leases of one call.
const BATCH: usize = 1000;

/// How long a lease of the group is, as it was last heard.
pub(crate) struct LeaseLength(Mutex<Duration>);

impl LeaseLength {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Duration::from_secs(30)))
    }

    pub(crate) fn get(&self) -> Duration {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn set(&self, length: Duration) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = length;
    }
}

/// Extends, without end, every lease that has less than two thirds of its length left. Four looks a lease leave room
/// for calls that fail.
pub(crate) async fn run(link: &Link, flights: &Flights, length: &LeaseLength) {
    loop {
        let lease = length.get();
        tokio::time::sleep(lease / 4).await;
        let due = flights.due(Instant::now(), lease * 2 / 3);
        for leases in due.chunks(BATCH) {
            let asked = Instant::now();
            // An answer that takes longer than the lease is none.
            match tokio::time::timeout(lease, link.groups.extend(&link.group, leases)).await {
                Ok(Ok(results)) => {
                    for (lost, result) in leases.iter().zip(results) {
                        match result {
                            Ok(()) => flights.extend(*lost, asked + lease),
                            Err(refused) if flights.lose(*lost) => {
                                link.meters.lost();
                                tracing::warn!(group = %link.group, lease = %lost, code = refused.code(),
                                    "a lease was lost: its handler is told");
                            }
                            // It was settled meanwhile.
                            Err(_) => {}
                        }
                    }
                }
                Ok(Err(error)) => link.status.waits(&link.meters, &error),
                Err(_) => {}
            }
        }
        for _ in 0..flights.lose_late(Instant::now()) {
            link.meters.lost();
            tracing::warn!(group = %link.group, "a lease could not be kept: its handler is told");
        }
    }
}
