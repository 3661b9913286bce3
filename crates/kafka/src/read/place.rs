//! One place of a consumer.

use std::{sync::Arc, time::Duration};

use headwater_events::{Lane, Position};
use headwater_store::Record;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer, stream_consumer::StreamPartitionQueue},
    error::KafkaResult,
};
use tokio::time::Instant;

use crate::{body, context::Context};

/// Where a consumer is in one lane, and what it has fetched from there on.
pub(super) struct Place {
    /// Which of the pool's.
    pub(super) consumer: usize,
    client: Arc<StreamConsumer<Context>>,
    /// What is fetched.
    pub(super) queue: StreamPartitionQueue<Context>,
    topic: String,
    lane: Lane,
    /// Whether the lane is fetched.
    assigned: bool,
    /// The position up to which it has delivered, while that is known.
    at: Option<Position>,
    /// A record that was fetched and not wanted yet; it stands behind `at`.
    pub(super) held: Option<Record>,
    /// Since when nobody has used it.
    left: Instant,
}

impl Place {
    /// One that rests; `None` where librdkafka cannot name the partition.
    pub(super) fn new(
        consumer: usize,
        client: &Arc<StreamConsumer<Context>>,
        topic: &str,
        lane: Lane,
    ) -> Option<Self> {
        // Before the lane is first fetched: then nothing of it comes by the consumer itself.
        let queue = client.split_partition_queue(topic, lane.0.into())?;
        Some(Self {
            consumer,
            client: Arc::clone(client),
            queue,
            topic: topic.to_owned(),
            lane,
            assigned: false,
            at: None,
            held: None,
            left: Instant::now(),
        })
    }

    pub(super) fn lane(&self) -> Lane {
        self.lane
    }

    pub(super) fn is_at(&self, lane: Lane, after: Position) -> bool {
        self.lane == lane && self.at == Some(after)
    }

    pub(super) fn rests(&self) -> bool {
        !self.assigned
    }

    /// Whether it fetches although nobody has used it for so long.
    pub(super) fn left_for(&self, time: Duration) -> bool {
        self.assigned && self.left.elapsed() > time
    }

    /// Fetches from behind `after` on.
    pub(super) fn go(&mut self, after: Position) -> KafkaResult<()> {
        self.lost();
        self.unassign()?;
        self.client.incremental_assign(&self.list(Offset::Offset(body::offset_behind(after)))?)?;
        self.assigned = true;
        self.at = Some(after);
        Ok(())
    }

    /// It has delivered everything up to here.
    pub(super) fn passed(&mut self, position: Position) {
        if let Some(at) = &mut self.at {
            *at = position;
        }
    }

    /// Where it is is not known, or nobody will go on from there.
    pub(super) fn lost(&mut self) {
        self.at = None;
        self.held = None;
    }

    /// Nobody uses it now.
    pub(super) fn put_down(&mut self) {
        self.left = Instant::now();
        if self.at.is_none() {
            self.rest();
        }
    }

    /// Fetches nothing more: at the end of a lane it would ask for more again and again.
    pub(super) fn rest(&mut self) {
        self.lost();
        if let Err(error) = self.unassign() {
            tracing::debug!(%error, "a reader does not rest");
        }
    }

    fn unassign(&mut self) -> KafkaResult<()> {
        if std::mem::take(&mut self.assigned) {
            self.client.incremental_unassign(&self.list(Offset::Invalid)?)?;
        }
        Ok(())
    }

    fn list(&self, offset: Offset) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, self.lane.0.into(), offset)?;
        Ok(list)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("lane", &self.lane).field("at", &self.at).finish_non_exhaustive()
    }
}
