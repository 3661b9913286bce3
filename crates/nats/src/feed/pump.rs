//! The task that fills a feed's ring.

use std::sync::{Arc, Weak};

use headwater_events::Position;
use headwater_store::{Error, GapReason, Record, ring::Ring};

use super::{
    Feed, Run,
    consumer::{Consumer, Sent},
};
use crate::{backoff, codec::record, link::Link, log::Identity, metric_definitions};

/// Runs until the feed is gone or the store is closed.
pub(super) async fn run(link: Arc<Link>, feed: Weak<Feed>, mut identity: Identity) {
    let Some(filter) = feed.upgrade().map(|feed| feed.filter(&link)) else { return };
    let mut identities = link.identity.subscribe();
    let mut failed = 0;
    let mut first = true;
    metrics::gauge!(metric_definitions::CONSUMERS).increment(1.0);
    let _gauge = Gauge;
    loop {
        let Some(from) = feed.upgrade().map(|feed| *feed.reached.borrow()) else { return };
        let begun = begin(&link, &filter, from, first, &feed).await;
        let now = *identities.borrow_and_update();
        if now.resets != identity.resets {
            identity = now;
            let Some(feed) = feed.upgrade() else { return };
            feed.begin_anew(&link, identity.resets);
            first = true;
            continue;
        }
        let mut consumer = match begun {
            Ok(Some(consumer)) => consumer,
            Ok(None) => {
                if let Err(error) = link.verify().await {
                    tracing::warn!(%error, "the log cannot be made again");
                    tokio::time::sleep(backoff::pause(failed)).await;
                    failed += 1;
                }
                continue;
            }
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::debug!(%error, "following failed; trying again");
                tokio::time::sleep(backoff::pause(failed)).await;
                failed += 1;
                continue;
            }
        };
        first = false;
        let mut line = link.line();
        let generation = line.borrow_and_update().generation;
        let why = loop {
            let sent = tokio::select! {
                sent = consumer.next(&link) => sent,
                _ = identities.changed() => break "the log was replaced",
                _ = line.wait_for(|line| line.generation != generation) => break "the connection is a new one",
            };
            let Some(feed) = feed.upgrade() else { return };
            match sent {
                Sent::Messages(messages) => {
                    failed = 0;
                    feed.take(messages);
                }
                Sent::Nothing => failed = 0,
                Sent::Broken(why) => break why,
            }
        };
        tracing::debug!(why, "the consumer is made again from where it was");
        if failed > 0 {
            tokio::time::sleep(backoff::pause(failed)).await;
        }
        failed += 1;
    }
}

/// Makes a consumer behind `from`; what retention took there meanwhile is told.
async fn begin(
    link: &Link,
    filter: &str,
    from: u64,
    first: bool,
    feed: &Weak<Feed>,
) -> Result<Option<Consumer>, Error> {
    let Some(consumer) = Consumer::begin(link, filter, from + 1).await? else { return Ok(None) };
    if !first {
        // It may have been the log's first answer after it was away: is it the same one?
        link.verify().await?;
        let removed = link.removed(None, None).await?;
        if removed > from
            && let Some(feed) = feed.upgrade()
        {
            feed.run().ring.lost(Position(from), Position(removed), GapReason::Overflow);
            feed.reached.send_replace(removed);
            return Consumer::begin(link, filter, removed + 1).await;
        }
    }
    Ok(Some(consumer))
}

struct Gauge;

impl Drop for Gauge {
    fn drop(&mut self) {
        metrics::gauge!(metric_definitions::CONSUMERS).decrement(1.0);
    }
}

impl Feed {
    /// Hands messages to those who follow.
    fn take(&self, messages: Vec<(crate::codec::Place, async_nats::Message)>) {
        let run = self.run();
        let mut reached = 0;
        let mut batch: Vec<Record> = Vec::with_capacity(messages.len());
        for (place, message) in messages {
            reached = place.seq;
            match record(&message.subject, message.headers.as_ref(), message.payload, place.seq) {
                Some(record) => {
                    if !self.is_deleted(&record) {
                        batch.push(record);
                    }
                }
                None => {
                    metrics::counter!(metric_definitions::UNDECODABLE).increment(1);
                    push(&run.ring, &mut batch);
                    let position = Position(place.seq);
                    run.ring.lost(position.prev(), position, GapReason::Undecodable);
                }
            }
        }
        push(&run.ring, &mut batch);
        self.deletions().retain(|_, to| *to > reached);
        self.reached.send_replace(reached);
    }

    fn is_deleted(&self, record: &Record) -> bool {
        let deletions = self.deletions();
        deletions
            .iter()
            .any(|((tenant, stream), to)| record.position().0 <= *to && record.is_of(tenant, stream))
    }

    /// The log is another one: followers of the old one are told, and go on from its beginning.
    fn begin_anew(&self, link: &Link, resets: u64) {
        let before = self.run();
        let run = Run { ring: Ring::new(Position::ZERO, link.options.ring_bytes), resets };
        self.deletions().clear();
        self.reached.send_replace(0);
        self.ring.send_replace(Arc::new(run));
        before.ring.close();
    }
}

fn push(ring: &Ring, batch: &mut Vec<Record>) {
    if !batch.is_empty() {
        ring.push(std::mem::take(batch).into());
    }
}
