//! The redis crate: the store's own scripts without the store, and plain streams.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use headwater_events::{Event, Tenant};
use headwater_redis::bench::{Bare, BareFollow};
use headwater_store::Append;
use redis::{AsyncConnectionConfig, Client, Value, aio::MultiplexedConnection};

use crate::shared::{Found, Peer, Tail};

/// The same scripts with the same arguments, and nothing around them.
pub(in crate::shared) struct Scripts(Bare);

impl Scripts {
    pub(in crate::shared) async fn connect(url: &str) -> Result<Self> {
        Ok(Self(Bare::connect(url, headwater_redis::RedisOptions::default()).await?))
    }
}

#[async_trait]
impl Peer for Scripts {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        let batch: Vec<Append> =
            batch.iter().map(|event| Append::new(event.clone())).collect::<Result<_, _>>()?;
        Ok(self.0.append(&batch).await?)
    }

    async fn read(&self, _expected: usize) -> Result<usize> {
        Ok(self.0.read_tenant(&Tenant::default(), 1000).await?)
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        Ok(Box::new(Followed(self.0.follow(&Tenant::default()).await?)))
    }
}

struct Followed(BareFollow);

#[async_trait]
impl Tail for Followed {
    async fn next(&mut self, found: Found<'_>) -> Result<()> {
        Ok(self.0.next(found).await?)
    }
}

/// One `XADD` an event, pipelined, and `XREAD BLOCK`.
pub(in crate::shared) struct Plain {
    client: Client,
    connection: MultiplexedConnection,
}

const KEY: &str = "bare";

impl Plain {
    pub(in crate::shared) async fn connect(url: &str) -> Result<Self> {
        let client = Client::open(url)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Self { client, connection })
    }
}

#[async_trait]
impl Peer for Plain {
    async fn publish(&self, batch: &[Event]) -> Result<()> {
        let mut pipeline = redis::pipe();
        for event in batch {
            let json: &[u8] = event.json();
            pipeline.cmd("XADD").arg(KEY).arg("*").arg("data").arg(json).ignore();
        }
        Ok(pipeline.query_async::<()>(&mut self.connection.clone()).await?)
    }

    async fn read(&self, _expected: usize) -> Result<usize> {
        let (mut at, mut count) = ("-".to_owned(), 0);
        loop {
            let mut command = redis::cmd("XRANGE");
            command.arg(KEY).arg(&at).arg("+").arg("COUNT").arg(1000);
            let page: Vec<(String, Value)> = command.query_async(&mut self.connection.clone()).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            count += page.len();
            at = format!("({last}");
        }
    }

    async fn tail(&self) -> Result<Box<dyn Tail>> {
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let last: Vec<(String, Value)> = redis::cmd("XREVRANGE")
            .arg(KEY)
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1)
            .query_async(&mut connection)
            .await?;
        let after = last.into_iter().next().map_or_else(|| "0".to_owned(), |(id, _)| id);
        Ok(Box::new(Blocked { connection, after }))
    }
}

struct Blocked {
    connection: MultiplexedConnection,
    after: String,
}

/// One stream of an answer to `XREAD`: its key, and each entry's id and fields.
type Entries = (String, Vec<(String, Vec<(String, Vec<u8>)>)>);

#[async_trait]
impl Tail for Blocked {
    async fn next(&mut self, found: Found<'_>) -> Result<()> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1000).arg("BLOCK").arg(0).arg("STREAMS").arg(KEY).arg(&self.after);
        let read: Vec<Entries> = command.query_async(&mut self.connection).await?;
        let (_, entries) = read.into_iter().next().context("nothing was read")?;
        for (id, fields) in entries {
            fields.iter().for_each(|(_, data)| found(data));
            self.after = id;
        }
        Ok(())
    }
}
