//! The broker: everything readers and workers see, built once above any store.
//!
//! [`EventPublisher`], [`EventSubscriber`] and [`EventBroker`] are the contract; [`Broker`] keeps it over a
//! [`Store`](headwater_store::Store), and `headwater-client` keeps it over HTTP. The suite (feature `test-util`)
//! tests both.

mod api;
mod broker;
mod config;
mod groups;
mod hub;
pub mod metric_definitions;
mod pages;
mod program_state;
mod publish;
mod reader;
mod referee;
#[cfg(feature = "test-util")]
pub mod suite;
pub mod wire;

pub use api::{
    AfterDeadLetter, BlockingEvents, Capabilities, ConsumerGroups, DeadLetter, DeadLetterFilter, Delivery,
    Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Fetch, Fetched, Gap, Group,
    GroupConfig, GroupGap, GroupInfo, Item, Lag, Lease, LeaseError, Leased, Overflow, OverflowError, Page,
    Polled, Published, Refused, Settlement, Source, Start, Status, StatusKind, StreamInfo, Subscription,
    Verdict, WorkerInfo, WorkerName,
};
pub use broker::Broker;
pub use config::BrokerConfig;
pub use headwater_events::validate::Policy;
