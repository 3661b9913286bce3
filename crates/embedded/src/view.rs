//! What readers see: one unchanging picture of the log's shape, replaced when the shape changes.

use std::sync::Arc;

use headwater_events::Position;

use crate::{buckets::Buckets, engine::Engine};

/// A stretch that may have held events which are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The last position that is known to be there.
    pub(crate) from: Position,
    /// The last position of the stretch; numbering goes on after it.
    pub(crate) to: Position,
}

/// Up to where retention has removed events of each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cuts {
    /// Durable and internal events up to here are gone.
    pub(crate) durable: Position,
    /// Transient events up to here are gone.
    pub(crate) transient: Position,
}

/// The shape of the log.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) engine: Engine,
    pub(crate) buckets: Buckets,
    pub(crate) cuts: Cuts,
    /// Up to here a reference may point to an event of a run that was deleted since: the run's record tells.
    pub(crate) holes: Position,
    /// Ascending and disjoint.
    pub(crate) lost: Arc<Vec<Lost>>,
}
