//! A store's numbers in another shape: what tests use that need a store with odd positions and no server.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use headwater_events::{Epoch, Lane, Position, StreamName, Tenant, lane_of};
use tokio::sync::{RwLock, watch};

use crate::{
    Append, Appended, Capabilities, Error, EventLog, Follow, FollowItem, FollowScope, Gap, Page, ReadScope,
    Record, RunRecord, StateEntry, StateStore, Status, Store, Version,
};

/// Which numbers a [`Shaped`] store gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One numbering with holes, as of a server that counts microseconds or records of its own.
    Sparse,
    /// One numbering a lane (`vector_positions`, no `tenant_order`), with holes as well.
    Laned,
}

/// A store in memory or in a folder that gives other positions than it has, for as long as it is open.
///
/// ```text
///  inside   1 2 3 4 5        outside, sparse   7 14 21 28 35        outside, laned   lane 0: 7 14    lane 1: 7 14 21
/// ```
#[derive(Clone)]
pub struct Shaped {
    inner: Arc<dyn Store>,
    numbers: Arc<RwLock<Numbers>>,
    capabilities: Arc<Capabilities>,
}

impl std::fmt::Debug for Shaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shaped").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

/// How far apart the outer positions stand.
const STEP: u64 = 7;

/// The inner positions of each numbering, in order: the n-th stands outside at n times [`STEP`].
#[derive(Debug)]
struct Numbers {
    shape: Shape,
    lanes: u16,
    inner: HashMap<Lane, Vec<Position>>,
}

impl Numbers {
    fn of(&self, lane: Lane) -> Lane {
        if self.shape == Shape::Laned { lane } else { Lane(0) }
    }

    fn of_scope(&self, scope: &ReadScope) -> Lane {
        match scope {
            ReadScope::Stream(tenant, stream, _) => {
                self.of(lane_of(tenant.as_str(), stream.as_str(), self.lanes))
            }
            ReadScope::Tenant(_) => Lane(0),
            ReadScope::Lane(lane) | ReadScope::TenantLane(_, lane) => self.of(*lane),
        }
    }

    fn in_lane(&self, lane: Lane) -> &[Position] {
        self.inner.get(&lane).map_or(&[], Vec::as_slice)
    }

    /// The last outer position whose inner one is not behind `inner`.
    fn outer(&self, lane: Lane, inner: Position) -> Position {
        Position(STEP * self.in_lane(lane).partition_point(|p| *p <= inner) as u64)
    }

    /// The inner position of the last event at or before `outer`.
    fn inner(&self, lane: Lane, outer: Position) -> Position {
        let known = self.in_lane(lane);
        let n = usize::try_from(outer.0 / STEP).unwrap_or(usize::MAX).min(known.len());
        n.checked_sub(1).map_or(Position::ZERO, |n| known[n])
    }

    fn record(&self, record: &Record) -> Record {
        let lane = self.of(record.lane(self.lanes));
        let position = self.outer(lane, record.position());
        Record::new(record.event().clone(), position, record.stored_at(), record.class(), record.mark())
    }

    fn gap(&self, lane: Lane, gap: Gap, after: Position) -> Option<Gap> {
        let gap = Gap { from: self.outer(lane, gap.from).max(after), to: self.outer(lane, gap.to), ..gap };
        (gap.from < gap.to).then_some(gap)
    }

    fn run(&self, tenant: &Tenant, stream: &StreamName, mut run: RunRecord) -> RunRecord {
        let lane = self.of(lane_of(tenant.as_str(), stream.as_str(), self.lanes));
        for position in [&mut run.first, &mut run.last, &mut run.trimmed, &mut run.removed] {
            *position = self.outer(lane, *position);
        }
        run.ended = run.ended.map(|ended| self.outer(lane, ended));
        run
    }
}

impl Shaped {
    /// Gives `inner`, which must be empty, another shape.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, shape: Shape) -> Self {
        let laned = shape == Shape::Laned;
        let had = inner.capabilities().clone();
        let tenant_order = had.tenant_order && !laned;
        let capabilities =
            Arc::new(Capabilities { vector_positions: laned, tenant_order, durable: false, ..had });
        let numbers = Numbers { shape, lanes: inner.lanes(), inner: HashMap::new() };
        Self { inner, numbers: Arc::new(RwLock::new(numbers)), capabilities }
    }

    fn one_numbering(&self, what: &'static str) -> Result<(), Error> {
        if self.capabilities.vector_positions {
            return Err(Error::Unsupported { what: what.into() });
        }
        Ok(())
    }
}

