//! The runtime as a program uses it.

#![allow(clippy::unwrap_used)]

mod approval;
mod building;
mod chat;
mod crash;
mod handles;
mod interleavings;
mod leases;
mod runs;
mod sessions;
mod support;
mod tools;
