//! The local broker under test, over any store.

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use headwater_store::{
    Clock, Store, SystemClock,
    suite::{Faults, Time},
};

use super::{Factory, Setup, Subject};
use crate::{Broker, BrokerConfig, EventBroker};

/// Opens one store, again and again: whoever makes a store runs the broker's suite over it with this.
#[async_trait]
pub trait OpenStore: Default + Send + Sync + 'static {
    /// Whose clock the store goes by. With [`Time::Real`] it takes the machine's, not that of the setup.
    const TIME: Time = Time::Manual;

    /// What the store is called in the report of the run.
    fn name() -> String {
        super::short_name::<Self>()
    }

    /// Opens the store: empty at first, with the same data (where it is durable) after it was closed.
    async fn open(&self, setup: &Setup) -> Arc<dyn Store>;

    /// What can be done to the server behind the store, if there is one: asked for before the store is opened, by
    /// clauses that will do harm, as in the store's own suite.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }
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
        if setup.harm {
            let _ = stores.faults();
        }
        let broker = open(&stores, &setup).await;
        Box::new(Local { stores, setup, broker })
    }

    fn name(&self) -> String {
        S::name()
    }

    fn time(&self) -> Time {
        S::TIME
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
    let clock: Arc<dyn Clock> = match S::TIME {
        Time::Manual => Arc::new(setup.clock.clone()),
        Time::Real => Arc::new(SystemClock),
    };
    Broker::with_clock(store, config, clock).await.expect("a broker over a good store")
}

#[async_trait]
impl<S: OpenStore> Subject for Local<S> {
    fn broker(&self) -> Arc<dyn EventBroker> {
        Arc::new(self.broker.clone())
    }

    fn faults(&self) -> Option<&dyn Faults> {
        if self.setup.harm { self.stores.faults() } else { None }
    }

    async fn trim(&self) {
        self.broker.store().trim().await.expect("trimming works");
    }

    async fn restart(&mut self) {
        self.broker.close().await.expect("closing works");
        self.broker = open(&self.stores, &self.setup).await;
    }
}
