//! The vocabulary of Headwater: what an event is, what it is called, where it stands.
//!
//! * [`Event`]: a CloudEvents 1.0 envelope, immutable and cheap to clone, encoded at most once.
//! * [`catalogue`]: every event type Headwater knows, as data in one place.
//! * [`dialect`]: the names and envelopes of others.
//! * [`Filter`]: the one matcher, used wherever events are selected.
//! * [`Cursor`]: an opaque place in a scope that a reader can come back to.
//! * [`http`]: the CloudEvents HTTP binding.
//! * [`validate`] and [`upcast`]: payloads against their schemas, and old versions as new ones.
//! * [`llm`]: a model's answer as it is written.
//! * [`run_state`]: the rules of a run.
//! * [`conflate`]: several deltas of one part as one.
//!
//! This crate does no I/O and knows no runtime.

mod admit;
pub mod catalogue;
mod class;
pub mod conflate;
mod cursor;
pub mod dialect;
pub mod error;
pub mod event;
mod filter;
pub mod http;
mod lane;
pub mod llm;
mod names;
mod place;
mod position;
pub mod run_state;
pub mod upcast;
pub mod validate;

pub use admit::{Admitted, admit};
pub use catalogue::{EventType, class_of, mark_of};
pub use class::{Class, Classes, Mark};
pub use cursor::{Cursor, CursorError, Scope, ScopePrint};
pub use error::{Code, EventError};
pub use event::{Builder, Data, Event};
pub use filter::{Filter, FilterError};
pub use lane::{DEFAULT_LANES, Lane, lane_of};
pub use names::{GroupName, NameError, StreamName, Tenant};
pub use place::Place;
pub use position::{Epoch, Position};
pub use validate::Policy;
