//! The settings of a server, each a flag.

mod access;
mod check;

use std::time::Duration;

use clap::{Args, ValueEnum};
use headwater::{ConnectOptions, Fsync, GatewayConfig, Limits, Policy, Retention};

use crate::units::{self, Limit};

/// Limits, retention and intervals of a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerSettings {
    /// How strictly events are checked: `strict` refuses unknown types and events out of a run's order
    #[arg(long, value_name = "POLICY", default_value = "lenient", help_heading = "Broker")]
    policy: PolicyName,

    /// The largest event
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = units::bytes, help_heading = "Broker")]
    limit_event: u64,

    /// The most events one request may publish
    #[arg(long, value_name = "COUNT", default_value_t = 1000, help_heading = "Broker")]
    limit_batch_events: u32,

    /// The most encoded bytes one request may publish
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = units::bytes, help_heading = "Broker")]
    limit_batch: u64,

    /// How many recent events each scope that has readers keeps at hand
    #[arg(long, value_name = "COUNT", default_value_t = 1024, help_heading = "Broker")]
    hub_events: u32,

    /// How many bytes all those events may have together
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::bytes, help_heading = "Broker")]
    hub_size: u64,

    /// When stored events are safe against a crash of the machine: `always` before the answer, `off` when the system
    /// writes by itself, or at least this often
    #[arg(long, value_name = "WHEN", default_value = "always", value_parser = fsync, help_heading = "Embedded log")]
    fsync: Fsync,

    /// How long a second publish of the same event is recognized; Kafka recognizes none
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = units::duration,
        help_heading = "Broker")]
    dedup_window: Duration,

    #[command(flatten)]
    retention: RetentionSettings,

    #[command(flatten)]
    http: HttpSettings,

    #[command(flatten)]
    pub(crate) access: access::AccessSettings,
}

/// How long events are kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub(crate) struct RetentionSettings {
    /// How long durable events are kept, or `off` for ever
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = units::duration_or_off)]
    retention_durable: Limit<Duration>,

    /// How many durable events are kept
    #[arg(long, value_name = "COUNT", default_value = "off", value_parser = units::count_or_off)]
    retention_durable_events: Limit<u64>,

    /// How many bytes of durable events are kept
    #[arg(long, value_name = "SIZE", default_value = "off", value_parser = units::bytes_or_off)]
    retention_durable_size: Limit<u64>,

    /// How long deltas and progress are kept
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = units::duration_or_off)]
    retention_transient: Limit<Duration>,

    /// How long deltas and progress are kept after the end of their run
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = units::duration_or_off)]
    retention_transient_after_end: Limit<Duration>,

    /// How long a whole run is kept after its end
    #[arg(long, value_name = "DURATION", default_value = "off", value_parser = units::duration_or_off)]
    retention_run_after_end: Limit<Duration>,
}

/// The HTTP side.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTP")]
struct HttpSettings {
    /// How often a quiet stream sends a sign of life
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = units::duration)]
    sse_heartbeat: Duration,

    /// How long readers are told to wait before they come back
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = units::duration)]
    sse_retry: Duration,

    /// How long one stream lives before its reader is sent round to come back; `off` for ever
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = units::duration_or_off)]
    sse_lifetime: Limit<Duration>,

    /// How long a stream may stay without an event before it is closed
    #[arg(long, value_name = "DURATION", default_value = "off", value_parser = units::duration_or_off)]
    sse_idle: Limit<Duration>,

    /// How many readers there may be at once
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    max_readers: u32,

    /// How many connections there may be at once
    #[arg(long, value_name = "COUNT", default_value_t = 25_000)]
    max_connections: u32,

    /// The largest request body
    #[arg(long, value_name = "SIZE", default_value = "5MiB", value_parser = units::bytes)]
    max_body: u64,

    /// Origins whose pages may read and publish, separated by commas: `https://HOST[:PORT]`, `loopback` for this
    /// machine's own with any port, `*` for every one, `off` for none
    #[arg(long, value_name = "ORIGINS", default_value = "loopback", value_parser = origins)]
    allowed_origins: Origins,

    /// How long an orderly stop waits for requests that are under way
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = units::duration)]
    drain_timeout: Duration,
}

/// Which pages of other origins are served.
#[derive(Debug, Clone)]
struct Origins(Vec<String>);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PolicyName {
    Lenient,
    Strict,
}

impl ServerSettings {
    /// What the broker is opened with.
    pub(crate) fn connect(&self) -> ConnectOptions {
        let mut options = ConnectOptions::default()
            .retention(self.retention.retention())
            .dedup_window(self.dedup_window)
            .max_event_bytes(size(self.limit_event));
        let broker = &mut options.broker;
        broker.policy = match self.policy {
            PolicyName::Lenient => Policy::Lenient,
            PolicyName::Strict => Policy::Strict,
        };
        broker.max_batch_events = self.limit_batch_events as usize;
        broker.max_batch_bytes = size(self.limit_batch);
        broker.ring_events = self.hub_events as usize;
        broker.hub_bytes = size(self.hub_size);
        options.embedded.fsync = self.fsync;
        options
    }

    /// What the gateway is opened with.
    pub(crate) fn gateway(&self) -> GatewayConfig {
        let http = &self.http;
        GatewayConfig {
            heartbeat_ms: millis(http.sse_heartbeat),
            retry_ms: millis(http.sse_retry),
            reader_lifetime_ms: http.sse_lifetime.0.map_or(0, millis),
            reader_idle_ms: http.sse_idle.0.map_or(0, millis),
            max_readers: http.max_readers as usize,
            max_connections: http.max_connections as usize,
            max_body_bytes: size(http.max_body),
            allowed_origins: http.allowed_origins.0.clone(),
            shutdown_timeout_ms: millis(http.drain_timeout),
            insecure: self.access.insecure,
            ..GatewayConfig::default()
        }
    }
}

impl RetentionSettings {
    /// What the flags say.
    pub(crate) fn retention(&self) -> Retention {
        Retention {
            durable: Limits {
                max_age: self.retention_durable.0,
                max_events: self.retention_durable_events.0,
                max_bytes: self.retention_durable_size.0,
            },
            transient: Limits { max_age: self.retention_transient.0, ..Retention::default().transient },
            transient_after_end: self.retention_transient_after_end.0,
            run_after_end: self.retention_run_after_end.0,
        }
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn origins(text: &str) -> Result<Origins, String> {
    let origins = text.split(',').map(|origin| origin.trim().to_owned());
    let allowed_origins = if text == "off" { Vec::new() } else { origins.collect() };
    let config = GatewayConfig { allowed_origins, ..GatewayConfig::default() };
    config.check()?;
    Ok(Origins(config.allowed_origins))
}

fn fsync(text: &str) -> Result<Fsync, String> {
    match text {
        "always" => Ok(Fsync::Always),
        "off" => Ok(Fsync::Never),
        other => units::duration(other).map(|every| Fsync::EveryMs(millis(every).max(1))),
    }
}
