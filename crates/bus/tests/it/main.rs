//! The bus as a program uses it.

#![allow(clippy::unwrap_used)]

mod bus;
mod emitters;
mod manager;
mod order;
mod sinks;
mod spool;
mod streams;
mod support;
