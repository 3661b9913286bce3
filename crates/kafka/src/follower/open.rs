//! Where the follower begins.

use std::time::Duration;

use futures_util::StreamExt;
use headwater_events::{Lane, Position};
use headwater_store::Error;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, KafkaResult},
};

use crate::{body, context::Context, failure::explain, names::Names};

/// Reads the state from its beginning to `end`, handing each message to `take`.
pub(crate) async fn load_state(
    follower: &StreamConsumer<Context>,
    names: &Names,
    end: Position,
    patience: Duration,
    mut take: impl FnMut(&rdkafka::message::BorrowedMessage<'_>),
) -> Result<(), Error> {
    let failed = |error: KafkaError| explain(names, "reading the state", &error);
    if end == Position::ZERO {
        return Ok(());
    }
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(&names.state, 0, Offset::Beginning).map_err(failed)?;
    follower.assign(&list).map_err(failed)?;
    let mut messages = follower.stream();
    loop {
        let next = tokio::time::timeout(patience, messages.next()).await;
        match next
            .map_err(|_| Error::unavailable(format_args!("the state on {} is not read", names.servers)))?
        {
            Some(Ok(message)) => {
                take(&message);
                if body::position(message.offset()) >= end {
                    return Ok(());
                }
            }
            // Compaction may have taken the last ones.
            Some(Err(KafkaError::PartitionEOF(_))) | None => return Ok(()),
            Some(Err(error)) if crate::failure::is_missing(&error) => return Err(failed(error)),
            Some(Err(error)) => tracing::debug!(%error, "reading the state"),
        }
    }
}

/// Follows every lane from behind `lanes`, and the state from behind `state`.
pub(crate) fn assign(
    follower: &StreamConsumer<Context>,
    names: &Names,
    lanes: impl Iterator<Item = (Lane, Position)>,
    state: Position,
) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    for (lane, after) in lanes {
        let offset = Offset::Offset(body::offset_behind(after));
        list.add_partition_offset(&names.topic, i32::from(lane.0), offset)?;
    }
    list.add_partition_offset(&names.state, 0, Offset::Offset(body::offset_behind(state)))?;
    follower.assign(&list)
}
