//! When each event was handed to the client, so that the screen can tell how long it was under way.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Moments by event id.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<HashMap<String, Instant>>);

impl Sent {
    /// An event goes out now.
    pub(crate) fn note(&self, id: &str) {
        if let Ok(mut sent) = self.0.lock() {
            sent.insert(id.to_owned(), Instant::now());
        }
    }

    /// How long ago it went out.
    pub(crate) fn age(&self, id: &str) -> Option<Duration> {
        self.0.lock().ok()?.get(id).map(Instant::elapsed)
    }
}
