//! The shared stores, on real servers, and the same work done by their bare clients.
//!
//! Each is built in by its feature: `redis`, `nats`, `kafka`.

mod bare;
mod ours;
mod server;

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use headwater_events::Event;

pub(crate) use server::SharedServer;

use crate::Setup;

/// A backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg(feature = "redis")]
    Redis,
    #[cfg(feature = "nats")]
    Nats,
    #[cfg(feature = "kafka")]
    Kafka,
}

impl Kind {
    /// Those that are built in.
    const BUILT: &'static [Self] = &[
        #[cfg(feature = "redis")]
        Self::Redis,
        #[cfg(feature = "nats")]
        Self::Nats,
        #[cfg(feature = "kafka")]
        Self::Kafka,
    ];

    /// Those of them that are to be measured.
    pub(crate) fn chosen(setup: &Setup) -> impl Iterator<Item = Self> {
        let named = |kind: &Self| setup.stores.iter().any(|name| name == kind.name());
        Self::BUILT.iter().copied().filter(move |kind| setup.stores.is_empty() || named(kind))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis => "redis",
            #[cfg(feature = "nats")]
            Self::Nats => "nats",
            #[cfg(feature = "kafka")]
            Self::Kafka => "kafka",
        }
    }

    /// What our store is compared with, where a log is followed.
    pub(crate) const fn bare_tail_name(self) -> &'static str {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis => "plain XADD",
            #[cfg(feature = "nats")]
            Self::Nats => "async-nats",
            #[cfg(feature = "kafka")]
            Self::Kafka => "rdkafka",
        }
    }

    /// What our store is compared with, by work.
    pub(crate) const fn bare_name(self) -> &'static str {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis => "bare client, same scripts",
            #[cfg(feature = "nats")]
            Self::Nats => "async-nats, acks windowed",
            #[cfg(feature = "kafka")]
            Self::Kafka => "rdkafka",
        }
    }
}

/// How something is published and read: through our broker, or straight through a client.
#[async_trait]
pub(crate) trait Peer: Send + Sync {
    /// Stores a batch and answers once it is stored.
    async fn publish(&self, batch: &[Event]) -> Result<()>;

    /// Reads everything that is stored of the tenant, from the beginning; gives how many events.
    async fn read(&self, expected: usize) -> Result<usize>;

    /// Everything of the tenant that is stored from now on.
    async fn tail(&self) -> Result<Box<dyn Tail>>;
}

/// Takes the JSON of an event.
pub(crate) type Found<'a> = &'a mut (dyn for<'b> FnMut(&'b [u8]) + Send);

/// Events as they come.
#[async_trait]
pub(crate) trait Tail: Send {
    /// Waits for some and gives the JSON of each.
    async fn next(&mut self, found: Found<'_>) -> Result<()>;
}

/// Which peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Our broker over our store, with its defaults.
    Ours,
    /// Our broker over NATS, asked to store batches whole or not at all.
    #[cfg(feature = "nats")]
    OursWhole,
    /// Our broker over Kafka, with nothing of the log kept in memory.
    #[cfg(feature = "kafka")]
    OursCold,
    /// The bare client doing the same work.
    Bare,
    /// The bare client of NATS, which stores batches whole or not at all.
    #[cfg(feature = "nats")]
    BareWhole,
    /// The bare client, one `XADD` an event and nothing else.
    #[cfg(feature = "redis")]
    Plain,
    /// The bare client as one follows a log with it: for delays.
    BareTail,
}

/// Our store on a server, with its defaults.
pub(crate) async fn store(kind: Kind, url: &str) -> Result<Arc<dyn headwater_store::Store>> {
    ours::store(kind, url, Who::Ours).await
}

impl Who {
    /// Whether it is asked to read back what it wrote.
    pub(crate) fn reads(self) -> bool {
        match self {
            Self::Ours | Self::Bare => true,
            #[cfg(feature = "kafka")]
            Self::OursCold => true,
            _ => false,
        }
    }
}

/// Connects a peer to an empty server.
pub(crate) async fn connect(server: &SharedServer, who: Who) -> Result<Arc<dyn Peer>> {
    let url = server.url();
    Ok(match (who, server.kind) {
        #[cfg(feature = "redis")]
        (Who::Bare, Kind::Redis) => Arc::new(bare::redis::Scripts::connect(url).await?),
        #[cfg(feature = "redis")]
        (Who::Plain | Who::BareTail, Kind::Redis) => Arc::new(bare::redis::Plain::connect(url).await?),
        #[cfg(all(feature = "redis", feature = "nats"))]
        (Who::Plain, Kind::Nats) => anyhow::bail!("there is no plain XADD on NATS"),
        #[cfg(all(feature = "redis", feature = "kafka"))]
        (Who::Plain, Kind::Kafka) => anyhow::bail!("there is no plain XADD on Kafka"),
        #[cfg(feature = "nats")]
        (Who::Bare | Who::BareTail, Kind::Nats) => Arc::new(bare::nats::Client::connect(url, false).await?),
        #[cfg(feature = "nats")]
        (Who::BareWhole, Kind::Nats) => Arc::new(bare::nats::Client::connect(url, true).await?),
        #[cfg(all(feature = "nats", any(feature = "redis", feature = "kafka")))]
        (Who::BareWhole, kind) => anyhow::bail!("{} stores batches in one way", kind.name()),
        #[cfg(feature = "kafka")]
        (Who::Bare | Who::BareTail, Kind::Kafka) => Arc::new(bare::kafka::Client::connect(url).await?),
        (_, kind) => Arc::new(ours::Ours::connect(kind, url, who).await?),
    })
}
