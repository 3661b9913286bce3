//! Bare clients.

#[cfg(feature = "kafka")]
pub(super) mod kafka;
#[cfg(feature = "nats")]
pub(super) mod nats;
#[cfg(feature = "redis")]
pub(super) mod redis;
