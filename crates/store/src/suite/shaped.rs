//! Stores in memory that are shaped like others: numbered lane by lane, or followed by tenant.

use async_trait::async_trait;
use bytes::Bytes;
use headwater_events::{Epoch, Lane, Position, StreamName, Tenant, lane_of};
use tokio::sync::watch;

use crate::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowScope, MemoryOptions, MemoryStore, Page,
    ReadScope, RunRecord, StateEntry, StateStore, Status, Version,
};

/// What a store in memory looks like to those who use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One numbering; only tenants that have readers are followed.
    ByTenant,
    /// Each lane is numbered by itself, as the partitions of a Kafka topic are.
    ByLane,
}

/// A store in memory of another shape than [`MemoryStore`]: what stands above stores is tested over it without a
/// server.
#[derive(Debug)]
pub struct Shaped {
    /// One log, or one for each lane.
    parts: Vec<MemoryStore>,
    lanes: u16,
    shape: Shape,
    capabilities: Capabilities,
}

impl Shaped {
    /// An empty store.
    #[must_use]
    pub fn new(shape: Shape, options: &MemoryOptions) -> Self {
        let lanes = options.lanes;
        let parts = if shape == Shape::ByLane { lanes } else { 1 };
        let parts: Vec<_> = (0..parts).map(|_| MemoryStore::new(options.clone())).collect();
        let mut capabilities = parts[0].capabilities().clone();
        capabilities.shared = true;
        capabilities.follow_by_tenant = shape == Shape::ByTenant;
        if shape == Shape::ByLane {
            capabilities.vector_positions = true;
            capabilities.tenant_order = false;
            capabilities.atomic_batch = false;
        }
        Self { parts, lanes, shape, capabilities }
    }

    fn part(&self, lane: Lane) -> &MemoryStore {
        &self.parts[usize::from(lane.0) % self.parts.len()]
    }

    fn home(&self, tenant: &Tenant, stream: &StreamName) -> &MemoryStore {
        self.part(lane_of(tenant.as_str(), stream.as_str(), self.lanes))
    }

    fn refuse<T>(&self, what: &'static str) -> Result<T, Error> {
        if self.status().borrow().kind == crate::StatusKind::Closed {
            return Err(Error::Closed);
        }
        Err(Error::Unsupported { what: what.into() })
    }
}

#[async_trait]
impl EventLog for Shaped {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.parts[0].epoch()
    }

    fn lanes(&self) -> u16 {
        self.lanes
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.parts[0].status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        if self.shape == Shape::ByTenant || batch.is_empty() {
            return self.parts[0].append(batch).await;
        }
        let mut answers = Vec::with_capacity(batch.len());
        for one in batch {
            answers.extend(self.home(&one.tenant, &one.stream).append(vec![one]).await?);
        }
        Ok(answers)
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let part = match scope {
            ReadScope::Stream(tenant, stream, _) => self.home(tenant, stream),
            ReadScope::Lane(lane) | ReadScope::TenantLane(_, lane) => self.part(*lane),
            ReadScope::Tenant(_) if self.shape == Shape::ByLane => return self.refuse("tenant_order"),
            ReadScope::Tenant(_) => &self.parts[0],
        };
        part.read(scope, after, limit, max_bytes).await
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        match scope {
            FollowScope::Lane(lane) => self.part(*lane).follow(scope, after).await,
            _ if self.shape == Shape::ByLane => self.refuse("following more than a lane"),
            _ => self.parts[0].follow(scope, after).await,
        }
    }

    async fn tail(&self) -> Result<Position, Error> {
        if self.shape == Shape::ByLane {
            self.refuse("one tail of all lanes")
        } else {
            self.parts[0].tail().await
        }
    }

    async fn lane_tail(&self, lane: Lane) -> Result<Position, Error> {
        self.part(lane).tail().await
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        self.home(tenant, stream).run(tenant, stream).await
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.extend(part.runs(tenant, after, limit).await?);
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.truncate(limit);
        Ok(all)
    }

    async fn trim(&self) -> Result<(), Error> {
        for part in &self.parts {
            part.trim().await?;
        }
        Ok(())
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        self.home(tenant, stream).remove(tenant, stream).await
    }

    async fn close(&self) -> Result<(), Error> {
        for part in &self.parts {
            part.close().await?;
        }
        Ok(())
    }
}

#[async_trait]
impl StateStore for Shaped {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        self.parts[0].get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        self.parts[0].put(key, value, expected).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.parts[0].delete(key, expected).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        self.parts[0].list(prefix, after, limit).await
    }
}
