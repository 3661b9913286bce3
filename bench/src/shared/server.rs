//! A server of a backend, set up as its users run it.

use std::{any::Any, net::SocketAddr};

use anyhow::Result;
use headwater_test_servers as servers;

use super::Kind;

/// A running server with empty data. It ends when this is dropped.
pub(crate) struct SharedServer {
    pub(crate) kind: Kind,
    url: String,
    address: SocketAddr,
    _server: Box<dyn Any + Send + Sync>,
}

impl SharedServer {
    /// Starts one: Redis with an append-only file synced every second, NATS with JetStream on file, Kafka as it comes.
    pub(crate) async fn start(kind: Kind) -> Result<Self> {
        servers::aside(move || match kind {
            #[cfg(feature = "redis")]
            Kind::Redis => {
                let server = servers::Redis::start(servers::RedisOptions::default().appendfsync("everysec"))?;
                Ok(Self { kind, url: server.url(), address: server.address(), _server: Box::new(server) })
            }
            #[cfg(feature = "nats")]
            Kind::Nats => {
                let server = servers::Nats::start(servers::NatsOptions::default())?;
                Ok(Self { kind, url: server.url(), address: server.address(), _server: Box::new(server) })
            }
            #[cfg(feature = "kafka")]
            Kind::Kafka => {
                let server = servers::Kafka::start(servers::KafkaOptions::default())?;
                Ok(Self { kind, url: server.url(), address: server.address(), _server: Box::new(server) })
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}
