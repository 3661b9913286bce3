//! Handlers for consumer groups.
//!
//! A [`Worker`] takes the events of one group and calls a [`Handler`] for each: many runs at once, one event of a run
//! at a time, in order through retries. It acks what succeeded, retries what failed, keeps the leases of what takes
//! long, and on shutdown finishes what runs and hands back the rest.
//!
//! ```
//! use std::sync::Arc;
//! use headwater_broker::{Broker, BrokerConfig, Group};
//! use headwater_events::catalogue::TaskCompleted;
//! use headwater_worker::{Context, Routes, Worker};
//! # use headwater_store::{MemoryOptions, MemoryStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker = Arc::new(Broker::open(Arc::new(MemoryStore::new(MemoryOptions::default())), BrokerConfig::default()).await?);
//! let routes = Routes::new().on(|task: TaskCompleted, context: Context| async move {
//!     println!("{} of {}: {:?}", context.event().id(), context.tenant(), task);
//!     Ok(())
//! });
//! let group = Group::of("default".parse()?, "billing".parse()?);
//! let worker = Worker::builder(broker, group).build(routes)?;
//! # let stop = async {};
//! // Runs until `stop` is ready, then drains.
//! worker.run(stop).await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```

mod bounded;
pub mod claims;
mod context;
mod error;
mod failure;
mod handler;
pub mod layers;
pub mod metric_definitions;
mod policy;
mod random;
mod routes;
mod set;
pub mod stock;
mod trace;
mod worker;

pub use bounded::Bounded;
pub use context::{Context, Stopped};
pub use error::Error;
pub use failure::{Failure, Kind, Outcome};
pub use handler::{Handler, HandlerFn, Layer, handler_fn};
/// How long to wait before the next try.
pub use headwater_store::Waits as Backoff;
pub use policy::{Action, Policy};
pub use random::Random;
pub use routes::Routes;
pub use set::{Ended, WorkerSet};
pub use worker::{Builder, Phase, Report, Status, Worker};
