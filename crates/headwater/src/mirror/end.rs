//! The two ends of a mirror.

use std::{fmt, sync::Arc};

use headwater_broker::{Broker, EventBroker};
use headwater_client::HttpBroker;
use headwater_store::Store;

use crate::{ConnectError, ConnectOptions, connect};

/// A broker to copy from or to. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct End {
    pub(super) broker: Arc<dyn EventBroker>,
    /// Its store, where it is in this process.
    pub(super) store: Option<Arc<dyn Store>>,
}

impl End {
    /// Opens the broker at a URL with the default options.
    ///
    /// # Errors
    /// As [`connect`](crate::connect()).
    pub async fn open(url: &str) -> Result<Self, ConnectError> {
        Self::open_with(url, ConnectOptions::default()).await
    }

    /// Opens the broker at a URL.
    ///
    /// # Errors
    /// As [`connect`](crate::connect()).
    pub async fn open_with(url: &str, options: ConnectOptions) -> Result<Self, ConnectError> {
        if url
            .split_once('?')
            .is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("dialect=")))
        {
            return Err(refused(
                "plain streams (`dialect=…`) are written and not read: copy from the store itself",
            ));
        }
        Ok(match connect::open(url, options).await? {
            connect::Opened::Local(broker) => broker.into(),
            connect::Opened::Remote(broker) => broker.into(),
        })
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn EventBroker> {
        &self.broker
    }
}

impl From<Broker> for End {
    fn from(broker: Broker) -> Self {
        Self { store: Some(Arc::clone(broker.store())), broker: Arc::new(broker) }
    }
}

impl From<HttpBroker> for End {
    fn from(broker: HttpBroker) -> Self {
        Self { store: None, broker: Arc::new(broker) }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").field("in_process", &self.store.is_some()).finish_non_exhaustive()
    }
}

/// Where a mirror writes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Target {
    /// Another broker.
    Broker(End),
    /// Plain Redis streams, one for each type of event, for clients that know nothing of Headwater:
    /// `redis://…?dialect=seed`.
    #[cfg(feature = "redis")]
    Plain(Arc<headwater_redis::PlainStreams>),
}

impl Target {
    /// Opens the target at a URL.
    ///
    /// # Errors
    /// As [`connect`](crate::connect()).
    pub async fn open_with(url: &str, options: ConnectOptions) -> Result<Self, ConnectError> {
        #[cfg(feature = "redis")]
        if let Some(url) = plain(url)? {
            let streams = headwater_redis::PlainStreams::open(&url, &options.redis).await;
            return Ok(Self::Plain(Arc::new(streams.map_err(headwater_broker::Error::from)?)));
        }
        End::open_with(url, options).await.map(Self::Broker)
    }

    /// Closes it.
    ///
    /// # Errors
    /// What was accepted could not be stored.
    pub async fn close(&self) -> Result<(), headwater_broker::Error> {
        match self {
            Self::Broker(end) => end.broker.close().await,
            #[cfg(feature = "redis")]
            Self::Plain(_) => Ok(()),
        }
    }
}

/// The URL of a Redis whose plain streams are meant, without the `dialect` that says so.
#[cfg(feature = "redis")]
fn plain(url: &str) -> Result<Option<String>, ConnectError> {
    let (true, Some((place, query))) =
        (matches!(url.parse(), Ok(crate::BrokerUrl::Redis(_))), url.split_once('?'))
    else {
        return Ok(None);
    };
    let (dialects, rest): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|pair| *pair == "dialect" || pair.starts_with("dialect="));
    match dialects.as_slice() {
        [] => Ok(None),
        ["dialect=seed"] if rest.is_empty() => Ok(Some(place.to_owned())),
        ["dialect=seed"] => Ok(Some(format!("{place}?{}", rest.join("&")))),
        _ => Err(refused("the only dialect of plain Redis streams is `dialect=seed`")),
    }
}

fn refused(what: &str) -> ConnectError {
    headwater_broker::Error::from(headwater_store::Error::config(what)).into()
}

impl From<End> for Target {
    fn from(end: End) -> Self {
        Self::Broker(end)
    }
}
