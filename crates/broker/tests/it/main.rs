//! The broker: its suite over the stores that need no server, and what the suite does not say.
#![allow(missing_docs, clippy::unwrap_used)]

mod groups;
mod letters;
mod overflow;
mod programs;
mod strict;
mod suite_embedded;
mod suite_memory;
mod suite_shapes;
mod trimmed;
