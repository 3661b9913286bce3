//! The broker: everything readers and workers see, built once above any store.
//!
//! [`EventPublisher`], [`EventSubscriber`] and [`EventBroker`] are the contract; [`Broker`] keeps it over a
//! [`Store`](headwater_store::Store), and `headwater-client` keeps it over HTTP. The suite (feature `test-util`)
//! tests both.

mod api;
mod broker;
mod config;
mod hub;
pub mod metric_definitions;
mod pages;
mod publish;
mod reader;
mod referee;
#[cfg(feature = "test-util")]
pub mod suite;

pub use api::{
    Capabilities, Delivery, Error, EventBroker, EventPublisher, EventStream, EventSubscriber, Gap, Item,
    Overflow, OverflowError, Page, Published, Source, Start, Status, StatusKind, StreamInfo, Subscription,
};
pub use broker::Broker;
pub use config::BrokerConfig;
pub use headwater_events::validate::Policy;
