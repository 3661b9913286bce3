//! How far a reader of a whole log has come.

use std::sync::Arc;

use crate::{Lane, Position};

/// A place in a log: one number, or, where the store numbers each lane by itself, one number a lane.
///
/// Everything inside one lane, so every single stream too, is placed by one number on every store. Wider scopes
/// (a tenant, several streams) have a number a lane on stores with `vector_positions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// Up to this position of the log, or of the one lane there is to it.
    One(Position),
    /// Up to each of these positions, by lane.
    Lanes(Arc<[Position]>),
}

impl Place {
    /// Before the first event of every lane.
    #[must_use]
    pub fn before_all(lanes: u16) -> Self {
        Self::Lanes(vec![Position::ZERO; usize::from(lanes)].into())
    }

    /// How far it reaches in a lane.
    #[must_use]
    pub fn of(&self, lane: Lane) -> Position {
        match self {
            Self::One(position) => *position,
            Self::Lanes(lanes) => lanes.get(usize::from(lane.0)).copied().unwrap_or_default(),
        }
    }

    /// The same place, further on in one lane.
    #[must_use]
    pub fn with(&self, lane: Lane, position: Position) -> Self {
        let Self::Lanes(lanes) = self else { return Self::One(position) };
        let mut lanes = Arc::clone(lanes);
        if let Some(old) = Arc::make_mut(&mut lanes).get_mut(usize::from(lane.0)) {
            *old = position;
        }
        Self::Lanes(lanes)
    }
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self::One(position)
    }
}
