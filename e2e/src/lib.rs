//! The real server with real clients, killed and restarted.
//!
//! The server is a program in a process of its own and is seen as a user sees it. The clients are unmodified: the
//! CloudEvents SDK publishes, the `eventsource` package reads; both are in `e2e/clients` and run in Node.js.

mod clients;
mod http;
mod ledger;
mod refusal;
mod server;
pub mod shift;
pub mod story;

pub use clients::{Client, Clients};
pub use headwater_test_servers::Chance;
pub use http::{get, publish, put};
pub use refusal::{Refusal, refusal};
pub use server::Server;
