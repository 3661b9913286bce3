//! What a clause works with.

use std::{sync::Arc, time::Duration};

use headwater_events::{Class, Event, Mark, StreamName, Tenant};
use jiff::Timestamp;

use super::{Fixture, Setup, Time, report};
use crate::{Append, ClassesKey, ManualClock, ReadScope, Retention, Store, SystemClock};

/// One clause's fixture and clock.
pub struct Case {
    fixture: Box<dyn Fixture>,
    clock: ManualClock,
    setup: Setup,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("clock", &self.clock).field("setup", &self.setup).finish_non_exhaustive()
    }
}

impl Case {
    pub(super) fn new(fixture: Box<dyn Fixture>) -> Self {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let clock = ManualClock::new(start);
        let setup = Setup {
            clock: match fixture.time() {
                Time::Manual => Arc::new(clock.clone()),
                Time::Real => Arc::new(SystemClock),
            },
            retention: Retention::default(),
            lanes: 8,
            dedup_window: Duration::from_secs(120),
        };
        Self { fixture, clock, setup }
    }

    /// The clock of the case's stores, where it is one that can be moved.
    pub(super) fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Whether the store goes by a clock that can be moved.
    pub(super) fn is_manual(&self) -> bool {
        self.fixture.time() == Time::Manual
    }

    /// How long something takes: `manual` on a clock that is moved, `real` on one that is waited for.
    pub(super) fn span(&self, manual: Duration, real: Duration) -> Duration {
        if self.is_manual() { manual } else { real }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        if self.is_manual() {
            self.clock.advance(time);
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// The present, by the clock of the case's stores.
    pub(super) fn now_ms(&self) -> i64 {
        self.setup.clock.now().as_millisecond()
    }

    pub(super) fn fixture(&self) -> &dyn Fixture {
        &*self.fixture
    }

    /// The store declares not to have what the whole clause is about.
    pub(super) fn lacks(&self, capability: &'static str) {
        report::lacks(capability);
    }

    /// The store declares not to have what a part of the clause is about.
    pub(super) fn without(&self, capability: &'static str) {
        report::without(capability);
    }

    /// The clause cannot be tried here.
    pub(super) fn skip(&self, why: &'static str) {
        report::skip(why);
    }

    /// Opens the store.
    pub(super) async fn open(&self) -> Arc<dyn Store> {
        self.fixture.open(&self.setup).await
    }

    /// Opens the store with another dedup window.
    pub(super) async fn open_with_window(&mut self, window: Duration) -> Arc<dyn Store> {
        self.setup.dedup_window = window;
        self.open().await
    }

    /// Opens the store with other limits.
    pub(super) async fn open_with(&mut self, retention: Retention) -> Arc<dyn Store> {
        self.setup.retention = retention;
        self.open().await
    }

    /// Closes the store and opens it again.
    pub(super) async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await.expect("the store closes");
        drop(store);
        self.open().await
    }
}

pub(super) fn tenant(name: &str) -> Tenant {
    name.parse().expect("a tenant's name")
}

pub(super) fn stream(name: &str) -> StreamName {
    name.parse().expect("a stream's name")
}

/// The event number `n` of a stream; the class is told by hand, so that the catalogue does not matter here.
pub(super) fn event(of: &str, name: &str, n: usize, class: Class, mark: Mark) -> Append {
    let event = Event::builder("/suite", format!("suite.{class}.v1"))
        .id(format!("{name}/{n}"))
        .tenant(&tenant(of))
        .stream(&stream(name))
        .subject(format!("{name}/task/{n}"))
        .data(&serde_json::json!({ "n": n }))
        .build()
        .expect("an event");
    Append { event, tenant: tenant(of), stream: stream(name), class, mark }
}

/// A durable event of the tenant `default`.
pub(super) fn durable(name: &str, n: usize) -> Append {
    event("default", name, n, Class::Durable, Mark::None)
}

/// A transient event of the tenant `default`.
pub(super) fn delta(name: &str, n: usize) -> Append {
    event("default", name, n, Class::Transient, Mark::None)
}

/// An event of the tenant `default` that opens or ends its run.
pub(super) fn marked(name: &str, n: usize, mark: Mark) -> Append {
    event("default", name, n, Class::Durable, mark)
}

/// What an ordinary reader sees of a stream of the tenant `default`.
pub(super) fn visible(name: &str) -> ReadScope {
    ReadScope::Stream(tenant("default"), stream(name), ClassesKey::Visible)
}
