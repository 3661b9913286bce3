//! A store in memory whose positions have holes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use headwater_events::{Epoch, Position, StreamName, Tenant};
use tokio::sync::watch;

use crate::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowItem, FollowScope, Gap, MemoryOptions,
    MemoryStore, Page, ReadScope, Record, RunRecord, StateEntry, StateStore, Status, Version,
};

/// A [`MemoryStore`] that gives every position seven times as high, as servers do that count other things too: shows
/// without a server what takes positions for a row of numbers.
#[derive(Debug)]
pub struct Sparse(MemoryStore);

const STEP: u64 = 7;

impl Sparse {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        Self(MemoryStore::new(options))
    }
}

fn outer(inner: Position) -> Position {
    Position(inner.0.saturating_mul(STEP))
}

fn inner(outer: Position) -> Position {
    Position(outer.0 / STEP)
}

fn record(record: &Record) -> Record {
    let position = outer(record.position());
    Record::new(record.event().clone(), position, record.stored_at(), record.class(), record.mark())
}

fn gap(gap: Gap, after: Position) -> Gap {
    Gap { from: outer(gap.from).max(after), to: outer(gap.to), ..gap }
}

fn run(mut run: RunRecord) -> RunRecord {
    for position in [&mut run.first, &mut run.last, &mut run.trimmed, &mut run.removed] {
        *position = outer(*position);
    }
    run.ended = run.ended.map(outer);
    run
}

#[async_trait]
impl EventLog for Sparse {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }

    fn lanes(&self) -> u16 {
        self.0.lanes()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.0.status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        let answer = self.0.append(batch).await?;
        Ok(answer.into_iter().map(|one| Appended { position: outer(one.position), ..one }).collect())
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        let page = self.0.read(scope, inner(after), limit, max_bytes).await?;
        Ok(Page {
            gaps: page.gaps.into_iter().map(|one| gap(one, after)).collect(),
            records: page.records.iter().map(record).collect(),
            next: outer(page.next).max(after),
            more: page.more,
        })
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        let follow = self.0.follow(scope, inner(after)).await?;
        let item = move |item| match item {
            FollowItem::Batch(batch) => FollowItem::Batch(batch.iter().map(record).collect::<Arc<[_]>>()),
            FollowItem::Gap(one) => FollowItem::Gap(gap(one, after)),
            FollowItem::Deleted { tenant, stream, to } => {
                FollowItem::Deleted { tenant, stream, to: outer(to) }
            }
        };
        Ok(follow.map(move |next| next.map(item)).boxed())
    }

    async fn tail(&self) -> Result<Position, Error> {
        self.0.tail().await.map(outer)
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        Ok(self.0.run(tenant, stream).await?.map(run))
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let runs = self.0.runs(tenant, after, limit).await?;
        Ok(runs.into_iter().map(|(stream, record)| (stream, run(record))).collect())
    }

    async fn trim(&self) -> Result<(), Error> {
        self.0.trim().await
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        self.0.remove(tenant, stream).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.0.close().await
    }
}

#[async_trait]
impl StateStore for Sparse {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        self.0.put(key, value, expected).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.0.delete(key, expected).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        self.0.list(prefix, after, limit).await
    }
}
