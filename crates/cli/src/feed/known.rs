//! Which events are there already, however long ago they were stored.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use headwater::{Error, Event, EventBroker, Filter, Scope, Start, StreamName, Tenant};

use super::Batch;

/// How many events are read at once.
const PAGE: usize = 1000;

/// The ids that the target's streams hold: eight bytes an event, a stream read the first time it is met.
///
/// The broker's own dedup window is minutes; an import may be repeated after weeks.
pub(crate) struct Known {
    broker: Arc<dyn EventBroker>,
    hasher: RandomState,
    ids: HashMap<(Tenant, StreamName), HashSet<u64>>,
}

impl Known {
    /// Knows nothing yet.
    pub(crate) fn new(broker: Arc<dyn EventBroker>) -> Self {
        Self { broker, hasher: RandomState::new(), ids: HashMap::new() }
    }

    /// Takes out of the batch what is there already and gives how many those were.
    pub(crate) async fn sift(&mut self, batch: &mut Batch) -> Result<u64, Error> {
        let mut fresh = Vec::with_capacity(batch.events.len());
        let mut known = 0;
        for (line, event) in std::mem::take(&mut batch.events) {
            if self.has(&event).await? {
                known += 1;
            } else {
                fresh.push((line, event));
            }
        }
        batch.events = fresh;
        Ok(known)
    }

    async fn has(&mut self, event: &Event) -> Result<bool, Error> {
        // An event without a home is refused by the broker, which says why.
        let (Ok(tenant), Ok(stream)) = (event.tenant_name(), event.stream_name()) else {
            return Ok(false);
        };
        let key = (tenant, stream);
        if !self.ids.contains_key(&key) {
            let ids = self.read(&key).await?;
            self.ids.insert(key.clone(), ids);
        }
        let hash = self.hash(event);
        Ok(self.ids.get(&key).is_some_and(|ids| ids.contains(&hash)))
    }

    async fn read(&self, (tenant, stream): &(Tenant, StreamName)) -> Result<HashSet<u64>, Error> {
        let scope = Scope::Stream(tenant.clone(), stream.clone());
        let mut ids = HashSet::new();
        let mut start = Start::Earliest;
        loop {
            let page = self.broker.read(&scope, &Filter::all(), start, PAGE).await?;
            ids.extend(page.events.iter().map(|delivery| self.hash(delivery.event())));
            if !page.more {
                return Ok(ids);
            }
            start = Start::After(page.next);
        }
    }

    fn hash(&self, event: &Event) -> u64 {
        self.hasher.hash_one((event.source(), event.id()))
    }
}
