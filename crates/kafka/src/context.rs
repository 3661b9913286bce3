//! What librdkafka reports of its own accord: logs and errors of connections.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use headwater_store::connection;
use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};

use crate::{health::Health, lasting, metric_definitions};

/// The context of every client.
#[derive(Clone)]
pub(crate) struct Context {
    /// What kind of client it is.
    role: &'static str,
    health: Arc<Health>,
    servers: Arc<str>,
    trouble: Arc<Mutex<Option<Trouble>>>,
    /// The client knows no server any more.
    lost: Arc<AtomicBool>,
    /// How often the client had tried to connect when it was last heard of.
    attempts: Arc<AtomicU64>,
}

/// The last that a connection complained of.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) code: RDKafkaErrorCode,
    /// As librdkafka tells it: with addresses, without credentials.
    pub(crate) reason: String,
}

impl Trouble {
    /// Whether trying again does not help.
    pub(crate) fn is_refusal(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.code,
            Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::UnsupportedSASLMechanism
                | Code::SSL
        )
    }
}

impl Context {
    pub(crate) fn new(role: &'static str, health: &Arc<Health>, servers: &str) -> Self {
        Self {
            role,
            health: Arc::clone(health),
            servers: servers.into(),
            trouble: Arc::default(),
            lost: Arc::default(),
            attempts: Arc::default(),
        }
    }

    /// That of another client of the same kind.
    pub(crate) fn of_another(&self) -> Self {
        Self { lost: Arc::default(), attempts: Arc::default(), ..self.clone() }
    }

    /// Whether the client knows no server any more, and will find none.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn role(&self) -> &'static str {
        self.role
    }

    /// What a connection complained of last.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        // Lost connections come as errors too, and are said once by the status.
        match level {
            Level::Emerg | Level::Alert | Level::Critical => {
                tracing::error!(role = self.role, facility, message, "librdkafka");
            }
            _ => tracing::debug!(role = self.role, facility, message, "librdkafka"),
        }
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        if let Some(told) = lasting::told(statistics) {
            self.lost.store(told.nobody, Ordering::Relaxed);
            let before = self.attempts.swap(told.attempts, Ordering::Relaxed);
            connection::tried(told.attempts.saturating_sub(before));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let servers = &self.servers;
        if let Some(code) = error.rdkafka_error_code().filter(|code| *code != Code::AllBrokersDown) {
            let trouble = Trouble { code, reason: reason.to_owned() };
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        }
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => self.health.away(&format!("no server of {servers} answers")),
            Some(Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve) => {
                metrics::counter!(metric_definitions::DISCONNECTS).increment(1);
                tracing::debug!(role = self.role, reason, "a connection to kafka is lost");
            }
            Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL) => {
                self.health.away(&format!("kafka at {servers} refuses this client: {error}"));
            }
            _ => tracing::debug!(role = self.role, reason, %error, "kafka"),
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {}

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {}
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("role", &self.role).finish_non_exhaustive()
    }
}