#[async_trait]
impl EventLog for Shaped {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn lanes(&self) -> u16 {
        self.inner.lanes()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.inner.status()
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, Error> {
        // Nobody sees an event before its number is known.
        let mut numbers = self.numbers.write().await;
        let lanes: Vec<_> = batch
            .iter()
            .map(|one| numbers.of(lane_of(one.tenant.as_str(), one.stream.as_str(), numbers.lanes)))
            .collect();
        let mut answer = self.inner.append(batch).await?;
        for (one, lane) in answer.iter_mut().zip(lanes) {
            if !one.duplicate {
                numbers.inner.entry(lane).or_default().push(one.position);
            }
            one.position = numbers.outer(lane, one.position);
        }
        Ok(answer)
    }

    async fn read(
        &self,
        scope: &ReadScope,
        after: Position,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, Error> {
        if matches!(scope, ReadScope::Tenant(_)) {
            self.one_numbering("a tenant in one order")?;
        }
        let numbers = self.numbers.read().await;
        let lane = numbers.of_scope(scope);
        let page = self.inner.read(scope, numbers.inner(lane, after), limit, max_bytes).await?;
        Ok(Page {
            gaps: page.gaps.into_iter().filter_map(|gap| numbers.gap(lane, gap, after)).collect(),
            records: page.records.iter().map(|record| numbers.record(record)).collect(),
            next: numbers.outer(lane, page.next).max(after),
            more: page.more,
        })
    }

    async fn follow(&self, scope: &FollowScope, after: Position) -> Result<Follow, Error> {
        let lane = match scope {
            FollowScope::Lane(lane) => *lane,
            FollowScope::All | FollowScope::Tenant(_) => {
                self.one_numbering("following more than a lane")?;
                Lane(0)
            }
        };
        let numbers = self.numbers.read().await;
        let lane = numbers.of(lane);
        let follow = self.inner.follow(scope, numbers.inner(lane, after)).await?;
        drop(numbers);
        let numbers = Arc::clone(&self.numbers);
        Ok(follow
            .filter_map(move |item| {
                let numbers = Arc::clone(&numbers);
                async move {
                    let numbers = numbers.read().await;
                    match item {
                        Ok(FollowItem::Batch(batch)) => {
                            Some(Ok(FollowItem::Batch(batch.iter().map(|r| numbers.record(r)).collect())))
                        }
                        Ok(FollowItem::Gap(gap)) => {
                            numbers.gap(lane, gap, after).map(|gap| Ok(FollowItem::Gap(gap)))
                        }
                        Err(error) => Some(Err(error)),
                    }
                }
            })
            .boxed())
    }

    async fn tail(&self) -> Result<Position, Error> {
        self.one_numbering("one tail for all lanes")?;
        self.lane_tail(Lane(0)).await
    }

    async fn lane_tail(&self, lane: Lane) -> Result<Position, Error> {
        let numbers = self.numbers.read().await;
        let inner = self.inner.tail().await?;
        Ok(numbers.outer(numbers.of(lane), inner))
    }

    async fn run(&self, tenant: &Tenant, stream: &StreamName) -> Result<Option<RunRecord>, Error> {
        let numbers = self.numbers.read().await;
        Ok(self.inner.run(tenant, stream).await?.map(|run| numbers.run(tenant, stream, run)))
    }

    async fn runs(
        &self,
        tenant: &Tenant,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<(StreamName, RunRecord)>, Error> {
        let numbers = self.numbers.read().await;
        let runs = self.inner.runs(tenant, after, limit).await?;
        Ok(runs
            .into_iter()
            .map(|(stream, run)| {
                let run = numbers.run(tenant, &stream, run);
                (stream, run)
            })
            .collect())
    }

    async fn trim(&self) -> Result<(), Error> {
        self.inner.trim().await
    }

    async fn remove(&self, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
        self.inner.remove(tenant, stream).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}

#[async_trait]
impl StateStore for Shaped {
    async fn get(&self, key: &str) -> Result<Option<StateEntry>, Error> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: Option<Version>) -> Result<Version, Error> {
        self.inner.put(key, value, expected).await
    }

    async fn delete(&self, key: &str, expected: Version) -> Result<(), Error> {
        self.inner.delete(key, expected).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<StateEntry>, Error> {
        self.inner.list(prefix, after, limit).await
    }
}
