//! The store's scripts without the store, for benchmarks that say what the rest of it costs.

use std::sync::Arc;

use headwater_events::Tenant;
use headwater_store::{Append, Error};
use redis::Value;

use crate::{RedisOptions, connect::Connector, link::Link, reply, script, target::Target, writer};

/// A client that runs the scripts of appending and reading with the same arguments, and nothing else: no queue, no
/// decoding of what comes back.
pub struct Bare(Arc<Link>);

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bare").field(&self.0.connector.shown()).finish()
    }
}

impl Bare {
    /// Connects as the store does.
    ///
    /// # Errors
    /// As [`RedisStore::connect`](crate::RedisStore::connect).
    pub async fn connect(url: &str, options: RedisOptions) -> Result<Self, Error> {
        let connector = Connector::new(Target::parse(url)?, &options).await?;
        let namespace = options.namespace.clone();
        Link::open(connector, namespace, options).await.map(Self)
    }

    /// Stores a batch.
    ///
    /// # Errors
    /// The script or its server failed.
    pub async fn append(&self, batch: &[Append]) -> Result<(), Error> {
        writer::bare(&self.0, batch).await
    }

    /// Reads the durable events of a tenant in pages of so many, and gives how many there are.
    ///
    /// # Errors
    /// The script or its server failed.
    pub async fn read_tenant(&self, tenant: &Tenant, page: usize) -> Result<usize, Error> {
        let (key, prefix, most) = (format!("t:{tenant}"), format!("{tenant}:"), page.to_string());
        let (mut from, mut count) = ("0".to_owned(), 0);
        loop {
            let args = [&key, &key, &prefix, "", &from, &most, "4194304"];
            let answer = self.0.read(&script::REFS, &args.map(str::as_bytes)).await?;
            let answer = reply::array(answer)?;
            if answer.len() == 1 {
                return Ok(count);
            }
            let [_, _, _, _, upto, more, found] = reply::parts(Value::Array(answer))?;
            for entry in reply::array(found)? {
                let [_, fields] = reply::parts(entry)?;
                // The first field is what all events of the entry share.
                count += (reply::array(fields)?.len() / 2).saturating_sub(1);
            }
            if reply::number(&more)? == 0 {
                return Ok(count);
            }
            from = reply::text(upto)?;
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.0.close();
    }
}
