//! What can be set, and what holds where nothing is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits and intervals of the gateway. Every key is optional; the defaults are those of [`GatewayConfig::default`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// How often a stream gets a comment with a fresh `id:`, in milliseconds: 15,000.
    pub heartbeat_ms: u64,
    /// What `retry:` tells a reader to wait before it comes back, in milliseconds: 2,000.
    pub retry_ms: u64,
    /// What `retry:` says when the gateway is full or the broker is away, in milliseconds: 10,000.
    pub retry_overload_ms: u64,
    /// How long one streaming response lives before it is closed with a cursor to come back with, in milliseconds:
    /// 600,000, shortened by up to a tenth so that readers do not return all at once. 0 is for ever.
    ///
    /// Proxies cut long responses without warning; a planned end costs the reader one round trip.
    pub reader_lifetime_ms: u64,
    /// How long a stream may go without an event before it is closed in the same way, in milliseconds: 0, never.
    pub reader_idle_ms: u64,
    /// How many streaming responses there may be at once: 20,000. Who comes then is told to come back.
    pub max_readers: usize,
    /// How many subscriptions one socket may have: 256.
    pub max_subscriptions: usize,
    /// How many connections there may be at once: 25,000. The next one waits in the listener's queue.
    pub max_connections: usize,
    /// How long a connection may take to send a request's head, and how long it may be kept alive without one, in
    /// milliseconds: 60,000.
    pub header_read_timeout_ms: u64,
    /// How long a request may take to send its body, in milliseconds: 30,000.
    pub body_read_timeout_ms: u64,
    /// How long a connection, or one stream of an HTTP/2 connection, may take nothing of what is written to it before
    /// it is closed, in milliseconds: 30,000.
    pub write_stall_timeout_ms: u64,
    /// The largest request body, in bytes: 5 MiB. The broker has its own limits for an event and for a batch.
    pub max_body_bytes: usize,
    /// The most that is written to a stream at once, in bytes: 64 KiB. One larger event is written whole.
    pub max_write_bytes: usize,
    /// How many events a page has where the request does not say: 100.
    pub page_events: usize,
    /// The most events of a page: 1,000.
    pub max_page_events: usize,
    /// A page ends with the event that takes it past this many bytes: 4 MiB.
    pub max_page_bytes: usize,
    /// How much of a request or response one connection buffers, in bytes: 64 KiB; at least 8,192.
    pub connection_buffer_bytes: usize,
    /// Which origins' pages may read and publish: `https://host[:port]`, `loopback` for `localhost`, `127.0.0.1` and
    /// `[::1]` with any port, or `*` for every one. By default `loopback`; an empty list leaves only the own origin.
    pub allowed_origins: Vec<String>,
    /// Whether a gateway that asks nobody may listen on other than loopback addresses: false. Something in front of it
    /// has to ask then.
    pub insecure: bool,
    /// How long an orderly shutdown waits for connections to finish, in milliseconds: 10,000.
    pub shutdown_timeout_ms: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            heartbeat_ms: 15_000,
            retry_ms: 2_000,
            retry_overload_ms: 10_000,
            reader_lifetime_ms: 600_000,
            reader_idle_ms: 0,
            max_readers: 20_000,
            max_subscriptions: 256,
            max_connections: 25_000,
            header_read_timeout_ms: 60_000,
            body_read_timeout_ms: 30_000,
            write_stall_timeout_ms: 30_000,
            max_body_bytes: 5 * 1024 * 1024,
            max_write_bytes: 64 * 1024,
            page_events: 100,
            max_page_events: 1_000,
            max_page_bytes: 4 * 1024 * 1024,
            connection_buffer_bytes: 64 * 1024,
            allowed_origins: vec!["loopback".into()],
            insecure: false,
            shutdown_timeout_ms: 10_000,
        }
    }
}

impl GatewayConfig {
    /// Says what cannot work, if anything: the first such key and why.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("heartbeat_ms", self.heartbeat_ms),
            ("header_read_timeout_ms", self.header_read_timeout_ms),
            ("body_read_timeout_ms", self.body_read_timeout_ms),
            ("write_stall_timeout_ms", self.write_stall_timeout_ms),
        ] {
            if value == 0 {
                return Err(format!("{key} must be at least 1"));
            }
        }
        for (key, value) in [
            ("max_readers", self.max_readers),
            ("max_subscriptions", self.max_subscriptions),
            ("max_connections", self.max_connections),
            ("max_body_bytes", self.max_body_bytes),
            ("max_write_bytes", self.max_write_bytes),
            ("page_events", self.page_events),
            ("max_page_events", self.max_page_events),
            ("max_page_bytes", self.max_page_bytes),
        ] {
            if value == 0 {
                return Err(format!("{key} must be at least 1"));
            }
        }
        if self.connection_buffer_bytes < 8192 {
            return Err("connection_buffer_bytes must be at least 8192".into());
        }
        for entry in &self.allowed_origins {
            crate::cors::check(entry).map_err(|why| format!("allowed_origins: {why}"))?;
        }
        Ok(())
    }

    pub(crate) const fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    pub(crate) const fn body_read_timeout(&self) -> Duration {
        Duration::from_millis(self.body_read_timeout_ms)
    }
}
