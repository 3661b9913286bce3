//! The worker: what it is made of, and its life.
//!
//! ```text
//!   fetch (as many as there are free slots) ──► pool ──► handler ──► settler (batches) ──► group
//!                                                └── flights ──► heartbeat (extend) ──┘
//! ```
//!
//! Nothing is fetched that cannot start at once, so that no lease ages in a queue.

mod builder;
mod flights;
mod heartbeat;
mod meters;
mod pool;
mod run;
mod settler;
mod status;

pub use builder::{Builder, Worker};
pub use status::{Phase, Report, Status};

use std::sync::Arc;

use headwater_broker::{ConsumerGroups, Group};

use self::meters::Meters;
use crate::{Backoff, Random};

/// What all parts of a worker speak to.
pub(crate) struct Link {
    pub(crate) groups: Arc<dyn ConsumerGroups>,
    pub(crate) group: Arc<Group>,
    pub(crate) meters: Meters,
    pub(crate) random: Random,
    /// How long to wait before asking a broker again that did not answer.
    pub(crate) backoff: Backoff,
    pub(crate) status: status::Board,
}
