//! From a URL to a broker.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use headwater_broker::{Broker, BrokerConfig, Error, EventBroker};
use headwater_client::{HttpBroker, HttpOptions};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::{MemoryOptions, MemoryStore, Retention, Store};

use crate::{BrokerUrl, UrlError};

/// What a broker is opened with, by where it is. Each part matters only to the URLs that it is for.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// Limits and policy of a broker in this process: `memory:` and `embedded:`.
    pub broker: BrokerConfig,
    /// The store of `memory:`.
    pub memory: MemoryOptions,
    /// The store of `embedded:`.
    pub embedded: EmbeddedOptions,
    /// The store of `redis:` and its kin. What the URL says goes before.
    #[cfg(feature = "redis")]
    pub redis: headwater_redis::RedisOptions,
    /// The store of `nats:` and `tls:`. What the URL says goes before.
    #[cfg(feature = "nats")]
    pub nats: headwater_nats::NatsOptions,
    /// The store of `kafka:`. What the URL says goes before.
    #[cfg(feature = "kafka")]
    pub kafka: headwater_kafka::KafkaOptions,
    /// The client of `http:`.
    pub http: HttpOptions,
}

/// What every store of this build knows, set for all of them at once.
impl ConnectOptions {
    /// What is kept, and for how long.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.memory.retention = retention;
        self.embedded.retention = retention;
        #[cfg(feature = "redis")]
        (self.redis.retention = retention);
        #[cfg(feature = "nats")]
        (self.nats.retention = retention);
        #[cfg(feature = "kafka")]
        (self.kafka.retention = retention);
        self
    }

    /// How long a second publish of the same event is recognized, where the store can.
    #[must_use]
    pub fn dedup_window(mut self, window: Duration) -> Self {
        self.memory.dedup_window = Some(window);
        self.embedded.dedup_window = window;
        #[cfg(feature = "redis")]
        (self.redis.dedup_window = window);
        #[cfg(feature = "nats")]
        (self.nats.dedup_window = window);
        self
    }

    /// The largest event, in encoded bytes: what the broker admits and the stores take.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.broker.max_event_bytes = bytes;
        self.embedded.max_event_bytes = bytes;
        #[cfg(feature = "redis")]
        (self.redis.max_event_bytes = bytes);
        #[cfg(feature = "nats")]
        (self.nats.max_event_bytes = bytes);
        #[cfg(feature = "kafka")]
        (self.kafka.max_event_bytes = bytes);
        self
    }
}

/// Why a broker was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is wrong, or names a backend that was not built in.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The broker could not be opened.
    #[error(transparent)]
    Broker(#[from] Error),
}

impl ConnectError {
    /// Whether the configuration must be changed: trying again does not help (exit code 64).
    #[must_use]
    pub fn is_config(&self) -> bool {
        match self {
            Self::Url(_) => true,
            Self::Broker(error) => matches!(error, Error::Store(headwater_store::Error::Config { .. })),
        }
    }
}

/// Opens the broker at a URL with the default options.
///
/// # Errors
/// The URL is wrong, or the store behind it cannot be opened: in use, not writable, of a newer format. A server that
/// is away is no error here: the first call tells.
pub fn connect(url: &str) -> BoxFuture<'_, Result<Arc<dyn EventBroker>, ConnectError>> {
    connect_with(url, ConnectOptions::default())
}

/// Opens the broker at a URL.
///
/// # Errors
/// As [`connect`].
pub fn connect_with(
    url: &str,
    options: ConnectOptions,
) -> BoxFuture<'_, Result<Arc<dyn EventBroker>, ConnectError>> {
    // Boxed here, so that the brokers are compiled with this crate and not again in each that calls it.
    Box::pin(async move {
        Ok(match open(url, options).await? {
            Opened::Local(broker) => Arc::new(broker) as Arc<dyn EventBroker>,
            Opened::Remote(broker) => Arc::new(broker),
        })
    })
}

/// A broker as it was opened: one in this process has its store at hand.
pub(crate) enum Opened {
    /// Over a store in this process.
    Local(Broker),
    /// A running Headwater.
    Remote(HttpBroker),
}

/// Opens the broker at a URL.
pub(crate) async fn open(url: &str, options: ConnectOptions) -> Result<Opened, ConnectError> {
    let store: Arc<dyn Store> = match url.parse()? {
        BrokerUrl::Memory => Arc::new(MemoryStore::new(options.memory)),
        BrokerUrl::Embedded(path) => {
            Arc::new(EmbeddedStore::open(path, options.embedded).await.map_err(Error::from)?)
        }
        #[cfg(feature = "redis")]
        BrokerUrl::Redis(url) => {
            Arc::new(headwater_redis::RedisStore::connect(&url, options.redis).await.map_err(Error::from)?)
        }
        #[cfg(feature = "nats")]
        BrokerUrl::Nats(url) => {
            Arc::new(headwater_nats::NatsStore::open(&url, options.nats).await.map_err(Error::from)?)
        }
        #[cfg(feature = "kafka")]
        BrokerUrl::Kafka(url) => {
            let options = options.kafka.with_url(&url).map_err(Error::from)?;
            Arc::new(headwater_kafka::KafkaStore::open(options).await.map_err(Error::from)?)
        }
        BrokerUrl::Http(url) => return Ok(Opened::Remote(HttpBroker::connect(&url, options.http)?)),
        // Reading the URL has refused it already.
        #[cfg(not(all(feature = "redis", feature = "nats", feature = "kafka")))]
        other => return Err(UrlError::Unknown { url: other.to_string() }.into()),
    };
    Ok(Opened::Local(Broker::open(store, options.broker).await?))
}
