//! Noticing what is new at the source.

use std::{convert::Infallible, sync::Arc};

use headwater_broker::{EventStream, Item, Start, Subscription};
use headwater_events::{Scope, StreamName};

use super::{MirrorError, copier::Copier, dirty::Dirty};

/// How many items are taken at once.
const BATCH: usize = 1024;

/// Watches a tenant.
pub(crate) struct Watch {
    copier: Arc<Copier>,
    stream: EventStream,
}

impl Watch {
    /// Watches from now on: whatever is published after this returns is noticed.
    pub(crate) async fn open(copier: Arc<Copier>) -> Result<Self, MirrorError> {
        let stream = subscribe(&copier).await?;
        Ok(Self { copier, stream })
    }

    /// Notes streams for ever.
    pub(crate) async fn run(mut self, dirty: Arc<Dirty>) -> Result<Infallible, MirrorError> {
        loop {
            match self.stream.next_batch(BATCH).await {
                Some(Ok(items)) => items.iter().for_each(|item| self.note(item, &dirty)),
                Some(Err(error)) if !error.is_retryable() => return Err(MirrorError::Source(error)),
                Some(Err(_)) | None => {
                    self.stream = subscribe(&self.copier).await?;
                    // Nobody watched in between.
                    dirty.add_all();
                }
            }
        }
    }

    fn note(&self, item: &Item, dirty: &Dirty) {
        match item {
            Item::Event(delivery) => {
                if let Ok(stream) = delivery.event().stream_name() {
                    self.add(stream, dirty);
                }
            }
            Item::Gap(gap) => match &gap.stream {
                Some(stream) => self.add(stream.clone(), dirty),
                None => dirty.add_all(),
            },
            Item::CaughtUp(_) | Item::End(_) => {}
        }
    }

    fn add(&self, stream: StreamName, dirty: &Dirty) {
        if self.copier.options.streams.as_ref().is_none_or(|named| named.contains(&stream)) {
            dirty.add(stream);
        }
    }
}

/// Whether the source tells of deltas as they come. Over HTTP only durable events of a whole tenant can be watched.
pub(crate) fn sees_deltas(copier: &Copier) -> bool {
    copier.source.end.store.is_some()
}

async fn subscribe(copier: &Copier) -> Result<EventStream, MirrorError> {
    let tenant = copier.source.tenant.clone();
    let scope = if sees_deltas(copier) { Scope::Feed(tenant) } else { Scope::Tenant(tenant) };
    let wanted = Subscription::new(scope).start(Start::Live);
    let mut patience = copier.patience();
    loop {
        match copier.source.end.broker.subscribe(wanted.clone()).await {
            Ok(stream) => return Ok(stream),
            Err(error) => copier.wait(&mut patience, MirrorError::Source(error)).await?,
        }
    }
}
