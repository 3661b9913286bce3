//! Conveniences over the contract, the same for every broker.

use async_trait::async_trait;
use headwater_broker::{
    Delivery, Error, EventPublisher, EventStream, EventSubscriber, Published, Start, Subscription,
};
use headwater_events::{Event, Filter, Scope};

/// Publishing, made short.
#[async_trait]
pub trait EventPublisherExt: EventPublisher {
    /// Publishes one event: see [`EventPublisher::publish`].
    async fn publish_one(&self, event: Event) -> Result<Published, Error> {
        let published = self.publish(&[event]).await?;
        published.into_iter().next().ok_or_else(|| {
            headwater_store::Error::Unknown { reason: "the broker gave no answer for the event".into() }
                .into()
        })
    }
}

impl<P: EventPublisher + ?Sized> EventPublisherExt for P {}

/// Reading, made short.
#[async_trait]
pub trait EventSubscriberExt: EventSubscriber {
    /// Everything of a scope from the oldest, then live.
    async fn tail(&self, scope: Scope) -> Result<EventStream, Error> {
        self.subscribe(Subscription::new(scope)).await
    }

    /// Everything a scope holds now that passes the filter, page by page. For runs; a whole tenant may not fit into
    /// memory.
    async fn read_all(&self, scope: &Scope, filter: &Filter) -> Result<Vec<Delivery>, Error> {
        const PAGE: usize = 1000;
        let mut all = Vec::new();
        let mut start = Start::Earliest;
        loop {
            let page = self.read(scope, filter, start, PAGE).await?;
            all.extend(page.events);
            if !page.more {
                return Ok(all);
            }
            start = Start::After(page.next);
        }
    }
}

impl<S: EventSubscriber + ?Sized> EventSubscriberExt for S {}
