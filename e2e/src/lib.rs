//! The real server with real clients, killed and restarted.
//!
//! The server is a program in a process of its own and is seen as a user sees it. The clients are unmodified: the
//! CloudEvents SDK publishes, the `eventsource` package reads; both are in `e2e/clients` and run in Node.js.

mod chance;
mod clients;
mod http;
mod ledger;
mod refusal;
mod server;
pub mod shift;
pub mod story;

pub use chance::Chance;
pub use clients::{Client, Clients};
pub use http::{get, publish, put};
pub use refusal::{Refusal, refusal};
pub use server::Server;
