//! The store on NATS JetStream (2.10 or newer): events in one JetStream stream, state in a key-value bucket.
//!
//! ```text
//!  <ns>-events   <ns>.<tenant>.<lane>.<v|i>.<d|t|i>.<m|n>.<stream>      position = stream sequence
//!                      │       │      │       │       └ whether the event opens or ends its run
//!                      │       │      │       └ class: durable, transient, internal
//!                      │       │      └ visible to readers or internal, so that one filter finds what they see
//!                      └ names are encoded: no wildcard and no dot gets in
//!  <ns>-state    $KV.<ns>-state.s.<key>      the table of state
//!                $KV.<ns>-state.m.…          up to where events are missing, by tenant and lane
//!                $KV.<ns>-state.r.…          what is gone of a run
//! ```
//!
//! An event is stored as its CloudEvents JSON, so that any NATS client can read it; two short headers carry what the log
//! adds. That costs nothing: the JSON is made at most once in a process, and a reader takes it as it stands.
//!
//! **Run records are not written, they are read**: first, last, counts and the event that ended the run are what the
//! server knows of the run's subjects. So a record never lags behind its log, however many processes append, and an
//! append costs no second write. Only what retention takes is kept beside, in a value written *before* the events
//! go; the same values tell readers of their gaps. That is also why nothing is left to the limits of the stream itself
//! or to a time to live: what the server removes by itself, it tells nobody.

mod api;
mod backoff;
mod clock;
mod codec;
mod connect;
mod feed;
mod get;
mod limits;
mod link;
mod log;
mod marks;
mod metric_definitions;
mod names;
mod options;
mod publish;
mod read;
mod remove;
mod run;
mod state;
mod store;
mod table;
mod trim;
mod url;

pub use options::NatsOptions;
pub use store::NatsStore;
