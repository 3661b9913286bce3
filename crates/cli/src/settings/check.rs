//! Settings that each can be read and yet cannot work.

use std::{net::SocketAddr, time::Duration};

use headwater::BrokerUrl;

use super::{HttpSettings, RetentionSettings, ServerSettings, millis};
use crate::{exit::BadConfig, units::Limit};

impl ServerSettings {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the first such key and says what it must be.
    pub(crate) fn check(&self) -> Result<(), BadConfig> {
        at_least_one("limit-event", self.limit_event)?;
        at_least_one("limit-batch-events", self.limit_batch_events.into())?;
        at_least_one("limit-batch", self.limit_batch)?;
        at_least_one("hub-events", self.hub_events.into())?;
        at_least_one("hub-size", self.hub_size)?;
        self.retention.check()?;
        self.http.check()?;
        for (key, most) in [("limit-batch", self.limit_batch), ("max-body", self.http.max_body)] {
            if self.limit_event > most {
                let limit = self.limit_event;
                return refuse("limit-event", &format!("must not be over `{key}`: {limit} is over {most}"));
            }
        }
        Ok(())
    }
}

impl ServerSettings {
    /// Refuses what a broker cannot keep to: nothing that was asked for is left out without a word.
    ///
    /// # Errors
    /// Names the first such key.
    pub(crate) fn check_over(&self, broker: &BrokerUrl) -> Result<(), BadConfig> {
        if !matches!(broker, BrokerUrl::Kafka(_)) {
            return Ok(());
        }
        let kafka = "must be `off` over Kafka, which keeps events by age and size only";
        if self.retention.retention_durable_events.0.is_some() {
            return refuse("retention-durable-events", kafka);
        }
        if self.retention.retention_run_after_end.0.is_some() {
            return refuse("retention-run-after-end", kafka);
        }
        Ok(())
    }
}

impl ServerSettings {
    /// Refuses a door that is open to everybody.
    ///
    /// # Errors
    /// Says what to name instead.
    pub(crate) fn check_at(&self, listen: SocketAddr) -> Result<(), BadConfig> {
        self.access.check(listen)
    }
}

impl RetentionSettings {
    fn check(&self) -> Result<(), BadConfig> {
        no_zero("retention-durable", self.retention_durable)?;
        let counts = [
            ("retention-durable-events", self.retention_durable_events),
            ("retention-durable-size", self.retention_durable_size),
        ];
        for (key, Limit(count)) in counts {
            if count == Some(0) {
                return refuse(key, "must be at least 1, or `off`");
            }
        }
        no_zero("retention-transient", self.retention_transient)?;
        // Deltas may go as soon as their run ends; the end itself must be there to be read.
        no_zero("retention-run-after-end", self.retention_run_after_end)
    }
}

impl HttpSettings {
    fn check(&self) -> Result<(), BadConfig> {
        no_zero("sse-heartbeat", Limit(Some(self.sse_heartbeat)))?;
        no_zero("sse-lifetime", self.sse_lifetime)?;
        no_zero("sse-idle", self.sse_idle)?;
        at_least_one("max-readers", self.max_readers.into())?;
        at_least_one("max-connections", self.max_connections.into())?;
        at_least_one("max-body", self.max_body)
    }
}

fn at_least_one(key: &str, value: u64) -> Result<(), BadConfig> {
    if value == 0 { refuse(key, "must be at least 1") } else { Ok(()) }
}

/// The finest unit of a server is the millisecond: what is shorter would be none.
fn no_zero(key: &str, Limit(duration): Limit<Duration>) -> Result<(), BadConfig> {
    if duration.is_some_and(|duration| millis(duration) == 0) {
        return refuse(key, "must be at least 1ms");
    }
    Ok(())
}

fn refuse(key: &str, why: &str) -> Result<(), BadConfig> {
    Err(BadConfig(format!("key `{key}`: {why}")))
}
