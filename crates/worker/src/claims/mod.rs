//! Who may have an event's effect: claim, then complete.
//!
//! An event is *claimed* before it is handled and *completed* after its handler succeeded. Whoever comes in between
//! waits; whoever comes after does nothing. What was claimed by a process that died is free again when the claim has
//! expired. An event is never taken as seen because somebody began with it.

mod memory;
mod state;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use headwater_broker::Group;
use headwater_events::Event;
use xxhash_rust::xxh3::Xxh3;

pub use memory::MemoryClaims;
pub use state::StateClaims;

/// What is claimed: an event, for a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimKey {
    /// The group's name, behind whose it is: `acme/billing`, `*/billing`.
    pub group: String,
    /// The tenant of the event.
    pub tenant: String,
    /// Its source.
    pub source: String,
    /// Its id: with tenant and source what an event is recognized by.
    pub id: String,
}

impl ClaimKey {
    /// The key of an event for a group.
    #[must_use]
    pub fn new(group: &Group, event: &Event) -> Self {
        Self {
            group: group.to_string(),
            tenant: event.tenant().unwrap_or("default").to_owned(),
            source: event.source().to_owned(),
            id: event.id().to_owned(),
        }
    }

    /// 128 bits that stand for the key, where it must be short.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut hash = Xxh3::new();
        for part in [&self.group, &self.tenant, &self.source, &self.id] {
            hash.update(part.as_bytes());
            // No name contains it.
            hash.update(&[0]);
        }
        hash.digest128()
    }
}

/// Names one claim of an event, so that nobody completes another one's.
pub type ClaimToken = u64;

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's, until it expires.
    Granted(ClaimToken),
    /// Somebody else has it: it may be free after this time.
    Held(Duration),
    /// It was completed: there is nothing to do.
    Done,
}

/// The claims cannot be asked. Trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("claims: {0}")]
pub struct ClaimsError(pub Box<dyn std::error::Error + Send + Sync>);

impl ClaimsError {
    /// Because of an error, or a text.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Where claims are kept.
///
/// Every method is atomic: of two callers that claim one key at a time, one has it.
#[async_trait]
pub trait Claims: Send + Sync + fmt::Debug + 'static {
    /// Claims an event for `length`, unless somebody has it or it is done.
    async fn claim(&self, key: &ClaimKey, length: Duration) -> Result<Claim, ClaimsError>;

    /// The event was handled: nobody needs to for `keep`. Gives whether the claim was still the caller's: if it had
    /// expired, somebody else may have begun.
    async fn complete(&self, key: &ClaimKey, token: ClaimToken, keep: Duration) -> Result<bool, ClaimsError>;

    /// The event was not handled: it is free again. Nothing happens where the claim is not the caller's any more.
    async fn release(&self, key: &ClaimKey, token: ClaimToken) -> Result<(), ClaimsError>;
}
