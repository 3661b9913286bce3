//! Real servers for tests: Redis, NATS, Kafka and PostgreSQL, each on a free port of 127.0.0.1 in a temporary folder.
//!
//! A server dies with the process that started it, also when that process is killed without a word: it runs under a
//! guard that holds one end of a pipe and kills the server when the pipe closes.
//!
//! Everything here but the bytes that [`Proxy`] forwards **blocks the thread**. From async code use [`aside`], so that
//! the clients under test go on while their server is stopped and started:
//!
//! ```no_run
//! # async fn f() -> Result<(), headwater_test_servers::Error> {
//! use headwater_test_servers::{Redis, RedisOptions, aside};
//!
//! let redis = aside(|| Redis::start(RedisOptions::default())).await?;
//! let server = redis.server().clone();
//! aside(move || server.crash()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A test that cannot run without a server says so with [`need`], which fails where `CI=true`.

mod authority;
mod chance;
mod error;
mod find;
mod guard;
mod kafka;
mod nats;
mod need;
mod port;
mod postgres;
mod probe;
mod proxy;
mod redis;
mod sentinel;
mod server;

pub use authority::Authority;
pub use chance::Chance;
pub use error::Error;
pub use kafka::{Kafka, KafkaOptions};
pub use nats::{Nats, NatsOptions};
pub use need::{aside, need};
pub use postgres::{Postgres, PostgresOptions};
pub use proxy::Proxy;
pub use redis::{Redis, RedisOptions};
pub use sentinel::Sentinel;
pub use server::Server;
