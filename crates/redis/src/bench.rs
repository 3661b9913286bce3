//! The store's scripts without the store, for benchmarks that say what the rest of it costs.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use headwater_events::Tenant;
use headwater_store::{Append, Error};
use redis::{Value, aio::MultiplexedConnection};

use crate::{
    RedisOptions, connect::Connector, follow::Reading, link::Link, reply, script, tail, target::Target,
    writer,
};

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

impl Bare {
    /// Follows a tenant from now on.
    ///
    /// # Errors
    /// The server failed.
    pub async fn follow(&self, tenant: &Tenant) -> Result<BareFollow, Error> {
        let (link, tenants) = (Arc::clone(&self.0), BTreeSet::from([tenant.clone()]));
        let at = reply::Id::behind(tail::look(&link).await?.0);
        // Once without waiting, so that the server knows the script.
        Reading { tenants: &tenants, arrivals: false, from: at, cap: None }.step(&link).await?;
        let (connection, _) = link.connector.open(&link.connector.find().await?, Some(PATIENCE)).await?;
        Ok(BareFollow { link, connection, tenants, at })
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
const BLOCK_MS: u64 = 30_000;

/// The reading that follows a tenant, with nothing decoded.
pub struct BareFollow {
    link: Arc<Link>,
    connection: MultiplexedConnection,
    tenants: BTreeSet<Tenant>,
    at: reply::Id,
}

impl std::fmt::Debug for BareFollow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BareFollow").field(&self.tenants).finish()
    }
}

impl BareFollow {
    /// Waits for events and gives the JSON of each.
    ///
    /// # Errors
    /// The script or its server failed, or nothing came for long.
    pub async fn next(&mut self, found: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), Error> {
        let reading = Reading { tenants: &self.tenants, arrivals: false, from: self.at, cap: None };
        let answer = reading.ask_after(&self.link, &mut self.connection, BLOCK_MS).await;
        let answer = answer.and_then(Value::extract_error).map_err(Error::unavailable)?;
        for feed in reply::array(answer)? {
            let [_, entries] = reply::parts(feed)?;
            for entry in reply::array(entries)? {
                let [id, _, bodies] = reply::parts(entry)?;
                self.at = reply::Id::parse(&reply::text(id)?).ok_or_else(reply::strange)?;
                for body in reply::array(bodies)? {
                    let [_, fields] = reply::parts(body)?;
                    for json in reply::array(fields)?.into_iter().skip(3).step_by(2) {
                        found(&reply::bytes(json)?);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.0.close();
    }
}
