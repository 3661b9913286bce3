//! The real binary, from the outside.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod feed;
mod mirror;
mod model;
mod refusals;
mod story;
mod support;
mod usage;
#[cfg(unix)]
mod workers;
