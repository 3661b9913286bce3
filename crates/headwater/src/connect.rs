//! From a URL to a broker.

use std::sync::Arc;

use headwater_broker::{Broker, BrokerConfig, Error, EventBroker};
use headwater_client::{HttpBroker, HttpOptions};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_store::{MemoryOptions, MemoryStore, Store};

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
    /// The client of `http:`.
    pub http: HttpOptions,
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
pub async fn connect(url: &str) -> Result<Arc<dyn EventBroker>, ConnectError> {
    connect_with(url, ConnectOptions::default()).await
}

/// Opens the broker at a URL.
///
/// # Errors
/// As [`connect`].
pub async fn connect_with(url: &str, options: ConnectOptions) -> Result<Arc<dyn EventBroker>, ConnectError> {
    Ok(match open(url, options).await? {
        Opened::Local(broker) => Arc::new(broker),
        Opened::Remote(broker) => Arc::new(broker),
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
        BrokerUrl::Http(url) => return Ok(Opened::Remote(HttpBroker::connect(&url, options.http)?)),
    };
    Ok(Opened::Local(Broker::open(store, options.broker).await?))
}
