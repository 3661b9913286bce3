//! The broker's traits over HTTP to a running Headwater.
//!
//! [`HttpBroker`] publishes in batches, reads pages, and subscribes over server-sent events. A subscription
//! reconnects by itself from its last cursor: its caller sees every event once, in order, whatever the network does.
//!
//! ```no_run
//! # async fn example() -> Result<(), headwater_broker::Error> {
//! use headwater_broker::{EventPublisher, EventSubscriber, Item, Subscription};
//! use headwater_client::{HttpBroker, HttpOptions};
//! use headwater_events::{Event, Scope, Tenant};
//!
//! let broker = HttpBroker::connect("http://127.0.0.1:7420", HttpOptions::default())?;
//! let event = Event::builder("/agents/coordinator", "workflow.started.v1").subject("wf-42").build();
//! # let event = event.unwrap();
//! let published = broker.publish(&[event]).await?;
//! # let _ = published;
//! let run = Scope::Stream(Tenant::default(), "wf-42".parse().unwrap());
//! let mut events = broker.subscribe(Subscription::new(run)).await?;
//! while let Some(item) = events.next().await {
//!     if let Item::Event(delivery) = item? {
//!         println!("{}", delivery.event().ty());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod broker;
mod connection;
mod fetch;
mod frames;
mod groups;
mod http;
mod options;
mod page;
mod problem;
mod publish;
mod query;
pub mod sse;
mod streams;
mod subscription;
pub mod tls;

pub use broker::HttpBroker;
pub use fetch::fetch;
pub use options::HttpOptions;
