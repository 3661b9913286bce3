//! The inbox: an effect and the note that it happened are one transaction.
//!
//! A group delivers at least once: a worker that dies after its effect and before its ack makes the event come again. A
//! handler that claims the event in the transaction of its effect has exactly one, whoever handles it how often: both are
//! there, or neither is. Nothing counts as seen before the effect has happened.

mod claim;
mod expire;
mod handler;

pub use claim::{Claim, Inbox};
pub use handler::{Effect, EffectFn, Once};
