//! What a look at a subscription gives that does not wait for ever.

use super::{Error, Item};

/// What a look at an [`EventStream`](super::EventStream) gives that does not wait for ever.
#[derive(Debug)]
#[must_use]
pub enum Polled {
    /// An item, or why there will be none any more.
    Ready(Result<Item, Error>),
    /// Nothing is there now.
    Idle,
    /// The stream is over.
    Over,
}

impl Polled {
    /// The item, where there is one.
    #[must_use]
    pub fn item(self) -> Option<Item> {
        match self {
            Self::Ready(item) => item.ok(),
            Self::Idle | Self::Over => None,
        }
    }
}

impl From<Option<Result<Item, Error>>> for Polled {
    fn from(next: Option<Result<Item, Error>>) -> Self {
        next.map_or(Self::Over, Self::Ready)
    }
}
