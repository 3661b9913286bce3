//! The client: the broker's suite over HTTP, and servers that behave in every way a network can.
#![allow(missing_docs, clippy::unwrap_used)]

mod suite_embedded;
mod suite_memory;
mod support;
mod wire;
