//! The local broker under test, over any store.

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use headwater_store::Store;

use super::{Factory, Setup, Subject};
use crate::{Broker, BrokerConfig, EventBroker};

/// Opens one store, again and again: whoever makes a store runs the broker's suite over it with this.
#[async_trait]
pub trait OpenStore: Default + Send + Sync + 'static {
    /// Opens the store: empty at first, with the same data (where it is durable) after it was closed.
    async fn open(&self, setup: &Setup) -> Arc<dyn Store>;
}

/// Brokers over the stores that `S` opens.
pub struct OverStore<S>(PhantomData<fn() -> S>);

impl<S> OverStore<S> {
    /// The factory.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S> Default for OverStore<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for OverStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OverStore")
    }
}

#[async_trait]
impl<S: OpenStore> Factory for OverStore<S> {
    async fn make(&self, setup: Setup) -> Box<dyn Subject> {
        let stores = S::default();
        let broker = open(&stores, &setup).await;
        Box::new(Local { stores, setup, broker })
    }
}

struct Local<S> {
    stores: S,
    setup: Setup,
    broker: Broker,
}

async fn open<S: OpenStore>(stores: &S, setup: &Setup) -> Broker {
    let config = BrokerConfig { ring_events: setup.ring_events, ..BrokerConfig::default() };
    let store = stores.open(setup).await;
    Broker::with_clock(store, config, Arc::new(setup.clock.clone()))
        .await
        .expect("a broker over a good store")
}

#[async_trait]
impl<S: OpenStore> Subject for Local<S> {
    fn broker(&self) -> Arc<dyn EventBroker> {
        Arc::new(self.broker.clone())
    }

    async fn trim(&self) {
        self.broker.store().trim().await.expect("trimming works");
    }

    async fn restart(&mut self) {
        self.broker.close().await.expect("closing works");
        self.broker = open(&self.stores, &self.setup).await;
    }
}
